using System.Text.RegularExpressions;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>The settings flow of browsers, by the session's cookie; and our own page of it.</summary>
public sealed partial class KratosSettingsBrowserTests(KratosSettingsServer on) : IClassFixture<KratosSettingsServer>
{
    private const string Password = "a password that the person chose";

    [Fact]
    public async Task A_page_of_ours_sets_a_password_without_script()
    {
        var person = await on.Recovered();
        using var browser = on.Browser(person.Session);
        var begun = await browser.Get("/self-service/settings/browser");
        begun.Status.ShouldBe(303);
        begun.Location.ShouldNotBeNull().ShouldStartWith(on.Origin + "/self-service/settings/page?flow=");

        var page = await browser.Get(begun.Location);
        page.Status.ShouldBe(200, page.Text);
        page.Message.Headers.GetValues("Content-Security-Policy").Single().ShouldContain("script-src 'self'");
        page.Text.ShouldNotContain("onclick");
        var (action, fields) = KratosBrowser.Form(page.Text, "value=\"password\"");
        var wrong = await browser.Post(action, new Dictionary<string, string>(fields) { ["method"] = "password", ["password"] = "short" });
        wrong.Location.ShouldBe(begun.Location);
        (await browser.Get(wrong.Location!)).Text.ShouldContain("aria-invalid=\"true\"");
        var saved = await browser.Post(action, new Dictionary<string, string>(fields) { ["method"] = "password", ["password"] = Password });
        (saved.Status, saved.Location).ShouldBe((303, begun.Location));
        (await browser.Get(saved.Location!)).Text.ShouldContain("role=\"status\"");
        (await person.SignsIn(Password)).ShouldBeTrue();
    }

    [Fact]
    public async Task A_page_of_ours_makes_recovery_codes_once_a_credential_was_set_and_shows_them_once()
    {
        var person = await on.Recovered();
        using var browser = on.Browser(person.Session);
        var begun = await browser.Get("/self-service/settings/browser");
        var before = (await browser.Get(begun.Location!)).Text;
        before.ShouldNotContain("page/recovery-codes");
        var (action, fields) = KratosBrowser.Form(before, "value=\"password\"");

        // A session that is to set a credential first makes none, whatever is sent.
        (await browser.Post("/self-service/settings/page/recovery-codes", fields)).Status.ShouldBe(303);
        await browser.Post(action, new Dictionary<string, string>(fields) { ["method"] = "password", ["password"] = Password });
        var (make, forged) = KratosBrowser.Form((await browser.Get(begun.Location!)).Text, "page/recovery-codes");
        var refused = await browser.Post(make, new Dictionary<string, string>(forged) { ["csrf_token"] = "AAAA" });
        refused.Location.ShouldNotBeNull().ShouldContain("/self-service/errors/page?id=");

        var made = await browser.Post(make, forged);

        made.Status.ShouldBe(200, made.Text);
        made.Message.Headers.CacheControl!.NoStore.ShouldBeTrue();
        var codes = Codes().Matches(made.Text).Select(m => m.Groups["code"].Value).ToList();
        codes.Distinct(StringComparer.Ordinal).Count().ShouldBe(12);
        var after = (await browser.Get(begun.Location!)).Text;
        after.ShouldContain("You have 12");
        codes.ShouldAllBe(c => !after.Contains(c));
        (await on.Server.Post("/v1/redemptions", new { code = codes[7], account = new { email = person.Email } })).Status.ShouldBe(201);
    }

    [Fact]
    public async Task A_pages_script_sets_a_password_and_goes_on()
    {
        var person = await on.Recovered();
        using var browser = on.Browser(person.Session, isScript: true);
        var flow = await browser.Begin("?return_to=https%3A%2F%2Fapp.example.com%2Fhome%2Fdone");
        flow["return_to"]!.ToString().ShouldBe("https://app.example.com/home/done");
        KratosBrowser.Names(flow).ShouldBe([
            "default/csrf_token", "profile/traits.email", "profile/method", "password/password", "password/method", "webauthn/webauthn_script", "passkey/passkey_register_trigger",
            "passkey/passkey_settings_register", "passkey/passkey_create_data"]);
        var trigger = KratosBrowser.Node(flow, "passkey_register_trigger")["attributes"]!;
        (trigger["type"]!.ToString(), trigger["onclickTrigger"]!.ToString()).ShouldBe(("button", "oryPasskeySettingsRegistration"));

        var saved = await browser.Submit(flow, new() { ["method"] = "password", ["password"] = Password });

        saved.Status.ShouldBe(200, saved.Text);
        saved.Json["continue_with"]!.ToJsonString().ShouldBe("[{\"action\":\"redirect_browser_to\",\"redirect_browser_to\":\"https://app.example.com/home/done\"}]");
        saved.Message.Headers.GetValues("Set-Cookie").ShouldContain(c => c.StartsWith("ory_kratos_session=", StringComparison.Ordinal));
        (await person.SignsIn(Password)).ShouldBeTrue();
    }

    [Fact]
    public async Task Another_sites_page_changes_nothing()
    {
        var person = await on.Recovered();
        using var browser = on.Browser(person.Session, isScript: true);
        using var other = on.Browser((await on.Recovered()).Session, isScript: true);
        var flow = await browser.Begin();
        var theirs = await other.Begin();
        var action = flow["ui"]!["action"]!.ToString();
        var good = new { method = "password", password = Password, csrf_token = KratosBrowser.CsrfOf(flow) };

        await Refused(browser.Post(action, new { method = "password", password = Password }));
        await Refused(browser.Post(action, good with { csrf_token = "" }));
        await Refused(browser.Post(action, good with { csrf_token = "AAAA" }));
        await Refused(browser.Post(action, good with { csrf_token = KratosBrowser.CsrfOf(theirs) }));
        await Refused(browser.Post(action, good, r => r.Headers.Add("Origin", "https://evil.example")));
        var token = KratosBrowser.CsrfOf(flow);
        browser.Forget("csrf_token_");
        await Refused(browser.Post(action, good));
        (await person.SignsIn(Password)).ShouldBeFalse();

        using var page = on.Browser(person.Session);
        var sent = await page.Post(action, new Dictionary<string, string> { ["method"] = "password", ["password"] = Password, ["csrf_token"] = token });
        (sent.Status, sent.Location!.StartsWith(on.Origin + "/self-service/errors/page?id=", StringComparison.Ordinal)).ShouldBe((303, true));
        (await person.SignsIn(Password)).ShouldBeFalse();

        static async Task Refused(Task<BrowserAnswer> call)
        {
            var answer = await call;
            (answer.Status, answer.ErrorId).ShouldBe((403, "security_csrf_violation"), answer.Text);
        }
    }

    [Fact]
    public async Task Nobody_is_sent_where_it_is_not_allowed()
    {
        var person = await on.Recovered();
        using var script = on.Browser(person.Session, isScript: true);
        foreach (var url in new[] { "https://evil.example/", "https://app.example.com.evil.example/home", "//evil.example", "javascript:alert(1)", "https://app.example.com/other" })
        {
            var refused = await script.Get($"/self-service/settings/browser?return_to={Uri.EscapeDataString(url)}");
            (refused.Status, refused.ErrorId).ShouldBe((400, "self_service_flow_return_to_forbidden"), url);
        }
    }

    [Fact]
    public async Task A_passkey_is_made_on_our_page()
    {
        var person = await on.Recovered();
        using var browser = on.Browser(person.Session);
        var page = await browser.Get((await browser.Get("/self-service/settings/browser")).Location!);
        page.Text.ShouldContain("data-trigger=\"oryPasskeySettingsRegistration\"");
        var source = page.Message.RequestMessage!.RequestUri!.GetLeftPart(UriPartial.Authority) + "/.well-known/ory/webauthn.js";
        page.Text.ShouldContain($"src=\"{source}\"");
        var script = await browser.Get(source);
        (script.Status, script.Message.Content.Headers.ContentType!.MediaType).ShouldBe((200, "text/javascript"));
        script.Text.ShouldContain("oryPasskeySettingsRegistration");
        using var authenticator = new SoftwareAuthenticator("localhost");
        var (action, fields) = KratosBrowser.Form(page.Text, "data-trigger");
        var flow = new System.Text.Json.Nodes.JsonObject
        {
            ["ui"] = new System.Text.Json.Nodes.JsonObject
            {
                ["nodes"] = new System.Text.Json.Nodes.JsonArray(new System.Text.Json.Nodes.JsonObject
                {
                    ["attributes"] = new System.Text.Json.Nodes.JsonObject { ["name"] = "passkey_create_data", ["value"] = fields["passkey_create_data"] },
                }),
            },
        };

        fields["passkey_settings_register"] = KratosSettingsFlowTests.Made(authenticator, flow, on.Origin);
        (await browser.Post(action, fields)).Status.ShouldBe(303);

        var again = await browser.Get((await browser.Get("/self-service/settings/browser")).Location!);
        again.Text.ShouldContain($"value=\"{Convert.ToHexStringLower(authenticator.CredentialId)}\"");
    }

    [Fact]
    public async Task The_scripts_node_bears_its_hash()
    {
        var person = await on.Recovered();
        using var browser = on.Browser(person.Session, isScript: true);
        var node = (await browser.Begin())["ui"]!["nodes"]!.AsArray().Single(n => n!["type"]!.ToString() == "script")!["attributes"]!;
        var script = await browser.Get(node["src"]!.ToString());
        node["integrity"]!.ToString().ShouldBe("sha512-" + Convert.ToBase64String(System.Security.Cryptography.SHA512.HashData(System.Text.Encoding.UTF8.GetBytes(script.Text))));
        (node["node_type"]!.ToString(), node["id"]!.ToString(), node["async"]!.GetValue<bool>()).ShouldBe(("script", "webauthn_script", true));
        script.Message.Headers.GetValues("Access-Control-Allow-Origin").ShouldBe(["*"]);
    }

    [Fact]
    public async Task Our_page_is_its_persons_alone()
    {
        var (person, other) = (await on.Recovered(), await on.Recovered());
        using var theirs = on.Browser(other.Session);
        using var nobody = on.Browser(null);
        using var script = on.Browser(person.Session, isScript: true);
        var page = "/self-service/settings/page?flow=" + (await script.Begin())["id"];

        (await theirs.Get(page)).Location.ShouldBe(on.Origin + "/self-service/settings/browser");
        (await nobody.Get(page)).Location.ShouldBe(on.Origin + "/self-service/recovery/browser");
        (await theirs.Get("/self-service/settings/page")).Location.ShouldBe(on.Origin + "/self-service/settings/browser");
    }

    [Theory]
    [InlineData("login/api")]
    [InlineData("login/browser")]
    [InlineData("login/flows?id=x")]
    [InlineData("registration/browser")]
    [InlineData("verification/api")]
    public async Task Other_flows_are_disabled(string path)
    {
        using var script = on.Browser(null, isScript: true);
        var refused = await script.Get("/self-service/" + path);
        (refused.Status, refused.ErrorId).ShouldBe((400, "self_service_flow_disabled"));
    }

    [GeneratedRegex("<li>(?<code>[0-9A-Z]{4}(?:-[0-9A-Z]{4}){4})</li>", RegexOptions.NonBacktracking)]
    private static partial Regex Codes();
}
