using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>
/// Turns requests down when what they ask for goes: with the policy, with the person's escrow, with the person. Pending ones end with their
/// recovery; of approved ones the answer is erased. That is also how a released key is taken back which nobody has fetched yet.
/// </summary>
/// <param name="requests">The requests.</param>
/// <param name="tokens">The mailed tokens.</param>
/// <param name="follow">Turns approved ones down.</param>
/// <param name="store">The recoveries.</param>
/// <param name="accounts">The accounts.</param>
/// <param name="policies">The policies.</param>
/// <param name="recoveries">Runs commands on them.</param>
internal sealed class EndEscrowRequests(
    EscrowRequestStore requests, EscrowTokens tokens, FollowRecovery follow, RecoveryStore store, AccountStore accounts, PolicyStore policies,
    RecoveryAct recoveries) : IEscrowPolicyStep, IEscrowEndStep, IAccountDeletionStep
{
    /// <inheritdoc/>
    public async Task Run(Act act, Visitor caller, Principal by, EscrowMove move, EscrowPolicy before, EscrowPolicy after)
    {
        if (move == EscrowMove.Disabled)
        {
            await End(act, caller, by, await requests.Live(act.Db, act.Tenant), "escrow disabled");
        }
    }

    /// <inheritdoc/>
    public async Task Run(Act act, Visitor caller, Principal by, AccountId account) =>
        await End(
            act, caller, by, (await requests.LiveOf(act.Db, act.Tenant, account)).Where(r => r.Request.Origin == EscrowOrigin.Local),
            "escrow ended");

    /// <inheritdoc/>
    public async Task Run(Act act, Caller caller, Account account)
    {
        await End(act, caller, caller.Principal, await requests.LiveOf(act.Db, act.Tenant, account.Id), "account deleted");
        await requests.Forget(act, account.Id);
        await tokens.DeleteOf(act, account.Id);
    }

    /// <summary>Takes back what was released to a person's devices: it can be fetched no more.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">From where.</param>
    /// <param name="by">Who takes it back.</param>
    /// <param name="account">The person.</param>
    /// <param name="only">Of this recovery alone; null for all.</param>
    /// <returns>The recoveries whose answers were taken back.</returns>
    public async Task<IReadOnlyList<RecoveryId>> TakeBack(Act act, Visitor visitor, Principal by, AccountId account, RecoveryId? only = null)
    {
        var taken = new List<RecoveryId>();
        foreach (var stored in (await requests.LiveOf(act.Db, act.Tenant, account)).Where(r => r.IsReleasedHere))
        {
            if (only is not null && stored.Request.Recovery != only)
            {
                continue;
            }

            await follow.TakeBack(act, stored, by, EscrowTokenState.Rejected);
            await act.Record(new LedgerEntry(LedgerEvent.EscrowTakenBack, by, account, stored.Request.Recovery)
            {
                Facts = SessionLedger.Facts(
                    visitor, ("request", stored.Id.ToString()), ("request_key", stored.Request.Fingerprint), ("fetched", stored.WasFetched)),
                Texts = SessionLedger.Source(visitor),
            });
            taken.Add(stored.Request.Recovery);
        }

        return taken;
    }

    private async Task End(Act act, Visitor visitor, Principal by, IEnumerable<StoredEscrowRequest> live, string why)
    {
        var policy = (await policies.Current(act.Db, act.Tenant)).Policy;
        foreach (var stored in live)
        {
            if (stored.Request.Status == EscrowRequestStatus.Approved)
            {
                await follow.TakeBack(act, stored, by, EscrowTokenState.Rejected);
            }
            else if (await store.Find(act.Db, act.Tenant, stored.Request.Recovery) is { IsClosed: false } recovery
                && await accounts.Find(act.Db, act.Tenant, stored.Request.Account) is { } account)
            {
                await recoveries.Apply(
                    act, new RecoveryAct.Found(recovery, account, policy), new RecoveryCommand.Cancel(by, why), visitor, quietly: true);
            }
        }
    }
}
