using System.Text.Json.Nodes;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Flows;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Answers to what was submitted to a recovery flow: to a programme, to a page's script, and to a browser itself.</summary>
/// <param name="context">The request.</param>
/// <param name="submission">What was submitted.</param>
/// <param name="now">The time.</param>
internal sealed class RecoveryAnswers(HttpContext context, Submission submission, DateTimeOffset now)
{
    private readonly KratosCall _call = context.Kratos();

    /// <summary>Whether the answer is read by a programme or script.</summary>
    /// <param name="flow">The flow; null where there is none.</param>
    public bool IsJson(RecoveryFlow? flow) => flow?.IsNative == true || Negotiation.IsJson(context.Request);

    /// <summary>The flow, to go on with.</summary>
    /// <param name="flow">The flow.</param>
    /// <param name="status">The status for programmes.</param>
    public IResult GoOn(RecoveryFlow flow, int status = StatusCodes.Status200OK) =>
        IsJson(flow) ? KratosJson.Answer(Body(flow), status) : ToUi(flow);

    /// <summary>A session was opened.</summary>
    /// <param name="opened">What came of it.</param>
    public IResult Opened(FlowOutcome.Opened opened)
    {
        var (flow, token) = (opened.Flow, opened.Session.Token);
        if (!flow.IsNative)
        {
            KratosCsrf.Set(context, flow.Csrf!);
            KratosPerson.SetCookie(context, token);
        }

        var settings = opened.Settings is { } next ? KratosCall.With(_call.SettingsUi, ("flow", next.Id)) : null;
        if (!IsJson(flow))
        {
            return KratosJson.Redirect(settings ?? flow.ReturnTo ?? _call.DefaultReturn);
        }

        if (settings is not null && !_call.Options.ContinueWith)
        {
            return KratosError.BrowserLocationChange(settings);
        }

        var continueWith = new JsonArray();
        if (flow.IsNative)
        {
            continueWith.Add(new JsonObject { ["action"] = "set_ory_session_token", ["ory_session_token"] = token.Reveal() });
        }

        if (settings is not null)
        {
            continueWith.Add(new JsonObject { ["action"] = "show_settings_ui", ["flow"] = new JsonObject { ["id"] = opened.Settings!.Id, ["url"] = settings } });
        }

        return KratosJson.Answer(Body(flow) with { ContinueWith = continueWith.Count > 0 ? continueWith : null });
    }

    /// <summary>It has to be done again in another flow.</summary>
    /// <param name="flow">The other flow, whose note says why.</param>
    public IResult Again(RecoveryFlow flow)
    {
        Protect(flow);
        if (!IsJson(flow))
        {
            return ToUi(flow);
        }

        if (!_call.Options.ContinueWith)
        {
            return ToFlow(flow);
        }

        var text = RecoveryFlowView.TextOf(flow.Note!, flow.IssuedAt).Text;
        var error = flow.Note!.Kind == FlowNoteKind.AccountDisabled
            ? new KratosError(400, "This account was disabled.") { Id = "identity_disabled" }
            : new KratosError(400, text);
        return error with { Details = new JsonObject { ["continue_with"] = ShowRecovery(flow) } };
    }

    /// <summary>The flow ran out; another takes its place.</summary>
    /// <param name="over">The flow.</param>
    /// <param name="next">The other.</param>
    public IResult Expired(RecoveryFlow over, RecoveryFlow next)
    {
        Protect(next);
        return !IsJson(over) ? ToUi(next)
            : !_call.Options.ContinueWith || !over.IsNative ? ToFlow(next)
            : KratosError.FlowExpired(over.ExpiresAt, now, Guid.ParseExact(next.Id, "D")) with
            {
                Details = new JsonObject { ["continue_with"] = ShowRecovery(next) },
            };
    }

    /// <summary>Sends the browser to the page of a flow.</summary>
    /// <param name="flow">The flow.</param>
    public IResult ToUi(RecoveryFlow flow) => KratosJson.Redirect(KratosCall.With(_call.RecoveryUi, ("flow", flow.Id)));

    /// <summary>Sends the browser to the page of a new flow, which it may submit.</summary>
    /// <param name="flow">The flow.</param>
    public IResult ToNewUi(RecoveryFlow flow)
    {
        Protect(flow);
        return ToUi(flow);
    }

    /// <summary>The flow that takes the place of another, or of none.</summary>
    /// <param name="former">The other.</param>
    /// <param name="csrf">What a browser's submissions to it bring.</param>
    public NewRecoveryFlow Next(RecoveryFlow? former, string csrf)
    {
        var options = _call.Options;
        var uses = former is not null && RecoveryEndpoints.IsEnabled(options, former.Uses) ? former.Uses : RecoveryEndpoints.Uses(options);
        var native = former?.IsNative == true && uses == Means.Code;
        return new NewRecoveryFlow(former?.RequestUrl ?? _call.At("/self-service/recovery/browser"), uses, options.Recovery.Lifespan)
        {
            IsNative = native,
            Csrf = native ? null : csrf,
            ReturnTo = former?.ReturnTo,
            SkipsSettings = former?.SkipsSettings == true,
        };
    }

    private void Protect(RecoveryFlow next)
    {
        if (next.Csrf is { } csrf)
        {
            KratosCsrf.Set(context, csrf);
        }
    }

    private RecoveryFlowBody Body(RecoveryFlow flow) =>
        RecoveryFlowView.Of(_call, flow) with { TransientPayload = submission.TransientPayload?.DeepClone().AsObject() };

    private IResult ToFlow(RecoveryFlow flow) => KratosJson.Redirect(KratosCall.With(_call.At("/self-service/recovery/flows"), ("id", flow.Id)));

    private static JsonArray ShowRecovery(RecoveryFlow flow) =>
        [new JsonObject { ["action"] = "show_recovery_ui", ["flow"] = new JsonObject { ["id"] = flow.Id } }];
}
