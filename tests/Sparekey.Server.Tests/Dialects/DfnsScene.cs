using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Sparekey.Server.Cli;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>A team that uses Dfns's own clients: an application, a service account with a key, and devices.</summary>
internal sealed class DfnsScene : IAsyncDisposable
{
    public const string Origin = "http://localhost:3000";
    public const string Jane = "jane@example.com";

    public static readonly string[] FirstPermissions = ["Auth:Users:Create", "Auth:Users:Delegate", "Auth:Types:EndUser"];

    private DfnsScene(NodeProgram node, string url) => (Node, Url) = (node, url);

    public NodeProgram Node { get; }

    public string Url { get; }

    public string OrgId { get; private set; } = "";

    public string AppId { get; private set; } = "";

    public JsonNode Programme { get; private set; } = null!;

    public string ProgrammeKey { get; private set; } = "";

    public static async Task<DfnsScene> Start(string version, RunningServer server)
    {
        await using var local = server.Local();
        return await Start(version, server.Origin.ToString(), local);
    }

    public static async Task<DfnsScene> Start(string version, string url, LocalClient local, string[]? permissions = null)
    {
        var scene = new DfnsScene(await NodeProgram.Start("dfns.js", version), url);
        var application = await local.Call(
            HttpMethod.Put, "/local/dfns/application", new { name = "Example", rp_id = "localhost", origins = new[] { Origin } }, CancellationToken.None);
        (scene.OrgId, scene.AppId) = (application!["org_id"]!.ToString(), application["app_id"]!.ToString());
        (scene.Programme, scene.ProgrammeKey) = await ServiceAccount(local, "portal", permissions ?? FirstPermissions);
        return scene;
    }

    public static async Task<(JsonNode Made, string Pem)> ServiceAccount(LocalClient local, string name, string[] permissions)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var made = await local.Call(
            HttpMethod.Post, "/local/dfns/service-accounts", new { name, public_key = key.ExportSubjectPublicKeyInfoPem(), permissions }, CancellationToken.None);
        return (made!, key.ExportPkcs8PrivateKeyPem());
    }

    /// <summary>A call of the service account through <c>DfnsApiClient</c>, signed with its key.</summary>
    public Task<JsonNode?> Portal(string method, object body) => Api(
        Programme["token"]!.ToString(), new { kind = "key", credId = Programme["cred_id"]!.ToString(), pem = ProgrammeKey, origin = Origin }, method, body);

    /// <summary>A call through <c>DfnsApiClient.auth</c>.</summary>
    public Task<JsonNode?> Api(string? token, object? signer, string method, object? body) =>
        Node.Call(new { op = "api", @base = Url, orgId = OrgId, appId = AppId, token, signer, method, args = body is null ? Array.Empty<object>() : [new { body }] });

    /// <summary>A call of <c>BaseAuthApi</c>.</summary>
    public Task<JsonNode?> Base(string? token, string method, object? body) =>
        Node.Call(new { op = "base", @base = Url, orgId = OrgId, appId = AppId, token, method, args = body is null ? Array.Empty<object>() : [body] });

    public static object Passkey(string device) => new { kind = "webauthn", device, origin = Origin, rp = new { id = "localhost", name = "Example" } };

    public static object BrowserKey(string device) => new { kind = "browserkey", device };

    public Task<JsonNode?> Create(object signer, JsonNode challenge) => Node.Call(new { op = "create", signer, challenge });

    public async Task<(JsonNode Kit, string Code)> Kit(JsonNode challenge, string username = Jane)
    {
        var kit = await Node.Call(new { op = "kit", challenge = challenge["challenge"]!.ToString(), username });
        return (kit!, kit!["code"]!.ToString());
    }

    /// <summary>Registers a person through the service account, with what a signer makes and a recovery key; gives the kit.</summary>
    public async Task<JsonNode> Register(object signer, string email = Jane)
    {
        var challenge = (await Portal("createDelegatedRegistrationChallenge", new { email, kind = "EndUser" }))!;
        var (kit, _) = await Kit(challenge, email);
        var registered = await Base(challenge["temporaryAuthenticationToken"]!.ToString(), "createUserRegistration", new
        {
            firstFactorCredential = await Create(signer, challenge),
            recoveryCredential = kit["credential"]!,
        });
        registered!["user"]!["username"]!.ToString().ShouldBe(email);
        return kit;
    }

    public async Task<string> Login(object signer, string email = Jane) =>
        (await Node.Call(new { op = "login", @base = Url, orgId = OrgId, appId = AppId, signer, args = new[] { new { username = email, orgId = OrgId } } }))!["token"]!.ToString();

    /// <summary>Begins a delegated recovery.</summary>
    public async Task<JsonNode> BeginRecovery(JsonNode kit, string email = Jane) =>
        (await Portal("createDelegatedRecoveryChallenge", new { username = email, credentialId = kit["credId"]!.ToString() }))!;

    /// <summary>What completes a recovery: new credentials, and the recovery key's signature over them.</summary>
    public async Task<JsonObject> Recovery(JsonNode challenge, JsonNode kit, JsonNode credentials, object? clientData = null, string? text = null) => new()
    {
        ["recovery"] = (await Node.Call(new
        {
            op = "recover",
            code = kit["code"]!.ToString(),
            username = challenge["user"]!["name"]!.ToString(),
            credId = kit["credId"]!.ToString(),
            encryptedRecoveryKey = challenge["allowedRecoveryCredentials"]![0]!["encryptedRecoveryKey"]!.ToString(),
            credentials,
            clientData,
            text,
        }))!.DeepClone(),
        ["newCredentials"] = credentials.DeepClone(),
    };

    /// <summary>New credentials: what a signer makes, and the next recovery key.</summary>
    public async Task<(JsonObject Credentials, JsonNode Kit)> NewCredentials(JsonNode challenge, object signer, string email = Jane)
    {
        var (kit, _) = await Kit(challenge, email);
        return (new JsonObject
        {
            ["firstFactorCredential"] = (await Create(signer, challenge))!.DeepClone(),
            ["recoveryCredential"] = kit["credential"]!.DeepClone(),
        }, kit);
    }

    public Task<JsonNode?> Complete(JsonNode challenge, JsonObject body) =>
        Base(challenge["temporaryAuthenticationToken"]!.ToString(), "createUserRecovery", body);

    public static JsonNode PayloadOf(string jwt)
    {
        var body = jwt.Split('.')[1];
        return JsonNode.Parse(System.Buffers.Text.Base64Url.DecodeFromChars(body))!;
    }

    public ValueTask DisposeAsync() => Node.DisposeAsync();
}
