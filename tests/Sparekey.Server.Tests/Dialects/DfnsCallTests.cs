using System.Buffers.Text;
using System.Text;
using System.Text.Json.Nodes;
using Sparekey.Testing;
using static Sparekey.Server.Tests.Dialects.DfnsScene;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>Who may call what in Dfns's protocol: tokens, signatures of calls, nonces, permissions, strangers.</summary>
public sealed class DfnsCallTests(DfnsFixture fixture) : IClassFixture<DfnsFixture>
{
    private readonly RunningServer _server = fixture.Server;
    private readonly DfnsScene _scene = fixture.Scene;
    private readonly string _email = fixture.NewPerson();

    [Fact]
    public async Task A_signature_is_good_for_one_call_of_one_caller_with_one_body()
    {
        await _scene.Register(Passkey(_email), _email);
        const string path = "/auth/login/delegated";
        var body = $$"""{"username":"{{_email}}"}""";

        Refused(await Call("POST", path, body, null), 403, "user action signature is missing or invalid");
        Refused(await Call("POST", path, body, "x"), 403, "user action signature is missing or invalid");
        Refused(await Call("POST", path, body, _scene.Programme["token"]!.ToString()), 403, "user action signature is missing or invalid");
        Refused(await Call("POST", path, body, await Sign("PUT", path, body)), 403, "user action signature is missing or invalid");
        Refused(await Call("POST", path, body, await Sign("POST", "/auth/recover/user/delegated", body)), 403, "user action signature is missing or invalid");
        Refused(await Call("POST", path, body, await Sign("POST", path, """{"username":"another@example.com"}""")), 403, "user action signature is missing or invalid");

        // The same JSON in other words, and a query, are the same call.
        var signed = await Sign("POST", path + "?x=1", body);
        (await Call("POST", path + "?y=2", $$"""{ "username" : "{{_email}}" }""", signed)).Status.ShouldBe(200);
        Refused(await Call("POST", path, body, signed), 400, "user action has already been used");

        // Whoever has another service account's signature has nothing.
        await using var local = _server.Local();
        var (thief, _) = await ServiceAccount(local, "thief of " + _email, FirstPermissions);
        Refused(await Call("POST", path, body, await Sign("POST", path, body), thief["token"]!.ToString()), 403, "user action signature is missing or invalid");
    }

    [Fact]
    public async Task A_challenge_is_signed_once_by_the_key_of_its_caller()
    {
        var begun = await Begin("POST", "/auth/login/delegated", "{}");
        begun["allowCredentials"]!["key"]![0]!["id"]!.ToString().ShouldBe(_scene.Programme["cred_id"]!.ToString());
        var identifier = begun["challengeIdentifier"]!.ToString();
        var factor = await _scene.Node.Call(new { op = "sign", signer = Key(), challenge = begun });

        var forged = (JsonObject)factor!.DeepClone();
        forged["credentialAssertion"]!["signature"] = Base64Url.EncodeToString(new byte[70]);
        Refused(await Prove(identifier, forged), 401, "Not Authorized.");
        Refused(await Prove("x", factor), 400, "Challenge token is not valid.");
        var other = await Begin("POST", "/auth/login/delegated", "{}");
        Refused(await Prove(other["challengeIdentifier"]!.ToString(), factor), 401, "Not Authorized.");
        (await Prove(identifier, factor)).Status.ShouldBe(200);
        Refused(await Prove(identifier, factor), 400, "Challenge token is not valid.");
    }

    [Theory]
    [InlineData(new[] { "Auth:Users:Create", "Auth:Users:Delegate", "Auth:Types:EndUser" }, true, true)]
    [InlineData(new[] { "Auth:Recover:Delegated" }, true, false)]
    [InlineData(new[] { "Auth:Delegated:Recover" }, true, false)]
    [InlineData(new[] { "Auth:Users:Create", "Auth:Types:EndUser" }, false, false)]
    [InlineData(new[] { "Auth:Delegated:Login" }, false, true)]
    [InlineData(new[] { "Auth:Users:Delegate", "Auth:Types:Employee" }, false, false)]
    public async Task Every_generation_of_permissions_means_what_it_says(string[] permissions, bool recovers, bool signsIn)
    {
        var kit = await _scene.Register(Passkey(_email), _email);
        await using var local = _server.Local();
        var (account, pem) = await ServiceAccount(local, $"for {_email}", permissions);
        object signer = new { kind = "key", credId = account["cred_id"]!.ToString(), pem, origin = Origin };

        await Holds(recovers, () => _scene.Api(
            account["token"]!.ToString(), signer, "createDelegatedRecoveryChallenge", new { username = _email, credentialId = kit["credId"]!.ToString() }),
            "CreateDelegatedRecoveryChallenge");
        await Holds(signsIn, () => _scene.Api(account["token"]!.ToString(), signer, "delegatedLogin", new { username = _email }), "DelegatedLogin");

        async Task Holds(bool allowed, Func<Task<JsonNode?>> call, string operation)
        {
            if (allowed)
            {
                (await call()).ShouldNotBeNull();
                return;
            }

            var refused = await Should.ThrowAsync<NodeClientException>(call());
            refused.Status.ShouldBe(403);
            refused.Said.ShouldBe($"ServiceAccount {account["user_id"]} is not authorized to perform operation ({operation})");
        }
    }

    [Fact]
    public async Task A_person_calls_nothing_of_a_service_account_and_a_revoked_one_nothing_at_all()
    {
        await _scene.Register(Passkey(_email), _email);
        var person = await _scene.Login(Passkey(_email), _email);
        Refused(await _server.Post("/auth/recover/user/delegated", new { username = _email, credentialId = "x" }, person), 401, "Not Authorized.");

        await using var local = _server.Local();
        var (account, _) = await ServiceAccount(local, $"revoked {_email}", FirstPermissions);
        var token = account["token"]!.ToString();
        (await _server.Post("/auth/action/init", Action("{}"), token)).Status.ShouldBe(200);
        var row = (await _server.Get("/v1/tokens?limit=500", _server.AdminToken)).Json!["tokens"]!.AsArray()
            .Single(t => t!["id"]!.ToString().Replace("-", "", StringComparison.Ordinal) == PayloadOf(token)["jti"]!.ToString().Split('_')[2]);
        (await _server.Send("DELETE", $"/v1/tokens/{row!["id"]}", null, _server.AdminToken)).Status.ShouldBe(204);
        Refused(await _server.Post("/auth/action/init", Action("{}"), token), 401, "Not Authorized.");
    }

    [Fact]
    public async Task A_delegated_session_opens_nothing_of_ours_and_its_person_is_told()
    {
        await _scene.Register(Passkey(_email), _email);
        var token = (await _scene.Portal("delegatedLogin", new { username = _email }))!["token"]!.ToString();
        var inner = PayloadOf(token)["jti"]!.ToString();
        foreach (var (method, path) in new[] { ("GET", "/v1/sessions/current"), ("DELETE", "/v1/sessions/"), ("POST", "/v1/sessions/current/passkeys/options"), ("GET", "/v1/sessions/current/credentials") })
        {
            (await _server.Send(method, path, null, inner)).Code.ShouldBe("session_invalid", path);
        }

        var id = (await _server.Get($"/v1/accounts?email={_email}", _server.AdminToken)).Json!["accounts"]![0]!["id"]!.ToString();
        await _server.Get<Engine.Ledger.LedgerSequencer>().Run(Core.TenantId.Default, CancellationToken.None);
        var ledger = await _server.Get($"/v1/ledger?account={id}&limit=100", _server.AdminToken);
        ledger.Text.ShouldContain("session_delegated");
    }

    [Fact]
    public async Task N16_Every_credential_that_is_bound_without_a_recovery_is_told()
    {
        await _scene.Register(Passkey(_email), _email);
        var id = (await _server.Get($"/v1/accounts?email={_email}", _server.AdminToken)).Json!["accounts"]![0]!["id"]!.ToString();
        var queued = await _server.Get<Engine.Acts>().Read(
            db => db.List<string>("SELECT kind FROM outbox WHERE account_id = @id", new { id }), CancellationToken.None);
        queued.Count(k => k == "credential_changed_notice").ShouldBe(2); // The passkey and the recovery key.
    }

    [Fact]
    public async Task A_nonce_counts_once()
    {
        static string Nonce(string uuid) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes($$"""{"uuid":"{{uuid}}","date":"2026-11-21T08:00:00.000Z"}"""));
        var good = Nonce("of " + _email);
        (await WithNonce(good)).Status.ShouldBe(200);
        Refused(await WithNonce(good), 400, "request nonce has already been used");
        foreach (var bad in new[] { "x", "%", Nonce("short"), Base64Url.EncodeToString("{"u8), Base64Url.EncodeToString("[]"u8), new string('A', 600) })
        {
            Refused(await WithNonce(bad), 400, "request nonce is missing or invalid");
        }

        async Task<Answer> WithNonce(string nonce)
        {
            using var request = Request("POST", "/auth/login/init", """{"username":"nobody@example.com"}""");
            request.Headers.TryAddWithoutValidation("x-dfns-nonce", nonce);
            return await _server.Send(request);
        }
    }

    [Fact]
    public async Task A10_A_stranger_cannot_tell_who_is_known_here()
    {
        await _scene.Register(Passkey(_email), _email);
        var known = await _server.Post("/auth/login/init", new { username = _email, orgId = _scene.OrgId });

        // Nobody's names look like different people: some have a key, some two credentials. Here is one of the form of the known one.
        var (unknown, name) = (known, "");
        for (var i = 0; i < 8; i++)
        {
            var asked = await _server.Post("/auth/login/init", new { username = $"nobody-{i}-{_email}", orgId = _scene.OrgId });
            asked.Status.ShouldBe(200);
            (unknown, name) = Shape(asked.Json!) == Shape(known.Json!) ? (asked, $"nobody-{i}-{_email}") : (unknown, name);
        }

        unknown.ShouldNotBe(known);

        // The same one every time, in whatever spelling, and another one for another name.
        string Shown(Answer answer) => answer.Json!["allowCredentials"]!["webauthn"]![0]!["id"]!.ToString();
        Shown(await _server.Post("/auth/login/init", new { username = name.ToUpperInvariant() + " " })).ShouldBe(Shown(unknown));
        Shown(unknown).Length.ShouldBe(Shown(known).Length);

        // Nor afterwards.
        var phone = await _scene.Node.Call(new { op = "sign", signer = Passkey(_email), challenge = known.Json! });
        var forged = (JsonObject)phone!.DeepClone();
        forged["credentialAssertion"]!["credId"] = Shown(unknown);
        Refused(await _server.Post("/auth/login", new { challengeIdentifier = unknown["challengeIdentifier"], firstFactor = forged }), 401, "Not Authorized.");
        forged["credentialAssertion"]!["credId"] = Shown(known);
        forged["credentialAssertion"]!["signature"] = Base64Url.EncodeToString(new byte[70]);
        Refused(await _server.Post("/auth/login", new { challengeIdentifier = known["challengeIdentifier"], firstFactor = forged }), 401, "Not Authorized.");
        (await _server.Post("/auth/login", new { challengeIdentifier = known["challengeIdentifier"], firstFactor = phone })).Status.ShouldBe(200);
        Refused(await _server.Post("/auth/login", new { challengeIdentifier = known["challengeIdentifier"], firstFactor = phone }), 400, "Challenge token is not valid.");

        // Asking for a mail, and the code of it.
        foreach (var asked in new[] { _email, "nobody@example.org" })
        {
            (await _server.Put("/auth/recover/user/code", new { username = asked, orgId = _scene.OrgId }))["message"].ShouldBe("success");
            Refused(
                await _server.Post("/auth/recover/user/init", new { username = asked, verificationCode = "1234-1234-1234-1234", credentialId = "x" }), 403, "Invalid code");
        }
    }

    [Fact]
    public async Task Registering_twice_and_binding_twice_is_refused_and_an_invitation_can_be_repeated()
    {
        var first = (await _scene.Portal("createDelegatedRegistrationChallenge", new { email = _email, kind = "EndUser" }))!;
        (await Should.ThrowAsync<NodeClientException>(_scene.Portal("createDelegatedRegistrationChallenge", new { email = _email, kind = "EndUser" })))
            .Said.ShouldBe("User already exists.");

        var body = $$"""{"email":"{{_email}}"}""";
        var again = await Call("POST", "/auth/registration/delegated/restart", body, await Sign("POST", "/auth/registration/delegated/restart", body));
        again["challenge"].ShouldNotBe(first["challenge"]!.ToString());
        var made = await _scene.Create(Passkey(_email), again.Json!);
        (await _scene.Base(again["temporaryAuthenticationToken"], "createUserRegistration", new { firstFactorCredential = made })).ShouldNotBeNull();

        // Both invitations are spent, and there is no third: binding more is a recovery.
        foreach (var token in new[] { first["temporaryAuthenticationToken"]!.ToString(), again["temporaryAuthenticationToken"] })
        {
            (await Should.ThrowAsync<NodeClientException>(_scene.Base(token, "createUserRegistration", new { firstFactorCredential = made }))).Status.ShouldBe(401);
        }

        Refused(await Call("POST", "/auth/registration/delegated/restart", body, await Sign("POST", "/auth/registration/delegated/restart", body)), 401, "User already exists.");
    }

    [Fact]
    public async Task A_code_of_a_minute_adds_a_credential_on_another_device_once()
    {
        await _scene.Register(Passkey(_email), _email);
        var token = await _scene.Login(Passkey(_email), _email);
        var code = (await _scene.Api(token, Passkey(_email), "createCredentialCode", new { expiration = "2099-01-01T00:00:00Z" }).ContinueWith(t => t.Exception))!;
        code.InnerException.ShouldBeOfType<NodeClientException>().Status.ShouldBe(400);
        var until = _server.Time.GetUtcNow().AddSeconds(50).ToUnixTimeSeconds();
        var made = (await _scene.Api(token, Passkey(_email), "createCredentialCode", new { expiration = until }))!["code"]!.ToString();
        made.Length.ShouldBe(11);

        var offered = (await _scene.Api(null, null, "createCredentialChallengeWithCode", new { code = made, credentialKind = "Fido2" }))!;
        Refused(await _server.Post("/auth/credentials/code/init", new { code = made, credentialKind = "Fido2" }), 403, "Invalid code");
        var credential = (await _scene.Create(Passkey("other " + _email), offered))!.AsObject();
        credential["challengeIdentifier"] = offered["challengeIdentifier"]!.ToString();
        (await _scene.Api(null, null, "createCredentialWithCode", credential))!["kind"]!.ToString().ShouldBe("Fido2");
        (await _scene.Login(Passkey("other " + _email), _email)).ShouldNotBeEmpty();
    }

    [Fact]
    public async Task Pages_of_the_application_may_call_and_other_pages_may_not()
    {
        using var asked = new HttpRequestMessage(HttpMethod.Options, "/auth/recover/user");
        asked.Headers.TryAddWithoutValidation("Origin", Origin);
        asked.Headers.TryAddWithoutValidation("Access-Control-Request-Method", "POST");
        var allowed = await _server.Send(asked);
        allowed.Headers.GetValues("Access-Control-Allow-Origin").ShouldBe([Origin]);
        allowed.Headers.GetValues("Access-Control-Allow-Headers").Single().ShouldContain("x-dfns-useraction");

        using var evil = new HttpRequestMessage(HttpMethod.Options, "/auth/recover/user");
        evil.Headers.TryAddWithoutValidation("Origin", "https://evil.example.com");
        evil.Headers.TryAddWithoutValidation("Access-Control-Request-Method", "POST");
        (await _server.Send(evil)).Headers.Contains("Access-Control-Allow-Origin").ShouldBeFalse();
    }

    [Theory]
    [InlineData("GET", "/auth/nothing")]
    [InlineData("POST", "/auth/registration/social")]
    [InlineData("DELETE", "/auth/credentials")]
    [InlineData("GET", "/auth/recover/user")]
    public async Task Whatever_is_not_there_says_so_as_its_clients_read_it(string method, string path) =>
        Refused(await _server.Send(method, path, null), 404, "Not found");

    private object Key() => new { kind = "key", credId = _scene.Programme["cred_id"]!.ToString(), pem = _scene.ProgrammeKey };

    private static string Action(string payload) =>
        new JsonObject { ["userActionPayload"] = payload, ["userActionHttpMethod"] = "POST", ["userActionHttpPath"] = "/auth/login/delegated" }.ToJsonString();

    private async Task<JsonNode> Begin(string method, string path, string body)
    {
        var begun = await _server.Send(
            "POST", "/auth/action/init",
            new JsonObject { ["userActionPayload"] = body, ["userActionHttpMethod"] = method, ["userActionHttpPath"] = path, ["userActionServerKind"] = "Api" }.ToJsonString(),
            _scene.Programme["token"]!.ToString());
        begun.Status.ShouldBe(200, begun.Text);
        return begun.Json!;
    }

    private Task<Answer> Prove(string identifier, JsonNode factor) => _server.Send(
        "POST", "/auth/action", new JsonObject { ["challengeIdentifier"] = identifier, ["firstFactor"] = factor.DeepClone() }.ToJsonString(),
        _scene.Programme["token"]!.ToString());

    private async Task<string> Sign(string method, string path, string body)
    {
        var begun = await Begin(method, path, body);
        var factor = await _scene.Node.Call(new { op = "sign", signer = Key(), challenge = begun });
        return (await Prove(begun["challengeIdentifier"]!.ToString(), factor!))["userAction"];
    }

    private async Task<Answer> Call(string method, string path, string body, string? action, string? token = null)
    {
        using var request = Request(method, path, body);
        request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token ?? _scene.Programme["token"]!.ToString()}");
        if (action is not null)
        {
            request.Headers.TryAddWithoutValidation("X-DFNS-UserAction", action);
        }

        return await _server.Send(request);
    }

    private static HttpRequestMessage Request(string method, string path, string body) =>
        new(new HttpMethod(method), path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };

    private static string Shape(JsonNode node) => node switch
    {
        JsonObject members => "{" + string.Join(',', members.Select(m => m.Key + ":" + (m.Value is null ? "null" : Shape(m.Value)))) + "}",
        JsonArray items => "[" + string.Join(',', items.Select(i => Shape(i!))) + "]",
        _ => node.GetValueKind().ToString(),
    };

    private static void Refused(Answer answer, int status, string message) => DfnsRecoveryTests.Refused(answer, status, message);
}
