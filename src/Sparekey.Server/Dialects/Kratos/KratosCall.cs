using Microsoft.AspNetCore.WebUtilities;
using Sparekey.Engine.Applications;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>A folder that the routes stand under.</summary>
/// <param name="Public">The path of the public routes; empty for the root.</param>
/// <param name="Admin">The path of the routes of programmes; empty for the root.</param>
internal sealed record KratosMount(string Public, string Admin);

/// <summary>A call of a client: the application that it is for, and the URLs that answers name. None is built from the request's own host.</summary>
/// <param name="Application">The application.</param>
/// <param name="Options">The settings.</param>
/// <param name="Public">Where the public routes are, without a slash at the end.</param>
/// <param name="Admin">Where the routes of programmes are, without a slash at the end.</param>
internal sealed record KratosCall(Application Application, KratosOptions Options, string Public, string Admin)
{
    /// <summary>The page for recovery flows: the application's own, else ours.</summary>
    public string RecoveryUi => Options.Recovery.Ui?.AbsoluteUri ?? At("/self-service/recovery/page");

    /// <summary>The page for settings flows: the application's own, else ours.</summary>
    public string SettingsUi => Options.Settings.Ui?.AbsoluteUri ?? At("/self-service/settings/page");

    /// <summary>The page for errors: the application's own, else ours.</summary>
    public string ErrorUi => Options.ErrorUi?.AbsoluteUri ?? At("/self-service/errors/page");

    /// <summary>Where a browser goes when nothing else says it.</summary>
    public string DefaultReturn => Options.DefaultReturnUrl?.AbsoluteUri ?? At("/self-service/settings/browser");

    /// <summary>Whether cookies are sent over TLS alone: the public routes are under https.</summary>
    public bool IsSecure => Public.StartsWith("https://", StringComparison.OrdinalIgnoreCase);

    /// <summary>The URL of a public route.</summary>
    /// <param name="path">Its path, with a slash in front.</param>
    public string At(string path) => Public + path;

    /// <summary>A URL with more in its query. What it has already stays; the names stand in their order, as Kratos writes them.</summary>
    /// <param name="url">The URL.</param>
    /// <param name="query">Names and values; those that are null are left out.</param>
    public static string With(string url, params ReadOnlySpan<(string Name, string? Value)> query)
    {
        var at = url.IndexOf('?', StringComparison.Ordinal);
        var all = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, values) in QueryHelpers.ParseQuery(at < 0 ? "" : url[at..]))
        {
            all[name] = values.ToString();
        }

        foreach (var (name, value) in query)
        {
            if (value is not null)
            {
                all[name] = value;
            }
        }

        var start = at < 0 ? url : url[..at];
        return all.Count == 0 ? start : $"{start}?{string.Join('&', all.Select(p => $"{Uri.EscapeDataString(p.Key)}={Uri.EscapeDataString(p.Value)}"))}";
    }
}
