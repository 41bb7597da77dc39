using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Credentials.Escrow.Identity;

/// <summary>A person who signed in with an OpenPGP key.</summary>
/// <param name="Account">Who.</param>
/// <param name="Person">Their session.</param>
/// <param name="Operator">What they may do to others; null where nothing.</param>
/// <param name="Hindrance">Why an operator may do nothing for now; null where nothing hinders them.</param>
public sealed record OpenPgpCaller(Account Account, SessionCaller Person, Caller? Operator, Refusal? Hindrance);

/// <summary>
/// Tells who signed in with an OpenPGP key. Operators who did act on others in the protocol of that product alone: it is one factor, and
/// our own interface asks for two.
/// </summary>
public sealed class OpenPgpAuthentication
{
    private readonly Acts _acts;
    private readonly SessionAuthentication _sessions;
    private readonly OpenPgpServerStore _servers;
    private readonly AccountStore _accounts;
    private readonly OperatorStore _operators;
    private readonly RecoveryStore _recoveries;

    internal OpenPgpAuthentication(
        Acts acts, SessionAuthentication sessions, OpenPgpServerStore servers, AccountStore accounts, OperatorStore operators, RecoveryStore recoveries)
    {
        _acts = acts;
        _sessions = sessions;
        _servers = servers;
        _accounts = accounts;
        _operators = operators;
        _recoveries = recoveries;
    }

    /// <summary>Who holds a session's token.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="token">The token.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The person; or <see cref="RefusalCode.SessionInvalid"/> whatever is wrong.</returns>
    public async Task<Result<OpenPgpCaller>> ByToken(Visitor visitor, SecretText token, CancellationToken cancellationToken) =>
        await Of(visitor, await _sessions.Authenticate(visitor.Tenant, token, SessionRestriction.Openpgp, cancellationToken), cancellationToken);

    /// <summary>Who holds an access token.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="access">The access token.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The person; or <see cref="RefusalCode.SessionInvalid"/> whatever is wrong.</returns>
    public async Task<Result<OpenPgpCaller>> ByAccessToken(Visitor visitor, SecretText access, CancellationToken cancellationToken)
    {
        if (await _acts.Read(db => _servers.Find(db, visitor.Tenant), cancellationToken) is not { } server
            || AccessProof.Read(server.AccessKeyPem, access.Reveal()) is not { } claims || claims.Issuer != server.Domain || claims.ExpiresAt <= _acts.Now)
        {
            return RefusalCode.SessionInvalid;
        }

        var session = await _sessions.AuthenticateProved(visitor.Tenant, claims.Session, SessionRestriction.Openpgp, cancellationToken);
        return session.Refusal is null && session.Value.Account == claims.Account
            ? await Of(visitor, session, cancellationToken)
            : RefusalCode.SessionInvalid;
    }

    private async Task<Result<OpenPgpCaller>> Of(Visitor visitor, Result<Session> session, CancellationToken cancellationToken)
    {
        if (session.Refusal is not null || session.Value.RestrictedTo != SessionRestriction.Openpgp)
        {
            return RefusalCode.SessionInvalid;
        }

        var id = session.Value.Account;
        var (account, operates, recovered) = await _acts.Read(
            async db => (
                await _accounts.Find(db, visitor.Tenant, id),
                await _operators.Find(db, visitor.Tenant, id, _acts.Now),
                await _recoveries.LastCompleted(db, visitor.Tenant, id)),
            cancellationToken);
        if (account is null)
        {
            return RefusalCode.SessionInvalid;
        }

        var person = new SessionCaller(visitor.Tenant, visitor.Source, visitor.CorrelationId, session.Value) { Host = visitor.Host, Surface = visitor.Surface };
        if (operates is null)
        {
            return new OpenPgpCaller(account, person, null, null);
        }

        // Who takes an operator's account does not take what they may do with it.
        if (recovered is { } at && _acts.Now < at + RecoveryLimits.DecidesAgainAfter)
        {
            return new OpenPgpCaller(account, person, null, RefusalCode.RecentlyRecovered);
        }

        // One factor: whatever else they were granted is not to be had with it.
        var caller = new Caller(
            visitor.Tenant, visitor.Source, visitor.CorrelationId,
            new Grant(Principal.Of(id), OpenPgpRoles.WithinRole(operates), operates.Ceiling, operates.ExpiresAt))
        {
            Host = visitor.Host,
            Surface = visitor.Surface,
        };
        return new OpenPgpCaller(account, person, caller, null);
    }
}
