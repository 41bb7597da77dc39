using Sparekey.Core.Secrets;
using Sparekey.Engine.Delivery;
using Sparekey.Server.Hosting;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>Mail as an operator sets it up, and what a person does with it, over HTTP.</summary>
public sealed class MailTests
{
    [Fact]
    public async Task A_person_asks_gets_a_mail_and_says_that_it_was_not_them()
    {
        await using var smtp = await SmtpServer.Start();
        await using var server = await RunningServer.Start(mail: new MailOptions("127.0.0.1", new("recovery@example.com"))
        {
            Port = smtp.Port, Tls = MailTls.None,
        });
        (await server.Get("/readyz"))["mail"].ShouldBe("ok");
        await server.Account("person@example.com");
        (await server.Post("/v1/recovery-requests", new { identifier = "person@example.com" })).Status.ShouldBe(202);

        var mails = await server.Mails(smtp, 3);
        var link = mails.Single(m => m.Text.Contains("#spl_", StringComparison.Ordinal)).Text.Split('#')[1].Split('\n')[0];
        var token = mails.First(m => m.Text.Contains("#spn_", StringComparison.Ordinal)).Text.Split('#')[1].Split('\n')[0];

        // Mail scanners and previews open what they find: reading consumes nothing.
        (await server.Get("/v1/repudiations")).Status.ShouldBe(405);
        using var foreign = new HttpRequestMessage(HttpMethod.Post, "/v1/repudiations")
        {
            Content = new StringContent($"{{\"token\":\"{token}\"}}", System.Text.Encoding.UTF8, "application/json"),
        };
        foreign.Headers.Add("Origin", "https://evil.example");
        (await server.Send(foreign)).Code.ShouldBe("origin_not_allowed");
        (await server.Post("/v1/repudiations", new { token = token[..^1] + "?" })).Code.ShouldBe("secret_invalid");
        (await server.Post("/v1/repudiations", new { token = link })).Code.ShouldBe("secret_invalid");

        var done = await server.Post("/v1/repudiations", new { token });
        done.Status.ShouldBe(200, done.Text);
        done["state"].ShouldBe("cancelled");
        done["completed"].ShouldBe("false");
        done["sessions_ended"].ShouldBe("0");
        (await server.Post("/v1/redemptions", new { link_secret = link })).Code.ShouldBe("secret_invalid");

        (await server.Mails(smtp, 4))[^1].Subject.ShouldContain("cancelled");
        foreach (var secret in new[] { link, token })
        {
            string.Join('\n', server.LogLines).ShouldNotContain(secret);
            string.Join('\n', server.Answers).ShouldNotContain(secret);
        }
    }

    [Fact]
    public async Task Without_a_mail_server_health_says_so_and_the_server_serves()
    {
        await using var server = await RunningServer.Start();
        var ready = await server.Get("/readyz");
        (ready.Status, ready["mail"]).ShouldBe((200, "off"));
    }

    [Fact]
    public void Reads_the_settings_of_mail()
    {
        Read("{}").ShouldBeNull();
        var usual = Read("""{"mail":{"host":"mail.example.com","from":"Recovery <recovery@example.com>"}}""").ShouldNotBeNull();
        (usual.Host, usual.Port, usual.From.Address, usual.From.DisplayName, usual.Tls, usual.Timeout, usual.Password)
            .ShouldBe(("mail.example.com", 587, "recovery@example.com", "Recovery", MailTls.Starttls, TimeSpan.FromSeconds(20), (SecretText?)null));

        var all = Read(
            """{"mail":{"host":"127.0.0.1","port":2525,"from":"r@example.com","username":"u","password":"p","tls":"none","timeout":"5s"}}""").ShouldNotBeNull();
        (all.Port, all.Username, all.Password!.Reveal(), all.Tls, all.Timeout).ShouldBe((2525, "u", "p", MailTls.None, TimeSpan.FromSeconds(5)));
    }

    [Theory]
    [InlineData("""{"host":"mail.example.com"}""", "SPAREKEY_MAIL__FROM")]
    [InlineData("""{"host":"mail.example.com","from":"nobody"}""", "SPAREKEY_MAIL__FROM")]
    [InlineData("""{"host":"mail.example.com","from":"a@example.com\r\nBcc: b@example.com"}""", "SPAREKEY_MAIL__FROM")]
    [InlineData("""{"host":"mail example","from":"a@example.com"}""", "SPAREKEY_MAIL__HOST")]
    [InlineData("""{"host":"mail.example.com","from":"a@example.com","port":0}""", "SPAREKEY_MAIL__PORT")]
    [InlineData("""{"host":"mail.example.com","from":"a@example.com","tls":"none"}""", "SPAREKEY_MAIL__TLS")]
    [InlineData("""{"host":"mail.example.com","from":"a@example.com","tls":"maybe"}""", "SPAREKEY_MAIL__TLS")]
    [InlineData("""{"host":"mail.example.com","from":"a@example.com","timeout":"1h"}""", "SPAREKEY_MAIL__TIMEOUT")]
    [InlineData("""{"host":"mail.example.com","from":"a@example.com","username":"u"}""", "SPAREKEY_MAIL__PASSWORD")]
    [InlineData("""{"host":"mail.example.com","from":"a@example.com","password":"hidden"}""", "SPAREKEY_MAIL__USERNAME")]
    public void Refuses_settings_that_make_no_sense_and_quotes_no_password(string mail, string names)
    {
        var refused = Should.Throw<SettingsException>(() => Read($"{{\"mail\":{mail}}}"));
        refused.Message.ShouldContain(names);
        refused.Message.ShouldNotContain("hidden");
    }

    private static MailOptions? Read(string json)
    {
        var folder = Directory.CreateTempSubdirectory("sparekey-test-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "sparekey.json"), json);
            return ServerOptions.Read(folder, []).Mail;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
