using System.Text.RegularExpressions;
using Sparekey.Server.Pages;

namespace Sparekey.Server.Tests;

/// <summary>The person's pages as a browser without script sees them: forms, words, headers.</summary>
public sealed partial class PageTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.Start();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_person_with_a_code_gets_back_in_without_script()
    {
        await _server.Account("page@example.com");
        var opened = await _server.Post(
            "/v1/recoveries",
            new { account = new { email = "page@example.com" }, means = "code", reason = new { text = "lost <b>everything</b>" } },
            _server.AdminToken);

        var choose = await Form("/recover/redeem", ("identifier", "page@example.com"), ("code", opened.Json!["secret"]!["code"]!.ToString()));
        choose.Status.ShouldBe(200, choose.Text);
        choose.Text.ShouldContain("Choose a new password");
        choose.Text.ShouldContain("lost &lt;b&gt;everything&lt;/b&gt;");
        choose.Text.ShouldContain("<dd>p•••@e•••.com</dd>");
        var token = HiddenToken().Match(choose.Text).Groups["token"].Value;

        var mismatch = await Form("/recover/password", ("redemption_token", token), ("password", "a new and remembered password"), ("again", "another"));
        mismatch.Status.ShouldBe(422);
        mismatch.Text.ShouldContain("The two passwords are not the same.");
        var weak = await Form("/recover/password", ("redemption_token", token), ("password", "short"), ("again", "short"));
        weak.Text.ShouldContain("at least 15 characters");

        var done = await Form(
            "/recover/password", ("redemption_token", token), ("password", "a new and remembered password"), ("again", "a new and remembered password"));
        done.Status.ShouldBe(200, done.Text);
        done.Text.ShouldContain("Your new password is set");
        (await _server.Post("/v1/sessions", new { identifier = "page@example.com", password = "a new and remembered password" })).Status.ShouldBe(201);
    }

    [Fact]
    public async Task Whoever_says_it_was_not_them_stops_it_and_nothing_changes()
    {
        await _server.Account("stop@example.com");
        var opened = await _server.Recover("stop@example.com", "link");
        var choose = await Form("/recover/redeem", ("link_secret", opened.Json!["secret"]!["link"]!.ToString().Split('#')[1]));
        var token = HiddenToken().Match(choose.Text).Groups["token"].Value;
        (await Form("/recover/stop", ("redemption_token", token))).Text.ShouldContain("It was stopped");
        (await _server.Get($"/v1/recoveries/{opened["id"]}", _server.AdminToken))["state"].ShouldBe("cancelled");
        (await Form("/recover/password", ("redemption_token", token), ("password", "a new and remembered password"), ("again", "a new and remembered password")))
            .Status.ShouldBe(401);
    }

    [Fact]
    public async Task What_is_no_passkey_is_refused_and_burns_nothing()
    {
        var application = (await _server.Get("/v1/applications", _server.AdminToken)).Json!["applications"]![0]!["id"]!.ToString();
        (await _server.Send(
            "PATCH", $"/v1/applications/{application}", new { origins = new[] { "https://login.example.com" }, rp_id = "example.com" }, _server.AdminToken))
            .Status.ShouldBe(200);
        await _server.Account("passkey@example.com");
        var opened = await _server.Recover("passkey@example.com", "link");
        var choose = await Form("/recover/redeem", ("link_secret", opened.Json!["secret"]!["link"]!.ToString().Split('#')[1]));
        choose.Text.ShouldContain("Choose how you sign in");
        choose.Text.ShouldContain("data-origins=\"https://login.example.com\"");
        var token = HiddenToken().Match(choose.Text).Groups["token"].Value;
        foreach (var credential in new[]
        {
            "", "no JSON", "null", "[]", "{}", "{\"type\":\"public-key\",\"id\":\"AA\",\"id\":\"AB\"}", new string('[', 1000),
            "{\"type\":\"public-key\",\"id\":\"\\\"><script>\",\"response\":{\"clientDataJSON\":\"AA\",\"attestationObject\":\"AA\"}}",
        })
        {
            var refused = await Form("/recover/passkey", ("redemption_token", token), ("credential", credential));
            (refused.Status, refused.Text.Contains("The passkey was not accepted.", StringComparison.Ordinal)).ShouldBe((422, true), credential);
            refused.Text.ShouldNotContain("><script>");
        }

        (await Form("/recover/passkey", ("redemption_token", token), ("credential", new string('x', 70_000)))).Status.ShouldBe(400);
        (await Form("/recover/passkey", ("redemption_token", token + "x"), ("credential", "{}"))).Status.ShouldBe(401);
        (await Form(
            "/recover/password", ("redemption_token", token), ("password", "a new and remembered password"), ("again", "a new and remembered password")))
            .Text.ShouldContain("Your new password is set");
        (await Form("/recover/passkey", ("redemption_token", token), ("credential", "{}"))).Status.ShouldBe(401);
    }

    [Fact]
    public async Task A10_Asking_looks_the_same_for_known_and_unknown_names()
    {
        await _server.Account("known@example.com");
        var known = await Form("/recover/ask", ("identifier", "known@example.com"));
        var unknown = await Form("/recover/ask", ("identifier", "unknown@example.com"));
        (known.Status, known.Text).ShouldBe((unknown.Status, unknown.Text));
    }

    [Fact]
    public async Task Wrong_and_unknown_codes_look_the_same()
    {
        await _server.Account("wrong@example.com");
        await _server.Recover("wrong@example.com", "code");
        var wrong = await Form("/recover/redeem", ("identifier", "someone"), ("code", "00000000"));
        var known = await Form("/recover/redeem", ("identifier", "wrong@example.com"), ("code", "00000000"));
        wrong.Status.ShouldBe(401);
        known.Text.Replace("wrong@example.com", "someone", StringComparison.Ordinal).ShouldBe(wrong.Text);
    }

    [Fact]
    public async Task Pages_are_nobodys_frame_load_nothing_foreign_and_are_not_stored()
    {
        var page = await _server.Get("/recover");
        page.Status.ShouldBe(200);
        var policy = page.Headers.GetValues("Content-Security-Policy").ShouldHaveSingleItem();
        policy.ShouldContain("default-src 'none'");
        policy.ShouldContain("frame-ancestors 'none'");
        policy.ShouldNotContain("unsafe");
        page.Headers.CacheControl!.NoStore.ShouldBeTrue();
        page.Headers.GetValues("Referrer-Policy").ShouldBe(["no-referrer"]);
        ForeignAddress().IsMatch(page.Text).ShouldBeFalse();
        page.Text.ShouldNotContain("style=");
        (await _server.Get("/recover/assets/recover.css")).Status.ShouldBe(200);
        (await _server.Get("/recover/assets/recover.js")).Status.ShouldBe(200);
        (await _server.Get("/recover/assets/colour.css?c=12ab9f")).Text.ShouldContain("#12ab9f");
        (await _server.Get("/recover/assets/colour.css?c=red;}")).Status.ShouldBe(404);
    }

    [Fact]
    public async Task Pages_speak_german_to_whoever_asks_for_it()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/recover");
        request.Headers.TryAddWithoutValidation("Accept-Language", "fr-FR, de-AT;q=0.8, en;q=0.5");
        var page = await _server.Send(request);
        page.Text.ShouldContain("<html lang=\"de\">");
        page.Text.ShouldContain("Zurück in Ihr Konto");
    }

    [Fact]
    public void Every_language_has_every_text()
    {
        var english = Words.For("en");
        Words.Languages.ShouldContain("de");
        foreach (var language in Words.Languages)
        {
            var words = Words.For(language);
            words.Names.Order(StringComparer.Ordinal).ShouldBe(english.Names.Order(StringComparer.Ordinal));
            words.Names.ShouldAllBe(n => words[n].Length > 0);
            words.Names.ShouldAllBe(n => words[n].Contains("{0}") == english[n].Contains("{0}"));
        }
    }

    [Fact]
    public async Task A_form_from_somewhere_else_is_refused()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/recover/ask") { Content = new FormUrlEncodedContent([]) };
        request.Headers.Add("Origin", "null");
        (await _server.Send(request)).Status.ShouldBe(403);
        using var own = new HttpRequestMessage(HttpMethod.Post, "/recover/ask")
        {
            Content = new FormUrlEncodedContent([new("identifier", "somebody@example.com")]),
        };
        own.Headers.Add("Origin", "null");
        own.Headers.Add("Sec-Fetch-Site", "same-origin");
        (await _server.Send(own)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_refusal_of_a_page_is_a_page_and_not_a_document_for_programmes()
    {
        using var foreign = new HttpRequestMessage(HttpMethod.Post, "/recover/ask") { Content = new FormUrlEncodedContent([]) };
        foreign.Headers.Add("Origin", "https://evil.example");
        foreign.Headers.Add("Accept-Language", "de");
        var refused = await _server.Send(foreign);
        refused.Status.ShouldBe(403);
        refused.Text.ShouldContain("<h1>Das hat nicht geklappt</h1>");
        refused.Headers.GetValues("Content-Security-Policy").ShouldHaveSingleItem().ShouldContain("default-src 'none'");

        await using var busy = await RunningServer.Start(callsPerMinute: 1);
        (await busy.Get("/recover")).Status.ShouldBe(200);
        var tooMany = await busy.Get("/recover");
        tooMany.Status.ShouldBe(429);
        tooMany.Headers.RetryAfter.ShouldNotBeNull();
        tooMany.Text.ShouldContain("Too many tries.");
    }

    [Fact]
    public async Task Whoever_opens_the_address_of_a_form_anew_begins_anew()
    {
        foreach (var form in new[] { "ask", "redeem", "password", "stop" })
        {
            var answer = await _server.Get($"/recover/{form}");
            (answer.Status, answer.Headers.Location?.ToString()).ShouldBe((302, "/recover"));
        }
    }

    [Theory]
    [InlineData("application/json", "{}")]
    [InlineData("application/x-www-form-urlencoded", "")]
    [InlineData("application/x-www-form-urlencoded", "code=&identifier=")]
    [InlineData("application/x-www-form-urlencoded", "%ff%00&&&===")]
    [InlineData("multipart/form-data; boundary=x", "--x\r\nnonsense")]
    [InlineData("multipart/form-data", "no boundary")]
    public async Task Garbage_in_a_form_is_a_fault_of_the_form(string type, string body)
    {
        foreach (var form in new[] { "ask", "redeem", "password", "stop", "not-me", "freeze" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/recover/{form}") { Content = new StringContent(body) };
            request.Content.Headers.Remove("Content-Type");
            request.Content.Headers.TryAddWithoutValidation("Content-Type", type);
            var answer = await _server.Send(request);
            answer.Status.ShouldBeInRange(400, 499, $"{form}: {answer.Text}");
            answer.Text.ShouldContain("role=\"alert\"");
        }
    }

    [Theory]
    [InlineData("https://evil.example/logo.png", null)]
    [InlineData("data:text/html;base64,PHNjcmlwdD4=", null)]
    [InlineData("data:image/png;base64,x\"><script>", null)]
    [InlineData(null, "red;}body{display:none")]
    [InlineData(null, "#12345")]
    public async Task A_look_that_is_no_picture_and_no_colour_is_refused(string? logo, string? colour)
    {
        var application = (await _server.Get("/v1/applications", _server.AdminToken)).Json!["applications"]![0]!["id"]!.ToString();
        var refused = await _server.Send("PATCH", $"/v1/applications/{application}", new { branding = new { logo, colour } }, _server.AdminToken);
        (refused.Status, refused.Code).ShouldBe((400, "invalid_request"));
        refused.Text.ShouldContain(logo is null ? "/branding/colour" : "/branding/logo");
    }

    private async Task<Answer> Form(string path, params (string Name, string Value)[] fields)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new FormUrlEncodedContent(fields.Select(f => new KeyValuePair<string, string>(f.Name, f.Value))),
        };
        return await _server.Send(request);
    }

    [GeneratedRegex("name=\"redemption_token\" value=\"(?<token>[^\"]+)\"", RegexOptions.NonBacktracking)]
    private static partial Regex HiddenToken();

    [GeneratedRegex("(src|href)=\"(https?:)?//", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex ForeignAddress();
}
