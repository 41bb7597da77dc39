using Microsoft.Playwright;
using Sparekey.Server.Tests.Dialects;

namespace Sparekey.Server.Tests.Browser;

/// <summary>Our page of Kratos's settings flow, in a real browser with an authenticator of its own.</summary>
public sealed class KratosSettingsPageTests(Chromium chromium, KratosSettingsServer on) : IClassFixture<Chromium>, IClassFixture<KratosSettingsServer>
{
    [Fact]
    public async Task A_person_sets_a_password_and_makes_and_removes_a_passkey()
    {
        var person = await on.Recovered();
        await using var window = await chromium.Open(
            on.Server, new BrowserNewContextOptions { ViewportSize = new() { Width = 390, Height = 844 }, Locale = "en" }, new Uri(on.Origin));
        await window.Page.Context.AddCookiesAsync([new Cookie { Name = "ory_kratos_session", Value = person.Session, Url = on.Origin }]);
        var device = await Authenticator.Connect(window.Page);
        await window.Page.GotoAsync("/.well-known/change-password");
        await window.Heading("Your account");
        await window.Look("kratos-settings-1");

        await window.Page.GetByLabel("New password").FillAsync("short");
        await window.Page.Locator("form", new() { HasText = "New password" }).GetByRole(AriaRole.Button).ClickAsync();
        await window.Page.GetByRole(AriaRole.Alert).First.WaitForAsync();
        await window.Look("kratos-settings-2-short");
        await window.Page.GetByLabel("New password").FillAsync("a password that the person chose");
        await window.Page.Locator("form", new() { HasText = "New password" }).GetByRole(AriaRole.Button).ClickAsync();
        await window.Page.GetByText("Your changes are saved.").WaitForAsync();
        (await person.SignsIn("a password that the person chose")).ShouldBeTrue();

        await window.Button("Make a passkey").ClickAsync();
        await window.Button("Remove passkey \"unnamed\"").WaitForAsync();
        (await device.Credentials()).ShouldHaveSingleItem();
        await window.Look("kratos-settings-3-passkey");
        await window.Button("Remove passkey \"unnamed\"").ClickAsync();
        await window.Page.GetByText("Your changes are saved.").WaitForAsync();
        (await window.Button("Remove passkey \"unnamed\"").CountAsync()).ShouldBe(0);
    }
}
