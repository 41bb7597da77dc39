using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Credentials.ExternalLogins;

/// <summary>A visit to another provider that began.</summary>
/// <param name="Id">What names it, unguessable; comes back with the person.</param>
/// <param name="Provider">The provider.</param>
/// <param name="Flow">The settings flow that it began in.</param>
/// <param name="Memo">What the client of the provider needs again when the person comes back, for example its code verifier.</param>
public sealed record LinkAttempt(string Id, string Provider, string Flow, string Memo)
{
    /// <summary>Shows nothing of what it holds.</summary>
    public override string ToString() => $"[visit to {Provider}]";
}

/// <summary>
/// Links an account at another provider to the account of a person who has just signed in or recovered. It is begun and ended by one
/// session: a provider's answer that was begun in somebody else's browser links nothing, so that nobody is led to sign in with another's.
/// </summary>
public sealed class LinkExternalLogin
{
    private const string Kind = "external_login.link";

    /// <summary>How long a visit may take.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(15);

    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly ExternalLoginStore _logins;
    private readonly CeremonyStore _ceremonies;
    private readonly SessionStore _sessions;

    internal LinkExternalLogin(
        Acts acts, AccountStore accounts, ExternalLoginStore logins, CeremonyStore ceremonies, SessionStore sessions)
    {
        _acts = acts;
        _accounts = accounts;
        _logins = logins;
        _ceremonies = ceremonies;
        _sessions = sessions;
    }

    /// <summary>An id for an attempt: 134 random bits.</summary>
    public static string NewId() => NamedChallenge.New();

    /// <summary>Begins a visit to a provider.</summary>
    /// <param name="caller">Who; in their privileged time.</param>
    /// <param name="attempt">The visit, with an id of <see cref="NewId"/>.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The attempt, good for 15 minutes; or <see cref="RefusalCode.FreshSignInRequired"/>, <see cref="RefusalCode.SessionInvalid"/>,
    /// <see cref="RefusalCode.CredentialTaken"/> where the account has a login of this provider.
    /// </returns>
    public Task<Result<LinkAttempt>> Begin(SessionCaller caller, LinkAttempt attempt, CancellationToken cancellationToken) =>
        _acts.Write(caller.Tenant, act => Begin(act, caller, attempt), cancellationToken);

    /// <summary>What an attempt was about, for whoever began it.</summary>
    /// <param name="caller">Who.</param>
    /// <param name="id">Its id.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The attempt; null where it is over, unknown, or another session's.</returns>
    public async Task<LinkAttempt?> Find(SessionCaller caller, string id, CancellationToken cancellationToken) =>
        (await _acts.Read(db => _ceremonies.Find<Asked>(db, caller.Tenant, Kind, id, _acts.Now), cancellationToken)) is { } found
        && found.State.Session == caller.Session.Id
            ? new LinkAttempt(id, found.State.Provider, found.State.Flow, found.State.Memo)
            : null;

    /// <summary>Links what the provider proved. The attempt is over, whatever comes of it.</summary>
    /// <param name="caller">Who; the session that began.</param>
    /// <param name="id">The attempt.</param>
    /// <param name="identity">What the provider proved.</param>
    /// <param name="cancellationToken">Gives up before the commit.</param>
    /// <returns>
    /// The credential; or <see cref="RefusalCode.ChallengeRefused"/>, <see cref="RefusalCode.FreshSignInRequired"/>,
    /// <see cref="RefusalCode.SessionInvalid"/>, <see cref="RefusalCode.CredentialTaken"/> where the login is somebody's, or the account has
    /// one of this provider.
    /// </returns>
    public Task<Result<Credential>> Run(
        SessionCaller caller, string id, ExternalIdentity identity, CancellationToken cancellationToken) =>
        _acts.Write(caller.Tenant, act => Link(act, caller, id, identity), cancellationToken);

    private async Task<Result<LinkAttempt>> Begin(Act act, SessionCaller caller, LinkAttempt attempt)
    {
        if ((await _sessions.PrivilegedPersonOf(act, _accounts, caller)).Refusal is { } refused)
        {
            return refused;
        }

        if (await HasOneOf(act, caller.Session.Account, attempt.Provider))
        {
            return RefusalCode.CredentialTaken;
        }

        var asked = new Asked(caller.Session.Id, attempt.Provider, attempt.Flow, attempt.Memo);
        await _ceremonies.Begin(act, Kind, attempt.Id, new Ceremony<Asked>(caller.Session.Account, null, asked, 1), act.Now + Lifetime);
        return attempt;
    }

    // If the process dies after this act, the login is linked, the ledger says so and the notice leaves.
    private async Task<Result<Credential>> Link(Act act, SessionCaller caller, string id, ExternalIdentity identity)
    {
        if (await _ceremonies.Find<Asked>(act.Db, act.Tenant, Kind, id, act.Now) is not { } ceremony
            || ceremony.State.Session != caller.Session.Id || ceremony.State.Provider != identity.Provider
            || identity.Subject.Length is 0 or > 255
            || !await _ceremonies.Consume(act, Kind, id, ceremony.Version))
        {
            return RefusalCode.ChallengeRefused;
        }

        if ((await _sessions.PrivilegedPersonOf(act, _accounts, caller)).Refusal is { } refused)
        {
            return refused;
        }

        var account = caller.Session.Account;
        if (await HasOneOf(act, account, identity.Provider) || await _logins.OwnerOf(act.Db, act.Tenant, identity) is not null)
        {
            return RefusalCode.CredentialTaken;
        }

        var credential = await _logins.Add(act, account, identity);
        await _sessions.LiftRecovery(act, caller.Session, caller.LastsFor);
        await act.Record(CredentialLedger.Added(caller, credential));
        await act.Send(CredentialNotice.Of(account, CredentialKind.ExternalLogin, "added"));
        return credential;
    }

    private async Task<bool> HasOneOf(Act act, AccountId account, string provider) =>
        (await _logins.List(act.Db, act.Tenant, account)).Any(l => l.Provider == provider);

    private sealed record Asked(SessionId Session, string Provider, string Flow, string Memo);
}
