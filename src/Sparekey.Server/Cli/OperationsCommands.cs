using System.CommandLine;

namespace Sparekey.Server.Cli;

/// <summary><c>keys</c> and <c>backup</c>: what keeps the installation well.</summary>
internal static class OperationsCommands
{
    /// <summary>Adds the commands.</summary>
    /// <param name="root">The root.</param>
    /// <param name="common">The options every command has.</param>
    public static void AddTo(RootCommand root, CommonOptions common)
    {
        var version = new Argument<int>("version") { Description = "The key's version." };
        var force = new Option<bool>("--force") { Description = "Also when something still hangs on the key; it dies." };
        root.Add(new Command("keys", "The key ring.")
        {
            common.Command("list", "Lists keys and what still hangs on each.", async (_, client, json, token) => Output.Many(
                await client.Call(HttpMethod.Get, "/local/keys", null, token), "keys", ["version", "active", "in_use"], json)),
            common.Command("rotate", "Adds a key and makes it the active one.", async (_, client, json, token) =>
                Output.One(await client.Call(HttpMethod.Post, "/local/keys/rotate", new { }, token), json)),
            common.Command("retire", "Destroys a key that nothing hangs on any more.", async (parsed, client, json, token) => Output.One(
                await client.Call(HttpMethod.Delete, $"/local/keys/{parsed.GetValue(version)}{(parsed.GetValue(force) ? "?force=true" : "")}", null, token), json),
                version, force),
        });

        var file = new Argument<string>("file") { Description = "Where the copy goes; must not exist." };
        root.Add(common.Command("backup", "Copies the database, consistently, while it is in use; the key ring is not in it.",
            async (parsed, client, json, token) => Output.One(
                await client.Call(HttpMethod.Post, "/local/backup", new { file = Path.GetFullPath(parsed.GetValue(file)!) }, token), json),
            file));
    }
}
