using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Sparekey.Engine.Slack;

/// <summary>
/// The signature under every request of Slack's (docs.slack.dev/authentication/verifying-requests-from-slack): <c>v0=</c> and the
/// HMAC-SHA-256 in hexadecimal over <c>v0:</c>, the time, a colon and the body as it came.
/// </summary>
internal static class SlackSignature
{
    /// <summary>How far the time of a request may be from ours.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(5);

    /// <summary>Whether a request is Slack's and of now.</summary>
    /// <param name="secret">The app's signing secret.</param>
    /// <param name="timestamp">The header <c>X-Slack-Request-Timestamp</c>: seconds since 1970.</param>
    /// <param name="signature">The header <c>X-Slack-Signature</c>.</param>
    /// <param name="body">The body as it came.</param>
    /// <param name="now">The time.</param>
    public static bool IsGenuine(string secret, string? timestamp, string? signature, ReadOnlySpan<byte> body, DateTimeOffset now)
    {
        // The signature first and always, so that a wrong time takes as long as a wrong signature.
        var right = Encoding.ASCII.GetBytes(Of(secret, timestamp ?? "", body));
        var given = Encoding.UTF8.GetBytes(signature ?? "");
        return CryptographicOperations.FixedTimeEquals(right, given)
            && long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            && Math.Abs(now.ToUnixTimeSeconds() - seconds) <= (long)Window.TotalSeconds;
    }

    /// <summary>The signature of a request.</summary>
    /// <param name="secret">The app's signing secret.</param>
    /// <param name="timestamp">The time as it stands in its header.</param>
    /// <param name="body">The body.</param>
    public static string Of(string secret, string timestamp, ReadOnlySpan<byte> body)
    {
        using var hmac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, Encoding.UTF8.GetBytes(secret));
        hmac.AppendData(Encoding.UTF8.GetBytes($"v0:{timestamp}:"));
        hmac.AppendData(body);
        return "v0=" + Convert.ToHexStringLower(hmac.GetHashAndReset());
    }
}
