using System.Buffers;
using System.Text;

namespace Sparekey.Engine.Credentials.Escrow.OpenPgp;

/// <summary>
/// The armor of OpenPGP (RFC 4880 §6.2): one reader for everything that comes in, so that no two readers can differ about a text; librnp
/// sees packets only. Stricter than the standard: one block and nothing around it but white space, base64 lines without gaps.
/// </summary>
internal static class PgpArmor
{
    public const string PublicKey = "PGP PUBLIC KEY BLOCK";
    public const string SecretKey = "PGP PRIVATE KEY BLOCK";
    public const string Message = "PGP MESSAGE";

    private const int LineLength = 64;

    private static readonly SearchValues<byte> Base64 =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="u8);

    private static readonly uint[] Crc = CrcTable();

    /// <summary>A block that was read.</summary>
    /// <param name="Kind">What its BEGIN line says.</param>
    /// <param name="Packets">Its packets; the reader disposes of them when they are secret.</param>
    /// <param name="HasChecksum">Whether there is a checksum line.</param>
    /// <param name="HasBlankLineBeforeEnd">Whether a blank line stands directly before END.</param>
    public sealed record Block(string Kind, PinnedBytes Packets, bool HasChecksum, bool HasBlankLineBeforeEnd);

    /// <summary>Reads a text that is not secret.</summary>
    /// <param name="text">The text.</param>
    /// <param name="most">The most characters.</param>
    /// <param name="block">The block.</param>
    public static PgpFault? Read(string text, int most, out Block block)
    {
        if (text.Length > most)
        {
            block = null!;
            return PgpFault.TooLarge;
        }

        return Read(Encoding.UTF8.GetBytes(text), out block);
    }

    /// <summary>Reads a text.</summary>
    /// <param name="text">The text, in UTF-8.</param>
    /// <param name="block">The block.</param>
    /// <returns><see cref="PgpFault.Unparsable"/>, <see cref="PgpFault.WrongChecksum"/> or null.</returns>
    public static PgpFault? Read(ReadOnlySpan<byte> text, out Block block)
    {
        block = null!;
        var rest = text.Trim(" \t\r\n"u8);
        if (KindOf(Line(ref rest), "-----BEGIN "u8) is not { } kind)
        {
            return PgpFault.Unparsable;
        }

        // Header lines up to the blank one.
        for (var header = Line(ref rest); !header.IsEmpty; header = Line(ref rest))
        {
            if (rest.IsEmpty || header.IndexOf((byte)':') < 1)
            {
                return PgpFault.Unparsable;
            }
        }

        using var letters = new PinnedBytes(rest.Length);
        var length = 0;
        Span<byte> checksum = stackalloc byte[4];
        var hasChecksum = false;
        var blank = false;
        while (true)
        {
            if (rest.IsEmpty)
            {
                return PgpFault.Unparsable;
            }

            var line = Line(ref rest);
            if (KindOf(line, "-----END "u8) is { } end)
            {
                if (!string.Equals(end, kind, StringComparison.Ordinal) || !rest.IsEmpty)
                {
                    return PgpFault.Unparsable;
                }

                break;
            }

            if (line.IsEmpty)
            {
                blank = true;
            }
            else if (blank || hasChecksum || line.ContainsAnyExcept(Base64))
            {
                return PgpFault.Unparsable;
            }
            else if (line[0] == '=' && line.Length == 5)
            {
                line[1..].CopyTo(checksum);
                hasChecksum = true;
            }
            else
            {
                line.CopyTo(letters.Span[length..]);
                length += line.Length;
            }
        }

        if (length == 0 || System.Buffers.Text.Base64.DecodeFromUtf8InPlace(letters.Span[..length], out var decoded) != OperationStatus.Done)
        {
            return PgpFault.Unparsable;
        }

        var packets = letters.Span[..decoded];
        if (hasChecksum && !checksum.SequenceEqual(ChecksumOf(packets)))
        {
            return PgpFault.WrongChecksum;
        }

        block = new Block(kind, new PinnedBytes(packets), hasChecksum, blank);
        return null;
    }

    /// <summary>Writes packets as a text, with a checksum and without headers.</summary>
    /// <param name="packets">The packets.</param>
    /// <param name="kind">What its lines say.</param>
    /// <returns>ASCII.</returns>
    public static PinnedBytes Write(ReadOnlySpan<byte> packets, string kind)
    {
        var letters = System.Buffers.Text.Base64.GetMaxEncodedToUtf8Length(packets.Length);
        using var encoded = new PinnedBytes(letters);
        System.Buffers.Text.Base64.EncodeToUtf8(packets, encoded.Span, out _, out _);
        var lines = (letters + LineLength - 1) / LineLength;
        var written = new PinnedBytes("-----BEGIN -----\n\n=0000\n-----END -----\n".Length + (2 * kind.Length) + letters + lines);
        var at = written.Span;
        Append(ref at, $"-----BEGIN {kind}-----\n\n");
        for (var from = encoded.Span; !from.IsEmpty; from = from[Math.Min(LineLength, from.Length)..])
        {
            var line = from[..Math.Min(LineLength, from.Length)];
            line.CopyTo(at);
            at[line.Length] = (byte)'\n';
            at = at[(line.Length + 1)..];
        }

        Append(ref at, "=");
        ChecksumOf(packets).CopyTo(at);
        at = at[4..];
        Append(ref at, $"\n-----END {kind}-----\n");
        return written;
    }

    /// <summary>Writes packets that are not secret as a text.</summary>
    /// <param name="packets">The packets.</param>
    /// <param name="kind">What its lines say.</param>
    public static string WriteText(ReadOnlySpan<byte> packets, string kind)
    {
        using var written = Write(packets, kind);
        return Encoding.ASCII.GetString(written.Span);
    }

    private static void Append(ref Span<byte> at, string text) => at = at[Encoding.ASCII.GetBytes(text, at)..];

    private static ReadOnlySpan<byte> Line(ref ReadOnlySpan<byte> rest)
    {
        var end = rest.IndexOf((byte)'\n');
        var line = end < 0 ? rest : rest[..end];
        rest = end < 0 ? default : rest[(end + 1)..];
        return line.TrimEnd(" \t\r"u8);
    }

    private static string? KindOf(ReadOnlySpan<byte> line, ReadOnlySpan<byte> start)
    {
        if (!line.StartsWith(start) || !line.EndsWith("-----"u8) || line.Length < start.Length + 5)
        {
            return null;
        }

        return Encoding.UTF8.GetString(line[start.Length..^5]) switch
        {
            PublicKey => PublicKey,
            SecretKey => SecretKey,
            Message => Message,
            _ => null,
        };
    }

    private static byte[] ChecksumOf(ReadOnlySpan<byte> packets)
    {
        var crc = 0xB704CEu;
        foreach (var b in packets)
        {
            crc = (crc << 8) ^ Crc[((crc >> 16) ^ b) & 0xFF];
        }

        var letters = new byte[4];
        System.Buffers.Text.Base64.EncodeToUtf8([(byte)(crc >> 16), (byte)(crc >> 8), (byte)crc], letters, out _, out _);
        return letters;
    }

    private static uint[] CrcTable()
    {
        var table = new uint[256];
        for (var i = 0u; i < 256; i++)
        {
            var crc = i << 16;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc << 1) ^ ((crc & 0x800000) != 0 ? 0x1864CFBu : 0);
            }

            table[i] = crc & 0xFFFFFF;
        }

        return table;
    }
}
