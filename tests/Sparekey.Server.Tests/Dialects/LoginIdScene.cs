using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;
using Sparekey.Engine.Applications;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>A server with clients of LoginID's protocol, and the words in which tests speak to it without the vendor's clients.</summary>
internal sealed class LoginIdScene : IAsyncDisposable
{
    public const string Page = "http://localhost:3000";

    public const string RpId = "localhost";

    private LoginIdScene(RunningServer server) => Server = server;

    public RunningServer Server { get; }

    /// <summary>Where the routes are: the root, or under a mount.</summary>
    public string Mount { get; init; } = "";

    public string Base => Server.Origin.GetLeftPart(UriPartial.Authority) + Mount;

    public ECDsa Key { get; } = ECDsa.Create(ECCurve.NamedCurves.nistP256);

    public string PrivateKey => Key.ExportPkcs8PrivateKeyPem();

    public string Management { get; private set; } = "";

    public string Web { get; private set; } = "";

    /// <summary>The clients sign by this machine's clock, so that a server for them starts with it: what it gave before would be over.</summary>
    public static DateTimeOffset Now => DateTimeOffset.FromUnixTimeMilliseconds(TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds());

    public static async Task<LoginIdScene> Start(string mount = "", RunningServer? server = null)
    {
        var scene = new LoginIdScene(server ?? await RunningServer.Start(now: Now)) { Mount = mount };
        scene.Management = await scene.Client("management", "shop", scene.Key);
        scene.Web = await scene.Client("directweb", "shop", null);

        scene.Server.Time.SetUtcNow(Now);
        return scene;
    }

    /// <summary>Makes a client as the command line does.</summary>
    public async Task<string> Client(
        string type, string group, ECDsa? key, string[]? permissions = null, string? ceiling = null, TenantId? tenant = null,
        string page = Page)
    {
        var local = new Caller(
            tenant ?? TenantId.Default, "local", "test", new Grant(Principal.LocalOperator, PermissionSet.All, RankOrder.Default.Highest, ExpiresAt: null));
        var id = $"{type}-{RandomNumberGenerator.GetHexString(16, lowercase: true)}";
        var made = await Server.Get<ManageApplications>().Create(
            local,
            new ApplicationSettings
            {
                Name = group,
                RpId = new Engine.Accounts.Assigned<string?>(RpId),
                Origins = [page],
                ClientIds = [new ExternalId("loginid", id)],
                Group = new Engine.Accounts.Assigned<string?>(group),
            },
            null, CancellationToken.None);
        made.Refusal.ShouldBeNull();
        if (key is not null)
        {
            var wanted = permissions?.Select(n => Permissions.TryParse(n, out var p) ? p : throw new ArgumentException(n, nameof(permissions)));
            var minted = await Server.Get<ManageTokens>().Create(
                local,
                new TokenOrder(null, id, wanted is null ? PermissionSet.All : PermissionSet.Of(wanted))
                {
                    Ceiling = ceiling,
                    ExpiresIn = TimeSpan.FromDays(300),
                    PerMinute = 1_000_000,
                    Key = new ProgrammeKey(key.ExportSubjectPublicKeyInfoPem(), null),
                    Application = made.Value.Fresh!.Id,
                },
                null, CancellationToken.None);
            minted.Refusal.ShouldBeNull();
        }

        return id;
    }

    /// <summary>Signs a service token.</summary>
    public string Token(string scope, string? client = null, ECDsa? key = null, Action<JsonObject>? change = null)
    {
        var claims = new JsonObject
        {
            ["client_id"] = client ?? Management,
            ["type"] = scope,
            ["nonce"] = RandomNumberGenerator.GetHexString(16),
            ["iat"] = Server.Time.GetUtcNow().ToUnixTimeSeconds(),
        };
        change?.Invoke(claims);
        return Sign(key ?? Key, """{"alg":"ES256","typ":"JWT"}""", claims.ToJsonString());
    }

    public static string Sign(ECDsa key, string header, string claims)
    {
        var signed = $"{Encoded(header)}.{Encoded(claims)}";
        var signature = key.SignData(Encoding.ASCII.GetBytes(signed), HashAlgorithmName.SHA256, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
        return $"{signed}.{Base64Url.EncodeToString(signature)}";
    }

    public Task<Answer> Post(string path, object? body, string? token = null) => Server.Post(Mount + path, body, token);

    /// <summary>A call that a service token of the management client vouches for.</summary>
    public Task<Answer> Vouched(string scope, string path, object body) => Post(path, body, Token(scope));

    /// <summary>Makes a user without credentials.</summary>
    public async Task<string> User(string name)
    {
        var made = await Vouched("users.create", "/manage/users", new { client_id = Management, username = name });
        made.Status.ShouldBe(200, made.Text);
        return made["id"];
    }

    /// <summary>Makes a code.</summary>
    public Task<Answer> Generate(string user, string type = "short", string purpose = "add_credential", bool authorize = true) =>
        Vouched("codes.generate", $"/codes/{type}/generate", new { client_id = Management, user_id = user, purpose, authorize });

    /// <summary>Presents a code at the page.</summary>
    public Task<Answer> InitByCode(string username, string code, string type = "short", string? client = null, string? token = null) => Post(
        "/credentials/fido2/init/code",
        new { client_id = client ?? Web, username, authentication_code = new { code, type } }, token);

    /// <summary>Ends an addition, or what <paramref name="path"/> says, with an authenticator.</summary>
    public Task<Answer> Complete(
        string username, Answer init, SoftwareAuthenticator authenticator, string path = "/credentials/fido2/complete", string? client = null,
        Action<JsonObject>? change = null) => Post(path, CompleteBody(username, init, authenticator, client, change));

    public string CompleteBody(
        string username, Answer init, SoftwareAuthenticator authenticator, string? client = null, Action<JsonObject>? change = null)
    {
        var asked = init.Json!["attestation_payload"]!;
        var parts = authenticator.Register(Base64Url.DecodeFromChars(asked["challenge"]!.ToString()), Page);
        var body = new JsonObject
        {
            ["client_id"] = client ?? Web,
            ["username"] = username,
            ["attestation_payload"] = new JsonObject
            {
                ["challenge"] = asked["challenge"]!.ToString(),
                ["credential_uuid"] = asked["credential_uuid"]!.ToString(),
                ["credential_id"] = Base64Url.EncodeToString(parts.CredentialId),
                ["client_data"] = Base64Url.EncodeToString(parts.ClientDataBytes),
                ["attestation_data"] = Base64Url.EncodeToString(parts.AttestationObject),
            },
            ["no_jwt"] = false,
        };
        change?.Invoke(body);
        return body.ToJsonString();
    }

    /// <summary>Registers at the page.</summary>
    public async Task<Answer> Register(string username, SoftwareAuthenticator authenticator, string? client = null)
    {
        var init = await Post("/register/fido2/init", new { client_id = client ?? Web, username, options = new { register_session = (string?)null } });
        init.Status.ShouldBe(200, init.Text);
        return await Complete(username, init, authenticator, "/register/fido2/complete", client);
    }

    /// <summary>Signs in at the page.</summary>
    public async Task<Answer> SignIn(string username, SoftwareAuthenticator authenticator, string? client = null)
    {
        var init = await Post("/authenticate/fido2/init", new { client_id = client ?? Web, username });
        init.Status.ShouldBe(200, init.Text);
        return await Post("/authenticate/fido2/complete", AssertionBody(username, init, authenticator, client));
    }

    public string AssertionBody(
        string username, Answer init, SoftwareAuthenticator authenticator, string? client = null, Action<JsonObject>? change = null)
    {
        var challenge = init.Json!["assertion_payload"]!["challenge"]!.ToString();
        var (data, authenticatorData, signature) = authenticator.Assert(Base64Url.DecodeFromChars(challenge), Page);
        var body = new JsonObject
        {
            ["client_id"] = client ?? Web,
            ["username"] = username,
            ["assertion_payload"] = new JsonObject
            {
                ["challenge"] = challenge,
                ["credential_id"] = Base64Url.EncodeToString(authenticator.CredentialId),
                ["client_data"] = Base64Url.EncodeToString(data),
                ["authenticator_data"] = Base64Url.EncodeToString(authenticatorData),
                ["signature"] = Base64Url.EncodeToString(signature),
            },
            ["no_jwt"] = false,
        };
        change?.Invoke(body);
        return body.ToJsonString();
    }

    // Whatever a test sent, nothing of it may have met a bug.
    public async ValueTask DisposeAsync()
    {
        Key.Dispose();
        var bugs = Server.LogLines.Where(l => l.StartsWith("A request of", StringComparison.Ordinal)).Distinct(StringComparer.Ordinal).ToList();
        await Server.DisposeAsync();
        bugs.ShouldBeEmpty();
    }

    private static string Encoded(string text) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(text));
}
