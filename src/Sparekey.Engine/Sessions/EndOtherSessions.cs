using Sparekey.Core;

namespace Sparekey.Engine.Sessions;

/// <summary>Signs the person out everywhere else.</summary>
public sealed class EndOtherSessions
{
    private readonly Acts _acts;
    private readonly SessionStore _sessions;

    internal EndOtherSessions(Acts acts, SessionStore sessions)
    {
        _acts = acts;
        _sessions = sessions;
    }

    /// <summary>Ends every session of the caller's account but theirs.</summary>
    /// <param name="caller">Whose.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>How many ended, or <see cref="RefusalCode.SessionInvalid"/> when the caller's own ended meanwhile.</returns>
    public Task<Result<int>> Run(SessionCaller caller, CancellationToken cancellationToken) => _acts.Write<Result<int>>(
        caller.Tenant,
        async act =>
        {
            // Two sessions that end each other: one of them wins, and the loser's call changes nothing.
            if (!await _sessions.StillIs(act, caller.Session))
            {
                return RefusalCode.SessionInvalid;
            }

            var ended = await _sessions.EndAll(act, caller.Session.Account, caller.Session.Id);
            if (ended > 0)
            {
                await act.Record(SessionLedger.Ended(caller, "ended_elsewhere", ended));
            }

            return ended;
        },
        cancellationToken);
}
