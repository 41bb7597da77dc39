using System.Text.Json.Nodes;

namespace Sparekey.Server.Tests;

/// <summary>Signing in and out, and what an operator may do to credentials, over HTTP.</summary>
public sealed class SessionApiTests : IAsyncLifetime
{
    private const string First = "a first password from the team";
    private const string Own = "a password of the person's own";

    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.Start();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_provisional_password_opens_a_session_that_can_only_change_it()
    {
        await _server.Account("first@example.com", password: First);

        var restricted = await SignIn("first@example.com", First);
        restricted.Status.ShouldBe(201, restricted.Text);
        restricted["session_token"].ShouldStartWith("sps_default_");
        restricted["must_change_password"].ShouldBe("true");
        var token = restricted["session_token"];

        foreach (var (method, path) in new[] { ("GET", "/v1/sessions/current"), ("DELETE", "/v1/sessions") })
        {
            var refused = await _server.Send(method, path, null, token);
            refused.Status.ShouldBe(403);
            refused.Code.ShouldBe("password_change_required");
        }

        var changed = await Change(token, First, Own);
        changed.Status.ShouldBe(200, changed.Text);
        changed["must_change_password"].ShouldBe("false");
        changed["id"].ShouldNotBe(restricted["id"]);
        (await _server.Get("/v1/sessions/current", token)).Code.ShouldBe("session_invalid");
        var read = await _server.Get("/v1/sessions/current", changed["session_token"]);
        read.Status.ShouldBe(200);
        read.Text.ShouldNotContain("sps_");
        (await SignIn("first@example.com", First)).Code.ShouldBe("sign_in_failed");
        (await SignIn("first@example.com", Own))["must_change_password"].ShouldBe("false");
    }

    [Fact]
    public async Task Signs_out()
    {
        var token = await SignedIn("out@example.com");
        (await _server.Get("/v1/sessions/current", token)).Headers.CacheControl!.NoStore.ShouldBeTrue();

        (await _server.Send("DELETE", "/v1/sessions/current", null, token)).Status.ShouldBe(204);

        foreach (var (method, path) in new[]
        {
            ("GET", "/v1/sessions/current"), ("DELETE", "/v1/sessions/current"), ("DELETE", "/v1/sessions"),
        })
        {
            var refused = await _server.Send(method, path, null, token);
            refused.Status.ShouldBe(401);
            refused.Code.ShouldBe("session_invalid");
            refused.Headers.WwwAuthenticate.ToString().ShouldBe("Bearer");
        }
    }

    [Fact]
    public async Task A19_Signs_out_everywhere_else()
    {
        var here = await SignedIn("elsewhere@example.com");
        var there = (await SignIn("elsewhere@example.com", Own))["session_token"];

        var ended = await _server.Send("DELETE", "/v1/sessions", null, here);

        ended.Status.ShouldBe(200);
        ended.Text.ShouldBe("""{"ended":1}""");
        (await _server.Get("/v1/sessions/current", here)).Status.ShouldBe(200);
        (await _server.Get("/v1/sessions/current", there)).Status.ShouldBe(401);
    }

    [Fact]
    public async Task Every_failed_sign_in_looks_the_same()
    {
        await _server.Account("known@example.com", password: First);
        await _server.Account("passwordless@example.com");

        var answers = new List<Answer>
        {
            await SignIn("known@example.com", "not the password at all"),
            await SignIn("unknown@example.com", First),
            await SignIn("passwordless@example.com", First),
            await SignIn("", ""),
            await SignIn(new string('x', 3000), First),
        };
        _server.Time.Advance(TimeSpan.FromHours(24));
        answers.Add(await SignIn("known@example.com", First));

        answers.Select(a => a.Status).ShouldAllBe(status => status == 401);
        answers.Select(Shape).Distinct(StringComparer.Ordinal).ShouldHaveSingleItem();
        answers.ShouldAllBe(a => a.Headers.WwwAuthenticate.Count == 0);
    }

    [Fact]
    public async Task Known_and_unknown_names_are_slowed_down_alike()
    {
        await _server.Account("slow@example.com", password: First);

        var known = await UntilSlowed("slow@example.com");
        var unknown = await UntilSlowed("nobody@example.com");

        known.Count.ShouldBe(unknown.Count);
        known[^1].Status.ShouldBe(429);
        known[^1].Headers.RetryAfter.ShouldNotBeNull();
        Shape(known[^1]).ShouldBe(Shape(unknown[^1]));
    }

    [Fact]
    public async Task Refuses_any_other_body()
    {
        string[] bodies =
        [
            """{"identifier":"a@example.com"}""",
            """{"identifier":"a@example.com","password":"p","remember":true}""",
            """{"identifier":"a@example.com","password":"p","password":"q"}""",
            """{"identifier":"a@example.com","password":null}""",
            """{"identifier":["a@example.com"],"password":"p"}""",
            """{"identifier":"a@example.com","password":"\ud800"}""",
            """["a@example.com","p"]""",
            "not json",
        ];
        foreach (var body in bodies)
        {
            var answer = await _server.Post("/v1/sessions", body);

            answer.Status.ShouldBe(400, body);
            answer.Code.ShouldBeOneOf("invalid_request", "invalid_json");
        }

        (await SignIn("a@example.com", new string('p', 9000))).Code.ShouldBe("body_too_large");
    }

    [Fact]
    public async Task Refuses_a_foreign_origin()
    {
        await _server.Account("origin@example.com", password: First);

        (await SignIn("origin@example.com", First, "https://evil.example.net")).Code.ShouldBe("origin_not_allowed");
        (await SignIn("origin@example.com", First, "null")).Code.ShouldBe("origin_not_allowed");
        (await SignIn("origin@example.com", First, _server.Origin.GetLeftPart(UriPartial.Authority))).Status.ShouldBe(201);
    }

    [Fact]
    public async Task A_session_is_no_access_token_and_an_access_token_no_session()
    {
        var session = await SignedIn("kinds@example.com");

        (await _server.Get("/v1/policy", session)).Code.ShouldBe("permission_missing");
        (await _server.Get("/v1/sessions/current", _server.AdminToken)).Code.ShouldBe("session_invalid");
        (await _server.Get("/v1/sessions/current")).Code.ShouldBe("session_invalid");
        (await _server.Get("/v1/sessions/current", session[..^1])).Code.ShouldBe("session_invalid");
    }

    [Fact]
    public async Task A_wrong_current_password_changes_nothing()
    {
        var token = await SignedIn("wrong@example.com");

        var refused = await Change(token, "not the current password", "another password altogether");
        refused.Status.ShouldBe(403);
        refused.Code.ShouldBe("current_password_wrong");
        var weak = await Change(token, Own, "short");
        weak.Code.ShouldBe("password_refused");
        weak.Json!["errors"]![0]!["pointer"]!.ToString().ShouldBe("/new_password");
        var personal = await Change(token, Own, "wrong@example.com1");
        personal.Code.ShouldBe("password_refused");
        (await SignIn("wrong@example.com", Own)).Status.ShouldBe(201);
    }

    [Fact]
    public async Task Lists_credentials_without_what_verifies_them()
    {
        var account = await _server.Account("list@example.com", password: First);

        var listed = await _server.Get($"/v1/accounts/{account}/credentials", _server.AdminToken);

        listed.Status.ShouldBe(200, listed.Text);
        var password = listed.Json!["items"]!.AsArray().ShouldHaveSingleItem()!.AsObject();
        password["kind"]!.ToString().ShouldBe("password");
        password.Select(m => m.Key).ShouldBe(["id", "kind", "created_at", "provisional_until"]);
        (await _server.Get("/v1/accounts/00000000-0000-4000-8000-000000000000/credentials", _server.AdminToken)).Code
            .ShouldBe("account_not_found");
        (await _server.Get("/v1/accounts/x/credentials", _server.AdminToken)).Code.ShouldBe("account_not_found");
    }

    [Fact]
    public async Task Removes_a_persons_own_credential_only_where_policy_demands_nothing()
    {
        var session = await SignedIn("revoke@example.com");
        var account = (await _server.Get("/v1/sessions/current", session))["account_id"];
        var path = $"/v1/accounts/{account}/credentials/{await PasswordOf(account)}";

        (await _server.Send("DELETE", path, null, _server.AdminToken)).Code.ShouldBe("policy_refuses");
        (await _server.Get("/v1/sessions/current", session)).Status.ShouldBe(200);
        var lenient = await _server.Put(
            "/v1/policy", new { version = 0, roles = new[] { "user", "operator", "admin" }, rules = Array.Empty<object>() }, _server.AdminToken);
        lenient.Status.ShouldBe(200, lenient.Text);
        var reader = await _server.Token("reader", ["account:read", "account:write"]);
        (await _server.Send("DELETE", path, null, reader)).Code.ShouldBe("permission_missing");

        (await _server.Send("DELETE", path, null, _server.AdminToken)).Status.ShouldBe(204);

        (await _server.Get("/v1/sessions/current", session)).Code.ShouldBe("session_invalid");
        (await SignIn("revoke@example.com", Own)).Code.ShouldBe("sign_in_failed");
        (await _server.Send("DELETE", path, null, _server.AdminToken)).Code.ShouldBe("credential_not_found");
    }

    [Fact]
    public async Task Disabling_an_account_ends_its_sessions_for_good()
    {
        var session = await SignedIn("disabled@example.com");
        var account = (await _server.Get("/v1/sessions/current", session))["account_id"];

        foreach (var status in new[] { "disabled", "active" })
        {
            var changed = await _server.Send("PATCH", $"/v1/accounts/{account}", new { status }, _server.AdminToken);
            changed.Status.ShouldBe(200, changed.Text);
            (await _server.Get("/v1/sessions/current", session)).Code.ShouldBe("session_invalid");
        }
    }

    private Task<Answer> SignIn(string identifier, string password) => _server.Post("/v1/sessions", new { identifier, password });

    private Task<Answer> SignIn(string identifier, string password, string origin)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/v1/sessions")
        {
            Content = new StringContent(
                new JsonObject { ["identifier"] = identifier, ["password"] = password }.ToJsonString(), null, "application/json"),
        };
        request.Headers.Add("Origin", origin);
        return _server.Send(request);
    }

    private Task<Answer> Change(string token, string current, string wanted) =>
        _server.Put("/v1/sessions/current/password", new { current_password = current, new_password = wanted }, token);

    // An account whose person has taken over the first password, and their session.
    private async Task<string> SignedIn(string email)
    {
        await _server.Account(email, password: First);
        var changed = await Change((await SignIn(email, First))["session_token"], First, Own);
        changed.Status.ShouldBe(200, changed.Text);
        return changed["session_token"];
    }

    private async Task<string> PasswordOf(string account) =>
        (await _server.Get($"/v1/accounts/{account}/credentials", _server.AdminToken)).Json!["items"]![0]!["id"]!.ToString();

    private async Task<List<Answer>> UntilSlowed(string identifier)
    {
        var answers = new List<Answer>();
        while (answers.Count < 30 && answers.All(a => a.Status == 401))
        {
            answers.Add(await SignIn(identifier, "not the password at all"));
        }

        return answers;
    }

    // The answer without what differs by occurrence.
    private static string Shape(Answer answer)
    {
        var json = answer.Json!.DeepClone().AsObject();
        json.Remove("correlation_id").ShouldBeTrue();
        return $"{answer.Status} {json.ToJsonString()}";
    }
}
