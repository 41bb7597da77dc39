using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Engine.Sessions;

/// <summary>
/// Tells which operator a session belongs to. Operators act on others, so their session must have been opened with two factors: a
/// passkey that verified its person.
/// </summary>
public sealed class OperatorAuthentication
{
    private readonly Acts _acts;
    private readonly SessionAuthentication _sessions;
    private readonly OperatorGrants _operators;
    private readonly RecoveryStore _recoveries;

    internal OperatorAuthentication(Acts acts, SessionAuthentication sessions, OperatorGrants operators, RecoveryStore recoveries) =>
        (_acts, _sessions, _operators, _recoveries) = (acts, sessions, operators, recoveries);

    /// <summary>Whether a token is one of a session, which this door takes.</summary>
    /// <param name="presented">The token as it was presented.</param>
    public static bool Takes(SecretText presented) => TokenText.TryParse(presented.Reveal(), TokenPrefix.Session, out _);

    /// <summary>Who acts.</summary>
    /// <param name="visitor">Where the call came from, with the tenant of its host.</param>
    /// <param name="presented">The session's token as it was presented.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>
    /// The caller; <see cref="RefusalCode.Unauthenticated"/> for no session; to who has one <see cref="RefusalCode.PermissionMissing"/>
    /// where the person is no operator or did not sign in with a passkey, <see cref="RefusalCode.RecentlyRecovered"/> where their account
    /// was recovered within 72 hours: who takes an operator's account does not take what they may do with it.
    /// </returns>
    public async Task<Result<Caller>> Authenticate(Visitor visitor, SecretText presented, CancellationToken cancellationToken)
    {
        var session = await _sessions.Authenticate(visitor.Tenant, presented, allowed: null, cancellationToken);
        if (session.Refusal is not null)
        {
            return RefusalCode.Unauthenticated;
        }

        if (AssuranceLevels.Of([.. session.Value.Amr]) < AssuranceLevel.Aal2)
        {
            return new Refusal(RefusalCode.PermissionMissing, "Operators sign in with a passkey.");
        }

        var account = session.Value.Account;
        var (grant, recovered) = await _acts.Read(
            async db => (await _operators.Of(db, visitor.Tenant, account, _acts.Now), await _recoveries.LastCompleted(db, visitor.Tenant, account)),
            cancellationToken);
        if (grant is not null && recovered is { } at && _acts.Now < at + RecoveryLimits.DecidesAgainAfter)
        {
            return RefusalCode.RecentlyRecovered;
        }

        return grant is not null
            ? new Caller(visitor.Tenant, visitor.Source, visitor.CorrelationId, grant) { Host = visitor.Host, Surface = visitor.Surface }
            : new Refusal(RefusalCode.PermissionMissing, "This person is no operator, or has a role too low for one.");
    }
}
