using System.Collections.Concurrent;
using System.Text.Json;
using Sparekey.Engine.Delivery;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Where a provider's endpoints are (OpenID Connect Discovery §3).</summary>
/// <param name="Authorization">Where the person goes.</param>
/// <param name="Token">Where a code is exchanged.</param>
/// <param name="UserInfo">Who the person is; null when the provider does not say.</param>
internal sealed record OidcMetadata(Uri Authorization, Uri Token, Uri? UserInfo)
{
    /// <summary>Whether the secret goes into a header, because the provider takes it nowhere else (<c>client_secret_basic</c>).</summary>
    public bool UsesBasic { get; init; }

    /// <summary>Whether the provider names itself in its answers (RFC 9207).</summary>
    public bool NamesItself { get; init; }
}

/// <summary>Finds the metadata of providers, and keeps it for an hour.</summary>
/// <param name="egress">Calls them.</param>
/// <param name="time">The clock.</param>
/// <param name="log">The log.</param>
internal sealed partial class OidcDiscovery(Egress egress, TimeProvider time, ILogger<OidcDiscovery> log)
{
    private static readonly TimeSpan Kept = TimeSpan.FromHours(1);

    private readonly ConcurrentDictionary<string, (DateTimeOffset Until, OidcMetadata Found)> _known = new(StringComparer.Ordinal);

    /// <summary>Finds it.</summary>
    /// <param name="provider">The provider.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The metadata; null when the provider does not answer, or says that it is somebody else.</returns>
    public async Task<OidcMetadata?> Find(OidcProvider provider, CancellationToken cancellationToken)
    {
        if (_known.TryGetValue(provider.Id, out var known) && time.GetUtcNow() < known.Until)
        {
            return known.Found;
        }

        try
        {
            using var answer = await egress.Client.GetAsync(
                new Uri(provider.Issuer.TrimEnd('/') + "/.well-known/openid-configuration"), cancellationToken);
            answer.EnsureSuccessStatusCode();
            using var document = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(cancellationToken));
            if (Read(document.RootElement, provider) is not { } found)
            {
                LogWrong(log, provider.Id);
                return null;
            }

            _known[provider.Id] = (time.GetUtcNow() + Kept, found);
            return found;
        }
        catch (Exception e) when (e is HttpRequestException or JsonException or InvalidOperationException
            || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            LogUnreachable(log, provider.Id, e.GetType().Name);
            return null;
        }
    }

    // Its issuer must be the one that was asked, letter by letter (Discovery §4.3): otherwise one provider could pass for another.
    private static OidcMetadata? Read(JsonElement said, OidcProvider provider)
    {
        if (said.ValueKind != JsonValueKind.Object || Text(said, "issuer") != provider.Issuer || Url(said, "authorization_endpoint") is not { } authorization
            || Url(said, "token_endpoint") is not { } token)
        {
            return null;
        }

        var methods = said.TryGetProperty("token_endpoint_auth_methods_supported", out var all) && all.ValueKind == JsonValueKind.Array
            ? all.EnumerateArray().Where(m => m.ValueKind == JsonValueKind.String).Select(m => m.GetString()!).ToList()
            : ["client_secret_basic"]; // Discovery §3.
        return new OidcMetadata(authorization, token, Url(said, "userinfo_endpoint"))
        {
            UsesBasic = !methods.Contains("client_secret_post"),
            NamesItself = said.TryGetProperty("authorization_response_iss_parameter_supported", out var names) && names.ValueKind == JsonValueKind.True,
        };
    }

    private static string? Text(JsonElement said, string name) =>
        said.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static Uri? Url(JsonElement said, string name) =>
        Uri.TryCreate(Text(said, name), UriKind.Absolute, out var url) && url.Scheme is "https" or "http" && url.UserInfo.Length == 0 ? url : null;

    [LoggerMessage(Level = LogLevel.Warning, Message = "The provider {Provider} does not answer: {Kind}")]
    private static partial void LogUnreachable(ILogger logger, string provider, string kind);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The metadata of the provider {Provider} is another issuer's, or not complete")]
    private static partial void LogWrong(ILogger logger, string provider);
}
