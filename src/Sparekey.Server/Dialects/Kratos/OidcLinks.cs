using Sparekey.Core;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.ExternalLogins;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Sessions;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Links and unlinks accounts at other providers.</summary>
/// <param name="link">Links.</param>
/// <param name="revoke">Unlinks.</param>
/// <param name="logins">What is linked.</param>
/// <param name="discovery">Finds providers.</param>
/// <param name="egress">Calls them.</param>
/// <param name="time">The clock.</param>
internal sealed class OidcLinks(
    LinkExternalLogin link, RevokeOwnCredential revoke, OwnExternalLogins logins, OidcDiscovery discovery, Egress egress, TimeProvider time)
{
    private const int MostUpstream = 8;
    private const int LongestUpstream = 256;

    // What user interfaces may pass on to a provider, as Kratos lets them.
    private static readonly string[] Upstream = ["login_hint", "hd", "prompt", "auth_type", "acr_values"];

    private static readonly SettingsOutcome.Wrong Taken =
        One("can not link unknown or already existing OpenID Connect connection");

    /// <summary>Sends the person to the provider.</summary>
    /// <param name="attempt">The submission.</param>
    public async Task<SettingsOutcome> Leave(SettingsTry attempt)
    {
        var (context, person) = (attempt.Context, attempt.Person);
        if (attempt.Flow.IsNative)
        {
            return One("Accounts of other providers are linked in a browser.");
        }

        if (!person.IsPrivileged(time.GetUtcNow()))
        {
            return new SettingsOutcome.NotFresh();
        }

        if (ProviderOf(context, attempt.Sent.Text("link")) is not { } provider)
        {
            return Taken;
        }

        if (await discovery.Find(provider, context.RequestAborted) is not { } metadata)
        {
            return One($"{provider.Label} does not answer. Please try again later.");
        }

        var id = LinkExternalLogin.NewId();
        var visit = await OidcVisit.Of(context, provider, metadata, egress.Client, time, id, memo: null);
        var (url, memo) = await visit.Leave(UpstreamOf(attempt.Sent));
        var begun = await link.Begin(person, new LinkAttempt(id, provider.Id, attempt.Flow.Id, memo), context.RequestAborted);
        return begun.Refusal is null ? new SettingsOutcome.Elsewhere(url) : Of(begun.Refusal);
    }

    /// <summary>Receives the person who comes back.</summary>
    /// <param name="context">The request.</param>
    /// <param name="person">Who came.</param>
    /// <param name="name">The provider that sent them, by its name.</param>
    /// <returns>The flow that they went from and what came of it; null where they went from none.</returns>
    public async Task<(string Flow, SettingsOutcome Outcome)?> Return(HttpContext context, SessionCaller person, string? name)
    {
        var state = context.Request.Query["state"].ToString();
        if (ProviderOf(context, name) is not { } provider || state.Length is 0 or > 128
            || await link.Find(person, state, context.RequestAborted) is not { } attempt || attempt.Provider != provider.Id)
        {
            return null;
        }

        return (attempt.Flow, await Return(context, person, provider, attempt));
    }

    /// <summary>Unlinks an account.</summary>
    /// <param name="attempt">The submission.</param>
    public async Task<SettingsOutcome> Unlink(SettingsTry attempt)
    {
        var name = attempt.Sent.Text("unlink");
        var found = (await logins.Run(attempt.Person, attempt.Context.RequestAborted)).FirstOrDefault(l => l.Provider == name);
        if (found is null)
        {
            return One("can not unlink non-existing OpenID Connect connection");
        }

        var removed = await revoke.Run(attempt.Person, found.Credential.Id, attempt.Context.RequestAborted);
        return removed.Refusal is { } refusal ? SettingsMethods.Of(refusal) : new SettingsOutcome.Saved();
    }

    private static OidcProvider? ProviderOf(HttpContext context, string? name) =>
        context.Kratos().Options is { Oidc: true } options ? options.Providers.FirstOrDefault(p => p.Id == name) : null;

    private static SettingsOutcome.Wrong One(string reason) => new([new FlowFault(null, UiText.Reason(reason))]);

    private static SettingsOutcome Of(Refusal refusal) =>
        refusal.Code is RefusalCode.CredentialTaken or RefusalCode.ChallengeRefused ? Taken : SettingsMethods.Of(refusal);

    private static Dictionary<string, string> UpstreamOf(Submission sent) =>
        (sent.Value("upstream_parameters") as System.Text.Json.Nodes.JsonObject ?? []).Take(MostUpstream)
            .Where(p => Upstream.Contains(p.Key) && p.Value is System.Text.Json.Nodes.JsonValue value
                && value.TryGetValue<string>(out var text) && text.Length is > 0 and <= LongestUpstream)
            .ToDictionary(p => p.Key, p => p.Value!.GetValue<string>(), StringComparer.Ordinal);

    private async Task<SettingsOutcome> Return(HttpContext context, SessionCaller person, OidcProvider provider, LinkAttempt attempt)
    {
        if (await discovery.Find(provider, context.RequestAborted) is not { } metadata)
        {
            return One($"{provider.Label} does not answer. Please try again later.");
        }

        var visit = await OidcVisit.Of(context, provider, metadata, egress.Client, time, attempt.Id, attempt.Memo);
        if (await visit.Return() is not { } identity)
        {
            return One($"{provider.Label} did not say who you are. Please try again.");
        }

        var linked = await link.Run(person, attempt.Id, identity, context.RequestAborted);
        return linked.Refusal is { } refusal ? Of(refusal) : new SettingsOutcome.Saved();
    }
}
