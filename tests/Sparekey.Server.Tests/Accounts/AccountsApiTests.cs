using System.Text.Json.Nodes;
using Sparekey.Server.Cli;

namespace Sparekey.Server.Tests.Accounts;

/// <summary>Accounts, applications and tenants as they stand on the wire: raw JSON, so that a renamed member breaks a test.</summary>
public sealed class AccountsApiTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.Start();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task An_account_has_the_documented_form()
    {
        var made = await _server.Post(
            "/v1/accounts",
            """
            {"email":"person@example.com","phones":["+49 30 5550000"],"username":"person","role":"operator","kind":"employee",
             "groups":["a"],"traits":{"name":"x"},"external_ids":[{"dialect":"dfns","id":"us-1"}]}
            """,
            _server.AdminToken);
        made.Status.ShouldBe(201, made.Text);
        made.Headers.Location!.ToString().ShouldBe($"/v1/accounts/{made["id"]}");
        var addresses = made.Json!["addresses"]!.AsArray();
        JsonNode.DeepEquals(made.Json, JsonNode.Parse(
            $$"""
            {"id":"{{made["id"]}}","username":"person","addresses":[
              {"id":"{{addresses[0]!["id"]}}","kind":"email","value":"person@example.com","usable":true,"carries_secrets":true,"since":"2026-11-21T08:00:00.000Z"},
              {"id":"{{addresses[1]!["id"]}}","kind":"phone","value":"+49 30 5550000","usable":true,"carries_secrets":true,"since":"2026-11-21T08:00:00.000Z"}],
             "role":"operator","kind":"employee","status":"active","groups":["a"],"traits":{"name":"x"},"metadata_public":{},"metadata_admin":{},
             "external_ids":[{"dialect":"dfns","id":"us-1"}],"created_at":"2026-11-21T08:00:00.000Z","version":1}
            """)).ShouldBeTrue(made.Text);
        (await _server.Get($"/v1/accounts/{made["id"]}", _server.AdminToken)).Text.ShouldBe(made.Text);
    }

    [Theory]
    [InlineData("""{"email":"nothing"}""", "invalid_request", "/email")]
    [InlineData("""{"emails":["a@example.com","nothing"]}""", "invalid_request", "/emails/1")]
    [InlineData("""{"email":"a@example.com","emails":["b@example.com"]}""", "invalid_request", "/email")]
    [InlineData("""{"username":"somebody","role":"emperor"}""", "unknown_role", "/role")]
    [InlineData("""{"username":"somebody","traits":[]}""", "invalid_request", "/traits")]
    [InlineData("""{"username":"somebody","password":"short"}""", "password_refused", "/password")]
    [InlineData("""{"username":"somebody","password_hash":"x"}""", "invalid_request", "/password_hash")]
    [InlineData("""{"username":"somebody","line":1}""", "invalid_request", "/line")]
    public async Task A_fault_names_its_member(string body, string code, string pointer)
    {
        var answer = await _server.Post("/v1/accounts", body, _server.AdminToken);
        answer.Code.ShouldBe(code, answer.Text);
        answer.Json!["errors"]![0]!["pointer"]!.ToString().ShouldBe(pointer);
    }

    [Theory]
    [InlineData("""{"id":"00000000-0000-4000-8000-000000000000","username":"somebody"}""")]
    [InlineData("""{"username":"somebody","given_at_creation":true}""")]
    [InlineData("""{"username":"somebody","version":7}""")]
    [InlineData("""{"username":"somebody","kind":"alien"}""")]
    [InlineData("""{"username":5}""")]
    public async Task Nobody_chooses_what_is_ours(string body) =>
        (await _server.Post("/v1/accounts", body, _server.AdminToken)).Code.ShouldBe("invalid_request");

    [Fact]
    public async Task A_patch_tells_absent_from_null()
    {
        var boss = await _server.Account("boss@example.com");
        var id = await _server.Account("person@example.com", "person");
        (await Patch(id, new { manager_id = boss }))["manager_id"].ShouldBe(boss);
        var kept = await Patch(id, new { groups = new[] { "a" } });
        (kept["username"], kept["manager_id"]).ShouldBe(("person", boss));
        var cleared = await Patch(id, new { username = (string?)null, manager_id = (string?)null });
        cleared.Status.ShouldBe(200, cleared.Text);
        (cleared.Json!["username"], cleared.Json["manager_id"]).ShouldBe((null, null));
        foreach (var body in new object[] { new { manager_id = "nobody" }, new { manager_id = 5 }, new { username = 5 } })
        {
            (await Patch(id, body)).Code.ShouldBe("invalid_request");
        }

        (await Patch(id, new { version = 1, groups = Array.Empty<string>() })).Code.ShouldBe("version_conflict");
        (await Patch(id, new { emails = new[] { "other@example.com" } })).Code.ShouldBe("invalid_request");
        (await Patch("no-id", new { groups = Array.Empty<string>() })).Code.ShouldBe("account_not_found");
    }

    [Fact]
    public async Task Lists_page_by_page_and_refuses_a_cursor_it_never_gave()
    {
        for (var i = 0; i < 5; i++)
        {
            await _server.Account($"p{i}@example.com");
        }

        var first = await _server.Get("/v1/accounts?limit=3", _server.AdminToken);
        var second = await _server.Get($"/v1/accounts?limit=3&cursor={first["cursor"]}", _server.AdminToken);
        first.Json!["accounts"]!.AsArray().Concat(second.Json!["accounts"]!.AsArray()).Select(a => a!["id"]!.ToString()).Distinct().Count().ShouldBe(5);
        second.Json["cursor"].ShouldBeNull();
        foreach (var cursor in new[] { "x", "%00", "AAAA", new string('A', 1000), "MS4y" })
        {
            (await _server.Get($"/v1/accounts?cursor={cursor}", _server.AdminToken)).Code.ShouldBe("invalid_cursor", cursor);
        }

        (await _server.Get("/v1/accounts?limit=0", _server.AdminToken)).Code.ShouldBe("invalid_request");
        (await _server.Get("/v1/accounts?email=P1@example.com", _server.AdminToken)).Json!["accounts"]!.AsArray().ShouldHaveSingleItem();
        (await _server.Get("/v1/accounts?username=nobody", _server.AdminToken)).Json!["accounts"]!.AsArray().ShouldBeEmpty();
    }

    [Fact]
    public async Task An_address_is_added_confirmed_with_nothing_but_the_code_and_removed()
    {
        var id = await _server.Account("person@example.com");
        var added = await _server.Post($"/v1/accounts/{id}/addresses", new { kind = "email", value = "new@example.org" }, _server.AdminToken);
        added.Status.ShouldBe(201, added.Text);
        var address = added.Json!["addresses"]![1]!;
        (address["usable"]!.GetValue<bool>(), address["carries_secrets"]!.GetValue<bool>()).ShouldBe((false, false));
        added.Text.ShouldNotContain("code");

        var path = $"/v1/accounts/{id}/addresses/{address["id"]}";
        (await _server.Post($"{path}/confirm", new { code = "00000000" }, _server.AdminToken)).Code.ShouldBe("confirmation_invalid");
        var soon = await _server.Post($"{path}/code", null, _server.AdminToken);
        (soon.Code, soon.Headers.RetryAfter!.Delta).ShouldBe(("too_many_requests", TimeSpan.FromMinutes(1)));
        _server.Time.Advance(TimeSpan.FromMinutes(1));
        var sent = await _server.Post($"{path}/code", null, _server.AdminToken);
        (sent.Status, sent.Text).ShouldBe((202, ""));
        (await _server.Send("DELETE", path, null, _server.AdminToken)).Status.ShouldBe(204);
        (await _server.Send("DELETE", path, null, _server.AdminToken)).Code.ShouldBe("address_not_found");
    }

    [Fact]
    public async Task The_same_idempotency_key_makes_one_account()
    {
        var body = new { email = "once@example.com" };
        var first = await _server.Post("/v1/accounts", body, _server.AdminToken, "key-1");
        var again = await _server.Post("/v1/accounts", body, _server.AdminToken, "key-1");
        (again.Status, again["id"]).ShouldBe((201, first["id"]));
        (await _server.Post("/v1/accounts", new { email = "twice@example.com" }, _server.AdminToken, "key-1")).Code.ShouldBe("idempotency_key_reused");
        (await _server.Post("/v1/accounts", body, _server.AdminToken)).Code.ShouldBe("identifier_taken");
    }

    [Fact]
    public async Task A_deleted_account_is_gone_with_its_session()
    {
        const string password = "a long and winding password";
        var id = await _server.Account("person@example.com", password: password);
        var session = await _server.Post("/v1/sessions", new { identifier = "person@example.com", password });
        session.Status.ShouldBe(201, session.Text);
        (await _server.Send("DELETE", $"/v1/accounts/{id}", null, _server.AdminToken)).Status.ShouldBe(204);
        (await _server.Get($"/v1/accounts/{id}", _server.AdminToken)).Code.ShouldBe("account_not_found");
        (await _server.Get("/v1/sessions/current", session["session_token"])).Status.ShouldBe(401);
        (await _server.Post("/v1/sessions", new { identifier = "person@example.com", password })).Code.ShouldBe("sign_in_failed");
    }

    [Fact]
    public async Task An_application_is_made_changed_and_deleted()
    {
        var made = await _server.Post(
            "/v1/applications",
            new { name = "Portal", rp_id = "example.com", origins = new[] { "https://app.example.com" }, link_hosts = new[] { "go.example.com" } },
            _server.AdminToken);
        made.Status.ShouldBe(201, made.Text);
        var path = $"/v1/applications/{made["id"]}";
        made.Headers.Location!.ToString().ShouldBe(path);
        JsonNode.DeepEquals(made.Json, JsonNode.Parse(
            $$"""
            {"id":"{{made["id"]}}","name":"Portal","rp_id":"example.com","origins":["https://app.example.com"],"link_hosts":["go.example.com"],
             "return_urls":[],"client_ids":[],"branding":{},"is_default":false,"created_at":"2026-11-21T08:00:00.000Z","version":1}
            """)).ShouldBeTrue(made.Text);
        (await _server.Send("PATCH", path, new { rp_id = (string?)null }, _server.AdminToken)).Json!["rp_id"].ShouldBeNull();
        (await _server.Send("PATCH", path, new { origins = new[] { "http://app.example.com" } }, _server.AdminToken)).Code.ShouldBe("invalid_request");
        (await _server.Get("/v1/applications", _server.AdminToken)).Json!["applications"]!.AsArray().Count.ShouldBe(2);
        (await _server.Send("DELETE", path, null, _server.AdminToken)).Status.ShouldBe(204);
        (await _server.Get(path, _server.AdminToken)).Code.ShouldBe("application_not_found");
    }

    [Fact]
    public async Task An_import_by_the_operator_of_the_machine_is_all_or_nothing()
    {
        await using var local = _server.Local();
        var refused = await Should.ThrowAsync<RefusedException>(() => local.Call(
            HttpMethod.Post, "/local/accounts/import",
            JsonNode.Parse("""{"accounts":[{"email":"a@example.com","line":2},{"email":"b","line":3}]}""")!, CancellationToken.None));
        refused.Problem["errors"]![0]!["detail"]!.ToString().ShouldStartWith("Line 3: ");
        (await _server.Get("/v1/accounts", _server.AdminToken)).Json!["accounts"]!.AsArray().ShouldBeEmpty();

        var done = await local.Call(
            HttpMethod.Post, "/local/accounts/import",
            JsonNode.Parse("""{"accounts":[{"email":"a@example.com","line":2},{"email":"b@example.com","line":3}]}""")!, CancellationToken.None);
        done!["imported"]!.GetValue<int>().ShouldBe(2);
        (await _server.Post("/local/accounts/import", new { accounts = Array.Empty<object>() }, _server.AdminToken)).Status.ShouldBe(404);
        (await _server.Post("/local/tenants", new { name = "mine", origin = "https://x.example.org" }, _server.AdminToken)).Status.ShouldBe(404);
    }

    private Task<Answer> Patch(string id, object body) => _server.Send("PATCH", $"/v1/accounts/{id}", body, _server.AdminToken);
}
