using System.Text.Json.Nodes;

namespace Sparekey.Server.Tests;

/// <summary>Service accounts and access tokens as they stand on the wire.</summary>
public sealed class AccessTests : IAsyncLifetime
{
    private const string OrderOfToken = """{"name":"portal","permissions":["recovery:request"],"expires_in":"12h","per_minute":50}""";

    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.Start();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_token_is_shown_once_and_read_without_its_text()
    {
        var made = await _server.Post("/v1/tokens", OrderOfToken, _server.AdminToken);

        made.Status.ShouldBe(201, made.Text);
        made["token"].ShouldStartWith("spk_default_");
        made["ceiling"].ShouldBe("user");
        made["per_minute"].ShouldBe("50");
        made["created_at"].ShouldBe("2026-11-21T08:00:00.000Z");
        made["expires_at"].ShouldBe("2026-11-21T20:00:00.000Z");
        made.Json!["permissions"]!.ToJsonString().ShouldBe("""["recovery:request"]""");

        var read = await _server.Get($"/v1/tokens/{made["id"]}", _server.AdminToken);
        read.Status.ShouldBe(200);
        read.Json!["token"].ShouldBeNull();
        read["service_account_id"].ShouldBe(made["service_account_id"]);
        var account = await _server.Get($"/v1/service-accounts/{made["service_account_id"]}", _server.AdminToken);
        account["name"].ShouldBe("portal");
        account["owner_id"].ShouldBe("local-operator");
    }

    [Fact]
    public async Task A_revoked_token_is_refused_at_once_and_so_is_every_token_of_a_deleted_service_account()
    {
        var one = await _server.Post("/v1/tokens", Order("one", "policy:read"), _server.AdminToken);
        var other = await _server.Post("/v1/tokens", Order("other", "policy:read"), _server.AdminToken);
        (await _server.Get("/v1/policy", one["token"])).Status.ShouldBe(200);
        (await _server.Get("/v1/policy", other["token"])).Status.ShouldBe(200);

        (await _server.Send("DELETE", $"/v1/tokens/{one["id"]}", null, _server.AdminToken)).Status.ShouldBe(204);
        (await _server.Send("DELETE", $"/v1/service-accounts/{other["service_account_id"]}", null, _server.AdminToken))
            .Status.ShouldBe(204);

        foreach (var token in new[] { one["token"], other["token"] })
        {
            var refused = await _server.Get("/v1/policy", token);
            refused.Status.ShouldBe(401);
            refused.Code.ShouldBe("unauthenticated");
            refused.Headers.WwwAuthenticate.ToString().ShouldBe("Bearer");
        }
    }

    [Fact]
    public async Task A_token_without_the_permission_is_refused_and_the_ledger_says_so()
    {
        var weak = await _server.Post("/v1/tokens", Order("weak", "recovery:read"), _server.AdminToken);

        foreach (var (method, path) in new[]
                 {
                     ("POST", "/v1/tokens"), ("GET", "/v1/tokens"), ("GET", $"/v1/tokens/{weak["id"]}"), ("DELETE", $"/v1/tokens/{weak["id"]}"),
                     ("POST", "/v1/service-accounts"), ("GET", "/v1/service-accounts"),
                     ("GET", $"/v1/service-accounts/{weak["service_account_id"]}"),
                     ("DELETE", $"/v1/service-accounts/{weak["service_account_id"]}"),
                 })
        {
            var refused = await _server.Send(method, path, method == "POST" ? OrderOfToken : null, weak["token"]);
            (refused.Status, refused.Code).ShouldBe((403, "permission_missing"), path);
        }

        var ledger = await _server.Get("/v1/ledger?limit=100", _server.AdminToken);
        ledger.Text.ShouldContain("POST /v1/tokens");
        ledger.Text.ShouldContain("permission_missing");
    }

    [Fact]
    public async Task A_token_that_would_be_stronger_than_its_creator_is_refused()
    {
        var creator = await _server.Token("creator", ["token:write", "recovery:read"], "operator");

        foreach (var order in new[]
                 {
                     """{"name":"creator","permissions":["recovery:issue"]}""",
                     """{"name":"creator","permissions":["recovery:read"],"ceiling":"admin"}""",
                     """{"name":"creator","permissions":["recovery:read"],"expires_in":"2h"}""",
                 })
        {
            var refused = await _server.Post("/v1/tokens", order, creator);
            (refused.Status, refused.Code).ShouldBe((403, "stronger_than_creator"), order);
        }

        (await _server.Post("/v1/tokens", """{"name":"creator","permissions":["recovery:read"],"ceiling":"operator"}""", creator))
            .Status.ShouldBe(201);
    }

    [Theory]
    [InlineData("""{"name":"x","permissions":["recovery:request","recovery:everything"]}""", "/permissions/1")]
    [InlineData("""{"name":"x","permissions":["RECOVERY:REQUEST"]}""", "/permissions/0")]
    [InlineData("""{"name":"x","permissions":[null]}""", "/permissions/0")]
    [InlineData("""{"name":"x","permissions":[]}""", "/permissions")]
    [InlineData("""{"name":"x","permissions":["recovery:read"],"expires_in":"forever"}""", "/expires_in")]
    [InlineData("""{"name":"x","permissions":["recovery:read"],"expires_in":"367d"}""", "/expires_in")]
    [InlineData("""{"name":"x","permissions":["recovery:read"],"per_minute":0}""", "/per_minute")]
    [InlineData("""{"permissions":["recovery:read"]}""", "/service_account_id")]
    [InlineData("""{"name":" ","permissions":["recovery:read"]}""", "/name")]
    public async Task An_order_that_is_wrong_is_refused_with_where(string order, string pointer)
    {
        var refused = await _server.Post("/v1/tokens", order, _server.AdminToken);

        (refused.Status, refused.Code).ShouldBe((400, "invalid_request"), refused.Text);
        refused.Json!["errors"]!.AsArray().Select(e => e!["pointer"]!.ToString()).ShouldBe([pointer]);
    }

    [Fact]
    public async Task A_repeated_call_answers_what_it_answered_without_the_secret()
    {
        var first = await _server.Post("/v1/tokens", OrderOfToken, _server.AdminToken, "\"key-1\"");

        var again = await _server.Post("/v1/tokens", OrderOfToken, _server.AdminToken, "\"key-1\"");
        var bare = await _server.Post("/v1/tokens", OrderOfToken, _server.AdminToken, "key-1");

        again.Status.ShouldBe(201);
        again["id"].ShouldBe(first["id"]);
        again.Json!["secret_withheld"]!.GetValue<bool>().ShouldBeTrue();
        again.Text.ShouldNotContain(first["token"][^49..]);
        bare.Text.ShouldBe(again.Text);
        var expected = (JsonObject)first.Json!.DeepClone();
        expected.Remove("token");
        expected["secret_withheld"] = true;
        JsonNode.DeepEquals(again.Json, expected).ShouldBeTrue(again.Text);
    }

    [Fact]
    public async Task A_key_for_another_call_is_refused()
    {
        await _server.Post("/v1/tokens", OrderOfToken, _server.AdminToken, "key-1");

        var other = await _server.Post("/v1/tokens", Order("portal", "recovery:read"), _server.AdminToken, "key-1");

        (other.Status, other.Code).ShouldBe((422, "idempotency_key_reused"));
    }

    [Theory]
    [InlineData("\"\"")]
    [InlineData("\"a")]
    [InlineData("a\"b")]
    [InlineData("\"a\\\"b\"")]
    public async Task A_key_that_is_none_is_refused_and_nothing_happens(string key)
    {
        var refused = await _server.Post("/v1/tokens", OrderOfToken, _server.AdminToken, key);

        (refused.Status, refused.Code).ShouldBe((400, "idempotency_key_invalid"));
        (await _server.Get("/v1/service-accounts", _server.AdminToken)).Text.ShouldNotContain("portal");
    }

    [Fact]
    public async Task A_key_has_255_characters_at_most()
    {
        (await _server.Post("/v1/tokens", OrderOfToken, _server.AdminToken, new string('k', 255))).Status.ShouldBe(201);
        (await _server.Post("/v1/tokens", OrderOfToken, _server.AdminToken, new string('k', 256))).Code
            .ShouldBe("idempotency_key_invalid");
    }

    [Fact]
    public async Task A_token_that_spent_its_allowance_waits_and_may_still_read()
    {
        var made = await _server.Post(
            "/v1/tokens", """{"name":"slow","permissions":["token:write"],"per_minute":3}""", _server.AdminToken);
        for (var i = 0; i < 3; i++)
        {
            (await _server.Post("/v1/service-accounts", new { name = $"made-{i}" }, made["token"])).Status.ShouldBe(201);
        }

        var refused = await _server.Post("/v1/service-accounts", new { name = "made-3" }, made["token"]);

        (refused.Status, refused.Code).ShouldBe((429, "velocity_exceeded"));
        refused.Headers.RetryAfter!.Delta.ShouldBe(TimeSpan.FromSeconds(60));
        (await _server.Get("/v1/service-accounts", made["token"])).Text.ShouldNotContain("made-3");
        _server.Time.Advance(TimeSpan.FromSeconds(60));
        (await _server.Post("/v1/service-accounts", new { name = "made-3" }, made["token"])).Status.ShouldBe(201);
    }

    [Fact]
    public async Task Pages_hold_everything_once()
    {
        for (var i = 0; i < 5; i++)
        {
            await _server.Post("/v1/tokens", OrderOfToken, _server.AdminToken);
        }

        var (seen, cursor) = (new List<string>(), "");
        do
        {
            var page = await _server.Get($"/v1/tokens?limit=2{cursor}", _server.AdminToken);
            seen.AddRange(page.Json!["tokens"]!.AsArray().Select(t => t!["id"]!.ToString()));
            cursor = page.Json["cursor"] is { } next ? $"&cursor={next}" : "";
        }
        while (cursor.Length > 0);

        seen.Count.ShouldBe(6); // And the first token of the installation.
        seen.ShouldBeUnique();
        (await _server.Get("/v1/tokens?cursor=made-up", _server.AdminToken)).Code.ShouldBe("invalid_cursor");
    }

    [Theory]
    [InlineData("/v1/tokens/", "token_not_found")]
    [InlineData("/v1/service-accounts/", "service_account_not_found")]
    public async Task What_is_not_there_is_not_found_however_it_is_spelt(string path, string code)
    {
        foreach (var id in new[] { Guid.Empty.ToString(), "x", "%27%3B--", new string('a', 1000) })
        {
            foreach (var method in new[] { "GET", "DELETE" })
            {
                var refused = await _server.Send(method, path + id, null, _server.AdminToken);
                (refused.Status, refused.Code).ShouldBe((404, code), $"{method} {path}{id}");
            }
        }
    }

    private static object Order(string name, string permission) => new { name, permissions = new[] { permission } };
}
