using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>Identities over HTTP: what is refused and how, and that no call is a way around recovery.</summary>
public sealed class KratosIdentityTests(KratosFixture fixture) : IClassFixture<KratosFixture>
{
    private const string Password = "a long enough password";

    private readonly RunningServer _server = fixture.Server;

    [Theory]
    [InlineData("Bearer ")]
    [InlineData("bearer ")]
    [InlineData("")]
    public async Task The_token_counts_with_and_without_its_scheme(string scheme)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/admin/identities?page_size=1");
        request.Headers.TryAddWithoutValidation("Authorization", scheme + _server.AdminToken);

        (await _server.Send(request)).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("GET", "/admin/identities")]
    [InlineData("POST", "/admin/identities")]
    [InlineData("GET", "/admin/identities/e01b5f2f-6afc-4194-8578-4cebcf69a4d5")]
    [InlineData("PUT", "/admin/identities/e01b5f2f-6afc-4194-8578-4cebcf69a4d5")]
    [InlineData("PATCH", "/admin/identities/e01b5f2f-6afc-4194-8578-4cebcf69a4d5")]
    [InlineData("DELETE", "/admin/identities/e01b5f2f-6afc-4194-8578-4cebcf69a4d5")]
    [InlineData("DELETE", "/admin/identities/e01b5f2f-6afc-4194-8578-4cebcf69a4d5/credentials/password")]
    [InlineData("GET", "/admin/identities/e01b5f2f-6afc-4194-8578-4cebcf69a4d5/sessions")]
    [InlineData("DELETE", "/admin/identities/e01b5f2f-6afc-4194-8578-4cebcf69a4d5/sessions")]
    [InlineData("GET", "/admin/identities/by/external/x")]
    [InlineData("GET", "/admin/sessions")]
    [InlineData("DELETE", "/admin/sessions/e01b5f2f-6afc-4194-8578-4cebcf69a4d5")]
    [InlineData("GET", "/api/kratos/admin/identities")]
    [InlineData("GET", "/api/kratos/public/admin/identities")]
    public async Task Who_may_call_is_asked_before_anything_else(string method, string path)
    {
        var body = method is "POST" or "PUT" or "PATCH" ? "not json" : null;
        var stranger = await _server.Send(method, path, body);
        (stranger.Status, stranger.Json!["error"]!["message"]!.ToString()).ShouldBe((401, "The request could not be authorized"));

        var narrow = await _server.Token("narrow", ["ledger:read"]);
        var other = await _server.Send(method, path, body, narrow);
        (other.Status, other.Json!["error"]!["message"]!.ToString()).ShouldBe((403, "The requested action was forbidden"));
        other.Text.ShouldBe("{\"error\":{\"code\":403,\"status\":\"Forbidden\",\"message\":\"The requested action was forbidden\"}}\n");
    }

    [Theory]
    [InlineData("""{"id":"e01b5f2f-6afc-4194-8578-4cebcf69a4d5","traits":{}}""", "/id")]
    [InlineData("""{"traits":""", "")]
    [InlineData("""[]""", "")]
    [InlineData("", "")]
    public async Task An_identity_with_members_that_it_does_not_have_is_refused(string body, string said)
    {
        var refused = await _server.Post("/admin/identities", body, _server.AdminToken);

        refused.Status.ShouldBe(400);
        refused.Json!["error"]!["message"]!.ToString().ShouldContain(said);
        refused.Json["error"]!["reason"].ShouldBeNull();
    }

    [Theory]
    [InlineData("""{"traits":{"email":"nobody"}}""", "I[#/traits/email]")]
    [InlineData("""{"traits":"text"}""", "I[#/traits]")]
    [InlineData("""{"schema_id":"none","traits":{}}""", "schema")]
    [InlineData("""{"traits":{},"state":"asleep"}""", "The supplied state ('asleep') was not valid.")]
    [InlineData("""{"traits":{},"credentials":{"oidc":{"config":{}}}}""", "Only a password")]
    [InlineData("""{"traits":{},"credentials":{"passkey":{"config":{}}}}""", "Only a password")]
    [InlineData("""{"traits":{},"credentials":{"password":{"config":{"use_password_migration_hook":true}}}}""", "migration")]
    [InlineData("""{"traits":{},"credentials":{"password":{"config":{"hashed_password":"$2a$12$abc"}}}}""", "PBKDF2")]
    [InlineData("""{"traits":{},"metadata_public":"text"}""", "Metadata")]
    [InlineData("""{"traits":{},"organization_id":"e01b5f2f-6afc-4194-8578-4cebcf69a4d5"}""", "Organizations")]
    [InlineData("""{"traits":{},"recovery_addresses":[{"value":"a@example.com","via":"pigeon"}]}""", "via")]
    [InlineData("""{"traits":{},"recovery_addresses":[{"value":"nobody","via":"email"}]}""", "recovery_addresses/0")]
    [InlineData("""{"traits":{"email":"weak-password@example.com"},"credentials":{"password":{"config":{"password":"short"}}}}""", "password")]
    public async Task An_identity_that_cannot_be_is_refused_with_a_reason(string body, string reason)
    {
        var refused = await _server.Post("/admin/identities", body, _server.AdminToken);

        refused.Status.ShouldBe(400, refused.Text);
        refused.Json!["error"]!["reason"]!.ToString().ShouldContain(reason);
    }

    [Fact]
    public async Task An_identifier_that_is_somebodys_is_a_conflict()
    {
        var email = fixture.NewPerson();
        await fixture.Made(new { traits = new { email }, external_id = "one-" + email });

        foreach (var body in new object[] { new { traits = new { email = email.ToUpperInvariant() } }, new { traits = new { }, external_id = "one-" + email } })
        {
            var refused = await _server.Post("/admin/identities", body, _server.AdminToken);
            (refused.Status, refused.Json!["error"]!["reason"]!.ToString()).ShouldBe((409, "This identity conflicts with another identity that already exists."));
        }
    }

    [Fact]
    public async Task An_identity_may_have_nothing_at_all()
    {
        var made = await fixture.Made(new { });

        made["schema_id"]!.ToString().ShouldBe("default");
        made["traits"]!.ToJsonString().ShouldBe("{}");
        made.AsObject().ContainsKey("recovery_addresses").ShouldBeFalse();
        made["credentials"]!.AsObject().ShouldBeEmpty();
    }

    [Fact]
    public async Task Imported_addresses_are_there_and_what_was_verified_elsewhere_is_verified()
    {
        var (email, second) = (fixture.NewPerson(), fixture.NewPerson());

        var made = await fixture.Made(new
        {
            traits = new { email },
            recovery_addresses = new[] { new { value = second.ToUpperInvariant(), via = "email" } },
            verifiable_addresses = new[] { new { value = email, via = "email", verified = true, status = "completed" } },
        });

        made["recovery_addresses"]!.AsArray().Select(a => a!["value"]!.ToString()).ShouldBe([email, second]);
        var verified = made["verifiable_addresses"]!.AsArray().ShouldHaveSingleItem()!;
        (verified["verified"]!.GetValue<bool>(), verified["status"]!.ToString()).ShouldBe((true, "completed"));
        verified["verified_at"].ShouldNotBeNull();
    }

    [Fact]
    public async Task A_password_given_at_the_start_is_provisional_and_a_hash_from_elsewhere_is_the_persons_own()
    {
        var (email, other) = (fixture.NewPerson(), fixture.NewPerson());
        await fixture.Made(new { traits = new { email }, credentials = new { password = new { config = new { password = Password } } } });
        var salt = RandomNumberGenerator.GetBytes(16);
        var key = Rfc2898DeriveBytes.Pbkdf2(Password, salt, 100_000, HashAlgorithmName.SHA256, 32);
        var hash = $"$pbkdf2-sha256$i=100000,l=32${Convert.ToBase64String(salt).TrimEnd('=')}${Convert.ToBase64String(key).TrimEnd('=')}";
        await fixture.Made(new { traits = new { email = other }, credentials = new { password = new { config = new { hashed_password = hash } } } });

        var provisional = await _server.Post("/v1/sessions", new { identifier = email, password = Password });
        var own = await _server.Post("/v1/sessions", new { identifier = other, password = Password });

        (provisional.Status, provisional.Json!["must_change_password"]!.GetValue<bool>()).ShouldBe((201, true));
        (own.Status, own.Json!["must_change_password"]!.GetValue<bool>()).ShouldBe((201, false));
        (await _server.Post("/v1/sessions", new { identifier = other, password = Password + "x" })).Status.ShouldBe(401);
    }

    [Theory]
    [InlineData("PUT")]
    [InlineData("PATCH")]
    public async Task A6_No_call_sets_a_credential_of_an_identity_that_exists(string method)
    {
        var email = fixture.NewPerson();
        var id = (await fixture.Made(new { traits = new { email } }))["id"]!.ToString();
        object body = method == "PUT"
            ? new { schema_id = "default", state = "active", traits = new { email }, credentials = new { password = new { config = new { password = Password } } } }
            : new object[] { new { op = "add", path = "/credentials/password", value = new { config = new { password = Password } } } };

        var refused = await _server.Send(method, $"/admin/identities/{id}", body, _server.AdminToken);

        refused.Status.ShouldBe(method == "PUT" ? 403 : 400);
        (await _server.Post("/v1/sessions", new { identifier = email, password = Password })).Status.ShouldBe(401);
        (await Read(id))["credentials"]!.AsObject().ShouldBeEmpty();
    }

    [Fact]
    public async Task A6_A_credential_of_the_persons_own_is_not_taken_away_past_policy()
    {
        var email = fixture.NewPerson();
        var id = (await fixture.Made(new { traits = new { email }, credentials = new { password = new { config = new { password = Password } } } }))["id"]!.ToString();
        await _server.Post("/v1/sessions", new { identifier = email, password = Password });
        var redemption = await _server.RedeemLink(await _server.Recover(email, "link"));
        (await _server.Put("/v1/redemption/password", new { new_password = Password + "!" }, redemption)).Status.ShouldBeLessThan(300);

        var refused = await _server.Send("DELETE", $"/admin/identities/{id}/credentials/password", null, _server.AdminToken);

        refused.Status.ShouldBe(403, refused.Text);
        (await _server.Post("/v1/sessions", new { identifier = email, password = Password + "!" })).Status.ShouldBe(201);
        (await _server.Send("DELETE", $"/admin/identities/{id}/credentials/totp", null, _server.AdminToken)).Status.ShouldBe(404);
    }

    [Fact]
    public async Task A_provisional_password_goes_without_asking()
    {
        var email = fixture.NewPerson();
        var id = (await fixture.Made(new { traits = new { email }, credentials = new { password = new { config = new { password = Password } } } }))["id"]!.ToString();

        (await _server.Send("DELETE", $"/admin/identities/{id}/credentials/password", null, _server.AdminToken)).Status.ShouldBe(204);

        (await _server.Send("DELETE", $"/admin/identities/{id}/credentials/password", null, _server.AdminToken)).Status.ShouldBe(404);
        (await _server.Post("/v1/sessions", new { identifier = email, password = Password })).Status.ShouldBe(401);
    }

    [Fact]
    public async Task N9_An_address_that_a_programme_changes_carries_nothing_until_it_is_confirmed_and_settled()
    {
        var (email, attacker) = (fixture.NewPerson(), fixture.NewPerson());
        var id = (await fixture.Made(new { traits = new { email, name = "Jane" } }))["id"]!.ToString();

        var changed = await _server.Send(
            "PATCH", $"/admin/identities/{id}", new object[] { new { op = "replace", path = "/traits/email", value = attacker } }, _server.AdminToken);

        changed.Status.ShouldBe(200, changed.Text);
        changed.Json!["traits"]!["name"]!.ToString().ShouldBe("Jane");
        var address = changed.Json["recovery_addresses"]!.AsArray().ShouldHaveSingleItem()!;
        (address["value"]!.ToString(), changed.Json["verifiable_addresses"]![0]!["status"]!.ToString()).ShouldBe((attacker, "sent"));
        changed.Json["verifiable_addresses"]![0]!["verified"]!.GetValue<bool>().ShouldBeFalse();
        var account = await _server.Get($"/v1/accounts/{id}", _server.AdminToken);
        account.Json!["addresses"]!.AsArray().ShouldAllBe(a => !a!["carries_secrets"]!.GetValue<bool>() && !a["usable"]!.GetValue<bool>());

        // Nor is the change a way to a name that is somebody's.
        var other = (await fixture.Made(new { traits = new { email = fixture.NewPerson() } }))["recovery_addresses"]![0]!["value"]!.ToString();
        (await _server.Send("PATCH", $"/admin/identities/{id}", new object[] { new { op = "replace", path = "/traits/email", value = other } }, _server.AdminToken))
            .Status.ShouldBe(409);
    }

    [Theory]
    [InlineData("""[{"op":"replace","path":"/id","value":"e01b5f2f-6afc-4194-8578-4cebcf69a4d5"}]""")]
    [InlineData("""[{"op":"replace","path":"/stateChangedAt","value":"2020-01-01T00:00:00Z"}]""")]
    [InlineData("""[{"op":"remove","path":"/credentials"}]""")]
    [InlineData("""[{"op":"add","path":"/credentials/oidc","value":{}}]""")]
    [InlineData("""[{"op":"replace","path":"","value":{}}]""")]
    [InlineData("""[{"op":"add","path":"/State","value":"inactive"}]""")]
    [InlineData("""[{"op":"add","path":"/recovery_addresses/-","value":{"value":"a@example.org","via":"email"}}]""")]
    [InlineData("""[{"op":"move","from":"/id","path":"/traits/id"}]""")]
    [InlineData("""[{"op":"replace","path":"/state","value":"asleep"}]""")]
    [InlineData("""[{"op":"replace","path":"/state","value":1}]""")]
    [InlineData("""[{"op":"replace","path":"/traits","value":[]}]""")]
    [InlineData("""[{"op":"remove","path":"/traits"}]""")]
    [InlineData("""[{"op":"replace","path":"/traits/email","value":7}]""")]
    [InlineData("""[{"op":"replace","path":"/schema_id","value":"none"}]""")]
    [InlineData("""[{"op":"test","path":"/state","value":"inactive"},{"op":"replace","path":"/state","value":"inactive"}]""")]
    [InlineData("""[{"op":"copy","from":"/nothing","path":"/traits/x"}]""")]
    [InlineData("""{"op":"replace","path":"/state","value":"inactive"}""")]
    [InlineData("""[null]""")]
    [InlineData("""[{"path":"/state"}]""")]
    public async Task A_patch_that_is_not_allowed_changes_nothing(string patch)
    {
        var made = await fixture.Made(new { traits = new { email = fixture.NewPerson() } });
        var path = $"/admin/identities/{made["id"]}";

        (await _server.Send("PATCH", path, patch, _server.AdminToken)).Status.ShouldBe(400);

        (await _server.Get(path, _server.AdminToken)).Text.ShouldBe(Sparekey.Server.Dialects.Kratos.KratosJson.Text(made));
    }

    [Fact]
    public async Task Many_patches_at_once_all_count()
    {
        var id = (await fixture.Made(new { traits = new { n = new JsonObject() } }))["id"]!.ToString();

        var answers = await Task.WhenAll(Enumerable.Range(0, 3).Select(i => _server.Send(
            "PATCH", $"/admin/identities/{id}",
            new object[] { new { op = "add", path = string.Create(CultureInfo.InvariantCulture, $"/traits/n/k{i}"), value = i } }, _server.AdminToken)));

        answers.ShouldAllBe(a => a.Status == 200);
        (await Read(id))["traits"]!["n"]!.AsObject().Count.ShouldBe(3);
    }

    [Fact]
    public async Task Replacing_leaves_what_its_schema_does_not_speak_of()
    {
        var (email, native) = (fixture.NewPerson(), fixture.NewPerson());
        var id = await _server.Account(native, username: "kratos-native");

        var read = await Read(id);
        read["traits"]!["email"]!.ToString().ShouldBe(native);
        var replaced = await _server.Put($"/admin/identities/{id}", new { schema_id = "", state = "active", traits = new { email = native, note = "x" } }, _server.AdminToken);

        replaced.Status.ShouldBe(200, replaced.Text);
        (await _server.Get($"/v1/accounts/{id}", _server.AdminToken)).Json!["username"]!.ToString().ShouldBe("kratos-native");
        replaced.Json!["recovery_addresses"]![0]!["id"]!.ToString().ShouldBe(read["recovery_addresses"]![0]!["id"]!.ToString());
        (await _server.Put($"/admin/identities/{id}", new { schema_id = "default", state = "active" }, _server.AdminToken)).Status.ShouldBe(400);
        email.ShouldNotBe(native);
    }

    [Fact]
    public async Task Nobody_above_the_ceiling_is_changed_deleted_or_signed_out()
    {
        var boss = await _server.Account(fixture.NewPerson(), role: "admin");
        var desk = await _server.Token("desk-kratos", ["account:read", "account:write", "credential:revoke"], ceiling: "user");

        foreach (var (method, path, body) in new (string, string, object?)[]
        {
            ("PATCH", $"/admin/identities/{boss}", new object[] { new { op = "replace", path = "/state", value = "inactive" } }),
            ("PUT", $"/admin/identities/{boss}", new { traits = new { }, state = "inactive" }),
            ("DELETE", $"/admin/identities/{boss}", null),
            ("DELETE", $"/admin/identities/{boss}/sessions", null),
        })
        {
            var refused = await _server.Send(method, path, body, desk);
            refused.Status.ShouldBe(403, $"{method} {path}");
        }

        (await Read(boss))["state"]!.ToString().ShouldBe("active");
    }

    [Theory]
    [InlineData("not-an-id")]
    [InlineData("00000000-0000-0000-0000-000000000000")]
    [InlineData("E01B5F2F-6AFC-4194-8578-4CEBCF69A4D5")]
    public async Task An_id_that_nobody_has_is_not_found(string id)
    {
        foreach (var path in new[] { $"/admin/identities/{id}", $"/admin/identities/{id}/sessions", $"/admin/sessions/{id}" })
        {
            var answer = await _server.Get(path, _server.AdminToken);
            (answer.Status, answer.Json!["error"]!["message"]!.ToString()).ShouldBe((404, "Unable to locate the resource"));
        }
    }

    [Fact]
    public async Task Pages_hold_everybody_once()
    {
        for (var i = 0; i < 3; i++)
        {
            await fixture.Made(new { traits = new { email = fixture.NewPerson() } });
        }

        var all = await Ids("/admin/identities?page_size=500");
        var (seen, next, pages) = (new List<string>(), "/admin/identities?page_size=2", 0);
        while (next is not null && pages++ < 200)
        {
            var page = await _server.Get(next, _server.AdminToken);
            seen.AddRange(JsonNode.Parse(page.Text)!.AsArray().Select(i => i!["id"]!.ToString()));
            var links = page.Headers.GetValues("Link").Single().Split(",<");
            links[0].ShouldContain("rel=\"first\"");
            next = links.FirstOrDefault(l => l.Contains("rel=\"next\"", StringComparison.Ordinal)) is { } link
                ? new Uri(link.TrimStart('<').Split('>')[0]).PathAndQuery : null;
        }

        seen.Order().ShouldBe(all.Order());

        var numbered = await _server.Get("/admin/identities?page=1&per_page=1", _server.AdminToken);
        numbered.Headers.GetValues("X-Total-Count").Single().ShouldBe(all.Count.ToString(CultureInfo.InvariantCulture));
        numbered.Headers.GetValues("Link").Single().ShouldContain("rel=\"last\"");
        (await Ids("/admin/identities?page=999999999&per_page=500")).ShouldBeEmpty();
        (await _server.Get("/admin/identities?page_token=forged", _server.AdminToken)).Status.ShouldBe(400);
        (await _server.Get("/admin/identities?preview_credentials_identifier_similar=a", _server.AdminToken)).Status.ShouldBe(400);
        (await Ids("/admin/identities?organization_id=x")).ShouldBeEmpty();
        (await Ids("/admin/identities?credentials_identifier=")).ShouldBeEmpty();
        (await Ids("/admin/identities?ids=forged")).ShouldBeEmpty();
        (await _server.Get("/admin/identities?" + string.Join('&', Enumerable.Repeat("ids=a", 501)), _server.AdminToken)).Status.ShouldBe(400);
    }

    private async Task<List<string>> Ids(string path) =>
        [.. JsonNode.Parse((await _server.Get(path, _server.AdminToken)).Text)!.AsArray().Select(i => i!["id"]!.ToString())];

    private async Task<JsonNode> Read(string id) => (await _server.Get($"/admin/identities/{id}", _server.AdminToken)).Json!;
}
