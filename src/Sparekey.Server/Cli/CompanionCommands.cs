using System.CommandLine;

namespace Sparekey.Server.Cli;

/// <summary><c>companion</c>: the companion of a Passbolt server, which <c>serve</c> runs where it is configured.</summary>
internal static class CompanionCommands
{
    /// <summary>Adds the commands.</summary>
    /// <param name="root">The root.</param>
    /// <param name="common">The options every command has.</param>
    public static void AddTo(RootCommand root, CommonOptions common)
    {
        var fingerprint = new Option<string>("--fingerprint")
        {
            Description = "The fingerprint of the server's new key, as its operator says it.", Required = true,
        };
        root.Add(new Command("companion", "The companion that answers a Passbolt server's recovery requests.")
        {
            common.Command("status", "Shows how it stands.", async (_, client, json, token) =>
                Output.One(await client.Call(HttpMethod.Get, "/v1/passbolt/companion", null, token), json)),
            common.Command("look", "Has it look now.", async (_, client, json, token) =>
                Output.One(await client.Call(HttpMethod.Post, "/v1/passbolt/companion/look", null, token), json)),
            common.Command(
                "trust", "Takes another key for the Passbolt server's own from now on.",
                async (parsed, client, json, token) => Output.One(
                    await client.Call(
                        HttpMethod.Put, "/v1/passbolt/companion/server-key", new { fingerprint = parsed.GetValue(fingerprint) }, token),
                    json),
                fingerprint),
        });
    }
}
