namespace Sparekey.Server.Dialects.Kratos;

/// <summary>URLs that a browser may be sent to: of one scheme and host, or any host below it, and with a path that begins so.</summary>
/// <param name="Start">The URL; of the host below a <c>*.</c> where there is one.</param>
/// <param name="IsWide">Whether any host below it does, and not itself.</param>
internal sealed record ReturnUrlPattern(Uri Start, bool IsWide)
{
    /// <summary>Reads one; null when it is none.</summary>
    /// <param name="text">A URL; <c>*.</c> may stand before its host.</param>
    public static ReturnUrlPattern? Parse(string text)
    {
        var isWide = text.Contains("://*.", StringComparison.Ordinal);
        var plain = isWide ? text.Replace("://*.", "://", StringComparison.Ordinal) : text;
        return Uri.TryCreate(plain, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.UserInfo.Length == 0
            && url.Query.Length == 0 && url.Fragment.Length == 0
            && (!isWide || url.HostNameType == UriHostNameType.Dns && url.Host.Contains('.', StringComparison.Ordinal))
            ? new ReturnUrlPattern(url, isWide)
            : null;
    }

    /// <summary>Whether a URL is one of them.</summary>
    /// <param name="url">The URL.</param>
    public bool Covers(Uri url) =>
        url.Scheme == Start.Scheme && url.Port == Start.Port
        && (IsWide ? url.IdnHost.EndsWith("." + Start.IdnHost, StringComparison.OrdinalIgnoreCase)
            : url.IdnHost.Equals(Start.IdnHost, StringComparison.OrdinalIgnoreCase))
        && url.AbsolutePath.StartsWith(Start.AbsolutePath, StringComparison.Ordinal);
}

/// <summary>Where a caller wants a browser sent afterwards. What is not allowed is refused: an open redirect would lend our name to any page.</summary>
internal static class ReturnUrl
{
    /// <summary>Reads and checks it.</summary>
    /// <param name="call">The call.</param>
    /// <param name="asked">What was asked for; null or empty for nothing.</param>
    /// <returns>The URL, complete and in its normal form (null where nothing was asked for); or the error to answer.</returns>
    public static (string? Url, KratosError? Error) Check(KratosCall call, string? asked)
    {
        if (string.IsNullOrEmpty(asked))
        {
            return (null, null);
        }

        // A path alone belongs to where browsers usually go. Two slashes at its start would name a host.
        var isPath = asked[0] == '/' && !(asked.Length > 1 && asked[1] is '/' or '\\');
        var isRead = isPath ? Uri.TryCreate(new Uri(call.DefaultReturn), asked, out var url) : Uri.TryCreate(asked, UriKind.Absolute, out url);
        return isRead && url!.Scheme is "http" or "https" && url.UserInfo.Length == 0 && HasName(url) && IsAllowed(call, url)
            ? (url.AbsoluteUri, null)
            : (null, Forbidden(asked));
    }

    // A host of characters that no name has is read, and refused only when it is asked for.
    private static bool HasName(Uri url)
    {
        try
        {
            return url.IdnHost.Length > 0;
        }
        catch (UriFormatException)
        {
            return false;
        }
    }

    private static bool IsAllowed(KratosCall call, Uri url) =>
        ReturnUrlPattern.Parse(call.At("/self-service"))?.Covers(url) is true
        || call.Options.AllowedReturnUrls.Any(p => p.Covers(url))
        || call.Application.ReturnUrls.Any(u => u.AbsoluteUri == url.AbsoluteUri);

    private static KratosError Forbidden(string asked) =>
        new(400, $"Requested return_to URL \"{(asked.Length > 256 ? asked[..256] + "…" : asked)}\" is not allowed.") { Id = "self_service_flow_return_to_forbidden" };
}
