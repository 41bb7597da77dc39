using System.Buffers.Text;
using System.Security.Cryptography;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Keys;

namespace Sparekey.Engine.Sessions;

/// <summary>A nonce to sign.</summary>
/// <param name="Id">What names it.</param>
/// <param name="Nonce">The nonce, 256 random bits as base64url.</param>
public sealed record NonceChallenge(string Id, string Nonce);

/// <summary>
/// Opens a session for who signs a nonce with a key of theirs, in the form of some other product: the caller of this says whether a key
/// signed it. For a name that nobody has a nonce is given as for any other.
/// </summary>
public sealed class SignInWithSignedNonce
{
    private const string Kind = "sign_in.nonce";
    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    // RFC 8176: proof of possession of a key.
    private static readonly string[] Amr = ["pop"];

    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly KeyStore _keys;
    private readonly CredentialStore _credentials;
    private readonly CeremonyStore _ceremonies;
    private readonly SessionStore _sessions;
    private readonly Throttle _throttle;

    internal SignInWithSignedNonce(
        Acts acts, AccountStore accounts, KeyStore keys, CredentialStore credentials, CeremonyStore ceremonies, SessionStore sessions,
        Throttle throttle)
    {
        _acts = acts;
        _accounts = accounts;
        _keys = keys;
        _credentials = credentials;
        _ceremonies = ceremonies;
        _sessions = sessions;
        _throttle = throttle;
    }

    /// <summary>Begins.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="application">Whom to sign in to.</param>
    /// <param name="account">The account; null where the name is nobody's.</param>
    /// <param name="name">The name as it was typed.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The nonce, good for 5 minutes; or <see cref="RefusalCode.TooManyRequests"/>, alike for unknown names.</returns>
    public Task<Result<NonceChallenge>> Begin(
        Visitor visitor, ApplicationId application, AccountId? account, string name, CancellationToken cancellationToken) =>
        _acts.Write<Result<NonceChallenge>>(
            visitor.Tenant,
            async act =>
            {
                if (await _throttle.Count(act, ThrottleKind.SignIn, name, visitor.Source) is { } tooMany)
                {
                    return tooMany;
                }

                var made = new NonceChallenge(
                    NewId.Make<EntryId>().ToString(), Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32)));
                await _ceremonies.Begin(
                    act, Kind, made.Id, new Ceremony<State>(account, null, new State(application, made.Nonce), 1), act.Now + Lifetime);
                return made;
            },
            cancellationToken);

    /// <summary>Signs in.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="application">Whom to sign in to; the one it was begun with.</param>
    /// <param name="id">What names the nonce.</param>
    /// <param name="isSigned">Whether a key signed the nonce.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The session; or <see cref="RefusalCode.SignInFailed"/> whatever was wrong.</returns>
    public Task<Result<OpenedSession>> Run(
        Visitor visitor, ApplicationId application, string id, Func<SigningPublicKey, string, bool> isSigned, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => Open(act, visitor, application, id, isSigned), cancellationToken);

    private async Task<Result<OpenedSession>> Open(
        Act act, Visitor visitor, ApplicationId application, string id, Func<SigningPublicKey, string, bool> isSigned)
    {
        var ceremony = await _ceremonies.Find<State>(act.Db, act.Tenant, Kind, id, act.Now);
        var account = ceremony is { Account: { } whose } && ceremony.State.Application == application
            ? await _accounts.Find(act.Db, act.Tenant, whose)
            : null;
        var signed = account is { Status: AccountStatus.Active }
            ? (await _keys.List(act.Db, act.Tenant, account.Id, CredentialKind.Key))
                .FirstOrDefault(k => SigningPublicKey.Parse(k.Body.PublicKey) is { } key && isSigned(key, ceremony!.State.Nonce))
            : null;
        if (signed is null || !await _ceremonies.Consume(act, Kind, id, ceremony!.Version))
        {
            await RefusedSignIns.Record(act, visitor, account?.Id, RefusalCode.SignInFailed);
            return RefusalCode.SignInFailed;
        }

        await _credentials.MarkUsed(act, signed.Credential.Id);
        var opened = await _sessions.Open(
            act, new NewSession(account!.Id, Amr) { Credential = signed.Credential.Id, Application = application });
        await act.Record(SessionLedger.Opened(visitor, opened.Session));
        return opened;
    }

    private sealed record State(ApplicationId Application, string Nonce);
}
