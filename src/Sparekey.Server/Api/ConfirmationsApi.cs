using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine;
using Sparekey.Engine.Recoveries;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>What people say to recoveries of their own account: with the token of a message, or signed in.</summary>
internal static class ConfirmationsApi
{
    private const int BodyLimit = 4096;

    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of the native API.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        const string reason = "The token in the body is the proof.";
        var group = v1.MapGroup("/confirmations").WithTags("recoveries");
        group.MapPost("/lookup", Look).Takes<LookBody>().Public(reason).CheckOrigin().AnswerOnTheBeat()
            .WithSummary("What the token of a message asks; uses nothing up.");
        group.MapPost("/", Answer).Takes<AnswerBody>().Public(reason).CheckOrigin().AnswerOnTheBeat()
            .WithSummary("Says that the recovery is the person's own, or that it is not.");

        var own = v1.MapGroup("/sessions/current/recoveries").WithTags("sessions");
        own.MapGet("/", List).RequireSession().WithSummary("The recoveries of the person's own account, newest first.");
        own.MapPost("/{id}/cancel", Cancel).TakesNothing().RequireSession().WithSummary("Ends a recovery of the person's own account.");
    }

    /// <summary>What is asked. Refused: <c>secret_invalid</c>, <c>already_decided</c>.</summary>
    private static async Task<IResult> Look(HttpContext context, ConfirmRecovery confirm)
    {
        var body = await StrictBody.Read<LookBody>(context, BodyLimit);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await confirm.Look(context.Visitor(), body.Value.Token, context.RequestAborted)).ToAnswer(asked => new QuestionView(
                asked.Recovery.Id, asked.Recovery.Request.Application, RedemptionsApi.Mask(asked.Account), asked.Recovery.RequestedBy.Kind,
                asked.Recovery.CreatedAt, asked.Recovery.OpenUntil, asked.Recovery.Request.Means, asked.Recovery.Request.Reason?.Text,
                asked.Recovery.Request.Revoke, asked.Recovery.DecisionDigest));
    }

    /// <summary>Answers. Refused: <c>secret_invalid</c>, <c>already_decided</c>, <c>digest_mismatch</c>, <c>not_required</c>, <c>wrong_state</c>.</summary>
    private static async Task<IResult> Answer(HttpContext context, ConfirmRecovery confirm)
    {
        var body = await StrictBody.Read<AnswerBody>(context, BodyLimit);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await confirm.Answer(
                context.Visitor(), body.Value.Token, body.Value.Digest, body.Value.Answer == ConfirmationAnswer.Yes, context.RequestAborted))
                .ToAnswer(r => new AnsweredView(r.Id, r.State));
    }

    /// <summary>A page of the person's own. Refused: <c>session_invalid</c>, <c>password_change_required</c>, <c>invalid_cursor</c>.</summary>
    private static async Task<IResult> List(HttpContext context, OwnRecoveries own, Acts acts)
    {
        var page = Cursor.Read(context);
        if (page.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var found = await own.Page(context.SessionCaller(), page.Value.After, page.Value.Limit, context.RequestAborted);
        return Answers.Json(new OwnRecoveriesPage(
            [.. found.Select(r => OwnRecoveryView.Of(r, acts.Now))],
            found.Count == page.Value.Limit ? Cursor.After(found[^1].CreatedAt, found[^1].Id.Value) : null));
    }

    /// <summary>Ends one. Refused: <c>recovery_not_found</c>, <c>fresh_sign_in_required</c>, <c>recovery_closed</c>, <c>recovery_expired</c>.</summary>
    private static async Task<IResult> Cancel(HttpContext context, OwnRecoveries own, Acts acts) =>
        context.RouteId<RecoveryId>("id") is { } id
            ? (await own.Cancel(context.SessionCaller(), id, context.RequestAborted)).ToAnswer(r => OwnRecoveryView.Of(r, acts.Now))
            : new Problem(RefusalCode.RecoveryNotFound);

    private enum ConfirmationAnswer
    {
        Yes,
        No,
    }

    private sealed record LookBody(SecretText Token);

    private sealed record AnswerBody(SecretText Token, string Digest, ConfirmationAnswer Answer);

    private sealed record QuestionView(
        RecoveryId RecoveryId, ApplicationId Application, string Account, PrincipalKind RequestedBy, DateTimeOffset RequestedAt,
        DateTimeOffset OpenUntil, Means Means, string? Reason, IReadOnlyList<Revocation> Revoke, string Digest);

    private sealed record AnsweredView(RecoveryId RecoveryId, RecoveryState State);

    private sealed record OwnRecoveriesPage(IReadOnlyList<OwnRecoveryView> Recoveries, string? Cursor);

    // Who of the staff asked or decided stays inside.
    private sealed record OwnRecoveryView(
        RecoveryId Id, RecoveryState State, Means Means, Channel Channel, PrincipalKind RequestedBy, string? Reason,
        IReadOnlyList<Revocation> Revoke, IReadOnlyList<OwnRequirementView> Requirements, DateTimeOffset CreatedAt, DateTimeOffset OpenUntil,
        DateTimeOffset? ClosedAt)
    {
        public static OwnRecoveryView Of(Recovery recovery, DateTimeOffset now) => new(
            recovery.Id, recovery.State, recovery.Request.Means, recovery.Request.Channel, recovery.RequestedBy.Kind,
            recovery.Request.Reason?.Text, recovery.Request.Revoke,
            [.. recovery.Requirements.Select(r => new OwnRequirementView(r.Kind, r.IsMet(now), r.Until))],
            recovery.CreatedAt, recovery.OpenUntil, recovery.ClosedAt);
    }

    private sealed record OwnRequirementView(RequirementKind Kind, bool Met, DateTimeOffset? Until);
}
