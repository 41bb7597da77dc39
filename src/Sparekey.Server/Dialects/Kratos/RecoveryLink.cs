using Sparekey.Core.Secrets;
using Sparekey.Engine;
using Sparekey.Engine.Flows;
using Sparekey.Server.Http;
using Sparekey.Server.Pages;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>
/// What opens when somebody, or a programme that reads their mail, follows the link of a recovery. It redeems nothing, however often: a
/// usable link shows a button, and only that redeems.
/// </summary>
internal static class RecoveryLink
{
    /// <summary>Opens.</summary>
    /// <param name="context">The request.</param>
    /// <param name="flows">Flows.</param>
    /// <param name="acts">Knows the time.</param>
    public static async Task<IResult> Open(HttpContext context, RecoveryFlows flows, Acts acts)
    {
        var call = context.Kratos();
        var (read, unreadable) = await Submission.Read(context);
        if (read is not { } submission)
        {
            return await ErrorUi.Answer(context, unreadable!);
        }

        var flow = submission.Flow is { } id ? await flows.Find(context.Visitor(), id, context.RequestAborted) : null;
        if (!submission.Has("token"))
        {
            return flow is null
                ? await ErrorUi.Answer(context, submission.Flow is null ? new KratosError(400, "The flow query parameter is missing or malformed.") : KratosError.NotFound)
                : KratosJson.Redirect(KratosCall.With(call.RecoveryUi, ("flow", flow.Id)));
        }

        if (!call.Options.Link.Enabled)
        {
            return await ErrorUi.Answer(context, KratosError.MethodDisabled);
        }

        var token = submission.Text("token") ?? "";
        if (await flows.LookAt(context.Visitor(), submission.Flow ?? "", new SecretText(token), context.RequestAborted) is not { } note)
        {
            return Negotiation.IsJson(context.Request) || call.Options.Link.OpensUi
                ? KratosJson.Redirect(KratosCall.With(call.RecoveryUi, ("flow", flow!.Id), ("token", token)))
                : await Page(context, KratosCall.With(call.At("/self-service/recovery"), ("flow", flow!.Id), ("token", token)));
        }

        var answers = new RecoveryAnswers(context, submission, acts.Now);
        var next = answers.Next(flow, KratosCsrf.New()) with { IsNative = false, Note = note };
        return answers.ToNewUi(await flows.Open(
            context.Visitor(), next.Csrf is null ? next with { Csrf = KratosCsrf.New() } : next, context.RequestAborted));
    }

    /// <summary>The page with the button.</summary>
    /// <param name="context">The request.</param>
    /// <param name="action">What the button posts to.</param>
    public static Task<IResult> Page(HttpContext context, string action)
    {
        var words = Words.For(context.Request.Headers.AcceptLanguage);
        return FlowPage.Of(
            context, "link_heading",
            Html.Of(
                $"""
                <form class="card" method="post" action="{action}">
                <h1>{words["link_heading"]}</h1>
                <p>{words["kratos_link_text"]}</p>
                <button type="submit">{words["link_button"]}</button>
                </form>
                """),
            [new Uri(context.Kratos().SettingsUi)]);
    }
}
