using System.Collections.Concurrent;

namespace Sparekey.Engine.Passbolt;

/// <summary>The cookies of one session with one server. The one by which the refresh token comes is kept apart: it is sent in bodies.</summary>
internal sealed class CookieJar
{
    private const string Refresh = "refresh_token";
    private const int Most = 20;
    private const int Longest = 4096;

    private readonly ConcurrentDictionary<string, string> _cookies = new(StringComparer.Ordinal);

    /// <summary>The refresh token that the server set last; null for none.</summary>
    public string? RefreshToken { get; private set; }

    /// <summary>A cookie's value; null where there is none.</summary>
    /// <param name="name">Its name.</param>
    public string? this[string name] => _cookies.GetValueOrDefault(name);

    /// <summary>Takes a cookie over from another session.</summary>
    /// <param name="other">That session's.</param>
    /// <param name="name">The cookie.</param>
    public void Keep(CookieJar other, string name)
    {
        if (other[name] is { } value)
        {
            _cookies[name] = value;
        }
    }

    /// <summary>Writes them into a request.</summary>
    /// <param name="request">The request.</param>
    public void Write(HttpRequestMessage request)
    {
        if (!_cookies.IsEmpty)
        {
            request.Headers.TryAddWithoutValidation("Cookie", string.Join("; ", _cookies.Select(c => $"{c.Key}={c.Value}")));
        }
    }

    /// <summary>Takes what a response sets.</summary>
    /// <param name="response">The response.</param>
    public void Read(HttpResponseMessage response)
    {
        foreach (var line in response.Headers.TryGetValues("Set-Cookie", out var lines) ? lines : [])
        {
            var pair = line.Split(';')[0];
            if (pair.IndexOf('=', StringComparison.Ordinal) is not (> 0 and var at) || pair.Length > Longest)
            {
                continue;
            }

            var (name, value) = (pair[..at].Trim(), pair[(at + 1)..].Trim());
            var ends = line.Contains("max-age=0", StringComparison.OrdinalIgnoreCase) || value is "" or "deleted";
            if (name == Refresh)
            {
                RefreshToken = ends ? null : value;
            }
            else if (ends)
            {
                _cookies.TryRemove(name, out _);
            }
            else if (_cookies.Count < Most || _cookies.ContainsKey(name))
            {
                _cookies[name] = value;
            }
        }
    }

    /// <summary>Shows nothing.</summary>
    public override string ToString() => "[cookies]";
}
