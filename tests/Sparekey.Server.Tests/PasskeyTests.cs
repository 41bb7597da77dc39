using System.Buffers.Text;
using System.Text.Json.Nodes;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>A recovery that ends in a passkey, and signing in with it, as a browser's page would do both.</summary>
public sealed class PasskeyTests : IAsyncLifetime
{
    private const string RpId = "localhost";

    private RunningServer _server = null!;
    private string _origin = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.Start();
        _origin = $"http://localhost:{_server.Origin.Port}";
        var application = (await _server.Get("/v1/applications", _server.AdminToken)).Json!["applications"]![0]!["id"]!.ToString();
        (await _server.Send("PATCH", $"/v1/applications/{application}", new { origins = new[] { _origin }, rp_id = RpId }, _server.AdminToken))
            .Status.ShouldBe(200);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_person_recovers_with_a_passkey_and_signs_in_with_it()
    {
        var account = await _server.Account("key@example.com", password: "an initial password of a person");
        var session = (await _server.Post("/v1/sessions", new { identifier = "key@example.com", password = "an initial password of a person" }))["session_token"];
        using var authenticator = new SoftwareAuthenticator(RpId) { Counter = 1 };
        var redemption = await _server.RedeemLink(await _server.Recover("key@example.com", "link"));
        (await _server.Get("/v1/redemption", redemption)).Json!["allowed"]!.ToJsonString().ShouldBe("[\"password\",\"passkey\"]");

        var options = await _server.Send("POST", "/v1/redemption/passkey/options", null, redemption);
        options.Status.ShouldBe(200, options.Text);
        options.Json!.AsObject().Select(m => m.Key).ShouldBe(["public_key"]);
        var asked = options.Json!["public_key"]!;
        asked["rp"]!["id"]!.ToString().ShouldBe(RpId);
        asked["pubKeyCredParams"]!.AsArray().Select(p => (int)p!["alg"]!).ShouldBe([-7, -8, -257]);
        asked["authenticatorSelection"]!["userVerification"]!.ToString().ShouldBe("required");
        var done = await _server.Post(
            "/v1/redemption/passkey", new { credential = Made(authenticator, options), name = "blue key" }, redemption);
        done.Status.ShouldBe(200, done.Text);
        done["state"].ShouldBe("completed");
        done["proof"].Split('.').Length.ShouldBe(3);
        done.Json!["signal"]!.ToJsonString().ShouldBe(
            $"{{\"rpId\":\"localhost\",\"userId\":\"{asked["user"]!["id"]}\",\"allAcceptedCredentialIds\":[\"{Base64Url.EncodeToString(authenticator.CredentialId)}\"]}}");

        (await _server.Get("/v1/sessions/current", session)).Code.ShouldBe("session_invalid");
        var signedIn = await SignIn(authenticator, asked["user"]!["id"]!.ToString());
        signedIn.Status.ShouldBe(201, signedIn.Text);
        signedIn["account_id"].ShouldBe(account);
        signedIn.Json!["amr"]!.ToJsonString().ShouldBe("[\"pop\",\"user\"]");
        (await _server.Get("/v1/sessions/current", signedIn["session_token"])).Status.ShouldBe(200);

        var listed = (await _server.Get($"/v1/accounts/{account}/credentials", _server.AdminToken)).Json!["items"]!.AsArray()
            .Single(c => c!["kind"]!.ToString() == "passkey")!;
        (listed["name"]!.ToString(), listed["recovery_id"]!.ToString()).ShouldBe(("blue key", done["recovery_id"]));
        listed.ToJsonString().ShouldNotContain("public_key");
        var added = await Ledgered(done["recovery_id"], "credential_added");
        (added["account"]!.ToString(), added["facts"]!["credential"]!.ToString(), added["facts"]!["attestation"]!.ToString())
            .ShouldBe((account, listed["id"]!.ToString(), "none"));
    }

    [Fact]
    public async Task T6_A_failed_ceremony_burns_nothing()
    {
        await _server.Account("again@example.com");
        using var authenticator = new SoftwareAuthenticator(RpId);
        var redemption = await _server.RedeemLink(await _server.Recover("again@example.com", "link"));
        var options = await _server.Send("POST", "/v1/redemption/passkey/options", null, redemption);
        var good = Made(authenticator, options);
        foreach (var broken in new[]
        {
            Changed(good, "clientDataJSON", Encoded(SoftwareAuthenticator.ClientData("webauthn.create", Challenge(options), "https://evil.example"))),
            Changed(good, "clientDataJSON", Encoded(SoftwareAuthenticator.ClientData("webauthn.create", new byte[32], _origin))),
            Changed(good, "clientDataJSON", "no base64!"),
            Changed(good, "attestationObject", "AAAA"),
            Changed(good, "attestationObject", ""),
        })
        {
            var refused = await _server.Post("/v1/redemption/passkey", new JsonObject { ["credential"] = broken }.ToJsonString(), redemption);
            (refused.Status, refused.Code).ShouldBe((422, "passkey_refused"), broken.ToJsonString());
        }

        foreach (var malformed in new[] { "{}", "[]", "null", "{\"type\":\"public-key\"}", "{\"type\":\"password\",\"id\":\"AA\",\"response\":{}}" })
        {
            (await _server.Post("/v1/redemption/passkey", $"{{\"credential\":{malformed}}}", redemption)).Code.ShouldBe("invalid_request");
        }

        (await _server.Post("/v1/redemption/passkey", new { credential = good, name = new string('x', 65) }, redemption)).Code.ShouldBe("invalid_request");

        (await _server.Post("/v1/redemption/passkey", new { credential = good }, redemption)).Status.ShouldBe(200);
        (await _server.Post("/v1/redemption/passkey", new { credential = good }, redemption)).Code.ShouldBe("redemption_invalid");
    }

    [Fact]
    public async Task A_ceremony_is_for_its_own_redemption_and_time()
    {
        await _server.Account("mine@example.com");
        await _server.Account("yours@example.com");
        using var authenticator = new SoftwareAuthenticator(RpId);
        var mine = await _server.RedeemLink(await _server.Recover("mine@example.com", "link"));
        var yours = await _server.RedeemLink(await _server.Recover("yours@example.com", "link"));
        var options = await _server.Send("POST", "/v1/redemption/passkey/options", null, mine);
        (await _server.Post("/v1/redemption/passkey", new { credential = Made(authenticator, options) }, yours)).Code.ShouldBe("passkey_refused");
        _server.Time.Advance(TimeSpan.FromMinutes(5));
        (await _server.Post("/v1/redemption/passkey", new { credential = Made(authenticator, options) }, mine)).Code.ShouldBe("passkey_refused");
        options = await _server.Send("POST", "/v1/redemption/passkey/options", null, mine);
        (await _server.Post("/v1/redemption/passkey", new { credential = Made(authenticator, options) }, mine)).Status.ShouldBe(200);

        // Its id is somebody's now.
        options = await _server.Send("POST", "/v1/redemption/passkey/options", null, yours);
        (await _server.Post("/v1/redemption/passkey", new { credential = Made(authenticator, options) }, yours)).Code.ShouldBe("passkey_refused");
    }

    [Fact]
    public async Task A_hundred_at_once_bind_one_passkey()
    {
        var account = await _server.Account("race@example.com");
        var redemption = await _server.RedeemLink(await _server.Recover("race@example.com", "link"));
        var authenticators = Enumerable.Range(0, 100).Select(_ => new SoftwareAuthenticator(RpId)).ToList();
        var credentials = new List<JsonObject>();
        foreach (var authenticator in authenticators)
        {
            credentials.Add(Made(authenticator, await _server.Send("POST", "/v1/redemption/passkey/options", null, redemption)));
        }

        var answers = await Task.WhenAll(credentials.Select(c => _server.Post("/v1/redemption/passkey", new { credential = c }, redemption)));
        answers.Count(a => a.Status == 200).ShouldBe(1);
        answers.Where(a => a.Status != 200).ShouldAllBe(a => a.Code == "redemption_invalid");
        (await _server.Get($"/v1/accounts/{account}/credentials", _server.AdminToken)).Json!["items"]!.AsArray().Count.ShouldBe(1);
        authenticators.ForEach(a => a.Dispose());
    }

    [Fact]
    public async Task Every_failed_sign_in_looks_the_same_and_a_challenge_is_used_once()
    {
        var account = await _server.Account("sign@example.com");
        using var authenticator = new SoftwareAuthenticator(RpId);
        using var stranger = new SoftwareAuthenticator(RpId);
        var redemption = await _server.RedeemLink(await _server.Recover("sign@example.com", "link"));
        var options = await _server.Send("POST", "/v1/redemption/passkey/options", null, redemption);
        var user = options.Json!["public_key"]!["user"]!["id"]!.ToString();
        (await _server.Post("/v1/redemption/passkey", new { credential = Made(authenticator, options) }, redemption)).Status.ShouldBe(200);

        var asked = await _server.Send("POST", "/v1/sessions/passkey/options", null);
        asked.Json!.AsObject().Select(m => m.Key).ShouldBe(["public_key"]);
        asked.Json!["public_key"]!["allowCredentials"]!.AsArray().ShouldBeEmpty();
        var good = Proved(authenticator, asked, user);
        foreach (var wrong in new[]
        {
            Proved(stranger, asked, user),
            Changed(good, "signature", Encoded("no signature")),
            Changed(good, "userHandle", Base64Url.EncodeToString(new byte[16])),
            Changed(good, "authenticatorData", Base64Url.EncodeToString(authenticator.AuthenticatorData(0x01))),
            Changed(good, "clientDataJSON", Encoded(SoftwareAuthenticator.ClientData("webauthn.get", new byte[32], _origin))),
            Proved(authenticator, options, user),
        })
        {
            var refused = await _server.Post("/v1/sessions/passkey", new { credential = wrong });
            (refused.Status, refused.Code).ShouldBe((401, "sign_in_failed"), wrong.ToJsonString());
        }

        (await _server.Post("/v1/sessions/passkey", new { credential = good })).Status.ShouldBe(201);
        (await _server.Post("/v1/sessions/passkey", new { credential = good })).Code.ShouldBe("sign_in_failed");

        (await _server.Send("PATCH", $"/v1/accounts/{account}", new { status = "disabled" }, _server.AdminToken)).Status.ShouldBe(200);
        (await SignIn(authenticator, user)).Code.ShouldBe("sign_in_failed");
    }

    [Fact]
    public async Task Old_passkeys_go_where_the_recovery_says_so()
    {
        var account = await _server.Account("old@example.com");
        using var old = new SoftwareAuthenticator(RpId);
        using var next = new SoftwareAuthenticator(RpId);
        await Bind(old, ["sessions"]);
        var redemption = await _server.RedeemLink(await _server.Recover("old@example.com", "link"));
        var options = await _server.Send("POST", "/v1/redemption/passkey/options", null, redemption);
        options.Json!["public_key"]!["excludeCredentials"]!.AsArray().Single()!["id"]!.ToString().ShouldBe(Base64Url.EncodeToString(old.CredentialId));
        await Bind(next, ["sessions", "passkeys"]);
        var user = options.Json!["public_key"]!["user"]!["id"]!.ToString();
        (await SignIn(old, user)).Code.ShouldBe("sign_in_failed");
        (await SignIn(next, user)).Status.ShouldBe(201);
        (await _server.Get($"/v1/accounts/{account}/credentials", _server.AdminToken)).Json!["items"]!.AsArray().Count.ShouldBe(1);

        async Task Bind(SoftwareAuthenticator authenticator, string[] revoke)
        {
            var opened = await _server.Post("/v1/recoveries", new { account = new { email = "old@example.com" }, means = "link", revoke }, _server.AdminToken);
            var token = await _server.RedeemLink(opened);
            var asked = await _server.Send("POST", "/v1/redemption/passkey/options", null, token);
            (await _server.Post("/v1/redemption/passkey", new { credential = Made(authenticator, asked) }, token)).Status.ShouldBe(200);
        }
    }

    [Fact]
    public async Task Without_a_relying_party_passkeys_are_not_available()
    {
        await using var server = await RunningServer.Start();
        await server.Account("none@example.com");
        var redemption = await server.RedeemLink(await server.Recover("none@example.com", "link"));
        (await server.Send("POST", "/v1/redemption/passkey/options", null, redemption)).Code.ShouldBe("means_not_available");
        (await server.Send("POST", "/v1/sessions/passkey/options", null)).Code.ShouldBe("means_not_available");
        (await server.Send("POST", "/v1/redemption/passkey/options", null, redemption + "x")).Code.ShouldBe("redemption_invalid");
        (await server.Get("/v1/redemption", redemption)).Json!["allowed"]!.ToJsonString().ShouldBe("[\"password\"]");
    }

    private async Task<Answer> SignIn(SoftwareAuthenticator authenticator, string user) => await _server.Post(
        "/v1/sessions/passkey", new { credential = Proved(authenticator, await _server.Send("POST", "/v1/sessions/passkey/options", null), user) });

    // Entries get their place a moment after the act.
    private async Task<JsonNode> Ledgered(string recovery, string happened)
    {
        for (var left = 100; left > 0; left--)
        {
            _server.Time.Advance(TimeSpan.Zero);
            var entries = (await _server.Get($"/v1/ledger?recovery={recovery}", _server.AdminToken)).Json!["entries"]!.AsArray();
            if (entries.FirstOrDefault(e => e!["entry"]!["event"]!.ToString() == happened) is { } entry)
            {
                return entry["entry"]!;
            }

            await Task.Delay(50);
        }

        throw new TimeoutException($"{happened} did not come.");
    }

    private static byte[] Challenge(Answer options) => PageOfBrowser.Challenge(options.Json!);

    private static string Encoded(string text) => Base64Url.EncodeToString(System.Text.Encoding.UTF8.GetBytes(text));

    private JsonObject Made(SoftwareAuthenticator authenticator, Answer options) => new PageOfBrowser(_origin).Made(authenticator, options.Json!);

    private JsonObject Proved(SoftwareAuthenticator authenticator, Answer options, string user) =>
        new PageOfBrowser(_origin).Proved(authenticator, options.Json!, user);

    private static JsonObject Changed(JsonObject credential, string member, string value) =>
        PageOfBrowser.Changed(credential, member, value);
}
