using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Slack;

/// <summary>
/// Takes what Slack sends when somebody presses a button. What it says is written down and answered at once, for Slack waits three
/// seconds; it is done in the next round. If the process dies after the answer, the press is there and is done by whoever comes next.
/// </summary>
public sealed class ReceiveSlackPress
{
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 64, AllowDuplicateProperties = false };

    private readonly Acts _acts;
    private readonly SlackAppStore _apps;
    private readonly SlackPressStore _presses;

    internal ReceiveSlackPress(Acts acts, SlackAppStore apps, SlackPressStore presses) => (_acts, _apps, _presses) = (acts, apps, presses);

    /// <summary>Takes a request.</summary>
    /// <param name="visitor">Where it came from, with the tenant of its host.</param>
    /// <param name="timestamp">The header <c>X-Slack-Request-Timestamp</c>.</param>
    /// <param name="signature">The header <c>X-Slack-Signature</c>.</param>
    /// <param name="body">The body as it came: a form whose field <c>payload</c> is JSON.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// Null, also for what is no button of ours; or <see cref="RefusalCode.Unauthenticated"/> for what is not Slack's, is older than
    /// five minutes, or came before.
    /// </returns>
    public async Task<Refusal?> Run(
        Visitor visitor, string? timestamp, string? signature, byte[] body, CancellationToken cancellationToken)
    {
        var app = await _acts.Read(db => _apps.Find(db, visitor.Tenant), cancellationToken);
        var secrets = app is null ? null : _apps.Open(app);
        if (app is null || secrets is null || !SlackSignature.IsGenuine(secrets.SigningSecret, timestamp, signature, body, _acts.Now))
        {
            return RefusalCode.Unauthenticated;
        }

        if (Read(body, signature!, _acts.Now, app.Team) is not { } press)
        {
            return null;
        }

        var added = await _acts.Write(visitor.Tenant, act => _presses.Add(act, press), cancellationToken);
        return added == 0 ? RefusalCode.Unauthenticated : null;
    }

    // docs.slack.dev/reference/interaction-payloads/block_actions-payload. What is signed and yet no press of ours (a link that was
    // opened, another kind of payload) is nothing to complain about.
    private static SlackPress? Read(byte[] body, string signature, DateTimeOffset now, string? team)
    {
        try
        {
            var form = Encoding.UTF8.GetString(body).Split('&').FirstOrDefault(f => f.StartsWith("payload=", StringComparison.Ordinal));
            if (form is null || JsonNode.Parse(WebUtility.UrlDecode(form["payload=".Length..]), documentOptions: Strict) is not JsonObject payload
                || Text(payload, "type") != "block_actions" || payload["actions"] is not JsonArray { Count: 1 } actions || actions[0] is not JsonObject action
                || (team is not null && Text(payload["team"], "id") is { } other && other != team)
                || !WireName.TryParse<SlackAction>(Text(action, "action_id"), out var pressed)
                || SlackText.Read(Text(action, "value")) is not { } value
                || Text(payload["user"], "id") is not { Length: >= 1 and <= 64 } user)
            {
                return null;
            }

            var conversation = Text(payload["container"], "channel_id") ?? Text(payload["channel"], "id");
            var ts = Text(payload["container"], "message_ts") ?? Text(payload["message"], "ts");
            return conversation is { Length: >= 1 and <= 64 } && ts is { Length: >= 1 and <= 64 }
                ? new SlackPress(IdOf(signature), value.Message, value.Recovery, value.Digest, pressed, user, conversation, ts, now)
                : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string IdOf(string signature) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(signature)));

    private static string? Text(JsonNode? node, string name) =>
        (node as JsonObject)?[name] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;
}
