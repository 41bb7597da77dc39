using Sparekey.Core.Secrets;
using Sparekey.Server.Dialects.Kratos;

namespace Sparekey.Server.Hosting;

/// <summary>
/// Reads the providers of external logins: <c>SPAREKEY_KRATOS__SELFSERVICE__METHODS__OIDC__CONFIG__PROVIDERS__0__…</c>, or the list of that
/// name in <c>sparekey.json</c>, each with the members of Kratos's own configuration.
/// </summary>
internal static class KratosOidcSettings
{
    private const string Name = "SELFSERVICE:METHODS:OIDC:CONFIG:PROVIDERS";

    /// <summary>Reads them.</summary>
    /// <param name="own">The settings of Kratos's doors.</param>
    /// <exception cref="SettingsException">One says something impossible.</exception>
    public static IReadOnlyList<OidcProvider> Read(IConfigurationSection own)
    {
        var all = own.GetSection(Name).GetChildren().Select(Provider).ToList();
        return all.Select(p => p.Id).Distinct(StringComparer.Ordinal).Count() == all.Count ? all : throw new SettingsException("Two providers have one ID.");
    }

    private static OidcProvider Provider(IConfigurationSection section)
    {
        var provider = section["PROVIDER"] ?? "generic";
        if (provider != "generic")
        {
            throw Wrong(section, "PROVIDER", "generic: a provider of OpenID Connect");
        }

        var id = Need(section, "ID");
        if (id.Length > 64 || !id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_'))
        {
            throw Wrong(section, "ID", "1 to 64 letters, digits, - and _");
        }

        var issuer = Need(section, "ISSUER_URL");
        if (!Uri.TryCreate(issuer, UriKind.Absolute, out var url) || url.Scheme is not ("https" or "http") || url.Query.Length + url.Fragment.Length > 0)
        {
            throw Wrong(section, "ISSUER_URL", "the issuer as the provider writes it, like https://login.example.com");
        }

        var scopes = section.GetSection("SCOPE").GetChildren().Select(s => s.Value ?? "")
            .Concat((section["SCOPE"] ?? "").Split([',', ' '], StringSplitOptions.RemoveEmptyEntries)).ToList();
        var made = new OidcProvider(id, issuer, Need(section, "CLIENT_ID"), new SecretText(Need(section, "CLIENT_SECRET"))) { Label = section["LABEL"] ?? id };
        return scopes.Count == 0 ? made : made with { Scopes = [.. scopes.Prepend("openid").Distinct(StringComparer.Ordinal)] };
    }

    private static string Need(IConfigurationSection section, string name) =>
        section[name] is { Length: > 0 } text ? text : throw Wrong(section, name, "is missing");

    private static SettingsException Wrong(IConfigurationSection section, string name, string asked) =>
        new($"SPAREKEY_{section.Path.Replace(":", "__", StringComparison.Ordinal)}__{name}: {asked}.");
}
