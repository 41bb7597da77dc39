using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Sparekey.Engine.Credentials.Escrow.OpenPgp;

/// <summary>The packets of a block or message (RFC 4880 §4): where each begins and what it is. Reads nothing of what is inside.</summary>
internal static class PgpPackets
{
    public const int PublicKeySessionKey = 1;
    public const int Signature = 2;
    public const int PasswordSessionKey = 3;
    public const int SecretKey = 5;
    public const int PublicKey = 6;
    public const int SecretSubkey = 7;
    public const int Trust = 12;
    public const int UserId = 13;
    public const int PublicSubkey = 14;
    public const int UserAttribute = 17;
    public const int Protected = 18;

    // No key or message of the profile comes near.
    private const int Most = 2_000;

    /// <summary>A packet.</summary>
    /// <param name="Tag">What it is.</param>
    /// <param name="Start">Where its header begins.</param>
    /// <param name="Body">Where its body begins; of one in parts, where the first part does.</param>
    /// <param name="Length">The length of its body; of one in parts, of the first.</param>
    /// <param name="End">Where the next packet begins.</param>
    [StructLayout(LayoutKind.Auto)]
    public readonly record struct Packet(int Tag, int Start, int Body, int Length, int End);

    /// <summary>Reads the packets. Null when they do not fill the bytes exactly, or are too many.</summary>
    /// <param name="bytes">The bytes.</param>
    public static List<Packet>? Read(ReadOnlySpan<byte> bytes)
    {
        var packets = new List<Packet>();
        for (var at = 0; at < bytes.Length;)
        {
            if (packets.Count == Most || ReadOne(bytes, at) is not { } packet)
            {
                return null;
            }

            packets.Add(packet);
            at = packet.End;
        }

        return packets;
    }

    /// <summary>Appends a packet with a new-format header.</summary>
    /// <param name="to">Where to.</param>
    /// <param name="tag">What it is.</param>
    /// <param name="body">Its body.</param>
    public static void Write(List<byte> to, int tag, ReadOnlySpan<byte> body)
    {
        Span<byte> header = stackalloc byte[6];
        header[0] = (byte)(0xC0 | tag);
        header[1] = 0xFF;
        BinaryPrimitives.WriteInt32BigEndian(header[2..], body.Length);
        to.AddRange(header);
        to.AddRange(body);
    }

    private static Packet? ReadOne(ReadOnlySpan<byte> bytes, int start)
    {
        var first = bytes[start];
        var at = start + 1;
        if ((first & 0x80) == 0)
        {
            return null;
        }

        if ((first & 0x40) == 0)
        {
            var tag = (first >> 2) & 0x0F;
            var lengthOf = 1 << (first & 3);
            if (lengthOf == 8)
            {
                // Up to the end: only what is encrypted may be of unknown length.
                return tag == Protected ? new Packet(tag, start, at, bytes.Length - at, bytes.Length) : null;
            }

            if (bytes.Length - at < lengthOf)
            {
                return null;
            }

            long length = 0;
            for (var i = 0; i < lengthOf; i++)
            {
                length = (length << 8) | bytes[at + i];
            }

            return Whole(bytes, tag, start, at + lengthOf, length);
        }

        return New(bytes, first & 0x3F, start, at);
    }

    private static Packet? New(ReadOnlySpan<byte> bytes, int tag, int start, int at)
    {
        var (body, first) = (0, -1);
        while (true)
        {
            if (at >= bytes.Length)
            {
                return null;
            }

            int b = bytes[at++];
            var partial = b is >= 224 and < 255;
            long length;
            if (b < 192)
            {
                length = b;
            }
            else if (b < 224)
            {
                if (at >= bytes.Length)
                {
                    return null;
                }

                length = ((b - 192) << 8) + bytes[at++] + 192;
            }
            else if (partial)
            {
                length = 1L << (b & 0x1F);
            }
            else
            {
                if (bytes.Length - at < 4)
                {
                    return null;
                }

                length = BinaryPrimitives.ReadUInt32BigEndian(bytes[at..]);
                at += 4;
            }

            if (length > bytes.Length - at || (partial && tag != Protected))
            {
                return null;
            }

            if (first < 0)
            {
                (body, first) = (at, (int)length);
            }

            at += (int)length;
            if (!partial)
            {
                return new Packet(tag, start, body, first, at);
            }
        }
    }

    private static Packet? Whole(ReadOnlySpan<byte> bytes, int tag, int start, int body, long length) =>
        length > bytes.Length - body ? null : new Packet(tag, start, body, (int)length, body + (int)length);
}
