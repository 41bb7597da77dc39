using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Sparekey.Server.Cli;

/// <summary><c>policy</c>: what it takes.</summary>
internal static class PolicyCommands
{
    /// <summary>Adds the commands.</summary>
    /// <param name="root">The root.</param>
    /// <param name="common">The options every command has.</param>
    public static void AddTo(RootCommand root, CommonOptions common)
    {
        var file = new Argument<FileInfo>("file") { Description = "The policy, JSON as 'policy show --json' writes it." };
        var last = new Option<int>("--last") { Description = "How many recoveries to replay, 1000 at most.", DefaultValueFactory = _ => 100 };
        root.Add(new Command("policy", "What a recovery takes.")
        {
            common.Command("show", "Shows the policy that holds.", async (_, client, json, token) =>
                Output.One(await client.Call(HttpMethod.Get, "/v1/policy", null, token), json)),
            common.Command("set", "Puts a policy in force, or proposes it where others have to agree.", async (parsed, client, json, token) =>
                Output.One(await client.Call(HttpMethod.Put, "/v1/policy", await Read(parsed.GetValue(file)!, token), token), json), file),
            common.Command("evaluate", "Says what a policy would have changed for the last recoveries.", async (parsed, client, json, token) =>
            {
                var body = new { policy = await Read(parsed.GetValue(file)!, token), last = parsed.GetValue(last) };
                ShowReplay(await client.Call(HttpMethod.Post, "/v1/policy/evaluation", body, token), json);
            }, file, last),
            Changes(common),
            Change(common),
            Decide(common, "approve", "approvals", "Agrees to a proposed change; the last one who has to puts it in force."),
            Decide(common, "deny", "denials", "Says no to a proposed change, or takes one's own back."),
            Stop(common),
            common.Command("resume", "Lets recoveries go on.", async (_, client, json, token) =>
                Output.One(await client.Call(HttpMethod.Post, "/v1/policy/resume", null, token), json)),
        });
    }

    private static Command Changes(CommonOptions common) =>
        common.Command("changes", "Lists proposed changes, newest first.", async (_, client, json, token) => Output.Many(
            await client.Call(HttpMethod.Get, "/v1/policy/changes", null, token), "changes",
            ["id", "state", "base_version", "proposed_at", "expires_at", "digest"], json));

    private static Command Change(CommonOptions common)
    {
        var id = new Argument<string>("id") { Description = "The change's id." };
        return common.Command("change", "Shows a proposed change.", async (parsed, client, json, token) => Output.One(
            await client.Call(HttpMethod.Get, $"/v1/policy/changes/{Uri.EscapeDataString(parsed.GetValue(id)!)}", null, token), json), id);
    }

    // The digest is not read here: who decides names the one that they saw.
    private static Command Decide(CommonOptions common, string name, string route, string description)
    {
        var id = new Argument<string>("id") { Description = "The change's id." };
        var digest = new Option<string>("--digest") { Description = "The digest of the change that you read.", Required = true };
        var comment = new Option<string?>("--comment") { Description = "What you say to it." };
        return common.Command(name, description, async (parsed, client, json, token) => Output.One(
            await client.Call(
                HttpMethod.Post, $"/v1/policy/changes/{Uri.EscapeDataString(parsed.GetValue(id)!)}/{route}",
                new { digest = parsed.GetValue(digest), comment = parsed.GetValue(comment) }, token),
            json), id, digest, comment);
    }

    private static Command Stop(CommonOptions common)
    {
        var reason = new Argument<string?>("reason") { Description = "Why; left out, it only says whether they are stopped.", Arity = ArgumentArity.ZeroOrOne };
        return common.Command("stop", "Stops all recoveries.", async (parsed, client, json, token) => Output.One(
            parsed.GetValue(reason) is { } why
                ? await client.Call(HttpMethod.Post, "/v1/policy/stop", new { reason = why }, token)
                : await client.Call(HttpMethod.Get, "/v1/policy/stop", null, token),
            json), reason);
    }

    private static void ShowReplay(JsonNode? answer, bool json)
    {
        if (json)
        {
            Output.One(answer, json);
            return;
        }

        foreach (var row in answer?["recoveries"]?.AsArray() ?? [])
        {
            row!["adds"] = Kinds(row["added"]);
            row["drops"] = Kinds(row["dropped"]);
        }

        Output.Many(answer, "recoveries", ["id", "means", "opened_at", "state", "refused_by", "adds", "drops"], json);
        Output.One(answer?["totals"], json);

        static string Kinds(JsonNode? requirements) =>
            string.Join(", ", (requirements as JsonArray ?? []).Select(r => r?["kind"]?.GetValue<string>()));
    }

    private static async Task<JsonElement> Read(FileInfo file, CancellationToken token)
    {
        await using var stream = file.OpenRead();
        try
        {
            return await JsonSerializer.DeserializeAsync<JsonElement>(stream, cancellationToken: token);
        }
        catch (JsonException e)
        {
            throw new IOException("The file is not JSON.", e);
        }
    }
}
