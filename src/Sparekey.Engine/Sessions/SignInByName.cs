using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Engine.Sessions;

/// <summary>A challenge to prove oneself.</summary>
/// <param name="Challenge">The challenge as a text, which also names it.</param>
/// <param name="EncodedChallenge">The challenge as WebAuthn writes it.</param>
/// <param name="Party">For whom; null for an application without a relying-party id.</param>
/// <param name="Allowed">What may answer it.</param>
public sealed record FactorChallenge(string Challenge, string EncodedChallenge, RelyingParty? Party, AllowedCredentials Allowed)
{
    internal static FactorChallenge Of(string challenge, Application? application, AllowedCredentials allowed) => new(
        challenge, NamedChallenge.EncodedOf(challenge), application is null ? null : RelyingParty.Of(application), allowed);
}

/// <summary>
/// Opens a session for who says a name and proves it with a passkey or a key, as other products' protocols have it. For a name that has
/// nothing to prove itself with a decoy is shown, the same every time: who asks learns nothing of who is known here.
/// </summary>
public sealed class SignInByName
{
    private const string Kind = "sign_in.by_name";

    // RFC 8176: proof of possession of a key; with a passkey the authenticator verified the user besides.
    private static readonly string[] KeyAmr = ["pop"];
    private static readonly string[] PasskeyAmr = ["pop", "user"];

    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly ApplicationStore _applications;
    private readonly SignInCredentials _credentials;
    private readonly DecoyCredentials _decoys;
    private readonly CeremonyStore _ceremonies;
    private readonly SessionStore _sessions;
    private readonly Throttle _throttle;
    private readonly KeyPickupCodes _codes;

    internal SignInByName(
        Acts acts, AccountStore accounts, ApplicationStore applications, SignInCredentials credentials, DecoyCredentials decoys,
        CeremonyStore ceremonies, SessionStore sessions, Throttle throttle, KeyPickupCodes codes)
    {
        _acts = acts;
        _accounts = accounts;
        _applications = applications;
        _credentials = credentials;
        _decoys = decoys;
        _ceremonies = ceremonies;
        _sessions = sessions;
        _throttle = throttle;
        _codes = codes;
    }

    /// <summary>Begins.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="application">Whom to sign in to.</param>
    /// <param name="who">The account; null when it is known already that the name is nobody's.</param>
    /// <param name="name">The name as it was typed; null where the passkey is to say whose it is.</param>
    /// <param name="reveal">Whether somebody unknown is told so.</param>
    /// <param name="code">The mailed code that shows the keys which their owner left with us; null for none, and then they are not shown.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The challenge, good for 5 minutes; or <see cref="RefusalCode.TooManyRequests"/>, alike for unknown names, and where that is to be
    /// revealed <see cref="RefusalCode.AccountNotFound"/> or <see cref="RefusalCode.CredentialNotFound"/> (nothing to prove it with).
    /// </returns>
    public Task<Result<FactorChallenge>> Begin(
        Visitor visitor, ApplicationId application, AccountName? who, string? name, bool reveal, SecretText? code, CancellationToken cancellationToken) =>
        _acts.Write(
            visitor.Tenant, act => Begin(act, visitor, application, who, name, reveal, code, NamedChallenge.New(), passkeysOnly: false), cancellationToken);

    /// <summary>Begins with a challenge of 32 bytes and passkeys alone, where challenges have no name.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="application">Whom to sign in to.</param>
    /// <param name="who">The account; null when it is known already that the name is nobody's.</param>
    /// <param name="name">The name as it was typed.</param>
    /// <param name="reveal">Whether somebody unknown is told so.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>As the other one.</returns>
    public Task<Result<FactorChallenge>> BeginUnnamed(
        Visitor visitor, ApplicationId application, AccountName? who, string name, bool reveal, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => Begin(act, visitor, application, who, name, reveal, null, NamedChallenge.Unnamed(), passkeysOnly: true), cancellationToken);

    /// <summary>Signs in.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="challenge">The challenge that is answered.</param>
    /// <param name="proof">The proof.</param>
    /// <param name="lifetime">How long the session lives.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The session and its token; or <see cref="RefusalCode.ChallengeRefused"/> where the challenge is over or was answered, else
    /// <see cref="RefusalCode.SignInFailed"/> whatever was wrong.
    /// </returns>
    public Task<Result<OpenedSession>> Run(
        Visitor visitor, string challenge, FactorProof proof, TimeSpan lifetime, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => Open(act, visitor, challenge, proof, lifetime), cancellationToken);

    // A name that is nobody's, or has nothing, costs what a known one costs: the same reads and the same row.
    private async Task<Result<FactorChallenge>> Begin(
        Act act, Visitor visitor, ApplicationId id, AccountName? who, string? name, bool reveal, SecretText? code, string challenge,
        bool passkeysOnly)
    {
        if (name is not null && await _throttle.Count(act, ThrottleKind.SignIn, name, visitor.Source) is { } tooMany)
        {
            return tooMany;
        }

        var found = who switch
        {
            { Id: { } known } => await _accounts.Find(act.Db, act.Tenant, known),
            { Identifier: { } identifier } => await _accounts.FindByIdentifier(act.Db, act.Tenant, identifier),
            _ => null,
        };
        var account = found is { Status: AccountStatus.Active } ? found : null;
        var allowed = await _credentials.Of(act.Db, act.Tenant, account?.Id ?? default);
        if (code is null || !await _codes.IsRight(act, account?.Id ?? default, code))
        {
            allowed = allowed with { ProtectedKeys = [] };
        }

        if (passkeysOnly)
        {
            allowed = allowed with { Keys = [] };
        }

        if (reveal && name is not null && (account is null || allowed.IsEmpty))
        {
            return account is null ? RefusalCode.AccountNotFound : RefusalCode.CredentialNotFound;
        }

        var shown = name is not null && allowed.IsEmpty ? _decoys.Of(act.Tenant, name, passkeysOnly) : allowed;
        await _ceremonies.Begin(
            act, Kind, challenge, new Ceremony<State>(account?.Id, null, new State(id, IsNamed: name is not null), 1),
            act.Now + NamedChallenge.Lifetime);
        return FactorChallenge.Of(challenge, await _applications.Find(act.Db, act.Tenant, id), shown);
    }

    // If the process dies after this act, the challenge is spent, and the session exists and nobody knows its token.
    private async Task<Result<OpenedSession>> Open(Act act, Visitor visitor, string challenge, FactorProof proof, TimeSpan lifetime)
    {
        if (await _ceremonies.Find<State>(act.Db, act.Tenant, Kind, challenge, act.Now) is not { } ceremony
            || await _applications.Find(act.Db, act.Tenant, ceremony.State.Application) is not { } application)
        {
            return RefusalCode.ChallengeRefused;
        }

        var nobody = ceremony.State.IsNamed && ceremony.Account is null;
        var credential = nobody ? null
            : await _credentials.Verify(act, ceremony.Account, proof, challenge, await _applications.PartyOf(act.Db, act.Tenant, application.Id));
        if (credential is null || await _accounts.Find(act.Db, act.Tenant, credential.Account) is not { Status: AccountStatus.Active })
        {
            await RefusedSignIns.Record(act, visitor, ceremony.Account, RefusalCode.SignInFailed);
            return RefusalCode.SignInFailed;
        }

        if (!await _ceremonies.Consume(act, Kind, challenge, ceremony.Version))
        {
            return RefusalCode.ChallengeRefused;
        }

        var opened = await _sessions.Open(act, new NewSession(credential.Account, credential.Kind == CredentialKind.Key ? KeyAmr : PasskeyAmr)
        {
            Credential = credential.Id,
            Application = application.Id,
            Lifetime = lifetime,
        });
        await act.Record(SessionLedger.Opened(visitor, opened.Session));
        return opened;
    }

    private sealed record State(ApplicationId Application, bool IsNamed);
}
