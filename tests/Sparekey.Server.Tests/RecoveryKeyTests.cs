using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Engine.Applications;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>A recovery that a recovery key ends, and everything that must not end one.</summary>
public sealed class RecoveryKeyTests : IAsyncLifetime
{
    private const string Email = "person@example.com";
    private const string Path = "/v1/redemption/recovery-key";
    private const string Password = "an initial password of a person";

    private static readonly string[] Everything = ["sessions", "passwords", "passkeys", "keys", "recovery_keys"];

    private RunningServer _server = null!;
    private string _origin = null!;
    private string _account = null!;
    private HeldKey _recoveryKey = null!;
    private string _recoveryKeyId = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.Start();
        _origin = $"http://localhost:{_server.Origin.Port}";
        var application = (await _server.Get("/v1/applications", _server.AdminToken)).Json!["applications"]![0]!["id"]!.ToString();
        (await _server.Send("PATCH", $"/v1/applications/{application}", new { origins = new[] { _origin, _server.Origin.GetLeftPart(UriPartial.Authority) }, rp_id = "localhost" }, _server.AdminToken))
            .Status.ShouldBe(200);
        _account = await _server.Account(Email, password: Password);
        _recoveryKey = new HeldKey("the person's kit", _origin);
        _recoveryKeyId = await _recoveryKey.BecomeRecoveryKey(_server.Services, _account, "an opaque text+/=");
    }

    public async ValueTask DisposeAsync()
    {
        _recoveryKey.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_person_recovers_with_a_passkey_and_the_next_recovery_key_and_the_old_ones_are_gone()
    {
        using var old = new SoftwareAuthenticator("localhost");
        using var phone = new SoftwareAuthenticator("localhost");
        using var next = new HeldKey("the next kit", _origin);
        var before = (await _server.Post("/v1/sessions", new { identifier = Email, password = Password }))["session_token"];
        var link = await _server.RedeemLink(await _server.Recover(Email, "link"));
        (await _server.Post("/v1/redemption/passkey", new { credential = Made(old, (await _server.Post("/v1/redemption/passkey/options", null, link)).Json!) }, link)).Status.ShouldBe(200);

        var opened = await Open();
        opened["state"].ShouldBe("redeemed");
        opened.Json!["secret"].ShouldBeNull();
        var redemption = opened.Json!["redemption"]!;
        redemption["allowed"]!.ToJsonString().ShouldBe("[\"recovery_key\"]");
        var options = redemption["recovery_key"]!;
        options.AsObject().Select(m => m.Key).ShouldBe(["challenge", "passkey", "allowed_credentials"]);
        options["allowed_credentials"]!.AsArray().ShouldHaveSingleItem()!.AsObject().Select(m => m.Value!.ToString()).ShouldBe(["the person's kit", "an opaque text+/="]);
        (await _server.Get("/v1/redemption", redemption["token"]!.ToString())).Json!["allowed"]!.ToJsonString().ShouldBe("[\"recovery_key\"]");

        var done = await Complete(opened, new JsonObject
        {
            ["first"] = new JsonObject { ["kind"] = "passkey", ["credential"] = Made(phone, Options(opened)), ["name"] = "phone" },
            ["recovery_key"] = next.Register(Challenge(opened)),
        });
        done.Status.ShouldBe(200, done.Text);
        (done["state"], done["account_id"]).ShouldBe(("completed", _account));
        done["proof"].Split('.').Length.ShouldBe(3);

        // What was before signs nobody in; what was signed does.
        (await _server.Get("/v1/sessions/current", before)).Code.ShouldBe("session_invalid");
        (await _server.Post("/v1/sessions", new { identifier = Email, password = Password })).Code.ShouldBe("sign_in_failed");
        var user = Options(opened)["public_key"]!["user"]!["id"]!.ToString();
        (await SignIn(old, user)).Code.ShouldBe("sign_in_failed");
        (await SignIn(phone, user)).Status.ShouldBe(201);
        (await Held()).ShouldBe(["passkey phone", "recovery_key "], ignoreOrder: true);

        // The next one recovers; the one before does not.
        using var later = new HeldKey("later");
        var again = await Open();
        again.Json!["redemption"]!["recovery_key"]!["allowed_credentials"]!.AsArray().ShouldHaveSingleItem()!["credential_id"]!.ToString().ShouldBe("the next kit");
        var credentials = new JsonObject { ["first"] = later.Register(Challenge(again)) };
        (await Complete(again, credentials)).Code.ShouldBe("credential_not_found");
        (await Complete(again, credentials, next)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task N23_A_key_is_bound_and_the_ledger_says_so()
    {
        using var key = new HeldKey("a key of a program");
        var opened = await Open("sessions");
        var done = await Complete(opened, new JsonObject { ["first"] = key.Register(Challenge(opened)) });
        done.Status.ShouldBe(200, done.Text);
        (await Held()).ShouldBe(["password ", "key "], ignoreOrder: true);
        var added = await Ledgered(done["recovery_id"], "credential_added");
        added["account"]!.ToString().ShouldBe(_account);
        var gone = (await Ledger($"?account={_account}")).Single(e => e["event"]!.ToString() == "credential_revoked");
        gone["facts"]!["credential"]!.ToString().ShouldBe(_recoveryKeyId);
    }

    [Fact]
    public async Task No_other_route_ends_such_a_redemption()
    {
        using var authenticator = new SoftwareAuthenticator("localhost");
        var opened = await Open();
        var token = Token(opened);
        (await _server.Put("/v1/redemption/password", new { new_password = "a password of a stranger" }, token)).Code.ShouldBe("means_not_available");
        (await _server.Post("/v1/redemption/passkey/options", null, token)).Code.ShouldBe("means_not_available");
        (await _server.Post("/v1/redemption/passkey", new { credential = Made(authenticator, Options(opened)) }, token)).Code.ShouldBe("passkey_refused");
        (await Held()).ShouldBe(["password ", "recovery_key "], ignoreOrder: true);

        // And a recovery key ends none of another means.
        using var key = new HeldKey("new");
        var link = await _server.RedeemLink(await _server.Recover(Email, "link"));
        (await Post(link, new JsonObject { ["first"] = key.Register(Challenge(opened)) })).Code.ShouldBe("redemption_invalid");
    }

    [Fact]
    public async Task What_is_sent_may_stand_in_another_order_and_must_say_the_same()
    {
        using var key = new HeldKey("new\u00e9");
        var opened = await Open();
        var credentials = new JsonObject { ["first"] = key.Register(Challenge(opened)) };
        var signed = credentials.ToJsonString();
        var first = credentials["first"]!.AsObject();
        foreach (var (sent, why) in new[]
        {
            (Changed(c => c["first"]!["name"] = "more"), "a member more"),
            (Changed(c => c["first"]!.AsObject().Remove("signature")), "a member less"),
            (Changed(c => c["first"]!["credential_id"] = "other"), "another name"),
            (Changed(c => c["first"]!["credential_id"] = "newe\u0301"), "a name that looks the same"),
            (Changed(c => c["second"] = c["first"]!.DeepClone()), "another credential"),
            (Changed(c => c["first"] = null), "nothing"),
            ("{}", "an empty object"),
            ("[]", "a list"),
            ("null", "null"),
        })
        {
            var refused = await _server.Post(Path, Body(_recoveryKey.Authorise(signed), sent), Token(opened));
            (refused.Status, refused.Code).ShouldBe((400, "signed_credentials_differ"), why);
        }

        foreach (var (text, why) in new[]
        {
            (signed.Replace("{\"kind\"", "{\"kind\":\"key\",\"kind\"", StringComparison.Ordinal), "a member twice"),
            (signed.Replace("\"kind\"", "\"k\\u0069nd\":\"key\",\"kind\"", StringComparison.Ordinal), "a member twice in another writing"),
            (signed.Insert(1, "\"first\":1,"), "two that are first"),
            (signed + "x", "no JSON"),
            ("", "nothing"),
            (new string('[', 40) + new string(']', 40), "too deep"),
        })
        {
            var refused = await _server.Post(Path, Body(_recoveryKey.Authorise(text), signed), Token(opened));
            (refused.Status, refused.Code).ShouldBe((400, "signed_credentials_differ"), why);
        }

        // Twice in what is sent is no JSON for anybody.
        (await _server.Post(Path, Body(_recoveryKey.Authorise(signed), signed.Replace("{\"kind\"", "{\"kind\":\"key\",\"kind\"", StringComparison.Ordinal)), Token(opened)))
            .Code.ShouldBe("invalid_json");

        var turned = new JsonObject { ["first"] = new JsonObject(first.Reverse().Select(m => KeyValuePair.Create(m.Key, m.Value?.DeepClone()))) };
        turned.ToJsonString().ShouldNotBe(signed);
        (await _server.Post(Path, Body(_recoveryKey.Authorise(signed), $" {turned.ToJsonString(new() { WriteIndented = true })} "), Token(opened))).Status.ShouldBe(200);

        string Changed(Action<JsonNode> change)
        {
            var changed = credentials.DeepClone();
            change(changed);
            return changed.ToJsonString();
        }
    }

    [Fact]
    public async Task Members_that_are_none_of_a_credential_are_refused_although_they_were_signed()
    {
        using var key = new HeldKey("new");
        var opened = await Open();
        var good = key.Register(Challenge(opened));
        foreach (var (credentials, code) in new (JsonNode, string)[]
        {
            (new JsonObject(), "invalid_request"),
            (new JsonObject { ["second"] = good.DeepClone() }, "invalid_request"),
            (new JsonObject { ["first"] = good.DeepClone(), ["third"] = good.DeepClone() }, "invalid_request"),
            (new JsonObject { ["first"] = new JsonObject { ["kind"] = "password", ["password"] = "a password of a person" } }, "invalid_request"),
            (new JsonObject { ["first"] = "key" }, "invalid_request"),
            (new JsonArray(good.DeepClone()), "invalid_request"),
            (new JsonObject { ["first"] = good.DeepClone(), ["recovery_key"] = good.DeepClone() }, "credential_taken"),
            (new JsonObject { ["first"] = With(good, "credential_id", _recoveryKey.Name) }, "credential_taken"),
            (new JsonObject { ["first"] = With(good, "public_key", _recoveryKey.Pem) }, "key_refused"),
            (new JsonObject { ["first"] = With(good, "client_data", "AAAA") }, "key_refused"),
        })
        {
            var refused = await Complete(opened, credentials);
            refused.Code.ShouldBe(code, credentials.ToJsonString());
        }

        (await Complete(opened, new JsonObject { ["first"] = good.DeepClone() })).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Somebody_elses_recovery_key_recovers_nothing()
    {
        using var theirs = new HeldKey("a stranger's kit", _origin);
        using var key = new HeldKey("new");
        var stranger = await _server.Account("stranger@example.com");
        await theirs.BecomeRecoveryKey(_server.Services, stranger);
        var opened = await Open();
        var credentials = new JsonObject { ["first"] = key.Register(Challenge(opened)) };
        (await Complete(opened, credentials, theirs)).Code.ShouldBe("credential_not_found");
        (await Complete(opened, credentials, key)).Code.ShouldBe("credential_not_found");

        // Under the name of the right one it is a wrong signature.
        using var impostor = new HeldKey(_recoveryKey.Name, _origin);
        var refused = await Complete(opened, credentials, impostor);
        (refused.Status, refused.Code).ShouldBe((401, "recovery_key_refused"));

        // Who asks for one of the two gets no other.
        using var second = new HeldKey("a second kit", _origin);
        await second.BecomeRecoveryKey(_server.Services, _account);
        var named = await _server.Post(
            "/v1/recoveries", new { account = new { email = Email }, means = "recovery_key", recovery_key = "a second kit" }, _server.AdminToken);
        named.Json!["redemption"]!["recovery_key"]!["allowed_credentials"]!.AsArray().ShouldHaveSingleItem()!["credential_id"]!.ToString().ShouldBe("a second kit");
        var answer = new JsonObject { ["first"] = key.Register(Challenge(named)) };
        (await Complete(named, answer)).Code.ShouldBe("credential_not_found");
        (await Complete(named, answer, second)).Status.ShouldBe(200);
        foreach (var other in new[] { theirs.Name, "nobody's" })
        {
            (await _server.Post("/v1/recoveries", new { account = new { email = Email }, means = "recovery_key", recovery_key = other }, _server.AdminToken))
                .Code.ShouldBe("credential_not_found");
        }
    }

    [Fact]
    public async Task A_recovery_key_that_rests_or_is_gone_recovers_nothing()
    {
        using var key = new HeldKey("new");
        var opened = await Open();
        var credentials = new JsonObject { ["first"] = key.Register(Challenge(opened)) };
        (await HeldKey.Suspend(_server.Services, _account, _recoveryKeyId)).ShouldBeTrue();
        (await Complete(opened, credentials)).Code.ShouldBe("credential_not_found");
        (await Open()).Code.ShouldBe("means_not_available");

        using var other = new HeldKey("another kit", _origin);
        var id = await other.BecomeRecoveryKey(_server.Services, _account);
        var again = await Open();
        var answer = new JsonObject { ["first"] = key.Register(Challenge(again)) };
        (await HeldKey.Revoke(_server.Services, _account, id)).ShouldBeTrue();
        (await Complete(again, answer, other)).Code.ShouldBe("credential_not_found");
        (await Complete(again, answer)).Code.ShouldBe("credential_not_found");
        (await Held()).ShouldNotContain("key ");
    }

    [Fact]
    public async Task New_credentials_answer_the_challenge_of_their_own_redemption()
    {
        using var key = new HeldKey("new");
        using var phone = new SoftwareAuthenticator("localhost");
        var (one, two) = (await Open(), await Open());
        Challenge(one).ShouldNotBe(Challenge(two));
        var ofOne = new JsonObject { ["first"] = key.Register(Challenge(one)) };
        var refused = await Complete(two, ofOne);
        (refused.Status, refused.Code).ShouldBe((422, "challenge_refused"));
        (await Complete(two, new JsonObject { ["first"] = new JsonObject { ["kind"] = "passkey", ["credential"] = Made(phone, Options(one)) } }))
            .Code.ShouldBe("challenge_refused");
        (await Complete(two, new JsonObject { ["first"] = key.Register(Challenge(two)) })).Status.ShouldBe(200);
    }

    [Fact]
    public async Task What_was_completed_cannot_be_replayed()
    {
        using var key = new HeldKey("new");
        var opened = await Open();
        var credentials = new JsonObject { ["first"] = key.Register(Challenge(opened)) };
        var body = Body(_recoveryKey.Authorise(credentials.ToJsonString()), credentials.ToJsonString());
        (await _server.Post(Path, body, Token(opened))).Status.ShouldBe(200);
        (await _server.Post(Path, body, Token(opened))).Code.ShouldBe("redemption_invalid");

        // Nor in another redemption of the account.
        using var next = new HeldKey("the next kit", _origin);
        await next.BecomeRecoveryKey(_server.Services, _account);
        var again = await Open();
        (await _server.Post(Path, body, Token(again))).Code.ShouldBe("credential_not_found");
        (await Held()).Count(c => c == "key ").ShouldBe(1);
    }

    [Fact]
    public async Task N18_Five_wrong_signatures_end_the_redemption()
    {
        using var key = new HeldKey("new");
        using var impostor = new HeldKey(_recoveryKey.Name, _origin);
        var link = await _server.RedeemLink(await _server.Recover(Email, "link"));
        var opened = await Open();
        var credentials = new JsonObject { ["first"] = key.Register(Challenge(opened)) };
        var text = credentials.ToJsonString();
        JsonObject[] wrong =
        [
            impostor.Authorise(text), _recoveryKey.Authorise(text, "key.create"), _recoveryKey.Authorise(text, "webauthn.get"),
            With(_recoveryKey.Authorise(text), "signature", "AAAA"), With(_recoveryKey.Authorise(text), "algorithm", "SHA512"),
        ];
        foreach (var one in wrong)
        {
            var refused = await _server.Post(Path, Body(one, text), Token(opened));
            (refused.Status, refused.Code).ShouldBe((401, "recovery_key_refused"));
        }

        // The right one comes too late.
        var over = await Complete(opened, credentials);
        (over.Status, over.Code).ShouldBe((429, "too_many_requests"));
        over.Headers.RetryAfter!.Delta!.Value.ShouldBe(TimeSpan.FromMinutes(15));
        (await _server.Get("/v1/redemption", Token(opened))).Code.ShouldBe("redemption_invalid");
        (await _server.Put("/v1/redemption/password", new { new_password = "a password of a stranger" }, Token(opened))).Code.ShouldBe("redemption_invalid");
        (await _server.Get($"/v1/recoveries/{opened["id"]}", _server.AdminToken))["state"].ShouldBe("locked");
        (await Held()).ShouldBe(["password ", "recovery_key "], ignoreOrder: true);

        // A stranger's tries end nothing but what the stranger opened.
        (await _server.Get("/v1/redemption", link)).Status.ShouldBe(200);
        (await Complete(opened, credentials, token: Token(opened)[..^1] + "?")).Code.ShouldBe("redemption_invalid");
        var again = await Open();
        (await Complete(again, new JsonObject { ["first"] = key.Register(Challenge(again)) })).Status.ShouldBe(200);
    }

    [Fact]
    public async Task T6_New_credentials_that_fail_burn_nothing()
    {
        using var phone = new SoftwareAuthenticator("localhost");
        var opened = await Open();
        var good = Made(phone, Options(opened));
        var elsewhere = new PageOfBrowser("https://evil.example").Made(phone, Options(opened));
        var other = JsonNode.Parse("{\"public_key\":{\"challenge\":\"AAAA\"}}")!;
        for (var i = 0; i < 3; i++)
        {
            foreach (var (broken, code) in new[]
            {
                (PageOfBrowser.Changed(good, "attestationObject", "AAAA"), "passkey_refused"),
                (PageOfBrowser.Changed(good, "clientDataJSON", "e30"), "passkey_refused"),
                (elsewhere, "passkey_refused"),
                (Made(phone, other), "challenge_refused"),
            })
            {
                (await Complete(opened, new JsonObject { ["first"] = new JsonObject { ["kind"] = "passkey", ["credential"] = broken.DeepClone() } })).Code.ShouldBe(code);
            }
        }

        (await Complete(opened, new JsonObject { ["first"] = new JsonObject { ["kind"] = "passkey", ["credential"] = good } })).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_thousand_completions_at_once_have_one_winner_and_bind_nothing_of_the_losers()
    {
        var opened = await Open();
        var keys = Enumerable.Range(0, 1000).Select(i => new HeldKey($"key {i}")).ToList();
        var bodies = keys.Select(k =>
        {
            var credentials = new JsonObject { ["first"] = k.Register(Challenge(opened)) }.ToJsonString();
            return Body(_recoveryKey.Authorise(credentials), credentials);
        }).ToList();

        var answers = await Task.WhenAll(bodies.Select(b => _server.Post(Path, b, Token(opened))));

        var winner = answers.Select((a, i) => (a, i)).Where(x => x.a.Status == 200).ShouldHaveSingleItem().i;
        answers.Where(a => a.Status != 200).ShouldAllBe(a => a.Code == "redemption_invalid" || a.Code == "busy");
        var held = (await _server.Get($"/v1/accounts/{_account}/credentials", _server.AdminToken)).Json!["items"]!.AsArray();
        held.ShouldHaveSingleItem()!["external_id"]!.ToString().ShouldBe($"key {winner}");
        keys.ForEach(k => k.Dispose());
    }

    [Fact]
    public async Task Other_redemptions_of_the_account_end_with_it_and_those_of_others_do_not()
    {
        using var key = new HeldKey("new");
        await _server.Account("other@example.com");
        var theirs = await _server.RedeemLink(await _server.Recover("other@example.com", "link"));
        var redeemed = await _server.RedeemLink(await _server.Recover(Email, "link"));
        var issued = await _server.Recover(Email, "token");
        var (one, two) = (await Open(), await Open());
        (await Complete(two, new JsonObject { ["first"] = key.Register(Challenge(two)) })).Status.ShouldBe(200);

        (await _server.Put("/v1/redemption/password", new { new_password = "a password of a stranger" }, redeemed)).Code.ShouldBe("redemption_invalid");
        (await _server.Post("/v1/redemptions", new { token = issued.Json!["secret"]!["token"]!.ToString() })).Code.ShouldBe("secret_invalid");
        (await _server.Get("/v1/redemption", Token(one))).Code.ShouldBe("redemption_invalid");
        (await _server.Get($"/v1/recoveries/{issued["id"]}", _server.AdminToken))["state"].ShouldBe("cancelled");
        (await _server.Get("/v1/redemption", theirs)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_redemption_is_worth_nothing_at_a_neighbours_and_theirs_nothing_here()
    {
        var neighbour = TenantId.Parse("neighbour");
        var host = $"127.0.0.2:{_server.Origin.Port}";
        await _server.Server.Installation.Database.Write(
            db => db.Execute("INSERT INTO tenants (id, created_at) VALUES (@id, 0)", new { id = neighbour.ToString() }), CancellationToken.None);
        await _server.Get<EnsureDefaultApplication>().Run(neighbour, new Uri($"http://{host}"), CancellationToken.None);
        _server.Time.Advance(TimeSpan.FromMinutes(1));
        using var key = new HeldKey("new");
        var opened = await Open();
        var credentials = new JsonObject { ["first"] = key.Register(Challenge(opened)) };
        using var request = new HttpRequestMessage(HttpMethod.Post, Path);
        request.Headers.Host = host;
        request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {Token(opened)}");
        request.Content = new StringContent(Body(_recoveryKey.Authorise(credentials.ToJsonString()), credentials.ToJsonString()), null, "application/json");
        (await _server.Send(request)).Code.ShouldBe("redemption_invalid");

        var renamed = Token(opened).Replace("default", "neighbour", StringComparison.Ordinal);
        (await Complete(opened, credentials, token: renamed)).Code.ShouldBe("redemption_invalid");
        (await Complete(opened, credentials)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_redemption_of_a_recovery_key_ends_after_15_minutes()
    {
        using var key = new HeldKey("new");
        var opened = await Open();
        _server.Time.Advance(TimeSpan.FromMinutes(15));
        (await Complete(opened, new JsonObject { ["first"] = key.Register(Challenge(opened)) })).Code.ShouldBe("redemption_invalid");
    }

    [Fact]
    public async Task A_member_that_only_this_means_has_is_refused_elsewhere()
    {
        (await _server.Post("/v1/recoveries", new { account = new { email = Email }, means = "link", recovery_key = "the person's kit" }, _server.AdminToken))
            .Code.ShouldBe("invalid_request");
        await _server.Account("keyless@example.com");
        (await _server.Recover("keyless@example.com", "recovery_key")).Code.ShouldBe("means_not_available");
        var opened = await Open();
        foreach (var body in new[]
        {
            "{}", "{\"recovery\":{}}", "{\"recovery\":{},\"new_credentials\":{}}", "{\"recovery\":[],\"new_credentials\":{}}",
            "{\"recovery\":{\"credential_id\":\"x\",\"client_data\":\"*\",\"signature\":\"\"},\"new_credentials\":{}}",
            "{\"recovery\":{\"credential_id\":\"x\",\"client_data\":1,\"signature\":\"\"},\"new_credentials\":{}}",
        })
        {
            (await _server.Post(Path, body, Token(opened))).Code.ShouldBe("invalid_request", body);
        }

        (await _server.Post(Path, new string(' ', 129 * 1024), Token(opened))).Code.ShouldBe("body_too_large");
    }

    [Fact]
    public async Task T3_A_forced_recovery_takes_two_others_and_ends_in_a_passkey_and_no_password()
    {
        var desk = await _server.Account("desk@example.com");
        var approver = await _server.Account("approver@example.com");
        var without = await _server.Token("without", ["recovery:request", "recovery:issue"], "admin");
        (await _server.Recover(Email, "force", without)).Code.ShouldBe("permission_missing");

        var requester = await _server.Token("forcing", ["recovery:request", "recovery:issue", "recovery:read", "credential:force"], "admin");
        var opened = await _server.Recover(Email, "force", requester);
        (opened.Status, opened["state"]).ShouldBe((201, "pending"));
        opened.Json!["redemption"].ShouldBeNull();
        var path = $"/v1/recoveries/{opened["id"]}";
        (await _server.Post($"{path}/issue", null, requester)).Code.ShouldBe("requirements_open");
        var digest = new { digest = opened["digest"] };
        (await _server.Post($"{path}/confirmations", digest, await _server.TokenOf(desk, "witness", ["recovery:confirm"])))["state"].ShouldBe("pending");
        (await _server.Post($"{path}/approvals", digest, await _server.TokenOf(approver, "second", ["recovery:approve"])))["state"].ShouldBe("ready");

        var issued = await _server.Post($"{path}/issue", null, requester);
        issued.Status.ShouldBe(201, issued.Text);
        issued.Json!["secret"].ShouldBeNull();
        var redemption = issued.Json!["redemption"]!;
        redemption["allowed"]!.ToJsonString().ShouldBe("[\"passkey\"]");
        redemption["recovery_key"].ShouldBeNull();
        var token = redemption["token"]!.ToString();
        (await _server.Put("/v1/redemption/password", new { new_password = "a password of an operator" }, token)).Code.ShouldBe("means_not_available");
        (await _server.Post("/v1/sessions", new { identifier = Email, password = "a password of an operator" })).Code.ShouldBe("sign_in_failed");

        using var phone = new SoftwareAuthenticator("localhost");
        var options = await _server.Post("/v1/redemption/passkey/options", null, token);
        var done = await _server.Post("/v1/redemption/passkey", new { credential = Made(phone, options.Json!) }, token);
        done.Status.ShouldBe(200, done.Text);
        (await Held()).ShouldBe(["password ", "recovery_key ", "passkey "], ignoreOrder: true);
        (await SignIn(phone, options.Json!["public_key"]!["user"]!["id"]!.ToString())).Status.ShouldBe(201);
    }

    private Task<Answer> Open(params string[] revoke) => _server.Post(
        "/v1/recoveries", new { account = new { email = Email }, means = "recovery_key", revoke = revoke.Length > 0 ? revoke : Everything }, _server.AdminToken);

    private Task<Answer> Complete(Answer opened, JsonNode credentials, HeldKey? by = null, string? token = null) =>
        Post(token ?? Token(opened), credentials, by);

    private Task<Answer> Post(string token, JsonNode credentials, HeldKey? by = null)
    {
        var text = credentials.ToJsonString();
        return _server.Post(Path, Body((by ?? _recoveryKey).Authorise(text), text), token);
    }

    private static string Body(JsonObject recovery, string credentials) => $"{{\"recovery\":{recovery.ToJsonString()},\"new_credentials\":{credentials}}}";

    private static string Token(Answer opened) => opened.Json!["redemption"]!["token"]!.ToString();

    private static string Challenge(Answer opened) => opened.Json!["redemption"]!["recovery_key"]!["challenge"]!.ToString();

    private static JsonNode Options(Answer opened) => opened.Json!["redemption"]!["recovery_key"]!["passkey"]!;

    private JsonObject Made(SoftwareAuthenticator authenticator, JsonNode options) => new PageOfBrowser(_origin).Made(authenticator, options);

    private static JsonObject With(JsonObject whole, string member, string value)
    {
        var changed = whole.DeepClone().AsObject();
        changed[member] = value;
        return changed;
    }

    private async Task<Answer> SignIn(SoftwareAuthenticator authenticator, string user) => await _server.Post(
        "/v1/sessions/passkey",
        new { credential = new PageOfBrowser(_origin).Proved(authenticator, (await _server.Post("/v1/sessions/passkey/options", null)).Json!, user) });

    private async Task<IReadOnlyList<string>> Held() =>
        [.. (await _server.Get($"/v1/accounts/{_account}/credentials", _server.AdminToken)).Json!["items"]!.AsArray().Select(c => $"{c!["kind"]} {c["name"]}")];

    private async Task<IReadOnlyList<JsonNode>> Ledger(string query) =>
        [.. (await _server.Get($"/v1/ledger{query}", _server.AdminToken)).Json!["entries"]!.AsArray().Select(e => e!["entry"]!)];

    // Entries get their place a moment after the act.
    private async Task<JsonNode> Ledgered(string recovery, string happened)
    {
        for (var left = 100; left > 0; left--)
        {
            _server.Time.Advance(TimeSpan.Zero);
            if ((await Ledger($"?recovery={recovery}")).FirstOrDefault(e => e["event"]!.ToString() == happened) is { } entry)
            {
                return entry;
            }

            await Task.Delay(50);
        }

        throw new TimeoutException($"{happened} did not come.");
    }
}
