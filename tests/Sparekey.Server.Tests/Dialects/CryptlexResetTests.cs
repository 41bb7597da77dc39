using System.Net.Http.Headers;
using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Server.Http;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>A branded portal resets its users' passwords with tokens: once, for its users alone, and never for an administrator.</summary>
public sealed class CryptlexResetTests(CryptlexFixture fixture) : IClassFixture<CryptlexFixture>
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    private readonly CryptlexScene _scene = fixture.Scene;

    private RunningServer Server => _scene.Server;

    [Fact]
    public async Task A_token_sets_a_password_once_and_ends_the_sessions()
    {
        var email = _scene.NewEmail();
        var user = await _scene.Make("user", email);
        var first = await Server.Post("/v1/sessions", new { identifier = email, password = CryptlexScene.FirstPassword });
        first.Status.ShouldBe(201, first.Text);

        var minted = await _scene.Mint(user);
        minted.Status.ShouldBe(200, minted.Text);
        minted.Json!.AsObject().Select(m => m.Key).ShouldBe(["resetPasswordToken", "expiresAt"]);
        minted["expiresAt"].ShouldBe(WireJson.Time(Server.Time.GetUtcNow() + Hour));
        minted.Headers.CacheControl!.NoStore.ShouldBeTrue();

        var done = await _scene.Reset(user, minted["resetPasswordToken"]);
        (done.Status, done.Text).ShouldBe((204, ""));
        (await Server.Post("/v1/sessions", new { identifier = email, password = CryptlexScene.FirstPassword })).Code.ShouldBe("sign_in_failed");
        (await Server.Post("/v1/sessions", new { identifier = email, password = CryptlexScene.Password })).Status.ShouldBe(201);
        (await Server.Get("/v1/sessions/current", first["session_token"])).Status.ShouldBe(401);
        (await _scene.Reset(user, minted["resetPasswordToken"], "yet another password of theirs")).Status.ShouldBe(400);
        var events = (await _scene.Ledger(user)).Select(e => e["entry"]!["event"]!.ToString()).ToList();
        events.ShouldContain("recovery_opened");
        events.ShouldContain("recovery_redeemed");
        events.Count(e => e == "recovery_completed").ShouldBe(1);
        foreach (var secret in new[] { minted["resetPasswordToken"], CryptlexScene.Password, CryptlexScene.FirstPassword })
        {
            string.Join('\n', Server.LogLines).ShouldNotContain(secret);
            (await Server.Get("/v1/ledger?limit=1000", Server.AdminToken)).Text.ShouldNotContain(secret);
        }
    }

    [Fact]
    public async Task The_ledger_names_the_portal_that_asked()
    {
        var user = await _scene.User();
        await _scene.Token(user);
        var opened = (await _scene.Ledger(user)).Single(e => e["entry"]!["event"]!.ToString() == "recovery_opened")["entry"]!;
        opened["actor"]!["kind"]!.ToString().ShouldBe("service_account");
        opened["facts"]!["means"]!.ToString().ShouldBe("token");
    }

    [Fact]
    public async Task A10_A_reset_token_is_refused_alike_whatever_is_wrong_with_it()
    {
        var (user, other) = (await _scene.User(), await _scene.User());
        var (used, replaced, newest) = (await _scene.Token(other), await _scene.Token(user), await _scene.Token(user));
        (await _scene.Reset(other, used)).Status.ShouldBe(204);
        var expires = await _scene.User();
        var expired = await _scene.Mint(expires);
        Server.Time.Advance(Hour);
        var live = await _scene.Token(user);

        var answers = new Dictionary<string, Answer>(StringComparer.Ordinal)
        {
            ["unknown"] = await _scene.Reset(user, TokenText.Format(TokenPrefix.Reset, TenantId.Default, Guid.Parse(user), Secret).Reveal()),
            ["another secret of a live one"] = await _scene.Reset(user, OtherSecretOf(live)),
            ["of another tenant"] = await _scene.Reset(user, TokenText.Format(TokenPrefix.Reset, TenantId.Parse("other"), Parsed(live).Id, Parsed(live).Secret.Reveal()).Reveal()),
            ["mistyped"] = await _scene.Reset(user, $"{live[..^4]}AAAA"),
            ["used"] = await _scene.Reset(other, used),
            ["replaced"] = await _scene.Reset(user, replaced),
            ["replaced and expired"] = await _scene.Reset(user, newest),
            ["expired"] = await _scene.Reset(expires, expired["resetPasswordToken"]),
            ["another user's"] = await _scene.Reset(other, live),
            ["of nobody"] = await _scene.Reset("11111111-1111-4111-8111-111111111111", live),
            ["truncated"] = await _scene.Reset(user, live[..^1]),
            ["empty"] = await _scene.Reset(user, ""),
            ["huge"] = await _scene.Reset(user, new string('x', 50_000)),
            ["an access token"] = await _scene.Reset(user, _scene.Portal),
            ["the highest access token"] = await _scene.Reset(user, Server.AdminToken),
        };
        foreach (var (what, answer) in answers)
        {
            (answer.Status, answer.Text).ShouldBe((400, """{"message":"The reset token is not valid.","code":"secret_invalid"}"""), what);
            HeadersOf(answer).ShouldBe(HeadersOf(answers["used"]), what);
        }

        // None of it used the live one up.
        (await _scene.Reset(user.ToUpperInvariant(), live)).Status.ShouldBe(204);
    }

    [Fact]
    public async Task T8_A_reset_token_ends_to_the_moment()
    {
        var user = await _scene.User();
        var token = await _scene.Token(user);
        Server.Time.Advance(Hour - TimeSpan.FromMilliseconds(1));
        (await _scene.Reset(user, token, "short")).Code.ShouldBe("password_refused");
        Server.Time.Advance(TimeSpan.FromMilliseconds(1));
        (await _scene.Reset(user, token, "short")).Code.ShouldBe("secret_invalid");
    }

    [Fact]
    public async Task A_newer_token_ends_the_older_ones_whoever_asked()
    {
        var user = await _scene.User();
        var (first, second) = (await _scene.Token(user), (await _scene.Mint(user, Server.AdminToken))["resetPasswordToken"]);
        var native = await Server.Post("/v1/recoveries", new { account = new { id = user }, means = "link" }, Server.AdminToken);
        var third = await _scene.Token(user);
        (await _scene.Reset(user, first)).Status.ShouldBe(400);
        (await _scene.Reset(user, second)).Status.ShouldBe(400);

        // A link is another means: it lives on.
        (await Server.Get($"/v1/recoveries/{native["id"]}", Server.AdminToken))["state"].ShouldBe("issued");
        (await _scene.Reset(user, third)).Status.ShouldBe(204);
    }

    [Fact]
    public async Task Of_many_tokens_at_once_the_last_alone_is_good()
    {
        var user = await _scene.User();
        var tokens = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => _scene.Token(user)));
        var recoveries = (await Server.Get($"/v1/recoveries?account={user}&limit=100", Server.AdminToken)).Json!["recoveries"]!.AsArray();
        recoveries.Count(r => r!["state"]!.ToString() == "issued").ShouldBe(1);
        recoveries.Count(r => r!["state"]!.ToString() == "cancelled").ShouldBe(49);
        var answers = await Task.WhenAll(tokens.Select(t => Settled(() => _scene.Reset(user, t))));
        answers.Count(a => a.Status == 204).ShouldBe(1);
    }

    [Fact]
    public async Task A11_A_thousand_resets_with_one_token_have_one_winner()
    {
        var email = _scene.NewEmail();
        var user = await _scene.User(email);
        var token = await _scene.Token(user);
        var answers = await Task.WhenAll(Enumerable.Range(0, 1000).Select(i => _scene.Reset(user, token, $"the password of run number {i}")));

        var winner = answers.Select((a, i) => (a, i)).Where(r => r.a.Status == 204).ShouldHaveSingleItem().i;
        answers.Where(a => a.Status != 204).ShouldAllBe(a => (a.Status == 400 && a.Code == "secret_invalid") || (a.Status == 429 && a.Code == "busy"));
        answers.Where(a => a.Status == 429).ShouldAllBe(a => a.Headers.RetryAfter != null);
        (await Server.Post("/v1/sessions", new { identifier = email, password = $"the password of run number {winner}" })).Status.ShouldBe(201);
        (await _scene.Ledger(user)).Count(e => e["entry"]!["event"]!.ToString() == "recovery_completed").ShouldBe(1);
    }

    [Theory]
    [InlineData("organization-admin")]
    [InlineData("reseller-admin")]
    [InlineData("admin")]
    [InlineData("super-admin")]
    [InlineData("a role of the team's own")]
    public async Task No_token_is_made_for_anybody_above_a_user_whoever_asks(string role)
    {
        var user = await _scene.Make(role);
        foreach (var token in new[] { _scene.Portal, Server.AdminToken })
        {
            var refused = await _scene.Mint(user, token);
            (refused.Status, refused.Code).ShouldBe((403, "role_not_allowed"));
            refused.Json!.AsObject().Select(m => m.Key).ShouldBe(["message", "code"]);
        }

        (await Server.Get($"/v1/recoveries?account={user}", Server.AdminToken)).Json!["recoveries"]!.AsArray().ShouldBeEmpty();
        (await Server.Get("/v1/ledger?limit=1000", Server.AdminToken)).Text.ShouldContain("role_not_allowed");
    }

    [Fact]
    public async Task A_token_takes_the_narrower_permissions_and_no_less()
    {
        var user = await _scene.User();
        var narrow = await Server.Token("resets", ["recovery:request", "recovery:issue"]);
        (await _scene.Mint(user, narrow)).Status.ShouldBe(200);
        (await Server.Get($"/v3/users/{user}", narrow)).Code.ShouldBe("permission_missing");
        foreach (var permissions in new[] { new[] { "recovery:request" }, ["recovery:issue"], ["account:write", "account:read"] })
        {
            var refused = await _scene.Mint(user, await Server.Token("less", permissions));
            (refused.Status, refused.Code).ShouldBe((403, "permission_missing"), string.Join(' ', permissions));
        }

        var stranger = await _scene.Mint(user, "no token");
        (stranger.Status, stranger.Code).ShouldBe((401, "unauthenticated"));
        (await _scene.Mint("11111111-1111-4111-8111-111111111111")).Code.ShouldBe("account_not_found");
        (await _scene.Mint("no-id")).Status.ShouldBe(404);
    }

    [Fact]
    public async Task A_refused_password_burns_nothing_however_often_it_is_refused()
    {
        var email = _scene.NewEmail();
        var user = await _scene.User(email);
        var token = await _scene.Token(user);
        foreach (var password in new[] { "short", "fourteen chars", $"{email}1", "aaaaaaaaaaaaaaaaaaaa", new string('x', 600), "" })
        {
            var refused = await _scene.Reset(user, token, password);
            (refused.Status, refused.Code).ShouldBe((400, "password_refused"), password);
            refused["message"].ShouldStartWith("newPassword: ");
        }

        (await _scene.Reset(user, token)).Status.ShouldBe(204);
    }

    [Fact]
    public async Task A_stranger_learns_nothing_from_a_bad_password()
    {
        var user = await _scene.User();
        (await _scene.Reset(user, "spt_default_nothing", "short")).Code.ShouldBe("secret_invalid");
    }

    [Fact]
    public async Task A_disabled_user_takes_no_password_and_the_holder_of_a_live_token_alone_is_told()
    {
        var user = await _scene.User();
        var token = await _scene.Token(user);
        await Status("disabled");
        var refused = await _scene.Reset(user, token);
        (refused.Status, refused.Code).ShouldBe((409, "account_disabled"));
        (await _scene.Reset(user, OtherSecretOf(token))).Code.ShouldBe("secret_invalid");
        (await _scene.Mint(user)).Status.ShouldBe(409);
        await Status("active");
        (await _scene.Reset(user, token)).Status.ShouldBe(204);

        async Task Status(string status) =>
            (await Server.Send("PATCH", $"/v1/accounts/{user}", new { status }, Server.AdminToken)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Five_wrong_secrets_of_one_token_use_it_up_and_its_user_gets_another()
    {
        var user = await _scene.User();
        var token = await _scene.Token(user);
        for (var i = 0; i < 5; i++)
        {
            (await _scene.Reset(user, OtherSecretOf(token))).Code.ShouldBe("secret_invalid");
        }

        (await _scene.Reset(user, token)).Code.ShouldBe("secret_invalid");
        (await _scene.Reset(user, await _scene.Token(user))).Status.ShouldBe(204);
    }

    [Fact]
    public async Task A_token_never_becomes_good_for_a_user_who_was_deleted()
    {
        var user = await _scene.User();
        var token = await _scene.Token(user);
        (await _scene.Call("DELETE", $"/v3/users/{user}", null, _scene.Portal)).Status.ShouldBe(204);
        (await _scene.Reset(user, token)).Code.ShouldBe("secret_invalid");
    }

    [Fact]
    public async Task The_access_token_of_a_reset_call_is_not_looked_at()
    {
        var (one, two) = (await _scene.User(), await _scene.User());
        var body = new { token = await _scene.Token(one), newPassword = CryptlexScene.Password };
        (await _scene.Call("POST", $"/v3/users/{one}/reset-password", body, "nonsense")).Status.ShouldBe(204);
        var without = new { token = "", newPassword = CryptlexScene.Password };
        (await _scene.Call("POST", $"/v3/users/{two}/reset-password", without, Server.AdminToken)).Code.ShouldBe("secret_invalid");
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"token":"x"}""")]
    [InlineData("""{"newPassword":"x"}""")]
    [InlineData("""{"token":null,"newPassword":"x"}""")]
    [InlineData("""{"token":5,"newPassword":"x"}""")]
    [InlineData("""{"token":"x","newPassword":["x"]}""")]
    [InlineData("""{"token":"x","token":"y","newPassword":"x"}""")]
    [InlineData("""{"token":"x\u0000","newPassword":"x"}""")]
    public async Task A_malformed_body_gets_400_in_the_vendors_form(string body)
    {
        var answer = await Server.Post("/v3/users/11111111-1111-4111-8111-111111111111/reset-password", body);
        answer.Status.ShouldBe(400, answer.Text);
        answer.Json!.AsObject().Select(m => m.Key).ShouldBe(["message", "code"]);
        answer.Text.ShouldNotContain("System.");
    }

    [Fact]
    public async Task What_is_no_JSON_or_too_large_gets_400_too()
    {
        using var form = new HttpRequestMessage(HttpMethod.Post, "/v3/users/11111111-1111-4111-8111-111111111111/reset-password")
        {
            Content = new FormUrlEncodedContent([new("token", "x")]),
        };
        (await Server.Send(form)).Status.ShouldBe(400);
        (await Server.Post("/v3/users/11111111-1111-4111-8111-111111111111/reset-password", new { token = new string('x', 70_000) })).Status.ShouldBe(400);
        (await Server.Post("/v3/users/7/reset-password", new { token = "x", newPassword = "x" })).Status.ShouldBe(404);
        (await Server.Get("/v3/users/11111111-1111-4111-8111-111111111111/reset-password")).Status.ShouldBe(404);
    }

    [Fact]
    public async Task A_call_may_say_how_long_its_token_lives_within_what_policy_allows()
    {
        var user = await _scene.User();
        var made = await _scene.Call("POST", $"/v3/users/{user}/reset-password-token", new { expiresIn = "10m" }, _scene.Portal);
        made["expiresAt"].ShouldBe(WireJson.Time(Server.Time.GetUtcNow() + TimeSpan.FromMinutes(10)));
        foreach (var (wrong, code) in new[] { ("25h", "lifetime_too_long"), ("soon", "invalid_request"), ("", "invalid_request"), ("-1h", "invalid_request") })
        {
            var refused = await _scene.Call("POST", $"/v3/users/{user}/reset-password-token", new { expiresIn = wrong }, _scene.Portal);
            (refused.Status, refused.Code).ShouldBe((400, code), wrong);
        }

        // Whatever media type a client says of the body that it does not send.
        using var bare = new HttpRequestMessage(HttpMethod.Post, $"/v3/users/{user}/reset-password-token") { Content = new ByteArrayContent([]) };
        bare.Content.Headers.ContentType = new MediaTypeHeaderValue("application/x-www-form-urlencoded");
        bare.Headers.TryAddWithoutValidation("Authorization", $"Bearer {_scene.Portal}");
        (await Server.Send(bare)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Who_asks_for_a_problem_document_gets_one()
    {
        var answer = await _scene.Call("GET", "/v3/users/no-id", null, _scene.Portal, ("Accept", "application/problem+json, application/json;q=0.5"));
        (answer.Status, answer["status"], answer.Code).ShouldBe((404, "404", "account_not_found"));
        answer["type"].ShouldEndWith("/problems/account_not_found");
        var usual = await _scene.Call("GET", "/v3/nothing", null, _scene.Portal, ("Accept", "*/*"));
        (usual.Status, usual.Text).ShouldBe((404, """{"message":"There is no such route","code":"route_not_found"}"""));
    }

    [Fact]
    public async Task A_page_of_an_application_may_send_a_reset_and_no_other_page_or_call()
    {
        var made = await Server.Post(
            "/v1/applications", new { name = "Portal", origins = new[] { "https://portal.example.com" } }, Server.AdminToken);
        made.Status.ShouldBe(201, made.Text);
        const string reset = "/v3/users/11111111-1111-4111-8111-111111111111/reset-password";
        (await Asked(reset, "https://portal.example.com")).ShouldBe("https://portal.example.com");
        (await Asked(reset, "https://evil.example")).ShouldBeNull();
        (await Asked("/v3/users", "https://portal.example.com")).ShouldBeNull();
        (await Asked(reset + "-token", "https://portal.example.com")).ShouldBeNull();

        async Task<string?> Asked(string path, string origin)
        {
            var answer = await _scene.Call("OPTIONS", path, null, null, ("Origin", origin), ("Access-Control-Request-Method", "POST"));
            return answer.Headers.TryGetValues("Access-Control-Allow-Origin", out var allowed) ? allowed.Single() : null;
        }
    }

    private static readonly string Secret = new('A', 43);

    private static TokenText Parsed(string token) => TokenText.TryParse(token, TokenPrefix.Reset, out var parsed) ? parsed : throw new FormatException(token);

    // Its row, in a text that is a token in every way, with another secret.
    private static string OtherSecretOf(string token) => TokenText.Format(TokenPrefix.Reset, TenantId.Default, Parsed(token).Id, Secret).Reveal();

    private static async Task<Answer> Settled(Func<Task<Answer>> call)
    {
        while (true)
        {
            var answer = await call();
            if (answer.Status != 429)
            {
                return answer;
            }

            await Task.Delay(50);
        }
    }

    private static string HeadersOf(Answer answer) => string.Join(
        '\n', answer.Headers.Where(h => h.Key is not "Date" && !h.Key.Equals("X-Request-Id", StringComparison.OrdinalIgnoreCase)).Select(h => $"{h.Key}: {string.Join(", ", h.Value)}").Order(StringComparer.Ordinal));
}
