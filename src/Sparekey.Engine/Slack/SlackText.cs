using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Recoveries;

namespace Sparekey.Engine.Slack;

/// <summary>
/// Writes a question as Slack shows it (Block Kit). What people wrote stands in plain text, where nothing is a link, a mention or bold,
/// and with <c>&amp;</c>, <c>&lt;</c> and <c>&gt;</c> escaped everywhere: nobody makes a reason look like something that we say.
/// </summary>
internal static class SlackText
{
    /// <summary>The button that opens a page and decides nothing.</summary>
    public const string Review = "review";

    // Slack takes 2000 characters in a field and 75 on a button.
    private const int LongestField = 1900;

    /// <summary>The first part of a button's value, which says how to read the rest.</summary>
    private const string Form = "1";

    /// <summary>Writes a question.</summary>
    /// <param name="question">The question.</param>
    /// <returns>The arguments <c>text</c> and <c>blocks</c>, and the hash of both.</returns>
    public static (string Text, JsonArray Blocks, string Hash) Write(SlackQuestion question)
    {
        var say = SlackWords.Of(question.Language);
        var heading = Heading(question, say);
        var blocks = new JsonArray
        {
            new JsonObject { ["type"] = "section", ["text"] = Plain(heading) },
            new JsonObject { ["type"] = "section", ["fields"] = new JsonArray([.. Fields(question, say).Select(f => Plain($"{f.Name}\n{f.Value}"))]) },
        };
        if (question.Asks)
        {
            blocks.Add(new JsonObject { ["type"] = "actions", ["block_id"] = "decide", ["elements"] = Buttons(question, say) });
            blocks.Add(new JsonObject { ["type"] = "context", ["elements"] = new JsonArray(Plain(say[question.Role == SlackRole.Person ? "hint_person" : "hint_approver"])) });
        }

        var text = Escape(heading, 1000);
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text + blocks.ToJsonString(JsonSerializerOptions.Default))));
        return (text, blocks, hash);
    }

    /// <summary>What a button sends back.</summary>
    /// <param name="message">Its message.</param>
    /// <param name="recovery">The recovery that it shows.</param>
    public static string ValueOf(MessageId message, Recovery recovery) => $"{Form}.{message}.{recovery.Id}.{recovery.DecisionDigest}";

    /// <summary>Reads what a button sends back; null when it is no button of ours.</summary>
    /// <param name="value">The value.</param>
    public static (MessageId Message, RecoveryId Recovery, string Digest)? Read(string? value) =>
        value is { Length: <= 200 } && value.Split('.') is [Form, var message, var recovery, { Length: 43 } digest]
        && Ids.TryParse<MessageId>(message, out var m) && Ids.TryParse<RecoveryId>(recovery, out var r)
            ? (m, r, digest)
            : null;

    /// <summary>A text in which nothing means anything to Slack.</summary>
    /// <param name="text">The text.</param>
    /// <param name="longest">How long it may become.</param>
    public static string Escape(string text, int longest)
    {
        var escaped = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            var part = rune.Value switch
            {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '\n' => "\n",
                _ when Rune.IsControl(rune) || Rune.GetUnicodeCategory(rune) is UnicodeCategory.Format => " ",
                _ => rune.ToString(),
            };
            if (escaped.Length + part.Length >= longest)
            {
                return escaped.Append('…').ToString();
            }

            escaped.Append(part);
        }

        return escaped.ToString();
    }

    private static string Heading(SlackQuestion question, SlackWords say)
    {
        if (question.Asks)
        {
            return say[question.Role == SlackRole.Person ? "ask_person" : "ask_approver"]
                .Replace("{application}", question.Application, StringComparison.Ordinal);
        }

        // In a channel nobody is told who said no, or that anybody did: the requester may be reading there (T16).
        var state = question.Recovery.State;
        return say[state switch
        {
            RecoveryState.Denied or RecoveryState.Cancelled or RecoveryState.Expired when question.InChannel => "over",
            RecoveryState.Denied => "denied",
            RecoveryState.Cancelled => "cancelled",
            RecoveryState.Expired => "expired",
            _ when question.Now >= question.Recovery.OpenUntil => "expired",
            _ => question.Role == SlackRole.Person ? "confirmed" : "approved",
        }];
    }

    private static IEnumerable<(string Name, string Value)> Fields(SlackQuestion question, SlackWords say)
    {
        var recovery = question.Recovery;
        var request = recovery.Request;
        if (question.Role == SlackRole.Approver)
        {
            yield return (say["account"], question.Account);
        }

        yield return (say["requester"], recovery.RequestedBy.Kind == Core.Access.PrincipalKind.Anonymous ? say["stranger"] : question.Requester);
        yield return (say["when"], Time(recovery.CreatedAt));
        yield return (say["changes"], Changes(request, say));
        if (request.Reason is { } reason)
        {
            yield return (say["reason"], Reason(reason));
            if (reason.Ticket is { } ticket)
            {
                yield return (say["ticket"], ticket);
            }
        }

        if (question.Role == SlackRole.Approver && request.Risk is { } risk)
        {
            yield return (say["risk"], string.Join(", ", risk.Signs.Prepend(risk.Score?.ToString(CultureInfo.InvariantCulture) ?? "").Where(s => s.Length > 0)));
        }

        if (question.Role == SlackRole.Approver)
        {
            yield return (say["open"], Requirements(recovery, question.Now, say));
        }

        yield return (say["until"], Time(recovery.OpenUntil));
    }

    private static string Reason(Reason reason) => string.Join(": ", new[] { reason.Code, reason.Text }.Where(t => !string.IsNullOrEmpty(t)));

    private static string Changes(RecoveryRequest request, SlackWords say) =>
        string.Join(", ", request.Revoke.Select(r => say["revoke." + WireName.Of(r)]).Prepend(say["means." + WireName.Of(request.Means)]));

    private static string Requirements(Recovery recovery, DateTimeOffset now, SlackWords say)
    {
        var lines = recovery.Requirements.Select(r => r.Kind == RequirementKind.Approvals
            ? $"{say["need.approvals"]} {r.Met.Length}/{r.Count}"
            : $"{say["need." + WireName.Of(r.Kind)]} {(r.IsMet(now) ? "✓" : "…")}");
        return string.Join("\n", lines);
    }

    private static JsonArray Buttons(SlackQuestion question, SlackWords say)
    {
        var value = ValueOf(question.Message, question.Recovery);
        if (question.Role == SlackRole.Person)
        {
            return [Button(say["yes"], SlackAction.Confirm, "primary", value), Button(say["no"], SlackAction.NotMe, "danger", value)];
        }

        var review = new JsonObject
        {
            ["type"] = "button", ["action_id"] = Review, ["text"] = Plain(say["review"]), ["url"] = question.Page.AbsoluteUri,
        };
        return question.InChat
            ? [Button(say["approve"], SlackAction.Approve, "primary", value), Button(say["deny"], SlackAction.Deny, "danger", value), review]
            : [review];
    }

    private static JsonObject Button(string text, SlackAction action, string style, string value) => new()
    {
        ["type"] = "button", ["action_id"] = WireName.Of(action), ["style"] = style, ["text"] = Plain(text), ["value"] = value,
    };

    private static JsonObject Plain(string text) => new() { ["type"] = "plain_text", ["text"] = Escape(text, LongestField), ["emoji"] = false };

    private static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture);
}
