using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Sparekey.Testing;

/// <summary>A message in the stand-in's Slack.</summary>
/// <param name="Channel">The conversation.</param>
/// <param name="Ts">Which message there.</param>
/// <param name="Body">The arguments of the last call that wrote it.</param>
public sealed record SlackPost(string Channel, string Ts, JsonObject Body)
{
    /// <summary>What it shows, all texts one after the other, as they came.</summary>
    public string Shown => string.Join('\n', Texts(Body["blocks"]));

    /// <summary>Its buttons, by their <c>action_id</c>.</summary>
    public IReadOnlyDictionary<string, JsonObject> Buttons => Body["blocks"]!.AsArray()
        .Where(b => b!["type"]!.ToString() == "actions").SelectMany(b => b!["elements"]!.AsArray())
        .ToDictionary(e => e!["action_id"]!.ToString(), e => e!.AsObject(), StringComparer.Ordinal);

    private static IEnumerable<string> Texts(JsonNode? node) => node switch
    {
        JsonObject o => o.SelectMany(p => p.Key == "text" && p.Value is JsonValue v ? [v.ToString()] : Texts(p.Value)),
        JsonArray a => a.SelectMany(Texts),
        _ => [],
    };
}

/// <summary>What Slack would send when somebody presses a button.</summary>
/// <param name="Timestamp">The header <c>X-Slack-Request-Timestamp</c>.</param>
/// <param name="Signature">The header <c>X-Slack-Signature</c>.</param>
/// <param name="Body">The form.</param>
public sealed record SlackRequest(string Timestamp, string Signature, string Body);

/// <summary>
/// Stands in for Slack on this machine: the methods that are used, as Slack documents them (docs.slack.dev/reference/methods), with the
/// limits of Block Kit, the errors, and 429. It can be down, slow, redirect, and talk garbage.
/// </summary>
public sealed class SlackStandIn : IAsyncDisposable
{
    /// <summary>The workspace.</summary>
    public const string Team = "T0TEAM";

    /// <summary>The bot token that it takes.</summary>
    public const string BotToken = "xoxb-test-bot-token";

    /// <summary>The secret that it signs with.</summary>
    public const string SigningSecret = "5e0fa2c1b7d94863a1c2d3e4f5061728";

    /// <summary>The only channel that the bot is a member of.</summary>
    public const string Channel = "C0APPROVERS";

    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, JsonObject> _users = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<(string, string), SlackPost> _posts = new();
    private int _ts = 1000;

    private SlackStandIn()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        _app = builder.Build();
        _app.Urls.Add("http://127.0.0.1:0");
        _app.Run(Answer);
    }

    /// <summary>Its Web API.</summary>
    public string BaseUrl => _app.Urls.Single() + "/api/";

    /// <summary>How it behaves: <c>ok</c>, <c>down</c>, <c>busy</c>, <c>redirect</c>, <c>garbage</c>, <c>gone</c>, <c>closed</c>, or an error to say no with.</summary>
    public string Mode { get; set; } = "ok";

    /// <summary>The one method that behaves so; null for all.</summary>
    public string? Only { get; set; }

    /// <summary>Every call, in order: the method and its arguments.</summary>
    public ConcurrentQueue<(string Method, JsonObject Arguments)> Calls { get; } = new();

    /// <summary>What only one user was shown.</summary>
    public ConcurrentQueue<JsonObject> Ephemerals { get; } = new();

    /// <summary>Every message that stands.</summary>
    public IReadOnlyList<SlackPost> Posts => [.. _posts.Values.OrderBy(p => p.Ts, StringComparer.Ordinal)];

    /// <summary>Starts one.</summary>
    public static async Task<SlackStandIn> Start()
    {
        var slack = new SlackStandIn();
        await slack._app.StartAsync();
        return slack;
    }

    /// <summary>Adds a user.</summary>
    /// <param name="id">The user's id, <c>U…</c>.</param>
    /// <param name="email">The address.</param>
    /// <param name="change">What is unusual about them.</param>
    public void AddUser(string id, string email, Action<JsonObject>? change = null)
    {
        var user = new JsonObject
        {
            ["id"] = id, ["team_id"] = Team, ["name"] = id.ToLowerInvariant(), ["deleted"] = false, ["is_bot"] = false,
            ["is_email_confirmed"] = true, ["profile"] = new JsonObject { ["email"] = email },
        };
        change?.Invoke(user);
        _users[id] = user;
    }

    /// <summary>Forgets what was called and posted; users stay.</summary>
    public void Forget()
    {
        (Mode, Only) = ("ok", null);
        Calls.Clear();
        Ephemerals.Clear();
        _posts.Clear();
    }

    /// <summary>Somebody deletes a message.</summary>
    /// <param name="post">The message.</param>
    public void Delete(SlackPost post) => _posts.TryRemove((post.Channel, post.Ts), out _);

    /// <summary>What Slack sends when a user presses a button of a message.</summary>
    /// <param name="user">The user.</param>
    /// <param name="post">The message.</param>
    /// <param name="action">The button.</param>
    /// <param name="now">The time.</param>
    /// <param name="change">What is unusual about the payload.</param>
    public static SlackRequest Press(string user, SlackPost post, string action, DateTimeOffset now, Action<JsonObject>? change = null)
    {
        var payload = new JsonObject
        {
            ["type"] = "block_actions",
            ["user"] = new JsonObject { ["id"] = user, ["team_id"] = Team },
            ["api_app_id"] = "A0APP",
            ["team"] = new JsonObject { ["id"] = Team, ["domain"] = "example" },
            ["container"] = new JsonObject { ["type"] = "message", ["message_ts"] = post.Ts, ["channel_id"] = post.Channel },
            ["trigger_id"] = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(12)),
            ["channel"] = new JsonObject { ["id"] = post.Channel },
            ["message"] = new JsonObject { ["ts"] = post.Ts },
            ["response_url"] = "http://10.0.0.1/never",
            ["actions"] = new JsonArray(new JsonObject
            {
                ["type"] = "button",
                ["action_id"] = action,
                ["block_id"] = "decide",
                ["value"] = post.Buttons.TryGetValue(action, out var button) ? button["value"]?.ToString() : post.Buttons.Values.FirstOrDefault()?["value"]?.ToString(),
                ["action_ts"] = now.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture),
            }),
        };
        change?.Invoke(payload);
        return Sign("payload=" + WebUtility.UrlEncode(payload.ToJsonString()), now);
    }

    /// <summary>Signs a body as Slack does.</summary>
    /// <param name="body">The body.</param>
    /// <param name="now">The time.</param>
    /// <param name="secret">The secret.</param>
    public static SlackRequest Sign(string body, DateTimeOffset now, string secret = SigningSecret)
    {
        var timestamp = now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        var mac = HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes($"v0:{timestamp}:{body}"));
        return new SlackRequest(timestamp, "v0=" + Convert.ToHexStringLower(mac), body);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task Answer(HttpContext context)
    {
        using var reader = new StreamReader(context.Request.Body, Encoding.UTF8);
        var text = await reader.ReadToEndAsync();
        var method = context.Request.Path.Value!["/api/".Length..];
        var arguments = context.Request.ContentType?.StartsWith("application/json", StringComparison.Ordinal) == true
            ? JsonNode.Parse(text)!.AsObject()
            : Form(text);
        Calls.Enqueue((method, arguments));
        var response = context.Response;
        var odd = Only is null || Only == method ? Mode : "ok";
        switch (odd)
        {
            case "down":
                response.StatusCode = 500;
                return;
            case "gone":
                response.StatusCode = 410;
                return;
            case "busy":
                response.StatusCode = 429;
                response.Headers.RetryAfter = "90";
                return;
            case "redirect":
                response.StatusCode = 302;
                response.Headers.Location = "/api/elsewhere";
                return;
            case "garbage":
                await Write(response, "<html>what?</html>");
                return;
            case "twice":
                await Write(response, "{\"ok\":true,\"ok\":false,\"error\":\"a\"}");
                return;
            case "closed":
                context.Abort();
                return;
        }

        var bearer = context.Request.Headers.Authorization.ToString();
        var answer = bearer != $"Bearer {BotToken}" ? No(bearer.Length == 0 ? "not_authed" : "invalid_auth")
            : odd is not ("ok" or "lost") ? No(odd)
            : Do(method, arguments);
        if (odd == "lost")
        {
            context.Abort(); // It was done, and nobody heard of it.
            return;
        }

        await Write(response, answer.ToJsonString());
    }

    private JsonObject Do(string method, JsonObject a) => method switch
    {
        "auth.test" => new JsonObject { ["ok"] = true, ["url"] = "https://example.slack.com/", ["team"] = "Example", ["user"] = "sparekey", ["team_id"] = Team, ["user_id"] = "U0BOT", ["bot_id"] = "B0BOT" },
        "users.info" => _users.TryGetValue(Text(a, "user"), out var user) ? Yes("user", user) : No("user_not_found"),
        "users.lookupByEmail" => _users.Values.FirstOrDefault(u => string.Equals(u["profile"]!["email"]!.ToString(), Text(a, "email"), StringComparison.OrdinalIgnoreCase)) is { } found
            ? Yes("user", found) : No("users_not_found"),
        "conversations.open" => !_users.TryGetValue(Text(a, "users"), out var other) ? No("user_not_found")
            : (bool)other["is_bot"]! ? No("cannot_dm_bot")
            : Yes("channel", new JsonObject { ["id"] = "D" + Text(a, "users")[1..] }),
        "chat.postMessage" => !IsKnown(Text(a, "channel")) ? No("channel_not_found") : FaultOf(a) is { } fault ? No(fault) : Post(a),
        "chat.update" => !_posts.TryGetValue((Text(a, "channel"), Text(a, "ts")), out var post) ? No("message_not_found")
            : FaultOf(a) is { } fault ? No(fault)
            : Updated(post, a),
        "chat.postEphemeral" => Ephemeral(a),
        _ => No("unknown_method"),
    };

    private JsonObject Post(JsonObject a)
    {
        var post = new SlackPost(Text(a, "channel"), $"1795248000.{Interlocked.Increment(ref _ts).ToString("D6", CultureInfo.InvariantCulture)}", a);
        _posts[(post.Channel, post.Ts)] = post;
        return new JsonObject { ["ok"] = true, ["channel"] = post.Channel, ["ts"] = post.Ts, ["message"] = new JsonObject { ["type"] = "message" } };
    }

    private JsonObject Updated(SlackPost post, JsonObject a)
    {
        _posts[(post.Channel, post.Ts)] = post with { Body = a };
        return new JsonObject { ["ok"] = true, ["channel"] = post.Channel, ["ts"] = post.Ts, ["text"] = Text(a, "text") };
    }

    private JsonObject Ephemeral(JsonObject a)
    {
        if (!_users.ContainsKey(Text(a, "user")))
        {
            return No("user_not_in_channel");
        }

        Ephemerals.Enqueue(a);
        return new JsonObject { ["ok"] = true, ["message_ts"] = "1795248000.999999" };
    }

    private bool IsKnown(string channel) => channel == Channel || (channel.StartsWith('D') && _users.ContainsKey("U" + channel[1..]));

    // The limits of Block Kit, in the characters that are sent.
    private static string? FaultOf(JsonObject a)
    {
        if (Text(a, "text").Length is 0 or > 40_000)
        {
            return "no_text";
        }

        var bad = a["blocks"] is not JsonArray { Count: > 0 and <= 50 } blocks || blocks.Any(b => b!["type"]!.ToString() switch
        {
            "section" => (b["text"] is null && b["fields"] is null) || b["text"]?["text"]?.ToString().Length is 0 or > 3000
                || b["fields"] is JsonArray { Count: 0 or > 10 } || b["fields"]?.AsArray().Any(f => f!["text"]!.ToString().Length is 0 or > 2000) == true,
            "actions" => b["elements"] is not JsonArray { Count: > 0 and <= 25 } elements || elements.Any(e =>
                e!["text"]!["type"]!.ToString() != "plain_text" || e["text"]!["text"]!.ToString().Length is 0 or > 75
                || e["value"]?.ToString().Length > 2000 || e["url"]?.ToString().Length > 3000 || e["action_id"]!.ToString().Length > 255
                || e["style"]?.ToString() is not (null or "primary" or "danger")),
            "context" => b["elements"] is not JsonArray { Count: > 0 and <= 10 },
            _ => true,
        });
        return bad ? "invalid_blocks" : null;
    }

    private static JsonObject Form(string text)
    {
        var form = new JsonObject();
        foreach (var pair in text.Split('&', StringSplitOptions.RemoveEmptyEntries).Select(p => p.Split('=', 2)))
        {
            form[WebUtility.UrlDecode(pair[0])] = WebUtility.UrlDecode(pair[1]);
        }

        return form;
    }

    private static string Text(JsonObject a, string name) => a[name]?.ToString() ?? "";

    private static JsonObject Yes(string name, JsonObject value) => new() { ["ok"] = true, [name] = value.DeepClone() };

    private static JsonObject No(string error) => new() { ["ok"] = false, ["error"] = error };

    private static Task Write(HttpResponse response, string text)
    {
        response.ContentType = "application/json; charset=utf-8";
        return response.WriteAsync(text);
    }
}
