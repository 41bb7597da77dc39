using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Sessions;

/// <summary>Finds out whose session a token proves.</summary>
public sealed class SessionAuthentication
{
    private readonly Acts _acts;
    private readonly SessionStore _sessions;
    private readonly SessionAliases _aliases;
    private readonly AccountStore _accounts;

    internal SessionAuthentication(Acts acts, SessionStore sessions, SessionAliases aliases, AccountStore accounts)
    {
        _acts = acts;
        _sessions = sessions;
        _aliases = aliases;
        _accounts = accounts;
    }

    /// <summary>Checks a session token and notes that the session is in use.</summary>
    /// <param name="tenant">The tenant the call reached.</param>
    /// <param name="token">The token as it was sent.</param>
    /// <param name="allowed">What the call does, where a session restricted to that may do it; null where none may.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>
    /// The session; <see cref="RefusalCode.SessionInvalid"/> for a wrong, ended and expired one alike, also when its account was
    /// disabled; <see cref="RefusalCode.PasswordChangeRequired"/> for a restricted one.
    /// </returns>
    public async Task<Result<Session>> Authenticate(
        TenantId tenant, SecretText token, SessionRestriction? allowed, CancellationToken cancellationToken) =>
        TokenText.TryParse(token.Reveal(), TokenPrefix.Session, out var parts)
            ? await Admit(tenant, (db, now) => _sessions.Find(db, tenant, parts, now), allowed, cancellationToken)
            : RefusalCode.SessionInvalid;

    /// <summary>Checks a token in the form of another product, as <see cref="Authenticate"/> does ours.</summary>
    /// <param name="tenant">The tenant the call reached.</param>
    /// <param name="alias">The token as it was sent.</param>
    /// <param name="allowed">What the call does, where a session restricted to that may do it; null where none may.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>As <see cref="Authenticate"/>.</returns>
    public Task<Result<Session>> AuthenticateAlias(
        TenantId tenant, SecretText alias, SessionRestriction? allowed, CancellationToken cancellationToken) =>
        Admit(
            tenant,
            async (db, now) => await _aliases.Find(db, tenant, alias, now) is { } id ? await _sessions.Find(db, tenant, id, now) : null,
            allowed, cancellationToken);

    /// <summary>Admits a session whose id something else proved, as <see cref="Authenticate"/> does.</summary>
    /// <param name="tenant">The tenant the call reached.</param>
    /// <param name="session">The session.</param>
    /// <param name="allowed">What the call does, where a session restricted to that may do it; null where none may.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>As <see cref="Authenticate"/>.</returns>
    internal Task<Result<Session>> AuthenticateProved(
        TenantId tenant, SessionId session, SessionRestriction? allowed, CancellationToken cancellationToken) =>
        Admit(tenant, (db, now) => _sessions.Find(db, tenant, session, now), allowed, cancellationToken);

    private async Task<Result<Session>> Admit(
        TenantId tenant, Func<DbSession, DateTimeOffset, Task<Session?>> find, SessionRestriction? allowed, CancellationToken cancellationToken)
    {
        var now = _acts.Now;
        var session = await _acts.Read(
            async db => await find(db, now) is { } found && await _accounts.Find(db, tenant, found.Account) is { Status: AccountStatus.Active }
                ? found
                : null,
            cancellationToken);
        if (session is null)
        {
            return RefusalCode.SessionInvalid;
        }

        if (session.LastSeenAt + SessionStore.SeenEvery <= now)
        {
            await _acts.Write(tenant, act => _sessions.MarkSeen(act, session.Id), cancellationToken);
        }

        return session.RestrictedTo is not { } restriction || restriction == allowed ? session
            : restriction == SessionRestriction.PasswordChange ? RefusalCode.PasswordChangeRequired
            : RefusalCode.SessionInvalid;
    }
}
