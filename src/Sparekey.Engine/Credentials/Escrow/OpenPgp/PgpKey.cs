using System.Collections.Immutable;
using Sparekey.Core;

namespace Sparekey.Engine.Credentials.Escrow.OpenPgp;

/// <summary>The public key algorithms that matter.</summary>
public enum PgpAlgorithm
{
    /// <summary>RSA.</summary>
    Rsa,

    /// <summary>DSA.</summary>
    Dsa,

    /// <summary>ElGamal.</summary>
    Elgamal,

    /// <summary>ECDSA over a named curve.</summary>
    Ecdsa,

    /// <summary>EdDSA (Ed25519).</summary>
    Eddsa,

    /// <summary>ECDH (a primary key never is).</summary>
    Ecdh,

    /// <summary>Another.</summary>
    Other,
}

/// <summary>A public key of OpenPGP (v4): immutable facts, read once. Nothing here depends on the time of reading.</summary>
public sealed class PgpKey
{
    /// <summary>The largest block that is read, in characters.</summary>
    public const int MaxLength = 256 * 1024;

    // The latest time there is in OpenPGP: a signature made later than a context's time does not count, and facts are the same at all times.
    private static readonly DateTimeOffset Latest = DateTimeOffset.FromUnixTimeSeconds(uint.MaxValue);

    private readonly byte[] _packets;

    private PgpKey(string armored, PgpArmor.Block block, Facts facts)
    {
        _packets = block.Packets.Span.ToArray();
        Armored = armored;
        HasChecksum = block.HasChecksum;
        HasBlankLineBeforeEnd = block.HasBlankLineBeforeEnd;
        (Fingerprint, KeyId, Algorithm, Bits, CreatedAt, ExpiresAt, EncryptionExpiresAt, IsRevoked, UserIds, EncryptionKeyIds) = facts;
    }

    /// <summary>The block as it was given.</summary>
    public string Armored { get; }

    /// <summary>The primary key's fingerprint: 40 upper-case hex digits.</summary>
    public string Fingerprint { get; }

    /// <summary>The primary key's id: 16 upper-case hex digits.</summary>
    public string KeyId { get; }

    /// <summary>The primary key's algorithm.</summary>
    public PgpAlgorithm Algorithm { get; }

    /// <summary>The primary key's size in bits.</summary>
    public int Bits { get; }

    /// <summary>When it was made.</summary>
    public DateTimeOffset CreatedAt { get; }

    /// <summary>When the primary key's time ends, or null when never.</summary>
    public DateTimeOffset? ExpiresAt { get; }

    /// <summary>When the time of the subkey for encryption ends (the first of <see cref="EncryptionKeyIds"/>), or null when never.</summary>
    public DateTimeOffset? EncryptionExpiresAt { get; }

    /// <summary>Whether a revocation of it verifies.</summary>
    public bool IsRevoked { get; }

    /// <summary>Its user ids, the primary one first.</summary>
    public ImmutableArray<string> UserIds { get; }

    /// <summary>
    /// The ids that a message to it may name: its subkeys for encryption, the newest first, or the primary key when it has no subkey at all.
    /// Empty when it cannot be encrypted to.
    /// </summary>
    public ImmutableArray<string> EncryptionKeyIds { get; }

    /// <summary>Whether the armor has its checksum line.</summary>
    public bool HasChecksum { get; }

    /// <summary>Whether a blank line stands directly before the END line.</summary>
    public bool HasBlankLineBeforeEnd { get; }

    /// <summary>Its packets.</summary>
    internal ReadOnlySpan<byte> Packets => _packets;

    /// <summary>Reads a public key.</summary>
    /// <param name="armored">An armored block with one primary key.</param>
    /// <returns>
    /// The key, or <see cref="PgpFault.Unparsable"/>, <see cref="PgpFault.TooLarge"/>, <see cref="PgpFault.WrongChecksum"/>,
    /// <see cref="PgpFault.NotInProfile"/>, <see cref="PgpFault.SecretKey"/>, <see cref="PgpFault.SeveralKeys"/>.
    /// </returns>
    /// <exception cref="OpenPgpUnavailableException">The library is missing.</exception>
    public static Result<PgpKey> Read(string armored)
    {
        OpenPgpLibrary.Require();
        if (PgpArmor.Read(armored, MaxLength, out var block) is { } fault)
        {
            return PgpRefusals.Of(fault);
        }

        using var packets = block.Packets;
        if (FaultOf(block) is { } wrong)
        {
            return PgpRefusals.Of(wrong);
        }

        using var context = new RnpContext(Latest);
        return context.LoadPublic(packets.Span) && context.OnlyPrimary() is { } fingerprint
            ? new PgpKey(armored, block, FactsOf(context, fingerprint))
            : PgpRefusals.Of(PgpFault.Unparsable);
    }

    /// <summary>
    /// The key as it was before its owner revoked it, for what it signed until then: an organisation's former key wrote the escrows that
    /// outlive it. Whether such a signature counts is for the caller to say.
    /// </summary>
    public PgpKey BeforeRevocation() => IsRevoked ? Of(PgpRevocation.Without(_packets)) : this;

    /// <summary>The key of packets that this server made or checked.</summary>
    /// <param name="packets">A public block's packets.</param>
    internal static PgpKey Of(ReadOnlySpan<byte> packets)
    {
        var read = Read(PgpArmor.WriteText(packets, PgpArmor.PublicKey));
        return read.Refusal is { } refusal ? throw new OpenPgpException(refusal.Detail!) : read.Value;
    }

    private static PgpFault? FaultOf(PgpArmor.Block block) => block.Kind switch
    {
        PgpArmor.PublicKey => PgpBlocks.FaultOfPublic(block.Packets.Span),
        PgpArmor.SecretKey => PgpFault.SecretKey,
        _ => PgpFault.Unparsable,
    };

    private static Facts FactsOf(RnpContext context, string fingerprint)
    {
        var keys = context.KeyAndSubkeys(fingerprint);
        try
        {
            var primary = keys[0];
            RnpContext.Check(Rnp.rnp_key_get_alg(primary, out var algorithm));
            RnpContext.Check(Rnp.rnp_key_get_bits(primary, out var bits));
            RnpContext.Check(Rnp.rnp_key_is_revoked(primary, out var isRevoked));
            var receivers = (keys.Count > 1 ? keys.Skip(1) : keys).Where(IsReceiver)
                .OrderByDescending(CreationOf).Select(k => (Id: IdOf(k), Expiry: ExpiryOf(k))).ToList();
            return new Facts(
                fingerprint.ToUpperInvariant(), IdOf(primary), AlgorithmOf(RnpContext.Take(algorithm)), (int)bits, CreationOf(primary), ExpiryOf(primary),
                receivers is [var first, ..] ? first.Expiry : null, isRevoked, UserIdsOf(primary), [.. receivers.Select(r => r.Id)]);
        }
        finally
        {
            keys.ForEach(k => k.Dispose());
        }
    }

    // A key that no valid signature of its owner says anything about was never valid.
    private static bool IsReceiver(KeyHandle key)
    {
        RnpContext.Check(Rnp.rnp_key_allows_usage(key, "encrypt", out var encrypts));
        RnpContext.Check(Rnp.rnp_key_is_revoked(key, out var isRevoked));
        RnpContext.Check(Rnp.rnp_key_valid_till64(key, out var validTill));
        return encrypts && !isRevoked && validTill != 0;
    }

    private static DateTimeOffset CreationOf(KeyHandle key)
    {
        RnpContext.Check(Rnp.rnp_key_get_creation(key, out var seconds));
        return DateTimeOffset.FromUnixTimeSeconds(seconds);
    }

    private static DateTimeOffset? ExpiryOf(KeyHandle key)
    {
        RnpContext.Check(Rnp.rnp_key_get_expiration(key, out var seconds));
        return seconds == 0 ? null : CreationOf(key).AddSeconds(seconds);
    }

    private static string IdOf(KeyHandle key)
    {
        RnpContext.Check(Rnp.rnp_key_get_keyid(key, out var id));
        return RnpContext.Take(id).ToUpperInvariant();
    }

    private static ImmutableArray<string> UserIdsOf(KeyHandle key)
    {
        var first = Rnp.rnp_key_get_primary_uid(key, out var primary) == Rnp.Success ? RnpContext.Take(primary) : null;
        RnpContext.Check(Rnp.rnp_key_get_uid_count(key, out var count));
        var all = new List<string>();
        for (nuint i = 0; i < count; i++)
        {
            if (Rnp.rnp_key_get_uid_at(key, i, out var uid) == Rnp.Success)
            {
                all.Add(RnpContext.Take(uid));
            }
        }

        return [.. all.OrderByDescending(u => string.Equals(u, first, StringComparison.Ordinal))];
    }

    private static PgpAlgorithm AlgorithmOf(string name) => name switch
    {
        "RSA" => PgpAlgorithm.Rsa,
        "DSA" => PgpAlgorithm.Dsa,
        "ELGAMAL" => PgpAlgorithm.Elgamal,
        "ECDSA" => PgpAlgorithm.Ecdsa,
        "EDDSA" => PgpAlgorithm.Eddsa,
        "ECDH" => PgpAlgorithm.Ecdh,
        _ => PgpAlgorithm.Other,
    };

    private sealed record Facts(
        string Fingerprint, string KeyId, PgpAlgorithm Algorithm, int Bits, DateTimeOffset CreatedAt, DateTimeOffset? ExpiresAt,
        DateTimeOffset? EncryptionExpiresAt, bool IsRevoked, ImmutableArray<string> UserIds, ImmutableArray<string> EncryptionKeyIds);
}
