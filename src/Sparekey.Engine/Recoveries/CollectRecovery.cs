using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Recoveries;

/// <summary>
/// Opens a recovery for a caller of another product's protocol, who knows no other call than the one that answers the secret. Where
/// policy demands something first, the call is refused and the recovery waits; the same call finds it again and collects the secret,
/// once. What was collected is never found again: the next call opens another.
/// </summary>
public sealed class CollectRecovery
{
    private readonly Acts _acts;
    private readonly RecoveryPreparation _preparation;
    private readonly RecoveryStore _store;
    private readonly RecoveryOpening _opening;
    private readonly RecoveryAct _recoveries;
    private readonly SecretIssuer _issuer;

    internal CollectRecovery(
        Acts acts, RecoveryPreparation preparation, RecoveryStore store, RecoveryOpening opening, RecoveryAct recoveries, SecretIssuer issuer)
    {
        _acts = acts;
        _preparation = preparation;
        _store = store;
        _opening = opening;
        _recoveries = recoveries;
        _issuer = issuer;
    }

    /// <summary>Opens, or comes back for, a recovery.</summary>
    /// <param name="caller">Who asks; holds <c>recovery:request</c> and <c>recovery:issue</c>.</param>
    /// <param name="order">What for.</param>
    /// <param name="parameters">What else makes the call the same one again, by name.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The secret or the redemption; or <see cref="RefusalCode.RequirementsOpen"/> with the recovery's id and, where only time is
    /// missing, when it is over; <see cref="RefusalCode.ReasonNotAllowed"/> where policy demands a reason or ticket that the call does
    /// not bring (nothing was opened); and what <see cref="OpenRecovery"/> and <see cref="IssueRecovery"/> refuse.
    /// </returns>
    public Task<Result<IssuedSecret>> Run(
        Caller caller, RecoveryOrder order, IReadOnlyDictionary<string, string> parameters, CancellationToken cancellationToken) =>
        (caller.Grant.Demand(Permission.RecoveryRequest) ?? caller.Grant.Demand(Permission.RecoveryIssue)) is { } missing
            ? Task.FromResult<Result<IssuedSecret>>(missing)
            : _acts.Write(caller.Tenant, act => Collect(act, caller, order, parameters, carrier: null), cancellationToken);

    // If the process dies after this act, either nothing was opened, or the recovery waits and the same call finds it, or its secret is
    // lost with the answer and the same call opens another.
    internal async Task<Result<IssuedSecret>> Collect(
        Act act, Caller caller, RecoveryOrder order, IReadOnlyDictionary<string, string> parameters, FlowCarrier? carrier)
    {
        var prepared = await _preparation.Read(act.Db, caller, order, act.Now);
        if (prepared.Refusal is { } refusal)
        {
            return refusal;
        }

        var (account, command, policy, _) = prepared.Value;
        var callKey = command.Request.CallKey(act.Tenant, caller.Principal, parameters);
        var found = await _store.FindByCall(act.Db, act.Tenant, callKey, act.Now) is { } waiting
            ? await AddReason(act, caller, new RecoveryAct.Found(waiting, account, policy.Policy), order.Reason)
            : await Open(act, caller, prepared.Value, callKey);
        if (found.Refusal is { } refused)
        {
            return refused;
        }

        var recovery = found.Value;
        var earlier = order.ReplacesEarlier ? await WithSecret(act, recovery) : [];
        var issued = await _issuer.Issue(
            act, recovery, account, caller.Principal, policy.Policy, caller, ahead: order.AwaitsAuthorization && OnlyAuthorizationIsOpen(recovery, act.Now),
            carrier, whole: true);
        foreach (var replaced in issued.Refusal is null ? earlier : [])
        {
            await _recoveries.Apply(
                act, new RecoveryAct.Found(replaced, account, policy.Policy),
                new RecoveryCommand.Cancel(caller.Principal, "replaced by a newer one"), caller);
        }

        return issued.Refusal is { Code: RefusalCode.RequirementsOpen } open
            ? open with { Recovery = recovery.Id, NotBefore = OnlyTimeIsMissing(recovery, act.Now) }
            : issued;
    }

    private async Task<IReadOnlyList<Recovery>> WithSecret(Act act, Recovery next) =>
        [.. (await _store.Open(act.Db, act.Tenant, next.Request.Account))
            .Where(r => r.Id != next.Id && r.Request.Means == next.Request.Means && r.LastGeneration > 0)];

    private async Task<Result<Recovery>> Open(Act act, Caller caller, RecoveryPreparation.Prepared prepared, string callKey)
    {
        var decision = prepared.Decide(act.Now);
        if (decision is Decision.Refused refused)
        {
            await _opening.Refused(act, prepared.Command, refused.Refusal, caller);
            return refused.Refusal;
        }

        var accepted = (Decision.Accepted)decision;
        var unwritten = accepted.Next.Requirements.FirstOrDefault(
            r => r.Kind is RequirementKind.Reason or RequirementKind.Ticket && !r.IsMet(act.Now));
        if (unwritten is not null)
        {
            return new Refusal(RefusalCode.ReasonNotAllowed, $"Policy demands a {WireName.Of(unwritten.Kind)}.");
        }

        if (accepted.Next.IsSplit)
        {
            return SplitFault.NoPlace;
        }

        if (await _preparation.AskedTooOften(act, accepted.Next) is { } tooOften)
        {
            return tooOften;
        }

        var recovery = await _opening.Write(act, prepared.Command, accepted, caller);
        await _store.SetCallKey(act, recovery.Id, callKey);
        return recovery;
    }

    // Another reason voids what people decided on the first, as everywhere; the same one changes nothing.
    private async Task<Result<Recovery>> AddReason(Act act, Caller caller, RecoveryAct.Found found, Reason? reason) =>
        reason is null || reason == found.Recovery.Request.Reason
            ? found.Recovery
            : await _recoveries.Apply(act, found, new RecoveryCommand.AddReason(caller.Principal, reason), caller);

    private static bool OnlyAuthorizationIsOpen(Recovery recovery, DateTimeOffset now) =>
        recovery.Requirements.Where(r => !r.IsMet(now)).All(r => r.Kind == RequirementKind.Authorization);

    /// <summary>From when on a recovery can be had where nothing but time is missing; null where more is.</summary>
    /// <param name="recovery">The recovery.</param>
    /// <param name="now">The time.</param>
    internal static DateTimeOffset? OnlyTimeIsMissing(Recovery recovery, DateTimeOffset now) =>
        recovery.State == RecoveryState.Denied || recovery.Requirements.Any(r => !r.IsMet(now) && r.Kind != RequirementKind.Wait)
            ? null
            : recovery.Requirements.Where(r => !r.IsMet(now)).Max(r => r.Until);
}
