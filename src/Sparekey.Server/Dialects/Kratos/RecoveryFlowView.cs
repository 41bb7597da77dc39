using System.Globalization;
using System.Text.Json.Nodes;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Flows;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>A recovery flow as its clients read it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Type"><c>browser</c> or <c>api</c>.</param>
/// <param name="ExpiresAt">When it ends.</param>
/// <param name="IssuedAt">When it began.</param>
/// <param name="RequestUrl">How it was asked for.</param>
/// <param name="Ui">Its form.</param>
/// <param name="State">Where it stands.</param>
internal sealed record RecoveryFlowBody(
    string Id, string Type, DateTimeOffset ExpiresAt, DateTimeOffset IssuedAt, string RequestUrl, UiContainer Ui, string State)
{
    /// <summary>What it sends: <c>code</c> or <c>link</c>.</summary>
    public string? Active { get; init; }

    /// <summary>Where the person wants to be afterwards.</summary>
    public string? ReturnTo { get; init; }

    /// <summary>What comes next, in the answer that completes it.</summary>
    public JsonArray? ContinueWith { get; init; }

    /// <summary>What the call brought to be given back.</summary>
    public JsonObject? TransientPayload { get; init; }
}

/// <summary>Writes recovery flows: their nodes, in their order, and their messages.</summary>
internal static class RecoveryFlowView
{
    /// <summary>A flow.</summary>
    /// <param name="call">The call.</param>
    /// <param name="flow">The flow.</param>
    public static RecoveryFlowBody Of(KratosCall call, RecoveryFlow flow) => new(
        flow.Id, flow.IsNative ? "api" : "browser", flow.ExpiresAt, flow.IssuedAt, flow.RequestUrl,
        new UiContainer(KratosCall.With(call.At("/self-service/recovery"), ("flow", flow.Id)), NodesOf(flow)) { Messages = MessagesOf(flow) },
        StateOf(flow.State))
    {
        Active = NameOf(flow.Uses),
        ReturnTo = flow.ReturnTo,
    };

    /// <summary>The name of what is sent.</summary>
    /// <param name="uses">What.</param>
    public static string NameOf(Means uses) => uses == Means.Link ? "link" : "code";

    /// <summary>What a note says: to a person, and as the reason of an error.</summary>
    /// <param name="note">The note.</param>
    /// <param name="now">When it was noted.</param>
    public static UiText TextOf(FlowNote note, DateTimeOffset now) => note.Kind switch
    {
        FlowNoteKind.LinkSent => UiText.Info(1060002, "An email containing a recovery link has been sent to the address, if there is such an account. Check that the address is spelled right."),
        FlowNoteKind.CodeSent => UiText.Info(1060003, "An email containing a recovery code has been sent to the address, if there is such an account. Check that the address is spelled right."),
        FlowNoteKind.CodeWrong => UiText.Error(4060006, "The recovery code is invalid or has already been used. Please try again."),
        FlowNoteKind.CodeUsed => UiText.Reason("The code was already used. Please request another code."),
        FlowNoteKind.TooOften => UiText.Reason("The request was submitted too often. Please request another code."),
        FlowNoteKind.TokenInvalid => UiText.Error(4060004, "The recovery token is invalid or has already been used. Please retry the flow."),
        FlowNoteKind.Expired => Expired(note.At ?? now, now),
        FlowNoteKind.AccountDisabled => UiText.Error(4010011, "This account has been disabled. Please contact support for assistance."),
        FlowNoteKind.Completed => UiText.Error(4060001, "The request was already completed successfully and can not be retried."),
        FlowNoteKind.EmailMissing => UiText.Error(4000002, "Property email is missing.", new JsonObject { ["property"] = "email" }),
        FlowNoteKind.EmailInvalid => UiText.Error(4000040, "Enter a valid email address", new JsonObject { ["value"] = note.Value ?? "" }),
        FlowNoteKind.NotTaken => UiText.Error(4010005, "Could not find any strategy to recover your account with. Did you fill out the form correctly?"),
    };

    private static UiText Expired(DateTimeOffset at, DateTimeOffset now) => UiText.Error(
        4060005,
        string.Create(CultureInfo.InvariantCulture, $"The recovery flow expired {(now - at).TotalMinutes:F2} minutes ago, please try again."),
        new JsonObject { ["expired_at"] = KratosJson.Time(at), ["expired_at_unix"] = at.ToUnixTimeSeconds() });

    private static bool IsOfTheAddress(FlowNote? note) => note?.Kind is FlowNoteKind.EmailMissing or FlowNoteKind.EmailInvalid;

    private static UiText[]? MessagesOf(RecoveryFlow flow) =>
        flow.Note is { } note && !IsOfTheAddress(note) ? [TextOf(note, flow.IssuedAt)] : null;

    private static string StateOf(RecoveryFlowState state) => state switch
    {
        RecoveryFlowState.ChooseMethod => "choose_method",
        RecoveryFlowState.SentEmail => "sent_email",
        RecoveryFlowState.PassedChallenge => "passed_challenge",
    };

    private static IReadOnlyList<UiNode> NodesOf(RecoveryFlow flow)
    {
        var group = NameOf(flow.Uses);
        var submit = UiNode.Submit(group, "method", group, UiLabel.Continue);
        if (flow.ByOperator && flow.Uses == Means.Code)
        {
            return [Code(), submit];
        }

        var csrf = UiNode.Csrf(KratosCsrf.Mask(flow.Csrf));
        return flow.Uses == Means.Code && flow.State != RecoveryFlowState.ChooseMethod
            ? [csrf, Code(), UiNode.Of(group, new UiInput("method", "hidden") { Value = group }), submit, UiNode.Submit(group, "email", flow.Typed ?? "", UiLabel.ResendCode)]
            : [csrf, Address(flow, group), submit];
    }

    private static UiNode Code() => UiNode.Of(
        "code",
        new UiInput("code", "text") { Required = true, Autocomplete = "one-time-code", Pattern = "[0-9]+", Maxlength = 6 }, UiLabel.RecoveryCode);

    private static UiNode Address(RecoveryFlow flow, string group) => UiNode.Of(
        group,
        new UiInput("email", "email")
        {
            Required = true,
            Value = flow.Note is { Kind: FlowNoteKind.EmailInvalid, Value: var typed } ? typed : flow.Uses == Means.Link ? flow.Typed : null,
        },
        UiLabel.Email) with
    {
        Messages = IsOfTheAddress(flow.Note) ? [TextOf(flow.Note!, flow.IssuedAt)] : [],
    };
}
