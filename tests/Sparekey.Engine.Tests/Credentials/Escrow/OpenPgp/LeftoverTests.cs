using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;

namespace Sparekey.Engine.Tests.Credentials.Escrow.OpenPgp;

/// <summary>What stays in the memory of the process after an escrow was opened and answered.</summary>
[Trait("runs", "once")]
public sealed class LeftoverTests
{
    [Fact]
    public async Task Nothing_of_a_secret_stays_in_memory_after_its_use()
    {
        var (person, organisation) = (await VectorKeys.Secret("ecdsa_brainpoolp384r1"), await VectorKeys.Secret("metadataKey"));
        var (user, request) = (Guid.Parse("f848277c-5398-48f8-a82a-72397af2d450"), await VectorKeys.Secret("anita"));
        var expected = new EscrowExpectation(["https://pass.example.com"], user, person.Public.Fingerprint, [person.Public]);
        var halves = EscrowMessages.Enrol(person, organisation.Public, "https://pass.example.com", user, VectorKeys.Now);

        // What is looked for is kept masked, so that it does not find itself: the secret, the private key, and a passphrase for it.
        List<byte[]> masked;
        using (var passphrase = new PinnedBytes(32))
        {
            for (var i = 0; i < passphrase.Length; i++)
            {
                passphrase.Span[i] = (byte)RandomNumberGenerator.GetInt32('a', 'z');
            }

            using var opened = EscrowMessages.Open(halves.Password, organisation, expected, VectorKeys.Now).Value;
            using var armored = person.ExportUnprotected();
            masked = [Masked(opened.Secret), Masked(armored.Span[^500..]), Masked(passphrase.Span)];
            Found(masked).ShouldAllBe(n => n > 0, "A search that finds nothing now would prove nothing later.");

            EscrowMessages.Answer(opened, request.Public, organisation, null, VectorKeys.Now);
            EscrowMessages.Rewrap(opened, request.Public, organisation, request, VectorKeys.Now);
            EscrowMessages.Recover(halves.Blob, opened, person.Public, VectorKeys.Now).Value.Dispose();
            using var locked = person.ExportProtected(passphrase.Span);
            PgpSecretKey.Open(locked.Span, passphrase.Span).Value.Dispose();
        }

        Found(masked).ShouldBe([0, 0, 0]);
    }

    private static byte[] Masked(ReadOnlySpan<byte> secret)
    {
        var masked = new byte[32];
        for (var i = 0; i < masked.Length; i++)
        {
            masked[i] = (byte)(secret[i] ^ 0x5A);
        }

        return masked;
    }

    // How often each of them stands anywhere in writable memory, as bytes or as a string.
    private static unsafe int[] Found(List<byte[]> masked)
    {
        const int Length = 32;
        const int Window = 1 << 20;
        var own = (nuint)(Window + (masked.Count * 3 * Length));
        var buffer = (byte*)NativeMemory.AllocZeroed(own);
        var needles = buffer + Window;
        for (var i = 0; i < masked.Count * Length; i++)
        {
            var (which, at) = (i / Length, i % Length);
            var needle = needles + (which * 3 * Length);
            needle[at] = (byte)(masked[which][at] ^ 0x5A);
            needle[Length + (2 * at)] = needle[at];
        }

        var found = new int[masked.Count];
        using var memory = new FileStream("/proc/self/mem", FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        foreach (var range in Resident())
        {
            for (var at = range[0]; at < range[1]; at += Window - (2 * Length))
            {
                int read;
                try
                {
                    memory.Position = at;
                    read = memory.Read(new Span<byte>(buffer, (int)Math.Min(Window, range[1] - at)));
                }
                catch (IOException)
                {
                    break; // Gone meanwhile.
                }

                for (var which = 0; which < found.Length; which++)
                {
                    var needle = needles + (which * 3 * Length);
                    var window = new ReadOnlySpan<byte>(buffer, read);
                    found[which] += Count(at, window, new ReadOnlySpan<byte>(needle, Length), (long)buffer, (long)own)
                        + Count(at, window, new ReadOnlySpan<byte>(needle + Length, 2 * Length), (long)buffer, (long)own);
                }
            }
        }

        NativeMemory.Clear(buffer, own);
        NativeMemory.Free(buffer);
        return found;
    }

    // The writable ranges of which anything is in memory: most are only promised.
    private static List<long[]> Resident()
    {
        var ranges = new List<long[]>();
        long[] last = [];
        foreach (var line in File.ReadAllLines("/proc/self/smaps").Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)))
        {
            if (line[0].Contains('-') && line[1].Length == 4)
            {
                last = line[1].StartsWith("rw", StringComparison.Ordinal)
                    ? [.. line[0].Split('-').Select(a => long.Parse(a, NumberStyles.HexNumber, CultureInfo.InvariantCulture))]
                    : [];
            }
            else if (line[0] == "Rss:" && line[1] != "0" && last.Length == 2)
            {
                ranges.Add(last);
            }
        }

        return ranges;
    }

    private static int Count(long at, ReadOnlySpan<byte> window, ReadOnlySpan<byte> wanted, long own, long ownLength)
    {
        var count = 0;
        for (var from = 0; window[from..].IndexOf(wanted) is >= 0 and var index; from += index + 1)
        {
            var address = at + from + index;
            count += address >= own && address < own + ownLength ? 0 : 1;
        }

        return count;
    }
}
