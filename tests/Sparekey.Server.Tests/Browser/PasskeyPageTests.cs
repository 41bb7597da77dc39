using System.Buffers.Text;
using System.Text.Json.Nodes;
using Microsoft.Playwright;

namespace Sparekey.Server.Tests.Browser;

/// <summary>A recovery that ends in a passkey, on our page, in a real browser with an authenticator of its own.</summary>
public sealed class PasskeyPageTests(Chromium chromium) : IClassFixture<Chromium>, IAsyncLifetime
{
    private RunningServer _server = null!;
    private Uri _origin = null!;
    private string _application = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.Start();
        _origin = new Uri($"http://localhost:{_server.Origin.Port}");
        _application = (await _server.Get("/v1/applications", _server.AdminToken)).Json!["applications"]![0]!["id"]!.ToString();
        await Change(new { origins = new[] { _origin.ToString().TrimEnd('/') }, rp_id = "localhost" });
        await _server.Account("person@example.com");
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData(390, ColorScheme.Light)]
    [InlineData(390, ColorScheme.Dark)]
    [InlineData(1280, ColorScheme.Light)]
    [InlineData(1280, ColorScheme.Dark)]
    [InlineData(320, ColorScheme.Light)]
    public async Task A_person_makes_a_passkey_from_a_link_and_signs_in_with_it(int width, ColorScheme scheme)
    {
        await using var window = await Open(width, scheme);
        var dark = scheme == ColorScheme.Dark ? "-dark" : "";
        var device = await Authenticator.Connect(window.Page);
        await Choose(window, await Link("sessions", "passwords"));
        await window.Page.GetByText("Your old password stops working.").WaitForAsync();
        await window.Look($"pk-1-choose{dark}");

        // The person says no to their device, and then yes.
        await device.Verifies(false);
        await window.Button("Make a passkey").ClickAsync();
        await window.Page.GetByRole(AriaRole.Alert).GetByText("No passkey was made. Nothing has changed, and you can try again.").WaitForAsync();
        (await window.Page.EvaluateAsync<string>("document.activeElement.textContent")).ShouldBe("Make a passkey");
        await window.Look($"pk-2-declined{dark}");
        (await device.Credentials()).ShouldBeEmpty();

        await device.Verifies(true);
        await window.Button("Make a passkey").ClickAsync();
        await window.Heading("Your passkey is ready");
        await window.Look($"pk-3-done{dark}");
        (await device.Credentials()).ShouldHaveSingleItem();

        var signedIn = await SignIn(window);
        signedIn.Status.ShouldBe(201, signedIn.Text);
        signedIn.Json!["amr"]!.ToJsonString().ShouldBe("[\"pop\",\"user\"]");
    }

    [Fact]
    public async Task An_old_passkey_is_replaced_where_the_recovery_says_so_and_the_device_is_told()
    {
        await using var window = await Open();
        var device = await Authenticator.Connect(window.Page);
        await Make(window, await Link("sessions"));
        var old = (await device.Credentials()).ShouldHaveSingleItem();

        // This device has one already; the page tells, and burns nothing.
        await Choose(window, await Link("sessions"));
        await window.Button("Make a passkey").ClickAsync();
        await window.Page.GetByRole(AriaRole.Alert).GetByText("This device already has a passkey of this account.").WaitForAsync();
        await window.Look("pk-4-exists");

        await Choose(window, await Link("sessions", "passkeys"));
        await window.Page.GetByText("Your passkeys are removed.").WaitForAsync();
        await window.Page.GetByText("If you have a password, it keeps working.").WaitForAsync();

        // A device has one passkey for an account. Here the new one is elsewhere, and this device still has one that is gone.
        await window.Page.RouteAsync("**/recover/passkey", async route =>
        {
            var made = (await device.Credentials()).ShouldHaveSingleItem();
            made["credentialId"]!.ToString().ShouldNotBe(old["credentialId"]!.ToString());
            await device.Remove(made);
            await device.Add(old["userHandle"]!.ToString());
            await route.ContinueAsync();
        });
        await window.Button("Make a passkey").ClickAsync();
        await window.Heading("Your passkey is ready");
        (await device.Until(all => all.Count == 0)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_passkey_that_is_refused_leaves_the_device_and_burns_nothing()
    {
        await using var window = await Open();
        var device = await Authenticator.Connect(window.Page);
        await Choose(window, await Link("sessions"));
        await window.Page.RouteAsync("**/recover/passkey", async route =>
        {
            // As made on another page: a client data of somebody else's origin.
            var form = System.Web.HttpUtility.ParseQueryString(route.Request.PostData!);
            var credential = JsonNode.Parse(form["credential"]!)!;
            var client = System.Text.Encoding.UTF8.GetString(Base64Url.DecodeFromChars(credential["response"]!["clientDataJSON"]!.ToString()));
            credential["response"]!["clientDataJSON"] = Base64Url.EncodeToString(
                System.Text.Encoding.UTF8.GetBytes(client.Replace("localhost", "evil.example", StringComparison.Ordinal)));
            form["credential"] = credential.ToJsonString();
            await route.ContinueAsync(new() { PostData = System.Text.Encoding.UTF8.GetBytes(form.ToString()!) });
        });
        await window.Button("Make a passkey").ClickAsync();
        await window.Page.GetByRole(AriaRole.Alert).GetByText("The passkey was not accepted.").WaitForAsync();
        await window.Look("pk-5-refused");
        (await device.Until(all => all.Count == 0)).ShouldBeEmpty();

        await window.Page.UnrouteAsync("**/recover/passkey");
        await window.Button("Make a passkey").ClickAsync();
        await window.Heading("Your passkey is ready");
        (await SignIn(window)).Status.ShouldBe(201);
    }

    [Fact]
    public async Task A_redemption_that_is_over_is_told_before_the_device_makes_anything()
    {
        await using var window = await Open();
        var device = await Authenticator.Connect(window.Page);
        await Choose(window, await Link("sessions"));
        _server.Time.Advance(TimeSpan.FromMinutes(16));
        await window.Button("Make a passkey").ClickAsync();
        await window.Page.GetByRole(AriaRole.Alert).GetByText("Your time is over.").WaitForAsync();
        (await device.Credentials()).ShouldBeEmpty();
    }

    [Fact]
    public async Task Slow_readers_can_make_one_too()
    {
        await using var window = await Open();
        await Authenticator.Connect(window.Page);
        await Choose(window, await Link("sessions"));
        _server.Time.Advance(TimeSpan.FromMinutes(14));
        await window.Button("Make a passkey").ClickAsync();
        await window.Heading("Your passkey is ready");
    }

    [Fact]
    public async Task Without_script_there_is_the_password_alone()
    {
        await using var window = await Open(script: false);
        var page = window.Page;
        var opened = await _server.Post("/v1/recoveries", new { account = new { email = "person@example.com" }, means = "code" }, _server.AdminToken);
        await page.GotoAsync("/recover");
        var form = page.Locator("form", new() { HasText = "I have a code" });
        await form.GetByLabel("E-mail address or user name").FillAsync("person@example.com");
        await form.GetByLabel("Code").FillAsync(opened.Json!["secret"]!["code"]!.ToString());
        await form.GetByRole(AriaRole.Button).ClickAsync();
        await window.Heading("Choose how you sign in");
        (await window.Button("Make a passkey").IsVisibleAsync()).ShouldBeFalse();
        await window.Look("pk-ns-choose", axe: false);
        await page.GetByLabel("New password").FillAsync("a new and remembered password");
        await page.GetByLabel("The same password again").FillAsync("a new and remembered password");
        await window.Button("Set the password").ClickAsync();
        await window.Heading("Your new password is set");
    }

    [Fact]
    public async Task T10_No_passkey_is_offered_where_it_would_not_be_taken()
    {
        // Another origin than this page's: what a device made here would be refused, and stay behind on it.
        var opened = await Link("sessions");
        await Change(new { origins = new[] { "https://app.example.com" }, rp_id = "app.example.com" });
        await using var window = await Open();
        await Choose(window, opened);
        (await window.Button("Make a passkey").IsVisibleAsync()).ShouldBeFalse();
        (await window.Button("Set the password").IsVisibleAsync()).ShouldBeTrue();
    }

    [Fact]
    public async Task Everything_stands_there_in_german_and_in_the_look_of_the_application()
    {
        await Change(new { name = "Harbour", branding = new { colour = "#f6c344" }, return_urls = new[] { $"{_origin}sign-in" } });
        await using var window = await chromium.Open(
            _server, new BrowserNewContextOptions { ViewportSize = new() { Width = 390, Height = 844 }, Locale = "de-CH" }, _origin);
        await Authenticator.Connect(window.Page);
        await window.Page.GotoAsync(await Link("sessions"));
        await window.Button("Weiter").ClickAsync();
        await window.Heading("Wählen Sie, wie Sie sich anmelden");
        await window.Look("pk-de-1-choose");
        await window.Button("Passkey anlegen").ClickAsync();
        await window.Heading("Ihr Passkey ist bereit");
        await window.Page.GetByRole(AriaRole.Link, new() { Name = "Weiter zu Harbour" }).WaitForAsync();
        await window.Look("pk-de-2-done");
    }

    [Theory]
    [InlineData(-7)]
    [InlineData(-8)]
    [InlineData(-257)]
    public async Task Every_algorithm_that_is_offered_is_taken_as_a_browser_makes_it(int algorithm)
    {
        await using var window = await Open();
        await Authenticator.Connect(window.Page);
        await window.Page.GotoAsync("/recover");
        var redemption = await _server.RedeemLink(await _server.Recover("person@example.com", "link"));
        var options = (await _server.Send("POST", "/v1/redemption/passkey/options", null, redemption)).Json!["public_key"]!;
        var wanted = options["pubKeyCredParams"]!.AsArray().Single(p => (int)p!["alg"]! == algorithm)!;
        options["pubKeyCredParams"] = new JsonArray(wanted.DeepClone());
        var credential = await window.Page.EvaluateAsync<string>(
            """
            async options => JSON.stringify(await navigator.credentials.create(
              { publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(JSON.parse(options)) }))
            """,
            options.ToJsonString());
        ((int)JsonNode.Parse(credential)!["response"]!["publicKeyAlgorithm"]!).ShouldBe(algorithm);
        var bound = await _server.Post("/v1/redemption/passkey", $"{{\"credential\":{credential}}}", redemption);
        bound.Status.ShouldBe(200, bound.Text);
        (await SignIn(window)).Status.ShouldBe(201);
    }

    [Fact]
    public async Task The_page_can_be_used_with_the_keyboard_alone()
    {
        await using var window = await Open(1280);
        var device = await Authenticator.Connect(window.Page);
        await window.Page.GotoAsync(await Link("sessions"));
        await window.Page.Keyboard.PressAsync("Enter");
        await window.Heading("Choose how you sign in");
        await window.Page.Keyboard.PressAsync("Tab");
        await window.Page.Keyboard.PressAsync("Tab");
        (await window.Page.EvaluateAsync<string>("document.activeElement.textContent")).ShouldBe("Make a passkey");
        await window.Page.Keyboard.PressAsync("Enter");
        await window.Heading("Your passkey is ready");
        (await device.Credentials()).ShouldHaveSingleItem();
    }

    private async Task Change(object what)
    {
        var changed = await _server.Send("PATCH", $"/v1/applications/{_application}", what, _server.AdminToken);
        changed.Status.ShouldBe(200, changed.Text);
    }

    private Task<Window> Open(int width = 390, ColorScheme scheme = ColorScheme.Light, bool script = true) => chromium.Open(
        _server,
        new BrowserNewContextOptions
        {
            ViewportSize = new() { Width = width, Height = width < 600 ? 844 : 800 },
            ColorScheme = scheme,
            JavaScriptEnabled = script,
        },
        _origin);

    private async Task<string> Link(params string[] revoke)
    {
        var opened = await _server.Post(
            "/v1/recoveries", new { account = new { email = "person@example.com" }, means = "link", revoke }, _server.AdminToken);
        opened.Status.ShouldBe(201, opened.Text);
        var link = new Uri(opened.Json!["secret"]!["link"]!.ToString());
        return new Uri(_origin, link.PathAndQuery + link.Fragment).ToString();
    }

    private static async Task Choose(Window window, string link)
    {
        await window.Page.GotoAsync("about:blank");
        await window.Page.GotoAsync(link);
        await window.Button("Continue").ClickAsync();
        await window.Heading("Choose how you sign in");
    }

    private static async Task Make(Window window, string link)
    {
        await Choose(window, link);
        await window.Button("Make a passkey").ClickAsync();
        await window.Heading("Your passkey is ready");
    }

    // As a page of the application does it, on the origin that the passkey is for.
    private async Task<Answer> SignIn(Window window)
    {
        var options = await _server.Send("POST", "/v1/sessions/passkey/options", null);
        var credential = await window.Page.EvaluateAsync<string>(
            """
            async options => JSON.stringify(await navigator.credentials.get(
              { publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(JSON.parse(options)) }))
            """,
            options.Json!["public_key"]!.ToJsonString());
        return await _server.Post("/v1/sessions/passkey", $"{{\"credential\":{credential}}}");
    }
}
