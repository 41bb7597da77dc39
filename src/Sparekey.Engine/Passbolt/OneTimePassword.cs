using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;

namespace Sparekey.Engine.Passbolt;

/// <summary>One-time passwords by time (RFC 6238): SHA-1, six digits, steps of thirty seconds, as authenticator apps have them.</summary>
internal static class OneTimePassword
{
    /// <summary>How long one password holds.</summary>
    public static readonly TimeSpan Step = TimeSpan.FromSeconds(30);

    private const string Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    /// <summary>The number of the step that a time falls into.</summary>
    /// <param name="now">The time.</param>
    public static long StepOf(DateTimeOffset now) => now.ToUnixTimeSeconds() / (long)Step.TotalSeconds;

    /// <summary>The password of a step.</summary>
    /// <param name="secret">The secret's bytes.</param>
    /// <param name="step">The step's number.</param>
    public static string At(ReadOnlySpan<byte> secret, long step)
    {
        Span<byte> counter = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(counter, step);
        Span<byte> mac = stackalloc byte[HMACSHA1.HashSizeInBytes];
#pragma warning disable CA5350 // RFC 6238's default, and all that authenticators agree on; HMAC does not lean on what is broken of SHA-1.
        HMACSHA1.HashData(secret, counter, mac);
#pragma warning restore CA5350
        var number = BinaryPrimitives.ReadUInt32BigEndian(mac[(mac[^1] & 0x0F)..]) & 0x7FFF_FFFF;
        CryptographicOperations.ZeroMemory(mac);
        return (number % 1_000_000).ToString("D6", CultureInfo.InvariantCulture);
    }

    /// <summary>Reads a secret from base32 (RFC 4648 §6), whatever its case, blanks and padding.</summary>
    /// <param name="text">The text, ASCII.</param>
    /// <param name="secret">Takes the bytes; as long as <paramref name="text"/> is enough.</param>
    /// <param name="length">How many bytes it are.</param>
    /// <returns>False where it is no base32, or shorter than 80 bits.</returns>
    public static bool TryRead(ReadOnlySpan<byte> text, Span<byte> secret, out int length)
    {
        (length, var buffer, var bits) = (0, 0, 0);
        foreach (var letter in text)
        {
            if (letter is (byte)' ' or (byte)'-' or (byte)'\r' or (byte)'\n' or (byte)'\t' or (byte)'=')
            {
                continue;
            }

            var value = Alphabet.IndexOf(char.ToUpperInvariant((char)letter), StringComparison.Ordinal);
            if (value < 0)
            {
                return false;
            }

            (buffer, bits) = (((buffer << 5) | value) & 0xFFFF, bits + 5);
            if (bits >= 8)
            {
                bits -= 8;
                secret[length++] = (byte)(buffer >> bits);
            }
        }

        return length >= 10;
    }
}
