using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;

namespace Sparekey.Engine.Credentials.Escrow.OpenPgp;

/// <summary>
/// One RSA signature with a key of OpenPGP, for the one packet that librnp does not build as everybody takes it. The secret numbers lie in
/// pinned memory and are wiped.
/// </summary>
internal static class PgpRsa
{
    /// <summary>Signs a hash (PKCS#1 v1.5, SHA-512) with a primary key.</summary>
    /// <param name="hash">The hash.</param>
    /// <param name="key">An RSA key.</param>
    public static byte[] Sign(ReadOnlySpan<byte> hash, PgpSecretKey key)
    {
        // Version, time and algorithm; n and e; 0 for "not protected"; d, p, q and u (RFC 4880 §5.5.3).
        var packets = key.Packets;
        var primary = PgpPackets.Read(packets)![0];
        var rest = packets.Slice(primary.Body, primary.Length)[6..];
        var n = Next(ref rest);
        var e = Next(ref rest);
        if (rest[0] != 0)
        {
            throw new OpenPgpException("The key is protected.");
        }

        rest = rest[1..];
        var d = Next(ref rest);
        var p = Next(ref rest);
        var q = Next(ref rest);
        var u = Next(ref rest);

        // OpenPGP's u is the inverse of p modulo q, .NET's of its Q modulo its P: the two primes change places.
        var half = (n.Length + 1) / 2;
        var parameters = new RSAParameters { Modulus = n.ToArray(), Exponent = e.ToArray() };
        try
        {
            parameters.D = Padded(d, n.Length);
            parameters.P = Padded(q, half);
            parameters.Q = Padded(p, half);
            parameters.InverseQ = Padded(u, half);
            parameters.DP = ModuloBefore(d, q, half);
            parameters.DQ = ModuloBefore(d, p, half);
            using var rsa = RSA.Create(parameters);
            return rsa.SignHash(hash, HashAlgorithmName.SHA512, RSASignaturePadding.Pkcs1);
        }
        finally
        {
            foreach (var secret in new[] { parameters.D, parameters.P, parameters.Q, parameters.InverseQ, parameters.DP, parameters.DQ })
            {
                CryptographicOperations.ZeroMemory(secret);
            }
        }
    }

    /// <summary>A number as OpenPGP writes it: its length in bits, and its bytes without leading zeros.</summary>
    /// <param name="bytes">The number, its highest byte first.</param>
    public static byte[] Number(ReadOnlySpan<byte> bytes)
    {
        bytes = bytes.TrimStart((byte)0);
        var number = new byte[2 + bytes.Length];
        var bits = bytes.IsEmpty ? 0 : (8 * (bytes.Length - 1)) + 8 - BitOperations.LeadingZeroCount((uint)bytes[0] << 24);
        BinaryPrimitives.WriteUInt16BigEndian(number, (ushort)bits);
        bytes.CopyTo(number.AsSpan(2));
        return number;
    }

    /// <summary>A number modulo one less than a prime, bit by bit: the framework's own numbers leave copies behind.</summary>
    /// <param name="value">The number.</param>
    /// <param name="prime">The prime, an odd one.</param>
    /// <param name="length">The length of the result.</param>
    internal static byte[] ModuloBefore(ReadOnlySpan<byte> value, ReadOnlySpan<byte> prime, int length)
    {
        using var modulus = new PinnedBytes(length + 1);
        prime.CopyTo(modulus.Span[^prime.Length..]);
        modulus.Span[^1]--;
        using var rest = new PinnedBytes(length + 1);
        foreach (var b in value)
        {
            for (var bit = 7; bit >= 0; bit--)
            {
                Double(rest.Span, (b >> bit) & 1);
                if (rest.Span.SequenceCompareTo(modulus.Span) >= 0)
                {
                    Subtract(rest.Span, modulus.Span);
                }
            }
        }

        return Padded(rest.Span[1..], length);
    }

    private static ReadOnlySpan<byte> Next(ref ReadOnlySpan<byte> rest)
    {
        var length = (BinaryPrimitives.ReadUInt16BigEndian(rest) + 7) / 8;
        var number = rest.Slice(2, length);
        rest = rest[(2 + length)..];
        return number;
    }

    private static byte[] Padded(ReadOnlySpan<byte> number, int length)
    {
        var padded = GC.AllocateArray<byte>(length, pinned: true);
        number.CopyTo(padded.AsSpan(length - number.Length));
        return padded;
    }

    private static void Double(Span<byte> number, int carry)
    {
        for (var i = number.Length - 1; i >= 0; i--)
        {
            carry |= number[i] << 1;
            number[i] = (byte)carry;
            carry >>= 8;
        }
    }

    private static void Subtract(Span<byte> number, ReadOnlySpan<byte> other)
    {
        var borrow = 0;
        for (var i = number.Length - 1; i >= 0; i--)
        {
            var difference = number[i] - other[i] - borrow;
            number[i] = (byte)difference;
            borrow = difference < 0 ? 1 : 0;
        }
    }
}
