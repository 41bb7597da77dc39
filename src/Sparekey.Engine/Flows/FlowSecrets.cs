using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Flows;

/// <summary>What a text is to a flow.</summary>
internal enum FlowVerdict
{
    /// <summary>Not its secret.</summary>
    Wrong,

    /// <summary>It was once: used, expired, or superseded by another.</summary>
    Dead,

    /// <summary>Its secret.</summary>
    Live,
}

/// <summary>Compares what somebody presents with the secret of a flow. It changes nothing, and costs the same for a flow that has none.</summary>
/// <param name="store">The recoveries.</param>
/// <param name="accounts">The accounts.</param>
/// <param name="policies">The policy.</param>
/// <param name="secrets">Compares.</param>
internal sealed class FlowSecrets(RecoveryStore store, AccountStore accounts, PolicyStore policies, RecoverySecrets secrets)
{
    /// <summary>Compares.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="flow">The flow.</param>
    /// <param name="presented">What was presented, in the form to compare.</param>
    /// <param name="now">The time.</param>
    /// <returns>The recovery behind the flow (null where there is none), and what the text is.</returns>
    public async Task<(RecoveryAct.Found? Behind, FlowVerdict Verdict)> Compare(
        DbSession db, TenantId tenant, RecoveryFlow flow, string presented, DateTimeOffset now)
    {
        var secret = flow.Secret;
        KeyedHash? kept = secret is { Mac.Length: > 0 } ? new KeyedHash(secret.KeyVersion, secret.Mac) : null;
        var matches = secrets.MatchesFlow(tenant, secret?.Recovery, flow.Id, kept, presented);
        if (secret is null || await store.Find(db, tenant, secret.Recovery) is not { } recovery
            || await accounts.Find(db, tenant, recovery.Request.Account) is not { } account)
        {
            return (null, FlowVerdict.Wrong);
        }

        // The code of a recovery that had to wait was sent later than its flow, and is found by its recovery.
        var later = kept is null && flow.Uses == Means.Code && (await store.CodesOf(db, tenant, account.Id))
            .Any(c => c.Recovery == recovery.Id && secrets.Matches(tenant, c, presented));
        var live = recovery.IsRedeemable(now) && (later || recovery.Secret!.Number == secret.Generation);
        var found = new RecoveryAct.Found(recovery, account, (await policies.Current(db, tenant)).Policy);
        return (found, !matches && !later ? FlowVerdict.Wrong : live ? FlowVerdict.Live : FlowVerdict.Dead);
    }

    /// <summary>Does the work of a comparison where there is nothing to compare with.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="presented">What was presented.</param>
    public void CompareWithNothing(TenantId tenant, string presented) => secrets.MatchesFlow(tenant, null, "", null, presented);
}
