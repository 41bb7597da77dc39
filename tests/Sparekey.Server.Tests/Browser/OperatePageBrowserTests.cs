using System.Text.Json;
using Microsoft.Playwright;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Keys;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Browser;

/// <summary>The pages of operators, of the person who is asked, and of their history, in a real browser with an authenticator of its own.</summary>
public sealed class OperatePageBrowserTests(Chromium chromium) : IClassFixture<Chromium>, IAsyncLifetime
{
    private RunningServer _server = null!;
    private Uri _origin = null!;
    private string _operator = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.Start();
        await Approver.AllowPasskeys(_server);
        _origin = new Uri($"http://localhost:{_server.Origin.Port}");
        _operator = await _server.Account("operator@example.com", username: "olivia.operator", role: "operator");
        (await _server.Put(
            $"/v1/operators/{_operator}", new { permissions = new[] { "recovery:approve", "recovery:read" } }, _server.AdminToken)).Status.ShouldBe(200);
        var policy = await _server.Get("/v1/policy", _server.AdminToken);
        (await _server.Put(
            "/v1/policy",
            new
            {
                version = (int)policy.Json!["version"]!, roles = policy.Json!["roles"],
                rules = new[] { new { name = "all", when = (object?)null, require = new { approvals = 2, approvals_signed = true, confirmation = true, wait = "1h" } } },
            },
            _server.AdminToken)).Status.ShouldBe(200);
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData(390, ColorScheme.Light, "en-GB")]
    [InlineData(390, ColorScheme.Dark, "de-DE")]
    [InlineData(1280, ColorScheme.Light, "de-DE")]
    [InlineData(1280, ColorScheme.Dark, "en-GB")]
    public async Task An_operator_approves_one_and_denies_another_and_the_person_confirms(int width, ColorScheme scheme, string locale)
    {
        var english = locale.StartsWith("en", StringComparison.Ordinal);
        var look = scheme == ColorScheme.Dark ? "-dark" : "";
        var (first, second) = (await Open("first@example.com"), await Open("second@example.com"));
        await using var window = await chromium.Open(
            _server,
            new BrowserNewContextOptions { ViewportSize = new() { Width = width, Height = 900 }, ColorScheme = scheme, Locale = locale }, _origin);
        var page = window.Page;
        var device = await Authenticator.Connect(page);
        await MakePasskey(page);

        // The link of a message leads to the recovery, over signing in.
        await page.GotoAsync($"/operate/recoveries/{first["id"]}");
        await window.Heading(english ? "Sign in to decide" : "Anmelden und entscheiden");
        await window.Look($"op-1-sign-in{look}");
        await window.Button(english ? "Sign in with a passkey" : "Mit Passkey anmelden").ClickAsync();
        await window.Heading(english ? "A recovery" : "Eine Wiederherstellung");
        await window.Look($"op-2-recovery{look}");
        await page.GetByLabel(english ? "Comment (goes into the record)" : "Kommentar (kommt ins Protokoll)").FillAsync("I called back on the number we know.\nIt is her.");

        await device.Verifies(false);
        var (approve, deny) = english ? ("Approve", "Deny") : ("Zustimmen", "Ablehnen");
        await window.Button(approve).ClickAsync();
        await page.GetByRole(AriaRole.Alert).GetByText(english ? "Your device did not sign." : "Ihr Gerät hat nicht unterschrieben.").WaitForAsync();
        (await page.EvaluateAsync<string>("document.activeElement.textContent")).ShouldBe(approve);
        await device.Verifies(true);
        await window.Button(approve).ClickAsync();
        await page.GetByText(english ? "You approved it." : "Sie haben zugestimmt.").WaitForAsync();
        await page.GetByText("It is her.").WaitForAsync();
        await window.Look($"op-3-approved{look}");

        await page.GotoAsync("/operate");
        await window.Heading(english ? "Recoveries that wait" : "Wiederherstellungen, die warten");
        await window.Look($"op-4-list{look}");
        await page.GetByRole(AriaRole.Link, new() { Name = "second@example.com" }).ClickAsync();
        await window.Button(deny).ClickAsync();
        await page.GetByText(english ? "You denied it." : "Sie haben abgelehnt.").WaitForAsync();
        await window.Look($"op-5-denied{look}");
        (await _server.Get($"/v1/ledger?recovery={second["id"]}", _server.AdminToken)).Text.ShouldContain("recovery_denied");

        // The person is asked by mail.
        await page.GotoAsync("about:blank");
        await page.GotoAsync(await Asked(first));
        await window.Heading(english ? "Did you ask for this?" : "Haben Sie das verlangt?");
        page.Url.ShouldNotContain("#");
        await window.Look($"op-6-asked{look}");
        await window.Button(english ? "Show me what was asked for" : "Zeigen, was verlangt wurde").ClickAsync();
        await page.GetByText("Her phone fell into a lake.").WaitForAsync();
        await window.Look($"op-7-question{look}");
        await window.Button(english ? "Yes, it was me" : "Ja, das war ich").ClickAsync();
        await window.Heading(english ? "Thank you" : "Danke");
        await window.Look($"op-8-thanks{look}");
        (await State(first)).ShouldBe("pending");

        // And sees it among their own.
        var session = await TestSessions.SignIn(_server.Services, Ids.Parse<AccountId>(first["account_id"]), "pwd");
        await page.Context.AddCookiesAsync([new Cookie { Name = "sparekey", Value = session, Url = _origin.ToString() }]);
        await page.GotoAsync("/recover/history");
        await window.Heading(english ? "Recoveries of your account" : "Wiederherstellungen Ihres Kontos");
        await window.Look($"op-9-history{look}");
        await window.Button(english ? "Stop this one" : "Diese anhalten").ClickAsync();
        await page.GetByRole(AriaRole.Heading, new() { Name = english ? "Stopped" : "Angehalten", Level = 2 }).WaitForAsync();
        (await State(first)).ShouldBe("cancelled");
        await window.Button(english ? "Sign out" : "Abmelden").ClickAsync();
        await page.GetByText(english ? "Sign in to see what was done" : "Melden Sie sich an, um zu sehen").WaitForAsync();
        await window.Look($"op-10-signed-out{look}");
    }

    [Fact]
    public async Task A_page_whose_recovery_changed_signs_nothing_and_without_script_there_is_no_form()
    {
        var recovery = await Open("changed@example.com");
        await using (var window = await chromium.Open(_server, origin: _origin))
        {
            var page = window.Page;
            await Authenticator.Connect(page);
            await MakePasskey(page);
            await page.GotoAsync($"/operate/recoveries/{recovery["id"]}");
            await window.Button("Sign in with a passkey").ClickAsync();
            await window.Heading("A recovery");
            (await _server.Post($"/v1/recoveries/{recovery["id"]}/reason", new { text = "Another story." }, _server.AdminToken)).Status.ShouldBe(200);
            await window.Button("Approve").ClickAsync();
            await page.GetByRole(AriaRole.Alert).GetByText("has changed").WaitForAsync();
            (await State(recovery)).ShouldBe("pending");
            (await page.Context.CookiesAsync()).ShouldHaveSingleItem().HttpOnly.ShouldBeTrue();
            (await page.EvaluateAsync<string>("document.cookie")).ShouldBeEmpty();
        }

        await using var plain = await chromium.Open(_server, new BrowserNewContextOptions { JavaScriptEnabled = false }, _origin);
        await plain.Page.GotoAsync("/operate");
        await plain.Page.GetByText("This needs a passkey").WaitForAsync();
        (await plain.Button("Sign in with a passkey").IsVisibleAsync()).ShouldBeFalse();
        await plain.Look("op-11-no-script", axe: false);
    }

    // As the person's application does it for somebody who is signed in there.
    private async Task MakePasskey(IPage page)
    {
        await page.GotoAsync("/recover");
        var session = await TestSessions.SignIn(
            _server.Services, Ids.Parse<AccountId>(_operator), AssuranceLevels.Possession, AssuranceLevels.UserVerified);
        var options = await _server.Send("POST", "/v1/sessions/current/passkeys/options", null, session);
        var made = await page.EvaluateAsync<string>(
            """
            async options => JSON.stringify(await navigator.credentials.create(
              { publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(JSON.parse(options)) }))
            """,
            options.Json!["public_key"]!.ToJsonString());
        (await _server.Post("/v1/sessions/current/passkeys", $"{{\"credential\":{made}}}", session)).Status.ShouldBe(201);
    }

    private async Task<Answer> Open(string email)
    {
        await _server.Account(email);
        var opened = await _server.Post(
            "/v1/recoveries",
            new
            {
                account = new { email }, means = "link", revoke = new[] { "sessions", "passkeys" },
                reason = new { code = "lost_phone", text = "Her phone fell into a lake.", ticket = "HD-4711" },
                risk = new { score = 40, signs = new[] { "new_device", "new_country" } },
            },
            _server.AdminToken);
        opened["state"].ShouldBe("pending", opened.Text);
        return opened;
    }

    private async Task<string> State(Answer recovery) => (await _server.Get($"/v1/recoveries/{recovery["id"]}", _server.AdminToken))["state"];

    private async Task<string> Asked(Answer recovery)
    {
        var row = await _server.Server.Installation.Database.Read(
            db => db.Find<Row>(
                "SELECT id AS Id, sealed AS Sealed FROM outbox WHERE recovery_id = @id AND kind = 'recovery_confirmation'", new { id = recovery["id"] }),
            CancellationToken.None);
        var message = JsonDocument.Parse(_server.Server.Installation.Keys.Open(KeyPurpose.Outbox, TenantId.Default, "outbox", row!.Id, row.Sealed));
        var link = new Uri(message.RootElement.GetProperty("Values").GetProperty("secret").GetString()!);
        return new Uri(_origin, link.PathAndQuery + link.Fragment).ToString();
    }

    private sealed record Row(string Id, byte[] Sealed);
}
