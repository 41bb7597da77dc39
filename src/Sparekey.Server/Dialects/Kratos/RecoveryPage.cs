using Sparekey.Core.Recoveries;
using Sparekey.Engine;
using Sparekey.Engine.Flows;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Our own page of a recovery flow, where the application has none.</summary>
internal static class RecoveryPage
{
    /// <summary>Shows it.</summary>
    /// <param name="context">The request.</param>
    /// <param name="flows">Flows.</param>
    /// <param name="acts">Knows the time.</param>
    public static async Task<IResult> Show(HttpContext context, RecoveryFlows flows, Acts acts)
    {
        var call = context.Kratos();
        var begin = call.At("/self-service/recovery/browser");
        if (Guid.TryParseExact(context.Request.Query["flow"], "D", out var id) is false
            || await flows.Find(context.Visitor(), id.ToString("D"), context.RequestAborted) is not { } flow || flow.IsOver(acts.Now)
            || flow.State == RecoveryFlowState.PassedChallenge)
        {
            return KratosJson.Redirect(begin);
        }

        // A link that a page of ours is sent instead of its form.
        if (context.Request.Query["token"].ToString() is { Length: > 0 } token)
        {
            return await RecoveryLink.Page(context, KratosCall.With(call.At("/self-service/recovery"), ("flow", flow.Id), ("token", token)));
        }

        var open = flow.ByOperator && flow.Uses == Means.Code;
        return !flow.IsNative && !open && !KratosCsrf.IsOf(context, flow.Csrf)
            ? KratosJson.Redirect(begin)
            : await FlowPage.Of(context, "kratos_recovery_heading", RecoveryFlowView.Of(call, flow).Ui, goesOnTo: [new Uri(call.SettingsUi)]);
    }
}
