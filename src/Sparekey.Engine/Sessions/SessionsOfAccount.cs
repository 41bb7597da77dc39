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
