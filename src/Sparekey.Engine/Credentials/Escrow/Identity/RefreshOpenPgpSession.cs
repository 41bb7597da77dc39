using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Credentials.Escrow.Identity;

/// <summary>Gets the next access token for a refresh token, which then is used up, and ends what refresh tokens keep alive.</summary>
public sealed class RefreshOpenPgpSession
{
    private readonly Acts _acts;
    private readonly OpenPgpServerStore _servers;
    private readonly OpenPgpPeople _people;
    private readonly OpenPgpSessions _sessions;
    private readonly SignInAttacks _attacks;

    internal RefreshOpenPgpSession(
        Acts acts, OpenPgpServerStore servers, OpenPgpPeople people, OpenPgpSessions sessions, SignInAttacks attacks)
    {
        _acts = acts;
        _servers = servers;
        _people = people;
        _sessions = sessions;
        _attacks = attacks;
    }

    /// <summary>Gets the next tokens.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="user">Whose, where the call says so.</param>
    /// <param name="token">The refresh token.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The tokens; or <see cref="RefusalCode.SignInFailed"/>. A token that comes a second time is somebody else's copy, or was: all that the
    /// person began in this way ends.
    /// </returns>
    public Task<Result<OpenedOpenPgpSession>> Run(Visitor visitor, AccountId? user, SecretText token, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => Refresh(act, visitor, user, token.Reveal()), cancellationToken);

    /// <summary>Ends a refresh token and its session, or, where none is named, all of the person.</summary>
    /// <param name="caller">The person.</param>
    /// <param name="token">The refresh token; null for all.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>True; or <see cref="RefusalCode.SignInFailed"/> where it is none of theirs.</returns>
    public Task<Result<bool>> End(SessionCaller caller, SecretText? token, CancellationToken cancellationToken) => _acts.Write<Result<bool>>(
        caller.Tenant,
        async act =>
        {
            if (token is null)
            {
                await _sessions.EndAll(act, caller.Session.Account);
                await act.Record(SessionLedger.Ended(caller, "signed_out_everywhere", 1));
                return true;
            }

            if (await _sessions.FindRefresh(act, caller.Session.Account, token.Reveal()) is not { } found)
            {
                return SignInFaults.Of(SignInFault.NonceInvalid);
            }

            await _sessions.GiveUp(act, token.Reveal(), found);
            await _sessions.End(act, found.State.Session);
            await _sessions.End(act, caller.Session.Id);
            await act.Record(SessionLedger.Ended(caller, "signed_out", 1));
            return true;
        },
        cancellationToken);

    // If the process dies after this act, the token is used up and the next one is nowhere: its holder signs in again.
    private async Task<Result<OpenedOpenPgpSession>> Refresh(Act act, Visitor visitor, AccountId? user, string token)
    {
        if (await _sessions.FindRefresh(act, user, token) is not { Account: { } account } found)
        {
            await RefusedSignIns.Record(act, visitor, null, RefusalCode.SignInFailed);
            return SignInFaults.Of(SignInFault.NonceInvalid);
        }

        if (found.State.IsUsed)
        {
            await _sessions.EndAll(act, account);
            await RefusedSignIns.Record(act, visitor, account, RefusalCode.SignInFailed);
            await _attacks.Tell(act, visitor, account, SignInFault.Used);
            return SignInFaults.Of(SignInFault.Used);
        }

        if (await _servers.Find(act.Db, act.Tenant) is not { } server
            || await _people.Find(act.Db, act.Tenant, account) is not { } person || person.Key.Fingerprint != found.State.Fingerprint
            || await _sessions.WasEnded(act, found)
            || !await _sessions.UseUp(act, token, found))
        {
            await RefusedSignIns.Record(act, visitor, account, RefusalCode.SignInFailed);
            return SignInFaults.Of(SignInFault.NonceInvalid);
        }

        await _sessions.Replace(act, found.State.Session);
        return await _sessions.OpenWithTokens(act, visitor, server, account, person.Key.Fingerprint);
    }
}
