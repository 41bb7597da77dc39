using Microsoft.Extensions.Configuration;
using Sparekey.Server.Dialects.Kratos;
using Sparekey.Server.Hosting;

namespace Sparekey.Server.Tests.Dialects;

/// <summary>Settings by the names of Kratos's own configuration: what they mean, and that a wrong one stops the start.</summary>
public sealed class KratosSettingsTests
{
    [Fact]
    public void Unset_they_are_the_documented_ones()
    {
        var read = Read();

        (read.Enabled, read.Recovery.Enabled, read.Code.Enabled, read.Link.Enabled, read.ContinueWith, read.Cors).ShouldBe((true, true, true, true, true, false));
        (read.Recovery.Lifespan, read.Code.Lifespan, read.Settings.PrivilegedSession, read.Session.Lifespan)
            .ShouldBe((TimeSpan.FromHours(1), TimeSpan.FromHours(1), TimeSpan.FromHours(1), TimeSpan.FromHours(24)));
        (read.Code.MaxSubmissions, read.Session.CookieName, read.Recovery.Use).ShouldBe((5, "ory_kratos_session", RecoveryMethod.Code));
        (read.PublicUrl, read.Link.BaseUrl, read.Recovery.Ui).ShouldBe((null, null, null));
    }

    [Fact]
    public void A_configuration_of_Kratoss_is_read_as_it_is()
    {
        using var json = new MemoryStream(System.Text.Encoding.UTF8.GetBytes(
            """
            {"kratos":{
              "serve":{"public":{"base_url":"https://id.example.com/","cors":{"enabled":true}}},
              "selfservice":{
                "default_browser_return_url":"https://app.example.com/",
                "allowed_return_urls":["https://app.example.com/","https://*.example.org/in"],
                "methods":{"link":{"enabled":false,"config":{"base_url":"https://my-example-domain.com","lifespan":"1h30m"}},"code":{"config":{"max_submissions":3}}},
                "flows":{"recovery":{"enabled":false,"use":"link","ui_url":"https://app.example.com/recovery"},"settings":{"privileged_session_max_age":"15m"}}},
              "session":{"lifespan":"720h","cookie":{"name":"s","domain":"example.com","persistent":false}},
              "feature_flags":{"use_continue_with_transitions":false}}}
            """));
        var read = KratosSettings.Read(new ConfigurationBuilder().AddJsonStream(json).Build());

        (read.PublicUrl, read.Cors, read.DefaultReturnUrl!.AbsoluteUri).ShouldBe(("https://id.example.com", true, "https://app.example.com/"));
        read.AllowedReturnUrls.Select(p => p.IsWide).ShouldBe([false, true]);
        (read.Link.Enabled, read.Link.BaseUrl, read.Link.Lifespan).ShouldBe((false, "https://my-example-domain.com", TimeSpan.FromMinutes(90)));
        (read.Code.MaxSubmissions, read.Recovery.Enabled, read.Recovery.Use).ShouldBe((3, false, RecoveryMethod.Link));
        (read.Settings.PrivilegedSession, read.Session.Lifespan).ShouldBe((TimeSpan.FromMinutes(15), TimeSpan.FromDays(30)));
        (read.Session.CookieName, read.Session.CookieDomain, read.Session.IsPersistent, read.ContinueWith).ShouldBe(("s", "example.com", false, false));
    }

    [Theory]
    [InlineData("ENABLED", "yes")]
    [InlineData("SERVE:PUBLIC:BASE_URL", "id.example.com")]
    [InlineData("SERVE:PUBLIC:BASE_URL", "https://id.example.com/?a=b")]
    [InlineData("SERVE:PUBLIC:BASE_URL", "ftp://id.example.com/")]
    [InlineData("SELFSERVICE:ALLOWED_RETURN_URLS", "https://app.example.com/,*")]
    [InlineData("SELFSERVICE:ALLOWED_RETURN_URLS", "https://*.com/")]
    [InlineData("SELFSERVICE:FLOWS:RECOVERY:USE", "sms")]
    [InlineData("SELFSERVICE:FLOWS:RECOVERY:LIFESPAN", "1d")]
    [InlineData("SELFSERVICE:FLOWS:RECOVERY:LIFESPAN", "-1h")]
    [InlineData("SELFSERVICE:FLOWS:RECOVERY:LIFESPAN", "0")]
    [InlineData("SELFSERVICE:FLOWS:RECOVERY:UI_URL", "https://user:pw@app.example.com/")]
    [InlineData("SELFSERVICE:METHODS:CODE:CONFIG:MAX_SUBMISSIONS", "0")]
    [InlineData("SELFSERVICE:METHODS:CODE:CONFIG:MAX_SUBMISSIONS", "101")]
    [InlineData("SELFSERVICE:METHODS:LINK:CONFIG:OPENS_UI", "true")]
    [InlineData("SESSION:COOKIE:NAME", "a b")]
    [InlineData("SESSION:COOKIE:DOMAIN", "not a domain")]
    [InlineData("COOKIES:PATH", "x;y")]
    public void A_wrong_one_stops_the_start_and_is_named(string name, string value) =>
        Should.Throw<SettingsException>(() => Read((name, value))).Message.ShouldContain($"SPAREKEY_KRATOS__{name.Replace(":", "__", StringComparison.Ordinal)}");

    [Fact]
    public async Task Switched_off_nothing_answers()
    {
        await using var server = await RunningServer.Start(kratos: new KratosOptions { Enabled = false });

        (await server.Get("/health/alive")).Code.ShouldBe("route_not_found");
        (await server.Get("/admin/identities", server.AdminToken)).Code.ShouldBe("route_not_found");
    }

    [Fact]
    public async Task Pages_of_applications_call_with_cookies_where_that_is_on_and_no_others()
    {
        await using var server = await RunningServer.Start(kratos: new KratosOptions { Cors = true, PublicUrl = "https://id.example.com/base" });
        var own = server.Origin.GetLeftPart(UriPartial.Authority);

        (await Asked(own)).ShouldBe((own, "true", "POST, GET, PUT, PATCH, DELETE"));
        (await Asked("https://evil.example")).ShouldBe((null, null, null));
        var made = await server.Post("/admin/identities", new { traits = new { } }, server.AdminToken);
        made["schema_url"].ShouldBe("https://id.example.com/base/schemas/ZGVmYXVsdA");

        async Task<(string?, string?, string?)> Asked(string origin)
        {
            using var question = new HttpRequestMessage(HttpMethod.Options, "/health/alive");
            question.Headers.TryAddWithoutValidation("Origin", origin);
            question.Headers.TryAddWithoutValidation("Access-Control-Request-Method", "GET");
            var answer = await server.Send(question);
            return (Header("Access-Control-Allow-Origin"), Header("Access-Control-Allow-Credentials"), Header("Access-Control-Allow-Methods"));

            string? Header(string name) => answer.Headers.TryGetValues(name, out var values) ? string.Join(", ", values) : null;
        }
    }

    private static KratosOptions Read(params (string Name, string Value)[] settings) => KratosSettings.Read(
        new ConfigurationBuilder().AddInMemoryCollection(settings.Select(s => KeyValuePair.Create($"KRATOS:{s.Name}", (string?)s.Value))).Build());
}
