using System.Text;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Credentials.RecoveryCodes;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Secrets;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Recoveries;

/// <summary>A redemption that its token just proved to be live.</summary>
/// <param name="Recovery">The recovery.</param>
/// <param name="Account">The account.</param>
/// <param name="ExpiresAt">When the redemption ends.</param>
internal sealed record LiveRedemption(Recovery Recovery, Account Account, DateTimeOffset ExpiresAt);

/// <summary>Tokens of redemptions: opened by a secret, worth 15 minutes and the credentials of one account.</summary>
/// <param name="store">The recoveries.</param>
/// <param name="accounts">The accounts.</param>
/// <param name="applications">Know whether they take passkeys.</param>
/// <param name="recoveryKeys">Begins what ends with a recovery key.</param>
/// <param name="savedCodes">Know whether a saved code still stands behind what it opened.</param>
/// <param name="keys">The key ring.</param>
internal sealed class Redemptions(
    RecoveryStore store, AccountStore accounts, ApplicationStore applications, RecoveryKeyCeremony recoveryKeys,
    RecoveryCodeStore savedCodes, KeyRing keys)
{
    /// <summary>Makes the token of a recovery's live redemption.</summary>
    /// <param name="act">The act.</param>
    /// <param name="recovery">The recovery, just redeemed.</param>
    /// <param name="account">Its account.</param>
    /// <param name="recoveryKey">With which recovery key the person means to end it; null for any of theirs.</param>
    public async Task<OpenedRedemption> Open(Act act, Recovery recovery, Account account, string? recoveryKey = null)
    {
        var live = recovery.Redemption ?? throw new InvalidOperationException("A redeemed recovery has a redemption.");
        var secret = SecretMint.NewToken32();
        var hash = keys.Hash(KeyPurpose.Redemption, Context(act.Tenant, live.Id), Encoding.UTF8.GetBytes(secret.Reveal()));
        var token = TokenText.Format(TokenPrefix.Redemption, act.Tenant, live.Id.Value, secret.Reveal());
        var view = await View(act.Db, act.Tenant, new LiveRedemption(recovery, account, live.ExpiresAt));
        await store.AddRedemption(act, new StoredRedemption(live.Id, recovery.Id, hash));
        return new OpenedRedemption(token, live.ExpiresAt, view)
        {
            RecoveryKey = recovery.Request.Means == Means.RecoveryKey ? await recoveryKeys.Begin(act, recovery, account, token, recoveryKey) : null,
        };
    }

    /// <summary>Finds the live redemption of a token.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="presented">The token.</param>
    /// <param name="now">The time.</param>
    /// <returns>The redemption, or <see cref="RefusalCode.RedemptionInvalid"/> whatever is wrong.</returns>
    public async Task<Result<LiveRedemption>> Find(DbSession db, TenantId tenant, SecretText presented, DateTimeOffset now)
    {
        if (!TokenText.TryParse(presented.Reveal(), TokenPrefix.Redemption, out var token) || token.Tenant != tenant)
        {
            return RefusalCode.RedemptionInvalid;
        }

        var id = new RedemptionId(token.Id);
        var stored = await store.FindRedemption(db, tenant, id);
        var hash = stored?.Hash ?? new KeyedHash(0, new byte[32]);
        var matches = keys.Verify(hash, KeyPurpose.Redemption, Context(tenant, id), Encoding.UTF8.GetBytes(token.Secret.Reveal()));
        if (!matches || stored is null)
        {
            return RefusalCode.RedemptionInvalid;
        }

        var recovery = await store.Find(db, tenant, stored.Recovery);
        var account = recovery is null ? null : await accounts.Find(db, tenant, recovery.Request.Account);
        return recovery?.Redemption is { } live && live.Id == id && now < live.ExpiresAt && account is { Status: AccountStatus.Active }
            && (recovery.Request.Means != Means.SavedCode || await savedCodes.StandsBehind(db, tenant, recovery.Id))
            ? new LiveRedemption(recovery, account, live.ExpiresAt)
            : RefusalCode.RedemptionInvalid;
    }

    /// <summary>What the holder of a live redemption may know.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="live">The redemption.</param>
    public async Task<RedemptionView> View(DbSession db, TenantId tenant, LiveRedemption live)
    {
        var application = await applications.Find(db, tenant, live.Recovery.Request.Application);
        var takesPasskeys = application is not null && RelyingParty.Of(application) is not null;
        var means = live.Recovery.Request.Means;
        return new RedemptionView(
            live.Recovery, live.Account, live.ExpiresAt,
            means == Means.RecoveryKey ? ["recovery_key"] : [.. means.TakesPassword() ? ["password"] : Array.Empty<string>(), .. takesPasskeys ? ["passkey"] : Array.Empty<string>()]);
    }

    private static string Context(TenantId tenant, RedemptionId id) => $"{tenant}/{id}";
}
