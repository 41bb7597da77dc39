using System.Collections.Immutable;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine;
using Sparekey.Engine.Policies;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>The tenant's policy: read, changed, tried out on what was, and the switch that stops all recoveries.</summary>
internal static class PolicyApi
{
    private const int LargestPolicy = 256 * 1024;

    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of the native API.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/policy").WithTags("policy");
        group.MapGet("/", async (HttpContext context, ChangePolicy policy) =>
                Answers.Json(View(await policy.Read(context.Caller(), context.RequestAborted))))
            .RequirePermission(Permission.PolicyRead).WithSummary("The policy that holds, and its version.");
        group.MapPut("/", Change).Takes<PolicyBody>().RequirePermission(Permission.PolicyWrite)
            .WithSummary("Puts the next version in force, or proposes it where policy demands approval; version is the one the writer saw.");
        group.MapGet("/changes", ListChanges).RequirePermission(Permission.PolicyRead).WithSummary("Lists proposed changes, newest first.");
        group.MapGet("/changes/{id}", ReadChange).RequirePermission(Permission.PolicyRead).WithSummary("Reads a proposed change.");
        group.MapPost("/changes/{id}/approvals", Approve).Takes<DecisionBody>().RequirePermission(Permission.PolicyWrite)
            .WithSummary("Agrees to a proposed change; the last one who has to puts it in force.");
        group.MapPost("/changes/{id}/denials", Deny).Takes<DecisionBody>().RequirePermission(Permission.PolicyWrite)
            .WithSummary("Says no to a proposed change, or takes one's own back.");
        group.MapPost("/evaluation", Evaluate).Takes<EvaluationBody>().RequirePermission(Permission.PolicyRead)
            .WithSummary("Says what a policy would have changed for the last recoveries; changes nothing.");
        group.MapGet("/stop", ReadStop).RequirePermission(Permission.PolicyRead).WithSummary("Whether all recoveries are stopped.");
        group.MapPost("/stop", Stop).Takes<StopBody>().RequirePermission(Permission.PolicyWrite).WithSummary("Stops all recoveries.");
        group.MapPost("/resume", Resume).TakesNothing().RequirePermission(Permission.PolicyWrite).WithSummary("Lets recoveries go on.");
    }

    /// <summary>
    /// The next version, or a proposal (202). Refused: <c>policy_invalid</c>, <c>version_conflict</c>, <c>above_ceiling</c>,
    /// <c>invalid_request</c>.
    /// </summary>
    private static async Task<IResult> Change(HttpContext context, ChangePolicy policy, Acts acts)
    {
        var body = await StrictBody.Read<PolicyBody>(context, LargestPolicy);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var changed = await policy.Run(context.Caller(), body.Value.ToDocument(), body.Value.Version, context.RequestAborted);
        return changed.Refusal is { } refused ? new Problem(refused)
            : changed.Value.Proposed is { } proposed
                ? Answers.Json(
                    View(new ProposedChange(proposed, proposed.StateAt(changed.Value.InForce.Version, acts.Now), changed.Value.InForce.Policy.Changes!.Approvals)),
                    StatusCodes.Status202Accepted)
                : Answers.Json(View(changed.Value.InForce));
    }

    /// <summary>The last hundred proposed changes.</summary>
    private static async Task<IResult> ListChanges(HttpContext context, DecideOnPolicy decide) =>
        Answers.Json(new ChangeList([.. (await decide.List(context.Caller(), context.RequestAborted)).Select(View)]));

    /// <summary>A proposed change. Refused: <c>policy_change_not_found</c>.</summary>
    private static async Task<IResult> ReadChange(HttpContext context, DecideOnPolicy decide) =>
        context.RouteId<PolicyChangeId>("id") is { } id
            ? (await decide.Read(context.Caller(), id, context.RequestAborted)).ToAnswer(View)
            : new Problem(RefusalCode.PolicyChangeNotFound);

    /// <summary>
    /// Agrees. Refused: <c>policy_change_not_found</c>, <c>policy_change_closed</c>, <c>version_conflict</c>, <c>digest_mismatch</c>,
    /// <c>separation_of_duties</c>, <c>recently_recovered</c>, <c>already_decided</c>, <c>above_ceiling</c>.
    /// </summary>
    private static Task<IResult> Approve(HttpContext context, DecideOnPolicy decide) => Decide(context, decide.Approve);

    /// <summary>
    /// Says no. Refused: <c>policy_change_not_found</c>, <c>policy_change_closed</c>, <c>version_conflict</c>, <c>digest_mismatch</c>,
    /// <c>above_ceiling</c>.
    /// </summary>
    private static Task<IResult> Deny(HttpContext context, DecideOnPolicy decide) => Decide(context, decide.Deny);

    /// <summary>What a policy would have changed. Refused: <c>policy_invalid</c>, <c>invalid_request</c>, <c>permission_missing</c>, <c>above_ceiling</c>.</summary>
    private static async Task<IResult> Evaluate(HttpContext context, EvaluatePolicy evaluate, Acts acts)
    {
        var body = await StrictBody.Read<EvaluationBody>(context, LargestPolicy);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await evaluate.Run(context.Caller(), body.Value.Policy.ToDocument(), body.Value.Last, context.RequestAborted))
                .ToAnswer(replay => View(replay, acts.Now));
    }

    /// <summary>Whether all recoveries are stopped, since when, by whom and why.</summary>
    private static async Task<IResult> ReadStop(HttpContext context, StopRecoveries stop) =>
        Answers.Json(View(await stop.Read(context.Caller(), context.RequestAborted)));

    /// <summary>Stops all recoveries. Refused: <c>invalid_request</c>, <c>above_ceiling</c>.</summary>
    private static async Task<IResult> Stop(HttpContext context, StopRecoveries stop)
    {
        var body = await StrictBody.Read<StopBody>(context);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await stop.Stop(context.Caller(), body.Value.Reason, context.RequestAborted)).ToAnswer(s => View(s));
    }

    /// <summary>Lets recoveries go on. Refused: <c>above_ceiling</c>.</summary>
    private static async Task<IResult> Resume(HttpContext context, StopRecoveries stop) =>
        (await stop.Resume(context.Caller(), context.RequestAborted)).ToAnswer();

    private static async Task<IResult> Decide(
        HttpContext context, Func<Engine.Access.Caller, PolicyChangeId, string, string?, CancellationToken, Task<Result<ProposedChange>>> decide)
    {
        if (context.RouteId<PolicyChangeId>("id") is not { } id)
        {
            return new Problem(RefusalCode.PolicyChangeNotFound);
        }

        var body = await StrictBody.Read<DecisionBody>(context);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await decide(context.Caller(), id, body.Value.Digest, body.Value.Comment, context.RequestAborted)).ToAnswer(View);
    }

    private static PolicyBody View(VersionedPolicy policy)
    {
        var document = policy.Policy.Document;
        return new PolicyBody(
            policy.Version, document.Roles, document.Rules, document.OpenFor ?? Duration.Format(policy.Policy.OpenFor), document.Velocity,
            document.Changes);
    }

    private static ChangeView View(ProposedChange proposed)
    {
        var (change, document) = (proposed.Change, proposed.Document);
        return new ChangeView(
            change.Id, proposed.State, change.Digest, change.BaseVersion, PrincipalView.Of(change.ProposedBy), change.ProposedAt, change.ExpiresAt,
            change.EndedAt, proposed.Needed, [.. change.Approvals.Select(a => new ApprovalView(PrincipalView.Of(a.By), a.At))],
            new PolicyDraft(document.Roles, document.Rules, document.OpenFor, document.Velocity, document.Changes));
    }

    private static StopView View(StoppedRecoveries? stopped) =>
        stopped is null ? new StopView(false) : new StopView(true, stopped.At, stopped.By, stopped.Reason);

    private static ReplayView View(PolicyReplay replay, DateTimeOffset now)
    {
        var changed = replay.Changed;
        return new ReplayView(
            replay.Version,
            new ReplayTotals(
                replay.Replayed, replay.Gone, changed.Length, changed.Count(c => c.Difference.RefusedBy is not null),
                changed.Count(c => c.Difference.NoLongerRefusedBy is not null), changed.Count(c => !c.Difference.Added.IsEmpty),
                changed.Count(c => !c.Difference.Dropped.IsEmpty), changed.Count(c => c.Difference.LongestLifetime is not null)),
            NotReplayed,
            [.. changed.Select(c => new ReplayedView(
                c.Recovery.Id, c.Recovery.Request.Account, c.Recovery.Request.Means, c.Recovery.Request.Channel,
                PrincipalView.Of(c.Recovery.RequestedBy), c.Recovery.CreatedAt, c.Recovery.State, c.Rules,
                Views(c.Difference.Added, now), Views(c.Difference.Dropped, now), c.Difference.RefusedBy, c.Difference.NoLongerRefusedBy,
                c.Difference.LongestLifetime is { } longest ? Duration.Format(longest) : null))]);
    }

    private static ImmutableArray<RequirementView> Views(ImmutableArray<Requirement> requirements, DateTimeOffset now) =>
        [.. requirements.Select(r => RequirementView.Of(r, now))];

    // What no recovery's record says of its opening.
    private static readonly string[] NotReplayed =
    [
        "account: its role, kind, groups, manager and level are taken as they are now",
        "velocity: limits are not counted again",
        "tightenings: that an account was repudiated is not looked at",
    ];

    private sealed record PolicyBody(
        int Version, IReadOnlyList<string> Roles, IReadOnlyList<RuleDocument> Rules, string? OpenFor = null,
        IReadOnlyList<VelocityDocument>? Velocity = null, ChangesDocument? Changes = null)
    {
        public PolicyDocument ToDocument() => new(Roles, OpenFor, Rules, Velocity, Changes);
    }

    private sealed record PolicyDraft(
        IReadOnlyList<string> Roles, IReadOnlyList<RuleDocument> Rules, string? OpenFor = null,
        IReadOnlyList<VelocityDocument>? Velocity = null, ChangesDocument? Changes = null, int? Version = null)
    {
        public PolicyDocument ToDocument() => new(Roles, OpenFor, Rules, Velocity, Changes);
    }

    private sealed record EvaluationBody(PolicyDraft Policy, int Last = 100);

    private sealed record DecisionBody(string Digest, [property: FreeText] string? Comment = null);

    private sealed record StopBody([property: FreeText] string Reason);

    private sealed record StopView(bool Stopped, DateTimeOffset? At = null, string? By = null, string? Reason = null);

    private sealed record ChangeList(IReadOnlyList<ChangeView> Changes);

    private sealed record ApprovalView(PrincipalView By, DateTimeOffset At);

    private sealed record ChangeView(
        PolicyChangeId Id, PolicyChangeState State, string Digest, int BaseVersion, PrincipalView ProposedBy, DateTimeOffset ProposedAt,
        DateTimeOffset ExpiresAt, DateTimeOffset? EndedAt, int ApprovalsNeeded, IReadOnlyList<ApprovalView> Approvals, PolicyDraft Policy);

    private sealed record ReplayTotals(
        int Replayed, int AccountsGone, int Changed, int Refused, int NoLongerRefused, int DemandingMore, int DemandingLess,
        int LifetimeChanged);

    private sealed record ReplayedView(
        RecoveryId Id, AccountId AccountId, Means Means, Channel Channel, PrincipalView RequestedBy, DateTimeOffset OpenedAt,
        RecoveryState State, IReadOnlyList<string> Rules, IReadOnlyList<RequirementView> Added, IReadOnlyList<RequirementView> Dropped,
        string? RefusedBy, string? NoLongerRefusedBy, string? LongestLifetime);

    private sealed record ReplayView(
        int PolicyVersion, ReplayTotals Totals, IReadOnlyList<string> NotReplayed, IReadOnlyList<ReplayedView> Recoveries);
}
