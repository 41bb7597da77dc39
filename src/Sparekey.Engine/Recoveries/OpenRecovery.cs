using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Recoveries;

/// <summary>What policy would decide, and why; nothing was changed.</summary>
/// <param name="Allowed">Whether the recovery could be opened.</param>
/// <param name="Refusal">Why not.</param>
/// <param name="Answer">What policy demands.</param>
/// <param name="PolicyVersion">Which version of the policy.</param>
public sealed record Evaluation(bool Allowed, Refusal? Refusal, PolicyAnswer Answer, int PolicyVersion);

/// <summary>
/// Opens a recovery for a caller. Where nothing is required it is issued in the same act: the secret is answered to a
/// requester who also holds <c>recovery:issue</c>, or goes to the person's own channel.
/// </summary>
public sealed class OpenRecovery
{
    private readonly Acts _acts;
    private readonly RecoveryPreparation _preparation;
    private readonly RecoveryOpening _opening;
    private readonly SecretIssuer _issuer;
    private readonly Idempotency _idempotency;

    internal OpenRecovery(
        Acts acts, RecoveryPreparation preparation, RecoveryOpening opening, SecretIssuer issuer, Idempotency idempotency)
    {
        _acts = acts;
        _preparation = preparation;
        _opening = opening;
        _issuer = issuer;
        _idempotency = idempotency;
    }

    /// <summary>Opens.</summary>
    /// <param name="caller">Who asks; holds <c>recovery:request</c>.</param>
    /// <param name="order">What for.</param>
    /// <param name="once">The idempotency key of the call, if it carries one.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The recovery, with its secret when it was issued to the caller; or <see cref="RefusalCode.AccountNotFound"/>,
    /// <see cref="RefusalCode.ApplicationNotFound"/>, <see cref="RefusalCode.AboveCeiling"/>, <see cref="RefusalCode.OwnAccount"/>,
    /// <see cref="RefusalCode.MeansNotAvailable"/>, <see cref="RefusalCode.ChannelNotAvailable"/>,
    /// <see cref="RefusalCode.NoUsableAddress"/>, <see cref="RefusalCode.LifetimeTooLong"/>, <see cref="RefusalCode.PolicyRefuses"/>,
    /// <see cref="RefusalCode.AccountDisabled"/>, <see cref="RefusalCode.CredentialNotFound"/> (the recovery key).
    /// </returns>
    public Task<Result<Happened<IssuedSecret>>> Run(Caller caller, RecoveryOrder order, OnceKey<IssuedSecret>? once, CancellationToken cancellationToken) =>
        _acts.Write(caller.Tenant, act => _idempotency.Run(act, caller, once, () => Open(act, caller, order)), cancellationToken);

    /// <summary>Answers what policy would decide and why, and changes nothing.</summary>
    /// <param name="caller">Who asks; holds <c>recovery:request</c>.</param>
    /// <param name="order">What for.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The evaluation; or a refusal when account or application cannot be found or acted on.</returns>
    public Task<Result<Evaluation>> Evaluate(Caller caller, RecoveryOrder order, CancellationToken cancellationToken)
    {
        var now = _acts.Now;
        return _acts.Read<Result<Evaluation>>(
            async db =>
            {
                var prepared = await _preparation.Read(db, caller, order, now);
                if (prepared.Refusal is { } refusal)
                {
                    return refusal;
                }

                var (_, command, policy, _) = prepared.Value;
                var answer = RecoveryMachine.Evaluate(command, policy.Policy, now);
                var refused = prepared.Value.Decide(now) is Decision.Refused r ? r.Refusal : null;
                return new Evaluation(refused is null, refused, answer, policy.Version);
            },
            cancellationToken);
    }

    private async Task<Result<IssuedSecret>> Open(Act act, Caller caller, RecoveryOrder order)
    {
        var prepared = await _preparation.Read(act.Db, caller, order, act.Now);
        if (prepared.Refusal is { } refusal)
        {
            return refusal;
        }

        var (account, command, policy, _) = prepared.Value;
        var decision = prepared.Value.Decide(act.Now);
        if (decision is Decision.Refused refused)
        {
            await _opening.Refused(act, command, refused.Refusal, caller);
            return refused.Refusal;
        }

        var opened = (Decision.Accepted)decision;
        if (await _preparation.AskedTooOften(act, opened.Next) is { } tooOften)
        {
            return tooOften;
        }

        var ahead = command.Request.Channel.ReachesPerson() && opened.Next.AwaitsOnlyProof(act.Now);
        var mayIssue = command.Request.Channel.ReachesPerson() || caller.Grant.Permissions.Contains(Permission.RecoveryIssue);
        var issues = command.Request.Means.EndsInRedemption() && (ahead || (opened.Next.State == RecoveryState.Ready && mayIssue));
        if (issues && command.Account.Uses.IsEmpty)
        {
            // The usual case, where nothing is counted between the two: they are one write.
            return await _issuer.IssueOpened(act, opened, prepared.Value, caller, ahead);
        }

        var recovery = await _opening.Write(act, command, opened, caller);
        return issues
            ? await _issuer.Issue(act, recovery, account, caller.Principal, policy.Policy, caller, ahead)
            : new IssuedSecret(recovery, null);
    }
}
