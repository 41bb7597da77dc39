using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.Identity;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>Signing in as Passbolt's clients do: with a decrypted nonce, and with a signed challenge.</summary>
public sealed class PassboltSignInTests : IClassFixture<PassboltFixture>
{
    private readonly PassboltScene _scene;
    private readonly PassboltPerson _ada;
    private readonly PgpSecretKey _stranger;

    public PassboltSignInTests(PassboltFixture fixture) => (_scene, _ada, _stranger) = (fixture.Scene, fixture.Ada, fixture.Stranger);

    private RunningServer Server => _scene.Server;

    [Fact]
    public async Task Shows_its_key_and_proves_it_with_a_nonce_and_with_nothing_else()
    {
        var guest = _scene.Guest();
        var shown = await guest.Get("/auth/verify.json");
        shown.Body["fingerprint"]!.ToString().ShouldBe(_scene.Fingerprint);
        shown.Of("X-GPGAuth-Version").ShouldBe("1.3.0");
        const string nonce = "gpgauthv1.3.0|36|5efdcd5c-1e4a-4c1b-8d3e-9d1d0b7a5c11|gpgauthv1.3.0";
        var proved = await guest.Form("/auth/verify.json", ("keyid", _ada.Key.Public.Fingerprint), ("server_verify_token", _scene.Encrypted(nonce)));
        proved.Status.ShouldBe(200, proved.Text);
        proved.Of("X-GPGAuth-Progress").ShouldBe("stage0");
        proved.Of("X-GPGAuth-Verify-Response").ShouldBe(nonce);
        foreach (var other in new[] { "a secret of somebody", nonce + "x", "gpgauthv1.3.0|36|no uuid at all|gpgauthv1.3.0" })
        {
            var refused = await guest.Form("/auth/verify.json", ("server_verify_token", _scene.Encrypted(other)));
            refused.Of("X-GPGAuth-Error").ShouldBe("true", other);
            refused.Of("X-GPGAuth-Verify-Response").ShouldBeNull(other);
        }
    }

    [Fact]
    public async Task A_message_that_names_the_servers_key_many_times_is_not_tried_with_it()
    {
        const string nonce = "gpgauthv1.3.0|36|5efdcd5c-1e4a-4c1b-8d3e-9d1d0b7a5c12|gpgauthv1.3.0";
        foreach (var times in new[] { 1, 15, 300 })
        {
            var refused = await _scene.Guest().Form(
                "/auth/verify.json", ("server_verify_token", PgpAttacks.WithMoreSessionKeys(_scene.Encrypted(nonce), times)));
            refused.Of("X-GPGAuth-Error").ShouldBe("true", refused.Text);
            refused.Of("X-GPGAuth-Verify-Response").ShouldBeNull();
        }
    }

    [Fact]
    public async Task Signs_in_who_decrypts_the_nonce_once_within_five_minutes()
    {
        var browser = _scene.Guest();
        (await browser.Get("/auth/is-authenticated.json")).Status.ShouldBe(403);
        var begun = await browser.Form("/auth/login.json", ("keyid", _ada.Key.Public.Fingerprint));
        begun.Status.ShouldBe(200, begun.Text);
        begun.Header["status"]!.ToString().ShouldBe("error");
        begun.Of("X-GPGAuth-Progress").ShouldBe("stage1");
        begun.Of("X-GPGAuth-Authenticated").ShouldBe("false");
        begun.Of("X-GPGAuth-Refer").ShouldBeNull();
        var nonce = browser.Nonce(begun, _ada);
        var fields = new[] { ("keyid", _ada.Key.Public.Fingerprint), ("user_token_result", nonce) };
        var done = await browser.Form("/auth/login.json", fields);
        done.Status.ShouldBe(200, done.Text);
        done.Of("X-GPGAuth-Progress").ShouldBe("complete");
        done.Of("X-GPGAuth-Authenticated").ShouldBe("true");
        done.Of("X-GPGAuth-Refer").ShouldBe("/");
        done.Of("X-GPGAuth-User-Auth-Token").ShouldBeNull();
        done.Body["username"]!.ToString().ShouldBe(_ada.Email);
        (await browser.Get("/auth/is-authenticated.json")).Status.ShouldBe(200);

        var again = await _scene.Guest().Form("/auth/login.json", fields);
        again.Status.ShouldBe(403);
        again.Of("X-GPGAuth-Error").ShouldBe("true");

        var late = await browser.Form("/auth/login.json", ("keyid", _ada.Key.Public.Fingerprint));
        Server.Time.Advance(TimeSpan.FromMinutes(5));
        (await _scene.Guest().Form("/auth/login.json", ("keyid", _ada.Key.Public.Fingerprint), ("user_token_result", browser.Nonce(late, _ada))))
            .Status.ShouldBe(403);
    }

    [Fact]
    public async Task Takes_JSON_with_and_without_its_outer_level()
    {
        foreach (var wrap in new[] { true, false })
        {
            var browser = _scene.Guest();
            var inner = new JsonObject { ["gpg_auth"] = new JsonObject { ["keyid"] = _ada.Key.Public.Fingerprint.ToLowerInvariant() } };
            var begun = await browser.Send("POST", "/auth/login.json", PassboltBrowser.Json(wrap ? new JsonObject { ["data"] = inner } : inner));
            begun.Of("X-GPGAuth-Progress").ShouldBe("stage1", begun.Text);
        }
    }

    [Fact]
    public async Task A_nonce_is_for_the_key_it_was_encrypted_to()
    {
        var other = await _scene.Person();
        var browser = _scene.Guest();
        var begun = await browser.Form("/auth/login.json", ("keyid", _ada.Key.Public.Fingerprint));
        var stolen = await _scene.Guest().Form(
            "/auth/login.json", ("keyid", other.Key.Public.Fingerprint), ("user_token_result", browser.Nonce(begun, _ada)));
        stolen.Status.ShouldBe(403);
    }

    [Fact]
    public async Task Refuses_a_key_that_is_nobodys_garbage_and_a_body_without_end()
    {
        var guest = _scene.Guest();
        (await guest.Form("/auth/login.json", ("keyid", _stranger.Public.Fingerprint))).Status.ShouldBe(404);
        foreach (var garbage in new[] { "", "x", new string('A', 40), new string('A', 100_000) })
        {
            var refused = await guest.Form("/auth/login.json", ("keyid", garbage));
            refused.Of("X-GPGAuth-Error").ShouldBe("true", garbage.Length.ToString(System.Globalization.CultureInfo.InvariantCulture));
            refused.Of("X-GPGAuth-User-Auth-Token").ShouldBeNull();
        }

        (await guest.Form("/auth/login.json", ("keyid", new string('A', 600_000)))).Status.ShouldBeOneOf(400, 413);
        using var old = new StringContent("keyid=1");
        old.Headers.ContentType = MediaTypeHeaderValue.Parse("application/x-www-form-urlencoded; charset=utf-7");
        (await guest.Send("POST", "/auth/login.json", old)).Status.ShouldBe(400, "a charset that nobody reads any more");
    }

    [Fact]
    public async Task Signing_out_ends_the_session_everywhere()
    {
        var browser = await _scene.SignedIn(_ada);
        var copy = _scene.Guest();
        foreach (var (name, value) in browser.Cookies)
        {
            copy.Cookies[name] = value;
        }

        (await copy.Get("/users/me.json")).Status.ShouldBe(200);
        (await browser.Post("/auth/logout.json", null)).Status.ShouldBe(200);
        browser.Cookies.ShouldNotContainKey("passbolt_session");
        (await copy.Get("/users/me.json")).Status.ShouldBe(403);
    }

    [Fact]
    public async Task A_cookie_alone_changes_nothing_and_a_strangers_page_nothing_at_all()
    {
        var browser = await _scene.SignedIn(_ada);
        var body = new { status = "rejected" };
        (await browser.Send("POST", "/account-recovery/user-settings.json", PassboltBrowser.Json(body), csrf: null)).Status.ShouldBe(403);
        (await browser.Send("POST", "/account-recovery/user-settings.json", PassboltBrowser.Json(body), csrf: new string('0', 64))).Status.ShouldBe(403);
        browser.Origin = "https://evil.example.org";
        (await browser.Send("POST", "/account-recovery/user-settings.json", PassboltBrowser.Json(body))).Status.ShouldBe(403);
        (await browser.Send("POST", "/auth/logout.json", null)).Status.ShouldBe(403);
        browser.Origin = "chrome-extension://didegimhafipceonhjepacocaffmoppf";
        (await browser.Send("POST", "/auth/logout.json", null)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task The_session_is_good_for_nothing_of_ours()
    {
        var browser = await _scene.SignedIn(_ada);
        var token = browser.Cookies["passbolt_session"];
        (await Server.Get("/v1/sessions/current", token)).Status.ShouldBe(401);
        (await Server.Get("/v1/accounts", token)).Status.ShouldBe(401);
        (await Server.Get("/v1/recoveries", token)).Status.ShouldBe(401);
    }

    [Fact]
    public async Task A_signed_challenge_gives_tokens_and_each_refresh_the_next()
    {
        var guest = _scene.Guest();
        string? said = null;
        var challenge = _scene.Challenge(_ada.Key, c => said = c["verify_token"]!.ToString());
        var opened = await guest.Send("POST", "/auth/jwt/login.json", PassboltBrowser.Json(new { user_id = _ada.Id, challenge }));
        opened.Status.ShouldBe(200, opened.Text);
        var answer = JsonNode.Parse(PassboltScene.Decrypted(opened.Body["challenge"]!.ToString(), _ada.Key, _scene.Now, _scene.ServerKey))!;
        answer["verify_token"]!.ToString().ShouldBe(said);
        answer["domain"]!.ToString().ShouldBe(_scene.Domain);
        var programme = _scene.Guest();
        programme.Bearer = answer["access_token"]!.ToString();
        (await programme.Get("/users/me.json")).Body["id"]!.ToString().ShouldBe(_ada.Id);

        var refresh = answer["refresh_token"]!.ToString();
        var next = await guest.Send("POST", "/auth/jwt/refresh.json", PassboltBrowser.Json(new { user_id = _ada.Id, refresh_token = refresh }));
        next.Status.ShouldBe(200, next.Text);
        guest.Cookies["refresh_token"].ShouldNotBe(refresh);
        next.Raw.Headers.GetValues("Set-Cookie").Single(c => c.StartsWith("refresh_token=", StringComparison.Ordinal)).ShouldContain("httponly", Case.Insensitive);
        (await programme.Get("/users/me.json")).Status.ShouldBe(401, "the session of the former token ended");
        programme.Bearer = next.Body["access_token"]!.ToString();
        (await programme.Get("/users/me.json")).Status.ShouldBe(200);
        Server.Time.Advance(TimeSpan.FromMinutes(5));
        (await programme.Get("/users/me.json")).Status.ShouldBe(401);

        // Somebody has a copy of the first one: all ends.
        var second = guest.Cookies["refresh_token"];
        (await _scene.Guest().Send("POST", "/auth/jwt/refresh.json", PassboltBrowser.Json(new { user_id = _ada.Id, refresh_token = refresh }))).Status.ShouldBe(401);
        (await _scene.Guest().Send("POST", "/auth/jwt/refresh.json", PassboltBrowser.Json(new { user_id = _ada.Id, refresh_token = second }))).Status.ShouldBe(401);
    }

    [Fact]
    public async Task A_refresh_token_in_a_cookie_needs_the_token_against_forgery()
    {
        var guest = _scene.Guest();
        var (_, refresh) = await Tokens(_ada);
        await guest.Get("/settings.json");
        guest.Cookies["refresh_token"] = refresh;
        (await guest.Send("POST", "/auth/jwt/refresh.json", PassboltBrowser.Json(new { }), csrf: null)).Status.ShouldBe(403);
        (await guest.Send("POST", "/auth/jwt/refresh.json", PassboltBrowser.Json(new { }))).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Signing_out_with_an_access_token_ends_its_refresh_token_or_all()
    {
        var first = await Tokens(_ada);
        var second = await Tokens(_ada);
        var programme = _scene.Guest();
        programme.Bearer = first.Access;
        (await programme.Send("POST", "/auth/jwt/logout.json", PassboltBrowser.Json(new { refresh_token = first.Refresh }))).Status.ShouldBe(200);
        (await programme.Get("/users/me.json")).Status.ShouldBe(401);
        (await Refresh(first.Refresh)).ShouldBe(401);
        programme.Bearer = second.Access;
        (await programme.Get("/users/me.json")).Status.ShouldBe(200, "the other one was not given up");
        (await programme.Send("POST", "/auth/jwt/logout.json", PassboltBrowser.Json(new { }))).Status.ShouldBe(200);
        (await programme.Get("/users/me.json")).Status.ShouldBe(401);
        (await Refresh(second.Refresh)).ShouldBe(401);
    }

    [Fact]
    public async Task Whatever_ends_sessions_ends_what_would_open_further_ones()
    {
        var ben = await _scene.Person();

        // All of them, from outside.
        var (access, refresh) = await Tokens(ben);
        (await Server.Send("DELETE", $"/v1/accounts/{ben.Id}/sessions", null, Server.AdminToken)).Status.ShouldBe(200);
        var programme = _scene.Guest();
        programme.Bearer = access;
        (await programme.Get("/users/me.json")).Status.ShouldBe(401);
        (await Refresh(refresh, ben)).ShouldBe(401);

        // One: its own refresh token, also when the access token's time is over, and no other.
        (access, refresh) = await Tokens(ben);
        var other = await Tokens(ben);
        programme.Bearer = access;
        (await programme.Post("/auth/logout.json", null)).Status.ShouldBe(200);
        Server.Time.Advance(SignInLifetimes.Access);
        (await Refresh(refresh, ben)).ShouldBe(401);
        (await Refresh(other.Refresh, ben)).ShouldBe(200);
    }

    [Fact]
    public async Task Another_key_ends_what_the_former_opened()
    {
        var ben = await _scene.Person();
        var thief = await _scene.SignedIn(ben);
        var (_, refresh) = await Tokens(ben);
        var keys = Server.Get<PersonKeys>();
        var account = Ids.Parse<AccountId>(ben.Id);
        (await keys.Set(PassboltClientScene.Local, account, new GivenKey(ben.Key.Public.Armored, null), CancellationToken.None)).Refusal.ShouldBeNull();
        (await thief.Get("/users/me.json")).Status.ShouldBe(200, "it is the same key");
        (await keys.Set(PassboltClientScene.Local, account, new GivenKey(_scene.Key().Public.Armored, null), CancellationToken.None)).Refusal.ShouldBeNull();
        (await thief.Get("/users/me.json")).Status.ShouldBe(403);
        (await Refresh(refresh, ben)).ShouldBe(401);
    }

    [Fact]
    public async Task Slows_down_who_tries_and_tries()
    {
        var body = new { user_id = "5efdcd5c-1e4a-4c1b-8d3e-9d1d0b7a5c21", challenge = "x" };
        for (var i = 0; i < 120; i++)
        {
            (await _scene.Guest().Send("POST", "/auth/jwt/login.json", PassboltBrowser.Json(body))).Status.ShouldBe(404);
        }

        var slowed = await _scene.Guest().Send("POST", "/auth/jwt/login.json", PassboltBrowser.Json(body));
        slowed.Status.ShouldBe(429);
        slowed.Header["status"]!.ToString().ShouldBe("error");
        slowed.Of("Retry-After").ShouldNotBeNull();

        // The server's own proof costs it a decryption: of one source only so many.
        var flood = new Visitor(TenantId.Default, "flood", "test");
        var prove = Server.Get<SignInWithOpenPgp>();
        var all = await Task.WhenAll(Enumerable.Range(0, 601).Select(_ => prove.Prove(flood, null, "x", CancellationToken.None)));
        all.Count(r => r.Refusal!.Code == RefusalCode.TooManyRequests).ShouldBe(1);
    }

    [Theory]
    [InlineData("domain", 401, "It was made for another server.")]
    [InlineData("late", 401, "It has expired, or ends too late.")]
    [InlineData("far", 401, "It has expired, or ends too late.")]
    [InlineData("version", 400, "The credentials are invalid.")]
    [InlineData("unsigned", 401, "The user's key did not sign it.")]
    [InlineData("stranger", 401, "The user's key did not sign it.")]
    [InlineData("used", 401, "It was used before.")]
    [InlineData("garbage", 400, "The credentials are invalid.")]
    [InlineData("not v4", 400, "The credentials are invalid.")]
    [InlineData("of another", 404, "The user does not exist or is not active.")]
    public async Task Refuses_a_challenge_that_was_not_made_for_this(string what, int status, string message)
    {
        var challenge = what switch
        {
            "domain" => _scene.Challenge(_ada.Key, c => c["domain"] = "https://passbolt.example.org"),
            "late" => _scene.Challenge(_ada.Key, c => c["verify_token_expiry"] = _scene.Now.ToUnixTimeSeconds()),
            "far" => _scene.Challenge(_ada.Key, c => c["verify_token_expiry"] = _scene.Now.AddMinutes(61).ToUnixTimeSeconds()),
            "version" => _scene.Challenge(_ada.Key, c => c["version"] = "2.0.0"),
            "unsigned" => _scene.Encrypted($$"""{"version":"1.0.0","domain":"{{_scene.Domain}}","verify_token":"5efdcd5c-1e4a-4c1b-8d3e-9d1d0b7a5c11","verify_token_expiry":{{_scene.Now.AddMinutes(1).ToUnixTimeSeconds()}}}"""),
            "stranger" or "of another" => _scene.Challenge(_stranger),
            "not v4" => _scene.Challenge(_ada.Key, c => c["verify_token"] = "5efdcd5c-1e4a-1c1b-8d3e-9d1d0b7a5c11"),
            "garbage" => "-----BEGIN PGP MESSAGE-----\n\nnothing\n=abcd\n-----END PGP MESSAGE-----\n",
            _ => _scene.Challenge(_ada.Key),
        };
        var user = what == "of another" ? "5efdcd5c-1e4a-4c1b-8d3e-9d1d0b7a5c11" : _ada.Id;
        var first = await _scene.Guest().Send("POST", "/auth/jwt/login.json", PassboltBrowser.Json(new { user_id = user, challenge }));
        var answer = what == "used"
            ? await _scene.Guest().Send("POST", "/auth/jwt/login.json", PassboltBrowser.Json(new { user_id = user, challenge }))
            : first;
        (what == "used").ShouldBe(first.Status == 200, first.Text);
        (answer.Status, answer.Header["message"]!.ToString()).ShouldBe((status, message));
        answer.Raw.Json!["body"]!.ToString().ShouldNotContain("challenge");
    }

    [Fact]
    public async Task The_person_and_administrators_are_told_of_an_attack_once_an_hour()
    {
        Server.Time.Advance(TimeSpan.FromHours(1)); // Whatever was told before does not count.
        var ben = await _scene.Person();
        var before = await Told();
        foreach (var challenge in new[] { _scene.Challenge(_stranger), _scene.Challenge(ben.Key, c => c["domain"] = "https://elsewhere.example.org"), "garbage" })
        {
            (await _scene.Guest().Send("POST", "/auth/jwt/login.json", PassboltBrowser.Json(new { user_id = ben.Id, challenge }))).Status.ShouldBeOneOf(400, 401);
        }

        (await Told() - before).ShouldBe(2, "one to the person, one to the administrator");

        // Of many people: each is told, and administrators five times in all.
        for (var i = 0; i < 5; i++)
        {
            var person = await _scene.Person();
            (await _scene.Guest().Send("POST", "/auth/jwt/login.json", PassboltBrowser.Json(new { user_id = person.Id, challenge = _scene.Challenge(_stranger) }))).Status.ShouldBe(401);
        }

        (await Told() - before).ShouldBe(2 + 5 + 4);

        async Task<long> Told() => await Server.Server.Installation.Database.Read(
            db => db.Scalar<long>("SELECT COUNT(*) FROM outbox WHERE kind = 'escrow_operator_notice'"), CancellationToken.None);
    }

    [Fact]
    public async Task A_changed_access_token_is_nobodys()
    {
        var (access, _) = await Tokens(_ada);
        var parts = access.Split('.');
        var none = Convert.ToBase64String("""{"typ":"JWT","alg":"none"}"""u8.ToArray()).TrimEnd('=');
        foreach (var bad in new[] { $"{parts[0]}.{parts[1]}.", $"{none}.{parts[1]}.", $"{none}.{parts[1]}.{parts[2]}", $"{parts[0]}.{parts[1]}A.{parts[2]}", "x", "a.b.c" })
        {
            var programme = _scene.Guest();
            programme.Bearer = bad;
            (await programme.Get("/users/me.json")).Status.ShouldBe(401, bad);
        }
    }

    [Fact]
    public async Task Publishes_the_key_that_verifies_access_tokens()
    {
        var set = await Server.Get("/auth/jwt/jwks.json");
        set.Json!["keys"]![0]!["alg"]!.ToString().ShouldBe("RS256");
        (await _scene.Guest().Get("/auth/jwt/rsa.json")).Body["keydata"]!.ToString().ShouldStartWith("-----BEGIN PUBLIC KEY-----");
    }

    [Fact]
    public async Task Whoever_is_disabled_is_signed_out_and_cannot_sign_in()
    {
        var ben = await _scene.Person();
        var browser = await _scene.SignedIn(ben);
        var (access, refresh) = await Tokens(ben);
        var changed = await Server.Send("PATCH", $"/v1/accounts/{ben.Id}", """{"status":"disabled"}""", Server.AdminToken);
        changed.Status.ShouldBe(200, changed.Text);
        (await browser.Get("/users/me.json")).Status.ShouldBe(403);
        var programme = _scene.Guest();
        programme.Bearer = access;
        (await programme.Get("/users/me.json")).Status.ShouldBe(401);
        (await _scene.Guest().Send("POST", "/auth/jwt/refresh.json", PassboltBrowser.Json(new { user_id = ben.Id, refresh_token = refresh }))).Status.ShouldBe(401);
        (await _scene.Guest().Form("/auth/login.json", ("keyid", ben.Key.Public.Fingerprint))).Status.ShouldBe(404);

        // Enabled again they sign in anew; nothing of before comes back.
        (await Server.Send("PATCH", $"/v1/accounts/{ben.Id}", """{"status":"active"}""", Server.AdminToken)).Status.ShouldBe(200);
        (await Refresh(refresh, ben)).ShouldBe(401);
        (await browser.Get("/users/me.json")).Status.ShouldBe(403);
        await _scene.SignedIn(ben);
    }

    [Fact]
    public async Task Of_many_who_bring_one_refresh_token_at_once_one_gets_the_next()
    {
        var (_, refresh) = await Tokens(_ada);
        var all = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Refresh(refresh)));
        all.Count(s => s == 200).ShouldBe(1);
    }

    private async Task<int> Refresh(string token, PassboltPerson? person = null) => (await _scene.Guest().Send(
        "POST", "/auth/jwt/refresh.json", PassboltBrowser.Json(new { user_id = (person ?? _ada).Id, refresh_token = token }))).Status;

    private async Task<(string Access, string Refresh)> Tokens(PassboltPerson person)
    {
        var opened = await _scene.Guest().Send(
            "POST", "/auth/jwt/login.json", PassboltBrowser.Json(new { user_id = person.Id, challenge = _scene.Challenge(person.Key) }));
        opened.Status.ShouldBe(200, opened.Text);
        var answer = JsonNode.Parse(PassboltScene.Decrypted(opened.Body["challenge"]!.ToString(), person.Key, _scene.Now))!;
        return (answer["access_token"]!.ToString(), answer["refresh_token"]!.ToString());
    }
}
