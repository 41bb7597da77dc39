using System.CommandLine;

namespace Sparekey.Server.Cli;

/// <summary><c>dfns</c>: applications and programmes that speak Dfns's protocol.</summary>
internal static class DfnsCommands
{
    /// <summary>Adds the commands.</summary>
    /// <param name="root">The root.</param>
    /// <param name="common">The options every command has.</param>
    public static void AddTo(RootCommand root, CommonOptions common)
    {
        var origin = new Option<string[]>("--origin") { Description = "An origin of it; may be given more than once.", Required = true };
        var rpId = new Option<string>("--rp-id") { Description = "The relying-party id of its passkeys, a domain.", Required = true };
        var title = new Option<string>("--name") { Description = "Its name.", Required = true };
        var name = new Option<string>("--name") { Description = "The service account; made if there is none.", Required = true };
        var key = new Option<FileInfo>("--public-key") { Description = "Its public key, a PEM file.", Required = true };
        var permissions = new Option<string[]>("--permission")
        {
            Description = "What it may do, in Dfns's names or ours; may be given more than once.",
            Required = true,
            AllowMultipleArgumentsPerToken = true,
        };
        var ceiling = new Option<string?>("--ceiling") { Description = "The highest role it may act on; the lowest when absent." };
        var days = new Option<int?>("--days") { Description = "How many days its token lives; 366 when absent." };
        var application = new Option<string?>("--app-id") { Description = "The application that it acts for; the first when absent." };
        root.Add(new Command("dfns", "Applications and programmes that speak Dfns's protocol.")
        {
            new Command("application", "What people sign in to.")
            {
                common.Command("set", "Makes an application, or changes the one of that name.", async (parsed, client, json, token) => Output.One(
                    await client.Call(
                        HttpMethod.Put, "/local/dfns/application",
                        new { name = parsed.GetValue(title), rp_id = parsed.GetValue(rpId), origins = parsed.GetValue(origin) }, token),
                    json), origin, rpId, title),
            },
            new Command("service-account", "Programmes.")
            {
                common.Command("create", "Makes a service account with a key and shows its token once.", async (parsed, client, json, token) => Output.One(
                    await client.Call(HttpMethod.Post, "/local/dfns/service-accounts", new
                    {
                        name = parsed.GetValue(name),
                        public_key = await File.ReadAllTextAsync(parsed.GetValue(key)!.FullName, token),
                        permissions = parsed.GetValue(permissions),
                        ceiling = parsed.GetValue(ceiling),
                        days = parsed.GetValue(days),
                        app_id = parsed.GetValue(application),
                    }, token),
                    json), name, key, permissions, ceiling, days, application),
            },
        });
    }
}
