using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Server.Dialects.LoginId;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>Service tokens: one valid call, one thing changed, refused; and what comes along where none is asked for is not looked at.</summary>
public sealed class LoginIdServiceTokenTests : IAsyncLifetime
{
    private const string Vector =
        "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJjbGllbnRfaWQiOiJtZ210LWNsaWVudC1pZCIsInR5cGUiOiJjb2Rlcy5nZW5lcmF0ZSIsIm5vbmNlIjoiSEhzMkgyaEd6UXF0eWd4YiIsImlhdCI6MTc5NTIzMDIxN30.XVVb4rOHJT58lz6FrzephRZOcqv7iij4sJzAihJ3k8ItUAtJ7CToIXLpRZ6bRzFG7D6EuG11TcGmfav4BCGjnw";

    private LoginIdScene _scene = null!;

    public async ValueTask InitializeAsync() => _scene = await LoginIdScene.Start();

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Fact]
    public void The_vector_of_the_contract_verifies_and_no_other_text_does()
    {
        var scalar = Enumerable.Repeat((byte)0x11, 32).ToArray();
        using var ecdsa = ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = scalar });
        var key = SigningPublicKey.Parse(ecdsa.ExportSubjectPublicKeyInfoPem())!;
        var token = ServiceToken.Parse(Vector)!;
        (token.ClientId, token.Scope, token.Nonce, token.IssuedAt.ToUnixTimeSeconds())
            .ShouldBe(("mgmt-client-id", "codes.generate", "HHs2H2hGzQqtygxb", 1795230217));
        token.IsSignedBy(key).ShouldBeTrue();
        for (var i = 0; i < Vector.Length; i++)
        {
            var changed = Vector[..i] + (Vector[i] == 'A' ? 'B' : 'A') + Vector[(i + 1)..];
            (ServiceToken.Parse(changed)?.IsSignedBy(key) ?? false).ShouldBe(false, $"character {i}");
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("a.b.c")]
    [InlineData("....")]
    [InlineData("eyJhbGciOiJub25lIn0.e30.")]
    public void What_is_no_token_is_none(string text) => ServiceToken.Parse(text).ShouldBeNull();

    [Fact]
    public async Task A_token_of_the_later_documentation_does_as_well()
    {
        await _scene.User("scoped");
        var token = _scene.Token("users.retrieve", change: c => { c.Remove("type"); c["scope"] = "users.retrieve"; });
        (await Retrieve("scoped", token)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task The_client_of_the_token_may_be_named_elsewhere()
    {
        await _scene.User("named");
        var nameless = _scene.Token("users.retrieve", change: c => c.Remove("client_id"));
        (await Retrieve("named", nameless)).Status.ShouldBe(200);
        foreach (var header in new[] { "X-Client-ID", "X-API-Key" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/manage/users/retrieve");
            request.Content = new StringContent("""{"username":"named"}""", System.Text.Encoding.UTF8, "application/json");
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {_scene.Token("users.retrieve", change: c => c.Remove("client_id"))}");
            request.Headers.TryAddWithoutValidation(header, _scene.Management);
            (await _scene.Server.Send(request)).Status.ShouldBe(200, header);
        }
    }

    [Fact]
    public async Task One_thing_changed_is_unauthorized()
    {
        var user = await _scene.User("target");
        using var stranger = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var otherKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var other = await _scene.Client("management", "elsewhere", otherKey);
        var now = _scene.Server.Time.GetUtcNow().ToUnixTimeSeconds();
        var wrong = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["no token"] = "",
            ["no JWS"] = "abc",
            ["another key"] = _scene.Token("users.retrieve", key: stranger),
            ["another client"] = _scene.Token("users.retrieve", client: other),
            ["another client's key"] = _scene.Token("users.retrieve", key: otherKey),
            ["another client and its key"] = _scene.Token("users.retrieve", client: other, key: otherKey),
            ["a client that there is not"] = _scene.Token("users.retrieve", client: "management-none"),
            ["too old"] = _scene.Token("users.retrieve", change: c => c["iat"] = now - 300),
            ["ahead"] = _scene.Token("users.retrieve", change: c => c["iat"] = now + 62),
            ["no time"] = _scene.Token("users.retrieve", change: c => c.Remove("iat")),
            ["time as text"] = _scene.Token("users.retrieve", change: c => c["iat"] = $"{now}"),
            ["a time beyond time"] = _scene.Token("users.retrieve", change: c => c["iat"] = long.MaxValue),
            ["no nonce"] = _scene.Token("users.retrieve", change: c => c.Remove("nonce")),
            ["empty nonce"] = _scene.Token("users.retrieve", change: c => c["nonce"] = ""),
            ["no scope"] = _scene.Token("users.retrieve", change: c => c.Remove("type")),
            ["two scopes"] = _scene.Token("users.retrieve", change: c => c["scope"] = "users.delete"),
            ["another user"] = _scene.Token("users.retrieve", change: c => c["username"] = "somebody"),
            ["another user's id"] = _scene.Token("users.retrieve", change: c => c["user_id"] = "11111111-1111-4111-8111-111111111111"),
            ["no algorithm"] = LoginIdScene.Sign(_scene.Key, """{"typ":"JWT"}""", Claims()),
            ["algorithm none"] = LoginIdScene.Sign(_scene.Key, """{"alg":"none"}""", Claims()),
            ["another algorithm"] = LoginIdScene.Sign(_scene.Key, """{"alg":"HS256"}""", Claims()),
            ["an extension"] = LoginIdScene.Sign(_scene.Key, """{"alg":"ES256","crit":["exp"]}""", Claims()),
            ["no object"] = LoginIdScene.Sign(_scene.Key, """{"alg":"ES256"}""", "[]"),
            ["a claim twice"] = LoginIdScene.Sign(_scene.Key, """{"alg":"ES256"}""", Claims().Replace("{", """{"nonce":"x",""", StringComparison.Ordinal)),
            ["a DER signature"] = Der(),
        };
        foreach (var (what, token) in wrong)
        {
            var answer = await Retrieve("target", token);
            (answer.Status, answer.Code).ShouldBe((401, "unauthorized"), what);
            answer.Text.ShouldNotContain(user);
        }

        (await Retrieve("target", _scene.Token("users.retrieve", change: c => c["iat"] = now + 59))).Status.ShouldBe(200);
        (await Retrieve("target", _scene.Token("users.retrieve", change: c => c["iat"] = now - 290))).Status.ShouldBe(200);
        (await Retrieve("target", _scene.Token("users.retrieve", change: c => { c["username"] = "target"; c["user_id"] = "ignored"; }))).Status.ShouldBe(200);

        string Claims() => new JsonObject
        {
            ["client_id"] = _scene.Management, ["type"] = "users.retrieve", ["nonce"] = "n", ["iat"] = now,
        }.ToJsonString();

        string Der()
        {
            var parts = _scene.Token("users.retrieve").Split('.');
            var signature = _scene.Key.SignData(
                System.Text.Encoding.ASCII.GetBytes($"{parts[0]}.{parts[1]}"), HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
            return $"{parts[0]}.{parts[1]}.{Base64Url.EncodeToString(signature)}";
        }
    }

    [Fact]
    public async Task A_nonce_counts_once_also_for_a_hundred_at_once()
    {
        await _scene.User("once");
        var token = _scene.Token("users.retrieve");
        var answers = await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => Retrieve("once", token)));
        answers.Count(a => a.Status == 200).ShouldBe(1);
        answers.Where(a => a.Status != 200).ShouldAllBe(a => a.Code == "unauthorized");

        // The nonce is the client's own: another client may use the same text.
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var other = await _scene.Client("management", "shop", key);
        var sameNonce = ServiceToken.Parse(token)!.Nonce;
        var theirs = _scene.Token("users.retrieve", client: other, key: key, change: c => c["nonce"] = sameNonce);
        (await _scene.Post("/manage/users/retrieve", new { client_id = other, username = "once" }, theirs)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_scope_selects_among_the_grants_and_grants_nothing()
    {
        await _scene.User("narrow");
        var wrong = await Retrieve("narrow", _scene.Token("users.delete"));
        (wrong.Status, wrong.Code).ShouldBe((403, "operation_not_allowed"));
        (await Retrieve("narrow", _scene.Token("users.everything"))).Code.ShouldBe("operation_not_allowed");

        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var reader = await _scene.Client("management", "shop", key, ["account:read"]);
        (await _scene.Post("/manage/users/retrieve", new { client_id = reader, username = "narrow" }, _scene.Token("users.retrieve", reader, key))).Status.ShouldBe(200);
        var forbidden = await _scene.Post("/manage/users/delete", new { client_id = reader, username = "narrow" }, _scene.Token("users.delete", reader, key));
        (forbidden.Status, forbidden.Code).ShouldBe((403, "operation_not_allowed"));
        (await _scene.Post(
            "/codes/short/generate", new { client_id = reader, username = "narrow", purpose = "add_credential", authorize = true },
            _scene.Token("codes.generate", reader, key))).Code.ShouldBe("operation_not_allowed");
    }

    [Fact]
    public async Task The_ceiling_of_the_client_holds()
    {
        var chief = await _scene.Server.Account("chief@example.com", "chief", "admin");
        var answer = await _scene.Generate(chief);
        (answer.Status, answer.Code).ShouldBe((403, "operation_not_allowed"));
        (await _scene.Vouched("credentials.force_add", "/credentials/fido2/init/force", new { client_id = _scene.Management, user_id = chief }))
            .Code.ShouldBe("operation_not_allowed");
        (await _scene.Vouched("users.delete", "/manage/users/delete", new { client_id = _scene.Management, user_id = chief }))
            .Code.ShouldBe("operation_not_allowed");
    }

    [Fact]
    public async Task Every_call_of_a_backend_needs_a_token()
    {
        var user = await _scene.User("guarded");
        var calls = new (string Method, string Path)[]
        {
            ("POST", "/manage/users"), ("POST", "/manage/users/retrieve"), ("POST", "/manage/users/delete"), ("DELETE", $"/manage/users/{user}"),
            ("PUT", $"/manage/users/{user}/activate"), ("PUT", $"/manage/users/{user}/deactivate"),
            ("POST", $"/manage/users/{user}/email-verification/dispatch"), ("POST", "/codes/short/generate"), ("POST", "/codes/short/authorize"),
            ("POST", "/codes/short/invalidate-all"), ("POST", "/credentials/fido2/init/force"), ("GET", $"/credentials?user_id={user}"),
            ("POST", "/credentials/list"), ("POST", "/credentials/rename"), ("POST", "/credentials/revoke"), ("POST", "/credentials/recovery-code"),
            ("POST", "/credentials/publickey"), ("POST", "/credentials/authid/init"), ("POST", "/credentials/authid/evaluate"),
            ("POST", "/credentials/authid/complete"),
        };
        foreach (var (method, path) in calls)
        {
            foreach (var mount in new[] { "", "/api/native" })
            {
                var body = method is "POST" ? new { client_id = _scene.Management, user_id = user, purpose = "add_credential" } : null;
                var answer = await _scene.Server.Send(method, mount + path, body);
                (answer.Status, answer.Code).ShouldBe((401, "unauthorized"), $"{method} {mount}{path}: {answer.Text}");

                // A key of ours is none of theirs.
                (await _scene.Server.Send(method, mount + path, body, _scene.Server.AdminToken)).Code.ShouldBe("unauthorized");
            }
        }
    }

    [Fact]
    public async Task A_stale_token_is_not_looked_at_where_none_is_asked_for()
    {
        await _scene.User("sticky");
        var used = _scene.Token("users.retrieve");
        (await Retrieve("sticky", used)).Status.ShouldBe(200);
        var kid = "none";
        foreach (var stale in new[] { used, "garbage", _scene.Token("users.delete") })
        {
            (await _scene.Post("/authenticate/fido2/init", new { client_id = _scene.Web, username = "sticky" }, stale)).Status.ShouldBe(200);
            (await _scene.Post("/register/fido2/init", new { client_id = _scene.Web, username = "fresh" }, stale)).Status.ShouldBe(200);
            (await _scene.Server.Get($"/certs?kid={kid}", stale)).Code.ShouldBe("not_found");
            (await _scene.InitByCode("sticky", "000000", token: stale)).Code.ShouldBe("verification_code_not_found");
        }

        // Its nonce was not spent by that.
        var unspent = _scene.Token("users.retrieve");
        await _scene.Post("/authenticate/fido2/init", new { client_id = _scene.Web, username = "sticky" }, unspent);
        (await Retrieve("sticky", unspent)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_client_with_a_key_needs_a_token_for_what_begins_something()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var web = await _scene.Client("directweb", "shop", key);
        foreach (var (path, scope) in new[]
        {
            ("/register/fido2/init", "auth.register"), ("/authenticate/fido2/init", "auth.login"), ("/codes/short/generate/fido2/init", "auth.login"),
            ("/authenticate/publickey/init", "auth.login"),
        })
        {
            var name = path.Contains("register", StringComparison.Ordinal) ? "new-one" : "somebody";
            object body = new { client_id = web, username = name, purpose = "add_credential" };
            (await _scene.Post(path, body)).Code.ShouldBe("unauthorized", path);
            var answer = await _scene.Post(path, body, _scene.Token(scope, web, key));
            answer.Status.ShouldBe(name == "new-one" ? 200 : 404, path);
            (await _scene.Post(path, body, _scene.Token("users.retrieve", web, key))).Code.ShouldBe("operation_not_allowed", path);
            (await _scene.Post(path, body, _scene.Token(scope, web, key, c => c["username"] = "another"))).Code.ShouldBe("unauthorized", path);
        }
    }

    private Task<Answer> Retrieve(string username, string token) =>
        _scene.Post("/manage/users/retrieve", new { client_id = _scene.Management, username }, token);
}
