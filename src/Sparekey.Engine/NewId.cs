using System.Buffers.Binary;
using System.Security.Cryptography;
using Sparekey.Core;

namespace Sparekey.Engine;

/// <summary>Makes ids from the system's generator.</summary>
internal static class NewId
{
    /// <summary>A new id of 122 random bits.</summary>
    public static TId Make<TId>()
        where TId : struct, IId<TId>
    {
        Span<byte> random = stackalloc byte[16];
        do
        {
            RandomNumberGenerator.Fill(random);
        }
        while (random[^1] == 0 || random[^2] == 0); // An account's id is a passkey's user handle, and some decoders drop a zero at the end.

        return Ids.FromRandom<TId>(random);
    }

    /// <summary>
    /// A new id that begins with a time (UUID version 7, RFC 9562, section 5.7): what is written together then lies together in every index.
    /// For rows that come with every recovery and that no client of another product sees, for some of these refuse the version.
    /// </summary>
    /// <param name="at">The time, to the millisecond; whoever sees the id can read it. The other 74 bits are random.</param>
    public static TId Make<TId>(DateTimeOffset at)
        where TId : struct, IId<TId>
    {
        Span<byte> bytes = stackalloc byte[16];
        RandomNumberGenerator.Fill(bytes);
        Span<byte> time = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(time, at.ToUnixTimeMilliseconds());
        time[2..].CopyTo(bytes);
        bytes[6] = (byte)((bytes[6] & 0x0F) | 0x70);
        bytes[8] = (byte)((bytes[8] & 0x3F) | 0x80);
        return TId.From(new Guid(bytes, bigEndian: true));
    }
}
