using System.Security.Cryptography;
using System.Text;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Recoveries;

/// <summary>A recovery key that may authorise new credentials.</summary>
/// <param name="CredentialId">What its holder calls it.</param>
/// <param name="EncryptedPrivateKey">The private key as its holder encrypted it, byte for byte; empty when none was left with us.</param>
public sealed record AllowedRecoveryKey(string CredentialId, string EncryptedPrivateKey);

/// <summary>What a person needs to authorise new credentials with a recovery key.</summary>
/// <param name="Challenge">What every new credential answers, ASCII.</param>
/// <param name="Passkey">How a browser makes a passkey that answers it; null for an application without a relying-party id.</param>
/// <param name="Account">Whose.</param>
/// <param name="Allowed">The recovery keys that may; the one that was asked for, or all.</param>
public sealed record RecoveryKeyOptions(
    string Challenge, PasskeyCreation? Passkey, Account Account, IReadOnlyList<AllowedRecoveryKey> Allowed);

/// <summary>
/// The challenge of a redemption that ends with a recovery key. It is one for the whole redemption: the new credentials answer it, and
/// what the recovery key signs holds the new credentials, so that the signature is as fresh as the challenge.
/// </summary>
/// <param name="ceremonies">Ceremonies.</param>
/// <param name="applications">Applications.</param>
/// <param name="keys">Recovery keys.</param>
internal sealed class RecoveryKeyCeremony(CeremonyStore ceremonies, ApplicationStore applications, KeyStore keys)
{
    private const string Kind = "recovery_key";

    /// <summary>Begins it with the redemption.</summary>
    /// <param name="act">The act.</param>
    /// <param name="recovery">The recovery, just redeemed.</param>
    /// <param name="account">Its account.</param>
    /// <param name="token">The redemption's token.</param>
    /// <param name="wanted">With which recovery key the person means to end it, where the recovery names none; null for any of theirs.</param>
    public async Task<RecoveryKeyOptions> Begin(Act act, Recovery recovery, Account account, SecretText token, string? wanted)
    {
        var named = recovery.Request.RequestKeyFingerprint ?? wanted;
        var live = recovery.Redemption!;
        var challenge = NamedChallenge.New();
        await ceremonies.Begin(
            act, Kind, live.Id.ToString(), new Ceremony<State>(account.Id, recovery.Id, new State(challenge, HashOf(token), named), 1), live.ExpiresAt);
        var all = await keys.List(act.Db, act.Tenant, account.Id, CredentialKind.RecoveryKey);
        var party = await PartyOf(act.Db, act.Tenant, recovery);
        return new RecoveryKeyOptions(
            challenge, party is null ? null : PasskeyCreation.For(account, NamedChallenge.EncodedOf(challenge), party, []), account,
            [.. all.Where(k => named is null || k.Credential.ExternalId == named)
                .Select(k => new AllowedRecoveryKey(k.Credential.ExternalId!, k.Body.EncryptedPrivateKey ?? ""))]);
    }

    /// <summary>The challenge of a redemption, and the recovery key that it is for; null when it has none.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="redemption">The redemption.</param>
    /// <param name="now">The time.</param>
    public async Task<(string Challenge, string? Named)?> Find(DbSession db, TenantId tenant, RedemptionId redemption, DateTimeOffset now) =>
        await ceremonies.Find<State>(db, tenant, Kind, redemption.ToString(), now) is { } found ? (found.State.Challenge, found.State.Named) : null;

    /// <summary>The recovery that a token was for, when its redemption has ended since; null for any other text.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="token">The token.</param>
    /// <param name="now">The time.</param>
    public async Task<RecoveryId?> FormerlyOf(DbSession db, TenantId tenant, SecretText token, DateTimeOffset now) =>
        TokenText.TryParse(token.Reveal(), TokenPrefix.Redemption, out var parts)
        && await ceremonies.Find<State>(db, tenant, Kind, new RedemptionId(parts.Id).ToString(), now) is { } ceremony
        && CryptographicOperations.FixedTimeEquals(Convert.FromHexString(ceremony.State.TokenHash), Convert.FromHexString(HashOf(token)))
            ? ceremony.Recovery
            : null;

    /// <summary>The relying party of a recovery; null when its application has none.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="recovery">The recovery.</param>
    public async Task<RelyingParty?> PartyOf(DbSession db, TenantId tenant, Recovery recovery) =>
        await applications.Find(db, tenant, recovery.Request.Application) is { } application ? RelyingParty.Of(application) : null;

    private static string HashOf(SecretText token) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token.Reveal())));

    private sealed record State(string Challenge, string TokenHash, string? Named);
}
