using System.Text.Json;
using System.Text.Json.Nodes;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>Users as a portal makes, finds, changes and deletes them.</summary>
public sealed class CryptlexUserTests(CryptlexFixture fixture) : IClassFixture<CryptlexFixture>
{
    private static readonly string[] Members =
    [
        "id", "createdAt", "updatedAt", "name", "firstName", "lastName", "email", "company", "twoFactorEnabled", "googleSsoEnabled",
        "allowCustomerPortalAccess", "role", "roles", "lastLoginAt", "lastSeenAt", "metadata", "tags",
    ];

    private readonly CryptlexScene _scene = fixture.Scene;

    private RunningServer Server => _scene.Server;

    [Fact]
    public async Task A_user_is_made_as_the_vendor_documents_it_and_answered_with_every_member()
    {
        var email = _scene.NewEmail();
        var made = await Post(new
        {
            firstName = "Jane", lastName = "Döe", email, password = CryptlexScene.FirstPassword, role = "user", company = (string?)null,
            allowCustomerPortalAccess = (bool?)null, tags = new[] { "trial", "trial", "eu" },
            metadata = new[] { new { key = "plan", value = "gold", viewPermissions = new[] { "user" } } },
        });
        made.Status.ShouldBe(201, made.Text);
        made.Json!.AsObject().Select(m => m.Key).ShouldBe(Members);
        (made["name"], made["firstName"], made["lastName"], made["email"], made["role"]).ShouldBe(("Jane Döe", "Jane", "Döe", email, "user"));
        made.Json["roles"]!.ToJsonString().ShouldBe("""["user"]""");
        made.Json["tags"]!.ToJsonString().ShouldBe("""["trial","eu"]""");
        made.Json["metadata"]!.ToJsonString().ShouldBe("""[{"key":"plan","value":"gold","viewPermissions":["user"]}]""");
        made.Json["company"].ShouldBeNull();
        (made["twoFactorEnabled"], made["allowCustomerPortalAccess"]).ShouldBe(("false", "false"));
        DateTimeOffset.Parse(made["createdAt"], System.Globalization.CultureInfo.InvariantCulture).Offset.ShouldBe(TimeSpan.Zero);
        made["createdAt"].ShouldEndWith("Z");
        var read = await Get(made["id"]);
        (read.Status, read.Text).ShouldBe((200, made.Text));
        (await Get(made["id"].ToUpperInvariant())).Status.ShouldBe(200);

        // The rest of the server knows the same person.
        var account = await Server.Get($"/v1/accounts/{made["id"]}", Server.AdminToken);
        account.Json!["traits"]!["name"]!["first"]!.ToString().ShouldBe("Jane");
        account["role"].ShouldBe("user");
    }

    [Fact]
    public async Task A1_A_first_password_of_a_portal_signs_in_only_to_be_changed()
    {
        var email = _scene.NewEmail();
        await _scene.Make("user", email);
        var session = await Server.Post("/v1/sessions", new { identifier = email, password = CryptlexScene.FirstPassword });
        session.Status.ShouldBe(201, session.Text);
        (await Server.Get("/v1/sessions/current", session["session_token"])).Code.ShouldBe("password_change_required");
    }

    [Theory]
    [InlineData("firstName")]
    [InlineData("email")]
    [InlineData("password")]
    [InlineData("role")]
    public async Task What_the_vendor_requires_is_required_and_named(string member)
    {
        foreach (var without in new[] { true, false })
        {
            var body = NewUser();
            body[member] = null;
            if (without)
            {
                body.Remove(member);
            }

            var refused = await Post(body.ToJsonString());
            (refused.Status, refused.Code).ShouldBe((400, "invalid_request"), refused.Text);
            refused["message"].ShouldContain(member);
        }
    }

    [Theory]
    [InlineData("""{"email":"no address"}""")]
    [InlineData("""{"email":5}""")]
    [InlineData("""{"password":"seven77"}""")]
    [InlineData("""{"password":"password"}""")]
    [InlineData("""{"tags":"trial"}""")]
    [InlineData("""{"tags":[null]}""")]
    [InlineData("""{"metadata":[{"key":5}]}""")]
    [InlineData("""{"metadata":[7]}""")]
    [InlineData("""{"twoFactorEnabled":true}""")]
    [InlineData("""{"googleSsoEnabled":true}""")]
    public async Task A_user_that_cannot_be_one_is_refused_in_the_vendors_form(string change)
    {
        var body = NewUser();
        foreach (var (name, value) in JsonNode.Parse(change)!.AsObject())
        {
            body[name] = value?.DeepClone();
        }

        var refused = await Post(body.ToJsonString());
        refused.Status.ShouldBe(400, refused.Text);
        refused.Json!.AsObject().Select(m => m.Key).ShouldBe(["message", "code"]);
    }

    [Fact]
    public async Task An_address_that_is_somebodys_is_refused_also_in_other_letters()
    {
        var email = _scene.NewEmail();
        await _scene.User(email);
        var body = NewUser();
        body["email"] = email.ToUpperInvariant();
        var refused = await Post(body.ToJsonString());
        (refused.Status, refused.Code, refused["message"]).ShouldBe((409, "identifier_taken", "Another user has this email."));
    }

    [Fact]
    public async Task A_portal_makes_nobody_who_stands_above_its_ceiling()
    {
        foreach (var role in new[] { "organization-admin", "admin", "super-admin", "operator", "anything" })
        {
            var body = NewUser();
            body["role"] = role;
            var refused = await Post(body.ToJsonString());
            (refused.Status, refused.Code).ShouldBe((403, "above_ceiling"), role);
        }

        var user = await _scene.User();
        (await Patch(user, new { role = "organization-admin" })).Code.ShouldBe("above_ceiling");
        var above = await _scene.Make("organization-admin");
        foreach (var (method, body) in new[] { ("PATCH", (object?)new { firstName = "Eve" }), ("DELETE", null) })
        {
            (await _scene.Call(method, $"/v3/users/{above}", body, _scene.Portal)).Code.ShouldBe("above_ceiling", method);
        }

        (await Get(above))["firstName"].ShouldBe("Jane");
    }

    [Fact]
    public async Task The_vendors_roles_are_told_as_they_were_given_and_never_come_down_to_user()
    {
        foreach (var (given, rank) in new[] { ("organization-admin", "admin"), ("operator", "operator"), ("support", "admin"), ("user", "user") })
        {
            var user = await _scene.Make(given);
            (await Get(user))["role"].ShouldBe(given);
            (await Server.Get($"/v1/accounts/{user}", Server.AdminToken))["role"].ShouldBe(rank, given);
        }

        // A role that was changed elsewhere is told as it is.
        var risen = await _scene.User();
        (await Server.Send("PATCH", $"/v1/accounts/{risen}", new { role = "admin" }, Server.AdminToken)).Status.ShouldBe(200);
        (await Get(risen))["role"].ShouldBe("admin");
        (await _scene.Mint(risen)).Code.ShouldBe("role_not_allowed");
    }

    [Fact]
    public async Task A_list_is_found_by_address_in_both_forms_and_counts_its_pages()
    {
        var (one, two) = (_scene.NewEmail(), _scene.NewEmail());
        var first = await _scene.User(one);
        Server.Time.Advance(TimeSpan.FromSeconds(1));
        var second = await _scene.User(two);
        foreach (var query in new[] { $"email={one}", $"email[eq]={one}", $"email%5Beq%5D={Uri.EscapeDataString(one.ToUpperInvariant())}", $"email[in]={one}" })
        {
            (await _scene.Users(query)).ShouldHaveSingleItem()!["id"]!.ToString().ShouldBe(first, query);
        }

        (await Ids($"email[in]={one}&email[in]={two}")).ShouldBe([first, second]);
        (await Ids($"email[in]={one},{two}&sort=-createdAt")).ShouldBe([second, first]);
        (await _scene.Users("email=nobody@example.com")).ShouldBeEmpty();

        var listed = await Server.Get($"/v3/users?email[in]={one},{two}&page=2&limit=1", _scene.Portal);
        JsonNode.Parse(listed.Text)!.AsArray().ShouldHaveSingleItem();
        (Header("Pagination-Count"), Header("Pagination-Page"), Header("Pagination-Limit")).ShouldBe(("2", "2", "1"));
        (await _scene.Users($"email[in]={one},{two}&page=3&limit=1")).ShouldBeEmpty();

        string Header(string name) => listed.Headers.GetValues(name).Single();
    }

    [Theory]
    [InlineData("email=")]
    [InlineData("email[eq]=")]
    [InlineData("email[in]=")]
    [InlineData("email=%25")]
    [InlineData("email[cn]=%25zz")]
    [InlineData("email[sw]=perso_")]
    [InlineData("email[cn]=!")]
    [InlineData("email=person")]
    [InlineData("role=nobody")]
    [InlineData("createdAt[gt]=2999-01-01T00:00:00Z")]
    public async Task A_filter_that_fits_nobody_finds_nobody(string query)
    {
        await _scene.User();
        (await _scene.Users(query)).ShouldBeEmpty();
    }

    [Theory]
    [InlineData("emial=a@example.com")]
    [InlineData("email[xx]=a@example.com")]
    [InlineData("email=a@example.com&email=b@example.com")]
    [InlineData("email[sw]=")]
    [InlineData("company=acme")]
    [InlineData("metadata.key[eq]=plan")]
    [InlineData("query=jane")]
    [InlineData("sort=email")]
    [InlineData("page=0")]
    [InlineData("page=-1")]
    [InlineData("limit=101")]
    [InlineData("limit=many")]
    [InlineData("createdAt[gt]=yesterday")]
    [InlineData("role[sw]=us")]
    public async Task A_filter_that_is_not_known_is_refused_and_never_passed_over(string query)
    {
        var refused = await Server.Get($"/v3/users?{query}", _scene.Portal);
        (refused.Status, refused.Code).ShouldBe((400, "invalid_request"), refused.Text);
    }

    [Fact]
    public async Task Parts_of_addresses_roles_and_times_are_found()
    {
        var (one, two, boss) = (await _scene.User("fern.a@parts.example.org"), await _scene.User("moss.b@parts.example.org"), await _scene.Make("admin", "oak.c@parts.example.org"));
        (await Ids("email[sw]=Fern.")).ShouldBe([one]);
        (await Ids("email[ew]=@PARTS.example.org&role=user")).ShouldBe([one, two], ignoreOrder: true);
        (await Ids("email[cn]=.c@parts")).ShouldBe([boss]);
        (await Ids("email[ew]=parts.example.org&email[nc]=moss&role[ne]=admin")).ShouldBe([one]);
        (await Ids("email[ew]=parts.example.org&email[ne]=fern.a@parts.example.org&userType=user")).ShouldBe([two]);
        (await Ids("email[ew]=parts.example.org&userType=admin")).ShouldBe([boss]);
        (await Ids("email[ew]=parts.example.org&role[nin]=user")).ShouldBe([boss]);
        (await Ids("email[ew]=parts.example.org&email[nin]=moss.b@parts.example.org,oak.c@parts.example.org")).ShouldBe([one]);
        var made = (await Get(one))["createdAt"];
        (await Ids($"email[ew]=parts.example.org&createdAt[gte]={made}&role=user&email[sw]=fern")).ShouldBe([one]);
        (await Ids($"email[ew]=parts.example.org&createdAt[lt]={made}")).ShouldBeEmpty();
    }

    [Fact]
    public async Task Only_an_address_that_somebody_vouched_for_finds_a_user()
    {
        var user = await _scene.User();
        var wanted = _scene.NewEmail();
        var changed = await Patch(user, new { email = wanted });
        changed.Status.ShouldBe(200, changed.Text);
        changed["email"].ShouldNotBe(wanted);
        changed["pendingEmail"].ShouldBe(wanted);
        (await _scene.Users($"email={wanted}")).ShouldBeEmpty();

        // Somebody else may still be made with it, and then it is theirs.
        var other = await _scene.User(wanted);
        (await _scene.Users($"email={wanted}")).ShouldHaveSingleItem()!["id"]!.ToString().ShouldBe(other);
    }

    [Fact]
    public async Task A_changed_address_is_the_users_when_they_confirm_it_and_the_call_can_be_made_again()
    {
        var before = _scene.NewEmail();
        var user = await _scene.User(before);
        var wanted = _scene.NewEmail();
        (await Patch(user, new { email = wanted })).Status.ShouldBe(200);
        (await Patch(user, new { email = wanted, firstName = "Joan" }))["firstName"].ShouldBe("Joan");
        var addresses = (await Server.Get($"/v1/accounts/{user}", Server.AdminToken)).Json!["addresses"]!.AsArray();
        addresses.Count.ShouldBe(2);
        (await Patch(user, new { email = before })).Json!["pendingEmail"].ShouldBeNull();
        (await Get(user))["email"].ShouldBe(before);
        (await Patch(user, new { email = "no address" })).Status.ShouldBe(400);
        var taken = _scene.NewEmail();
        await _scene.User(taken);
        (await Patch(user, new { email = taken })).Code.ShouldBe("identifier_taken");
    }

    [Fact]
    public async Task A_change_touches_what_it_names_and_nothing_else()
    {
        var email = _scene.NewEmail();
        var body = NewUser();
        (body["email"], body["company"], body["lastName"], body["tags"]) = (email, "Acme", "Doe", new JsonArray("a"));
        var user = (await Post(body.ToJsonString()))["id"];
        (await Server.Send("PATCH", $"/v1/accounts/{user}", new { traits = new { name = new { first = "Jane", last = "Doe" }, company = "Acme", shoe = 44 }, metadata_public = new { theme = "dark" } }, Server.AdminToken)).Status.ShouldBe(200);

        Server.Time.Advance(TimeSpan.FromSeconds(1));
        var changed = await Patch(user, new { firstName = "Joan", lastName = (string?)null, id = "ignored", createdAt = "ignored", twoFactorEnabled = false });
        changed.Status.ShouldBe(200, changed.Text);
        (changed["firstName"], changed["lastName"], changed["company"], changed["email"], changed["id"]).ShouldBe(("Joan", "", "Acme", email, user));
        changed["updatedAt"].ShouldNotBe(changed["createdAt"]);
        changed.Json!["tags"]!.ToJsonString().ShouldBe("""["a"]""");
        var account = (await Server.Get($"/v1/accounts/{user}", Server.AdminToken)).Json!;
        account["traits"]!["shoe"]!.GetValue<int>().ShouldBe(44);
        account["metadata_public"]!["theme"]!.ToString().ShouldBe("dark");

        // The same again changes nothing, and says so.
        Server.Time.Advance(TimeSpan.FromSeconds(1));
        (await Patch(user, new { firstName = "Joan" })).Text.ShouldBe(changed.Text);
        (await Patch(user, new { })).Text.ShouldBe(changed.Text);
        var cleared = await Patch(user, new { company = (string?)null, tags = Array.Empty<string>(), allowCustomerPortalAccess = true });
        cleared.Json!["company"].ShouldBeNull();
        cleared.Json["tags"]!.AsArray().ShouldBeEmpty();
        cleared["allowCustomerPortalAccess"].ShouldBe("true");
    }

    [Fact]
    public async Task Changes_of_different_members_at_once_all_stand()
    {
        var user = await _scene.User();
        var answers = await Task.WhenAll(
            Patch(user, new { company = "Acme" }), Patch(user, new { lastName = "Doe" }), Patch(user, new { tags = new[] { "x" } }), Patch(user, new { firstName = "Joan" }));
        answers.ShouldAllBe(a => a.Status == 200);
        var read = await Get(user);
        (read["company"], read["name"], read.Json!["tags"]!.ToJsonString()).ShouldBe(("Acme", "Joan Doe", """["x"]"""));
    }

    [Theory]
    [InlineData("password")]
    [InlineData("twoFactorEnabled")]
    [InlineData("googleSsoEnabled")]
    public async Task A6_A_change_sets_no_factor_of_a_user_who_is_there(string member)
    {
        var email = _scene.NewEmail();
        var user = await _scene.User(email);
        var refused = await Patch(user, new JsonObject { ["firstName"] = "Eve", [member] = member == "password" ? "a password that an operator chose" : true }.ToJsonString(), Server.AdminToken);
        (refused.Status, refused.Code).ShouldBe((400, "invalid_request"));
        refused["message"].ShouldContain(member);
        (await Get(user))["firstName"].ShouldBe("Jane");
        (await Server.Post("/v1/sessions", new { identifier = email, password = "a password that an operator chose" })).Code.ShouldBe("sign_in_failed");
    }

    [Fact]
    public async Task A_deleted_user_is_gone()
    {
        var email = _scene.NewEmail();
        var user = await _scene.User(email);
        var gone = await _scene.Call("DELETE", $"/v3/users/{user}", null, _scene.Portal);
        (gone.Status, gone.Text).ShouldBe((204, ""));
        var again = await _scene.Call("DELETE", $"/v3/users/{user}", null, _scene.Portal);
        (again.Status, again.Text).ShouldBe((404, """{"message":"There is no such user.","code":"account_not_found"}"""));
        (await Get(user)).Status.ShouldBe(404);
        (await _scene.Users($"email={email}")).ShouldBeEmpty();
        await _scene.User(email);
    }

    [Fact]
    public async Task Every_call_holds_a_token_to_its_permissions()
    {
        var user = await _scene.User();
        var reader = await Server.Token("reader", ["account:read"]);
        var writer = await Server.Token("writer", ["account:write"]);
        (await _scene.Call("GET", "/v3/users", null, reader)).Status.ShouldBe(200);
        (await _scene.Call("GET", $"/v3/users/{user}", null, reader)).Status.ShouldBe(200);
        (await _scene.Call("POST", "/v3/users", NewUser().ToJsonString(), reader)).Code.ShouldBe("permission_missing");
        (await _scene.Call("PATCH", $"/v3/users/{user}", new { firstName = "x" }, reader)).Code.ShouldBe("permission_missing");
        (await _scene.Call("DELETE", $"/v3/users/{user}", null, reader)).Code.ShouldBe("permission_missing");
        (await _scene.Call("GET", "/v3/users", null, writer)).Code.ShouldBe("permission_missing");
        (await _scene.Call("GET", $"/v3/users/{user}", null, writer)).Code.ShouldBe("permission_missing");
        (await _scene.Call("PATCH", $"/v3/users/{user}", new { firstName = "Joan" }, writer)).Status.ShouldBe(200);
        foreach (var token in new[] { null, "", "nonsense" })
        {
            var stranger = await _scene.Call("GET", $"/v3/users/{user}", null, token);
            (stranger.Status, stranger.Code, stranger.Headers.WwwAuthenticate.ToString()).ShouldBe((401, "unauthenticated", "Bearer"));
        }
    }

    private JsonObject NewUser() => new()
    {
        ["firstName"] = "Jane", ["email"] = _scene.NewEmail(), ["password"] = CryptlexScene.FirstPassword, ["role"] = "user",
    };

    private Task<Answer> Post(object body) => Server.Post("/v3/users", body as string ?? JsonSerializer.Serialize(body), _scene.Portal);

    private Task<Answer> Get(string user) => Server.Get($"/v3/users/{user}", _scene.Portal);

    private Task<Answer> Patch(string user, object body, string? token = null) => _scene.Call("PATCH", $"/v3/users/{user}", body, token ?? _scene.Portal);

    private async Task<IReadOnlyList<string>> Ids(string query) => [.. (await _scene.Users(query)).Select(u => u!["id"]!.ToString())];
}
