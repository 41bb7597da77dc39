using System.Buffers.Text;
using System.Text.Json;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Who a provider says somebody is.</summary>
/// <param name="Subject">Who.</param>
/// <param name="Label">What they recognise their account there by; null when the provider does not say.</param>
internal sealed record OidcClaims(string Subject, string? Label)
{
    private static readonly TimeSpan Skew = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Reads the ID token of a token endpoint's answer (OpenID Connect Core §3.1.3.7). It came from there over TLS, which stands in for its
    /// signature (step 6); everything else is checked.
    /// </summary>
    /// <param name="answer">The answer.</param>
    /// <param name="provider">The provider that was asked.</param>
    /// <param name="nonce">The nonce of the request.</param>
    /// <param name="now">The time.</param>
    /// <returns>Who it is; null when anything is wrong.</returns>
    public static OidcClaims? Read(JsonElement answer, OidcProvider provider, string nonce, DateTimeOffset now)
    {
        if (Text(answer, "id_token") is not { } token || token.Split('.') is not [_, var body, _] || !Base64Url.IsValid(body))
        {
            return null;
        }

        using var document = JsonDocument.Parse(Base64Url.DecodeFromChars(body));
        var claims = document.RootElement;
        if (claims.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        // Steps 2 to 5, 9 and 11.
        var isOurs = Text(claims, "iss") == provider.Issuer && IsFor(claims, provider.ClientId)
            && claims.TryGetProperty("exp", out var exp) && exp.ValueKind == JsonValueKind.Number && exp.TryGetDouble(out var until)
            && until > (now - Skew).ToUnixTimeSeconds() && Text(claims, "nonce") == nonce;
        return isOurs && Text(claims, "sub") is { Length: > 0 and <= 255 } subject ? new OidcClaims(subject, LabelOf(claims)) : null;
    }

    /// <summary>What somebody recognises an account by.</summary>
    /// <param name="claims">Claims of an ID token or of the provider's userinfo.</param>
    public static string? LabelOf(JsonElement claims) => Text(claims, "email") ?? Text(claims, "preferred_username") ?? Text(claims, "name");

    /// <summary>A claim that is a text; null for every other.</summary>
    /// <param name="claims">The claims.</param>
    /// <param name="name">Its name.</param>
    public static string? Text(JsonElement claims, string name) =>
        claims.ValueKind == JsonValueKind.Object && claims.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static bool IsFor(JsonElement claims, string client)
    {
        if (!claims.TryGetProperty("aud", out var audience))
        {
            return false;
        }

        var all = audience.ValueKind switch
        {
            JsonValueKind.String => [audience.GetString()],
            JsonValueKind.Array => audience.EnumerateArray().Select(a => a.ValueKind == JsonValueKind.String ? a.GetString() : null).ToList(),
            _ => (List<string?>)[],
        };
        return all.Contains(client) && (all.Count == 1 || claims.TryGetProperty("azp", out _)) && (Text(claims, "azp") ?? client) == client;
    }
}
