using System.CommandLine;

namespace Sparekey.Server.Cli;

/// <summary><c>recover</c>: opens a recovery.</summary>
internal static class RecoverCommands
{
    /// <summary>Adds the commands.</summary>
    /// <param name="root">The root.</param>
    /// <param name="common">The options every command has.</param>
    public static void AddTo(RootCommand root, CommonOptions common)
    {
        var account = new Argument<string>("account") { Description = "The account's e-mail address or user name." };
        var means = new Option<string>("--means") { Description = "link, code or token.", DefaultValueFactory = _ => "link" };
        var format = new Option<string?>("--code-format") { Description = "digits, letters, long, grouped or phrase." };
        var channel = new Option<string>("--channel") { Description = "return, email, voice, sms or call.", DefaultValueFactory = _ => "return" };
        var reason = new Option<string?>("--reason") { Description = "Why, in a sentence." };
        var code = new Option<string?>("--reason-code") { Description = "Why, as a code." };
        var ticket = new Option<string?>("--ticket") { Description = "The ticket it belongs to." };
        var expires = new Option<string?>("--expires") { Description = "How long the secret lives, for example 1h." };
        var evaluate = new Option<bool>("--evaluate") { Description = "Only say what policy decides." };
        root.Add(common.Command("recover", "Opens a recovery and shows its secret once.", async (parsed, client, json, token) =>
        {
            var name = parsed.GetValue(account)!;
            var given = new[] { parsed.GetValue(code), parsed.GetValue(reason), parsed.GetValue(ticket) };
            var body = new
            {
                account = name.Contains('@', StringComparison.Ordinal) ? (object)new { email = name } : new { username = name },
                means = parsed.GetValue(means),
                code_format = parsed.GetValue(format),
                channel = parsed.GetValue(channel),
                expires_in = parsed.GetValue(expires),
                reason = given.All(g => g is null) ? null : new { code = given[0], text = given[1], ticket = given[2] },
            };
            var query = parsed.GetValue(evaluate) ? "?evaluate=true" : "";
            Output.One(await client.Call(HttpMethod.Post, $"/v1/recoveries{query}", body, token), json);
        }, account, means, format, channel, reason, code, ticket, expires, evaluate));

        var recovery = new Argument<string>("recovery") { Description = "The recovery's id." };
        root.Add(common.Command("issue", "Issues the next secret of a recovery, which policy may have made wait, and shows it once.", async (parsed, client, json, token) =>
            Output.One(
                await client.Call(HttpMethod.Post, $"/v1/recoveries/{Uri.EscapeDataString(parsed.GetValue(recovery)!)}/issue", null, token), json), recovery));
    }
}

/// <summary><c>ledger</c>: what happened.</summary>
internal static class LedgerCommands
{
    /// <summary>Adds the commands.</summary>
    /// <param name="root">The root.</param>
    /// <param name="common">The options every command has.</param>
    public static void AddTo(RootCommand root, CommonOptions common)
    {
        var recovery = new Option<string?>("--recovery") { Description = "Only of this recovery." };
        var account = new Option<string?>("--account") { Description = "Only about this account." };
        var after = new Option<string?>("--after") { Description = "Only after this position." };
        root.Add(common.Command("ledger", "Shows what happened, by whom, in order.", async (parsed, client, json, token) =>
        {
            var query = string.Join('&', new[]
            {
                ("recovery", parsed.GetValue(recovery)), ("account", parsed.GetValue(account)), ("cursor", parsed.GetValue(after)),
            }.Where(p => p.Item2 is not null).Select(p => $"{p.Item1}={Uri.EscapeDataString(p.Item2!)}"));
            var page = await client.Call(HttpMethod.Get, $"/v1/ledger?{query}", null, token);
            if (!json)
            {
                foreach (var row in page?["entries"]?.AsArray() ?? [])
                {
                    row!["at"] = DateTimeOffset.FromUnixTimeMilliseconds(row["entry"]!["at"]!.GetValue<long>()).ToString("u");
                    row["event"] = row["entry"]!["event"]!.DeepClone();
                    row["actor"] = row["entry"]!["actor"]!["id"]!.DeepClone();
                    row["recovery"] = row["entry"]!["recovery"]?.DeepClone();
                }
            }

            Output.Many(page, "entries", ["position", "at", "event", "actor", "recovery"], json);
        }, recovery, account, after));
    }
}
