using System.Text.Json;
using Sparekey.Core;
using Sparekey.Engine.Flows;
using Sparekey.Engine.Sessions;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>The settings flow: a person with a session sets a password, adds and removes passkeys, links accounts of other providers.</summary>
internal static class SettingsEndpoints
{
    private const string Proof = "a session, by its token or its cookie";

    /// <summary>Maps the routes.</summary>
    /// <param name="group">The group.</param>
    public static void Map(RouteGroupBuilder group)
    {
        var settings = group.MapGroup("/self-service/settings").RequireDialectProof(Proof);
        settings.MapGet("/api", OpenNative);
        settings.MapGet("/browser", OpenBrowser);
        settings.MapGet("/flows", Get);
        settings.MapPost("", Submit);
        settings.MapGet("/page", SettingsPage.Show);
        settings.MapPost("/page/recovery-codes", SettingsPage.MakeCodes);
        group.MapGet("/self-service/methods/oidc/callback/{provider}", Return).RequireDialectProof(Proof);
        group.MapGet("/.well-known/change-password", (HttpContext context) => KratosJson.Redirect(context.Kratos().At("/self-service/settings/browser")))
            .Public("It leads to where the person proves themselves.");
        PasskeyScript.Map(group);
    }

    private static async Task<IResult> OpenNative(HttpContext context, SettingsFlows flows, SettingsAnswers answers)
    {
        if (await context.Person() is not { } person)
        {
            return SettingsErrors.NoSession;
        }

        var wanted = Wanted(context, person, "/self-service/settings/api", null) with { IsNative = true };
        return await answers.Answer(context, person, await flows.Open(person, wanted, context.RequestAborted));
    }

    private static async Task<IResult> OpenBrowser(HttpContext context, SettingsFlows flows, SettingsAnswers answers)
    {
        var call = context.Kratos();
        var asked = context.Request.Query["return_to"].ToString();
        var (returnTo, refused) = ReturnUrl.Check(call, asked);
        if (refused is not null)
        {
            return await ErrorUi.Answer(context, refused);
        }

        if (await context.Person() is not { } person)
        {
            return Negotiation.WantsPage(context.Request)
                ? KratosJson.Redirect(KratosCall.With(call.At("/self-service/login/browser"), ("return_to", asked.Length == 0 ? null : asked)))
                : SettingsErrors.NoSession;
        }

        var flow = await flows.Open(person, Wanted(context, person, "/self-service/settings/browser", returnTo), context.RequestAborted);
        if (!Negotiation.WantsPage(context.Request))
        {
            return await answers.Answer(context, person, flow);
        }

        KratosCsrf.Keep(context);
        return KratosJson.Redirect(UiOf(call, flow));
    }

    private static async Task<IResult> Get(HttpContext context, SettingsFlows flows, SettingsAnswers answers, TimeProvider time)
    {
        if (await context.Person() is not { } person)
        {
            return Negotiation.IsJson(context.Request)
                ? SettingsErrors.NoCredentials
                : KratosJson.Redirect(context.Kratos().At("/self-service/login/browser"), StatusCodes.Status302Found);
        }

        var id = KratosJson.Id<EntryId>(context.Request.Query["id"]).ToString();
        return await flows.Find(person, id, context.RequestAborted) is not { } flow ? KratosError.NotFound
            : flow.Account != person.Session.Account ? SettingsErrors.OtherPerson
            : flow.ExpiresAt <= time.GetUtcNow() ? SettingsErrors.Over(context.Kratos(), flow, time.GetUtcNow())
            : await answers.Answer(context, person, flow);
    }

    private static async Task<IResult> Submit(
        HttpContext context, SettingsFlows flows, SettingsMethods methods, SettingsAnswers answers, TimeProvider time)
    {
        var (sent, unreadable) = await Submission.Read(context);
        if (sent is null)
        {
            return await ErrorUi.Answer(context, unreadable!);
        }

        if (sent.Flow is not { } id)
        {
            return await ErrorUi.Answer(context, SettingsErrors.NoFlowId);
        }

        if (await context.Person() is not { } person)
        {
            return Negotiation.IsJson(context.Request)
                ? SettingsErrors.NoSession
                : KratosJson.Redirect(KratosCall.With(context.Kratos().At("/self-service/login/browser"), ("return_to", UiOf(context.Kratos(), id))));
        }

        if (await flows.Find(person, id, context.RequestAborted) is not { } flow)
        {
            return await ErrorUi.Answer(context, SettingsErrors.NoFlow);
        }

        if (flow.Account != person.Session.Account)
        {
            return await ErrorUi.Answer(context, SettingsErrors.OtherPerson);
        }

        // Before anything else: who is not the person's own page learns and does nothing.
        if ((flow.IsNative ? KratosCsrf.CheckNative(context) : await KratosCsrf.Check(context, sent.CsrfToken)) is { } forged)
        {
            return await ErrorUi.Answer(context, forged);
        }

        if (flow.ExpiresAt <= time.GetUtcNow())
        {
            return await Replace(context, flows, person, flow, time.GetUtcNow());
        }

        var outcome = await methods.Run(new SettingsTry(context, person, flow, sent));
        return await Answer(context, flows, answers, person, flow, outcome, sent);
    }

    private static async Task<IResult> Return(HttpContext context, SettingsFlows flows, SettingsAnswers answers, OidcLinks links)
    {
        if (await context.Person() is not { } person)
        {
            return await ErrorUi.Answer(context, SettingsErrors.NoSession);
        }

        if (await links.Return(context, person, context.Request.RouteValues["provider"] as string) is not { } returned
            || await flows.Find(person, returned.Flow, context.RequestAborted) is not { } flow)
        {
            return await ErrorUi.Answer(context, new KratosError(400, "The answer of the provider belongs to no request of this session. Please try again."));
        }

        return await Answer(context, flows, answers, person, flow, returned.Outcome, sent: null);
    }

    private static async Task<IResult> Answer(
        HttpContext context, SettingsFlows flows, SettingsAnswers answers, SessionCaller person, SettingsFlow flow, SettingsOutcome outcome,
        Submission? sent)
    {
        var (call, isJson) = (context.Kratos(), flow.IsNative || (sent is not null && Negotiation.IsJson(context.Request)));
        switch (outcome)
        {
            case SettingsOutcome.Saved:
                var done = await flows.Write(person, flow with { IsDone = true, Faults = null, RecoveredUntil = null }, context.RequestAborted);
                var next = flow.ReturnTo ?? call.Options.Settings.After?.AbsoluteUri ?? UiOf(call, flow);
                return isJson ? await Saved(context, answers, person, done, next, sent!) : KratosJson.Redirect(next);
            case SettingsOutcome.Wrong wrong:
                var faulty = await flows.Write(
                    person, flow with { IsDone = false, Faults = JsonSerializer.Serialize(wrong.Faults) }, context.RequestAborted);
                return !isJson ? KratosJson.Redirect(UiOf(call, flow))
                    : await answers.View(context, person, faulty, sent is null ? null : SettingsMethods.MethodOf(sent)) is { } view
                        ? KratosJson.Answer(view with { TransientPayload = sent?.TransientPayload }, StatusCodes.Status400BadRequest)
                    : SettingsErrors.NoSession;
            case SettingsOutcome.Elsewhere elsewhere:
                return isJson ? KratosError.BrowserLocationChange(elsewhere.Url) : KratosJson.Redirect(elsewhere.Url);
            case SettingsOutcome.NotFresh:
                var login = KratosCall.With(call.At("/self-service/login/browser"), ("refresh", "true"), ("return_to", UiOf(call, flow)));
                return isJson ? KratosError.SessionRefreshRequired(login) : KratosJson.Redirect(login);
            default:
                return await ErrorUi.Answer(context, ((SettingsOutcome.Refused)outcome).Error);
        }
    }

    private static async Task<IResult> Saved(
        HttpContext context, SettingsAnswers answers, SessionCaller person, SettingsFlow done, string next, Submission sent)
    {
        // A browser's session may last longer from now on.
        if (!done.IsNative && KratosPerson.CookieOf(context) is var cookie && cookie.Reveal().Length > 0)
        {
            KratosPerson.SetCookie(context, cookie);
        }

        return await answers.View(context, person, done, SettingsMethods.MethodOf(sent)) is not { } view
            ? SettingsErrors.NoSession
            : KratosJson.Answer(view with
            {
                TransientPayload = sent.TransientPayload,
                ContinueWith = done.IsNative ? null : [new SettingsContinuation("redirect_browser_to", next)],
            });
    }

    private static async Task<IResult> Replace(HttpContext context, SettingsFlows flows, SessionCaller person, SettingsFlow old, DateTimeOffset now)
    {
        var call = context.Kratos();
        var wanted = new NewSettingsFlow(person.Session.Account, old.RequestUrl, call.Options.Settings.Lifespan)
        {
            IsNative = old.IsNative, ReturnTo = old.ReturnTo,
        };
        var opened = await flows.Open(person, wanted, context.RequestAborted);
        await flows.Write(
            person, opened with { Faults = JsonSerializer.Serialize<List<FlowFault>>([new(null, SettingsMessages.Expired(old.ExpiresAt, now))]) },
            context.RequestAborted);
        return old.IsNative || Negotiation.IsJson(context.Request)
            ? KratosError.FlowExpired(old.ExpiresAt, now, Guid.ParseExact(opened.Id, "D"))
            : KratosJson.Redirect(UiOf(call, opened));
    }

    private static NewSettingsFlow Wanted(HttpContext context, SessionCaller person, string path, string? returnTo)
    {
        var call = context.Kratos();
        return new NewSettingsFlow(
            person.Session.Account, KratosCall.With(call.At(path), ("return_to", returnTo)), call.Options.Settings.Lifespan)
        {
            ReturnTo = returnTo,
        };
    }

    /// <summary>The page of a flow.</summary>
    /// <param name="call">The call.</param>
    /// <param name="flow">The flow.</param>
    public static string UiOf(KratosCall call, SettingsFlow flow) => UiOf(call, flow.Id);

    private static string UiOf(KratosCall call, string flow) => KratosCall.With(call.SettingsUi, ("flow", flow));
}
