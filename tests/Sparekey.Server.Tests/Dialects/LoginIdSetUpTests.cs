using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Engine.Applications;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>Clients as an operator makes them, on the server as it is started; and two organisations on one.</summary>
public sealed class LoginIdSetUpTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sparekey-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_vendors_clients_work_with_a_server_that_was_set_up_by_the_command_line()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var (data, pem) = (Path.Combine(_folder, "data"), Path.Combine(_folder, "key.pem"));
        await File.WriteAllTextAsync(pem, key.ExportSubjectPublicKeyInfoPem());
        await using var server = await ServerProcess.Start(data);
        await using var clients = await LoginIdClients.Start();
        var management = await Client("--type", "management", "--public-key", pem);
        var web = await Client("--type", "directweb");
        var at = server.Http.BaseAddress!.GetLeftPart(UriPartial.Authority);
        var user = (await Node("addUserWithoutCredentials", "smoke"))!["id"]!.ToString();
        var code = (await Node("generateCode", user, "long", "add_credential", true))!["code"]!.ToString();
        var added = (await clients.Web(at, web, LoginIdScene.Page, "phone", "addFido2CredentialWithCode", "smoke", code, new { code_type = "long" }))!;
        (await Node("verifyToken", added["jwt"]!.ToString(), "smoke"))!.GetValue<bool>().ShouldBeTrue();
        (await clients.Web(at, web, LoginIdScene.Page, "phone", "authenticateWithFido2", "smoke"))!["is_authenticated"]!.GetValue<bool>().ShouldBeTrue();

        foreach (var (wrong, why) in new[]
        {
            (new[] { "--type", "management" }, "/public_key"), (["--type", "oidc"], "/type"), (["--type", "directweb", "--permission", "everything"], "/permissions"),
            (["--type", "directweb", "--rp-id", "example.org"], "/rp_id"),
        })
        {
            var refused = await Run(wrong);
            refused.ExitCode.ShouldBe(1, refused.Out);
            refused.Errors.ShouldContain(why);
        }

        await File.WriteAllTextAsync(pem, key.ExportPkcs8PrivateKeyPem());
        (await Run(["--type", "management", "--public-key", pem])).Errors.ShouldContain("/public_key");

        Task<JsonNode?> Node(string method, params object?[] args) => clients.Node(at, management, key.ExportPkcs8PrivateKeyPem(), method, args);

        async Task<string> Client(params string[] options)
        {
            var made = await Run(options);
            made.ExitCode.ShouldBe(0, made.Errors);
            return JsonNode.Parse(made.Out)!["client_id"]!.ToString();
        }

        Task<(int ExitCode, string Out, string Errors)> Run(string[] options) => ServerProcess.RunToEnd(
        [
            "loginid", "client", "create", "--data", data, "--namespace", "shop", "--origin", LoginIdScene.Page, "--json", .. options,
            .. options.Contains("--rp-id") ? Array.Empty<string>() : ["--rp-id", LoginIdScene.RpId],
        ]);
    }

    [Fact]
    public async Task A_client_of_one_organisation_is_none_of_another()
    {
        await using var scene = await LoginIdScene.Start();
        var neighbour = TenantId.Parse("neighbour");
        await scene.Server.Server.Installation.Database.Write(
            db => db.Execute("INSERT INTO tenants (id, created_at) VALUES (@id, 0)", new { id = neighbour.ToString() }), CancellationToken.None);
        await scene.Server.Get<EnsureDefaultApplication>().Run(neighbour, new Uri($"http://localhost:{scene.Server.Origin.Port}"), CancellationToken.None);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var theirs = await scene.Client("management", "shop", key, tenant: neighbour, page: "http://localhost:3001");
        var theirWeb = await scene.Client("directweb", "shop", null, tenant: neighbour, page: "http://localhost:3001");
        scene.Server.Time.Advance(TimeSpan.FromMinutes(1)); // Who knew which host is whose is remembered for a moment.
        var user = await scene.User("ours");
        var code = (await scene.Generate(user, "long"))["code"];

        (await scene.Post("/manage/users/retrieve", new { client_id = theirs, username = "ours" }, scene.Token("users.retrieve", theirs, key)))
            .Code.ShouldBe("unauthorized");
        (await At("/manage/users/retrieve", new { client_id = scene.Management, username = "ours" }, scene.Token("users.retrieve"))).Code.ShouldBe("unauthorized");
        (await At("/manage/users/retrieve", new { client_id = theirs, user_id = user }, scene.Token("users.retrieve", theirs, key))).Code.ShouldBe("user_not_found");
        (await At("/credentials/fido2/init/code", new { client_id = theirWeb, username = "ours", authentication_code = new { code, type = "long" } }))
            .Code.ShouldBe("verification_code_not_found");
        (await At("/credentials/fido2/init/code", new { client_id = scene.Web, username = "ours", authentication_code = new { code, type = "long" } }))
            .Code.ShouldBe("client_not_found");
        (await scene.InitByCode("ours", code, "long")).Status.ShouldBe(200);

        // A token that their key signed and our server would take is none of theirs: the keys of the jwt are the organisation's own.
        var ours = (await scene.Server.Get("/.well-known/jwks.json")).Json!["keys"]![0]!["kid"]!.ToString();
        (await scene.Server.Get($"/certs?kid={ours}")).Text.ShouldStartWith("-----BEGIN PUBLIC KEY-----");
        using var question = new HttpRequestMessage(HttpMethod.Get, $"/certs?kid={ours}");
        question.Headers.Host = $"localhost:{scene.Server.Origin.Port}";
        (await scene.Server.Send(question)).Code.ShouldBe("not_found");

        async Task<Answer> At(string path, object body, string? token = null)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path);
            request.Headers.Host = $"localhost:{scene.Server.Origin.Port}";
            request.Content = new StringContent(System.Text.Json.JsonSerializer.Serialize(body), System.Text.Encoding.UTF8, "application/json");
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token}");
            return await scene.Server.Send(request);
        }
    }

    [Fact]
    public async Task Mangled_bodies_meet_refusals_and_never_a_bug()
    {
        await using var scene = await LoginIdScene.Start();
        var user = await scene.User("mangled");
        using var authenticator = new SoftwareAuthenticator(LoginIdScene.RpId);
        var init = await scene.InitByCode("mangled", (await scene.Generate(user))["code"]);
        var signIn = await scene.Post("/authenticate/fido2/init", new { client_id = scene.Web, username = "mangled" });
        var good = new (string Path, string Body)[]
        {
            ("/credentials/fido2/complete", scene.CompleteBody("mangled", init, authenticator)),
            ("/authenticate/fido2/complete", scene.AssertionBody("mangled", signIn, authenticator)),
            ("/credentials/fido2/init/code", $$$"""{"client_id":"{{{scene.Web}}}","username":"mangled","authentication_code":{"code":"123456","type":"short"},"options":{"display_name":"x"}}"""),
            ("/register/fido2/init", $$$"""{"client_id":"{{{scene.Web}}}","username":"other","options":{"register_session":null}}"""),
        };
        foreach (var (path, body) in good)
        {
            for (var i = 0; i < 250; i++)
            {
                var bytes = System.Text.Encoding.UTF8.GetBytes(body);
                for (var change = RandomNumberGenerator.GetInt32(1, 4); change > 0; change--)
                {
                    bytes[RandomNumberGenerator.GetInt32(bytes.Length)] = (byte)RandomNumberGenerator.GetInt32(256);
                }

                using var request = new HttpRequestMessage(HttpMethod.Post, path);
                request.Content = new ByteArrayContent(RandomNumberGenerator.GetInt32(4) == 0 ? bytes[..RandomNumberGenerator.GetInt32(bytes.Length)] : bytes);
                request.Content.Headers.ContentType = new("application/json");
                (await scene.Server.Send(request)).Status.ShouldBeLessThan(500);
            }
        }
    }
}
