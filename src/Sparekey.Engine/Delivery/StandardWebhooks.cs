using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Sparekey.Engine.Delivery;

/// <summary>Signatures as Standard Webhooks 1.0.0 writes them, symmetric: <c>v1</c>, HMAC-SHA-256.</summary>
internal static class StandardWebhooks
{
    private const string SecretPrefix = "whsec_";

    /// <summary>A key as its receiver keeps it, <c>whsec_…</c>.</summary>
    /// <param name="key">The key.</param>
    public static string Write(byte[] key) => SecretPrefix + Convert.ToBase64String(key);

    /// <summary>The key in a secret; null when it is none, or shorter than 24 bytes.</summary>
    /// <param name="secret">The secret, <c>whsec_…</c>.</param>
    public static byte[]? KeyOf(string secret)
    {
        var bytes = new byte[secret.Length];
        return secret.StartsWith(SecretPrefix, StringComparison.Ordinal)
            && Convert.TryFromBase64String(secret[SecretPrefix.Length..], bytes, out var length) && length >= 24
                ? bytes[..length]
                : null;
    }

    /// <summary>Adds the three headers to a request: id, time in seconds, and one signature for each key.</summary>
    /// <param name="request">The request.</param>
    /// <param name="id">The message's id, the same at every try.</param>
    /// <param name="at">The time.</param>
    /// <param name="body">The body as it is sent.</param>
    /// <param name="keys">The keys, the present one first.</param>
    public static void Sign(HttpRequestMessage request, string id, DateTimeOffset at, string body, IEnumerable<byte[]> keys)
    {
        var seconds = at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var signed = Encoding.UTF8.GetBytes($"{id}.{seconds}.{body}");
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", seconds);
        request.Headers.Add(
            "webhook-signature", string.Join(' ', keys.Select(k => "v1," + Convert.ToBase64String(HMACSHA256.HashData(k, signed)))));
    }

    /// <summary>When a receiver wants to be asked again, by the header <c>Retry-After</c>; null where it does not say.</summary>
    /// <param name="response">Its answer.</param>
    /// <param name="now">The time.</param>
    public static TimeSpan? RetryAfter(HttpResponseMessage response, DateTimeOffset now) => response.Headers.RetryAfter is { } wait
        ? wait.Delta ?? (wait.Date is { } date ? date - now : null)
        : null;
}
