using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine;
using Sparekey.Engine.Flows;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>What somebody submits to a recovery flow: an address, a code, or the token of a link.</summary>
internal static class RecoverySubmission
{
    private static readonly KratosError NoFlow = new(400, "The flow query parameter is missing or malformed.");

    private static readonly KratosError UnknownFlow =
        new(404, "The recovery request could not be found. Please restart the flow.");

    /// <summary>Takes it.</summary>
    /// <param name="context">The request.</param>
    /// <param name="flows">Flows.</param>
    /// <param name="send">Takes addresses.</param>
    /// <param name="redeem">Takes codes and tokens.</param>
    /// <param name="acts">Knows the time.</param>
    public static async Task<IResult> Take(HttpContext context, RecoveryFlows flows, SendInFlow send, RedeemInFlow redeem, Acts acts)
    {
        var (read, unreadable) = await Submission.Read(context);
        if (read is not { } submission)
        {
            return await ErrorUi.Answer(context, unreadable!);
        }

        var answers = new RecoveryAnswers(context, submission, acts.Now);
        var found = submission.Flow is { } id ? await flows.Find(context.Visitor(), id, context.RequestAborted) : null;
        if (submission.Has("token"))
        {
            return await TakeToken(context, submission, answers, found, redeem);
        }

        if (submission.Flow is null || found is not { } flow)
        {
            return await ErrorUi.Answer(context, submission.Flow is null ? NoFlow : UnknownFlow);
        }

        // A flow that took all its codes says so, whatever the browser's token is by then.
        var isCode = flow is { Uses: Means.Code, State: not RecoveryFlowState.ChooseMethod } && !submission.Has("email");
        var spent = isCode && flow.Submissions >= MaxSubmissions(context);
        var free = spent || flow is { ByOperator: true, Uses: Means.Code };
        var forged = flow.IsNative ? KratosCsrf.CheckNative(context)
            : free ? await KratosCsrf.CheckOrigin(context)
            : await KratosCsrf.Check(context, submission.CsrfToken);
        if (forged is not null)
        {
            return flow.IsNative ? forged : await ErrorUi.Answer(context, forged);
        }

        return flow.IsOver(acts.Now) ? await Expired(context, flows, answers, flow)
            : isCode ? await TakeCode(context, submission, answers, flow, redeem)
            : await TakeAddress(context, submission, answers, flow, flows, send);
    }

    private static int MaxSubmissions(HttpContext context) => Math.Min(context.Kratos().Options.Code.MaxSubmissions, RecoveryLimits.TriesByHandle);

    private static async Task<IResult> Expired(HttpContext context, RecoveryFlows flows, RecoveryAnswers answers, RecoveryFlow over)
    {
        var next = answers.Next(over, KratosCsrf.New()) with { Note = new FlowNote(FlowNoteKind.Expired) { At = over.ExpiresAt } };
        return answers.Expired(over, await flows.Open(context.Visitor(), next, context.RequestAborted));
    }

    // A code is taken whatever method the body names, and from who is signed in too: the new session takes the place of the other.
    private static async Task<IResult> TakeCode(
        HttpContext context, Submission submission, RecoveryAnswers answers, RecoveryFlow flow, RedeemInFlow redeem)
    {
        if (!context.Kratos().Options.Code.Enabled)
        {
            return await Refused(context, flow, KratosError.MethodDisabled);
        }

        var attempt = Try(context, Means.Code, submission.Text("code") ?? "", flow.IsNative, answers, flow);
        var outcome = await redeem.Run(context.Visitor(), flow.Id, attempt, context.RequestAborted);
        return outcome.Refusal is { } refused ? await Refused(context, flow, ErrorOf(refused)) : Answer(answers, outcome.Value);
    }

    // The token is the authority. Whatever the client, the answer sends a browser on.
    private static async Task<IResult> TakeToken(
        HttpContext context, Submission submission, RecoveryAnswers answers, RecoveryFlow? flow, RedeemInFlow redeem)
    {
        if (await KratosCsrf.CheckOrigin(context) is { } foreign)
        {
            return await ErrorUi.Answer(context, foreign);
        }

        if (!context.Kratos().Options.Link.Enabled)
        {
            return await ErrorUi.Answer(context, KratosError.MethodDisabled);
        }

        var attempt = Try(context, Means.Link, submission.Text("token") ?? "", native: false, answers, flow);
        attempt = attempt with { Next = attempt.Next with { IsNative = false, Csrf = attempt.Csrf } };
        var outcome = await redeem.Run(context.Visitor(), submission.Flow ?? "", attempt, context.RequestAborted);
        if (outcome.Refusal is { } refused)
        {
            return await ErrorUi.Answer(context, ErrorOf(refused));
        }

        if (outcome.Value is not FlowOutcome.Opened opened)
        {
            return answers.ToNewUi(outcome.Value.Flow);
        }

        KratosCsrf.Set(context, opened.Flow.Csrf!);
        KratosPerson.SetCookie(context, opened.Session.Token);
        return KratosJson.Redirect(KratosCall.With(context.Kratos().SettingsUi, ("flow", opened.Settings?.Id)));
    }

    private static async Task<IResult> TakeAddress(
        HttpContext context, Submission submission, RecoveryAnswers answers, RecoveryFlow flow, RecoveryFlows flows, SendInFlow send)
    {
        var call = context.Kratos();
        if (await context.Person() is not null)
        {
            return answers.IsJson(flow) ? RecoveryEndpoints.SignedIn : KratosJson.Redirect(call.DefaultReturn, StatusCodes.Status302Found);
        }

        if (submission.Text("method") != RecoveryFlowView.NameOf(flow.Uses) || flow.ByOperator)
        {
            return await Noted(context, answers, flows, flow, new FlowNote(FlowNoteKind.NotTaken));
        }

        if (!RecoveryEndpoints.IsEnabled(call.Options, flow.Uses))
        {
            return await Refused(context, flow, KratosError.MethodDisabled);
        }

        if (flow.State == RecoveryFlowState.PassedChallenge)
        {
            var next = answers.Next(flow, KratosCsrf.New()) with { Note = new FlowNote(FlowNoteKind.Completed) };
            return answers.Again(await flows.Open(context.Visitor(), next, context.RequestAborted));
        }

        var typed = submission.Text("email") ?? "";
        if (typed.Length == 0 || !EmailAddress.IsOne(typed))
        {
            return await Noted(
                context, answers, flows, flow,
                typed.Length == 0 ? new FlowNote(FlowNoteKind.EmailMissing) : new FlowNote(FlowNoteKind.EmailInvalid) { Value = typed.Length > 320 ? typed[..320] : typed });
        }

        var sent = await send.Run(context.Visitor(), flow.Id, AddressOf(call, flow, typed), context.RequestAborted);
        return sent.Refusal is { } refused ? await Refused(context, flow, ErrorOf(refused)) : answers.GoOn(sent.Value);
    }

    private static FlowAddress AddressOf(KratosCall call, RecoveryFlow flow, string typed) => new(
        typed, call.Application.Id, LinkStart(call) + flow.Id + LinkMiddle, new Uri(KratosCall.With(call.RecoveryUi, ("flow", flow.Id))))
    {
        Lifetime = flow.Uses == Means.Link ? call.Options.Link.Lifespan : call.Options.Code.Lifespan,
        EndsSessions = call.Options.Recovery.RevokeOtherSessions,
    };

    /// <summary>Where links lead, up to the flow's id: to the configured address, else to the public routes.</summary>
    /// <param name="call">The call.</param>
    public static string LinkStart(KratosCall call) => $"{call.Options.Link.BaseUrl ?? call.Public}/self-service/recovery?flow=";

    /// <summary>What stands between the flow's id and the token.</summary>
    public const string LinkMiddle = "&token=";

    private static FlowTry Try(HttpContext context, Means uses, string text, bool native, RecoveryAnswers answers, RecoveryFlow? flow)
    {
        var (call, csrf) = (context.Kratos(), KratosCsrf.New());
        var session = new FlowSession(call.Options.Settings.PrivilegedSession, native ? KratosPerson.TokenPrefix : "");
        return new FlowTry(uses, new SecretText(text), session, answers.Next(flow, csrf))
        {
            MaxSubmissions = call.Options.Code.MaxSubmissions,
            Csrf = native ? null : csrf,
            Settings = new FlowSettings(
                flow?.RequestUrl ?? call.At("/self-service/recovery/browser"), call.Options.Settings.Lifespan, call.Options.Recovery.After?.AbsoluteUri),
        };
    }

    private static IResult Answer(RecoveryAnswers answers, FlowOutcome outcome) => outcome switch
    {
        FlowOutcome.Opened opened => answers.Opened(opened),
        FlowOutcome.Wrong wrong => answers.GoOn(wrong.Flow),
        _ => answers.Again(outcome.Flow),
    };

    private static async Task<IResult> Noted(HttpContext context, RecoveryAnswers answers, RecoveryFlows flows, RecoveryFlow flow, FlowNote note)
    {
        var noted = await flows.Note(context.Visitor(), flow.Id, note, context.RequestAborted);
        return noted.Refusal is { } refused
            ? await Refused(context, flow, ErrorOf(refused))
            : answers.GoOn(noted.Value, StatusCodes.Status400BadRequest);
    }

    private static KratosError ErrorOf(Refusal refused) => refused.Code == RefusalCode.RecoveryNotFound ? UnknownFlow : KratosErrors.Of(refused);

    private static async Task<IResult> Refused(HttpContext context, RecoveryFlow flow, KratosError error) =>
        flow.IsNative ? error : await ErrorUi.Answer(context, error);
}
