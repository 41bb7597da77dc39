using System.Text.Json.Nodes;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Flows;
using Sparekey.Server.Http;
using Sparekey.Server.Pages;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Errors of browsers: they are kept, and the browser is sent to the page that shows them.</summary>
internal static class ErrorUi
{
    /// <summary>Answers with an error: a programme reads it, a browser is sent to the page.</summary>
    /// <param name="context">The request.</param>
    /// <param name="error">The error.</param>
    public static async Task<IResult> Answer(HttpContext context, KratosError error)
    {
        if (Negotiation.IsJson(context.Request))
        {
            return error;
        }

        var errors = context.RequestServices.GetRequiredService<FlowErrors>();
        var id = await errors.Keep(context.Visitor(), error.ToJson(null).ToJsonString(), context.RequestAborted);
        Problem.SayWhenToComeBack(context.Response, new Core.Refusal(Core.RefusalCode.TooManyRequests) { RetryAfter = error.RetryAfter });
        return KratosJson.Redirect(KratosCall.With(context.Kratos().ErrorUi, ("id", id)));
    }

    /// <summary>Maps the routes.</summary>
    /// <param name="group">The group.</param>
    public static void Map(RouteGroupBuilder group)
    {
        const string reason = "Who has the id was sent there with the error, which names nobody.";
        group.MapGet("/self-service/errors", Get).Public(reason);
        group.MapGet("/self-service/errors/page", Show).Public(reason);
    }

    private static async Task<IResult> Get(HttpContext context, FlowErrors errors) =>
        await errors.Find(context.Visitor(), IdOf(context), context.RequestAborted) is { } found
            ? KratosJson.Answer(new KeptError(found.Id, JsonNode.Parse(found.Body)!, found.At, found.At))
            : KratosError.NotFound;

    private static async Task<IResult> Show(HttpContext context, FlowErrors errors, ReadBranding branding)
    {
        var found = await errors.Find(context.Visitor(), IdOf(context), context.RequestAborted);
        var error = found is null ? null : JsonNode.Parse(found.Body);
        var words = Words.For(context.Request.Headers.AcceptLanguage);
        var brand = await branding.Run(context.Visitor(), context.Kratos().Application.Id, context.RequestAborted);
        var why = (error?["reason"] ?? error?["message"])?.ToString() ?? words["error_unexpected"];
        return PageAnswer.Of(
            context, 200, words, brand, words["error_heading"],
            Html.Of(
                $"""
                <h1>{words["error_heading"]}</h1>
                <div class="card"><p id="reason">{why}</p><p class="after"><a href="{context.Kratos().At("/self-service/recovery/browser")}">{words["back"]}</a></p></div>
                """));
    }

    private static string IdOf(HttpContext context) => context.Request.Query["id"].ToString();

    private sealed record KeptError(string Id, JsonNode Error, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);
}
