using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Engine.Delivery;

namespace Sparekey.Engine.Slack;

/// <summary>What Slack answered.</summary>
/// <param name="Body">The answer; null when there is none that can be read.</param>
/// <param name="Fault">Null for yes; else the word that Slack said, or one of ours.</param>
/// <param name="RetryAfter">When it wants to be asked again.</param>
internal sealed record SlackAnswer(JsonObject? Body, string? Fault, TimeSpan? RetryAfter = null)
{
    /// <summary>Whether it was yes.</summary>
    public bool Ok => Fault is null;

    /// <summary>A text of the answer; null when it has none there.</summary>
    /// <param name="path">Where it stands.</param>
    public string? Text(params ReadOnlySpan<string> path) => At(path) is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    /// <summary>Whether a member of the answer is true; null when it has none there.</summary>
    /// <param name="path">Where it stands.</param>
    public bool? Flag(params ReadOnlySpan<string> path) => At(path) is JsonValue value && value.TryGetValue<bool>(out var flag) ? flag : null;

    private JsonNode? At(ReadOnlySpan<string> path)
    {
        JsonNode? at = Body;
        foreach (var name in path)
        {
            at = (at as JsonObject)?[name];
        }

        return at;
    }
}

/// <summary>
/// Calls Slack's Web API (docs.slack.dev/apis/web-api). Every answer that says no is one word; what else it says is not passed on, for
/// it may quote what was sent.
/// </summary>
/// <param name="egress">The way out.</param>
/// <param name="apps">Opens tokens.</param>
internal sealed class SlackClient(Egress egress, SlackAppStore apps)
{
    // Else a name that stands twice is found out where it is looked for.
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>Calls a method.</summary>
    /// <param name="app">Whose app.</param>
    /// <param name="method">The method, <c>chat.postMessage</c>.</param>
    /// <param name="arguments">Its arguments.</param>
    public Task<SlackAnswer> Call(SlackApp app, string method, JsonObject arguments) =>
        Send(app, method, JsonContent.Create(arguments, new MediaTypeHeaderValue("application/json", "utf-8")));

    /// <summary>Calls a method that takes its arguments as a form, as those that read do.</summary>
    /// <param name="app">Whose app.</param>
    /// <param name="method">The method, <c>users.info</c>.</param>
    /// <param name="name">The argument.</param>
    /// <param name="value">Its value. It stands in the body: addresses do not belong into a URL.</param>
    public Task<SlackAnswer> Ask(SlackApp app, string method, string name, string value) =>
        Send(app, method, new FormUrlEncodedContent([new KeyValuePair<string, string>(name, value)]));

    /// <summary>What Slack says of the token (<c>auth.test</c>).</summary>
    /// <param name="app">Whose app.</param>
    public Task<SlackAnswer> Test(SlackApp app) => Send(app, "auth.test", new FormUrlEncodedContent([]));

    private async Task<SlackAnswer> Send(SlackApp app, string method, HttpContent content)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(app.BaseUrl, method)) { Content = content };
        if (apps.Open(app) is not { } secrets)
        {
            return new SlackAnswer(null, "secret_lost");
        }

        request.Headers.UserAgent.ParseAdd("Sparekey");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", secrets.BotToken);
        try
        {
            using var response = await egress.Client.SendAsync(request, CancellationToken.None);
            var wait = response.Headers.RetryAfter?.Delta;
            if (response.StatusCode == HttpStatusCode.TooManyRequests)
            {
                return new SlackAnswer(null, "ratelimited", wait ?? TimeSpan.FromSeconds(30));
            }

            return response.StatusCode == HttpStatusCode.OK
                ? Read(await response.Content.ReadAsByteArrayAsync(CancellationToken.None))
                : new SlackAnswer(null, "http_" + ((int)response.StatusCode).ToString(CultureInfo.InvariantCulture), wait);
        }
        catch (HttpRequestException)
        {
            return new SlackAnswer(null, "unreachable");
        }
        catch (OperationCanceledException)
        {
            return new SlackAnswer(null, "timed_out");
        }
    }

    private static SlackAnswer Read(byte[] bytes)
    {
        try
        {
            var answer = new SlackAnswer(JsonNode.Parse(bytes, documentOptions: Strict) as JsonObject, null);
            return answer.Flag("ok") switch
            {
                true => answer,
                false when answer.Text("error") is { Length: <= 64 } word && word.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-') =>
                    answer with { Fault = word },
                _ => answer with { Fault = "garbage" },
            };
        }
        catch (JsonException)
        {
            return new SlackAnswer(null, "garbage");
        }
    }
}
