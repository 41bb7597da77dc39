using System.CommandLine;

namespace Sparekey.Server.Cli;

/// <summary><c>passbolt</c>: what Passbolt's clients need of a server, and the people who use them.</summary>
internal static class PassboltCommands
{
    /// <summary>Adds the commands.</summary>
    /// <param name="root">The root.</param>
    /// <param name="common">The options every command has.</param>
    public static void AddTo(RootCommand root, CommonOptions common)
    {
        var domain = new Option<string>("--domain") { Description = "The URL that clients know the server by, for example https://passbolt.example.com.", Required = true };
        var key = new Option<string>("--public-key") { Description = "A file with the person's public OpenPGP key, armored.", Required = true };
        var username = new Option<string>("--username") { Description = "The person's e-mail address.", Required = true };
        var first = new Option<string>("--first-name") { Description = "The person's first name.", Required = true };
        var last = new Option<string>("--last-name") { Description = "The person's last name.", Required = true };
        var role = new Option<string>("--role") { Description = "admin, reviewer or user.", DefaultValueFactory = _ => "user" };
        role.AcceptOnlyFromAmong("admin", "reviewer", "user");
        var id = new Option<string?>("--user-id") { Description = "The id that the person has in Passbolt; a new one when absent." };
        root.Add(new Command("passbolt", "Clients that speak Passbolt's protocol.")
        {
            common.Command("init", "Gives the server its OpenPGP key and the URL that clients know it by.", async (parsed, client, json, token) => Output.One(
                await client.Call(HttpMethod.Put, "/local/passbolt/server", new { domain = parsed.GetValue(domain) }, token), json), domain),
            new Command("user", "People who sign in with an OpenPGP key.")
            {
                common.Command("import", "Makes the account of a person who has a key.", async (parsed, client, json, token) => Output.One(
                    await client.Call(
                        HttpMethod.Post, "/local/passbolt/users",
                        new
                        {
                            username = parsed.GetValue(username),
                            first_name = parsed.GetValue(first),
                            last_name = parsed.GetValue(last),
                            role = parsed.GetValue(role),
                            user_id = parsed.GetValue(id),
                            public_key = await File.ReadAllTextAsync(parsed.GetValue(key)!, token),
                        },
                        token),
                    json), key, username, first, last, role, id),
                common.Command("invite", "Makes the account of a person who has no key yet, and shows their link once.", async (parsed, client, json, token) => Output.One(
                    await client.Call(
                        HttpMethod.Post, "/local/passbolt/invitations",
                        new
                        {
                            username = parsed.GetValue(username),
                            first_name = parsed.GetValue(first),
                            last_name = parsed.GetValue(last),
                            role = parsed.GetValue(role),
                            user_id = parsed.GetValue(id),
                        },
                        token),
                    json), username, first, last, role, id),
            },
        });
    }
}
