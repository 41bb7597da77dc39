using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Sparekey.Engine.Credentials.Escrow.OpenPgp;

/// <summary>Revocations of the organisation's key (RFC 4880 §5.2.1, type 0x20, with everything that matters under the signature).</summary>
public static class PgpRevocation
{
    private const byte KeyRevocation = 0x20;
    private const byte Rsa = 1;
    private const byte Sha512 = 10;
    private const int CreationTime = 2;
    private const int Issuer = 16;
    private const int Reason = 29;

    /// <summary>Why a block is no revocation of the active key, or null.</summary>
    /// <param name="armoredRevoked">The active key's block with its revocation.</param>
    /// <param name="active">The active key.</param>
    /// <param name="acceptUnhashedIssuer">Whether the key's id may stand outside of what is signed.</param>
    /// <param name="now">The time.</param>
    public static PgpFault? FaultOf(string armoredRevoked, PgpKey active, bool acceptUnhashedIssuer, DateTimeOffset now)
    {
        var read = PgpKey.Read(armoredRevoked);
        if (read.Refusal is { } refusal)
        {
            return PgpRefusals.FaultOf(refusal);
        }

        var key = read.Value;
        if (!string.Equals(key.Fingerprint, active.Fingerprint, StringComparison.Ordinal))
        {
            return PgpFault.RevocationOfAnotherKey;
        }

        if (PgpKeyRules.FaultOfForm(key, now) is { } fault)
        {
            return fault;
        }

        return FaultOfRevocation(key, acceptUnhashedIssuer);
    }

    /// <summary>A key's public block with a revocation by itself (no reason named), with everything under its signature.</summary>
    /// <param name="key">The secret key: RSA.</param>
    /// <param name="now">The time.</param>
    /// <returns>The armored block.</returns>
    /// <exception cref="OpenPgpException">It is no RSA key.</exception>
    public static string Revoke(PgpSecretKey key, DateTimeOffset now)
    {
        var packets = key.Public.Packets;
        var primary = PgpPackets.Read(packets)![0];
        var body = packets.Slice(primary.Body, primary.Length);
        if (key.Public.Algorithm != PgpAlgorithm.Rsa)
        {
            throw new OpenPgpException("Only an RSA key can be revoked so that everybody takes it.");
        }

        // 1. What is signed besides the key: when, by whom, and the reason 0 with no text.
        Span<byte> hashed = stackalloc byte[6 + 6 + 10 + 3];
        ReadOnlySpan<byte> head = [4, KeyRevocation, Rsa, Sha512, 0, 19, 5, CreationTime];
        head.CopyTo(hashed);
        BinaryPrimitives.WriteUInt32BigEndian(hashed[8..], (uint)now.ToUnixTimeSeconds());
        hashed[12] = 9;
        hashed[13] = Issuer;
        Convert.FromHexString(key.Public.KeyId).CopyTo(hashed[14..]);
        hashed[22] = 2;
        hashed[23] = Reason;
        hashed[24] = 0;

        // 2. The hash over the key, that, and its length (§5.2.4).
        var hash = HashOf(body, hashed);

        // 3. The signature, and the packet directly after the key.
        var signature = PgpRsa.Sign(hash, key);
        var packet = new List<byte>(hashed.ToArray());
        packet.AddRange([0, 0, hash[0], hash[1]]);
        packet.AddRange(PgpRsa.Number(signature));
        var block = new List<byte>(packets[..primary.End].ToArray());
        PgpPackets.Write(block, PgpPackets.Signature, packet.ToArray());
        block.AddRange(packets[primary.End..]);
        var revoked = PgpKey.Of(block.ToArray());
        return FaultOfRevocation(revoked, acceptUnhashedIssuer: false) is { } fault
            ? throw new OpenPgpException($"The revocation does not hold: {fault}.")
            : revoked.Armored;
    }

    /// <summary>A public block without its key's revocations.</summary>
    /// <param name="packets">The block's packets.</param>
    /// <param name="but">One that stays.</param>
    internal static byte[] Without(ReadOnlySpan<byte> packets, PgpPackets.Packet? but = null)
    {
        var kept = new List<byte>();
        var at = 0;
        foreach (var packet in RevocationsOf(packets).Where(r => r != but))
        {
            kept.AddRange(packets[at..packet.Start]);
            at = packet.End;
        }

        kept.AddRange(packets[at..]);
        return [.. kept];
    }

    private static PgpFault? FaultOfRevocation(PgpKey key, bool acceptUnhashedIssuer)
    {
        if (!key.IsRevoked)
        {
            return PgpFault.NotRevoked;
        }

        // One and the same signature must verify, give its reason and name its key: each is tried with the others left out.
        var revocations = RevocationsOf(key.Packets);
        PgpFault? last = PgpFault.NotRevoked;
        foreach (var one in revocations)
        {
            last = FaultOfSubpackets(key.Packets.Slice(one.Body, one.Length), key, acceptUnhashedIssuer);
            if (last is null && (revocations.Count == 1 || PgpKey.Of(Without(key.Packets, one)).IsRevoked))
            {
                return null;
            }
        }

        return last ?? PgpFault.NotRevoked;
    }

    private static byte[] HashOf(ReadOnlySpan<byte> body, ReadOnlySpan<byte> hashed)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA512);
        hash.AppendData([0x99, (byte)(body.Length >> 8), (byte)body.Length]);
        hash.AppendData(body);
        hash.AppendData(hashed);
        hash.AppendData([4, 0xFF, 0, 0, 0, (byte)hashed.Length]);
        return hash.GetHashAndReset();
    }

    // Before the first name or subkey: there a signature is the key's own.
    private static List<PgpPackets.Packet> RevocationsOf(ReadOnlySpan<byte> packets)
    {
        var found = new List<PgpPackets.Packet>();
        foreach (var packet in PgpPackets.Read(packets)!)
        {
            if (packet.Tag is PgpPackets.UserId or PgpPackets.UserAttribute or PgpPackets.PublicSubkey)
            {
                break;
            }

            if (packet is { Tag: PgpPackets.Signature, Length: > 6 } && packets[packet.Body] == 4 && packets[packet.Body + 1] == KeyRevocation)
            {
                found.Add(packet);
            }
        }

        return found;
    }

    private static PgpFault? FaultOfSubpackets(ReadOnlySpan<byte> signature, PgpKey key, bool acceptUnhashedIssuer)
    {
        var hashedLength = BinaryPrimitives.ReadUInt16BigEndian(signature[4..]);
        if (signature.Length < 6 + hashedLength + 2)
        {
            return PgpFault.Unparsable;
        }

        var hashed = signature.Slice(6, hashedLength);
        var rest = signature[(6 + hashedLength)..];
        var unhashedLength = BinaryPrimitives.ReadUInt16BigEndian(rest);
        if (rest.Length < 2 + unhashedLength)
        {
            return PgpFault.Unparsable;
        }

        if (!Holds(hashed, Reason, []))
        {
            return PgpFault.RevocationWithoutReason;
        }

        var issuer = Convert.FromHexString(key.KeyId);
        return Holds(hashed, Issuer, issuer) || (acceptUnhashedIssuer && Holds(rest.Slice(2, unhashedLength), Issuer, issuer))
            ? null
            : PgpFault.RevocationWithoutIssuer;
    }

    private static bool Holds(ReadOnlySpan<byte> subpackets, int type, ReadOnlySpan<byte> start)
    {
        while (!subpackets.IsEmpty)
        {
            int length = subpackets[0];
            var header = 1;
            if (length >= 192)
            {
                header = length == 255 ? 5 : 2;
                if (subpackets.Length < header)
                {
                    return false;
                }

                length = length == 255
                    ? (int)Math.Min(int.MaxValue, BinaryPrimitives.ReadUInt32BigEndian(subpackets[1..]))
                    : ((length - 192) << 8) + subpackets[1] + 192;
            }

            if (length == 0 || length > subpackets.Length - header)
            {
                return false;
            }

            // The highest bit says that a reader must know it.
            if ((subpackets[header] & 0x7F) == type && subpackets.Slice(header + 1, length - 1).StartsWith(start))
            {
                return true;
            }

            subpackets = subpackets[(header + length)..];
        }

        return false;
    }
}
