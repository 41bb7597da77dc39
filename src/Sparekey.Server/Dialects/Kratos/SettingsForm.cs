using System.Buffers.Text;
using System.Text.Json;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.ExternalLogins;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Flows;
using Sparekey.Engine.Sessions;
using Sparekey.Server.Api;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>The form of a settings flow: what its person can change now.</summary>
/// <param name="credentials">Their credentials.</param>
/// <param name="logins">Their logins at other providers.</param>
/// <param name="passkeys">Begins passkeys.</param>
internal sealed class SettingsForm(ListCredentials credentials, OwnExternalLogins logins, AddPasskey passkeys)
{
    private const string Register = "passkey_settings_register";

    private static readonly JsonSerializerOptions BrowserJson = new(JsonSerializerDefaults.Web);

    /// <summary>The form.</summary>
    /// <param name="context">The request.</param>
    /// <param name="person">Whose.</param>
    /// <param name="account">Their account.</param>
    /// <param name="flow">The flow.</param>
    /// <param name="csrf">The browser's token; null for a programme's flow.</param>
    public async Task<UiContainer> Of(HttpContext context, SessionCaller person, Account account, SettingsFlow flow, string? csrf)
    {
        var call = context.Kratos();
        var nodes = new List<UiNode> { UiNode.Csrf(KratosCsrf.Mask(csrf)) };
        if (call.Options.Profile)
        {
            nodes.AddRange(TraitNodes.Of(await IdentityJson.SchemaOf(context, account), IdentityJson.TraitsOf(account)));
            nodes.Add(UiNode.Submit("profile", "method", "profile", UiLabel.Save));
        }

        if (call.Options.Password)
        {
            nodes.Add(UiNode.Of("password", new UiInput("password", "password") { Required = true, Autocomplete = "new-password" }, UiLabel.Password));
            nodes.Add(UiNode.Submit("password", "method", "password", UiLabel.Save));
        }

        // In a browser alone: a programme has none in which the person could visit the provider.
        if (call.Options.Oidc && !flow.IsNative)
        {
            var linked = await logins.Run(person, context.RequestAborted);
            nodes.AddRange(call.Options.Providers.Select(p => linked.Any(l => l.Provider == p.Id)
                ? UiNode.Submit("oidc", "unlink", p.Id, SettingsMessages.Unlink(p))
                : UiNode.Submit("oidc", "link", p.Id, SettingsMessages.Link(p))));
        }

        if (call.Options.Passkey)
        {
            nodes.AddRange(await Passkeys(context, person, flow));
        }

        var faults = flow.Faults is { } kept ? JsonSerializer.Deserialize<List<FlowFault>>(kept)! : [];
        var known = nodes.Select(n => n.Input?.Name).ToHashSet(StringComparer.Ordinal);
        List<UiText> messages =
        [
            .. flow.IsDone ? [SettingsMessages.Saved]
                : faults.Count == 0 && flow.RecoveredUntil is { } until ? [SettingsMessages.Recovered(flow, until)] : Array.Empty<UiText>(),
            .. faults.Where(f => f.Node is null || !known.Contains(f.Node)).Select(f => f.Text),
        ];
        return new UiContainer(
            KratosCall.With(call.At("/self-service/settings"), ("flow", flow.Id)),
            [.. nodes.Select(n => n with { Messages = [.. faults.Where(f => f.Node is not null && f.Node == n.Input?.Name).Select(f => f.Text)] })])
        {
            Messages = messages.Count == 0 ? null : messages,
        };
    }

    /// <summary>The name of a passkey on the wire: its credential id in lower-case hex.</summary>
    /// <param name="passkey">The passkey.</param>
    public static string NameOf(Credential passkey) => Convert.ToHexStringLower(Base64Url.DecodeFromChars(passkey.ExternalId));

    // What the browser is to make is asked for anew with every look at the form: its challenge lives for five minutes.
    private async Task<List<UiNode>> Passkeys(HttpContext context, SessionCaller person, SettingsFlow flow)
    {
        var nodes = new List<UiNode>();
        var begun = await passkeys.Begin(person, context.RequestAborted);
        if (begun.Refusal is null && !flow.IsNative)
        {
            nodes.Add(new UiNode("script", "webauthn", PasskeyScript.Node(context.Kratos())));
        }

        nodes.AddRange((await credentials.Run(person, context.RequestAborted)).Where(c => c.Kind == CredentialKind.Passkey)
            .Select(p => UiNode.Submit("passkey", "passkey_remove", NameOf(p), SettingsMessages.RemovePasskey(p))));
        if (begun.Refusal is not null)
        {
            return nodes;
        }

        if (!flow.IsNative)
        {
            nodes.Add(UiNode.Of(
                "passkey",
                new UiInput("passkey_register_trigger", "button")
                {
                    Value = "", Onclick = $"window.{PasskeyScript.Function}()", OnclickTrigger = PasskeyScript.Function,
                },
                SettingsMessages.AddPasskey));
        }

        nodes.Add(UiNode.Of("passkey", new UiInput(Register, "hidden") { Value = "" }));
        nodes.Add(UiNode.Of("passkey", new UiInput("passkey_create_data", "hidden")
        {
            Value = JsonSerializer.Serialize(PasskeyJson.Options(begun.Value), BrowserJson),
        }));
        return nodes;
    }
}
