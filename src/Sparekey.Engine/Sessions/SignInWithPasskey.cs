using System.Buffers.Text;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Credentials.Passkeys;

namespace Sparekey.Engine.Sessions;

/// <summary>
/// Opens a session for who holds an account's passkey. Nobody says a name: the authenticator finds its own credential, so that there
/// is nothing to learn about who has one. Whatever is wrong looks alike.
/// </summary>
public sealed class SignInWithPasskey
{
    private const string Kind = "passkey.get";

    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly ApplicationStore _applications;
    private readonly PasskeyStore _passkeys;
    private readonly CeremonyStore _ceremonies;
    private readonly SessionStore _sessions;

    internal SignInWithPasskey(
        Acts acts, AccountStore accounts, ApplicationStore applications, PasskeyStore passkeys, CeremonyStore ceremonies, SessionStore sessions)
    {
        _acts = acts;
        _accounts = accounts;
        _applications = applications;
        _passkeys = passkeys;
        _ceremonies = ceremonies;
        _sessions = sessions;
    }

    /// <summary>Begins: what the browser is to prove, to the application of the host that was asked.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The options, good for 5 minutes; or <see cref="RefusalCode.MeansNotAvailable"/>.</returns>
    public Task<Result<PasskeyRequest>> Begin(Visitor visitor, CancellationToken cancellationToken) =>
        _acts.Write<Result<PasskeyRequest>>(
            visitor.Tenant,
            async act =>
            {
                var application = await _applications.OfHost(act.Db, act.Tenant, visitor.Host);
                if (RelyingParty.Of(application) is not { } party)
                {
                    return RefusalCode.MeansNotAvailable;
                }

                var challenge = PasskeyChallenge.New();
                await _ceremonies.Begin(
                    act, Kind, challenge, new Ceremony<ApplicationId>(null, null, application.Id, 1), act.Now + PasskeyChallenge.Lifetime);
                return new PasskeyRequest(challenge, party);
            },
            cancellationToken);

    /// <summary>Signs in.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="proof">What the browser proved.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The session and its token; or <see cref="RefusalCode.SignInFailed"/> whatever was wrong.</returns>
    public Task<Result<OpenedSession>> Run(Visitor visitor, PasskeyAssertion proof, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => Open(act, visitor, proof), cancellationToken);

    // If the process dies after this act, the challenge is spent, and the session exists and nobody knows its token.
    private async Task<Result<OpenedSession>> Open(Act act, Visitor visitor, PasskeyAssertion proof)
    {
        if (proof.ToResponse() is not { } response || PasskeyChallenge.SaidBy(response.ClientData) is not { } challenge
            || await _ceremonies.Find<ApplicationId>(act.Db, act.Tenant, Kind, challenge, act.Now) is not { } ceremony
            || await _applications.Find(act.Db, act.Tenant, ceremony.State) is not { } application
            || RelyingParty.Of(application) is not { } party)
        {
            return await Refuse(act, visitor, null);
        }

        var stored = await _passkeys.Find(act.Db, act.Tenant, response.CredentialId);
        var account = stored is null ? null : await _accounts.Find(act.Db, act.Tenant, stored.Credential.Account);
        if (stored is null || account is not { Status: AccountStatus.Active })
        {
            return await Refuse(act, visitor, account?.Id);
        }

        var expected = new CeremonyExpectation(Base64Url.DecodeFromChars(challenge), party.Id, party.Origins);
        var verified = PasskeyCeremonies.VerifyAssertion(response, stored.Passkey, PasskeyChallenge.HandleOf(account.Id), expected);

        // A challenge is good for one session, whichever credential answers it first.
        if (verified.Value is not { } passkey || !await _ceremonies.Consume(act, Kind, challenge, ceremony.Version)
            || !await _passkeys.MarkUsed(act, stored, passkey))
        {
            return await Refuse(act, visitor, account.Id);
        }

        var opened = await _sessions.Open(
            act, new NewSession(account.Id, passkey.Amr) { Credential = stored.Credential.Id, Application = application.Id });
        await act.Record(SessionLedger.Opened(visitor, opened.Session));
        return opened;
    }

    private static async Task<Result<OpenedSession>> Refuse(Act act, Visitor visitor, AccountId? account)
    {
        await RefusedSignIns.Record(act, visitor, account, RefusalCode.SignInFailed);
        return RefusalCode.SignInFailed;
    }
}
