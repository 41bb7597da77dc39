using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Incidents;

/// <summary>
/// Reads and closes incidents. Closing one says that somebody looked into it; it gives nothing back and lifts nothing: what was
/// cancelled stays so, and the approval more runs its 24 hours.
/// </summary>
public sealed class ManageIncidents
{
    private readonly Acts _acts;
    private readonly IncidentStore _store;
    private readonly AccountStore _accounts;
    private readonly PolicyStore _policies;
    private readonly AccessTokenStore _tokens;

    internal ManageIncidents(Acts acts, IncidentStore store, AccountStore accounts, PolicyStore policies, AccessTokenStore tokens) =>
        (_acts, _store, _accounts, _policies, _tokens) = (acts, store, accounts, policies, tokens);

    /// <summary>One incident.</summary>
    /// <param name="caller">Who reads; holds <c>recovery:read</c>.</param>
    /// <param name="id">The incident.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The incident, or <see cref="RefusalCode.IncidentNotFound"/>.</returns>
    public async Task<Result<Incident>> One(Caller caller, IncidentId id, CancellationToken cancellationToken) =>
        await _acts.Read(db => _store.Find(db, caller.Tenant, id), cancellationToken) is { } found ? found : RefusalCode.IncidentNotFound;

    /// <summary>A page of incidents, newest first.</summary>
    /// <param name="caller">Who reads; holds <c>recovery:read</c>.</param>
    /// <param name="filter">Which.</param>
    /// <param name="after">After this one.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<Incident>> Page(
        Caller caller, IncidentFilter filter, PagePosition? after, int limit, CancellationToken cancellationToken) =>
        _acts.Read(db => _store.List(db, caller.Tenant, filter, after, limit), cancellationToken);

    /// <summary>Closes an incident.</summary>
    /// <param name="caller">Who closes it; holds <c>recovery:cancel</c> and a ceiling that covers the account.</param>
    /// <param name="id">The incident.</param>
    /// <param name="comment">What they found; for the record.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The incident; or <see cref="RefusalCode.IncidentNotFound"/>, <see cref="RefusalCode.AlreadyDecided"/> when somebody closed it,
    /// <see cref="RefusalCode.OwnAccount"/>, <see cref="RefusalCode.AboveCeiling"/>, <see cref="RefusalCode.InvalidRequest"/>.
    /// </returns>
    public Task<Result<Incident>> Close(Caller caller, IncidentId id, string comment, CancellationToken cancellationToken) =>
        _acts.Write(caller.Tenant, act => Close(act, caller, id, comment), cancellationToken);

    private async Task<Result<Incident>> Close(Act act, Caller caller, IncidentId id, string comment)
    {
        if (await _tokens.StillHolds(act, caller) is { } over)
        {
            return over;
        }

        if (FreezeAccount.FaultOf(comment, "/comment") is { } wrong)
        {
            return wrong;
        }

        if (await _store.Find(act.Db, act.Tenant, id) is not { } incident)
        {
            return RefusalCode.IncidentNotFound;
        }

        // Of a deleted account only the id is left, and anybody may put it away.
        if (await _accounts.Find(act.Db, act.Tenant, incident.Account) is { } account
            && caller.Grant.MayActOn(account.Id, account.Kind, account.Role, account.Role, await _policies.Ranks(act.Db, act.Tenant)) is { } forbidden)
        {
            return forbidden;
        }

        // Of two who close it at once, one does: the other learns it from the row.
        if (await _store.Close(act, id, caller.Principal.Id, comment) == 0)
        {
            return new Refusal(RefusalCode.AlreadyDecided, "The incident is closed.");
        }

        await act.Record(new LedgerEntry(LedgerEvent.IncidentClosed, caller.Principal, incident.Account)
        {
            Facts = SessionLedger.Facts(caller, ("incident", id.ToString()), ("times", incident.Times)),
            Texts = new Dictionary<string, string>(SessionLedger.Source(caller), StringComparer.Ordinal) { ["comment"] = comment },
        });
        return incident with { State = IncidentState.Closed, ClosedAt = act.Now, ClosedBy = caller.Principal.Id, Comment = comment };
    }
}
