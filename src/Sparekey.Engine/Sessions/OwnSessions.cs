using Sparekey.Core;

namespace Sparekey.Engine.Sessions;

/// <summary>Shows a person where else they are signed in, and ends a session there.</summary>
public sealed class OwnSessions
{
    private readonly Acts _acts;
    private readonly SessionStore _sessions;

    internal OwnSessions(Acts acts, SessionStore sessions) => (_acts, _sessions) = (acts, sessions);

    /// <summary>Lists the other live sessions of the caller's account, oldest first.</summary>
    /// <param name="caller">Whose.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyList<Session>> Others(SessionCaller caller, CancellationToken cancellationToken) =>
        [.. (await _acts.Read(db => _sessions.List(db, caller.Tenant, caller.Session.Account, _acts.Now), cancellationToken))
            .Where(s => s.Id != caller.Session.Id)];

    /// <summary>Ends another session of the caller's account.</summary>
    /// <param name="caller">Whose.</param>
    /// <param name="id">Which.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// Whether there was such a session of theirs; or <see cref="RefusalCode.SessionInvalid"/> when the caller's own ended meanwhile.
    /// </returns>
    public Task<Result<bool>> End(SessionCaller caller, SessionId id, CancellationToken cancellationToken) => _acts.Write<Result<bool>>(
        caller.Tenant,
        async act =>
        {
            if (!await _sessions.StillIs(act, caller.Session))
            {
                return RefusalCode.SessionInvalid;
            }

            if (id == caller.Session.Id || await _sessions.Find(act.Db, act.Tenant, id, act.Now) is not { } other
                || other.Account != caller.Session.Account)
            {
                return false;
            }

            var ended = await _sessions.End(act, id);
            await act.Record(SessionLedger.Ended(caller, "ended_elsewhere", 1));
            return ended;
        },
        cancellationToken);
}
