using Sparekey.Core;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Server.Cli;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>Who may see and do what through Passbolt's doors: guests, people, reviewers, administrators.</summary>
public sealed class PassboltDirectoryTests : IClassFixture<PassboltFixture>
{
    private readonly PassboltScene _scene;
    private readonly PassboltPerson _admin;

    public PassboltDirectoryTests(PassboltFixture fixture) => (_scene, _admin) = (fixture.Scene, fixture.Ada);

    private RunningServer Server => _scene.Server;

    [Fact]
    public async Task Every_answer_has_the_vendors_frame()
    {
        var settings = await _scene.Guest().Get("/settings.json?api-version=v2");
        settings.Header["status"]!.ToString().ShouldBe("success");
        settings.Header["code"]!.GetValue<int>().ShouldBe(200);
        settings.Header["url"]!.ToString().ShouldBe("/settings.json");
        settings.Header["servertime"]!.GetValue<long>().ShouldBe(_scene.Now.ToUnixTimeSeconds());
        Guid.Parse(settings.Header["action"]!.ToString()).Version.ShouldBe(5);
        settings.Body["passbolt"]!["plugins"]!["accountRecovery"]!["enabled"]!.GetValue<bool>().ShouldBeTrue();
        var unknown = await _scene.Guest().Get("/account-recovery/nothing.json");
        unknown.Status.ShouldBe(404);
        unknown.Header["status"]!.ToString().ShouldBe("error");
        unknown.Header["code"]!.GetValue<int>().ShouldBe(404);
    }

    // UUIDv5 in the vendor's namespace: computed elsewhere.
    [Fact]
    public void Names_its_actions_as_the_vendor_does() =>
        Sparekey.Server.Dialects.Passbolt.PassboltIds.Action("AccountRecoveryResponsesCreate.post").ShouldBe("6f880db8-aaaf-5736-8945-6686b3e1b3b9");

    [Theory]
    [InlineData("GET", "/users.json")]
    [InlineData("GET", "/users/me.json")]
    [InlineData("GET", "/gpgkeys.json")]
    [InlineData("GET", "/roles.json")]
    [InlineData("GET", "/rbacs.json")]
    [InlineData("GET", "/account-recovery/organization-policies.json")]
    [InlineData("GET", "/account-recovery/private-key-passwords.json")]
    [InlineData("GET", "/account-recovery/requests.json")]
    [InlineData("GET", "/account-recovery/requests/5efdcd5c-1e4a-4c1b-8d3e-9d1d0b7a5c11.json")]
    [InlineData("POST", "/account-recovery/organization-policies.json")]
    [InlineData("PUT", "/account-recovery/organization-policies.json")]
    [InlineData("POST", "/account-recovery/user-settings.json")]
    [InlineData("POST", "/account-recovery/responses.json")]
    public async Task A_guest_is_told_to_sign_in(string method, string path)
    {
        var guest = _scene.Guest();
        await guest.Get("/settings.json");
        var answer = await guest.Send(method, path, method == "GET" ? null : PassboltBrowser.Json("{}"));
        answer.Status.ShouldBe(403, answer.Text);
        answer.Body.ToString().ShouldBe("");
    }

    [Fact]
    public async Task A_person_may_neither_review_nor_manage_and_a_reviewer_may_not_manage()
    {
        var user = await _scene.SignedIn(await _scene.Person());
        var reviewer = await _scene.SignedIn(await _scene.Person("reviewer"));
        (await user.Get("/account-recovery/requests.json")).Status.ShouldBe(403);
        (await user.Post("/account-recovery/responses.json", new { })).Status.ShouldBe(403);
        (await reviewer.Get("/account-recovery/requests.json")).Status.ShouldBe(200);
        (await reviewer.Post("/account-recovery/responses.json", new { })).Status.ShouldBe(400);
        foreach (var person in new[] { user, reviewer })
        {
            (await person.Get("/account-recovery/private-key-passwords.json")).Status.ShouldBe(403);
            (await person.Post("/account-recovery/organization-policies.json", new { policy = "disabled" })).Status.ShouldBe(403);
            (await person.Get("/rbacs.json")).Status.ShouldBe(403);
            (await person.Get("/account-recovery/organization-policies.json")).Status.ShouldBe(200);
        }
    }

    [Fact]
    public async Task Roles_are_bundles_of_three_actions()
    {
        var admin = await _scene.SignedIn(_admin);
        var roles = (await admin.Get("/roles.json")).Body.AsArray();
        roles.Select(r => r!["name"]!.ToString()).ShouldBe(["user", "reviewer", "admin"]);
        var rbacs = (await admin.Get("/rbacs.json")).Body.AsArray();
        rbacs.Count.ShouldBe(6);
        var reviewer = roles[1]!["id"]!.ToString();
        rbacs.Where(r => r!["role_id"]!.ToString() == reviewer).ShouldAllBe(r => r!["control_function"]!.ToString() == "Allow");
        rbacs.Where(r => r!["role_id"]!.ToString() != reviewer).ShouldAllBe(r => r!["control_function"]!.ToString() == "Deny");
        (await admin.Send("PUT", "/rbacs.json", PassboltBrowser.Json("{}"))).Status.ShouldBe(400);
    }

    [Fact]
    public async Task Shows_people_of_Passbolt_and_nobody_else_of_the_tenant()
    {
        var other = await Server.Account("elsewhere@example.org");
        var ben = await _scene.Person();
        var browser = await _scene.SignedIn(ben);
        var users = await browser.Get("/users.json?contain[pending_account_recovery_request]=1&contain[account_recovery_user_setting]=1");
        users.Header["pagination"]!["count"]!.GetValue<int>().ShouldBe(users.Body.AsArray().Count);
        users.Text.ShouldNotContain("elsewhere");
        users.Text.ShouldNotContain("account_recovery_user_setting", Case.Sensitive, "only administrators see that of others");
        (await browser.Get($"/users/{other}.json")).Status.ShouldBe(404);
        var me = await browser.Get("/users/me.json?contain[account_recovery_user_setting]=1");
        me.Body["id"]!.ToString().ShouldBe(ben.Id);
        me.Body["role"]!["name"]!.ToString().ShouldBe("user");
        me.Body["gpgkey"]!["fingerprint"]!.ToString().ShouldBe(ben.Key.Public.Fingerprint);
        me.Body["profile"]!["first_name"]!.ToString().ShouldBe("Ada");
        me.Body.AsObject().ContainsKey("account_recovery_user_setting").ShouldBeTrue();
        me.Body["account_recovery_user_setting"].ShouldBeNull();

        var admin = await _scene.SignedIn(_admin);
        var seen = await admin.Get($"/users.json?contain[pending_account_recovery_request]=1&contain[account_recovery_user_setting]=true&filter[has-users][]={ben.Id}");
        seen.Body.AsArray().Count.ShouldBe(1);
        seen.Body[0]!.AsObject().ContainsKey("pending_account_recovery_request").ShouldBeTrue();
        seen.Body[0]!.AsObject().ContainsKey("account_recovery_user_setting").ShouldBeTrue();
        (await admin.Get("/users.json?filter[has-users][]=nobody")).Body.AsArray().ShouldBeEmpty();

        // A page of them, in an order, and those whom a word finds.
        var all = (await admin.Get("/users.json?limit=50000")).Header["pagination"]!;
        all["limit"]!.GetValue<int>().ShouldBe(10_000);
        var last = await admin.Get("/users.json?sort=Users.username&direction=desc&limit=1&page=2");
        last.Header["pagination"]!["count"]!.GetValue<int>().ShouldBe(all["count"]!.GetValue<int>());
        var names = (await admin.Get("/users.json?sort=Users.username&direction=desc")).Body.AsArray().Select(u => u!["username"]!.ToString()).ToList();
        names.ShouldBe(names.OrderDescending(StringComparer.Ordinal));
        last.Body.AsArray().ShouldHaveSingleItem()!["username"]!.ToString().ShouldBe(names[1]);
        (await admin.Get($"/users.json?filter[search]={ben.Email[..4].ToUpperInvariant()}")).Body.AsArray().ShouldContain(u => u!["id"]!.ToString() == ben.Id);
        (await admin.Get("/users.json?filter[search]=nobody-is-called-so")).Header["pagination"]!["count"]!.GetValue<int>().ShouldBe(0);

        // An account of ours with a key of its own signs in, and so is one of them to everybody.
        var key = _scene.Key();
        (await Server.Get<PersonKeys>().Set(PassboltClientScene.Local, Ids.Parse<AccountId>(other), new GivenKey(key.Public.Armored, null), CancellationToken.None)).Refusal.ShouldBeNull();
        (await browser.Get("/users.json")).Text.ShouldContain("elsewhere@example.org");
        (await browser.Get($"/users/{other}.json")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Bodies_that_are_no_JSON_are_refused_in_the_vendors_frame()
    {
        var guest = _scene.Guest();
        await guest.Get("/settings.json");
        var deep = string.Concat(Enumerable.Repeat("{\"a\":", 100)) + "1" + new string('}', 100);
        foreach (var (body, status) in new (byte[] Body, int Status)[]
        {
            ("{"u8.ToArray(), 400), ("[]"u8.ToArray(), 400), ([.. "{\"username\":\""u8, 0xff, .. "\"}"u8], 400),
            ("""{"username":"a@example.com","username":"b@example.com"}"""u8.ToArray(), 400), (System.Text.Encoding.UTF8.GetBytes(deep), 400),
            (System.Text.Encoding.UTF8.GetBytes($"{{\"username\":\"{new string('x', 3 * 1024 * 1024)}\"}}"), 413),
        })
        {
            using var content = new ByteArrayContent(body);
            content.Headers.ContentType = new("application/json");
            var refused = await guest.Send("POST", "/users/recover.json", content);
            refused.Status.ShouldBe(status, refused.Text);
            refused.Header["code"]!.GetValue<int>().ShouldBe(status);
        }
    }

    [Fact]
    public async Task Gives_keys_of_some_and_those_that_changed()
    {
        var ben = await _scene.Person();
        var browser = await _scene.SignedIn(ben);
        var all = (await browser.Get("/gpgkeys.json")).Body.AsArray();
        all.Count.ShouldBeGreaterThan(1);
        var own = (await browser.Get($"/gpgkeys.json?filter[has-users][]={ben.Id}")).Body.AsArray();
        own.Count.ShouldBe(1);
        own[0]!["armored_key"]!.ToString().ShouldBe(ben.Key.Public.Armored);
        own[0]!["key_id"]!.ToString().ShouldBe(ben.Key.Public.KeyId);
        own[0]!["bits"]!.GetValue<int>().ShouldBe(2048);
        (await browser.Get($"/gpgkeys/{own[0]!["id"]}.json")).Body["user_id"]!.ToString().ShouldBe(ben.Id);
        (await browser.Get($"/gpgkeys.json?filter[modified-after]={_scene.Now.ToUnixTimeSeconds() + 10}")).Body.AsArray().ShouldBeEmpty();
        var second = await browser.Get("/gpgkeys.json?filter[modified-after]=0&limit=1&page=2");
        second.Body.AsArray().Count.ShouldBe(1);
        second.Header["pagination"]!["count"]!.GetValue<int>().ShouldBe(all.Count);
        own[0]!["type"]!.ToString().ShouldBe("RSA");
        own[0]!["uid"]!.ToString().ShouldContain("@example.com");
        own[0]!["key_created"]!.ToString().ShouldBe("2026-11-21T07:00:00+00:00");
        (await browser.Get("/gpgkeys/none.json")).Status.ShouldBe(404);
    }

    [Fact]
    public async Task Keeps_the_ids_that_people_have_and_takes_nothing_of_others()
    {
        const string id = "f848277c-5398-58f8-a82a-72397af2d450";
        var ada = await _scene.Person("user", id);
        ada.Id.ShouldBe(id);

        // The same once more changes nothing; anything else is refused.
        (await _scene.Import(ada.Email, "user", ada.Key.Public.Armored, id))["user_id"]!.ToString().ShouldBe(id);
        var other = _scene.Key();
        (await Refused(() => _scene.Import(ada.Email, "reviewer", ada.Key.Public.Armored, id))).ShouldContain("identifier_taken", Case.Sensitive, "nothing was granted");
        (await Refused(() => _scene.Import(ada.Email, "user", other.Public.Armored))).ShouldContain("identifier_taken");
        (await Refused(() => _scene.Import("somebody@example.org", "user", other.Public.Armored, id))).ShouldContain("identifier_taken");
        (await Refused(() => _scene.Import("somebody@example.org", "user", ada.Key.Public.Armored))).ShouldContain("credential_taken");
        (await Refused(() => _scene.Import("somebody@example.org", "user", "no key"))).ShouldContain("openpgp_refused");
        (await Refused(() => _scene.Import("somebody@example.org", "owner", other.Public.Armored))).ShouldContain("invalid_request");
        (await Refused(() => _scene.Import("nobody", "user", other.Public.Armored))).ShouldContain("invalid_request");

        // Nothing of those that were refused is there.
        var made = await _scene.Import("somebody@example.org", "user", other.Public.Armored);
        made["user_id"]!.ToString().ShouldNotBe(id);

        // An account of ours gets no key this way.
        await Server.Account("ours@example.org");
        (await Refused(() => _scene.Import("ours@example.org", "user", _scene.Key().Public.Armored))).ShouldContain("identifier_taken");
    }

    [Fact]
    public async Task Setting_up_again_keeps_the_key_and_what_the_server_was_called()
    {
        await using var local = Server.Local();
        foreach (var domain in new[] { "https://other.example.com/", _scene.Domain })
        {
            var again = await local.Call(HttpMethod.Put, "/local/passbolt/server", new { domain }, CancellationToken.None);
            again!["fingerprint"]!.ToString().ShouldBe(_scene.Fingerprint);
            again["domain"]!.ToString().ShouldBe(domain.TrimEnd('/'));
            var cookie = (await _scene.Guest().Get("/settings.json")).Raw.Headers.GetValues("Set-Cookie").Single();
            cookie.ShouldContain("samesite=lax", Case.Insensitive);
            cookie.Contains("secure", StringComparison.OrdinalIgnoreCase).ShouldBe(domain.StartsWith("https:", StringComparison.Ordinal), cookie);
        }

        foreach (var bad in new[] { "", "passbolt.example.com", "ftp://example.com", "https://a:b@example.com", "https://example.com/?q=1", "https://example.com/#x" })
        {
            (await Refused(() => local.Call(HttpMethod.Put, "/local/passbolt/server", new { domain = bad }, CancellationToken.None))).ShouldContain("invalid_request", Case.Sensitive, bad);
        }
    }

    [Fact]
    public async Task An_invited_person_makes_a_key_once()
    {
        await using var local = Server.Local();
        var invited = await local.Call(
            HttpMethod.Post, "/local/passbolt/invitations",
            new { username = "new@example.com", first_name = "Grace", last_name = "Hopper", role = "user" }, CancellationToken.None);
        var id = invited!["user_id"]!.ToString();
        var path = new Uri(invited["url"]!.ToString()).AbsolutePath;
        path.ShouldStartWith($"/setup/start/{id}/");
        var token = path.Split('/')[^1];
        var guest = _scene.Guest();
        (await Server.Send(new HttpRequestMessage(HttpMethod.Get, path))).Status.ShouldBe(200, "the page that the extension works on");
        var started = await guest.Get(path + ".json");
        started.Status.ShouldBe(200, started.Text);
        started.Body["user"]!["username"]!.ToString().ShouldBe("new@example.com");
        started.Body["account_recovery_organization_policy"]!["policy"]!.ToString().ShouldBe("disabled");
        started.Text.ShouldNotContain(token, Case.Sensitive, "the answer says nothing of the token");
        (await guest.Get($"/setup/start/{_admin.Id}/{token}.json")).Status.ShouldBe(400);
        (await guest.Get($"/setup/start/{id}/5efdcd5c-1e4a-4c1b-8d3e-9d1d0b7a5c11.json")).Status.ShouldBe(400);

        var key = _scene.Key();
        var body = new { authentication_token = new { token }, gpgkey = new { armored_key = key.Public.Armored } };
        (await guest.Post($"/setup/complete/{id}.json", new { authentication_token = new { token } })).Status.ShouldBe(400);
        (await guest.Post($"/setup/complete/{id}.json", new { authentication_token = new { token }, gpgkey = new { armored_key = _admin.Key.Public.Armored } })).Status.ShouldBe(400);
        (await guest.Post($"/setup/complete/{_admin.Id}.json", body)).Status.ShouldBe(400);
        var unasked = new { body.authentication_token, body.gpgkey, account_recovery_user_setting = new { status = "rejected" } };
        (await guest.Post($"/setup/complete/{id}.json", unasked)).Status.ShouldBe(400, "escrow is disabled");
        var done = await guest.Post($"/setup/complete/{id}.json", body);
        done.Status.ShouldBe(200, done.Text);
        (await guest.Post($"/setup/complete/{id}.json", body)).Status.ShouldBe(400);
        var browser = await _scene.SignedIn(new PassboltPerson(id, "new@example.com", key));
        (await browser.Get($"/setup/start/{id}/{token}.json")).Status.ShouldBe(403, "guests only");
    }

    [Fact]
    public async Task Somebody_who_asks_to_recover_learns_nothing()
    {
        var guest = _scene.Guest();
        var known = await guest.Post("/users/recover.json", new { username = _admin.Email });
        var unknown = await guest.Post("/users/recover.json", new { username = "nobody-at-all@example.com" });
        known.Status.ShouldBe(200, known.Text);
        unknown.Status.ShouldBe(200);
        known.Header["message"]!.ToString().ShouldBe(unknown.Header["message"]!.ToString());
        (await guest.Post("/users/recover.json", new { username = "no address" })).Status.ShouldBe(400);
        (await (await _scene.SignedIn(await _scene.Person())).Post("/users/recover.json", new { username = _admin.Email })).Status.ShouldBe(403);
    }

    private static async Task<string> Refused(Func<Task> call)
    {
        var refused = await Should.ThrowAsync<RefusedException>(call);
        return refused.Describe();
    }
}
