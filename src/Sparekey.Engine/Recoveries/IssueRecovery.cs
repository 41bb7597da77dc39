using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Recoveries;

/// <summary>Issues the next generation of a recovery's secret; the former one dies with its redemption.</summary>
public sealed class IssueRecovery
{
    private readonly Acts _acts;
    private readonly RecoveryAct _recoveries;
    private readonly SecretIssuer _issuer;
    private readonly Idempotency _idempotency;

    internal IssueRecovery(Acts acts, RecoveryAct recoveries, SecretIssuer issuer, Idempotency idempotency)
    {
        _acts = acts;
        _recoveries = recoveries;
        _issuer = issuer;
        _idempotency = idempotency;
    }

    /// <summary>Issues.</summary>
    /// <param name="caller">Who issues; holds <c>recovery:issue</c>.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="once">The idempotency key of the call, if it carries one.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The recovery with its secret, unless that went to the person's channel; or <see cref="RefusalCode.RecoveryNotFound"/>,
    /// <see cref="RefusalCode.RequirementsOpen"/>, <see cref="RefusalCode.SeparationOfDuties"/> (somebody else asked for it),
    /// <see cref="RefusalCode.AccountChanged"/>, <see cref="RefusalCode.PolicyRefuses"/>, <see cref="RefusalCode.RecoveryExpired"/>,
    /// <see cref="RefusalCode.RecoveryClosed"/>.
    /// </returns>
    public Task<Result<Happened<IssuedSecret>>> Run(
        Caller caller, RecoveryId id, OnceKey<IssuedSecret>? once, CancellationToken cancellationToken) =>
        _acts.Write(caller.Tenant, act => _idempotency.Run(act, caller, once, () => Issue(act, caller, id)), cancellationToken);

    private async Task<Result<IssuedSecret>> Issue(Act act, Caller caller, RecoveryId id)
    {
        var found = await _recoveries.Find(act, caller, id);
        if (found.Refusal is { } refusal)
        {
            return refusal;
        }

        // What the person is sent may go ahead of their own second proof, and be sent again.
        var (recovery, account, policy) = found.Value;
        var ahead = recovery.Request.Channel.ReachesPerson() && recovery.AwaitsOnlyProof(act.Now);
        return await _issuer.Issue(act, recovery, account, caller.Principal, policy, caller, ahead);
    }
}
