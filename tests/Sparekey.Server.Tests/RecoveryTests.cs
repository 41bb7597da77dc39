using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Engine.Tokens;

namespace Sparekey.Server.Tests;

/// <summary>From the request to the new password, over HTTP, as a team's programme and the person do it.</summary>
public sealed class RecoveryTests : IAsyncLifetime
{
    private const string OldPassword = "an old and forgotten password";
    private const string NewPassword = "a new and remembered password";

    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.Start();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Recovers_an_account_by_link()
    {
        var account = await _server.Account("person@example.com");
        var opened = await _server.Recover("person@example.com", "link");
        opened.Status.ShouldBe(201, opened.Text);
        opened["state"].ShouldBe("issued");
        opened["account_id"].ShouldBe(account);

        var redemption = await _server.RedeemLink(opened);
        var completed = await _server.Put("/v1/redemption/password", new { new_password = NewPassword }, redemption);
        completed.Status.ShouldBe(200, completed.Text);
        completed["state"].ShouldBe("completed");

        var read = await _server.Get($"/v1/recoveries/{opened["id"]}", _server.AdminToken);
        read["state"].ShouldBe("completed");
        (await _server.Put("/v1/redemption/password", new { new_password = NewPassword }, redemption)).Code.ShouldBe("redemption_invalid");
    }

    [Fact]
    public async Task Proves_the_act_with_a_token_that_verifies_against_the_published_keys()
    {
        var account = await _server.Account("proof@example.com");
        var opened = await _server.Recover("proof@example.com", "link");
        var completed = await _server.Put(
            "/v1/redemption/password", new { new_password = NewPassword }, await _server.RedeemLink(opened));

        var keys = (await _server.Get("/.well-known/jwks.json")).Json!["keys"]!.AsArray()
            .Select(k => new PublicJwk(
                k!["kty"]!.ToString(), k["crv"]!.ToString(), k["x"]!.ToString(), k["y"]!.ToString(), k["kid"]!.ToString(),
                k["alg"]!.ToString(), k["use"]!.ToString()))
            .ToList();
        var claims = SignedProof.Read(completed["proof"], keys).ShouldNotBeNull();
        claims.GetProperty("sub").GetString().ShouldBe(account);
        claims.GetProperty("recovery_id").GetString().ShouldBe(opened["id"]);
        claims.GetProperty("aud").GetString().ShouldBe(opened["application"]);
        claims.GetProperty("iss").GetString().ShouldBe(_server.Origin.GetLeftPart(UriPartial.Authority));
        claims.GetProperty("amr")[0].GetString().ShouldBe("pwd");
        (claims.GetProperty("exp").GetInt64() - claims.GetProperty("iat").GetInt64()).ShouldBe(300);
        SignedProof.Read(completed["proof"] + "x", keys).ShouldBeNull();
    }

    [Theory]
    [InlineData("digits")]
    [InlineData("letters")]
    [InlineData("long")]
    [InlineData("phrase")]
    public async Task N1_N11_Recovers_an_account_by_code(string format)
    {
        await _server.Account($"{format}@example.com", username: $"user-{format}");
        var opened = await _server.Post(
            "/v1/recoveries",
            new { account = new { username = $"user-{format}" }, means = "code", code_format = format, expires_in = "10m" },
            _server.AdminToken);
        opened.Status.ShouldBe(201, opened.Text);
        var code = opened.Json!["secret"]!["code"]!.ToString();
        var typed = format == "long" ? code : code.Replace('-', ' ').ToUpperInvariant();

        var redeemed = await _server.Post("/v1/redemptions", new { code = typed, account = new { email = $"{format}@example.com" } });

        redeemed.Status.ShouldBe(201, redeemed.Text);
        redeemed.Json!["allowed"]!.AsArray().Select(a => a!.ToString()).ShouldBe(["password"]);
        redeemed.Json["account"]!["masked"]!.ToString().ShouldNotContain($"{format}@example.com");
    }

    [Fact]
    public async Task Recovers_an_account_by_reset_token()
    {
        await _server.Account("token@example.com");
        var opened = await _server.Recover("token@example.com", "token");
        var redeemed = await _server.Post("/v1/redemptions", new { token = opened.Json!["secret"]!["token"]!.ToString() });
        redeemed.Status.ShouldBe(201, redeemed.Text);
    }

    [Fact]
    public async Task A19_Ends_old_sessions_and_the_old_password()
    {
        await _server.Account("session@example.com", password: OldPassword);
        var before = await _server.Post("/v1/sessions", new { identifier = "session@example.com", password = OldPassword });
        before.Status.ShouldBe(201, before.Text);

        var opened = await _server.Recover("session@example.com", "link");
        (await _server.Put("/v1/redemption/password", new { new_password = NewPassword }, await _server.RedeemLink(opened)))
            .Status.ShouldBe(200);

        (await _server.Get("/v1/sessions/current", before["session_token"])).Status.ShouldBe(401);
        (await _server.Post("/v1/sessions", new { identifier = "session@example.com", password = OldPassword })).Code.ShouldBe("sign_in_failed");
        var after = await _server.Post("/v1/sessions", new { identifier = "session@example.com", password = NewPassword });
        after.Status.ShouldBe(201, after.Text);
        (await _server.Get("/v1/sessions/current", after["session_token"])).Status.ShouldBe(200);
    }

    [Fact]
    public async Task T7_Reading_ten_times_consumes_nothing()
    {
        await _server.Account("reader@example.com");
        var opened = await _server.Recover("reader@example.com", "link");
        var redemption = await _server.RedeemLink(opened);
        for (var i = 0; i < 10; i++)
        {
            (await _server.Get("/v1/redemption", redemption)).Status.ShouldBe(200);
            (await _server.Send("HEAD", "/v1/redemptions", null)).Status.ShouldBe(405);
        }

        (await _server.Put("/v1/redemption/password", new { new_password = NewPassword }, redemption)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task T6_A_refused_password_burns_nothing()
    {
        await _server.Account("burns@example.com");
        var redemption = await _server.RedeemLink(await _server.Recover("burns@example.com", "link"));
        var refused = await _server.Put("/v1/redemption/password", new { new_password = "short" }, redemption);
        refused.Status.ShouldBe(422);
        refused.Code.ShouldBe("password_refused");
        (await _server.Put("/v1/redemption/password", new { new_password = NewPassword }, redemption)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_secret_opens_at_most_five_redemptions_and_each_ends_the_former()
    {
        await _server.Account("five@example.com");
        var opened = await _server.Recover("five@example.com", "link");
        var first = await _server.RedeemLink(opened);
        for (var i = 0; i < 4; i++)
        {
            await _server.RedeemLink(opened);
        }

        (await _server.Get("/v1/redemption", first)).Code.ShouldBe("redemption_invalid");
        var link = opened.Json!["secret"]!["link"]!.ToString();
        (await _server.Post("/v1/redemptions", new { link_secret = link[(link.IndexOf('#', StringComparison.Ordinal) + 1)..] }))
            .Code.ShouldBe("secret_invalid");
    }

    [Fact]
    public async Task A14_T8_Every_secret_ends_with_its_lifetime()
    {
        await _server.Account("late@example.com");
        foreach (var means in new[] { "link", "token", "code" })
        {
            var opened = await _server.Post(
                "/v1/recoveries", new { account = new { email = "late@example.com" }, means, expires_in = "10m" }, _server.AdminToken);
            var secret = opened.Json!["secret"]!;
            _server.Time.Advance(TimeSpan.FromMinutes(10));
            object body = means switch
            {
                "link" => new { link_secret = secret["link"]!.ToString().Split('#')[1] },
                "token" => new { token = secret["token"]!.ToString() },
                _ => new { code = secret["code"]!.ToString(), account = new { email = "late@example.com" } },
            };
            (await _server.Post("/v1/redemptions", body)).Code.ShouldBe("secret_invalid");
        }
    }

    [Fact]
    public async Task Issuing_again_kills_the_former_secret_and_its_redemption()
    {
        await _server.Account("again@example.com");
        var first = await _server.Recover("again@example.com", "link");
        var redemption = await _server.RedeemLink(first);
        var second = await _server.Post($"/v1/recoveries/{first["id"]}/issue", null, _server.AdminToken);
        second.Status.ShouldBe(201, second.Text);

        (await _server.Get("/v1/redemption", redemption)).Code.ShouldBe("redemption_invalid");
        (await _server.Post("/v1/redemptions", new { link_secret = first.Json!["secret"]!["link"]!.ToString().Split('#')[1] }))
            .Code.ShouldBe("secret_invalid");
        await _server.RedeemLink(second);
    }

    [Fact]
    public async Task T11_A_cancelled_recovery_is_over()
    {
        await _server.Account("over@example.com");
        var opened = await _server.Recover("over@example.com", "link");
        (await _server.Post($"/v1/recoveries/{opened["id"]}/cancel", new { reason = "a mistake" }, _server.AdminToken))["state"].ShouldBe("cancelled");
        (await _server.Post("/v1/redemptions", new { link_secret = opened.Json!["secret"]!["link"]!.ToString().Split('#')[1] }))
            .Code.ShouldBe("secret_invalid");
        (await _server.Post($"/v1/recoveries/{opened["id"]}/issue", null, _server.AdminToken)).Code.ShouldBe("recovery_closed");
    }

    [Fact]
    public async Task T3_Above_the_lowest_role_it_takes_the_person_and_a_second_pair_of_eyes()
    {
        await _server.Account("boss@example.com", role: "admin");
        var approver = await _server.Account("approver@example.com");
        var desk = await _server.Account("desk@example.com");
        var requester = await _server.Token("desk", ["recovery:request", "recovery:issue", "recovery:read"], "admin");
        var opened = await _server.Recover("boss@example.com", "link", requester);
        opened["state"].ShouldBe("pending");
        opened.Json!["secret"].ShouldBeNull();
        var digest = new { digest = opened["digest"] };
        var path = $"/v1/recoveries/{opened["id"]}";
        (await _server.Post($"{path}/issue", null, requester)).Code.ShouldBe("requirements_open");

        var witness = await _server.TokenOf(desk, "witness", ["recovery:confirm"]);
        var second = await _server.TokenOf(approver, "second", ["recovery:approve"]);
        (await _server.Post($"{path}/confirmations", digest, witness))["state"].ShouldBe("pending");
        (await _server.Post($"{path}/approvals", digest, second))["state"].ShouldBe("ready");

        var issued = await _server.Post($"{path}/issue", null, requester);
        issued.Status.ShouldBe(201, issued.Text);
        await _server.RedeemLink(issued);
    }

    [Fact]
    public async Task Approving_with_another_token_of_the_same_owner_is_no_second_pair_of_eyes()
    {
        await _server.Account("target@example.com", role: "operator");
        var requester = await _server.Token("one", ["recovery:request", "recovery:issue"], "admin");
        var other = await _server.Token("two", ["recovery:approve", "recovery:confirm"], "admin");
        var opened = await _server.Recover("target@example.com", "link", requester);
        var digest = new { digest = opened["digest"] };
        (await _server.Post($"/v1/recoveries/{opened["id"]}/approvals", digest, other)).Code.ShouldBe("separation_of_duties");
        (await _server.Post($"/v1/recoveries/{opened["id"]}/confirmations", digest, other)).Code.ShouldBe("separation_of_duties");
    }

    [Fact]
    public async Task T2_A_token_that_may_only_request_never_sees_the_secret_but_the_person_gets_it()
    {
        await _server.Account("least@example.com");
        var least = await _server.Token("least", ["recovery:request"]);
        var returned = await _server.Recover("least@example.com", "link", least);
        returned["state"].ShouldBe("ready");
        returned.Json!["secret"].ShouldBeNull();

        var mailed = await _server.Post(
            "/v1/recoveries", new { account = new { email = "least@example.com" }, means = "code", channel = "email" }, least);
        mailed["state"].ShouldBe("issued");
        mailed.Json!["secret"].ShouldBeNull();
    }

    [Fact]
    public async Task Evaluating_says_what_policy_decides_and_changes_nothing()
    {
        await _server.Account("chief@example.com", role: "admin");
        var evaluated = await _server.Post(
            "/v1/recoveries?evaluate=true", new { account = new { email = "chief@example.com" }, means = "link" }, _server.AdminToken);
        evaluated.Status.ShouldBe(200, evaluated.Text);
        evaluated.Json!["allowed"]!.GetValue<bool>().ShouldBeTrue();
        evaluated.Json["rules"]!.AsArray().Select(r => r!.ToString()).ShouldBe(["above_lowest_role"]);
        (await _server.Get("/v1/recoveries", _server.AdminToken)).Json!["recoveries"]!.AsArray().Count.ShouldBe(0);
    }

    [Fact]
    public async Task A22_T4_T5_Every_act_is_in_the_ledger_with_its_actor()
    {
        await _server.Account("ledger@example.com");
        var opened = await _server.Post(
            "/v1/recoveries",
            new { account = new { email = "ledger@example.com" }, means = "link", reason = new { code = "lost", text = "phone lost", ticket = "T-1" } },
            _server.AdminToken);
        await _server.Put("/v1/redemption/password", new { new_password = NewPassword }, await _server.RedeemLink(opened));

        var ledger = await _server.Get($"/v1/ledger?recovery={opened["id"]}", _server.AdminToken);
        var entries = ledger.Json!["entries"]!.AsArray();
        entries.Select(e => e!["entry"]!["event"]!.ToString()).ShouldBe(
            ["recovery_opened", "recovery_ready", "recovery_issued", "recovery_redeemed", "recovery_completed"]);
        entries.ShouldAllBe(e => e!["entry"]!["actor"]!["id"]!.ToString().Length > 0);
        entries[0]!["texts"]!["reason"]!["text"]!.ToString().ShouldBe("phone lost");
        entries[0]!["entry"]!.ToJsonString().ShouldNotContain("phone lost");
    }

    [Fact]
    public async Task A10_A_stranger_asks_for_a_known_and_an_unknown_account_and_sees_no_difference()
    {
        await _server.Account("known@example.com");
        var known = await _server.Post("/v1/recovery-requests", new { identifier = "known@example.com" });
        var unknown = await _server.Post("/v1/recovery-requests", new { identifier = "unknown@example.com" });
        known.Status.ShouldBe(202);
        (known.Status, known.Text).ShouldBe((unknown.Status, unknown.Text));
        (await _server.Get("/v1/recoveries", _server.AdminToken)).Json!["recoveries"]!.AsArray().Count.ShouldBe(1);
    }

    [Fact]
    public async Task Wrong_used_and_unknown_secrets_look_alike()
    {
        await _server.Account("alike@example.com");
        var opened = await _server.Post(
            "/v1/recoveries", new { account = new { email = "alike@example.com" }, means = "code" }, _server.AdminToken);
        var code = opened.Json!["secret"]!["code"]!.ToString();
        var used = await _server.Post("/v1/redemptions", new { code, account = new { email = "alike@example.com" } });
        await _server.Put("/v1/redemption/password", new { new_password = NewPassword }, used["redemption_token"]);

        var answers = new[]
        {
            await _server.Post("/v1/redemptions", new { code, account = new { email = "alike@example.com" } }),
            await _server.Post("/v1/redemptions", new { code = "00000000", account = new { email = "alike@example.com" } }),
            await _server.Post("/v1/redemptions", new { code, account = new { email = "nobody@example.com" } }),
            await _server.Post("/v1/redemptions", new { code = "no code at all", account = new { username = "nobody" } }),
        };
        answers.ShouldAllBe(a => a.Status == 401 && a.Code == "secret_invalid");
        answers.Select(a => Without(a.Json!, "correlation_id")).Distinct(StringComparer.Ordinal).Count().ShouldBe(1);
    }

    private static string Without(JsonNode json, string member)
    {
        var copy = json.DeepClone().AsObject();
        copy.Remove(member);
        return JsonSerializer.Serialize(copy);
    }
}
