using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Incidents;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>The freezing of an account that somebody else may hold: one asks for it, two lift it.</summary>
internal static class FreezesApi
{
    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of the native API.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/accounts/{id}/freeze").WithTags("incidents");
        group.MapGet("", Read).RequirePermission(Permission.AccountRead).WithSummary("How the account is frozen, and who asks to lift it.");
        group.MapPost("", Freeze).Takes<ReasonBody>().RequirePermission(Permission.AccountWrite)
            .WithSummary("Freezes the account: nothing signs in to it and nothing recovers it.");
        group.MapPost("/lift", Ask).Takes<ReasonBody>().RequirePermission(Permission.AccountWrite).WithSummary("Asks to lift it.");
        group.MapPost("/approvals", Approve).Takes<LiftBody>().RequirePermission(Permission.RecoveryApprove)
            .WithSummary("Agrees to lift it; by somebody else than who asked.");
        group.MapPost("/denials", Deny).Takes<LiftBody>().RequirePermission(Permission.RecoveryApprove)
            .WithSummary("Refuses to lift it; the account stays frozen.");
    }

    /// <summary>How it is frozen. Refused: <c>account_not_found</c>, <c>account_not_frozen</c>.</summary>
    private static async Task<IResult> Read(HttpContext context, LiftFreeze lift) =>
        context.RouteId<AccountId>("id") is { } id
            ? (await lift.Read(context.Caller(), id, context.RequestAborted)).ToAnswer(View)
            : new Problem(RefusalCode.AccountNotFound);

    /// <summary>
    /// Freezes. Refused: <c>account_not_found</c>, <c>account_frozen</c>, <c>own_account</c>, <c>above_ceiling</c>, <c>invalid_request</c>.
    /// </summary>
    private static Task<IResult> Freeze(HttpContext context, FreezeAccount freeze) =>
        Run<ReasonBody>(
            context, (id, body) => freeze.ByOperator(context.Caller(), id, body.Reason, context.RequestAborted), StatusCodes.Status201Created);

    /// <summary>
    /// Asks. Refused: <c>account_not_found</c>, <c>account_not_frozen</c>, <c>already_decided</c>, <c>own_account</c>, <c>above_ceiling</c>,
    /// <c>invalid_request</c>.
    /// </summary>
    private static Task<IResult> Ask(HttpContext context, LiftFreeze lift) =>
        Run<ReasonBody>(context, (id, body) => lift.Ask(context.Caller(), id, body.Reason, context.RequestAborted));

    /// <summary>
    /// Agrees. Refused: <c>account_not_found</c>, <c>account_not_frozen</c>, <c>lift_not_found</c>, <c>separation_of_duties</c>,
    /// <c>recently_recovered</c>, <c>own_account</c>, <c>above_ceiling</c>.
    /// </summary>
    private static async Task<IResult> Approve(HttpContext context, LiftFreeze lift)
    {
        var body = await StrictBody.Read<LiftBody>(context);
        return body.Refusal is { } refusal ? new Problem(refusal)
            : context.RouteId<AccountId>("id") is { } id
                ? (await lift.Approve(context.Caller(), id, body.Value.Lift, context.RequestAborted)).ToAnswer(f => View(f) with { Frozen = false })
                : new Problem(RefusalCode.AccountNotFound);
    }

    /// <summary>
    /// Refuses. Refused: <c>account_not_found</c>, <c>account_not_frozen</c>, <c>lift_not_found</c>, <c>own_account</c>, <c>above_ceiling</c>.
    /// </summary>
    private static Task<IResult> Deny(HttpContext context, LiftFreeze lift) =>
        Run<LiftBody>(context, (id, body) => lift.Deny(context.Caller(), id, body.Lift, context.RequestAborted));

    private static async Task<IResult> Run<TBody>(
        HttpContext context, Func<AccountId, TBody, Task<Result<Freeze>>> run, int status = StatusCodes.Status200OK)
        where TBody : class
    {
        var body = await StrictBody.Read<TBody>(context);
        return body.Refusal is { } refusal ? new Problem(refusal)
            : context.RouteId<AccountId>("id") is { } id
                ? (await run(id, body.Value)).ToAnswer(View, status)
                : new Problem(RefusalCode.AccountNotFound);
    }

    private static FreezeView View(Freeze freeze) => new(
        freeze.Id, freeze.Account, Frozen: true, freeze.At, PrincipalView.Of(freeze.By), freeze.Reason, freeze.StatusBefore,
        freeze.Lift is { } lift ? new LiftView(lift.Id, lift.At, lift.At + LiftRequest.OpenFor, PrincipalView.Of(lift.By), lift.Reason) : null);

    private sealed record ReasonBody([property: FreeText] string Reason);

    private sealed record LiftBody(LiftId Lift);

    private sealed record FreezeView(
        FreezeId Id, AccountId AccountId, bool Frozen, DateTimeOffset FrozenAt, PrincipalView FrozenBy, string? Reason,
        AccountStatus StatusBefore, LiftView? Lift);

    private sealed record LiftView(LiftId Id, DateTimeOffset AskedAt, DateTimeOffset OpenUntil, PrincipalView AskedBy, string Reason);
}
