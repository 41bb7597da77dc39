using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Engine.Flows;

/// <summary>A flow that an operator asks for, for an account.</summary>
/// <param name="Account">Whose.</param>
/// <param name="Uses">A code or a link.</param>
/// <param name="Application">For which application.</param>
/// <param name="RequestUrl">How it was asked for.</param>
/// <param name="LinkStart">Where its link leads, up to the flow's id.</param>
/// <param name="LinkMiddle">What stands between the flow's id and the token.</param>
/// <param name="Page">The page on which its code is typed.</param>
public sealed record FlowOrder(
    AccountId Account, Means Uses, ApplicationId Application, string RequestUrl, string LinkStart, string LinkMiddle, Uri Page)
{
    /// <summary>How long it lives; policy may cut it. Null for the usual time.</summary>
    public TimeSpan? Lifetime { get; init; }

    /// <summary>Why.</summary>
    public Reason? Reason { get; init; }

    /// <summary>Whether the person's sessions end with the recovery.</summary>
    public bool EndsSessions { get; init; } = true;

    /// <summary>Whether a programme will use the flow, not a browser.</summary>
    public bool IsNative { get; init; }

    /// <summary>Whether it ends without a settings flow.</summary>
    public bool SkipsSettings { get; init; }

    /// <summary>Where the person wants to be afterwards.</summary>
    public string? ReturnTo { get; init; }

    /// <summary>What else makes the call the same one again, by name.</summary>
    public IReadOnlyDictionary<string, string> Parameters { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);
}

/// <summary>A flow with the secret that it takes, shown this once.</summary>
/// <param name="Flow">The flow.</param>
/// <param name="Secret">The code, or the link.</param>
public sealed record OrderedFlow(RecoveryFlow Flow, SecretText Secret);

/// <summary>
/// Opens a recovery of another person's account for an operator, with the flow that takes its code or link, in one act. Policy holds as
/// everywhere: where it demands something first, the recovery waits, and the same call finds it again.
/// </summary>
public sealed class OrderFlow
{
    private readonly Acts _acts;
    private readonly CollectRecovery _collect;
    private readonly RecoveryFlowStore _flows;

    internal OrderFlow(Acts acts, CollectRecovery collect, RecoveryFlowStore flows) => (_acts, _collect, _flows) = (acts, collect, flows);

    /// <summary>Orders.</summary>
    /// <param name="caller">Who; holds <c>recovery:request</c> and <c>recovery:issue</c>.</param>
    /// <param name="order">What for.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The flow and its secret; or what <see cref="CollectRecovery"/> refuses.</returns>
    public Task<Result<OrderedFlow>> Run(Caller caller, FlowOrder order, CancellationToken cancellationToken) =>
        (caller.Grant.Demand(Permission.RecoveryRequest) ?? caller.Grant.Demand(Permission.RecoveryIssue)) is { } missing
            ? Task.FromResult<Result<OrderedFlow>>(missing)
            : _acts.Write(caller.Tenant, act => Order(act, caller, order), cancellationToken);

    private async Task<Result<OrderedFlow>> Order(Act act, Caller caller, FlowOrder order)
    {
        var id = NewId.Make<EntryId>().ToString();
        var carrier = new FlowCarrier(id, $"{order.LinkStart}{id}{order.LinkMiddle}", order.Page);
        var recovery = new RecoveryOrder(new AccountName(order.Account, null), order.Uses)
        {
            Application = order.Application,
            CodeFormat = order.Uses == Means.Code ? CodeFormat.Digits : null,
            Digits = order.Uses == Means.Code ? carrier.Digits : null,
            Lifetime = order.Lifetime,
            CutsLifetime = true,
            Reason = order.Reason,
            Revoke = order.EndsSessions ? [Revocation.Sessions] : [],
        };
        var collected = await _collect.Collect(act, caller, recovery, order.Parameters, carrier);
        if (collected.Refusal is { } refused)
        {
            return refused;
        }

        var secret = collected.Value.Secret!;
        var flow = new RecoveryFlow(id, act.Now, secret.ExpiresAt, order.RequestUrl)
        {
            Uses = order.Uses,
            State = order.Uses == Means.Code ? RecoveryFlowState.SentEmail : RecoveryFlowState.ChooseMethod,
            ByOperator = true,
            IsNative = order.IsNative,
            SkipsSettings = order.SkipsSettings,
            ReturnTo = order.ReturnTo,
            Secret = SendInFlow.SecretOf(collected.Value, to: null),
        };
        await _flows.Insert(act, flow);
        return new OrderedFlow(flow, secret.Text);
    }
}
