using System.CommandLine;

namespace Sparekey.Server.Cli;

/// <summary><c>tenant</c>: the organisations on this server.</summary>
internal static class TenantCommands
{
    /// <summary>Adds the commands.</summary>
    /// <param name="root">The root.</param>
    /// <param name="common">The options every command has.</param>
    public static void AddTo(RootCommand root, CommonOptions common)
    {
        var name = new Argument<string>("name") { Description = "1 to 32 lower-case letters, digits and hyphens." };
        var origin = new Option<string?>("--origin") { Description = "The tenant's origin, for example https://recover.example.org." };
        root.Add(new Command("tenant", "Organisations on this server.")
        {
            common.Command("create", "Makes a tenant.", async (parsed, client, json, token) => Output.One(
                await client.Call(
                    HttpMethod.Post, "/local/tenants", new { name = parsed.GetValue(name), origin = parsed.GetValue(origin) }, token),
                json), name, origin),
            common.Command("list", "Lists tenants.", async (_, client, json, token) => Output.Many(
                await client.Call(HttpMethod.Get, "/local/tenants", null, token), "tenants", ["name", "created_at"], json)),
        });
    }
}

/// <summary><c>token</c>: access tokens of programmes.</summary>
internal static class TokenCommands
{
    /// <summary>Adds the commands.</summary>
    /// <param name="root">The root.</param>
    /// <param name="common">The options every command has.</param>
    public static void AddTo(RootCommand root, CommonOptions common)
    {
        var name = new Option<string>("--name") { Description = "The service account; made if there is none.", Required = true };
        var permissions = new Option<string[]>("--permission")
        {
            Description = "What it may do, for example recovery:request; may be given more than once.",
            Required = true,
            AllowMultipleArgumentsPerToken = true,
        };
        var ceiling = new Option<string?>("--ceiling") { Description = "The highest role it may act on; the lowest when absent." };
        var expires = new Option<string?>("--expires") { Description = "How long it lives, for example 30d." };
        var owner = new Option<string?>("--owner") { Description = "The person behind it, by e-mail; the local operator when absent." };
        var perMinute = new Option<int?>("--per-minute") { Description = "How many changing calls it may make in a minute." };
        var id = new Argument<string>("id") { Description = "The token's id." };
        root.Add(new Command("token", "Access tokens of programmes.")
        {
            common.Command("create", "Makes an access token and shows it once.", async (parsed, client, json, token) =>
            {
                var person = parsed.GetValue(owner) is { } email ? await AccountCommands.IdOf(client, email, token) : null;
                Output.One(
                    await client.Call(HttpMethod.Post, "/v1/tokens", new
                    {
                        name = parsed.GetValue(name),
                        permissions = parsed.GetValue(permissions),
                        ceiling = parsed.GetValue(ceiling),
                        expires_in = parsed.GetValue(expires),
                        owner_id = person,
                        per_minute = parsed.GetValue(perMinute) ?? 600,
                    }, token),
                    json);
            }, name, permissions, ceiling, expires, owner, perMinute),
            common.Command("list", "Lists access tokens.", async (_, client, json, token) => Output.Many(
                await client.Call(HttpMethod.Get, "/v1/tokens?limit=500", null, token), "tokens",
                ["id", "service_account_id", "ceiling", "permissions", "expires_at", "last_used_at", "revoked_at"], json)),
            common.Command("revoke", "Revokes an access token, at once.", async (parsed, client, json, token) => Output.One(
                await client.Call(HttpMethod.Delete, $"/v1/tokens/{Uri.EscapeDataString(parsed.GetValue(id)!)}", null, token), json), id),
        });
    }
}
