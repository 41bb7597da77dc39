using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;
using Sparekey.Server.Api;
using Sparekey.Server.Http;

namespace Sparekey.Server.Pages;

/// <summary>The page on which a signed-in person sees every recovery of their account, and ends one that is going on.</summary>
internal static class HistoryDoor
{
    private const string Home = "/recover/history";
    private const int AtOnce = 20;

    /// <summary>Maps the routes.</summary>
    /// <param name="root">The root.</param>
    public static void Map(IEndpointRouteBuilder root)
    {
        const string reason = "The page asks whoever is not signed in to sign in; what it shows is the session's person's.";
        var pages = root.MapGroup(Home).ExcludeFromDescription().WithMetadata(new ProblemForPeople(PageAnswer.Refused));
        pages.MapGet("/", (HttpContext context, PageSession session, OwnRecoveries own, Acts acts) => Show(context, session, own, acts, null)).Public(reason);
        pages.MapPost("/passkey", WithPasskey).Public(reason).CheckOrigin().AnswerOnTheBeat();
        pages.MapPost("/password", WithPassword).Public(reason).CheckOrigin().AnswerOnTheBeat();
        pages.MapPost("/sign-out", SignOut).Public(reason).CheckOrigin().AnswerOnTheBeat();
        pages.MapPost("/{id}/cancel", Cancel).Public(reason).CheckOrigin().AnswerOnTheBeat();
        foreach (var form in (string[])["/passkey", "/password", "/sign-out", "/{id}/cancel"])
        {
            pages.MapGet(form, () => Results.Redirect(Home)).Public(reason);
        }
    }

    private static async Task<IResult> Show(HttpContext context, PageSession session, OwnRecoveries own, Acts acts, Refusal? fault)
    {
        var person = await session.Person(context);
        if (person.Refusal is { } refusal)
        {
            return await Ask(context, fault is null && refusal.Code == RefusalCode.SessionInvalid ? null : fault ?? refusal);
        }

        var after = Cursor.TryParse(context.Request.Query["cursor"].ToString());
        var found = await own.Page(person.Value, after, AtOnce, context.RequestAborted);
        var more = found.Count == AtOnce ? Cursor.After(found[^1].CreatedAt, found[^1].Id.Value) : null;
        return await PageForms.Page(
            context, fault is null ? 200 : PageForms.StatusOf(fault), "history_heading",
            (words, brand) => HistoryPages.List(
                words, found, more, acts.Now, fault is null ? null : PageForms.Say(words, fault),
                fault?.Code == RefusalCode.FreshSignInRequired ? SignIn(words, brand) : Html.Empty));
    }

    private static async Task<IResult> WithPasskey(HttpContext context, SignInWithPasskey signIn, PageSession session)
    {
        if (!PageSession.IsFromHere(context) || await PageForms.Read(context, PageForms.PasskeyLimit) is not { } form)
        {
            return await Ask(context, RefusalCode.OriginNotAllowed);
        }

        var proof = PasskeyJson.ReadProof(form.Text("credential"));
        return await Open(
            context, session,
            proof.Refusal is null ? await signIn.Run(context.Visitor(), proof.Value, context.RequestAborted) : RefusalCode.SignInFailed);
    }

    private static async Task<IResult> WithPassword(HttpContext context, SignIn signIn, PageSession session) =>
        !PageSession.IsFromHere(context) || await PageForms.Read(context) is not { } form
            ? await Ask(context, RefusalCode.OriginNotAllowed)
            : await Open(
                context, session,
                await signIn.Run(context.Visitor(), form.Text("identifier"), new SecretText(form.Text("password")), context.RequestAborted));

    private static async Task<IResult> Open(HttpContext context, PageSession session, Result<OpenedSession> opened)
    {
        if (opened.Refusal is { } refusal)
        {
            Problem.SayWhenToComeBack(context.Response, refusal);
            return await Ask(context, refusal);
        }

        session.Keep(context, opened.Value.Token);
        return new SeeOther(Home);
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

    private static async Task<IResult> Cancel(HttpContext context, PageSession session, OwnRecoveries own, Acts acts)
    {
        if (!PageSession.IsFromHere(context))
        {
            return await Show(context, session, own, acts, RefusalCode.OriginNotAllowed);
        }

        var person = await session.Person(context);
        if (person.Refusal is { } refusal)
        {
            return await Ask(context, refusal);
        }

        var ended = context.RouteId<RecoveryId>("id") is { } id
            ? await own.Cancel(person.Value, id, context.RequestAborted)
            : RefusalCode.RecoveryNotFound;
        return ended.Refusal is { } fault ? await Show(context, session, own, acts, fault) : new SeeOther(Home);
    }

    private static Task<IResult> Ask(HttpContext context, Refusal? fault) => PageForms.Page(
        context, fault is null ? 200 : PageForms.StatusOf(fault), "history_heading",
        (words, brand) => HistoryPages.SignIn(words, fault is null ? null : PageForms.Say(words, fault), SignIn(words, brand)));

    private static Html SignIn(Words words, Sparekey.Engine.Applications.PageBrand brand) => HistoryPages.SignInForms(words, brand.Party);
}
