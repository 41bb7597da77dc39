using System.CommandLine;

namespace Sparekey.Server.Cli;

/// <summary><c>application</c>: clients of a tenant.</summary>
internal static class ApplicationCommands
{
    /// <summary>Adds the commands.</summary>
    /// <param name="root">The root.</param>
    /// <param name="common">The options every command has.</param>
    public static void AddTo(RootCommand root, CommonOptions common)
    {
        var name = new Option<string>("--name") { Description = "Its name.", Required = true };
        var origins = new Option<string[]>("--origin") { Description = "An origin of it; may be given more than once." };
        var id = new Argument<string>("id") { Description = "The application's id." };
        root.Add(new Command("application", "Clients of a tenant.")
        {
            common.Command("create", "Makes an application.", async (parsed, client, json, token) => Output.One(
                await client.Call(
                    HttpMethod.Post, "/v1/applications", new { name = parsed.GetValue(name), origins = parsed.GetValue(origins) }, token),
                json), name, origins),
            common.Command("list", "Lists applications.", async (_, client, json, token) => Output.Many(
                await client.Call(HttpMethod.Get, "/v1/applications", null, token), "applications", ["id", "name", "origins", "is_default"], json)),
            common.Command("delete", "Deletes an application.", async (parsed, client, json, token) => Output.One(
                await client.Call(HttpMethod.Delete, $"/v1/applications/{Uri.EscapeDataString(parsed.GetValue(id)!)}", null, token), json), id),
        });
    }
}
