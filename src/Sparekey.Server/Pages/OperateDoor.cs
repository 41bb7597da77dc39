using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Engine;
using Sparekey.Engine.Access;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;
using Sparekey.Server.Api;
using Sparekey.Server.Http;

namespace Sparekey.Server.Pages;

/// <summary>
/// The pages of operators, at <c>/operate</c>: what waits, and everything about one recovery, to approve or deny it with a passkey. They
/// decide nothing: each calls the use case that the API calls, as the person whose session the cookie holds.
/// </summary>
internal static class OperateDoor
{
    private const string Home = "/operate";
    private const int AtOnce = 50;

    /// <summary>Maps the routes.</summary>
    /// <param name="root">The root.</param>
    public static void Map(IEndpointRouteBuilder root)
    {
        const string reason = "The page asks whoever is not signed in to sign in; what it does it does as the session's person.";
        var group = root.MapGroup(Home).ExcludeFromDescription();
        var pages = group.MapGroup("").WithMetadata(new ProblemForPeople(PageAnswer.Refused));
        pages.MapGet("/", List).Public(reason);
        pages.MapGet("/recoveries/{id}", (HttpContext context, PageSession session, DescribeRecoveries describe) => Show(context, session, describe, null))
            .Public(reason);
        pages.MapPost("/sign-in", SignIn).Public(reason).CheckOrigin().AnswerOnTheBeat();
        pages.MapPost("/sign-out", SignOut).Public(reason).CheckOrigin().AnswerOnTheBeat();
        pages.MapPost("/recoveries/{id}/approve", Approve).Public(reason).CheckOrigin().AnswerOnTheBeat();
        pages.MapPost("/recoveries/{id}/deny", Deny).Public(reason).CheckOrigin().AnswerOnTheBeat();
        group.MapPost("/recoveries/{id}/approve/options", ApproveOptions).Public(reason).CheckOrigin().AnswerOnTheBeat();
        group.MapPost("/recoveries/{id}/deny/options", DenyOptions).Public(reason).CheckOrigin().AnswerOnTheBeat();

        // Who opens the address of a form anew begins anew.
        pages.MapGet("/sign-in", () => Results.Redirect(Home)).Public(reason);
        pages.MapGet("/sign-out", () => Results.Redirect(Home)).Public(reason);
        foreach (var form in (string[])["approve", "deny"])
        {
            pages.MapGet($"/recoveries/{{id}}/{form}", (HttpContext context) => Results.Redirect(AddressOf(context.RouteId<RecoveryId>("id")))).Public(reason);
        }
    }

    private static async Task<IResult> List(HttpContext context, PageSession session, DescribeRecoveries describe, Acts acts)
    {
        var caller = await Admit(context, session, Permission.RecoveryRead);
        if (caller.Refusal is { } refusal)
        {
            return await Refused(context, refusal);
        }

        var after = Cursor.TryParse(context.Request.Query["cursor"].ToString());
        var waiting = await describe.Waiting(caller.Value, after, AtOnce, context.RequestAborted);
        var more = waiting.Count == AtOnce ? Cursor.After(waiting[^1].Recovery.CreatedAt, waiting[^1].Recovery.Id.Value) : null;
        return await PageForms.Page(
            context, 200, "operate_heading", (words, _) => OperatePages.List(words, caller.Value, waiting, more, acts.Now));
    }

    private static async Task<IResult> Show(HttpContext context, PageSession session, DescribeRecoveries describe, Refusal? fault)
    {
        var id = context.RouteId<RecoveryId>("id");
        var caller = await Admit(context, session, Permission.RecoveryRead);
        if (caller.Refusal is { } refusal)
        {
            return await Refused(context, refusal, id);
        }

        var found = id is { } known ? await describe.One(caller.Value, known, context.RequestAborted) : RefusalCode.RecoveryNotFound;
        return found.Refusal is { } none
            ? await PageForms.Page(context, PageForms.StatusOf(none), "error_heading", (words, _) => OperatePages.Refused(words, PageForms.Say(words, none)))
            : await PageForms.Page(
                context, fault is null ? 200 : PageForms.StatusOf(fault), "operate_recovery_heading",
                (words, brand) => OperatePages.One(
                    words, brand.Party, caller.Value, found.Value, fault is null ? null : PageForms.Say(words, fault), DoneOf(context)));
    }

    private static async Task<IResult> SignIn(HttpContext context, SignInWithPasskey signIn, PageSession session)
    {
        if (!PageSession.IsFromHere(context) || await PageForms.Read(context, PageForms.PasskeyLimit) is not { } form)
        {
            return await Ask(context, 400, RefusalCode.OriginNotAllowed, null);
        }

        RecoveryId? next = Ids.TryParse<RecoveryId>(form.Text("next"), out var recovery) ? recovery : null;
        var proof = PasskeyJson.ReadProof(form.Text("credential"));
        var opened = proof.Refusal is null ? await signIn.Run(context.Visitor(), proof.Value, context.RequestAborted) : RefusalCode.SignInFailed;
        if (opened.Refusal is { } refusal)
        {
            return await Ask(context, PageForms.StatusOf(refusal), refusal, next);
        }

        session.Keep(context, opened.Value.Token);
        return new SeeOther(next is { } known ? AddressOf(known) : Home);
    }

    private static async Task<IResult> SignOut(HttpContext context, PageSession session, EndSession end)
    {
        if (PageSession.IsFromHere(context) && await session.Person(context) is { Refusal: null } person)
        {
            await end.Run(person.Value, context.RequestAborted);
        }

        session.Forget(context);
        return new SeeOther(Home);
    }

    private static Task<IResult> Approve(HttpContext context, PageSession session, DecideOnRecovery decide, DescribeRecoveries describe) =>
        Decide(context, session, describe, "approve", (caller, id, given) => decide.Approve(caller, id, given, context.RequestAborted));

    private static Task<IResult> Deny(HttpContext context, PageSession session, DecideOnRecovery decide, DescribeRecoveries describe) =>
        Decide(context, session, describe, "deny", (caller, id, given) => decide.Deny(caller, id, given, context.RequestAborted));

    private static async Task<IResult> Decide(
        HttpContext context, PageSession session, DescribeRecoveries describe, string done,
        Func<Caller, RecoveryId, GivenDecision, Task<Result<Recovery>>> decide)
    {
        var caller = await Admit(context, session, Permission.RecoveryApprove);
        if (caller.Refusal is { } refusal)
        {
            return await Refused(context, refusal, context.RouteId<RecoveryId>("id"));
        }

        if (context.RouteId<RecoveryId>("id") is not { } id || await PageForms.Read(context, PageForms.PasskeyLimit) is not { } form)
        {
            return await Show(context, session, describe, RefusalCode.InvalidRequest);
        }

        // A page's decision is always signed: who found the session's cookie decides nothing with it.
        var proof = PasskeyJson.ReadProof(form.Text("credential"));
        if (proof.Refusal is not null)
        {
            return await Show(context, session, describe, RefusalCode.SignatureRequired);
        }

        var decided = await decide(caller.Value, id, GivenOf(form) with { Assertion = proof.Value });
        return decided.Refusal is { } fault ? await Show(context, session, describe, fault) 
            : new SeeOther($"{AddressOf(id)}?done={done}");
    }

    private static Task<IResult> ApproveOptions(HttpContext context, PageSession session, SignDecisions sign) =>
        Options(context, session, sign, DecisionKind.Approval);

    private static Task<IResult> DenyOptions(HttpContext context, PageSession session, SignDecisions sign) =>
        Options(context, session, sign, DecisionKind.Denial);

    private static async Task<IResult> Options(HttpContext context, PageSession session, SignDecisions sign, DecisionKind kind)
    {
        var caller = await Admit(context, session, Permission.RecoveryApprove);
        return caller.Refusal is { } refusal ? new Problem(refusal)
            : context.RouteId<RecoveryId>("id") is not { } id || await PageForms.Read(context) is not { } form ? new Problem(RefusalCode.InvalidRequest)
            : (await sign.Begin(caller.Value, id, new DecisionToSign(kind, GivenOf(form)), context.RequestAborted)).ToAnswer(PasskeyJson.Options);
    }

    // Browsers send line breaks as two characters, and an empty field where nothing was said.
    private static GivenDecision GivenOf(IFormCollection form) => new(form.Text("digest"))
    {
        Comment = form.Text("comment").ReplaceLineEndings("\n").Trim() is { Length: > 0 } said ? said : null,
    };

    private static async Task<Result<Caller>> Admit(HttpContext context, PageSession session, Permission permission)
    {
        if (!HttpMethods.IsGet(context.Request.Method) && !PageSession.IsFromHere(context))
        {
            return RefusalCode.OriginNotAllowed;
        }

        var caller = await session.Operator(context);
        if (caller.Refusal is not null)
        {
            return caller;
        }

        if (caller.Value.Grant.Demand(permission) is not { } missing)
        {
            return caller;
        }

        var route = $"{context.Request.Method} {(context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText}";
        await context.RequestServices.GetRequiredService<RecordRefusal>().Run(caller.Value, missing.Code, route);
        return missing;
    }

    // Who is not signed in signs in, and comes back here; who is, and may not, is told so and can sign out.
    private static Task<IResult> Refused(HttpContext context, Refusal refusal, RecoveryId? next = null) =>
        refusal.Code == RefusalCode.Unauthenticated
            ? Ask(context, 200, null, next)
            : PageForms.Page(
                context, PageForms.StatusOf(refusal), "error_heading",
                (words, _) => Html.Join([OperatePages.Refused(words, PageForms.Say(words, refusal)), OperatePages.SignOut(words)]));

    private static Task<IResult> Ask(HttpContext context, int status, Refusal? fault, RecoveryId? next) => PageForms.Page(
        context, status, "operate_sign_in_heading",
        (words, brand) => OperatePages.SignIn(words, brand.Party, fault is null ? null : PageForms.Say(words, fault), next?.ToString() ?? ""));

    private static string AddressOf(RecoveryId? id) => id is { } known ? $"{Home}/recoveries/{known}" : Home;

    private static string? DoneOf(HttpContext context) =>
        context.Request.Query["done"].ToString() is "approve" or "deny" ? context.Request.Query["done"].ToString() : null;
}
