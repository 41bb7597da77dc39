using System.CommandLine;
using System.Text.Json.Nodes;

namespace Sparekey.Server.Cli;

/// <summary><c>incident</c> and <c>freeze</c>: what people said was not their doing, and accounts that are closed because of it.</summary>
internal static class IncidentCommands
{
    private static readonly string[] Columns = ["id", "account_id", "state", "said_at", "times", "closed_by"];

    /// <summary>Adds the commands.</summary>
    /// <param name="root">The root.</param>
    /// <param name="common">The options every command has.</param>
    public static void AddTo(RootCommand root, CommonOptions common)
    {
        var id = new Argument<string>("id") { Description = "The incident's id." };
        var state = new Option<string?>("--state") { Description = "open or closed." };
        var comment = new Option<string>("--comment") { Description = "What was found.", Required = true };
        root.Add(new Command("incident", "What people said was not their doing.")
        {
            common.Command("list", "Lists incidents, newest first.", async (parsed, client, json, token) => Output.Many(
                await client.Call(
                    HttpMethod.Get, $"/v1/incidents?limit=500{(parsed.GetValue(state) is { } only ? $"&state={Uri.EscapeDataString(only)}" : "")}", null, token),
                "incidents", Columns, json), state),
            common.Command("show", "Shows an incident.", async (parsed, client, json, token) => Output.One(
                await client.Call(HttpMethod.Get, Of(parsed.GetValue(id)!), null, token), json), id),
            common.Command("close", "Says that it was looked into.", async (parsed, client, json, token) => Output.One(
                await client.Call(HttpMethod.Post, $"{Of(parsed.GetValue(id)!)}/close", new { comment = parsed.GetValue(comment) }, token), json),
                id, comment),
        });

        var who = new Argument<string>("account") { Description = "An id, an e-mail address or a user name." };
        var reason = new Option<string>("--reason") { Description = "Why, in a sentence.", Required = true };
        root.Add(new Command("freeze", "Accounts that nobody may use or recover.")
        {
            common.Command("account", "Freezes an account.", async (parsed, client, json, token) => Output.One(
                await client.Call(
                    HttpMethod.Post, await FreezeOf(client, parsed.GetValue(who)!, token), new { reason = parsed.GetValue(reason) }, token), json),
                who, reason),
            common.Command("show", "Shows how an account is frozen.", async (parsed, client, json, token) => Output.One(
                await client.Call(HttpMethod.Get, await FreezeOf(client, parsed.GetValue(who)!, token), null, token), json), who),
            common.Command("lift", "Asks to lift it; somebody else approves.", async (parsed, client, json, token) => Output.One(
                await client.Call(
                    HttpMethod.Post, $"{await FreezeOf(client, parsed.GetValue(who)!, token)}/lift", new { reason = parsed.GetValue(reason) }, token),
                json), who, reason),
            common.Command("approve", "Agrees to what somebody else asks.", (parsed, client, json, token) =>
                Decide(client, parsed.GetValue(who)!, "approvals", json, token), who),
            common.Command("deny", "Refuses what somebody asks.", (parsed, client, json, token) =>
                Decide(client, parsed.GetValue(who)!, "denials", json, token), who),
        });
    }

    private static string Of(string id) => $"/v1/incidents/{Uri.EscapeDataString(id)}";

    private static async Task<string> FreezeOf(LocalClient client, string who, CancellationToken token) =>
        $"/v1/accounts/{await AccountCommands.IdOf(client, who, token)}/freeze";

    // Shown first, so that the operator at the terminal decides on the request that stands there.
    private static async Task Decide(LocalClient client, string who, string what, bool json, CancellationToken token)
    {
        var path = await FreezeOf(client, who, token);
        var lift = (await client.Call(HttpMethod.Get, path, null, token))?["lift"]?["id"]?.GetValue<string>() ?? throw new RefusedException(new JsonObject
        {
            ["title"] = "Nobody asked for this",
            ["code"] = "lift_not_found",
        });
        Output.One(await client.Call(HttpMethod.Post, $"{path}/{what}", new { lift }, token), json);
    }
}
