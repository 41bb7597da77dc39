using System.Text.Json.Nodes;
using Microsoft.Playwright;

namespace Sparekey.Server.Tests.Browser;

/// <summary>A second proof and a second half on our pages, in a real browser with an authenticator of its own.</summary>
public sealed class ProofPageTests(Chromium chromium) : IClassFixture<Chromium>, IAsyncLifetime
{
    private RunningServer _server = null!;
    private Uri _origin = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.Start();
        _origin = new Uri($"http://localhost:{_server.Origin.Port}");
        var application = (await _server.Get("/v1/applications", _server.AdminToken)).Json!["applications"]![0]!["id"]!.ToString();
        (await _server.Send(
            "PATCH", $"/v1/applications/{application}", new { origins = new[] { _origin.ToString().TrimEnd('/') }, rp_id = "localhost" }, _server.AdminToken))
            .Status.ShouldBe(200);
        await _server.Account("person@example.com");
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData(390, ColorScheme.Light, "en-GB")]
    [InlineData(1280, ColorScheme.Dark, "de-CH")]
    public async Task A_person_proves_themselves_with_the_passkey_that_they_still_have(int width, ColorScheme scheme, string locale)
    {
        await using var window = await chromium.Open(
            _server, new BrowserNewContextOptions { ViewportSize = new() { Width = width, Height = 844 }, ColorScheme = scheme, Locale = locale }, _origin);
        var german = locale.StartsWith("de", StringComparison.Ordinal);
        var device = await Authenticator.Connect(window.Page);
        await window.Page.GotoAsync((await _server.Recover("person@example.com", "link")).Json!["secret"]!["link"]!.ToString());
        await window.Button(german ? "Weiter" : "Continue").ClickAsync();
        await window.Button(german ? "Passkey anlegen" : "Make a passkey").ClickAsync();
        await window.Heading(german ? "Ihr Passkey ist bereit" : "Your passkey is ready");
        _server.Time.Advance(TimeSpan.FromMinutes(1));
        await Demand("""{"second_proof":"always"}""");

        var opened = await _server.Recover("person@example.com", "link");
        await window.Page.GotoAsync("/recover/prove");
        await window.Heading(german ? "Zeigen Sie auf eine zweite Art, dass Sie es sind" : "Show in a second way that it is you");
        await window.Page.Locator("#number").FillAsync(opened["id"]);
        await window.Look("prove-1-number");
        await device.Verifies(false);
        await window.Page.Locator("#prove-passkey").ClickAsync();
        await window.Page.Locator("#prove-fault:not([hidden])").WaitForAsync();
        await window.Look("prove-2-declined");
        await device.Verifies(true);
        await window.Page.Locator("#prove-passkey").ClickAsync();
        await window.Heading(german ? "Danke, das stimmt" : "Thank you, that was right");
        await window.Look("prove-3-proved");
        (await _server.Get($"/v1/recoveries/{opened["id"]}", _server.AdminToken))["assurance"].ShouldBe("aal2");
    }

    [Fact]
    public async Task Who_has_one_half_is_asked_for_the_other_and_without_it_goes_no_further()
    {
        await Demand("""{"split":true}""");
        await using var window = await chromium.Open(
            _server, new BrowserNewContextOptions { ViewportSize = new() { Width = 390, Height = 844 } }, _origin);
        await window.Page.GotoAsync((await _server.Recover("person@example.com", "link")).Json!["secret"]!["link"]!.ToString());
        await window.Button("Continue").ClickAsync();
        await window.Heading("There is a second part");
        await window.Look("half-1");
        await window.Page.GetByLabel("Second part").FillAsync("AAAAA-AAAAA");
        await window.Button("Continue").ClickAsync();
        await window.Page.GetByRole(AriaRole.Alert).WaitForAsync();
        await window.Page.GetByText("My code has a second part").ClickAsync();
        await window.Look("half-2-start");
    }

    private async Task Demand(string demand)
    {
        var policy = (await _server.Get("/v1/policy", _server.AdminToken)).Json!.DeepClone().AsObject();
        policy["rules"] = new JsonArray(new JsonObject { ["name"] = "demand", ["when"] = null, ["require"] = JsonNode.Parse(demand) });
        var set = await _server.Put("/v1/policy", policy.ToJsonString(), _server.AdminToken);
        set.Status.ShouldBe(200, set.Text);
    }
}
