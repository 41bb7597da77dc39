using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>What a backend forces waits for what policy demands, and is collected by the same call.</summary>
public sealed class LoginIdForceTests : IAsyncLifetime
{
    private LoginIdScene _scene = null!;
    private LoginIdClients _clients = null!;
    private string _approver = null!;

    public async ValueTask InitializeAsync()
    {
        _scene = await LoginIdScene.Start();
        _clients = await LoginIdClients.Start();
        var person = await _scene.Server.Account("approver@example.com", role: "admin");
        _approver = await _scene.Server.TokenOf(
            person, "approver", ["recovery:read", "recovery:evidence", "recovery:approve", "recovery:confirm"]);
    }

    public async ValueTask DisposeAsync()
    {
        await _clients.DisposeAsync();
        await _scene.DisposeAsync();
    }

    [Theory]
    [InlineData("")]
    [InlineData("/api/native")]
    public async Task Init_force_is_pending_then_approved_then_works_with_the_vendors_clients(string mount)
    {
        var at = _scene.Server.Origin.GetLeftPart(UriPartial.Authority) + mount;
        await Web("phone", "registerWithFido2", "jane");
        var user = (await Node("getUserId", "jane"))!.ToString();
        await _clients.Forget("phone");

        var pending = await Should.ThrowAsync<LoginIdClientException>(() => Node("initAddCredentialWithoutCode", user));
        pending.Code.ShouldBe("operation_not_allowed");
        var recovery = (await _scene.Server.Get("/v1/recoveries?state=pending", _approver)).Json!["recoveries"]!.AsArray().Single()!;
        recovery["means"]!.ToString().ShouldBe("force");
        pending.Said.ShouldContain(recovery["id"]!.ToString());
        (await Should.ThrowAsync<LoginIdClientException>(() => Node("initAddCredentialWithoutCode", user))).Said.ShouldContain(recovery["id"]!.ToString());

        await Approve(recovery);
        var payload = (await Node("initAddCredentialWithoutCode", user))!["attestation_payload"]!;
        using var authenticator = new SoftwareAuthenticator(LoginIdScene.RpId);
        var init = new Answer(200, new JsonObject { ["attestation_payload"] = payload.DeepClone() }, "", null!);
        var done = await _scene.Server.Post(mount + "/credentials/fido2/complete", _scene.CompleteBody("jane", init, authenticator));
        done.Status.ShouldBe(200, done.Text);
        done["jwt"].Split('.').Length.ShouldBe(3);
        (await _scene.SignIn("jane", authenticator)).Status.ShouldBe(200);

        // It was collected: the next call begins anew.
        (await Should.ThrowAsync<LoginIdClientException>(() => Node("initAddCredentialWithoutCode", user))).Said.ShouldNotContain(recovery["id"]!.ToString());

        Task<JsonNode?> Node(string method, params object?[] args) => _clients.Node(at, _scene.Management, _scene.PrivateKey, method, args);
        Task<JsonNode?> Web(string device, string method, params object?[] args) => _clients.Web(at, _scene.Web, LoginIdScene.Page, device, method, args);
    }

    [Fact]
    public async Task A_code_waits_where_policy_demands_it_and_its_time_begins_when_it_is_collected()
    {
        var policy = (await _scene.Server.Get("/v1/policy", _scene.Server.AdminToken)).Json!;
        var document = policy.DeepClone().AsObject();
        document["rules"]!.AsArray().Add(JsonNode.Parse("""{"name":"codes","when":{"means":["code"]},"require":{"approvals":1,"wait":"1h","reason":true}}"""));
        document["version"] = policy["version"]!.GetValue<int>();
        var set = await _scene.Server.Put("/v1/policy", document.ToJsonString(), _scene.Server.AdminToken);
        set.Status.ShouldBe(200, set.Text);

        var user = await _scene.User("waits");
        (await _scene.Generate(user)).Code.ShouldBe("missing_parameter");
        var pending = await Generate();
        (pending.Status, pending.Code).ShouldBe((403, "operation_not_allowed"));
        var id = pending.Headers.GetValues("Sparekey-Recovery").Single();
        pending["message"].ShouldContain(id);
        (await _scene.Server.Post($"/v1/recoveries/{id}/approvals", new { digest = await Digest(id) }, _approver)).Status.ShouldBe(200);
        var cooling = await Generate();
        cooling["message"].ShouldContain(id);
        cooling["message"].ShouldContain("Not before 2");
        _scene.Server.Time.Advance(TimeSpan.FromHours(1));
        var made = await Generate();
        made.Status.ShouldBe(200, made.Text);
        made["expires_at"].ShouldBe(
            (_scene.Server.Time.GetUtcNow() + TimeSpan.FromMinutes(3)).UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", System.Globalization.CultureInfo.InvariantCulture));

        // Signing in with a code is no way around it.
        var around = await _scene.Vouched(
            "codes.generate", "/codes/short/generate",
            new { client_id = _scene.Management, user_id = user, purpose = "temporary_authentication", authorize = true, reason = new { code = "lost" } });
        (around.Status, around.Code).ShouldBe((403, "operation_not_allowed"));

        Task<Answer> Generate() => _scene.Vouched(
            "codes.generate", "/codes/short/generate",
            new { client_id = _scene.Management, user_id = user, purpose = "add_credential", authorize = true, reason = new { code = "lost" } });
    }

    [Fact]
    public async Task A_key_that_a_backend_vouches_for_is_forced_and_signs_in()
    {
        var user = await _scene.User("device");
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var another = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        (await Add(key)).Code.ShouldBe("operation_not_allowed");
        await Approve((await _scene.Server.Get("/v1/recoveries?state=pending", _approver)).Json!["recoveries"]!.AsArray().Single()!);

        // What was approved for one key is not collected with another.
        (await Add(another)).Code.ShouldBe("operation_not_allowed");
        var added = await Add(key);
        added.Status.ShouldBe(200, added.Text);
        added["user"].ShouldContain(user);

        var init = await _scene.Post("/authenticate/publickey/init", new { client_id = _scene.Web, username = "device" });
        init.Status.ShouldBe(200, init.Text);
        var decoy = await _scene.Post("/authenticate/publickey/init", new { client_id = _scene.Web, username = "nobody" });
        decoy.Json!.AsObject().Select(m => (m.Key, m.Value!.ToString().Length)).ShouldBe(init.Json!.AsObject().Select(m => (m.Key, m.Value!.ToString().Length)));
        (await Complete(init, another)).Code.ShouldBe("invalid_credential");
        (await Complete(decoy, key)).Code.ShouldBe("invalid_credential");
        (await Complete(init, key, nonce: "another")).Code.ShouldBe("invalid_credential");
        var done = await Complete(init, key);
        done.Status.ShouldBe(200, done.Text);
        done["jwt"].ShouldNotBeEmpty();
        (await Complete(init, key)).Code.ShouldBe("invalid_credential");

        Task<Answer> Add(ECDsa which) => _scene.Vouched(
            "credentials.force_add", "/credentials/publickey",
            new { client_id = _scene.Management, username = "device", publickey = which.ExportSubjectPublicKeyInfoPem(), publickey_alg = "ES256" });

        Task<Answer> Complete(Answer begun, ECDsa with, string? nonce = null) => _scene.Post("/authenticate/publickey/complete", new
        {
            client_id = _scene.Web, username = "device", challenge_id = begun["challenge_id"],
            assertion = LoginIdScene.Sign(with, """{"alg":"ES256","typ":"JWT"}""", new JsonObject { ["server_nonce"] = nonce ?? begun["server_nonce"] }.ToJsonString()),
        });
    }

    private async Task Approve(JsonNode recovery)
    {
        var (id, digest) = (recovery["id"]!.ToString(), recovery["digest"]!.ToString());
        (await _scene.Server.Post($"/v1/recoveries/{id}/evidence", new { digest, kind = "passport" }, _approver)).Status.ShouldBe(200);
        (await _scene.Server.Post($"/v1/recoveries/{id}/approvals", new { digest }, _approver)).Status.ShouldBe(200);
    }

    private async Task<string> Digest(string id) => (await _scene.Server.Get($"/v1/recoveries/{id}", _approver))["digest"];
}
