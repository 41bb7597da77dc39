using System.Text.RegularExpressions;
using static Sparekey.Server.Tests.Dialects.KratosRecoveryScene;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>Self-service recovery with codes, by browsers, their scripts and programmes: what goes well, and everything that does not.</summary>
public sealed class KratosRecoveryFlowTests(KratosRecoveryScene scene) : IClassFixture<KratosRecoveryScene>
{
    private const string Submit = "/self-service/recovery?flow=";

    private readonly RunningServer _server = scene.Server;

    [Fact]
    public async Task A_programme_recovers_with_a_mailed_code()
    {
        var (id, email) = await scene.Person();
        var api = new RecoveryBrowser(_server);
        var begun = await api.Get("/self-service/recovery/api");

        begun.Status.ShouldBe(200, begun.Text);
        begun.Headers.CacheControl!.ToString().ShouldBe("no-store, must-revalidate, no-cache, private");
        begun["type"].ShouldBe("api");
        begun["state"].ShouldBe("choose_method");
        begun["active"].ShouldBe("code");
        begun.Json!["ui"]!["nodes"]!.AsArray().Select(n => n!["attributes"]!["name"]!.ToString()).ShouldBe(["csrf_token", "email", "method"]);
        begun.Json["ui"]!["messages"].ShouldBeNull();
        CsrfOf(begun).ShouldBe("");
        api.Cookies.ShouldBeEmpty();

        var sent = await api.Post(Submit + begun["id"], new { method = "code", email });
        sent.Status.ShouldBe(200, sent.Text);
        sent["state"].ShouldBe("sent_email");
        MessagesOf(sent).ShouldBe([1060003]);
        sent.Json!["ui"]!["nodes"]!.AsArray().Select(n => n!["attributes"]!["name"] + ":" + n["attributes"]!["type"])
            .ShouldBe(["csrf_token:hidden", "code:text", "method:hidden", "method:submit", "email:submit"]);

        var wrong = await api.Post(Submit + begun["id"], new { method = "code", code = Other(await scene.MailedCode(email)) });
        wrong.Status.ShouldBe(200, wrong.Text);
        MessagesOf(wrong).ShouldBe([4060006]);

        var done = await api.Post(Submit + begun["id"], new { code = await scene.MailedCode(email), transient_payload = new { a = "b" } });
        done.Status.ShouldBe(200, done.Text);
        done["state"].ShouldBe("passed_challenge");
        done.Json!["transient_payload"]!["a"]!.ToString().ShouldBe("b");
        done.Json["ui"]!["messages"].ShouldBeNull();
        done.Json["continue_with"]!.AsArray().Select(c => c!["action"]!.ToString()).ShouldBe(["set_ory_session_token", "show_settings_ui"]);
        done.Headers.Contains("Set-Cookie").ShouldBeFalse();
        var token = done.Json["continue_with"]![0]!["ory_session_token"]!.ToString();
        token.ShouldMatch("^ory_st_[A-Za-z0-9]{32}$");

        var me = await api.Get("/sessions/whoami", headers: ("X-Session-Token", token));
        me.Status.ShouldBe(200, me.Text);
        me.Json!["identity"]!["id"]!.ToString().ShouldBe(id);
        me.Json["authentication_methods"]![0]!["method"]!.ToString().ShouldBe("code_recovery");
        me.Json["identity"]!["verifiable_addresses"]?[0]!["verified"]!.GetValue<bool>().ShouldBeTrue();
        me.Headers.GetValues("X-Kratos-Authenticated-Identity-Id").ShouldBe([id]);
        (await scene.Events(id)).Where(e => e.StartsWith("recovery_", StringComparison.Ordinal) || e is "session_opened" or "address_confirmed")
            .ShouldBe(["recovery_opened", "recovery_ready", "recovery_issued", "recovery_try_refused", "recovery_redeemed", "recovery_completed", "session_opened", "address_confirmed"], ignoreOrder: true);
    }

    [Fact]
    public async Task While_recoveries_are_stopped_a_right_code_looks_like_a_wrong_one_and_is_good_afterwards()
    {
        var (id, _) = await scene.Person();
        var (flow, code) = await scene.Code(id, "api");
        var api = new RecoveryBrowser(_server);
        (await _server.Post("/v1/policy/stop", new { reason = "fire" }, _server.AdminToken)).Status.ShouldBe(200);
        try
        {
            var wrong = await api.Post(Submit + flow, new { method = "code", code = Other(code) });
            var right = await api.Post(Submit + flow, new { method = "code", code });
            (right.Status, right["state"]).ShouldBe((wrong.Status, wrong["state"]));
            MessagesOf(right).ShouldBe(MessagesOf(wrong));
            MessagesOf(right).ShouldBe([4060006]);
            (await scene.Order("code", new { identity_id = id })).Status.ShouldBe(403);
            (await scene.Order("link", new { identity_id = id })).Status.ShouldBe(403);
        }
        finally
        {
            (await _server.Post("/v1/policy/resume", null, _server.AdminToken)).Status.ShouldBe(204);
        }

        (await api.Post(Submit + flow, new { method = "code", code }))["state"].ShouldBe("passed_challenge");
    }

    [Fact]
    public async Task A_script_recovers_in_a_browser()
    {
        var (id, email) = await scene.Person();
        var browser = new RecoveryBrowser(_server);
        var begun = await browser.Begin("?return_to=" + Uri.EscapeDataString(_server.Origin + "self-service/settings/browser"));

        begun["type"].ShouldBe("browser");
        begun["return_to"].ShouldEndWith("/self-service/settings/browser");
        begun["request_url"].ShouldContain("/self-service/recovery/browser?return_to=");
        var cookie = browser.Cookies.ShouldHaveSingleItem();
        cookie.Key.ShouldMatch("^csrf_token_[0-9a-f]{64}$");
        Convert.FromBase64String(cookie.Value).Length.ShouldBe(32);
        Convert.FromBase64String(CsrfOf(begun)).Length.ShouldBe(64);

        (await browser.Post(Submit + begun["id"], new { method = "code", email, csrf_token = CsrfOf(begun) })).Status.ShouldBe(200);
        var code = await scene.MailedCode(email);
        var done = await browser.Post(Submit + begun["id"], new { method = "code", code, csrf_token = cookie.Value }); // Unmasked is taken too.

        done.Status.ShouldBe(200, done.Text);
        done.Json!["continue_with"]!.AsArray().ShouldHaveSingleItem()!["action"]!.ToString().ShouldBe("show_settings_ui");
        done.Text.ShouldNotContain("ory_st_");
        browser.Cookies.Keys.ShouldContain("ory_kratos_session");
        browser.Cookies[cookie.Key].ShouldNotBe(cookie.Value);
        (await browser.Get("/sessions/whoami")).Json!["identity"]!["id"]!.ToString().ShouldBe(id);

        // The flow is read with the new cookie, and no other browser reads it.
        (await browser.Get("/self-service/recovery/flows?id=" + begun["id"]))["state"].ShouldBe("passed_challenge");
        (await new RecoveryBrowser(_server).Get("/self-service/recovery/flows?id=" + begun["id"])).Status.ShouldBe(403);
    }

    [Fact]
    public async Task A_browser_without_script_recovers_on_our_own_page()
    {
        var (id, email) = await scene.Person();
        var browser = new RecoveryBrowser(_server);
        var begun = await browser.Get("/self-service/recovery/browser", RecoveryBrowser.Page);
        begun.Status.ShouldBe(303);
        var page = begun.Headers.Location!;
        var shown = await browser.Get(page.PathAndQuery, RecoveryBrowser.Page);
        shown.Status.ShouldBe(200);
        shown.Text.ShouldContain("Get back into your account");
        shown.Text.ShouldContain("name=\"email\"");
        shown.Headers.GetValues("Content-Security-Policy").Single().ShouldContain("frame-ancestors 'none'");
        var csrf = Regex.Match(shown.Text, "name=\"csrf_token\" value=\"(?<v>[^\"]+)\"", RegexOptions.NonBacktracking).Groups["v"].Value.Replace("&#x2B;", "+", StringComparison.Ordinal);
        var flow = QueryOf(page.AbsoluteUri)["flow"];

        var sent = await browser.Form(Submit + flow, ("csrf_token", csrf), ("email", email), ("method", "code"));
        sent.Status.ShouldBe(303, sent.Text);
        sent.Headers.Location!.ShouldBe(page);
        (await browser.Get(page.PathAndQuery, RecoveryBrowser.Page)).Text.ShouldContain("name=\"code\"");

        (await browser.Form(Submit + flow, ("csrf_token", csrf), ("email", ""), ("code", "000000"), ("method", "code"))).Headers.Location!.ShouldBe(page);
        (await browser.Get(page.PathAndQuery, RecoveryBrowser.Page)).Text.ShouldContain("This code does not work");
        var done = await browser.Form(Submit + flow, ("csrf_token", csrf), ("code", await scene.MailedCode(email)), ("method", "code"));
        done.Status.ShouldBe(303, done.Text);
        done.Headers.Location!.AbsolutePath.ShouldBe("/self-service/settings/page");
        (await browser.Get("/sessions/whoami")).Json!["identity"]!["id"]!.ToString().ShouldBe(id);
    }

    [Fact]
    public async Task A10_An_address_of_nobody_looks_the_same()
    {
        var (_, email) = await scene.Person();
        var answers = new List<string>();
        foreach (var typed in new[] { email, "nobody@example.com" })
        {
            var api = new RecoveryBrowser(_server);
            var flow = (await api.Get("/self-service/recovery/api"))["id"];
            var sent = await api.Post(Submit + flow, new { method = "code", email = typed });
            var wrong = await api.Post(Submit + flow, new { method = "code", code = "000000" });
            var read = await api.Get("/self-service/recovery/flows?id=" + flow);
            answers.Add(Regex.Replace(
                string.Join('\n', sent.Status, sent.Text, wrong.Status, wrong.Text, read.Status, read.Text)
                    .Replace(flow, "FLOW", StringComparison.Ordinal).Replace(typed, "TYPED", StringComparison.Ordinal),
                "\"(?:issued|expires)_at\":\"[^\"]*\"", "AT", RegexOptions.NonBacktracking));
        }

        answers[1].ShouldBe(answers[0]);
    }

    [Fact]
    public async Task The_fifth_wrong_code_is_the_last()
    {
        var (id, _) = await scene.Person();
        var (flow, code) = await scene.Code(id, "api");
        var api = new RecoveryBrowser(_server);
        for (var i = 0; i < 5; i++)
        {
            var wrong = await api.Post(Submit + flow, new { method = "code", code = Other(code) });
            wrong.Status.ShouldBe(200, wrong.Text);
            MessagesOf(wrong).ShouldBe([4060006]);
        }

        var sixth = await api.Post(Submit + flow, new { method = "code", code });
        sixth.Status.ShouldBe(400, sixth.Text);
        sixth.Json!["error"]!["reason"]!.ToString().ShouldBe("The request was submitted too often. Please request another code.");
        var next = sixth.Json["error"]!["details"]!["continue_with"]![0]!;
        next["action"]!.ToString().ShouldBe("show_recovery_ui");
        var again = await api.Get("/self-service/recovery/flows?id=" + next["flow"]!["id"]);
        again["type"].ShouldBe("api");
        again["state"].ShouldBe("choose_method");
        MessagesOf(again).ShouldBe([4000001]);
        (await scene.Events(id)).ShouldContain("recovery_locked");
        (await scene.Events(id)).ShouldNotContain("session_opened");
    }

    [Fact]
    public async Task The_right_code_after_four_wrong_ones_is_taken_once()
    {
        var (id, _) = await scene.Person();
        var (flow, code) = await scene.Code(id, "api");
        var api = new RecoveryBrowser(_server);
        foreach (var wrong in new[] { "", "12345", Other(code), "not a code" })
        {
            MessagesOf(await api.Post(Submit + flow, new { method = "code", code = wrong })).ShouldBe([4060006], wrong);
        }

        (await api.Post(Submit + flow, new { method = "code", code }))["state"].ShouldBe("passed_challenge");
        var replay = await api.Post(Submit + flow, new { method = "code", code });
        replay.Status.ShouldBe(400);
        (await scene.Events(id)).Count(e => e == "session_opened").ShouldBe(1);
    }

    [Fact]
    public async Task A_code_that_was_used_says_so_to_who_holds_its_flow()
    {
        var (id, _) = await scene.Person();
        var (flow, code) = await scene.Code(id, "api");
        var api = new RecoveryBrowser(_server);
        (await api.Post(Submit + flow, new { code })).Status.ShouldBe(200);

        var replay = await api.Post(Submit + flow, new { code });
        replay.Status.ShouldBe(400);
        replay.Json!["error"]!["reason"]!.ToString().ShouldBe("The code was already used. Please request another code.");
    }

    [Fact]
    public async Task A_code_works_with_its_own_flow_and_nowhere_else()
    {
        var (id, email) = await scene.Person();
        var (first, code) = await scene.Code(id, "api");
        var (second, _) = await scene.Code(id, "api");
        var api = new RecoveryBrowser(_server);

        MessagesOf(await api.Post(Submit + second, new { code })).ShouldBe([4060006]);
        (await _server.Post("/v1/redemptions", new { code, account = new { email } })).Status.ShouldBe(401);
        var nobodys = (await api.Get("/self-service/recovery/api"))["id"];
        (await api.Post(Submit + nobodys, new { method = "code", email = "nobody@example.org" })).Status.ShouldBe(200);
        MessagesOf(await api.Post(Submit + nobodys, new { code })).ShouldBe([4060006]);
        (await api.Post(Submit + first, new { code }))["state"].ShouldBe("passed_challenge");
    }

    [Fact]
    public async Task Success_ends_every_other_recovery_and_every_other_session()
    {
        var (id, email) = await scene.Person();
        var api = new RecoveryBrowser(_server);
        var (first, code) = await scene.Code(id, "api");
        var (second, other) = await scene.Code(id, "api");
        var (third, token) = await scene.Link(id);
        var native = (await _server.Recover(email, "link")).Json!["secret"]!["link"]!.ToString().Split('#')[1];
        var (before, old) = await scene.Code(id, "api");
        var session = (await api.Post(Submit + before, new { code = old })).Json!["continue_with"]![0]!["ory_session_token"]!.ToString();
        (first, code) = await scene.Code(id, "api");
        (second, other) = await scene.Code(id, "api");
        (third, token) = await scene.Link(id);

        (await api.Post(Submit + first, new { code })).Status.ShouldBe(200);
        MessagesOf(await api.Post(Submit + second, new { code = other })).ShouldBe([4060006]);
        var link = await new RecoveryBrowser(_server).Form($"{Submit}{third}&token={token}");
        link.Status.ShouldBe(303);
        link.Headers.Location!.AbsolutePath.ShouldBe("/self-service/recovery/page");
        (await _server.Post("/v1/redemptions", new { link_secret = native })).Status.ShouldBe(401);
        (await api.Get("/sessions/whoami", headers: ("X-Session-Token", session))).Status.ShouldBe(401);
    }

    [Fact]
    public async Task Resending_kills_the_former_code_and_gives_no_more_tries()
    {
        var (_, email) = await scene.Person();
        var api = new RecoveryBrowser(_server);
        var flow = (await api.Get("/self-service/recovery/api"))["id"];
        (await api.Post(Submit + flow, new { method = "code", email })).Status.ShouldBe(200);
        var first = await scene.MailedCode(email);
        MessagesOf(await api.Post(Submit + flow, new { code = Other(first) })).ShouldBe([4060006]);
        (await api.Post(Submit + flow, new { method = "code", email })).Status.ShouldBe(200);
        var second = await scene.MailedCode(email, 2);

        if (first != second)
        {
            MessagesOf(await api.Post(Submit + flow, new { code = first })).ShouldBe([4060006]);
        }

        (await api.Post(Submit + flow, new { code = second }))["state"].ShouldBe("passed_challenge");
    }

    [Fact]
    public async Task Another_address_ends_what_was_sent_to_the_first()
    {
        var (_, email) = await scene.Person();
        var api = new RecoveryBrowser(_server);
        var flow = (await api.Get("/self-service/recovery/api"))["id"];
        await api.Post(Submit + flow, new { method = "code", email });
        var code = await scene.MailedCode(email);
        await api.Post(Submit + flow, new { method = "code", email = "somebody.else@example.com" });

        MessagesOf(await api.Post(Submit + flow, new { code })).ShouldBe([4060006]);
    }

    [Fact]
    public async Task The_session_ends_with_its_privileged_time_unless_a_credential_was_set()
    {
        var (id, _) = await scene.Person();
        var (flow, code) = await scene.Code(id, "api");
        var api = new RecoveryBrowser(_server);
        var token = (await api.Post(Submit + flow, new { code })).Json!["continue_with"]![0]!["ory_session_token"]!.ToString();

        _server.Time.Advance(TimeSpan.FromMinutes(59));
        (await api.Get("/sessions/whoami", headers: ("X-Session-Token", token))).Status.ShouldBe(200);
        (await _server.Get("/v1/sessions/current", token)).Status.ShouldBe(401); // It is good for nothing of ours.
        _server.Time.Advance(TimeSpan.FromMinutes(2));
        var over = await api.Get("/sessions/whoami", headers: ("X-Session-Token", token));
        over.Status.ShouldBe(401);
        over.Json!["error"]!["reason"]!.ToString().ShouldBe("No valid session credentials found in the request.");
    }

    [Fact]
    public async Task T8_An_expired_flow_gives_way_to_another()
    {
        var (_, email) = await scene.Person();
        var (api, browser) = (new RecoveryBrowser(_server), new RecoveryBrowser(_server));
        var native = (await api.Get("/self-service/recovery/api"))["id"];
        var begun = await browser.Begin("?return_to=" + Uri.EscapeDataString(_server.Origin + "self-service/x"));
        await api.Post(Submit + native, new { method = "code", email });
        var code = await scene.MailedCode(email);
        _server.Time.Advance(TimeSpan.FromHours(1));

        var late = await api.Post(Submit + native, new { method = "code", code });
        late.Status.ShouldBe(410, late.Text);
        late.Json!["error"]!["id"]!.ToString().ShouldBe("self_service_flow_expired");
        late.Json["use_flow_id"]!.ToString().ShouldBe(late.Json["error"]!["details"]!["continue_with"]![0]!["flow"]!["id"]!.ToString());
        MessagesOf(await api.Get("/self-service/recovery/flows?id=" + late["use_flow_id"])).ShouldBe([4060005]);
        var read = await api.Get("/self-service/recovery/flows?id=" + native);
        read.Status.ShouldBe(410);
        read.Json!["error"]!["details"]!["api"]!.ToString().ShouldEndWith("/self-service/recovery/api");
        read.Json["use_flow_id"]!.ToString().ShouldBe("00000000-0000-0000-0000-000000000000");

        var script = await browser.Post(Submit + begun["id"], new { method = "code", email, csrf_token = CsrfOf(begun) });
        script.Status.ShouldBe(303);
        (await browser.Get(script.Headers.Location!.PathAndQuery))["return_to"].ShouldEndWith("/self-service/x");
        var page = await browser.Form(Submit + begun["id"], ("method", "code"), ("email", email), ("csrf_token", browser.Cookies.First(c => c.Key.StartsWith("csrf", StringComparison.Ordinal)).Value));
        page.Status.ShouldBe(303);
        page.Headers.Location!.AbsolutePath.ShouldBe("/self-service/recovery/page");

        var mine = await browser.Begin();
        _server.Time.Advance(TimeSpan.FromMinutes(90));
        var gone = await browser.Get("/self-service/recovery/flows?id=" + mine["id"]);
        gone.Status.ShouldBe(410);
        gone.Json!["error"]!["details"]!["redirect_to"]!.ToString().ShouldEndWith("/self-service/recovery/browser");
        gone.Json["error"]!["details"]!["return_to"]!.ToString().ShouldBe("");
        gone.Json["error"]!["id"].ShouldBeNull();
    }

    [Fact]
    public async Task A_browsers_flow_is_submitted_by_its_own_pages_alone()
    {
        var (_, email) = await scene.Person();
        var browser = new RecoveryBrowser(_server);
        var begun = await browser.Begin();
        var (flow, csrf) = (begun["id"], CsrfOf(begun));

        await Forged(await new RecoveryBrowser(_server).Post(Submit + flow, new { method = "code", email, csrf_token = csrf }), "Cookie Header");
        await Forged(await browser.Post(Submit + flow, new { method = "code", email }), "not sent");
        await Forged(await browser.Post(Submit + flow, new { method = "code", email, csrf_token = Convert.ToBase64String(new byte[64]) }), "does not match");
        await Forged(await browser.Post(Submit + flow, new { method = "code", email, csrf_token = "%%%" }), "does not match");
        await Forged(await browser.Post(Submit + flow, new { method = "code", email, csrf_token = csrf }, RecoveryBrowser.Script, ("Origin", "https://evil.example.com")), "Origin");
        var stranger = new RecoveryBrowser(_server);
        await stranger.Begin();
        await Forged(await stranger.Post(Submit + flow, new { method = "code", email, csrf_token = csrf }), "does not match");
        (await browser.Get("/self-service/recovery/flows?id=" + flow))["state"].ShouldBe("choose_method");

        var page = await browser.Form(Submit + flow, ("method", "code"), ("email", email));
        page.Status.ShouldBe(303);
        page.Headers.Location!.AbsolutePath.ShouldBe("/self-service/errors/page");
        var error = await browser.Get("/self-service/errors?id=" + QueryOf(page.Headers.Location.AbsoluteUri)["id"]);
        error.Json!["error"]!["id"]!.ToString().ShouldBe("security_csrf_violation");
        error["created_at"].ShouldEndWith("Z");
        (await browser.Get(page.Headers.Location.PathAndQuery, RecoveryBrowser.Page)).Text.ShouldContain("<h1>");

        static Task Forged(Answer answer, string why)
        {
            answer.Status.ShouldBe(403, answer.Text);
            answer.Json!["error"]!["id"]!.ToString().ShouldBe("security_csrf_violation");
            answer.Json["error"]!["details"]!["reject_reason"]!.ToString().ShouldContain(why);
            return Task.CompletedTask;
        }
    }

    [Fact]
    public async Task A_programmes_flow_is_not_for_browsers()
    {
        var api = new RecoveryBrowser(_server);
        var flow = (await api.Get("/self-service/recovery/api"))["id"];
        (await api.Post(Submit + flow, new { method = "code", email = "a@example.com" }, RecoveryBrowser.Script, ("Origin", _server.Origin.AbsoluteUri.TrimEnd('/')))).Status.ShouldBe(400);
        var cookies = await api.Post(Submit + flow, new { method = "code", email = "a@example.com" }, RecoveryBrowser.Script, ("Cookie", "__cf_bm=1; tracking=2"));
        cookies.Status.ShouldBe(400);
        cookies.Json!["error"]!["details"]!["found cookies"]!.AsArray().Select(c => c!.ToString()).ShouldBe(["tracking"]);
        (await api.Post(Submit + flow, new { method = "code", email = "a@example.com" }, RecoveryBrowser.Script, ("Cookie", "__cf_bm=1"))).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("{\"method\":\"code\"}", 4000002, true)]
    [InlineData("{\"method\":\"code\",\"email\":\"\"}", 4000002, true)]
    [InlineData("{\"method\":\"code\",\"email\":\"asdf\"}", 4000040, true)]
    [InlineData("{\"method\":\"code\",\"email\":\"...\"}", 4000040, true)]
    [InlineData("{\"method\":\"code\",\"email\":\"a@example.com,b@example.com\"}", 4000040, true)]
    [InlineData("{\"method\":\"code\",\"email\":\"<a@example.com>\"}", 4000040, true)]
    [InlineData("{\"method\":\"code\",\"email\":\"a@example.com\\r\\nBcc: b@example.com\"}", 4000040, true)]
    [InlineData("{\"email\":\"a@example.com\"}", 4010005, false)]
    [InlineData("{\"method\":\"link\",\"email\":\"a@example.com\"}", 4010005, false)]
    [InlineData("{\"method\":\"password\",\"email\":\"a@example.com\"}", 4010005, false)]
    public async Task What_is_no_address_comes_back_with_the_flow(string body, long message, bool onTheNode)
    {
        var api = new RecoveryBrowser(_server);
        var flow = (await api.Get("/self-service/recovery/api"))["id"];
        var answer = await api.Post(Submit + flow, body);

        answer.Status.ShouldBe(400, answer.Text);
        answer["id"].ShouldBe(flow);
        (onTheNode ? [.. NodeOf(answer, "email")!["messages"]!.AsArray().Select(m => m!["id"]!.GetValue<long>())] : MessagesOf(answer)).ShouldBe([message]);
        (await api.Post(Submit + flow, new { method = "code", email = "foo.@docomo.ne.jp" }))["state"].ShouldBe("sent_email");
    }

    [Theory]
    [InlineData("POST", "/self-service/recovery", 400)]
    [InlineData("POST", "/self-service/recovery?flow=nonsense", 400)]
    [InlineData("POST", "/self-service/recovery?flow=8e03978e-40d5-43e8-bc93-6894a57f9324", 404)]
    [InlineData("GET", "/self-service/recovery/flows", 404)]
    [InlineData("GET", "/self-service/recovery/flows?id=nonsense", 404)]
    [InlineData("GET", "/self-service/recovery/flows?id=8e03978e-40d5-43e8-bc93-6894a57f9324", 404)]
    [InlineData("GET", "/self-service/errors?id=8e03978e-40d5-43e8-bc93-6894a57f9324", 404)]
    [InlineData("GET", "/self-service/recovery/browser?return_to=https%3A%2F%2Fevil.example.com", 400)]
    [InlineData("GET", "/sessions/whoami", 401)]
    public async Task What_is_not_there_is_an_error_in_Kratoss_form(string method, string path, int status)
    {
        var answer = await new RecoveryBrowser(_server).Send(method, path, method == "POST" ? new StringContent("{}") : null, RecoveryBrowser.Script, []);
        answer.Status.ShouldBe(status, answer.Text);
        answer.Json!["error"]!["message"].ShouldNotBeNull();
        answer.Headers.Contains("Ory-Error-Id").ShouldBeTrue();
    }

    [Theory]
    [InlineData("{\"method\":")]
    [InlineData("[]")]
    [InlineData("{\"code\":\"\\ud800\"}")]
    [InlineData("{\"code\":\"1\",\"code\":\"2\"}")]
    public async Task A_body_that_cannot_be_read_changes_nothing(string body)
    {
        var (id, _) = await scene.Person();
        var (flow, code) = await scene.Code(id, "api");
        var api = new RecoveryBrowser(_server);
        for (var i = 0; i < 6; i++)
        {
            (await api.Post(Submit + flow, body)).Status.ShouldBe(400);
        }

        (await api.Post(Submit + flow, new { code })).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Who_is_signed_in_begins_no_recovery_but_a_code_is_taken_all_the_same()
    {
        var (id, email) = await scene.Person();
        var (other, _) = await scene.Person();
        var browser = new RecoveryBrowser(_server);
        var begun = await browser.Begin();
        var (flow, code) = await scene.Code(id);
        (await browser.Post(Submit + flow, new { code })).Status.ShouldBe(200);

        var again = await browser.Get("/self-service/recovery/browser");
        again.Status.ShouldBe(400);
        again.Json!["error"]!["id"]!.ToString().ShouldBe("session_already_available");
        (await browser.Get("/self-service/recovery/browser", RecoveryBrowser.Page)).Status.ShouldBe(302);
        (await new RecoveryBrowser(_server).Get("/self-service/recovery/api", RecoveryBrowser.Script, ("X-Session-Token", browser.Cookies["ory_kratos_session"]))).Status.ShouldBe(400);
        var csrf = browser.Cookies.First(c => c.Key.StartsWith("csrf", StringComparison.Ordinal)).Value;
        (await browser.Post(Submit + begun["id"], new { method = "code", email, csrf_token = csrf })).Json!["error"]!["id"]!.ToString().ShouldBe("session_already_available");

        (flow, code) = await scene.Code(other);
        (await browser.Post(Submit + flow, new { code })).Status.ShouldBe(200);
        (await browser.Get("/sessions/whoami")).Json!["identity"]!["id"]!.ToString().ShouldBe(other);
    }

    [Fact]
    public async Task N8_A17_Many_flows_for_one_address_are_slowed_and_void_nothing()
    {
        var (_, email) = await scene.Person();
        var api = new RecoveryBrowser(_server);
        _server.Time.Advance(TimeSpan.FromMinutes(61 - _server.Time.GetUtcNow().Minute)); // The beginning of an hour.
        var mine = (await api.Get("/self-service/recovery/api"))["id"];
        (await api.Post(Submit + mine, new { method = "code", email })).Status.ShouldBe(200);
        var code = await scene.MailedCode(email);
        foreach (var typed in new[] { email, "nobody.at.all@example.com" })
        {
            var statuses = new List<int>();
            for (var i = 0; i < 6; i++)
            {
                var flow = (await api.Get("/self-service/recovery/api"))["id"];
                var asked = await api.Post(Submit + flow, new { method = "code", email = typed });
                statuses.Add(asked.Status);
                if (asked.Status == 429)
                {
                    asked.Headers.RetryAfter.ShouldNotBeNull();
                    continue;
                }

                for (var t = 0; t < 5; t++)
                {
                    MessagesOf(await api.Post(Submit + flow, new { code = "000000" })).ShouldBe([4060006]);
                }
            }

            statuses.ShouldBe([200, 200, 200, 200, 429, 429], typed);
        }

        (await api.Post(Submit + mine, new { code }))["state"].ShouldBe("passed_challenge");
    }

    [Fact]
    public async Task T6_A_disabled_account_keeps_its_code()
    {
        var (id, _) = await scene.Person();
        var (flow, code) = await scene.Code(id, "api");
        var api = new RecoveryBrowser(_server);
        await Status("disabled");
        var refused = await api.Post(Submit + flow, new { code });
        refused.Status.ShouldBe(400, refused.Text);
        refused.Json!["error"]!["id"]!.ToString().ShouldBe("identity_disabled");
        MessagesOf(await api.Get("/self-service/recovery/flows?id=" + refused.Json["error"]!["details"]!["continue_with"]![0]!["flow"]!["id"])).ShouldBe([4010011]);
        await Status("active");
        (await api.Post(Submit + flow, new { code }))["state"].ShouldBe("passed_challenge");

        async Task Status(string status) =>
            (await _server.Send("PATCH", $"/v1/accounts/{id}", new { status }, _server.AdminToken)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task People_see_and_end_their_own_sessions_and_no_others()
    {
        var (id, _) = await scene.Person();
        var (other, _) = await scene.Person();
        var browser = new RecoveryBrowser(_server);
        var (flow, code) = await scene.Code(id);
        await browser.Post(Submit + flow, new { code });
        var stranger = new RecoveryBrowser(_server);
        (flow, code) = await scene.Code(other);
        await stranger.Post(Submit + flow, new { code });
        var theirs = (await stranger.Get("/sessions/whoami"))["id"];

        (await browser.Get("/sessions")).Text.ShouldBe("[]\n");
        (await browser.Send("DELETE", "/sessions/" + theirs, null, RecoveryBrowser.Script, [])).Status.ShouldBe(204);
        (await browser.Send("DELETE", "/sessions", null, RecoveryBrowser.Script, [])).Json!["count"]!.GetValue<int>().ShouldBe(0);
        (await stranger.Get("/sessions/whoami")).Status.ShouldBe(200);

        var begun = await browser.Get("/self-service/logout/browser");
        begun.Status.ShouldBe(200, begun.Text);
        begun.Json!["logout_url"].ShouldNotBeNull(begun.Text);
        var wrong = await browser.Get("/self-service/logout?token=ory_lo_wrong");
        wrong.Status.ShouldBe(403);
        (await browser.Get("/sessions/whoami")).Status.ShouldBe(200);
        (await browser.Get(new Uri(begun["logout_url"]).PathAndQuery, RecoveryBrowser.Page)).Status.ShouldBe(303);
        (await browser.Get("/sessions/whoami")).Status.ShouldBe(401);
        (await browser.Get("/self-service/logout/browser")).Json!["error"]!["id"]!.ToString().ShouldBe("session_inactive");
    }
}
