using System.Buffers.Text;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Credentials.Passkeys;

/// <summary>A passkey that was bound.</summary>
/// <param name="Credential">What everybody may know of it.</param>
/// <param name="Signal">What the browser is told of the account's passkeys.</param>
public sealed record AddedPasskey(Credential Credential, PasskeySignal Signal);

/// <summary>
/// Binds a further passkey to the account of a person who has just signed in (SP 800-63B-4 §4.1.2.1). Every address of the account is
/// told, by a message that the ceremony has no part in.
/// </summary>
public sealed class AddPasskey
{
    private const string Kind = "passkey.add";

    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly ApplicationStore _applications;
    private readonly PasskeyStore _passkeys;
    private readonly CeremonyStore _ceremonies;
    private readonly SessionStore _sessions;

    internal AddPasskey(
        Acts acts, AccountStore accounts, ApplicationStore applications, PasskeyStore passkeys, CeremonyStore ceremonies, SessionStore sessions)
    {
        _acts = acts;
        _accounts = accounts;
        _applications = applications;
        _passkeys = passkeys;
        _ceremonies = ceremonies;
        _sessions = sessions;
    }

    /// <summary>Begins: what the browser is to make.</summary>
    /// <param name="caller">Who; signed in within the last 15 minutes.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The options, good for 5 minutes; or <see cref="RefusalCode.FreshSignInRequired"/>, <see cref="RefusalCode.SessionInvalid"/>,
    /// <see cref="RefusalCode.MeansNotAvailable"/> where the application has no relying-party id.
    /// </returns>
    public Task<Result<PasskeyCreation>> Begin(SessionCaller caller, CancellationToken cancellationToken) =>
        _acts.Write(caller.Tenant, act => Begin(act, caller), cancellationToken);

    /// <summary>Verifies what the browser made, and binds it.</summary>
    /// <param name="caller">Who; the same session that began.</param>
    /// <param name="made">What the browser made.</param>
    /// <param name="name">What the person calls it, 1 to 64 characters; null for nothing.</param>
    /// <param name="cancellationToken">Gives up before the commit.</param>
    /// <returns>
    /// The passkey; or <see cref="RefusalCode.PasskeyRefused"/> (the challenge stays good), <see cref="RefusalCode.FreshSignInRequired"/>,
    /// <see cref="RefusalCode.SessionInvalid"/>, <see cref="RefusalCode.MeansNotAvailable"/>, <see cref="RefusalCode.InvalidRequest"/>.
    /// </returns>
    public Task<Result<AddedPasskey>> Run(SessionCaller caller, NewPasskey made, string? name, CancellationToken cancellationToken) =>
        _acts.Write(caller.Tenant, act => Bind(act, caller, made, name), cancellationToken);

    private async Task<Result<PasskeyCreation>> Begin(Act act, SessionCaller caller)
    {
        var person = await _sessions.PrivilegedPersonOf(act, _accounts, caller);
        if (person.Refusal is { } refused)
        {
            return refused;
        }

        var application = await ApplicationOf(act, caller);
        if (application is null || RelyingParty.Of(application) is not { } party)
        {
            return RefusalCode.MeansNotAvailable;
        }

        var challenge = PasskeyChallenge.New();
        await _ceremonies.Begin(
            act, Kind, challenge, new Ceremony<Asked>(person.Value.Id, null, new Asked(caller.Session.Id, application.Id), 1),
            act.Now + PasskeyChallenge.Lifetime);
        return PasskeyCreation.For(person.Value, challenge, party, await _passkeys.List(act.Db, act.Tenant, person.Value.Id));
    }

    // If the process dies after this act, the passkey is bound, the ledger says so and the notice leaves.
    private async Task<Result<AddedPasskey>> Bind(Act act, SessionCaller caller, NewPasskey made, string? name)
    {
        var person = await _sessions.PrivilegedPersonOf(act, _accounts, caller);
        if ((CredentialName.Check(name) ?? person.Refusal) is { } refused)
        {
            return refused;
        }

        if (made.ToResponse() is not { } response || PasskeyChallenge.SaidBy(response.ClientData) is not { } challenge
            || await _ceremonies.Find<Asked>(act.Db, act.Tenant, Kind, challenge, act.Now) is not { } ceremony
            || ceremony.State.Session != caller.Session.Id)
        {
            return RefusalCode.PasskeyRefused;
        }

        if (await _applications.Find(act.Db, act.Tenant, ceremony.State.Application) is not { } application
            || RelyingParty.Of(application) is not { } party)
        {
            return RefusalCode.MeansNotAvailable;
        }

        var expected = new CeremonyExpectation(Base64Url.DecodeFromChars(challenge), party.Id, party.Origins);
        var verified = PasskeyCeremonies.VerifyRegistration(response, expected, CoseAlgorithms.Offered, AttestationPolicy.Open, act.Now);
        if (verified.Value is not { } passkey || await _passkeys.IsTaken(act.Db, act.Tenant, passkey.CredentialId)
            || !await _ceremonies.Consume(act, Kind, challenge, ceremony.Version))
        {
            return RefusalCode.PasskeyRefused;
        }

        var credential = await _passkeys.Add(act, person.Value.Id, passkey, name, recovery: null);
        await _sessions.LiftRecovery(act, caller.Session, caller.LastsFor);
        await act.Record(CredentialLedger.Added(caller, credential, passkey));
        await act.Send(CredentialNotice.Of(person.Value.Id, CredentialKind.Passkey, "added"));
        return new AddedPasskey(credential, await _passkeys.Signal(act.Db, act.Tenant, person.Value.Id, party));
    }

    private async Task<Application?> ApplicationOf(Act act, SessionCaller caller) => caller.Session.Application is { } own
        ? await _applications.Find(act.Db, act.Tenant, own)
        : await _applications.OfHost(act.Db, act.Tenant, caller.Host);

    private sealed record Asked(SessionId Session, ApplicationId Application);
}
