using System.Security.Cryptography;
using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Credentials.Escrow.Identity;

/// <summary>A session of a client that has no cookies: both tokens are in clear here and nowhere else.</summary>
/// <param name="Session">The session.</param>
/// <param name="AccessToken">Proves it, for five minutes.</param>
/// <param name="RefreshToken">Gets the next one, once.</param>
public sealed record OpenedOpenPgpSession(Session Session, SecretText AccessToken, SecretText RefreshToken);

/// <summary>
/// Opens sessions for who proved an OpenPGP key, and the refresh tokens that open further ones. A refresh token stands under its hash; one
/// that was used stays until its time is over, so that its second use is known for what it is.
/// </summary>
/// <param name="sessions">The sessions.</param>
/// <param name="ceremonies">Where refresh tokens stand.</param>
/// <param name="servers">Holds the key that signs access tokens.</param>
internal sealed class OpenPgpSessions(SessionStore sessions, CeremonyStore ceremonies, OpenPgpServerStore servers)
{
    // RFC 8176: proof of possession of a key; which, is no name of the registry.
    private static readonly string[] Amr = ["pop", "openpgp"];

    /// <summary>Opens a session.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="account">Whose.</param>
    /// <param name="lifetime">How long it lasts at most.</param>
    public async Task<OpenedSession> Open(Act act, Visitor visitor, AccountId account, TimeSpan lifetime)
    {
        var opened = await sessions.Open(act, new NewSession(account, Amr) { RestrictedTo = SessionRestriction.Openpgp, Lifetime = lifetime });
        await act.Record(SessionLedger.Opened(visitor, opened.Session));
        return opened;
    }

    /// <summary>Opens a session with an access token and a refresh token.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="server">The server.</param>
    /// <param name="account">Whose.</param>
    /// <param name="fingerprint">The person's key: tokens end when it is another.</param>
    public async Task<OpenedOpenPgpSession> OpenWithTokens(Act act, Visitor visitor, OpenPgpServer server, AccountId account, string fingerprint)
    {
        var opened = await Open(act, visitor, account, SignInLifetimes.Access);
        var refresh = NewId.Make<EntryId>().ToString();
        await ceremonies.Begin(
            act, SessionStore.RefreshKind, refresh, new Ceremony<RefreshState>(account, null, new RefreshState(opened.Session.Id, fingerprint, IsUsed: false), 1),
            act.Now + SignInLifetimes.Refresh);
        var secret = await servers.SecretOf(act.Db, act.Tenant, ServerKeyPurpose.Access);
        try
        {
            var access = AccessProof.Write(
                secret, server.AccessKeyId, new AccessClaims(server.Domain, account, opened.Session.Id, opened.Session.ExpiresAt));
            return new OpenedOpenPgpSession(opened.Session, new SecretText(access), new SecretText(refresh));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    /// <summary>A refresh token that somebody brought; null where there is none, or it is another person's.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose it should be; null where the token alone says so.</param>
    /// <param name="token">The token.</param>
    public async Task<Ceremony<RefreshState>?> FindRefresh(Act act, AccountId? account, string token) =>
        await ceremonies.Find<RefreshState>(act.Db, act.Tenant, SessionStore.RefreshKind, token, act.Now) is { } found && (account is null || found.Account == account)
            ? found
            : null;

    /// <summary>Uses a refresh token up. True exactly once.</summary>
    /// <param name="act">The act.</param>
    /// <param name="token">The token.</param>
    /// <param name="found">As it was found.</param>
    public Task<bool> UseUp(Act act, string token, Ceremony<RefreshState> found) =>
        ceremonies.Change(act, SessionStore.RefreshKind, token, found.Version, found.State with { IsUsed = true });

    /// <summary>Gives a refresh token up: who has a copy of it learns no more than from one that never was.</summary>
    /// <param name="act">The act.</param>
    /// <param name="token">The token.</param>
    /// <param name="found">As it was found.</param>
    public Task<bool> GiveUp(Act act, string token, Ceremony<RefreshState> found) => ceremonies.Consume(act, SessionStore.RefreshKind, token, found.Version);

    /// <summary>Ends a session of a person.</summary>
    /// <param name="act">The act.</param>
    /// <param name="session">The session.</param>
    public Task<bool> End(Act act, SessionId session) => sessions.End(act, session);

    /// <summary>Whether somebody ended the session that a refresh token came with: the token ended with it.</summary>
    /// <param name="act">The act.</param>
    /// <param name="found">The refresh token.</param>
    public Task<bool> WasEnded(Act act, Ceremony<RefreshState> found) => sessions.WasEnded(act, found.State.Session);

    /// <summary>Ends the session in whose place another comes.</summary>
    /// <param name="act">The act.</param>
    /// <param name="session">The session.</param>
    public Task<bool> Replace(Act act, SessionId session) => sessions.Replace(act, session);

    /// <summary>Ends all that the person of an account began in this way.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    public Task<int> EndAll(Act act, AccountId account) => sessions.EndOfOpenPgp(act, account);

    /// <summary>The server's own key; the caller disposes it.</summary>
    /// <param name="acts">Runs acts.</param>
    /// <param name="tenant">The tenant, which was set up.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<PgpSecretKey> ServerKey(Acts acts, TenantId tenant, CancellationToken cancellationToken)
    {
        var secret = await acts.Read(db => servers.SecretOf(db, tenant, ServerKeyPurpose.Openpgp), cancellationToken);
        try
        {
            return PgpSecretKey.Open(secret, []).Value;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }
}

/// <summary>How long what comes of signing in is good.</summary>
public static class SignInLifetimes
{
    /// <summary>An access token, and its session with it.</summary>
    public static readonly TimeSpan Access = TimeSpan.FromMinutes(5);

    /// <summary>A refresh token.</summary>
    public static readonly TimeSpan Refresh = SessionStore.LongestRefresh;
}

/// <summary>What is kept of a refresh token.</summary>
/// <param name="Session">The session that came with it.</param>
/// <param name="Fingerprint">The person's key then.</param>
/// <param name="IsUsed">Whether it was used.</param>
internal sealed record RefreshState(SessionId Session, string Fingerprint, bool IsUsed);
