using System.Text.RegularExpressions;
using Sparekey.Server.Dialects.Kratos;
using static Sparekey.Server.Tests.Dialects.KratosRecoveryScene;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>Codes and links that operators ask for, and links as people and programmes open them.</summary>
public sealed class KratosRecoveryAdminTests(KratosRecoveryScene scene) : IClassFixture<KratosRecoveryScene>
{
    private const string Nobody = "8e03978e-40d5-43e8-bc93-6894a57f9324";
    private const string Submit = "/self-service/recovery?flow=";

    private readonly RunningServer _server = scene.Server;

    [Fact]
    public async Task The_seeds_call_works_as_written()
    {
        var (id, email) = await scene.Person();
        var made = await _server.Post(
            "/api/kratos/admin/recovery/link", $"{{\n\"expires_in\": \"12h\",\n\"identity_id\": \"{id}\"\n}}", _server.AdminToken);

        made.Status.ShouldBe(200, made.Text);
        made["recovery_link"].ShouldMatch($"^{_server.Origin}api/kratos/public/self-service/recovery\\?flow=[0-9a-f-]{{36}}&token=[A-Za-z0-9]{{32}}$");
        made.Text.ShouldContain("&token="); // Readable.
        DateTimeOffset.Parse(made["expires_at"], System.Globalization.CultureInfo.InvariantCulture).ShouldBe(_server.Time.GetUtcNow().AddHours(12), TimeSpan.FromMinutes(1));
        made.Headers.CacheControl!.NoStore.ShouldBeTrue();

        var browser = new RecoveryBrowser(_server);
        var link = new Uri(made["recovery_link"]).PathAndQuery;
        var page = await browser.Get(link, RecoveryBrowser.Page);
        page.Status.ShouldBe(200);
        page.Text.ShouldContain("<button type=\"submit\">");
        page.Text.ShouldNotContain(email);
        var done = await browser.Form(link);
        done.Status.ShouldBe(303);
        done.Headers.Location!.AbsolutePath.ShouldBe("/api/kratos/public/self-service/settings/page");
        (await browser.Get("/sessions/whoami")).Json!["authentication_methods"]![0]!["method"]!.ToString().ShouldBe("link_recovery");
        (await scene.Events(id)).ShouldContain("recovery_completed");
    }

    [Fact]
    public async Task T9_An_operators_code_is_a_flow_that_asks_for_no_address()
    {
        var (id, _) = await scene.Person();
        var made = await scene.Order("code", new { identity_id = id, unknown = 1 });
        made.Status.ShouldBe(201, made.Text);
        made["recovery_link"].ShouldMatch("/self-service/recovery/page\\?flow=[0-9a-f-]{36}$");
        made["recovery_code"].ShouldMatch("^[0-9]{6}$");
        DateTimeOffset.Parse(made["expires_at"], System.Globalization.CultureInfo.InvariantCulture).ShouldBe(_server.Time.GetUtcNow().AddHours(1), TimeSpan.FromMinutes(1));

        var flow = await new RecoveryBrowser(_server).Get("/self-service/recovery/flows?id=" + QueryOf(made["recovery_link"])["flow"]);
        flow["state"].ShouldBe("sent_email");
        flow["type"].ShouldBe("browser");
        flow.Json!["ui"]!["nodes"]!.ToJsonString().ShouldBe(
            """[{"type":"input","group":"code","attributes":{"name":"code","type":"text","required":true,"autocomplete":"one-time-code","pattern":"[0-9]\u002B","disabled":false,"maxlength":6,"node_type":"input"},"messages":[],"meta":{"label":{"id":1070010,"text":"Recovery code","type":"info"}}},{"type":"input","group":"code","attributes":{"name":"method","type":"submit","value":"code","disabled":false,"node_type":"input"},"messages":[],"meta":{"label":{"id":1070009,"text":"Continue","type":"info"}}}]""");
        flow.Text.ShouldNotContain(made["recovery_code"]);
        var address = await new RecoveryBrowser(_server).Post(Submit + flow["id"], new { method = "code", email = "somebody.else@example.com" });
        address.Status.ShouldBe(400);
        MessagesOf(address).ShouldBe([4010005]);
        (await new RecoveryBrowser(_server).Post(Submit + flow["id"], new { code = made["recovery_code"] })).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("code", "", 400, "Unable to decode JSON payload: ")]
    [InlineData("link", "{\"identity_id\":", 400, null)]
    [InlineData("code", "{\"identity_id\":\"seven\"}", 400, "Unable to decode JSON payload: ")]
    [InlineData("code", "{\"identity_id\":\"ID\",\"expires_in\":\"1d\"}", 400, "Unable to parse \"expires_in\" as a duration string (e.g. \"1h\", \"1m30s\", \"500ms\"): 1d")]
    [InlineData("link", "{\"identity_id\":\"ID\",\"expires_in\":\"3600\"}", 400, "Unable to parse \"expires_in\" as a duration string (e.g. \"1h\", \"1m30s\", \"500ms\"): 3600")]
    [InlineData("code", "{\"identity_id\":\"ID\",\"expires_in\":\"-1h\"}", 400, "Value from \"expires_in\" must result to a future time: -1h0m0s")]
    [InlineData("code", "{\"identity_id\":\"ID\",\"expires_in\":\"0\"}", 400, "Value from \"expires_in\" must result to a future time: 0s")]
    [InlineData("link", "{\"identity_id\":\"ID\",\"expires_in\":\"-1h\"}", 400, "Value from \"expires_in\" must be result to a future time: -1h")]
    [InlineData("code", "{\"identity_id\":\"ID\",\"flow_type\":\"spa\"}", 400, "Value from \"flow_type\" is not valid: \"spa\"")]
    [InlineData("code", "{\"identity_id\":\"8e03978e-40d5-43e8-bc93-6894a57f9324\"}", 404, "could not find identity")]
    [InlineData("code", "{}", 404, "could not find identity")]
    [InlineData("link", "{\"identity_id\":\"8e03978e-40d5-43e8-bc93-6894a57f9324\"}", 400, "The requested identity id does not exist.")]
    public async Task What_is_wrong_with_a_call_is_said_in_Kratoss_words(string means, string body, int status, string? reason)
    {
        var (id, _) = await scene.Person();
        var answer = await _server.Post($"/admin/recovery/{means}", body.Replace("ID", id, StringComparison.Ordinal), _server.AdminToken);
        answer.Status.ShouldBe(status, answer.Text);
        if (reason is not null)
        {
            answer.Json!["error"]!["reason"]!.ToString().ShouldStartWith(reason);
        }
    }

    [Fact]
    public async Task Checks_come_in_their_order_and_after_the_token()
    {
        var (id, _) = await scene.Person();
        var reader = await _server.Token("reader", ["account:read", "recovery:request"]);
        foreach (var means in new[] { "code", "link" })
        {
            (await _server.Post($"/admin/recovery/{means}", "{}")).Status.ShouldBe(401);
            (await _server.Post($"/admin/recovery/{means}", "{", reader)).Status.ShouldBe(403);
            var bad = await scene.Order(means, new { identity_id = Nobody, expires_in = "x" }, "?return_to=https%3A%2F%2Fevil.example.com");
            bad.Json!["error"]!["reason"]!.ToString().ShouldContain("expires_in");
            var elsewhere = await scene.Order(means, new { identity_id = Nobody }, "?return_to=https%3A%2F%2Fevil.example.com");
            elsewhere.Json!["error"]!["id"]!.ToString().ShouldBe("self_service_flow_return_to_forbidden");
        }

        // The key of one client is sent as the whole header.
        using var bare = new HttpRequestMessage(HttpMethod.Post, "/admin/recovery/code") { Content = new StringContent($"{{\"identity_id\":\"{id}\"}}", null, "application/json") };
        bare.Headers.TryAddWithoutValidation("Authorization", _server.AdminToken);
        (await _server.Send(bare)).Status.ShouldBe(201);
    }

    [Fact]
    public async Task T12_A_link_begins_where_it_is_configured_whatever_host_was_called()
    {
        var (id, _) = await scene.Person();
        foreach (var means in new[] { "code", "link" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/admin/recovery/{means}") { Content = new StringContent($"{{\"identity_id\":\"{id}\"}}", null, "application/json") };
            request.Headers.Host = "evil.example.com";
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {_server.AdminToken}");
            request.Headers.TryAddWithoutValidation("X-Forwarded-Host", "evil.example.com");
            (await _server.Send(request))["recovery_link"].ShouldStartWith(_server.Origin.AbsoluteUri);
        }
    }

    [Fact]
    public async Task A_lifetime_beyond_the_limit_is_cut_to_it()
    {
        var (id, _) = await scene.Person();
        var made = await scene.Order("link", new { identity_id = id, expires_in = "720h" });
        DateTimeOffset.Parse(made["expires_at"], System.Globalization.CultureInfo.InvariantCulture).ShouldBe(_server.Time.GetUtcNow().AddHours(24), TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task Policy_holds_and_the_same_call_collects_what_was_approved()
    {
        var (id, _) = await scene.Person(role: "admin");
        var asker = await _server.Token("desk", ["recovery:request", "recovery:issue"], "admin");
        var body = new { identity_id = id, expires_in = "2h" };
        var waits = await _server.Post("/admin/recovery/code", body, asker);

        waits.Status.ShouldBe(403, waits.Text);
        waits.Json!["error"]!["message"]!.ToString().ShouldBe("The requested action was forbidden");
        var recovery = waits.Headers.GetValues("Sparekey-Recovery").Single();
        (await _server.Post("/admin/recovery/code", body, asker)).Headers.GetValues("Sparekey-Recovery").Single().ShouldBe(recovery);
        var view = await _server.Get($"/v1/recoveries/{recovery}", _server.AdminToken);
        var approver = await _server.TokenOf(await _server.Account("approver@example.com", role: "admin"), "approver", ["recovery:read", "recovery:approve", "recovery:evidence"]);
        (await _server.Post($"/v1/recoveries/{recovery}/evidence", new { digest = view["digest"], kind = "passport" }, approver)).Status.ShouldBe(200);
        (await _server.Post($"/v1/recoveries/{recovery}/approvals", new { digest = view["digest"] }, approver)).Status.ShouldBe(200);

        var made = await _server.Post("/admin/recovery/code", body, asker);
        made.Status.ShouldBe(201, made.Text);
        var flow = QueryOf(made["recovery_link"])["flow"];
        (await new RecoveryBrowser(_server).Post(Submit + flow, new { code = made["recovery_code"] })).Status.ShouldBe(200);
        (await _server.Post("/admin/recovery/code", body, asker)).Headers.GetValues("Sparekey-Recovery").Single().ShouldNotBe(recovery);
    }

    [Fact]
    public async Task T4_T5_The_ledger_names_who_asked_for_a_link_and_why()
    {
        var (id, _) = await scene.Person();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/admin/recovery/link") { Content = new StringContent($"{{\"identity_id\":\"{id}\"}}", null, "application/json") };
        request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {_server.AdminToken}");
        request.Headers.TryAddWithoutValidation("Sparekey-Reason", "Phone lost on a train");
        request.Headers.TryAddWithoutValidation("Sparekey-Ticket", "T-77");
        (await _server.Send(request)).Status.ShouldBe(200);

        var opened = (await _server.Get($"/v1/ledger?account={id}&limit=100", _server.AdminToken)).Json!["entries"]!.AsArray()
            .Single(e => e!["entry"]!["event"]!.ToString() == "recovery_opened")!;
        opened["entry"]!["actor"]!["kind"]!.ToString().ShouldNotBe("anonymous");
        opened.ToJsonString().ShouldContain("T-77");
    }

    [Fact]
    public async Task T7_Looking_at_a_link_a_hundred_times_leaves_it_as_it_is()
    {
        var (id, _) = await scene.Person();
        var (flow, token) = await scene.Link(id);
        var url = $"{Submit}{flow}&token={token}";
        for (var i = 0; i < 50; i++)
        {
            (await new RecoveryBrowser(_server).Send("HEAD", url, null, "*/*", [])).Status.ShouldBe(200);
            var looked = await new RecoveryBrowser(_server).Get(url, i % 2 == 0 ? RecoveryBrowser.Page : "*/*");
            looked.Status.ShouldBe(200);
            looked.Headers.Contains("Set-Cookie").ShouldBeFalse();
        }

        // A JSON client is redirected, as Kratos does it; to the page that posts the token.
        var script = await new RecoveryBrowser(_server).Get(url);
        script.Status.ShouldBe(303);
        script.Headers.Location!.Query.ShouldContain(token);
        (await new RecoveryBrowser(_server).Get(script.Headers.Location.PathAndQuery, RecoveryBrowser.Page)).Text.ShouldContain("<button type=\"submit\">");

        (await scene.Events(id)).ShouldNotContain("recovery_redeemed");
        _server.LogLines.ShouldAllBe(line => !line.Contains(token, StringComparison.Ordinal));
        (await new RecoveryBrowser(_server).Form(url)).Headers.Location!.AbsolutePath.ShouldBe("/self-service/settings/page");
        var after = await new RecoveryBrowser(_server).Get(url, RecoveryBrowser.Page);
        after.Status.ShouldBe(303);
        after.Headers.Location!.AbsolutePath.ShouldBe("/self-service/recovery/page");
    }

    [Fact]
    public async Task Links_that_do_not_work_begin_anew_and_say_why()
    {
        var (id, _) = await scene.Person();
        var (flow, token) = await scene.Link(id);
        var (other, otherToken) = await scene.Link(id);
        await Anew($"{Submit}{flow}&token={otherToken}", 4060004);
        await Anew($"{Submit}{flow}&token={token[..31]}", 4060004);
        await Anew($"{Submit}{flow}&token={new string('a', 3000)}", 4060004);
        await Anew($"{Submit}{Nobody}&token={token}", 4060004);
        await Anew($"/self-service/recovery?token={token}", 4060004);
        var (code, _) = await scene.Code(id);
        await Anew($"{Submit}{code}&token={token}", 4060004);

        (await new RecoveryBrowser(_server).Form($"{Submit}{flow}&token={token}")).Headers.Location!.AbsolutePath.ShouldBe("/self-service/settings/page");
        await Anew($"{Submit}{flow}&token={token}", 4060004);
        await Anew($"{Submit}{other}&token={otherToken}", 4060004); // Success ended it.

        (flow, token) = await scene.Link(id);
        _server.Time.Advance(TimeSpan.FromMinutes(61));
        await Anew($"{Submit}{flow}&token={token}", 4060005);
        await Anew($"{Submit}{flow}&token={new string('x', 32)}", 4060004);

        async Task Anew(string url, long message)
        {
            foreach (var post in new[] { false, true })
            {
                var browser = new RecoveryBrowser(_server);
                var answer = post ? await browser.Form(url) : await browser.Get(url, RecoveryBrowser.Page);
                answer.Status.ShouldBe(303, url);
                answer.Headers.Location!.AbsolutePath.ShouldBe("/self-service/recovery/page", url);
                browser.Cookies.Keys.ShouldNotContain("ory_kratos_session");
                MessagesOf(await browser.Get("/self-service/recovery/flows?id=" + QueryOf(answer.Headers.Location.AbsoluteUri)["flow"])).ShouldBe([message], url);
            }
        }
    }

    [Fact]
    public async Task A_strangers_page_signs_nobody_in_with_its_own_link()
    {
        var (id, _) = await scene.Person();
        var (flow, token) = await scene.Link(id);
        var victim = new RecoveryBrowser(_server);
        var forged = await victim.Post($"{Submit}{flow}&token={token}", new { }, RecoveryBrowser.Script, ("Origin", "https://evil.example.com"));
        forged.Status.ShouldBe(403);
        forged.Json!["error"]!["id"]!.ToString().ShouldBe("security_csrf_violation");
        victim.Cookies.ShouldBeEmpty();
        (await victim.Form($"{Submit}{flow}&token={token}")).Headers.Location!.AbsolutePath.ShouldBe("/self-service/settings/page");
    }

    [Fact]
    public async Task Settings_close_doors_and_say_so()
    {
        var (smtp, server) = await Start(new KratosOptions
        {
            Recovery = new RecoveryFlowOptions { Enabled = false },
            Code = new CodeMethodOptions { Enabled = false },
            Link = new LinkMethodOptions { BaseUrl = "https://my-example-domain.com/path" },
        });
        await using (smtp)
        await using (server)
        {
            var id = await server.Account("off@example.com");
            var code = await server.Post("/admin/recovery/code", new { identity_id = id }, server.AdminToken);
            code.Status.ShouldBe(404);
            code.Json!["error"]!["reason"]!.ToString().ShouldContain("This endpoint was disabled by system administrator");
            var link = await server.Post("/admin/recovery/link", new { identity_id = id }, server.AdminToken);
            link["recovery_link"].ShouldStartWith("https://my-example-domain.com/path/self-service/recovery?flow=");
            foreach (var path in new[] { "api", "browser", "flows?id=" + Nobody })
            {
                var off = await new RecoveryBrowser(server).Get("/self-service/recovery/" + path);
                off.Status.ShouldBe(400);
                off.Json!["error"]!["reason"]!.ToString().ShouldBe("Recovery is not allowed because it was disabled.");
            }

            var url = new Uri(link["recovery_link"]);
            (await new RecoveryBrowser(server).Form($"/self-service/recovery{url.Query}")).Headers.Location!.AbsolutePath.ShouldBe("/self-service/settings/page");
        }
    }

    [Fact]
    public async Task Links_are_mailed_where_they_are_configured()
    {
        var (smtp, server) = await Start(new KratosOptions
        {
            Recovery = new RecoveryFlowOptions { Use = RecoveryMethod.Link, Ui = new Uri("https://app.example.com/recover") },
            Settings = new SettingsFlowOptions { Ui = new Uri("https://app.example.com/settings") },
            Link = new LinkMethodOptions { BaseUrl = "https://links.example.com" },
            ContinueWith = false,
        });
        await using (smtp)
        await using (server)
        {
            await server.Account("linked@example.com");
            var browser = new RecoveryBrowser(server);
            var begun = await browser.Begin();
            begun["active"].ShouldBe("link");
            var sent = await browser.Post(Submit + begun["id"], new { method = "link", email = "linked@example.com", csrf_token = CsrfOf(begun) });
            sent["state"].ShouldBe("sent_email");
            MessagesOf(sent).ShouldBe([1060002]);
            NodeOf(sent, "email")!["attributes"]!["value"]!.ToString().ShouldBe("linked@example.com");
            var mail = (await server.Mails(smtp, 1, "links.example.com"))[0].Text;
            var link = new Uri(Regex.Match(mail, @"https://links\.example\.com/self-service/recovery\?flow=\S+&token=\S+", RegexOptions.NonBacktracking).Value);

            // Our page leads to the application's, and the browser is told that it may.
            var page = await browser.Get(link.PathAndQuery, RecoveryBrowser.Page);
            page.Headers.GetValues("Content-Security-Policy").Single().ShouldContain("form-action 'self' https://app.example.com");
            var done = await browser.Post(link.PathAndQuery, new { method = "link" }); // A redirect, whatever the client.
            done.Status.ShouldBe(303);
            done.Headers.Location!.AbsoluteUri.ShouldStartWith("https://app.example.com/settings?flow=");
            browser.Cookies.Keys.ShouldContain("ory_kratos_session");
            var late = await browser.Post(Submit + begun["id"], new { method = "link", email = "linked@example.com", csrf_token = browser.Cookies.First(c => c.Key.StartsWith("csrf", StringComparison.Ordinal)).Value });
            late.Status.ShouldBe(400); // Signed in.

            // Without continue_with a script is told where the browser must go.
            (await server.Post("/admin/recovery/code", new { identity_id = await server.Account("old@example.com") }, server.AdminToken)).Status.ShouldBe(201);
        }
    }

    [Fact]
    public async Task Without_continue_with_old_scripts_are_told_where_to_go()
    {
        var (smtp, server) = await Start(new KratosOptions { ContinueWith = false });
        await using (smtp)
        await using (server)
        {
            var id = await server.Account("old@example.com");
            var made = await server.Post("/admin/recovery/code", new { identity_id = id }, server.AdminToken);
            var flow = QueryOf(made["recovery_link"])["flow"];
            var browser = new RecoveryBrowser(server);
            var done = await browser.Post(Submit + flow, new { code = made["recovery_code"] });
            done.Status.ShouldBe(422, done.Text);
            done.Json!["error"]!["id"]!.ToString().ShouldBe("browser_location_change_required");
            done["redirect_browser_to"].ShouldContain("/self-service/settings/page?flow=");
            var again = await browser.Post(Submit + flow, new { code = made["recovery_code"] });
            again.Status.ShouldBe(303);
            MessagesOf(await browser.Get(again.Headers.Location!.PathAndQuery)).ShouldBe([4000001]);
        }
    }
}
