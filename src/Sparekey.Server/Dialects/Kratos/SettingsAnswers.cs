using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Flows;
using Sparekey.Engine.Sessions;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Something that comes next.</summary>
/// <param name="Action">What kind.</param>
/// <param name="RedirectBrowserTo">Where a browser goes.</param>
internal sealed record SettingsContinuation(string Action, string RedirectBrowserTo);

/// <summary>A settings flow as it stands on the wire.</summary>
internal sealed record SettingsFlowView(
    string Id, string Type, DateTimeOffset ExpiresAt, DateTimeOffset IssuedAt, string RequestUrl, string State, UiContainer Ui, JsonObject Identity)
{
    /// <summary>Where the person wants to be afterwards.</summary>
    public string? ReturnTo { get; init; }

    /// <summary>The method that was used last.</summary>
    public string? Active { get; init; }

    /// <summary>What comes next, with the answer to what was submitted.</summary>
    public IReadOnlyList<SettingsContinuation>? ContinueWith { get; init; }

    /// <summary>What came with the submission.</summary>
    public JsonObject? TransientPayload { get; init; }

    /// <summary>None here.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? OrganizationId => null;
}

/// <summary>Writes settings flows.</summary>
/// <param name="accounts">The person's account.</param>
/// <param name="form">The flow's form.</param>
internal sealed class SettingsAnswers(ReadOwnAccount accounts, SettingsForm form)
{
    /// <summary>The flow.</summary>
    /// <param name="context">The request.</param>
    /// <param name="person">Whose.</param>
    /// <param name="flow">The flow.</param>
    /// <param name="active">The method that was used.</param>
    /// <returns>The flow; null when the person's account is gone.</returns>
    public async Task<SettingsFlowView?> View(HttpContext context, SessionCaller person, SettingsFlow flow, string? active = null)
    {
        if (await accounts.Run(context.Visitor().Tenant, person.Session.Account, context.RequestAborted) is not { } account)
        {
            return null;
        }

        var csrf = flow.IsNative ? null : KratosCsrf.Keep(context);
        return new SettingsFlowView(
            flow.Id, flow.IsNative ? "api" : "browser", flow.ExpiresAt, flow.IssuedAt, flow.RequestUrl, flow.IsDone ? "success" : "show_form",
            await form.Of(context, person, account, flow, csrf), await IdentityJson.Of(context, account))
        {
            ReturnTo = flow.ReturnTo,
            Active = active,
        };
    }

    /// <summary>Answers with the flow.</summary>
    /// <param name="context">The request.</param>
    /// <param name="person">Whose.</param>
    /// <param name="flow">The flow.</param>
    public async Task<IResult> Answer(HttpContext context, SessionCaller person, SettingsFlow flow) =>
        await View(context, person, flow) is { } view ? KratosJson.Answer(view) : SettingsErrors.NoSession;
}
