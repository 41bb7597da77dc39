using Microsoft.Extensions.Configuration;
using Sparekey.Engine.Delivery;
using Sparekey.Server.Dialects.Cryptlex;
using Sparekey.Server.Hosting;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>The mail for whoever forgot a password, and the settings of the doors.</summary>
public sealed class CryptlexRequestTests
{
    private const string Path = "/v3/accounts/reset-password-request";

    [Fact]
    public async Task The_mail_leads_to_the_portal_that_is_on_the_list_and_to_no_other()
    {
        await using var smtp = await SmtpServer.Start();
        await using var server = await RunningServer.Start(mail: new MailOptions("127.0.0.1", new("recovery@example.com")) { Port = smtp.Port, Tls = MailTls.None });
        var scene = await CryptlexScene.Of(server);
        var made = await server.Post(
            "/v1/applications",
            new { name = "Portal", origins = new[] { "https://portal.example.com" }, client_ids = new[] { new { dialect = "cryptlex", id = "acme" } } },
            server.AdminToken);
        made.Status.ShouldBe(201, made.Text);
        var own = server.Origin.GetLeftPart(UriPartial.Authority);
        var cases = new (string? Origin, object? Selector, string Leads)[]
        {
            (null, null, own),
            ("https://portal.example.com", null, "https://portal.example.com"),
            ("https://portal.example.com.evil.example", null, own),
            ("https://evil.example", null, own),
            ("null", null, own),
            ("https://evil.example", "acme", "https://portal.example.com"),
        };
        foreach (var (i, (origin, selector, leads)) in cases.Index())
        {
            var email = $"case{i}@example.org";
            await scene.User(email);
            var answer = await scene.Call(
                "POST", Path, selector is null ? new { email } : new { email, companyId = selector }, null, origin is null ? [] : [("Origin", origin)]);
            (answer.Status, answer.Text).ShouldBe((202, ""), origin);
            var mails = await server.Mails(smtp, i + 1, "#spl_");
            mails.ShouldContain(m => m.To.Contains(email) && m.Text.Contains($"{leads}/recover#spl_", StringComparison.Ordinal), $"{origin} {selector}");
        }
    }

    [Fact]
    public async Task A10_Asking_for_a_mail_looks_the_same_for_users_and_for_nobody_until_both_are_slowed()
    {
        await using var server = await RunningServer.Start();
        var scene = await CryptlexScene.Of(server);
        await scene.User("known@example.com");
        await scene.Make("admin", "boss@example.com");
        for (var i = 0; i < 12; i++)
        {
            var answers = new List<string>();
            foreach (var email in new[] { "known@example.com", "unknown@example.com", "boss@example.com" })
            {
                var answer = await server.Post(Path, new { email });
                answers.Add($"{answer.Status} {answer.Headers.RetryAfter} {answer.Text}");
            }

            answers.Distinct(StringComparer.Ordinal).ShouldHaveSingleItem().ShouldStartWith(i < 10 ? "202" : "429");
        }

        (await server.Get("/v1/recoveries", server.AdminToken)).Json!["recoveries"]!.AsArray().Count(r => r!["state"]!.ToString() == "issued").ShouldBe(1);
    }

    [Fact]
    public async Task What_names_the_account_must_name_one()
    {
        await using var server = await RunningServer.Start();
        (await Status(new { email = "a@example.com", companyId = "anything" })).ShouldBe(202);
        (await Status(new { email = "a@example.com", companyId = "one", accountAlias = "one", accountId = (string?)null })).ShouldBe(202);
        (await Status(new { email = "a@example.com", companyId = "one", accountAlias = "two" })).ShouldBe(400);
        foreach (var body in new object[] { new { }, new { email = (string?)null }, new { email = "" }, new { email = "jane" }, new { email = 5 }, "{", "" })
        {
            (await Status(body)).ShouldBe(400, body.ToString());
        }

        var made = await server.Post(
            "/v1/applications",
            new
            {
                name = "Portal",
                client_ids = new[] { new { dialect = "cryptlex", id = "acme" }, new { dialect = "cryptlex", id = "7c0f6a4e-52c1-4f0e-9d5c-1de6c2a7f001" } },
            },
            server.AdminToken);
        made.Status.ShouldBe(201, made.Text);
        (await Status(new { email = "b@example.com", accountAlias = "acme", accountId = "7c0f6a4e-52c1-4f0e-9d5c-1de6c2a7f001" })).ShouldBe(202);
        (await Status(new { email = "b@example.com", accountAlias = "acme", companyId = "other" })).ShouldBe(400);
        (await Status(new { email = "b@example.com", companyId = "other" })).ShouldBe(400);

        async Task<int> Status(object body) => (await server.Post(Path, body)).Status;
    }

    [Fact]
    public async Task Settings_switch_the_doors_off_and_say_what_roles_mean_and_how_long_tokens_live()
    {
        await using (var off = await RunningServer.Start(cryptlex: new CryptlexOptions { Enabled = false }))
        {
            var answer = await off.Get("/v3/users", off.AdminToken);
            (answer.Code, answer["status"]).ShouldBe(("route_not_found", "404"));
        }

        await using var server = await RunningServer.Start(cryptlex: new CryptlexOptions
        {
            TokenLifetime = TimeSpan.FromMinutes(20),
            Roles = new Dictionary<string, string>(StringComparer.Ordinal) { ["organization-admin"] = "operator", ["reseller-admin"] = "user", ["partner"] = "nothing" },
        });
        var scene = await CryptlexScene.Of(server);
        foreach (var (name, rank) in new[] { ("organization-admin", "operator"), ("reseller-admin", "admin"), ("partner", "admin") })
        {
            var user = await scene.Make(name);
            (await server.Get($"/v3/users/{user}", scene.Portal))["role"].ShouldBe(name);
            (await server.Get($"/v1/accounts/{user}", server.AdminToken))["role"].ShouldBe(rank, name);
            (await scene.Mint(user)).Code.ShouldBe("role_not_allowed");
        }

        var person = await scene.User();
        var token = await scene.Token(person);
        server.Time.Advance(TimeSpan.FromMinutes(20));
        (await scene.Reset(person, token)).Code.ShouldBe("secret_invalid");
    }

    [Theory]
    [InlineData("ENABLED", "yes")]
    [InlineData("TOKEN_LIFETIME", "25h")]
    [InlineData("TOKEN_LIFETIME", "30s")]
    [InlineData("TOKEN_LIFETIME", "soon")]
    [InlineData("ROLES", "admin")]
    [InlineData("ROLES", "user=user")]
    [InlineData("ROLES", "admin=admin,admin=operator")]
    [InlineData("ROLES", "=admin")]
    public void A_setting_that_is_none_is_named(string name, string value) =>
        Should.Throw<SettingsException>(() => Read(name, value)).Message.ShouldStartWith($"SPAREKEY_CRYPTLEX__{name}");

    [Fact]
    public void Settings_are_read()
    {
        var read = Read("ROLES", " organization-admin = operator , admin=admin ");
        read.Roles.ShouldBe(new Dictionary<string, string> { ["organization-admin"] = "operator", ["admin"] = "admin" });
        (read.Enabled, read.TokenLifetime).ShouldBe((true, TimeSpan.FromHours(1)));
        Read("TOKEN_LIFETIME", "24h").TokenLifetime.ShouldBe(TimeSpan.FromDays(1));
        Read("ENABLED", "false").Enabled.ShouldBeFalse();
    }

    private static CryptlexOptions Read(string name, string value) => CryptlexSettings.Read(
        new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { [$"CRYPTLEX:{name}"] = value }).Build());
}
