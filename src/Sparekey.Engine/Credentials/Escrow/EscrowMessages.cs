using Sparekey.Core;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>What an escrow must be to be opened.</summary>
/// <param name="Domains">The servers it may have been made for, compared exactly: this one and its aliases.</param>
/// <param name="UserId">Whose it is.</param>
/// <param name="Fingerprint">The fingerprint of the person's current key.</param>
/// <param name="Signers">Who may have signed it: the person; after a rotation a former organisation key, revoked or not.</param>
public sealed record EscrowExpectation(IReadOnlyCollection<string> Domains, Guid UserId, string Fingerprint, IReadOnlyList<PgpKey> Signers);

/// <summary>The two halves of an escrow, each an armored message.</summary>
/// <param name="Blob">The private key, sealed with the secret.</param>
/// <param name="Password">The secret, encrypted to the organisation's key.</param>
public sealed record EscrowHalves(string Blob, string Password);

/// <summary>Opens escrows and makes answers. Work of milliseconds: never inside an act.</summary>
public static class EscrowMessages
{
    /// <summary>Opens a password message with the organisation's key and checks all there is to check.</summary>
    /// <param name="passwordMessage">The message. A missing checksum is forgiven: it may have been stored elsewhere.</param>
    /// <param name="organisation">The organisation's key.</param>
    /// <param name="expected">What it must be.</param>
    /// <param name="now">The time.</param>
    /// <returns>The secret, or the first fault: of the armor and packets, of the signers, of the content.</returns>
    public static Result<EscrowSecret> Open(string passwordMessage, PgpSecretKey organisation, EscrowExpectation expected, DateTimeOffset now)
    {
        // 1. To this key alone: a second recipient would have had the secret too.
        var shape = PgpMessageShape.Read(passwordMessage);
        if (shape.Refusal is { } unreadable)
        {
            return unreadable;
        }

        if (shape.Value.FaultOfRecipient(organisation.Public) is { } recipients)
        {
            return PgpRefusals.Of(recipients);
        }

        // 2. It opens, unchanged.
        PgpKey[] known = [.. expected.Signers.Select(s => s.BeforeRevocation())];
        var opened = PgpMessages.Decrypt(passwordMessage, organisation, known, now);
        if (opened.Refusal is { } closed)
        {
            return closed;
        }

        // 3. The person wrote it, or who rotated: another's could name any secret, and any key.
        using var plaintext = opened.Value;
        if (plaintext.FaultOfSigners(known) is { } signers)
        {
            return PgpRefusals.Of(signers);
        }

        // 4. It says what it must.
        var read = EscrowSecret.Read(plaintext.Bytes);
        if (read.Refusal is null && FaultOfContent(read.Value, expected) is { } content)
        {
            read.Value.Dispose();
            return PgpRefusals.Of(content);
        }

        return read;
    }

    /// <summary>The answer to a request: the same JSON, to the request key only, signed by the organisation and the reviewer.</summary>
    /// <param name="secret">The opened secret.</param>
    /// <param name="requestKey">The request key, judged before.</param>
    /// <param name="organisation">The organisation's key.</param>
    /// <param name="reviewer">The reviewer's key, or null when they have none.</param>
    /// <param name="now">The time.</param>
    public static string Answer(EscrowSecret secret, PgpKey requestKey, PgpSecretKey organisation, PgpSecretKey? reviewer, DateTimeOffset now) =>
        Wrap(secret, requestKey, organisation, reviewer, now);

    /// <summary>A password message for a new organisation key: the same JSON, signed by the old one and the reviewer.</summary>
    /// <param name="secret">The opened secret.</param>
    /// <param name="newOrganisation">The new organisation key, judged before.</param>
    /// <param name="old">The old one.</param>
    /// <param name="reviewer">Who rotates, or null.</param>
    /// <param name="now">The time.</param>
    public static string Rewrap(EscrowSecret secret, PgpKey newOrganisation, PgpSecretKey old, PgpSecretKey? reviewer, DateTimeOffset now) =>
        Wrap(secret, newOrganisation, old, reviewer, now);

    /// <summary>Makes an escrow of a private key, as the person's own device does.</summary>
    /// <param name="person">The private key.</param>
    /// <param name="organisation">The organisation's key.</param>
    /// <param name="domain">The server.</param>
    /// <param name="userId">The person.</param>
    /// <param name="now">The time.</param>
    public static EscrowHalves Enrol(PgpSecretKey person, PgpKey organisation, string domain, Guid userId, DateTimeOffset now)
    {
        using var secret = EscrowSecret.New(domain, userId, person.Public.Fingerprint, now);
        using var json = secret.Write();
        using var key = person.ExportUnprotected();
        return new EscrowHalves(
            PgpMessages.EncryptWithPassword(key.Span, secret.Secret, now, person), PgpMessages.Encrypt(json.Span, organisation, now, person));
    }

    /// <summary>Opens a blob with its secret, as the person's own device does: the private key without protection.</summary>
    /// <param name="blob">The blob.</param>
    /// <param name="secret">The secret.</param>
    /// <param name="person">The person's public key, which must have signed it.</param>
    /// <param name="now">The time.</param>
    /// <returns>The private key, or a fault; <see cref="PgpFault.WrongFingerprint"/> when it is another key.</returns>
    public static Result<PgpSecretKey> Recover(string blob, EscrowSecret secret, PgpKey person, DateTimeOffset now)
    {
        var opened = PgpMessages.DecryptWithPassword(blob, secret.Secret, [person], now);
        if (opened.Refusal is { } closed)
        {
            return closed;
        }

        using var plaintext = opened.Value;
        if (plaintext.FaultOfSigners([person]) is { } signers)
        {
            return PgpRefusals.Of(signers);
        }

        var key = PgpSecretKey.Open(plaintext.Bytes, []);
        if (key.Refusal is null && !string.Equals(key.Value.Public.Fingerprint, secret.Fingerprint, StringComparison.Ordinal))
        {
            key.Value.Dispose();
            return PgpRefusals.Of(PgpFault.WrongFingerprint);
        }

        return key;
    }

    // The organisation signs first, as clients have it.
    private static string Wrap(EscrowSecret secret, PgpKey recipient, PgpSecretKey organisation, PgpSecretKey? reviewer, DateTimeOffset now)
    {
        using var json = secret.Write();
        return reviewer is null
            ? PgpMessages.Encrypt(json.Span, recipient, now, organisation)
            : PgpMessages.Encrypt(json.Span, recipient, now, organisation, reviewer);
    }

    private static PgpFault? FaultOfContent(EscrowSecret secret, EscrowExpectation expected)
    {
        if (!expected.Domains.Contains(secret.Domain, StringComparer.Ordinal))
        {
            return PgpFault.WrongDomain;
        }

        if (secret.UserId != expected.UserId)
        {
            return PgpFault.WrongUser;
        }

        return string.Equals(secret.Fingerprint, expected.Fingerprint, StringComparison.Ordinal) ? null : PgpFault.WrongFingerprint;
    }
}
