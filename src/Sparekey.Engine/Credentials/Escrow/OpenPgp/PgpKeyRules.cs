using Sparekey.Core;

namespace Sparekey.Engine.Credentials.Escrow.OpenPgp;

/// <summary>Which public keys are taken for what. Every rule that needs no database.</summary>
public static class PgpKeyRules
{
    private const int FingerprintLength = 40;

    /// <summary>
    /// Why a key is no organisation recovery key, or null: RSA of 3072 or 4096 bits that stays. The vendor's server takes elliptic curves
    /// too, but can never revoke them again, and its clients do not take them. It ends with a trial encryption.
    /// </summary>
    /// <param name="key">The key.</param>
    /// <param name="fingerprint">The fingerprint that came with it (blanks and case do not matter), or null.</param>
    /// <param name="now">The time.</param>
    public static PgpFault? FaultOfOrganisationKey(PgpKey key, string? fingerprint, DateTimeOffset now) =>
        FaultOfLastingKey(key, fingerprint, now, key.Algorithm == PgpAlgorithm.Rsa);

    /// <summary>Why a key is no request key, or null: the rules of an organisation key, but for elliptic curves, which are taken.</summary>
    /// <param name="key">The key.</param>
    /// <param name="fingerprint">The fingerprint that came with it, or null.</param>
    /// <param name="now">The time.</param>
    public static PgpFault? FaultOfRequestKey(PgpKey key, string? fingerprint, DateTimeOffset now) =>
        FaultOfLastingKey(key, fingerprint, now, isAllowed: true);

    /// <summary>
    /// Why a person's key is not taken, or null. Any algorithm, and it may end later; it must not be revoked, over, or made in the future.
    /// </summary>
    /// <param name="key">The key.</param>
    /// <param name="now">The time.</param>
    public static PgpFault? FaultOfPersonKey(PgpKey key, DateTimeOffset now)
    {
        if (FaultOfSigner(key, now) is { } fault)
        {
            return fault;
        }

        return key.EncryptionExpiresAt <= now ? PgpFault.Expired : FaultOfEncryption(key, now);
    }

    /// <summary>Why a key must not sign any more, or not yet, or null.</summary>
    /// <param name="key">The key.</param>
    /// <param name="now">The time.</param>
    public static PgpFault? FaultOfSigner(PgpKey key, DateTimeOffset now)
    {
        if (key.CreatedAt > now)
        {
            return PgpFault.CreatedInFuture;
        }

        if (key.IsRevoked)
        {
            return PgpFault.Revoked;
        }

        return key.ExpiresAt <= now ? PgpFault.Expired : null;
    }

    /// <summary>Reads an organisation key and judges it.</summary>
    /// <param name="armored">The armored block.</param>
    /// <param name="fingerprint">The fingerprint that came with it, or null.</param>
    /// <param name="now">The time.</param>
    /// <param name="pointer">Where it stands in the request.</param>
    public static Result<PgpKey> ReadOrganisationKey(string armored, string? fingerprint, DateTimeOffset now, string pointer = "") =>
        Read(armored, key => FaultOfOrganisationKey(key, fingerprint, now), pointer);

    /// <summary>Reads a request key and judges it.</summary>
    /// <param name="armored">The armored block.</param>
    /// <param name="fingerprint">The fingerprint that came with it, or null.</param>
    /// <param name="now">The time.</param>
    /// <param name="pointer">Where it stands in the request.</param>
    public static Result<PgpKey> ReadRequestKey(string armored, string? fingerprint, DateTimeOffset now, string pointer = "") =>
        Read(armored, key => FaultOfRequestKey(key, fingerprint, now), pointer);

    /// <summary>A fingerprint without blanks and in upper case, or null when it is not 40 hex digits then.</summary>
    /// <param name="fingerprint">The fingerprint as somebody wrote it.</param>
    public static string? NormalFingerprint(string? fingerprint)
    {
        if (fingerprint is null || fingerprint.Length > 2 * FingerprintLength)
        {
            return null;
        }

        var normal = string.Concat(fingerprint.Where(c => !char.IsWhiteSpace(c))).ToUpperInvariant();
        return normal.Length == FingerprintLength && normal.All(char.IsAsciiHexDigitUpper) ? normal : null;
    }

    /// <summary>Why a key breaks the rules of form, algorithm and time that a revoked key has to keep too, or null.</summary>
    /// <param name="key">The key.</param>
    /// <param name="now">The time.</param>
    internal static PgpFault? FaultOfForm(PgpKey key, DateTimeOffset now)
    {
        if (!key.HasChecksum)
        {
            return PgpFault.MissingChecksum;
        }

        if (key.HasBlankLineBeforeEnd)
        {
            return PgpFault.BlankLineBeforeEnd;
        }

        if (key.Algorithm is PgpAlgorithm.Dsa or PgpAlgorithm.Elgamal or PgpAlgorithm.Ecdh or PgpAlgorithm.Other)
        {
            return PgpFault.AlgorithmNotAllowed;
        }

        if (key.Algorithm == PgpAlgorithm.Rsa && key.Bits is not (3072 or 4096))
        {
            return PgpFault.SizeNotAllowed;
        }

        return key.CreatedAt > now ? PgpFault.CreatedInFuture : null;
    }

    private static PgpFault? FaultOfLastingKey(PgpKey key, string? fingerprint, DateTimeOffset now, bool isAllowed)
    {
        if (fingerprint is not null && !string.Equals(NormalFingerprint(fingerprint), key.Fingerprint, StringComparison.Ordinal))
        {
            return PgpFault.FingerprintDiffers;
        }

        if (FaultOfForm(key, now) is { } fault)
        {
            return fault;
        }

        if (!isAllowed)
        {
            return PgpFault.AlgorithmNotAllowed;
        }

        if (key.IsRevoked)
        {
            return PgpFault.Revoked;
        }

        if (key.ExpiresAt is not null || key.EncryptionExpiresAt is not null)
        {
            return key.ExpiresAt <= now || key.EncryptionExpiresAt <= now ? PgpFault.Expired : PgpFault.HasExpiry;
        }

        return FaultOfEncryption(key, now);
    }

    // librnp knows what it can do only by doing it.
    private static PgpFault? FaultOfEncryption(PgpKey key, DateTimeOffset now)
    {
        if (key.EncryptionKeyIds.IsEmpty)
        {
            return PgpFault.CannotEncrypt;
        }

        try
        {
            PgpMessages.Encrypt("?"u8, key, now);
            return null;
        }
        catch (OpenPgpException)
        {
            return PgpFault.CannotEncrypt;
        }
    }

    private static Result<PgpKey> Read(string armored, Func<PgpKey, PgpFault?> faultOf, string pointer)
    {
        var read = PgpKey.Read(armored);
        if (read.Refusal is { } refusal)
        {
            return PgpRefusals.At(refusal, pointer);
        }

        return faultOf(read.Value) is { } fault ? PgpRefusals.Of(fault, pointer) : read;
    }
}
