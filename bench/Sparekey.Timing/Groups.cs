using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Secrets;

namespace Sparekey.Timing;

/// <summary>Answers that must look alike.</summary>
/// <param name="Name">What they are.</param>
/// <param name="Path">The route.</param>
/// <param name="Status">The status of them all.</param>
/// <param name="Classes">What a stranger would like to tell apart.</param>
internal sealed record Group(string Name, string Path, int Status, IReadOnlyList<(string Name, Func<int, JsonNode> Body)> Classes);

/// <summary>Prepares accounts and secrets in every condition.</summary>
internal static class Groups
{
    /// <summary>How many rounds are thrown away.</summary>
    public const int WarmUp = 24;

    private const string Password = "nine green bicycles";

    // A name takes ten tries in ten minutes; the eleventh is refused for everybody alike, and would measure that.
    private const int TriesOfAName = 8;

    public static async Task<IReadOnlyList<Group>> Prepare(Server server, int count)
    {
        count += WarmUp;
        var few = (count / TriesOfAName) + 1;
        Console.WriteLine($"Preparing {3 * count} accounts and their secrets.");
        await Accounts(server, "asks", count, mail: true);
        await Accounts(server, "no-mail", count, mail: false);
        await Accounts(server, "plain", few, mail: true);
        await Accounts(server, "open", few, mail: true);
        var used = new List<string>();
        var (cancelled, expired) = (new List<string>(), new List<string>());
        for (var i = 0; i < few; i++)
        {
            await Open(server, "open", i, "code");
            var link = await Open(server, "plain", i, "link");
            var token = (await server.Call(HttpMethod.Post, "/v1/redemptions", new JsonObject { ["link_secret"] = Secret(link) }, null))["redemption_token"]!;
            await server.Call(HttpMethod.Put, "/v1/redemption/password", new JsonObject { ["new_password"] = Password }, token.ToString());
            used.Add(Secret(link));
            link = await Open(server, "open", i, "link");
            await server.Call(HttpMethod.Post, $"/v1/recoveries/{link["id"]}/cancel", new JsonObject());
            cancelled.Add(Secret(link));
            expired.Add(Secret(await Open(server, "plain", i, "link", "1s")));
        }

        await Task.Delay(TimeSpan.FromSeconds(5));
        return
        [
            new Group("Asking for a recovery", "/v1/recovery-requests", 202,
            [
                ("a known name, mail leaves", i => Name("asks", i)),
                ("an unknown name", i => Name("nobody", i)),
                ("a known name without an address", i => new JsonObject { ["identifier"] = $"no-mail-{i}" }),
            ]),
            new Group("Asking again", "/v1/recovery-requests", 202,
            [
                ("a known name, a recovery is open", i => Name("asks", i)),
                ("an unknown name", i => Name("nobody-else", i)),
            ]),
            new Group("Redeeming a code", "/v1/redemptions", 401,
            [
                ("wrong, a recovery is open", i => Code("open", i % few)),
                ("wrong, none is open", i => Code("plain", i % few)),
                ("an unknown name", i => Code("nobody", i)),
            ]),
            new Group("Redeeming a link", "/v1/redemptions", 401,
            [
                ("unknown", _ => Link(Unknown())),
                ("used", i => Link(used[i % few])),
                ("cancelled", i => Link(cancelled[i % few])),
                ("expired", i => Link(expired[i % few])),
                ("the right one with a wrong secret", i => Link(Altered(used[i % few]))),
            ]),
            new Group("Signing in", "/v1/sessions", 401,
            [
                ("a wrong password", i => SignIn($"plain-{i % few}@example.com")),
                ("an unknown name", i => SignIn($"nobody-{i}@example.com")),
                ("an account without a password", i => SignIn($"open-{i % few}@example.com")),
            ]),
        ];
    }

    private static async Task Accounts(Server server, string name, int count, bool mail)
    {
        for (var i = 0; i < count; i++)
        {
            await server.Call(
                HttpMethod.Post, "/v1/accounts",
                mail ? new JsonObject { ["email"] = $"{name}-{i}@example.com" } : new JsonObject { ["username"] = $"{name}-{i}" });
        }
    }

    private static Task<JsonNode> Open(Server server, string name, int i, string means, string lifetime = "1h") =>
        server.Call(HttpMethod.Post, "/v1/recoveries", new JsonObject
        {
            ["account"] = new JsonObject { ["email"] = $"{name}-{i}@example.com" }, ["means"] = means, ["expires_in"] = lifetime,
        });

    private static string Secret(JsonNode opened) => opened["secret"]!["link"]!.ToString().Split('#')[1];

    private static JsonObject Name(string name, int i) => new() { ["identifier"] = $"{name}-{i}@example.com" };

    private static JsonObject Code(string name, int i) =>
        new() { ["code"] = "00000000", ["account"] = new JsonObject { ["email"] = $"{name}-{i}@example.com" } };

    private static JsonObject Link(string secret) => new() { ["link_secret"] = secret };

    private static JsonObject SignIn(string name) => new() { ["identifier"] = name, ["password"] = "seven lost umbrellas" };

    private static string Unknown() =>
        TokenText.Format(TokenPrefix.Link, TenantId.Default, Guid.NewGuid(), Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32))).Reveal();

    private static string Altered(string link) => TokenText.TryParse(link, TokenPrefix.Link, out var token)
        ? TokenText.Format(TokenPrefix.Link, token.Tenant, token.Id, Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32))).Reveal()
        : throw new InvalidOperationException("The server wrote a link that is none.");
}
