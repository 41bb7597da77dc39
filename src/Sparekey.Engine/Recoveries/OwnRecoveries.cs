using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Recoveries;

/// <summary>Shows people what was done to get into their account, and lets them end what is going on.</summary>
public sealed class OwnRecoveries
{
    private readonly Acts _acts;
    private readonly RecoveryStore _store;
    private readonly AccountStore _accounts;
    private readonly SessionStore _sessions;
    private readonly PolicyStore _policies;
    private readonly RecoveryAct _recoveries;

    internal OwnRecoveries(
        Acts acts, RecoveryStore store, AccountStore accounts, SessionStore sessions, PolicyStore policies, RecoveryAct recoveries)
    {
        _acts = acts;
        _store = store;
        _accounts = accounts;
        _sessions = sessions;
        _policies = policies;
        _recoveries = recoveries;
    }

    /// <summary>A page of the recoveries of the caller's account, newest first, as they may see them.</summary>
    /// <param name="caller">Whose.</param>
    /// <param name="after">After this one; null for the first page.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyList<Recovery>> Page(
        SessionCaller caller, PagePosition? after, int limit, CancellationToken cancellationToken)
    {
        var now = _acts.Now;
        var filter = new RecoveryFilter(caller.Session.Account, State: null, after);
        var found = await _acts.Read(db => _store.List(db, caller.Tenant, filter, now, limit), cancellationToken);
        return [.. found.Select(r => r.AsSeenBy(caller.Principal, now))];
    }

    /// <summary>
    /// Ends a recovery of the caller's account. They must have signed in just now: a session that was left open somewhere does not keep
    /// its person from coming back. Every address is told.
    /// </summary>
    /// <param name="caller">Whose.</param>
    /// <param name="id">Which.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The recovery, over; or <see cref="RefusalCode.RecoveryNotFound"/> also for another's, <see cref="RefusalCode.SessionInvalid"/>,
    /// <see cref="RefusalCode.FreshSignInRequired"/>, and what the state machine refuses.
    /// </returns>
    public Task<Result<Recovery>> Cancel(SessionCaller caller, RecoveryId id, CancellationToken cancellationToken) =>
        _acts.Write<Result<Recovery>>(
            caller.Tenant,
            async act =>
            {
                var person = await _sessions.PrivilegedPersonOf(act, _accounts, caller);
                if (person.Refusal is { } refusal)
                {
                    return refusal;
                }

                if (await _store.Find(act.Db, act.Tenant, id) is not { } recovery || recovery.Request.Account != person.Value.Id)
                {
                    return RefusalCode.RecoveryNotFound;
                }

                var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
                var ended = await _recoveries.Apply(
                    act, new RecoveryAct.Found(recovery, person.Value, policy), new RecoveryCommand.Cancel(caller.Principal, "by session"), caller);
                return ended.Refusal is { } refused ? refused : ended.Value.AsSeenBy(caller.Principal, act.Now);
            },
            cancellationToken);
}
