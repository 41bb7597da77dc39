using Sparekey.Core;
using Sparekey.Engine.Accounts;

namespace Sparekey.Engine.Applications;

/// <summary>
/// What an application may be made of. Secrets leave by links that are built from it and passkeys are bound to its domain, so
/// nothing here is taken as it comes.
/// </summary>
internal static class ApplicationRules
{
    /// <summary>The most applications of a tenant.</summary>
    public const int MaxApplications = 100;

    private const int MaxEach = 20;

    /// <summary>Puts what somebody wants into an application.</summary>
    /// <param name="before">The application as it is.</param>
    /// <param name="wanted">What they want.</param>
    /// <returns>The application at the same version, or <see cref="RefusalCode.InvalidRequest"/> with every fault.</returns>
    public static Result<Application> Apply(Application before, ApplicationSettings wanted)
    {
        var faults = new List<FieldFault>();
        var next = before with
        {
            Name = wanted.Name ?? before.Name,
            RpId = wanted.RpId is { } rpId ? rpId.Value : before.RpId,
            Origins = Each(wanted.Origins, before.Origins, "/origins", Origin, "https://host, or http on this machine; no path.", faults),
            LinkHosts = Each(wanted.LinkHosts, before.LinkHosts, "/link_hosts", LinkHost, "A host, in lower case, perhaps with a port.", faults),
            ReturnUrls = Each(
                wanted.ReturnUrls, before.ReturnUrls, "/return_urls", ReturnUrl, "A complete https address without fragment.", faults),
            ClientIds = wanted.ClientIds is { } ids ? AccountRules.ExternalIds(ids, "/client_ids", faults) : before.ClientIds,
            Group = wanted.Group is { } group ? group.Value : before.Group,
            Branding = wanted.Branding ?? before.Branding,
        };
        faults.AddRange(next.Branding.Faults("/branding"));
        if (!AccountRules.IsName(next.Name))
        {
            faults.Add(new FieldFault("/name", "1 to 64 printable characters."));
        }

        if (next.Group is { } shared && !AccountRules.IsName(shared))
        {
            faults.Add(new FieldFault("/group", "1 to 64 printable characters."));
        }

        if (next.RpId is { } domain && !IsRpId(domain, next.Origins))
        {
            faults.Add(new FieldFault("/rp_id", "The domain of one of the origins, or a domain above it."));
        }

        return faults.Count == 0 ? next : AccountRules.Invalid(faults);
    }

    /// <summary>An origin, or null when a text is none that people may be sent to.</summary>
    /// <param name="text">The text.</param>
    public static Uri? Origin(string text) =>
        Web(text) is { } uri && uri.PathAndQuery == "/" && uri.Fragment.Length == 0 && !text.Contains('#', StringComparison.Ordinal)
        && !text.Contains('?', StringComparison.Ordinal)
            ? new Uri(uri.GetLeftPart(UriPartial.Authority))
            : null;

    private static Uri? ReturnUrl(string text) => Web(text) is { } uri && !text.Contains('#', StringComparison.Ordinal) ? uri : null;

    // A link's origin is https://host: what is not read back as exactly that would lead elsewhere.
    private static string? LinkHost(string text) =>
        text.Length <= 255 && Uri.TryCreate($"https://{text}", UriKind.Absolute, out var uri) && uri.Authority == text && uri.UserInfo.Length == 0
            ? text
            : null;

    private static Uri? Web(string text) =>
        text.Length is > 0 and <= 2000 && text.All(c => c is > ' ' and <= '~' and not '\\')
        && Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.UserInfo.Length == 0 && uri.Host.Length > 0
        && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback))
            ? uri
            : null;

    // WebAuthn Level 3 §5.1.3 step 8: the relying-party id is the origin's domain or a registrable suffix of it.
    private static bool IsRpId(string domain, IReadOnlyList<Uri> origins) =>
        Uri.CheckHostName(domain) == UriHostNameType.Dns && !domain.Any(char.IsAsciiLetterUpper)
        && (domain.Contains('.', StringComparison.Ordinal) || domain == "localhost")
        && origins.Any(o => o.Host == domain || o.Host.EndsWith("." + domain, StringComparison.Ordinal));

    private static IReadOnlyList<T> Each<T>(
        IReadOnlyList<string>? wanted, IReadOnlyList<T> before, string at, Func<string, T?> read, string form, List<FieldFault> faults)
        where T : class
    {
        if (wanted is null)
        {
            return before;
        }

        if (wanted.Count > MaxEach)
        {
            faults.Add(new FieldFault(at, $"At most {MaxEach}."));
            return before;
        }

        var all = new List<T>(wanted.Count);
        for (var i = 0; i < wanted.Count; i++)
        {
            if (read(wanted[i]) is { } good)
            {
                all.Add(good);
            }
            else
            {
                faults.Add(new FieldFault($"{at}/{i}", form));
            }
        }

        return [.. all.Distinct()];
    }
}

/// <summary>What an application shall be; null leaves a thing as it is, or empty in a new one.</summary>
public sealed record ApplicationSettings
{
    /// <summary>The version the caller saw; null to change whatever it is now.</summary>
    public int? Version { get; init; }

    /// <summary>Its name; a new one must have one.</summary>
    public string? Name { get; init; }

    /// <summary>The relying-party id; an assigned null takes it away.</summary>
    public Assigned<string?>? RpId { get; init; }

    /// <summary>All its origins: https, or http on this machine.</summary>
    public IReadOnlyList<string>? Origins { get; init; }

    /// <summary>All hosts of its links, the one that is used first.</summary>
    public IReadOnlyList<string>? LinkHosts { get; init; }

    /// <summary>All complete URLs a person may be sent back to.</summary>
    public IReadOnlyList<string>? ReturnUrls { get; init; }

    /// <summary>What it is called in other products' protocols.</summary>
    public IReadOnlyList<Core.Accounts.ExternalId>? ClientIds { get; init; }

    /// <summary>What it shares with other applications in another product.</summary>
    public Assigned<string?>? Group { get; init; }

    /// <summary>How its pages look, as a whole.</summary>
    public Branding? Branding { get; init; }
}
