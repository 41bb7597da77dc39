using System.Text.Json.Nodes;
using Sparekey.Core.Recoveries;
using Sparekey.Engine;
using Sparekey.Engine.Flows;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Self-service recovery: how flows begin, and how they are looked at.</summary>
internal static class RecoveryEndpoints
{
    internal const string Stranger = "Whoever is locked out has nothing to prove themselves with; the secret in the flow is the proof.";

    /// <summary>Maps the routes.</summary>
    /// <param name="group">The group.</param>
    public static void Map(RouteGroupBuilder group)
    {
        group.MapGet("/self-service/recovery/api", BeginNative).Public(Stranger);
        group.MapGet("/self-service/recovery/browser", BeginInBrowser).Public(Stranger);
        group.MapGet("/self-service/recovery/flows", Get).Public(Stranger);
        group.MapGet("/self-service/recovery/page", RecoveryPage.Show).Public(Stranger);
        group.MapMethods("/self-service/recovery", ["GET", "HEAD"], RecoveryLink.Open).Public(Stranger);
        group.MapPost("/self-service/recovery", RecoverySubmission.Take).Public(Stranger).AnswerOnTheBeat();
    }

    /// <summary>Why there is no self-service recovery; null where there is.</summary>
    /// <param name="options">The settings.</param>
    public static KratosError? Disabled(KratosOptions options) =>
        !options.Recovery.Enabled ? new KratosError(400, "Recovery is not allowed because it was disabled.")
        : !IsEnabled(options, Uses(options))
            ? new KratosError(
                400, $"You attempted recovery using {RecoveryFlowView.NameOf(Uses(options))}, which is not enabled or does not exist. An administrator needs to enable this recovery method.")
        : null;

    /// <summary>What flows send.</summary>
    /// <param name="options">The settings.</param>
    public static Means Uses(KratosOptions options) => options.Recovery.Use == RecoveryMethod.Link ? Means.Link : Means.Code;

    /// <summary>Whether a method is on.</summary>
    /// <param name="options">The settings.</param>
    /// <param name="uses">The method.</param>
    public static bool IsEnabled(KratosOptions options, Means uses) => uses == Means.Link ? options.Link.Enabled : options.Code.Enabled;

    /// <summary>The error for who is signed in already.</summary>
    public static KratosError SignedIn { get; } =
        new(400, "A valid session was detected and thus recovery is not possible.") { Id = "session_already_available" };

    /// <summary>How the flow was asked for: the route's own URL with the query of the call.</summary>
    /// <param name="context">The request.</param>
    /// <param name="path">The route.</param>
    public static string UrlOf(HttpContext context, string path) => context.Kratos().At(path) + context.Request.QueryString.ToUriComponent();

    private static async Task<IResult> BeginNative(HttpContext context, RecoveryFlows flows)
    {
        var call = context.Kratos();
        if (Disabled(call.Options) is { } disabled)
        {
            return disabled;
        }

        if (await context.Person() is not null)
        {
            return SignedIn;
        }

        var wanted = new NewRecoveryFlow(UrlOf(context, "/self-service/recovery/api"), Uses(call.Options), call.Options.Recovery.Lifespan) { IsNative = true };
        return KratosJson.Answer(RecoveryFlowView.Of(call, await flows.Open(context.Visitor(), wanted, context.RequestAborted)));
    }

    private static async Task<IResult> BeginInBrowser(HttpContext context, RecoveryFlows flows)
    {
        var call = context.Kratos();
        var wantsPage = Negotiation.WantsPage(context.Request);
        if (Disabled(call.Options) is { } disabled)
        {
            return await ErrorUi.Answer(context, disabled);
        }

        var (returnTo, forbidden) = ReturnUrl.Check(call, context.Request.Query["return_to"]);
        if (forbidden is not null)
        {
            return await ErrorUi.Answer(context, forbidden);
        }

        if (await context.Person() is not null)
        {
            return wantsPage ? KratosJson.Redirect(call.DefaultReturn, StatusCodes.Status302Found) : SignedIn;
        }

        var flow = await flows.Open(
            context.Visitor(),
            new NewRecoveryFlow(UrlOf(context, "/self-service/recovery/browser"), Uses(call.Options), call.Options.Recovery.Lifespan)
            {
                ReturnTo = returnTo,
                SkipsSettings = context.Request.Query["skip_settings"] == "true",
                Csrf = KratosCsrf.Keep(context),
            },
            context.RequestAborted);
        return wantsPage ? KratosJson.Redirect(KratosCall.With(call.RecoveryUi, ("flow", flow.Id))) : KratosJson.Answer(RecoveryFlowView.Of(call, flow));
    }

    private static async Task<IResult> Get(HttpContext context, RecoveryFlows flows, Acts acts)
    {
        var call = context.Kratos();
        if (Disabled(call.Options) is { } disabled)
        {
            return disabled;
        }

        var id = Guid.TryParseExact(context.Request.Query["id"], "D", out var known) ? known : Guid.Empty;
        if (await flows.Find(context.Visitor(), id.ToString("D"), context.RequestAborted) is not { } flow)
        {
            return KratosError.NotFound;
        }

        // Whoever has the id of an operator's code sees its form, which has nothing of anybody in it.
        var open = flow.IsNative || (flow.ByOperator && flow.Uses == Means.Code);
        return !open && !KratosCsrf.IsOf(context, flow.Csrf) ? KratosCsrf.Error(context, "The flow was begun by another browser, or its Anti-CSRF Cookie was not sent.")
            : flow.IsOver(acts.Now) ? Over(call, flow, acts.Now)
            : KratosJson.Answer(RecoveryFlowView.Of(call, flow));
    }

    private static KratosError Over(KratosCall call, RecoveryFlow flow, DateTimeOffset now) => flow.IsNative
        ? KratosError.FlowExpired(flow.ExpiresAt, now, Guid.Empty) with { Details = new JsonObject { ["api"] = call.At("/self-service/recovery/api") } }
        : new KratosError(410, "The recovery flow has expired. Redirect the user to the recovery flow init endpoint to initialize a new recovery flow.")
        {
            Details = new JsonObject
            {
                ["redirect_to"] = KratosCall.With(call.At("/self-service/recovery/browser"), ("return_to", flow.ReturnTo)),
                ["return_to"] = flow.ReturnTo ?? "",
            },
        };
}
