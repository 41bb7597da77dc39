using System.Text.RegularExpressions;
using Microsoft.Playwright;
using Sparekey.Engine.Delivery;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Browser;

/// <summary>The whole story in a real browser with real mail: locked out, asked, mail, link or code, new password, signed in.</summary>
public sealed partial class RecoveryStoryTests(Chromium chromium) : IClassFixture<Chromium>, IAsyncLifetime
{
    private const string Password = "a new and remembered password";

    private SmtpServer _smtp = null!;
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _smtp = await SmtpServer.Start();
        _server = await RunningServer.Start(mail: new MailOptions("127.0.0.1", new("recovery@example.com")) { Port = _smtp.Port, Tls = MailTls.None });
        await _server.Account("person@example.com");
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _smtp.DisposeAsync();
    }

    [Theory]
    [InlineData(390, ColorScheme.Light)]
    [InlineData(390, ColorScheme.Dark)]
    [InlineData(1280, ColorScheme.Light)]
    [InlineData(1280, ColorScheme.Dark)]
    [InlineData(320, ColorScheme.Light)]
    public async Task A_person_gets_back_in_by_the_mailed_link(int width, ColorScheme scheme)
    {
        await using var window = await chromium.Open(_server, Size(width, scheme));
        var (page, dark) = (window.Page, scheme == ColorScheme.Dark ? "-dark" : "");
        await Ask(window, $"1-start{dark}", $"2-asked{dark}");

        await page.GotoAsync(await Link());
        await window.Heading("Your link is here");
        page.Url.ShouldNotContain("#");
        await window.Look($"3-link{dark}");
        await window.Button("Continue").ClickAsync();
        await window.Heading("Choose a new password");
        (await page.ContentAsync()).ShouldNotContain("person@example.com");
        await page.GetByLabel("New password").FillAsync("correct horse battery st");
        await page.GetByText("Strong").WaitForAsync();
        await window.Look($"4-choose{dark}");

        await page.GetByLabel("The same password again").FillAsync("something else");
        await window.Button("Set the password").ClickAsync();
        await page.GetByRole(AriaRole.Alert).GetByText("The two passwords are not the same.").WaitForAsync();
        await page.WaitForFunctionAsync("document.activeElement.getAttribute('role') === 'alert'");
        await window.Look($"5-mismatch{dark}");

        // As a password manager or the clipboard writes it: at once, not key by key.
        await page.GetByLabel("New password").FocusAsync();
        await page.Keyboard.InsertTextAsync(Password);
        await page.GetByLabel("The same password again").FocusAsync();
        await page.Keyboard.InsertTextAsync(Password);
        await page.GetByLabel("Show the passwords").CheckAsync();
        (await page.GetByLabel("New password").GetAttributeAsync("type")).ShouldBe("text");
        await window.Button("Set the password").ClickAsync();
        await window.Heading("Your new password is set");
        await window.Look($"6-done{dark}");
        await SignsIn();
    }

    [Theory]
    [InlineData(390)]
    [InlineData(1280)]
    public async Task A_person_gets_back_in_by_the_mailed_code_without_script(int width)
    {
        await using var window = await chromium.Open(_server, Size(width, ColorScheme.Light, script: false));
        await Ask(window, "ns-1-start", "ns-2-asked", axe: false);
        var code = TypedCode().Match((await Mail("#spl_")).Text).Groups["code"].Value;

        var page = window.Page;
        await page.GetByRole(AriaRole.Link, new() { Name = "I have a code" }).ClickAsync();
        var form = page.Locator("form", new() { HasText = "I have a code" });
        await form.GetByLabel("E-mail address or user name").FillAsync("person@example.com");
        await form.GetByLabel("Code").FillAsync(code.ToLowerInvariant());
        await form.GetByRole(AriaRole.Button).ClickAsync();
        await window.Heading("Choose a new password");
        await window.Look("ns-3-choose", axe: false);
        await page.GetByLabel("New password").FillAsync(Password);
        await page.GetByLabel("The same password again").FillAsync(Password);
        await window.Button("Set the password").ClickAsync();
        await window.Heading("Your new password is set");
        await SignsIn();
    }

    [Fact]
    public async Task Without_script_the_whole_link_can_be_pasted_where_the_code_goes()
    {
        await using var window = await chromium.Open(_server, Size(390, ColorScheme.Light, script: false));
        await Ask(window, "", "", axe: false);
        var link = await Link();
        await window.Page.GotoAsync(link);
        await window.Page.Locator("noscript p", new() { HasText = "Your browser runs no scripts" }).WaitForAsync();
        var form = window.Page.Locator("form", new() { HasText = "I have a code" });
        await form.GetByLabel("E-mail address or user name").FillAsync("person@example.com");
        await form.GetByLabel("Code").FillAsync(link);
        await form.GetByRole(AriaRole.Button).ClickAsync();
        await window.Heading("Choose a new password");
    }

    [Fact]
    public async Task Everything_can_be_done_with_the_keyboard_alone()
    {
        await using var window = await chromium.Open(_server, Size(1280, ColorScheme.Light));
        var page = window.Page;
        await page.GotoAsync("/recover");
        await page.Keyboard.PressAsync("Tab");
        (await Focused()).ShouldBe("Skip to the content");
        await page.Keyboard.PressAsync("Enter");
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.TypeAsync("person@example.com");
        await page.Keyboard.PressAsync("Enter");
        await window.Heading("Look at your messages");

        await page.GotoAsync(await Link());
        (await Focused()).ShouldBe("Continue");
        await page.Keyboard.PressAsync("Enter");
        await window.Heading("Choose a new password");
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.TypeAsync(Password);
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.TypeAsync(Password);
        await page.Keyboard.PressAsync("Enter");
        await window.Heading("Your new password is set");
        await SignsIn();

        Task<string> Focused() => page.EvaluateAsync<string>("document.activeElement.innerText");
    }

    [Fact]
    public async Task T7_A_mail_scanners_hundred_looks_at_every_link_leave_it_to_the_person()
    {
        (await _server.Post("/v1/recovery-requests", new { identifier = "person@example.com" })).Status.ShouldBe(202);
        var mails = await _server.Mails(_smtp, 3);
        var links = mails.SelectMany(m => Links().Matches(m.Text + m.Html).Select(l => l.Value)).Distinct(StringComparer.Ordinal).ToList();
        links.Count.ShouldBeGreaterThanOrEqualTo(3);
        links.ShouldAllBe(l => l.StartsWith(_server.Origin.ToString(), StringComparison.Ordinal));
        foreach (var link in links)
        {
            for (var i = 0; i < 50; i++)
            {
                foreach (var method in new[] { HttpMethod.Get, HttpMethod.Head })
                {
                    using var request = new HttpRequestMessage(method, link);
                    var answer = await _server.Send(request);
                    (answer.Status, answer.Text.Length > 0).ShouldBe((200, method == HttpMethod.Get));
                }
            }
        }

        // Some scanners open what they find in a browser, and let its scripts run.
        await using var window = await chromium.Open(_server);
        for (var i = 0; i < 10; i++)
        {
            foreach (var link in links)
            {
                await window.Page.GotoAsync("about:blank");
                await window.Page.GotoAsync(link);
            }
        }

        await window.Page.GotoAsync("about:blank");
        await window.Page.GotoAsync(await Link());
        await window.Button("Continue").ClickAsync();
        await window.Heading("Choose a new password");
    }

    [Fact]
    public async Task T9_A_link_asks_for_no_name()
    {
        var opened = await _server.Recover("person@example.com", "link");
        await using var window = await chromium.Open(_server, Size(390, ColorScheme.Light));
        await window.Page.GotoAsync(opened.Json!["secret"]!["link"]!.ToString());
        (await window.Page.Locator("input:visible").CountAsync()).ShouldBe(0);
        await window.Button("Continue").ClickAsync();
        await window.Heading("Choose a new password");
        await window.Page.Locator("dd", new() { HasText = "p•••@e•••.com" }).WaitForAsync();
        await window.Page.Locator("dd", new() { HasText = "the team that runs this account" }).WaitForAsync();
        (await window.Page.Locator("input:visible").EvaluateAllAsync<string[]>("all => all.map(i => i.id)")).ShouldBe(["password", "again", "show"]);
    }

    [Fact]
    public async Task A_link_that_was_used_or_is_none_says_so_and_offers_a_new_one()
    {
        await using var window = await chromium.Open(_server, Size(390, ColorScheme.Light));
        var page = window.Page;
        await page.GotoAsync($"/recover#{new string('x', 40)}");
        await window.Heading("Get back into your account");
        await page.GotoAsync("about:blank");
        await page.GotoAsync($"/recover#spl_default_{new string('0', 32)}_{new string('A', 49)}");
        await window.Button("Continue").ClickAsync();
        await page.GetByRole(AriaRole.Alert).GetByText("This link or code does not work.").WaitForAsync();
        await window.Look("7-invalid");
        (await window.Button("Send me a message").IsVisibleAsync()).ShouldBeTrue();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task N15_This_was_not_me_in_a_notice_asks_first_and_then_stops_it(bool script)
    {
        (await _server.Post("/v1/recovery-requests", new { identifier = "person@example.com" })).Status.ShouldBe(202);
        var link = await Link();
        var notMe = Links().Match((await Mail("#spn_")).Text).Value;
        await using var window = await chromium.Open(_server, Size(390, ColorScheme.Light, script));
        var page = window.Page;
        await page.GotoAsync(notMe);
        await window.Heading("Was this not you?");
        if (script)
        {
            page.Url.ShouldNotContain("#");
            await window.Look("8-not-me");
        }
        else
        {
            await page.GetByLabel("The link from the message").FillAsync(notMe);
        }

        await window.Button("This was not me").ClickAsync();
        await window.Heading("It was stopped");
        await window.Look(script ? "9-stopped" : "ns-9-stopped", script);

        await page.GotoAsync("about:blank");
        await page.GotoAsync(script ? link : "/recover");
        if (script)
        {
            await window.Button("Continue").ClickAsync();
            await page.GetByRole(AriaRole.Alert).GetByText("This link or code does not work.").WaitForAsync();
        }
    }

    [Fact]
    public async Task An_application_shows_its_own_name_logo_and_colour_and_leads_home()
    {
        var application = (await _server.Get("/v1/applications", _server.AdminToken)).Json!["applications"]![0]!["id"]!.ToString();
        const string logo = "data:image/svg+xml;base64,PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHdpZHRoPSI2NCIgaGVpZ2h0PSI2NCI+PGNpcmNsZSBjeD0iMzIiIGN5PSIzMiIgcj0iMzAiIGZpbGw9IiNmNmMzNDQiLz48L3N2Zz4=";
        var changed = await _server.Send(
            "PATCH", $"/v1/applications/{application}",
            new { name = "Harbour <Bank>", return_urls = new[] { "https://harbour.example.com/sign-in" }, branding = new { logo, colour = "#f6c344" } },
            _server.AdminToken);
        changed.Status.ShouldBe(200, changed.Text);
        await using var window = await chromium.Open(_server, new BrowserNewContextOptions { ViewportSize = new() { Width = 390, Height = 844 }, Locale = "de-CH" });
        var page = window.Page;
        await page.GotoAsync("/recover");
        await page.GetByText("Harbour <Bank>").WaitForAsync();
        (await page.Locator("header img").EvaluateAsync<int>("i => i.naturalWidth")).ShouldBe(64);
        (await page.Locator("button:visible").First.EvaluateAsync<string>("b => getComputedStyle(b).backgroundColor")).ShouldBe("rgb(246, 195, 68)");
        await window.Look("brand-1-start");

        var opened = await _server.Recover("person@example.com", "link");
        await page.GotoAsync("about:blank");
        await page.GotoAsync(opened.Json!["secret"]!["link"]!.ToString());
        await window.Button("Weiter").ClickAsync();
        await page.GetByLabel("Neues Passwort").FillAsync(Password);
        await page.GetByLabel("Dasselbe Passwort noch einmal").FillAsync(Password);
        await window.Look("brand-2-choose");
        await window.Button("Passwort setzen").ClickAsync();
        (await page.GetByRole(AriaRole.Link, new() { Name = "Weiter zu Harbour <Bank>" }).GetAttributeAsync("href"))
            .ShouldBe("https://harbour.example.com/sign-in");
        await window.Look("brand-3-done");
    }

    private static BrowserNewContextOptions Size(int width, ColorScheme scheme, bool script = true) => new()
    {
        ViewportSize = new() { Width = width, Height = width < 600 ? 844 : 800 },
        ColorScheme = scheme,
        JavaScriptEnabled = script,
    };

    private static async Task Ask(Window window, string before, string after, bool axe = true)
    {
        await window.Page.GotoAsync("/recover");
        await window.Heading("Get back into your account");
        if (before.Length > 0)
        {
            await window.Look(before, axe);
        }

        await window.Page.GetByLabel("E-mail address or user name").First.FillAsync("person@example.com");
        await window.Button("Send me a message").ClickAsync();
        await window.Heading("Look at your messages");
        if (after.Length > 0)
        {
            await window.Look(after, axe);
        }
    }

    private async Task<string> Link() => Links().Match((await Mail("#spl_")).Text).Value;

    private async Task<ReceivedMail> Mail(string with) =>
        (await _server.Mails(_smtp, 3)).First(m => m.Text.Contains(with, StringComparison.Ordinal));

    private async Task SignsIn() =>
        (await _server.Post("/v1/sessions", new { identifier = "person@example.com", password = Password })).Status.ShouldBe(201);

    [GeneratedRegex("https?://[^\\s\"<]+#sp[a-z]_[A-Za-z0-9_-]+", RegexOptions.NonBacktracking)]
    private static partial Regex Links();

    [GeneratedRegex("type this code[^\\n]*\\n\\s*(?<code>[^\\s]+)", RegexOptions.NonBacktracking)]
    private static partial Regex TypedCode();
}
