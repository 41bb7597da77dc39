using System.Text.Json.Nodes;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>Traits that a person changes themselves: data, names and addresses.</summary>
public sealed class KratosProfileTests(KratosSettingsServer on) : IClassFixture<KratosSettingsServer>
{
    [Fact]
    public async Task Data_is_changed_without_asking_and_addresses_are_not_believed()
    {
        var person = await on.Recovered(restriction: null);
        var flow = await person.Begin();
        KratosBrowser.Node(flow, "traits.email").ToJsonString().ShouldBe(
            """{"type":"input","group":"profile","attributes":{"name":"traits.email","type":"email","value":"ADDRESS","autocomplete":"email","disabled":false,"node_type":"input"},"messages":[],"meta":{"label":{"id":1070002,"text":"E-Mail","type":"info","context":{"title":"E-Mail"}}}}"""
                .Replace("ADDRESS", person.Email, StringComparison.Ordinal));

        var saved = await person.Submit(flow, new { method = "profile", traits = new { email = person.Email, name = new { first = "Ada" } } });
        saved.Status.ShouldBe(200, saved.Text);
        saved.Json!["identity"]!["traits"]!["name"]!["first"]!.ToString().ShouldBe("Ada");

        var moved = "new-" + person.Email;
        saved = await person.Submit(flow, new { method = "profile", traits = new { email = moved } });
        saved.Status.ShouldBe(200, saved.Text);
        (saved.Json!["identity"]!["traits"]!.ToJsonString(), saved.Json["identity"]!["verifiable_addresses"]!.AsArray().Single(a => a!["value"]!.ToString() == moved)!["verified"]!.GetValue<bool>())
            .ShouldBe(($"{{\"email\":\"{moved}\"}}", false));

        // The former one stays until the new one is confirmed: it is told, and recovers.
        var kept = (await on.Server.Get($"/v1/accounts/{person.Account}", on.Server.AdminToken)).Json!["addresses"]!.AsArray();
        kept.Select(a => a!["value"]!.ToString()).ShouldBe([person.Email, moved], ignoreOrder: true);
        (await on.Server.Recover(person.Email, "link")).Status.ShouldBe(201);
        (await on.Server.Recover(moved, "link")).Status.ShouldBe(404);
    }

    [Fact]
    public async Task Nobody_takes_anothers_name()
    {
        var (person, other) = (await on.Recovered(restriction: null), await on.Recovered(restriction: null));

        var refused = await person.Submit(await person.Begin(), new { method = "profile", traits = new { email = other.Email } });

        (refused.Status, KratosBrowser.Messages(refused.Json!).Single()).ShouldBe((400, 4000007));
        (await on.Server.Get($"/v1/accounts/{person.Account}", on.Server.AdminToken)).Text.ShouldNotContain(other.Email);
    }

    [Theory]
    [InlineData("{\"method\":\"profile\"}", null)]
    [InlineData("{\"method\":\"profile\",\"traits\":5}", null)]
    [InlineData("{\"traits\":{\"email\":\"no address\"}}", "traits.email")]
    [InlineData("{\"traits\":{\"email\":5}}", "traits.email")]
    public async Task What_the_schema_does_not_take_is_told_at_its_field(string body, string? field)
    {
        var person = await on.Recovered(restriction: null);
        var refused = await person.Submit(await person.Begin(), body);
        (refused.Status, refused["active"]).ShouldBe((400, "profile"), refused.Text);
        (field is null ? KratosBrowser.Messages(refused.Json!) : KratosBrowser.Node(refused.Json!, field)["messages"]!.AsArray().Select(m => (int)m!["id"]!))
            .Count().ShouldBe(1, refused.Text);
    }

    [Fact]
    public async Task After_a_recovery_a_credential_is_set_first()
    {
        var person = await on.Recovered();
        var refused = await person.Submit(await person.Begin(), new { traits = new { email = person.Email, a = 1 } });
        (refused.Status, KratosBrowser.Messages(refused.Json!).Single()).ShouldBe((400, 4000001));
        (await person.Submit(await person.Begin(), new { password = "a password that the person chose" })).Status.ShouldBe(200);
        (await person.Submit(await person.Begin(), new { traits = new { email = person.Email, a = 1 } })).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_form_says_the_same()
    {
        var person = await on.Recovered(restriction: null);
        using var browser = on.Browser(person.Session);
        var page = (await browser.Get("/self-service/settings/browser")).Location!;
        var (action, fields) = KratosBrowser.Form((await browser.Get(page)).Text, "name=\"traits.email\"");

        (await browser.Post(action, new Dictionary<string, string>(fields) { ["method"] = "profile", ["traits.email"] = person.Email, ["traits.name.first"] = "Ada" })).Location.ShouldBe(page);

        JsonNode.Parse((await on.Server.Get($"/v1/accounts/{person.Account}", on.Server.AdminToken)).Json!["traits"]!.ToJsonString())!["name"]!["first"]!.ToString().ShouldBe("Ada");
    }

    [Fact]
    public async Task An_account_has_no_end_of_addresses()
    {
        var person = await on.Recovered(restriction: null);
        var flow = await person.Begin();
        var statuses = new List<int>();
        for (var i = 0; i < 12; i++)
        {
            statuses.Add((await person.Submit(flow, new { traits = new { email = $"n{i}-{person.Email}" } })).Status);
        }

        (await on.Server.Get($"/v1/accounts/{person.Account}", on.Server.AdminToken)).Json!["addresses"]!.AsArray().Count.ShouldBeLessThanOrEqualTo(10);
        statuses[0].ShouldBe(200);
    }
}
