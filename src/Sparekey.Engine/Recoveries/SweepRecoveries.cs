using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Reminders;

namespace Sparekey.Engine.Recoveries;

/// <summary>
/// Lets time do its work: ends recoveries that are over and moves those whose waiting is done. Nothing depends on it for
/// safety, because every command looks at the time first; it makes the record, the notices and the reminders come when they are due.
/// Any number of processes may sweep: one of them holds the lease, and where it ran out under a slow one, each recovery is moved by a
/// guarded write that one process wins and each reminder leaves with a row that exists once.
/// </summary>
public sealed class SweepRecoveries
{
    private const int AtOnce = 100;
    private const string Work = "recoveries";

    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(1);

    private readonly Acts _acts;
    private readonly RecoveryStore _store;
    private readonly RecoveryAct _recoveries;
    private readonly AccountStore _accounts;
    private readonly PolicyStore _policies;
    private readonly RepudiationTokens _tokens;
    private readonly RemindOfRecovery _reminders;
    private readonly Leases _leases;

    internal SweepRecoveries(
        Acts acts, RecoveryStore store, RecoveryAct recoveries, AccountStore accounts, PolicyStore policies, RepudiationTokens tokens,
        RemindOfRecovery reminders, Leases leases)
    {
        _acts = acts;
        _store = store;
        _recoveries = recoveries;
        _accounts = accounts;
        _policies = policies;
        _tokens = tokens;
        _reminders = reminders;
        _leases = leases;
    }

    /// <summary>Sweeps one tenant.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="cancellationToken">Stops between two recoveries.</param>
    /// <returns>How many were looked at; a full hundred means that there may be more. 0 where another process does it.</returns>
    public async Task<int> Run(TenantId tenant, CancellationToken cancellationToken)
    {
        var due = await _acts.Read(db => _store.Due(db, tenant, _acts.Now, AtOnce), cancellationToken);

        // Looking costs a read; the lease is taken only where there is something to do.
        if (due.Count > 0 && !await _acts.Write(tenant, act => _leases.Take(act, Work, Lease), cancellationToken))
        {
            return 0;
        }

        foreach (var id in due)
        {
            await _acts.Write(tenant, act => Tick(act, id), cancellationToken);
        }

        if (await _acts.Read(db => _tokens.AnyToLookAt(db, tenant, _acts.Now), cancellationToken))
        {
            await _acts.Write(tenant, _tokens.DeleteWhatIsOver, cancellationToken);
        }

        return due.Count;
    }

    private async Task<bool> Tick(Act act, RecoveryId id)
    {
        if (await _store.Find(act.Db, act.Tenant, id) is not { IsClosed: false } recovery
            || await _accounts.Find(act.Db, act.Tenant, recovery.Request.Account) is not { } account)
        {
            return false;
        }

        var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
        var found = new RecoveryAct.Found(recovery, account, policy);
        var moved = await _recoveries.Apply(act, found, new RecoveryCommand.Tick(), visitor: null);
        if (moved.Refusal is not null)
        {
            // What became ready while recoveries were stopped is issued when they go on.
            if (await _recoveries.IssueWhatIsReady(act, found))
            {
                return true;
            }

            await _reminders.Run(act, recovery, account, policy);
            await _store.Reschedule(act, recovery);
        }

        return moved.Refusal is null;
    }
}
