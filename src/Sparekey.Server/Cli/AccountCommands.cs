using System.CommandLine;
using System.Text.Json.Nodes;
using Spectre.Console;

namespace Sparekey.Server.Cli;

/// <summary><c>account</c>: people.</summary>
internal static class AccountCommands
{
    private static readonly string[] Columns = ["id", "username", "role", "kind", "status", "created_at"];

    /// <summary>Adds the commands.</summary>
    /// <param name="root">The root.</param>
    /// <param name="common">The options every command has.</param>
    public static void AddTo(RootCommand root, CommonOptions common)
    {
        var email = new Option<string[]>("--email") { Description = "An e-mail address; may be given more than once." };
        var username = new Option<string?>("--username") { Description = "The user name." };
        var role = new Option<string?>("--role") { Description = "The role; the lowest when absent." };
        var kind = new Option<string?>("--kind") { Description = "customer, employee or partner." };
        var who = new Argument<string>("account") { Description = "An id, an e-mail address or a user name." };
        var file = new Argument<FileInfo>("file") { Description = "One account a line: JSON objects, or CSV with a first line of names." };
        root.Add(new Command("account", "People.")
        {
            common.Command("create", "Makes an account.", async (parsed, client, json, token) => Output.One(
                await client.Call(HttpMethod.Post, "/v1/accounts", new
                {
                    emails = parsed.GetValue(email),
                    username = parsed.GetValue(username),
                    role = parsed.GetValue(role),
                    kind = parsed.GetValue(kind),
                }, token),
                json), email, username, role, kind),
            common.Command("show", "Shows an account.", async (parsed, client, json, token) => Output.One(
                await client.Call(HttpMethod.Get, $"/v1/accounts/{await IdOf(client, parsed.GetValue(who)!, token)}", null, token), json),
                who),
            common.Command("list", "Lists accounts.", async (_, client, json, token) => Output.Many(
                await client.Call(HttpMethod.Get, "/v1/accounts?limit=500", null, token), "accounts", Columns, json)),
            common.Command("delete", "Deletes an account and everything personal about it.", async (parsed, client, json, token) => Output.One(
                await client.Call(HttpMethod.Delete, $"/v1/accounts/{await IdOf(client, parsed.GetValue(who)!, token)}", null, token), json),
                who),
            common.Command("import", "Makes many accounts, all or none.", async (parsed, client, json, token) => Output.One(
                await Import(client, parsed.GetValue(file)!, json, token), json), file),
        });
    }

    /// <summary>The id of an account that is named by id, e-mail address or user name.</summary>
    /// <param name="client">The server.</param>
    /// <param name="name">The name.</param>
    /// <param name="token">Gives up.</param>
    /// <exception cref="RefusedException">There is no such account.</exception>
    public static async Task<string> IdOf(LocalClient client, string name, CancellationToken token)
    {
        if (Guid.TryParseExact(name, "D", out _))
        {
            return name;
        }

        var by = name.Contains('@', StringComparison.Ordinal) ? "email" : "username";
        var found = await client.Call(HttpMethod.Get, $"/v1/accounts?{by}={Uri.EscapeDataString(name)}", null, token);
        return found?["accounts"]?[0]?["id"]?.GetValue<string>() ?? throw new RefusedException(new JsonObject
        {
            ["title"] = "There is no such account",
            ["code"] = "account_not_found",
        });
    }

    // Read and checked whole before anything is sent, and sent as one call: a bad line, or a lost connection, imports nothing.
    private static async Task<JsonNode?> Import(LocalClient client, FileInfo file, bool json, CancellationToken token)
    {
        var read = await AccountFile.Read(file, token);
        if (read.Faults.Count > 0)
        {
            throw new RefusedException(new JsonObject
            {
                ["title"] = "The file was not imported",
                ["code"] = "invalid_request",
                ["errors"] = new JsonArray([.. read.Faults.Select(f => new JsonObject { ["pointer"] = $"line {f.Line}", ["detail"] = f.Detail })]),
            });
        }

        async Task<JsonNode?> Send() => await client.Call(HttpMethod.Post, "/local/accounts/import", new JsonObject { ["accounts"] = read.Accounts }, token);
        return json
            ? await Send()
            : await AnsiConsole.Progress().StartAsync(async progress =>
            {
                var bar = progress.AddTask($"{read.Accounts.Count} accounts").IsIndeterminate();
                var answer = await Send();
                bar.IsIndeterminate(false).Value(bar.MaxValue);
                return answer;
            });
    }
}
