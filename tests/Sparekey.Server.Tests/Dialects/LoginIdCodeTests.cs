using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>Codes: every row of the contract's table of errors, what a stranger sees instead, limits, and races.</summary>
public sealed class LoginIdCodeTests : IAsyncLifetime
{
    private LoginIdScene _scene = null!;
    private ECDsa _webKey = null!;
    private string _private = null!;

    public async ValueTask InitializeAsync()
    {
        _scene = await LoginIdScene.Start();
        _webKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        _private = await _scene.Client("directweb", "shop", _webKey);
    }

    public async ValueTask DisposeAsync()
    {
        await _scene.DisposeAsync();
        _webKey.Dispose();
    }

    [Fact]
    public async Task Who_vouches_is_told_what_is_wrong_and_a_stranger_is_not()
    {
        var user = await _scene.User("told");
        using var authenticator = new SoftwareAuthenticator(LoginIdScene.RpId);

        // Used.
        var used = await CodeOf(user);
        var init = await Vouched("told", used);
        init.Status.ShouldBe(200, init.Text);
        (await _scene.Complete("told", init, authenticator)).Status.ShouldBe(200);
        await ShouldBe("told", used, 400, "invalid_verification_code");

        // Invalidated.
        var ended = await CodeOf(user);
        (await _scene.Vouched("codes.invalidate", "/codes/short/invalidate-all", new { client_id = _scene.Management, user_id = user, purpose = "add_credential" }))
            .Json!["deleted_at"].ShouldNotBeNull();
        await ShouldBe("told", ended, 400, "invalid_verification_code");

        // Not authorised yet.
        var early = (await _scene.Generate(user, authorize: false))["code"];
        await ShouldBe("told", early, 401, "failed_to_authenticate");

        // None of this user, type or purpose.
        var other = await _scene.User("other");
        await ShouldBe("told", await CodeOf(other), 404, "verification_code_not_found");
        await ShouldBe("told", (await _scene.Generate(user, "long"))["code"], 404, "verification_code_not_found");
        await ShouldBe("told", (await _scene.Generate(user, purpose: "temporary_authentication"))["code"], 404, "verification_code_not_found");
        (await Vouched("nobody", "123456")).Code.ShouldBe("user_not_found");

        // Expired.
        var late = await CodeOf(user);
        _scene.Server.Time.Advance(TimeSpan.FromMinutes(3));
        await ShouldBe("told", late, 400, "verification_code_expired");

        // Before it was authorised it can expire, too.
        (await _scene.Vouched(
            "codes.authorize", "/codes/short/authorize", new { client_id = _scene.Management, user_id = user, purpose = "add_credential", code = early }))
            .Code.ShouldBe("verification_code_expired");

        // A stranger sees the same whatever is wrong, and for whom.
        _scene.Server.Time.Advance(TimeSpan.FromMinutes(10));
        var strangers = new List<Answer>();
        foreach (var (name, code) in new[] { ("told", used), ("told", ended), ("told", early), ("told", late), ("nobody", "123456"), ("told", "no code at all") })
        {
            strangers.Add(await _scene.InitByCode(name, code));
        }

        strangers.Select(a => (a.Status, a.Text)).Distinct().ShouldBe([(404, strangers[0].Text)]);
        strangers[0].Code.ShouldBe("verification_code_not_found");

        async Task ShouldBe(string name, string code, int status, string expected)
        {
            var answer = await Vouched(name, code);
            (answer.Status, answer.Code).ShouldBe((status, expected), answer.Text);
        }
    }

    [Fact]
    public async Task A_failed_ceremony_burns_nothing_and_one_thing_changed_is_refused()
    {
        var user = await _scene.User("again");
        var mallory = await _scene.User("mallory");
        var elsewhere = await _scene.Client("directweb", "elsewhere", null);
        using var authenticator = new SoftwareAuthenticator(LoginIdScene.RpId);
        var init = await _scene.InitByCode("again", await CodeOf(user));
        init.Status.ShouldBe(200, init.Text);
        var theirs = await _scene.InitByCode("mallory", await CodeOf(mallory));
        var changes = new Dictionary<string, Action<JsonObject>>(StringComparer.Ordinal)
        {
            ["another user"] = b => b["username"] = "mallory",
            ["another challenge"] = b => Payload(b)["challenge"] = theirs.Json!["attestation_payload"]!["challenge"]!.ToString(),
            ["no challenge of ours"] = b => Payload(b)["challenge"] = Base64Url.EncodeToString(new byte[32]),
            ["another credential"] = b => Payload(b)["credential_id"] = Base64Url.EncodeToString(new byte[32]),
            ["another uuid"] = b => Payload(b)["credential_uuid"] = "11111111-1111-4111-8111-111111111111",
            ["another page"] = b => Payload(b)["client_data"] = ClientData(init, "https://evil.example"),
            ["another namespace"] = b => b["client_id"] = elsewhere,
            ["no base64"] = b => Payload(b)["client_data"] = "!",
            ["no CBOR"] = b => Payload(b)["attestation_data"] = "AAAA",
            ["nothing"] = b => Payload(b)["attestation_data"] = "",
        };
        foreach (var (what, change) in changes)
        {
            var refused = await _scene.Complete("again", init, authenticator, change: change);
            (refused.Status, refused.Code).ShouldBe((400, "invalid_credential"), what);
        }

        foreach (var missing in new[] { "challenge", "credential_id", "client_data", "attestation_data" })
        {
            (await _scene.Complete("again", init, authenticator, change: b => Payload(b).Remove(missing))).Code.ShouldBe("missing_parameter");
        }

        // Padding is tolerated, and what a client adds.
        var done = await _scene.Complete("again", init, authenticator, change: b =>
        {
            Payload(b)["client_data"] = Payload(b)["client_data"]! + new string('=', (4 - (Payload(b)["client_data"]!.ToString().Length % 4)) % 4);
            b["more"] = new JsonObject { ["than"] = "asked" };
        });
        done.Status.ShouldBe(200, done.Text);
        (await _scene.Complete("again", init, authenticator)).Code.ShouldBe("invalid_credential");
        (await _scene.SignIn("again", authenticator)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_code_of_another_namespace_or_tenant_opens_nothing()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var theirs = await _scene.Client("management", "elsewhere", key);
        var theirWeb = await _scene.Client("directweb", "elsewhere", null);
        var user = await _scene.User("ours");
        var code = await CodeOf(user);
        (await _scene.InitByCode("ours", code, client: theirWeb)).Code.ShouldBe("verification_code_not_found");
        foreach (var (path, scope) in new[]
        {
            ("/manage/users/retrieve", "users.retrieve"), ("/manage/users/delete", "users.delete"), ("/credentials/list", "credentials.list"),
            ("/credentials/fido2/init/force", "credentials.force_add"), ("/codes/short/generate", "codes.generate"),
            ("/codes/short/invalidate-all", "codes.invalidate"),
        })
        {
            var answer = await _scene.Post(path, new { client_id = theirs, user_id = user, purpose = "add_credential", authorize = true }, _scene.Token(scope, theirs, key));
            (answer.Status, answer.Code).ShouldBe((404, "user_not_found"), path);
        }

        (await _scene.InitByCode("ours", code)).Status.ShouldBe(200);

        // An account of the whole tenant is known to every namespace, and its codes are still only good where they were made.
        await _scene.Server.Account("both@example.com", "both");
        var made = await _scene.Post(
            "/codes/short/generate", new { client_id = theirs, username = "both", purpose = "add_credential", authorize = true },
            _scene.Token("codes.generate", theirs, key));
        (await _scene.InitByCode("both", made["code"])).Code.ShouldBe("verification_code_not_found");
        (await _scene.InitByCode("both", made["code"], client: theirWeb)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Five_wrong_tries_with_a_token_end_the_users_codes_of_the_type()
    {
        var user = await _scene.User("five");
        var (one, two) = (await CodeOf(user), await CodeOf(user));
        var phrase = (await _scene.Generate(user, "phrase"))["code"];
        for (var i = 0; i < 5; i++)
        {
            (await Vouched("five", Wrong(one, two))).Code.ShouldBe("verification_code_not_found");
        }

        (await Vouched("five", one)).Code.ShouldBe("invalid_verification_code");
        (await Vouched("five", two)).Code.ShouldBe("invalid_verification_code");
        (await Vouched("five", phrase, "phrase")).Status.ShouldBe(200);
        (await Vouched("five", await CodeOf(user))).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Tries_of_strangers_are_slowed_alike_and_void_nothing()
    {
        var user = await _scene.User("slowed");
        var code = await CodeOf(user);
        foreach (var name in new[] { "slowed", "nobody" })
        {
            for (var i = 0; i < 10; i++)
            {
                (await _scene.InitByCode(name, Wrong(code))).Code.ShouldBe("verification_code_not_found");
            }

            var slowed = await _scene.InitByCode(name, Wrong(code));
            (slowed.Status, slowed.Code).ShouldBe((429, "remote_session_maximum_retry_attempts"), name);
        }

        (await Vouched("slowed", code)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task N18_A_code_takes_a_hundred_wrong_tries_in_all()
    {
        var user = await _scene.User("hundred");
        var code = (await _scene.Generate(user, "long"))["code"];
        for (var i = 0; i < 100; i++)
        {
            if (i % 10 == 0)
            {
                _scene.Server.Time.Advance(TimeSpan.FromMinutes(i == 0 ? 0 : 5));
            }

            // Each from elsewhere, as far as the limits go that ask where from.
            (await _scene.InitByCode("hundred", (code[0] == 'A' ? "B" : "A") + code[1..], "long")).Status.ShouldBeOneOf(404, 429);
            await _scene.Server.Server.Installation.Database.Write(db => db.Execute("DELETE FROM throttles", new { }), CancellationToken.None);
        }

        (await Vouched("hundred", code, "long")).Code.ShouldBe("invalid_verification_code");
    }

    [Fact]
    public async Task Several_codes_live_at_once_and_the_first_used_leaves_the_others()
    {
        var user = await _scene.User("many");
        var (one, two) = (await CodeOf(user), await CodeOf(user));
        using var first = new SoftwareAuthenticator(LoginIdScene.RpId);
        using var second = new SoftwareAuthenticator(LoginIdScene.RpId);
        (await _scene.Complete("many", await _scene.InitByCode("many", two), first)).Status.ShouldBe(200);
        (await _scene.Complete("many", await _scene.InitByCode("many", one), second)).Status.ShouldBe(200);
        (await _scene.SignIn("many", first)).Status.ShouldBe(200);
        (await _scene.SignIn("many", second)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Of_a_thousand_completions_at_once_one_wins_and_no_other_credential_appears()
    {
        var user = await _scene.User("race");
        var init = await _scene.InitByCode("race", await CodeOf(user));
        var authenticators = Enumerable.Range(0, 20).Select(_ => new SoftwareAuthenticator(LoginIdScene.RpId)).ToList();
        var bodies = Enumerable.Range(0, 1000).Select(i => (Who: i % 20, Body: _scene.CompleteBody("race", init, authenticators[i % 20]))).ToList();
        var answers = await Task.WhenAll(bodies.Select(async b => (b.Who, Answer: await _scene.Post("/credentials/fido2/complete", b.Body))));
        var winner = answers.Single(a => a.Answer.Status == 200);
        answers.Where(a => a.Answer.Status != 200).ShouldAllBe(a => a.Answer.Code == "invalid_credential");
        var listed = await _scene.Vouched("credentials.list", "/credentials/list", new { client_id = _scene.Management, user_id = user });
        listed.Json!["credentials"]!.AsArray().Single()!["uuid"]!.ToString().ShouldBe(winner.Answer.Json!["credential"]!["uuid"]!.ToString());
        (await _scene.SignIn("race", authenticators[winner.Who])).Status.ShouldBe(200);
        (await _scene.SignIn("race", authenticators[(winner.Who + 1) % 20])).Code.ShouldBe("invalid_credential");
        authenticators.ForEach(a => a.Dispose());
    }

    [Fact]
    public async Task A_code_that_a_lost_device_made_goes_with_its_passkey()
    {
        using var stolen = new SoftwareAuthenticator(LoginIdScene.RpId);
        var registered = await _scene.Register("robbed", stolen);
        var user = registered.Json!["user"]!["id"]!.ToString();
        var codes = new List<string>();
        foreach (var purpose in new[] { "add_credential", "temporary_authentication" })
        {
            var init = await _scene.Post("/codes/long/generate/fido2/init", new { client_id = _scene.Web, username = "robbed", purpose });
            init.Status.ShouldBe(200, init.Text);

            // What was begun for a code of one type ends in no other, nor in signing in.
            var body = _scene.AssertionBody("robbed", init, stolen);
            (await _scene.Post("/codes/short/generate/fido2/complete", body)).Code.ShouldBe("invalid_credential");
            (await _scene.Post("/authenticate/fido2/complete", body)).Code.ShouldBe("invalid_credential");
            var made = await _scene.Post("/codes/long/generate/fido2/complete", body);
            made.Status.ShouldBe(200, made.Text);
            codes.Add(made.Json!["code_data"]!["code"]!.ToString());
        }

        (await _scene.InitByCode("robbed", codes[0], "long")).Status.ShouldBe(200);
        (await _scene.Vouched(
            "credentials.revoke", "/credentials/revoke",
            new { client_id = _scene.Management, user_id = user, credential = new { uuid = registered.Json["credential"]!["uuid"]!.ToString() } })).Status.ShouldBe(200);
        (await _scene.InitByCode("robbed", codes[0], "long")).Code.ShouldBe("verification_code_not_found");
        (await _scene.Post(
            "/authenticate/code/wait", new { client_id = _scene.Web, username = "robbed", authentication_code = new { code = codes[1], type = "long" }, no_wait = true }))
            .Code.ShouldBe("verification_code_not_found");
    }

    [Fact]
    public async Task A_phrase_is_heard_in_any_case_and_spacing()
    {
        var user = await _scene.User("spoken");
        var phrase = (await _scene.Generate(user, "phrase"))["code"];
        phrase.Split('-').Length.ShouldBe(6);
        (await _scene.InitByCode("spoken", phrase.ToUpperInvariant().Replace('-', ' '), "phrase")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task The_fields_of_a_code_are_checked_one_by_one()
    {
        var user = await _scene.User("fields");
        await Refused("/codes/tiny/generate", new { client_id = _scene.Management, user_id = user, purpose = "add_credential" }, "request_validation_error");
        await Refused("/codes/short/generate", new { client_id = _scene.Management, user_id = user }, "missing_parameter");
        await Refused("/codes/short/generate", new { client_id = _scene.Management, user_id = user, purpose = "add_authenticator" }, "request_validation_error");
        await Refused("/codes/short/generate", new { client_id = _scene.Management, purpose = "add_credential" }, "missing_parameter");
        await Refused("/codes/short/generate", new { client_id = _scene.Management, user_id = "none", purpose = "add_credential" }, "user_not_found");
        await Refused("/codes/short/generate", """{"client_id":1}""", "request_validation_error");
        await Refused("/codes/short/generate", "{", "bad_request");
        await Refused("/codes/short/generate", """{"client_id":"a","client_id":"b"}""", "bad_request");
        (await _scene.Vouched("codes.authorize", "/codes/short/authorize", new { client_id = _scene.Management, user_id = user, purpose = "add_credential" }))
            .Code.ShouldBe("missing_parameter");

        async Task Refused(string path, object body, string code) =>
            (await _scene.Post(path, body, _scene.Token("codes.generate"))).Code.ShouldBe(code, body.ToString());
    }

    [Fact]
    public async Task A_recovery_code_for_later_is_a_long_one()
    {
        var user = await _scene.User("later");
        foreach (var scope in new[] { "credentials.recovery_code", "credentials.add_recovery" })
        {
            var made = await _scene.Vouched(scope, "/credentials/recovery-code", new { client_id = _scene.Management, user_id = user });
            made.Json!["created_at"].ShouldNotBeNull();
            _scene.Server.Time.Advance(TimeSpan.FromHours(23));
            (await _scene.InitByCode("later", made["code"], "long")).Status.ShouldBe(200);
        }
    }

    [Fact]
    public async Task The_ledger_and_the_notices_say_what_a_backend_did()
    {
        var made = await _scene.Vouched("users.create", "/manage/users", new { client_id = _scene.Management, username = "noted@example.com" });
        var user = made["id"];
        var code = await _scene.Vouched(
            "codes.generate", "/codes/short/generate",
            new { client_id = _scene.Management, user_id = user, purpose = "add_credential", authorize = true, reason = new { code = "lost_phone", text = "On the tram", ticket = "HD-1" } });
        using var authenticator = new SoftwareAuthenticator(LoginIdScene.RpId);
        (await _scene.Complete("noted@example.com", await _scene.InitByCode("noted@example.com", code["code"]), authenticator)).Status.ShouldBe(200);
        var recovery = (await _scene.Server.Get("/v1/recoveries", _scene.Server.AdminToken)).Json!["recoveries"]!.AsArray().Single()!;
        (recovery["state"]!.ToString(), recovery["means"]!.ToString()).ShouldBe(("completed", "code"));
        var ledger = (await _scene.Server.Get($"/v1/ledger?account_id={user}", _scene.Server.AdminToken)).Text;
        ledger.ShouldContain("recovery_opened");
        ledger.ShouldContain("lost_phone");
        ledger.ShouldNotContain(code["code"]);
        var queued = await _scene.Server.Server.Installation.Database.Read(
            db => db.List<string>("SELECT kind FROM outbox WHERE account_id = @user ORDER BY created_at", new { user }), CancellationToken.None);
        queued.ShouldContain("recovery_issued_notice");
        queued.ShouldContain("recovery_completed_notice");
    }

    [Fact]
    public async Task A_reason_that_is_none_is_refused_and_no_code_is_made_or_authorized()
    {
        var user = await _scene.User("reasons");
        foreach (var purpose in new[] { "add_credential", "temporary_authentication" })
        {
            var waiting = await _scene.Vouched("codes.generate", "/codes/long/generate", new { client_id = _scene.Management, user_id = user, purpose, authorize = false });
            waiting.Status.ShouldBe(200, waiting.Text);
            foreach (var (scope, path, code) in new[] { ("codes.generate", "/codes/long/generate", null), ("codes.authorize", "/codes/long/authorize", waiting["code"]) })
            {
                var refused = await _scene.Vouched(
                    scope, path, new { client_id = _scene.Management, user_id = user, purpose, authorize = true, code, reason = new { text = " " } });
                (refused.Status, refused.Code, refused["message"]).ShouldBe((400, "request_validation_error", "reason/text: 1 to 1000 characters."), path + purpose);
            }
        }
    }

    [Fact]
    public async Task N16_The_notice_of_a_recovery_names_the_passkeys_that_still_work()
    {
        await using var smtp = await SmtpServer.Start();
        await using var server = await RunningServer.Start(
            mail: new Engine.Delivery.MailOptions("127.0.0.1", new("recovery@example.com")) { Port = smtp.Port, Tls = Engine.Delivery.MailTls.None },
            now: LoginIdScene.Now);
        var scene = await LoginIdScene.Start(server: server);
        var user = await scene.User("told@example.com");
        using var first = new SoftwareAuthenticator(LoginIdScene.RpId);
        using var second = new SoftwareAuthenticator(LoginIdScene.RpId);
        await Add(first, "Old <phone>");
        await server.Mails(smtp, 3);
        await smtp.Forget();
        scene.Server.Time.SetUtcNow(TimeProvider.System.GetUtcNow());
        await Add(second, "New phone");
        var notice = (await server.Mails(smtp, 3)).Single(m => m.Text.Contains("was recovered", StringComparison.Ordinal));
        notice.Text.ShouldContain("still work: Old <phone> (20");
        notice.Text.ShouldNotContain("New phone");
        notice.Html.ShouldContain("Old &lt;phone&gt;");

        async Task Add(SoftwareAuthenticator authenticator, string name)
        {
            var init = await scene.InitByCode("told@example.com", (await scene.Generate(user))["code"]);
            (await scene.Complete("told@example.com", init, authenticator, change: b => b["options"] = new JsonObject { ["credential_name"] = name })).Status.ShouldBe(200);
        }
    }

    private async Task<string> CodeOf(string user)
    {
        var made = await _scene.Generate(user);
        made.Status.ShouldBe(200, made.Text);
        made.Json!["is_authorized"]!.GetValue<bool>().ShouldBeTrue();
        made["code"].Length.ShouldBe(6);
        return made["code"];
    }

    private Task<Answer> Vouched(string username, string code, string type = "short") =>
        _scene.InitByCode(username, code, type, _private, _scene.Token("credentials.add", _private, _webKey));

    private static string Wrong(params string[] codes) =>
        Enumerable.Range(100000, 100).Select(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture)).First(c => !codes.Contains(c, StringComparer.Ordinal));

    private static JsonObject Payload(JsonObject body) => body["attestation_payload"]!.AsObject();

    private static string ClientData(Answer init, string origin) => Base64Url.EncodeToString(System.Text.Encoding.UTF8.GetBytes(SoftwareAuthenticator.ClientData(
        "webauthn.create", Base64Url.DecodeFromChars(init.Json!["attestation_payload"]!["challenge"]!.ToString()), origin)));
}
