using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>A server with a team's programme on it, and the words in which tests speak Cryptlex's protocol as its integrations do.</summary>
public sealed class CryptlexFixture : IAsyncLifetime
{
    internal CryptlexScene Scene { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Scene = await CryptlexScene.Of(await RunningServer.Start());

    public ValueTask DisposeAsync() => Scene.Server.DisposeAsync();
}

/// <summary>A portal that speaks Cryptlex's protocol over plain HTTP.</summary>
internal sealed class CryptlexScene
{
    public const string Password = "a password that nobody chose before";

    public const string FirstPassword = "xT4_pa93Lm";

    private int _last;

    private CryptlexScene(RunningServer server, string portal) => (Server, Portal) = (server, portal);

    public RunningServer Server { get; }

    /// <summary>A token of a portal: what the vendor's scopes <c>user:read</c> and <c>user:write</c> come to.</summary>
    public string Portal { get; }

    public static async Task<CryptlexScene> Of(RunningServer server)
    {
        var portal = await server.Post(
            "/v1/tokens",
            new
            {
                name = "portal",
                permissions = new[] { "account:read", "account:write", "recovery:request", "recovery:issue" },
                expires_in = "20h",
                per_minute = 1_000_000,
            },
            server.AdminToken);
        return new CryptlexScene(server, portal["token"]);
    }

    /// <summary>An address that nobody has yet.</summary>
    public string NewEmail() => $"person{Interlocked.Increment(ref _last)}@example.com";

    /// <summary>A user who is there already, without a password.</summary>
    public async Task<string> User(string? email = null)
    {
        var made = await Server.Post("/v1/accounts", new { email = email ?? NewEmail(), traits = new { name = new { first = "Jane" } } }, Server.AdminToken);
        made.Status.ShouldBe(201, made.Text);
        return made["id"];
    }

    /// <summary>Makes a user as the vendor's integrations do, and gives its id.</summary>
    public async Task<string> Make(string role, string? email = null)
    {
        var made = await Server.Post(
            "/v3/users", new { email = email ?? NewEmail(), firstName = "Jane", password = FirstPassword, role }, Server.AdminToken);
        made.Status.ShouldBe(201, made.Text);
        return made["id"];
    }

    /// <summary>Asks for a reset token, without a body.</summary>
    public Task<Answer> Mint(string user, string? token = null, params (string Name, string Value)[] headers) =>
        Call("POST", $"/v3/users/{user}/reset-password-token", null, token ?? Portal, headers);

    /// <summary>A reset token.</summary>
    public async Task<string> Token(string user)
    {
        var made = await Mint(user);
        made.Status.ShouldBe(200, made.Text);
        return made["resetPasswordToken"];
    }

    /// <summary>Sets a password.</summary>
    public Task<Answer> Reset(string user, string resetToken, string password = Password) =>
        Server.Post($"/v3/users/{user}/reset-password", new { token = resetToken, newPassword = password });

    public async Task<Answer> Call(string method, string path, object? body, string? token, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (body is not null)
        {
            request.Content = new StringContent(body as string ?? JsonSerializer.Serialize(body), Encoding.UTF8, "application/json");
        }

        if (token is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token}");
        }

        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        return await Server.Send(request);
    }

    /// <summary>The users of a list.</summary>
    public async Task<JsonArray> Users(string query)
    {
        var listed = await Server.Get($"/v3/users?{query}", Portal);
        listed.Status.ShouldBe(200, listed.Text);
        return JsonNode.Parse(listed.Text)!.AsArray();
    }

    /// <summary>The ledger's events about a user.</summary>
    public async Task<IReadOnlyList<JsonNode>> Ledger(string user)
    {
        var read = await Server.Get($"/v1/ledger?account={user}&limit=1000", Server.AdminToken);
        read.Status.ShouldBe(200, read.Text);
        return [.. read.Json!["entries"]!.AsArray().Select(e => e!)];
    }

    /// <summary>Puts a policy in force that has another rule.</summary>
    public async Task Policy(string rule)
    {
        var policy = (await Server.Get("/v1/policy", Server.AdminToken)).Json!.DeepClone().AsObject();
        policy["rules"]!.AsArray().Add(JsonNode.Parse(rule));
        var set = await Server.Put("/v1/policy", policy.ToJsonString(), Server.AdminToken);
        set.Status.ShouldBe(200, set.Text);
    }
}
