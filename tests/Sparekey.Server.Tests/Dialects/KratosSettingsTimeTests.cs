using Sparekey.Core;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>What time does to settings flows and the sessions that come with them.</summary>
public sealed class KratosSettingsTimeTests(KratosSettingsServer on) : IClassFixture<KratosSettingsServer>
{
    private const string Password = "a password that the person chose";

    [Fact]
    public async Task The_session_of_a_recovery_ends_with_its_time_unless_a_credential_was_set()
    {
        var (used, unused) = (await on.Recovered(), await on.Recovered());
        var flow = await used.Begin();
        on.Server.Time.Advance(TimeSpan.FromMinutes(30));
        (await used.Submit(flow, new { method = "password", password = Password })).Status.ShouldBe(200);
        (await unused.Get("/self-service/settings/api")).Status.ShouldBe(200);
        on.Server.Time.Advance(TimeSpan.FromMinutes(30));

        (await unused.Get("/self-service/settings/api")).Status.ShouldBe(401);
        (await used.Get("/self-service/settings/api")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task After_the_privileged_time_nothing_is_changed()
    {
        var person = await on.Recovered();
        (await person.Submit(await person.Begin(), new { method = "password", password = Password })).Status.ShouldBe(200);
        on.Server.Time.Advance(TimeSpan.FromMinutes(50));
        var flow = await person.Begin();
        KratosBrowser.Names(flow).ShouldContain("passkey/passkey_create_data");
        using var authenticator = new SoftwareAuthenticator("localhost");
        on.Server.Time.Advance(TimeSpan.FromMinutes(9.5));
        flow = await person.Begin();
        var made = KratosSettingsFlowTests.Made(authenticator, flow, on.Origin);
        on.Server.Time.Advance(TimeSpan.FromMinutes(1));

        foreach (var body in new object[] { new { method = "password", password = Password + "2" }, new { passkey_settings_register = made } })
        {
            var refused = await person.Submit(flow, body);
            (refused.Status, refused.Json!["error"]!["id"]!.ToString()).ShouldBe((403, "session_refresh_required"), refused.Text);
            refused["redirect_browser_to"].ShouldStartWith(on.Origin + "/self-service/login/browser?refresh=true&return_to=");
        }

        KratosBrowser.Names(await person.Begin()).ShouldNotContain("passkey/passkey_create_data");
        using var browser = on.Browser(person.Session);
        var page = await browser.Get((await browser.Get("/self-service/settings/browser")).Location!);
        var (action, fields) = KratosBrowser.Form(page.Text, "value=\"password\"");
        var sent = await browser.Post(action, new Dictionary<string, string>(fields) { ["method"] = "password", ["password"] = Password + "2" });
        (sent.Status, sent.Location!.StartsWith(on.Origin + "/self-service/login/browser?refresh=true&return_to=", StringComparison.Ordinal)).ShouldBe((303, true));
        (await person.SignsIn(Password)).ShouldBeTrue();
    }

    [Fact]
    public async Task Data_is_changed_at_any_time_and_addresses_in_the_privileged_time_alone()
    {
        var person = await on.Recovered(restriction: null);
        (await person.Submit(await person.Begin(), new { password = Password })).Status.ShouldBe(200);
        var longer = person with { Session = await TestSessions.Open(on.Server.Services, Ids.Parse<AccountId>(person.Account), TimeSpan.FromHours(5), restriction: null) };
        on.Server.Time.Advance(TimeSpan.FromMinutes(59));
        var flow = await longer.Begin();
        on.Server.Time.Advance(TimeSpan.FromMinutes(2));

        (await longer.Submit(flow, new { traits = new { email = person.Email, name = "Ada" } })).Status.ShouldBe(200);
        var refused = await longer.Submit(flow, new { traits = new { email = "moved-" + person.Email, name = "Ada" } });
        (refused.Status, refused.Json!["error"]!["id"]!.ToString()).ShouldBe((403, "session_refresh_required"));
    }

    [Fact]
    public async Task An_expired_flow_gives_way_to_another()
    {
        var person = await on.Recovered();
        var flow = await person.Begin();
        (await person.Submit(flow, new { method = "password", password = Password })).Status.ShouldBe(200);
        using var browser = on.Browser(person.Session, isScript: true);
        var ours = await browser.Begin("?return_to=https%3A%2F%2Fapp.example.com%2Fhome");
        on.Server.Time.Advance(TimeSpan.FromMinutes(59));
        (await person.Get("/self-service/settings/api")).Status.ShouldBe(200);
        on.Server.Time.Advance(TimeSpan.FromMinutes(2));

        var looked = await person.Get($"/self-service/settings/flows?id={flow["id"]}");
        (looked.Status, looked.Json!["error"]!["id"]!.ToString()).ShouldBe((410, "self_service_flow_expired"));
        (looked.Json["error"]!["details"]!["api"]!.ToString(), looked["use_flow_id"]).ShouldBe((on.Origin + "/self-service/settings/api", Guid.Empty.ToString("D")));
        var seen = await browser.Get($"/self-service/settings/flows?id={ours["id"]}");
        (seen.Status, seen.Json["error"]!["details"]!["redirect_to"]!.ToString())
            .ShouldBe((410, on.Origin + "/self-service/settings/browser?return_to=https%3A%2F%2Fapp.example.com%2Fhome"));
        seen.Json["error"]!["details"]!["return_to"]!.ToString().ShouldBe("https://app.example.com/home");

        var posted = await person.Submit(flow, new { method = "password", password = Password + "2" });
        (posted.Status, posted.Json!["error"]!["id"]!.ToString()).ShouldBe((410, "self_service_flow_expired"));
        posted.Json["since"]!.GetValue<long>().ShouldBe(60_000_000_000);
        var next = await person.Get($"/self-service/settings/flows?id={posted["use_flow_id"]}");
        KratosBrowser.Messages(next.Json!).ShouldBe([4050001]);
        (await person.SignsIn(Password)).ShouldBeTrue();
    }

    [Fact]
    public async Task A_passkeys_challenge_is_good_for_five_minutes()
    {
        var person = await on.Recovered();
        var flow = await person.Begin();
        using var authenticator = new SoftwareAuthenticator("localhost");
        var made = KratosSettingsFlowTests.Made(authenticator, flow, on.Origin);
        on.Server.Time.Advance(TimeSpan.FromMinutes(5));

        (await person.Submit(flow, new { passkey_settings_register = made })).Status.ShouldBe(400);
        var again = (await person.Get($"/self-service/settings/flows?id={flow["id"]}")).Json!;
        (await person.Submit(flow, new { passkey_settings_register = KratosSettingsFlowTests.Made(authenticator, again, on.Origin) })).Status.ShouldBe(200);
    }
}
