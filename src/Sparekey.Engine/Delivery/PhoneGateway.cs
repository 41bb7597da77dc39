using System.Net.Http.Headers;
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
            ["expires_at"] = text.ExpiresAt is { } until ? WireTime.Of(until) : null,
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
            StandardWebhooks.Sign(request, text.Id.ToString(), now, body, [StandardWebhooks.KeyOf(secret.Reveal()) ?? []]);
        }

        try
        {
            using var response = await egress.Client.SendAsync(request, cancellationToken);
            var status = (int)response.StatusCode;
            return new SendOutcome(status is >= 200 and < 300, status is 400 or 410 or 422, status)
            {
                RetryAfter = StandardWebhooks.RetryAfter(response, now),
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
}
