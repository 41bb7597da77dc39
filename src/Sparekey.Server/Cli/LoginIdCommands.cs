using System.CommandLine;

namespace Sparekey.Server.Cli;

/// <summary><c>loginid</c>: clients that speak LoginID's protocol.</summary>
internal static class LoginIdCommands
{
    /// <summary>Adds the commands.</summary>
    /// <param name="root">The root.</param>
    /// <param name="common">The options every command has.</param>
    public static void AddTo(RootCommand root, CommonOptions common)
    {
        var type = new Option<string>("--type") { Description = "native, directweb or management.", Required = true };
        var group = new Option<string>("--namespace") { Description = "The users it shares with other clients.", Required = true };
        var key = new Option<string?>("--public-key") { Description = "A file with the public key of its backend, P-256 as PEM; a management client has one." };
        var origins = new Option<string[]>("--origin") { Description = "An origin of its pages; may be given more than once.", Required = true };
        var rpId = new Option<string>("--rp-id") { Description = "The relying-party id of its passkeys, a domain.", Required = true };
        var name = new Option<string?>("--name") { Description = "What people know it as; the namespace when absent." };
        var permissions = new Option<string[]>("--permission")
        {
            Description = "What its service tokens may be for; everything that its type does when absent.",
            AllowMultipleArgumentsPerToken = true,
        };
        var ceiling = new Option<string?>("--ceiling") { Description = "The highest role it may act on; the lowest when absent." };
        var perMinute = new Option<int?>("--per-minute") { Description = "How many changing calls it may make in a minute." };
        root.Add(new Command("loginid", "Clients that speak LoginID's protocol.")
        {
            new Command("client", "Clients of a namespace.")
            {
                common.Command("create", "Makes a client.", async (parsed, client, json, token) => Output.One(
                    await client.Call(
                        HttpMethod.Post, "/local/loginid/clients",
                        new
                        {
                            type = parsed.GetValue(type),
                            @namespace = parsed.GetValue(group),
                            origins = parsed.GetValue(origins),
                            rp_id = parsed.GetValue(rpId),
                            public_key = parsed.GetValue(key) is { } file ? await File.ReadAllTextAsync(file, token) : null,
                            name = parsed.GetValue(name),
                            permissions = parsed.GetValue(permissions) is { Length: > 0 } given ? given : null,
                            ceiling = parsed.GetValue(ceiling),
                            per_minute = parsed.GetValue(perMinute),
                        },
                        token),
                    json), type, group, key, origins, rpId, name, permissions, ceiling, perMinute),
            },
        });
    }
}
