using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>A server that is set up for Passbolt's clients, and the words in which tests speak to it without the vendor's own.</summary>
internal sealed class PassboltScene : IAsyncDisposable
{
    // Made once for all tests of a process: the keys of a scene are others than each other, not than those of other scenes.
    private static readonly ConcurrentDictionary<(int Bits, int Number), Lazy<byte[]>> Keys = new();

    private readonly bool _isOwn;
    private int _made;
    private int _keys;

    private PassboltScene(RunningServer server, bool isOwn) => (Server, _isOwn) = (server, isOwn);

    public RunningServer Server { get; }

    public string Domain => Server.Origin.GetLeftPart(UriPartial.Authority);

    public string Fingerprint { get; private set; } = "";

    public PgpKey ServerKey { get; private set; } = null!;

    public DateTimeOffset Now => Server.Time.GetUtcNow();

    public static async Task<PassboltScene> Start(RunningServer? server = null)
    {
        var scene = new PassboltScene(server ?? await RunningServer.Start(), server is null);
        scene.Fingerprint = await OpenPgpServers.SetUp(scene.Server.Services, TenantId.Default, scene.Domain);
        scene.ServerKey = PgpKey.Read((await scene.Guest().Get("/auth/verify.json")).Body["keydata"]!.ToString()).Value;
        return scene;
    }

    public async ValueTask DisposeAsync()
    {
        if (_isOwn)
        {
            await Server.DisposeAsync();
        }
    }

    /// <summary>A key that nobody has yet: small, so that it takes no time.</summary>
    public PgpSecretKey Key(int bits = 2048)
    {
        var number = Interlocked.Increment(ref _keys);
        var key = Keys.GetOrAdd((bits, number), static k => new Lazy<byte[]>(() =>
        {
            using var made = PgpSecretKey.Generate(
                $"Person {k.Number} <person{k.Number}@example.com>", new DateTimeOffset(2026, 11, 21, 7, 0, 0, TimeSpan.Zero), k.Bits);
            using var exported = made.ExportUnprotected();
            return exported.Span.ToArray();
        }));
        return PgpSecretKey.Open(key.Value, []).Value;
    }

    /// <summary>Makes a person with a key, as the command line does.</summary>
    public async Task<PassboltPerson> Person(string role = "user", string? id = null)
    {
        var name = $"p{++_made}-{role}";
        var key = Key();
        var made = await Import($"{name}@example.com", role, key.Public.Armored, id);
        return new PassboltPerson(made["user_id"]!.ToString(), $"{name}@example.com", key);
    }

    /// <summary>Makes a person as the command line does.</summary>
    public async Task<JsonNode> Import(string email, string role, string armored, string? id = null)
    {
        await using var local = Server.Local();
        return (await local.Call(
            HttpMethod.Post, "/local/passbolt/users",
            new { username = email, first_name = "Ada", last_name = "Lovelace", role, user_id = id, public_key = armored }, CancellationToken.None))!;
    }

    /// <summary>A browser that nobody is signed in with.</summary>
    public PassboltBrowser Guest() => new(this);

    /// <summary>A browser that a person is signed in with.</summary>
    public async Task<PassboltBrowser> SignedIn(PassboltPerson person)
    {
        var browser = Guest();
        var done = await browser.SignIn(person);
        done.Status.ShouldBe(200, done.Text);
        return browser;
    }

    /// <summary>What a server decrypts of what a client encrypts.</summary>
    public string Encrypted(string text, params PgpSecretKey[] signers) =>
        PgpMessages.Encrypt(Encoding.UTF8.GetBytes(text), ServerKey, Now, signers);

    /// <summary>A challenge of a programme.</summary>
    public string Challenge(PgpSecretKey signer, Action<JsonObject>? change = null)
    {
        var said = new JsonObject
        {
            ["version"] = "1.0.0",
            ["domain"] = Domain,
            ["verify_token"] = Ids.FromRandom<EntryId>(System.Security.Cryptography.RandomNumberGenerator.GetBytes(16)).ToString(),
            ["verify_token_expiry"] = Now.AddMinutes(2).ToUnixTimeSeconds(),
        };
        change?.Invoke(said);
        return Encrypted(said.ToJsonString(), signer);
    }

    /// <summary>What a person decrypts.</summary>
    public static string Decrypted(string armored, PgpSecretKey key, DateTimeOffset now, params PgpKey[] signers)
    {
        using var opened = PgpMessages.Decrypt(armored, key, signers, now).Value;
        if (signers.Length > 0)
        {
            opened.FaultOfSigners(signers).ShouldBeNull();
        }

        return Encoding.UTF8.GetString(opened.Bytes);
    }
}

/// <summary>Another form in which several tests say a policy, an enrolment, an answer.</summary>
internal static class PassboltWords
{
    public const string Model = "AccountRecoveryOrganizationKey";

    public static object Key(PgpKey key) => new { armored_key = key.Armored, fingerprint = key.Fingerprint };

    public static JsonObject Setting(EscrowHalves halves, string recipient) => new()
    {
        ["status"] = "approved",
        ["account_recovery_private_key"] = new JsonObject
        {
            ["data"] = halves.Blob,
            ["account_recovery_private_key_passwords"] = new JsonArray(
                new JsonObject { ["recipient_foreign_model"] = Model, ["recipient_fingerprint"] = recipient, ["data"] = halves.Password }),
        },
    };
}

/// <summary>One server for the tests of a class, with an administrator.</summary>
public sealed class PassboltFixture : IAsyncLifetime
{
    internal PassboltScene Scene { get; private set; } = null!;

    internal PassboltPerson Ada { get; private set; } = null!;

    /// <summary>The key of somebody whom the server does not know.</summary>
    internal PgpSecretKey Stranger { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Scene = await PassboltScene.Start();
        Ada = await Scene.Person("admin");
        Stranger = Scene.Key();
    }

    public ValueTask DisposeAsync() => Scene.DisposeAsync();
}

/// <summary>A person with a key.</summary>
internal sealed record PassboltPerson(string Id, string Email, PgpSecretKey Key);

/// <summary>An answer in the vendor's frame.</summary>
internal sealed record PassboltReply(Answer Raw)
{
    public int Status => Raw.Status;

    public string Text => Raw.Text;

    public JsonNode Header => Raw.Json!["header"]!;

    public JsonNode Body => Raw.Json!["body"]!;

    public string? Of(string header) => Raw.Headers.TryGetValues(header, out var values) ? values.First() : null;
}

/// <summary>A browser with its cookies.</summary>
internal sealed class PassboltBrowser(PassboltScene scene)
{
    public Dictionary<string, string> Cookies { get; } = new(StringComparer.Ordinal);

    public string? Bearer { get; set; }

    public string? Origin { get; set; }

    /// <summary>By which name it calls the server; null for its address.</summary>
    public string? Host { get; set; }

    public Task<PassboltReply> Get(string path) => Send("GET", path, null);

    public async Task<PassboltReply> Post(string path, object? body)
    {
        if (!Cookies.ContainsKey("csrfToken") && Bearer is null)
        {
            await Get("/settings.json"); // As a browser does: the first answer brings the cookie.
        }

        return await Send("POST", path, Json(body));
    }

    public async Task<PassboltReply> SignIn(PassboltPerson person)
    {
        var begun = await Form("/auth/login.json", ("keyid", person.Key.Public.Fingerprint));
        begun.Status.ShouldBe(200, begun.Text);
        return await Form("/auth/login.json", ("keyid", person.Key.Public.Fingerprint), ("user_token_result", Nonce(begun, person)));
    }

    public string Nonce(PassboltReply begun, PassboltPerson person) =>
        PassboltScene.Decrypted(WebUtility.UrlDecode(begun.Of("X-GPGAuth-User-Auth-Token")!.Replace("\\", "", StringComparison.Ordinal)), person.Key, scene.Now);

    public Task<PassboltReply> Form(string path, params (string Name, string Value)[] fields)
    {
        var form = new MultipartFormDataContent();
        foreach (var (name, value) in fields)
        {
            form.Add(new StringContent(value), $"data[gpg_auth][{name}]");
        }

        return Send("POST", path, form);
    }

    public async Task<PassboltReply> Send(string method, string path, HttpContent? content, string? csrf = "")
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = content };
        if (Cookies.Count > 0)
        {
            request.Headers.TryAddWithoutValidation("Cookie", string.Join("; ", Cookies.Select(c => $"{c.Key}={c.Value}")));
        }

        if (Bearer is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {Bearer}");
        }
        else if (method != "GET" && (csrf is { Length: > 0 } ? csrf : csrf is null ? null : Cookies.GetValueOrDefault("csrfToken")) is { } token)
        {
            request.Headers.TryAddWithoutValidation("X-CSRF-Token", token);
        }

        request.Headers.Host = Host;
        if (Origin is not null)
        {
            request.Headers.TryAddWithoutValidation("Origin", Origin);
        }

        var answer = await scene.Server.Send(request);
        foreach (var cookie in answer.Headers.TryGetValues("Set-Cookie", out var set) ? set : [])
        {
            var pair = cookie.Split(';')[0].Split('=', 2);
            if (pair[1].Length == 0)
            {
                Cookies.Remove(pair[0]);
            }
            else
            {
                Cookies[pair[0]] = pair[1];
            }
        }

        return new PassboltReply(answer);
    }

    public static HttpContent? Json(object? body) => body is null
        ? null
        : new StringContent(body as string ?? (body as JsonNode)?.ToJsonString() ?? JsonSerializer.Serialize(body), Encoding.UTF8, "application/json");

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Cookies.Count} cookies");
}
