using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Incidents;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Recoveries;

/// <summary>Who asks for a recovery.</summary>
/// <param name="Principal">The principal.</param>
/// <param name="Token">With which token; null for none, or where it is not known any more.</param>
internal sealed record Requester(Principal Principal, TokenId? Token = null)
{
    /// <summary>A caller who asks.</summary>
    /// <param name="caller">The caller.</param>
    public static Requester Of(Caller caller) => new(caller.Principal, caller.Token);
}

/// <summary>Reads what policy may ask of an account beyond what the account tells itself; what no rule asks is not looked up.</summary>
/// <param name="recoveries">Knows how often it was to be recovered.</param>
/// <param name="passkeys">Know how well it can sign in.</param>
/// <param name="limits">Know how many recoveries there were.</param>
/// <param name="incidents">Knows what was said not to be the person's doing.</param>
internal sealed class AccountFactsReader(RecoveryStore recoveries, PasskeyStore passkeys, VelocityLimits limits, IncidentStore incidents)
{
    /// <summary>Reads.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">The account.</param>
    /// <param name="policy">The policy that asks.</param>
    /// <param name="requester">Who asks for the recovery.</param>
    /// <param name="now">The time.</param>
    /// <param name="without">The recovery that is decided on; null for a new one.</param>
    public async Task<AccountFacts> Read(
        DbSession db, TenantId tenant, Account account, Policy policy, Requester requester, DateTimeOffset now, RecoveryId? without = null) =>
        AccountFacts.Of(account) with
        {
            Opened = policy.LooksBack is { } back ? [.. await recoveries.OpenedSince(db, tenant, account.Id, now - back, without)] : [],
            Level = policy.LooksAtLevel
                ? (await passkeys.List(db, tenant, account.Id, activeOnly: true))
                    .Select(p => AssuranceLevels.Of([.. p.Amr])).Append(AssuranceLevel.Aal1).Max()
                : AssuranceLevel.Aal1,
            Tightenings = await IsRepudiatedLately(db, tenant, account.Id, now) ? [Tightening.RepudiatedLately] : [],
            Uses = without is { } opened
                ? await limits.OfOpened(db, tenant, policy, opened, now)
                : await limits.OfNew(
                    db, tenant, policy, VelocitySubject.Of(requester.Principal, requester.Token, account.Id, account.Groups), now),
        };

    // Whether "this was not me" was said of a recovery of the account within the last 24 hours.
    private Task<bool> IsRepudiatedLately(DbSession db, TenantId tenant, AccountId account, DateTimeOffset now) =>
        incidents.WasSaidSince(db, tenant, account, now - IncidentStore.TightensFor);
}
