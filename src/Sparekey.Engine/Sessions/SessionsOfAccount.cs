using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Sessions;

/// <summary>Shows an operator where somebody is signed in, and signs them out everywhere (ASVS 7.4.5).</summary>
public sealed class SessionsOfAccount
{
    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly SessionStore _sessions;
    private readonly PolicyStore _policies;

    internal SessionsOfAccount(Acts acts, AccountStore accounts, SessionStore sessions, PolicyStore policies)
    {
        _acts = acts;
        _accounts = accounts;
        _sessions = sessions;
        _policies = policies;
    }

    /// <summary>Lists them.</summary>
    /// <param name="caller">Who; holds <c>account:read</c>.</param>
    /// <param name="id">Whose.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The live ones, oldest first; or <see cref="RefusalCode.AccountNotFound"/>.</returns>
    public Task<Result<IReadOnlyList<Session>>> List(Caller caller, AccountId id, CancellationToken cancellationToken) =>
        _acts.Read<Result<IReadOnlyList<Session>>>(
            async db => caller.Grant.Demand(Permission.AccountRead) is { } missing ? missing
                : await _accounts.Find(db, caller.Tenant, id) is null ? RefusalCode.AccountNotFound
                : new List<Session>(await _sessions.List(db, caller.Tenant, id, _acts.Now)),
            cancellationToken);

    /// <summary>Ends them all: each is dead for every process when this returns.</summary>
    /// <param name="caller">Who; holds <c>account:write</c>.</param>
    /// <param name="id">Whose.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// How many there were; or <see cref="RefusalCode.AccountNotFound"/>, <see cref="RefusalCode.OwnAccount"/>,
    /// <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public Task<Result<int>> EndAll(Caller caller, AccountId id, CancellationToken cancellationToken) =>
        _acts.Write(caller.Tenant, act => EndAll(act, caller, id), cancellationToken);

    /// <summary>One of them.</summary>
    /// <param name="caller">Who; holds <c>account:read</c>.</param>
    /// <param name="id">Its id.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The session; or <see cref="RefusalCode.SessionInvalid"/> when there is none of that id, or none any more.</returns>
    public async Task<Result<Session>> One(Caller caller, SessionId id, CancellationToken cancellationToken) =>
        caller.Grant.Demand(Permission.AccountRead) is { } missing ? missing
        : await _acts.Read(db => _sessions.Find(db, caller.Tenant, id, _acts.Now), cancellationToken) is { } found ? found
        : RefusalCode.SessionInvalid;

    /// <summary>A page of everybody's.</summary>
    /// <param name="caller">Who; holds <c>account:read</c>.</param>
    /// <param name="after">After this one; null for the first page.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Result<IReadOnlyList<Session>>> Everybodys(Caller caller, SessionId? after, int limit, CancellationToken cancellationToken) =>
        caller.Grant.Demand(Permission.AccountRead) is { } missing
            ? missing
            : new List<Session>(await _acts.Read(db => _sessions.Page(db, caller.Tenant, after, limit, _acts.Now), cancellationToken));

    /// <summary>Ends one.</summary>
    /// <param name="caller">Who; holds <c>account:write</c> and a ceiling that covers the account.</param>
    /// <param name="id">Its id.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// Null; or <see cref="RefusalCode.SessionInvalid"/> when there is none, <see cref="RefusalCode.OwnAccount"/>,
    /// <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public async Task<Refusal?> End(Caller caller, SessionId id, CancellationToken cancellationToken) =>
        (await _acts.Write(caller.Tenant, act => End(act, caller, id), cancellationToken)).Refusal;

    private async Task<Result<Session>> End(Act act, Caller caller, SessionId id)
    {
        if (await _sessions.Find(act.Db, act.Tenant, id, act.Now) is not { } session
            || await _accounts.Find(act.Db, act.Tenant, session.Account) is not { } account)
        {
            return RefusalCode.SessionInvalid;
        }

        var ranks = await _policies.Ranks(act.Db, act.Tenant);
        if ((caller.Grant.Demand(Permission.AccountWrite)
            ?? caller.Grant.MayActOn(account.Id, account.Kind, account.Role, account.Role, ranks)) is { } forbidden)
        {
            return forbidden;
        }

        await _sessions.End(act, id);
        await act.Record(new LedgerEntry(LedgerEvent.SessionEnded, caller.Principal, account.Id)
        {
            Facts = SessionLedger.Facts(caller, ("why", "by_operator"), ("session", id.ToString())),
            Texts = SessionLedger.Source(caller),
        });
        return session;
    }

    private async Task<Result<int>> EndAll(Act act, Caller caller, AccountId id)
    {
        if (await _accounts.Find(act.Db, act.Tenant, id) is not { } account)
        {
            return RefusalCode.AccountNotFound;
        }

        var ranks = await _policies.Ranks(act.Db, act.Tenant);
        if ((caller.Grant.Demand(Permission.AccountWrite) ?? caller.Grant.MayActOn(id, account.Kind, account.Role, account.Role, ranks)) is { } forbidden)
        {
            return forbidden;
        }

        var ended = await _sessions.EndAll(act, id);
        await act.Record(new LedgerEntry(LedgerEvent.SessionEnded, caller.Principal, id)
        {
            Facts = SessionLedger.Facts(caller, ("why", "by_operator"), ("ended", ended)),
            Texts = SessionLedger.Source(caller),
        });
        return ended;
    }
}
