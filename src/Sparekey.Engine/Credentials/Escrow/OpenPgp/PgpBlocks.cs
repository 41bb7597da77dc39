using System.Buffers.Binary;

namespace Sparekey.Engine.Credentials.Escrow.OpenPgp;

/// <summary>What a block of a key must look like before librnp sees it: one primary key of version 4, its subkeys, names and signatures.</summary>
internal static class PgpBlocks
{
    private const int Version = 4;

    // To verify with the key of a stranger costs as much as the stranger says: the square of its size, times its exponent's, for each
    // signature; and to open a secret key costs a passphrase's iterations for each subkey.
    private const int MostPackets = 200;
    private const int MostSubkeys = 20;
    private const int MostBits = 8192;
    private const int MostExponentBits = 64;
    private const int MostDsaBits = 4096;
    private const int MostDsaOrderBits = 512;

    /// <summary>Why a public block is not taken, or null.</summary>
    /// <param name="bytes">Its packets.</param>
    public static PgpFault? FaultOfPublic(ReadOnlySpan<byte> bytes) =>
        PgpPackets.Read(bytes) is { } packets
            ? packets.Exists(p => p.Tag is PgpPackets.SecretKey or PgpPackets.SecretSubkey)
                ? PgpFault.SecretKey
                : FaultOf(bytes, packets, PgpPackets.PublicKey, PgpPackets.PublicSubkey)
            : PgpFault.Unparsable;

    /// <summary>Why a secret block is not taken, or null.</summary>
    /// <param name="bytes">Its packets.</param>
    public static PgpFault? FaultOfSecret(ReadOnlySpan<byte> bytes) =>
        PgpPackets.Read(bytes) is { } packets ? FaultOf(bytes, packets, PgpPackets.SecretKey, PgpPackets.SecretSubkey) : PgpFault.Unparsable;

    private static PgpFault? FaultOf(ReadOnlySpan<byte> bytes, List<PgpPackets.Packet> packets, int primary, int subkey)
    {
        if (packets.Count == 0 || packets[0].Tag != primary)
        {
            return PgpFault.Unparsable;
        }

        if (packets.Count > MostPackets || packets.Count(p => p.Tag == subkey) > MostSubkeys)
        {
            return PgpFault.TooLarge;
        }

        if (packets.Count(p => p.Tag == primary) > 1)
        {
            return PgpFault.SeveralKeys;
        }

        foreach (var packet in packets)
        {
            if (packet.Tag == primary || packet.Tag == subkey)
            {
                if (packet.Length < 6)
                {
                    return PgpFault.Unparsable;
                }

                if (bytes[packet.Body] != Version || IsExcessive(bytes.Slice(packet.Body, packet.Length)[5..]))
                {
                    return PgpFault.NotInProfile;
                }
            }
            else if (packet.Tag is not (PgpPackets.Signature or PgpPackets.UserId or PgpPackets.UserAttribute or PgpPackets.Trust))
            {
                return PgpFault.Unparsable;
            }
        }

        return null;
    }

    // The numbers of RSA (1 to 3): modulus and exponent; of ElGamal (16): modulus; of DSA (17): modulus, and the order, which is its exponent.
    private static bool IsExcessive(ReadOnlySpan<byte> material)
    {
        var (most, mostNext) = material[0] switch
        {
            1 or 2 or 3 => (MostBits, MostExponentBits),
            16 => (MostBits, MostBits),
            17 => (MostDsaBits, MostDsaOrderBits),
            _ => (int.MaxValue, int.MaxValue),
        };
        if (most == int.MaxValue || material.Length < 3)
        {
            return false;
        }

        var bits = BinaryPrimitives.ReadUInt16BigEndian(material[1..]);
        var next = 3 + ((bits + 7) / 8);
        return bits > most || (material.Length >= next + 2 && BinaryPrimitives.ReadUInt16BigEndian(material[next..]) > mostNext);
    }
}
