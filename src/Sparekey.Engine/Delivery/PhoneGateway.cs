using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Core;

namespace Sparekey.Engine.Delivery;

/// <summary>One text message, or one call, to one person.</summary>
/// <param name="Id">Its id: the same at every try, by which a provider can tell that it knows it.</param>
/// <param name="Route">Text message or call.</param>
/// <param name="To">The number.</param>
/// <param name="Language">The language of its text.</param>
/// <param name="Text">What it says.</param>
internal sealed record PhoneText(MessageId Id, MessageRoute Route, string To, string Language, string Text)
{
    /// <summary>When it is worth nothing any more.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>The account's address that it goes to; null when the account does not have it (any more).</summary>
    public AddressId? Address { get; init; }

    /// <summary>Shows nothing of what it says.</summary>
    public override string ToString() => $"text {Id}";
}

/// <summary>
/// Hands text messages and calls to whoever sends them: one POST of JSON each, as docs/channels.md says. An answer of 200 to 299 takes
/// it; 400, 410 and 422 speak of the message and end it; all else, redirects and garbage too, is tried again.
/// </summary>
/// <param name="options">Who that is.</param>
/// <param name="egress">The way out.</param>
/// <param name="acts">The clock.</param>
internal sealed class PhoneGateway(PhoneOptions options, Egress egress, Acts acts)
{
    private const string SecretPrefix = "whsec_";

    /// <summary>How long one may take in all: what the egress gives it.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    /// <summary>Hands one over.</summary>
    /// <param name="text">The message.</param>
    /// <param name="cancellationToken">Breaks the call off: whether it was taken is then unknown.</param>
    public async Task<SendOutcome> Send(PhoneText text, CancellationToken cancellationToken)
    {
        var now = acts.Now;
        var body = new JsonObject
        {
            ["id"] = text.Id.ToString(),
            ["channel"] = WireName.Of(text.Route),
            ["to"] = text.To,
            ["language"] = text.Language,
            ["text"] = text.Text,
            ["expires_at"] = text.ExpiresAt is { } until
                ? until.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture)
                : null,
        }.ToJsonString(JsonSerializerOptions.Default);
        using var request = new HttpRequestMessage(HttpMethod.Post, options.Url)
        {
            Content = new StringContent(body, Encoding.UTF8, "application/json"),
        };
        request.Headers.UserAgent.ParseAdd("Sparekey");
        request.Headers.Add("Idempotency-Key", text.Id.ToString());
        if (options.Token is { } token)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token.Reveal());
        }

        if (options.Secret is { } secret)
        {
            Sign(request, text.Id.ToString(), now, body, KeyOf(secret.Reveal()) ?? []);
        }

        try
        {
            using var response = await egress.Client.SendAsync(request, cancellationToken);
            var status = (int)response.StatusCode;
            return new SendOutcome(status is >= 200 and < 300, status is 400 or 410 or 422, status)
            {
                RetryAfter = response.Headers.RetryAfter is { } wait ? wait.Delta ?? (wait.Date is { } date ? date - now : null) : null,
            };
        }
        catch (HttpRequestException)
        {
            return new SendOutcome(false, Permanent: false, null);
        }
        catch (OperationCanceledException)
        {
            return new SendOutcome(false, Permanent: false, null);
        }
    }

    /// <summary>The key in a secret as Standard Webhooks writes it; null when it is none, or shorter than 24 bytes.</summary>
    /// <param name="secret">The secret, <c>whsec_…</c>.</param>
    public static byte[]? KeyOf(string secret)
    {
        var bytes = new byte[secret.Length];
        return secret.StartsWith(SecretPrefix, StringComparison.Ordinal)
            && Convert.TryFromBase64String(secret[SecretPrefix.Length..], bytes, out var length) && length >= 24
                ? bytes[..length]
                : null;
    }

    private static void Sign(HttpRequestMessage request, string id, DateTimeOffset now, string body, byte[] key)
    {
        var seconds = now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var signature = Convert.ToBase64String(HMACSHA256.HashData(key, Encoding.UTF8.GetBytes($"{id}.{seconds}.{body}")));
        request.Headers.Add("webhook-id", id);
        request.Headers.Add("webhook-timestamp", seconds);
        request.Headers.Add("webhook-signature", $"v1,{signature}");
    }
}
