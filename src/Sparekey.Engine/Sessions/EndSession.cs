using Sparekey.Core;

namespace Sparekey.Engine.Sessions;

/// <summary>Signs out: the session is dead for every process when this returns.</summary>
public sealed class EndSession
{
    private readonly Acts _acts;
    private readonly SessionStore _sessions;

    internal EndSession(Acts acts, SessionStore sessions)
    {
        _acts = acts;
        _sessions = sessions;
    }

    /// <summary>Ends the caller's session.</summary>
    /// <param name="caller">Whose.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>True, or <see cref="RefusalCode.SessionInvalid"/> when it ended meanwhile.</returns>
    public Task<Result<bool>> Run(SessionCaller caller, CancellationToken cancellationToken) => _acts.Write<Result<bool>>(
        caller.Tenant,
        async act =>
        {
            if (!await _sessions.End(act, caller.Session.Id))
            {
                return RefusalCode.SessionInvalid;
            }

            await act.Record(SessionLedger.Ended(caller, "signed_out", 1));
            return true;
        },
        cancellationToken);
}
