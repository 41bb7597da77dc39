using System.Net;
using System.Net.Mail;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Delivery;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Delivery;

/// <summary>How mail servers are spoken to, and what is made of how they fail.</summary>
public sealed class SmtpMailerTests
{
    private static readonly Mail Hello = new("the-id", "person@example.com", "en", "Hello", "text", "<p>html</p>");

    [Theory]
    [InlineData(SmtpFault.Silent, null)]
    [InlineData(SmtpFault.HangsUp, null)]
    [InlineData(SmtpFault.SilentAtTheEnd, null)]
    [InlineData(SmtpFault.HangsUpAtTheEnd, null)]
    [InlineData(SmtpFault.NotSmtp, null)]
    [InlineData(SmtpFault.WantsSignIn, 530)]
    public async Task What_may_pass_is_no_reason_to_give_up(SmtpFault fault, int? code)
    {
        await using var smtp = new BrokenSmtpServer(fault);
        var mailer = new SmtpMailer(MailScene.To(smtp.Port) with { Timeout = TimeSpan.FromSeconds(2) });
        var began = TimeProvider.System.GetTimestamp();

        var outcome = await mailer.Send(Hello, CancellationToken.None).WaitAsync(TimeSpan.FromSeconds(30));

        outcome.ShouldBe(new SendOutcome(Sent: false, Permanent: false, code));
        TimeProvider.System.GetElapsedTime(began).ShouldBeLessThan(TimeSpan.FromSeconds(15));
    }

    [Fact]
    public async Task A_mail_that_is_refused_for_good_is_not_tried_again()
    {
        await using var smtp = new BrokenSmtpServer(SmtpFault.RefusesTheMail);
        (await new SmtpMailer(MailScene.To(smtp.Port)).Send(Hello, CancellationToken.None))
            .ShouldBe(new SendOutcome(Sent: false, Permanent: true, 554));
        smtp.Mails.ShouldBe(1);
    }

    [Fact]
    public async Task A_server_without_tls_is_sent_nothing_where_tls_is_demanded()
    {
        await using var smtp = new BrokenSmtpServer(SmtpFault.NoTls);
        var outcome = await new SmtpMailer(MailScene.To(smtp.Port) with { Tls = MailTls.Starttls }).Send(Hello, CancellationToken.None);
        outcome.ShouldBe(new SendOutcome(Sent: false, Permanent: false, null));
        (smtp.Connections, smtp.Mails).ShouldBe((1, 0));
    }

    [Fact]
    public async Task Speaks_tls_and_signs_in()
    {
        var (key, cert, thumbprint) = SelfSigned();
        await using var smtp = await SmtpServer.Start(
            new SmtpServerSettings { Key = key, Cert = cert, User = "sparekey", Password = "a password" });
        var options = MailScene.To(smtp.Port) with
        {
            Host = "localhost", Tls = MailTls.Starttls, Username = "sparekey", Password = new SecretText("a password"),
        };

        // 1. A certificate that nobody vouches for: nothing is sent, not even the user name.
        (await new SmtpMailer(options).Send(Hello, CancellationToken.None)).Sent.ShouldBeFalse();

        // 2. The test alone vouches for this one certificate. The program has no setting by which it would take any.
#pragma warning disable SYSLIB0014, MA0039 // SmtpClient asks nobody else.
        ServicePointManager.ServerCertificateValidationCallback =
            (_, presented, _, _) => presented is X509Certificate2 c && c.Thumbprint == thumbprint;
        try
        {
            (await new SmtpMailer(options).Send(Hello, CancellationToken.None)).Sent.ShouldBeTrue();

            // 3. A wrong password is the operator's to mend, so the message waits.
            var wrong = await new SmtpMailer(options with { Password = new SecretText("another") }).Send(Hello, CancellationToken.None);
            wrong.ShouldBe(new SendOutcome(Sent: false, Permanent: false, 530));
        }
        finally
        {
            ServicePointManager.ServerCertificateValidationCallback = null;
        }
#pragma warning restore SYSLIB0014, MA0039

        var mail = (await smtp.Received()).ShouldHaveSingleItem();
        mail.Secure.ShouldBeTrue();
        mail.User.ShouldBe("sparekey");
    }

    [Fact]
    public async Task Whoever_breaks_it_off_is_told_so()
    {
        await using var smtp = new BrokenSmtpServer(SmtpFault.Silent);
        using var enough = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        await Should.ThrowAsync<OperationCanceledException>(() => new SmtpMailer(MailScene.To(smtp.Port)).Send(Hello, enough.Token));
    }

    [Theory]
    [InlineData("localhost", true)]
    [InlineData("127.0.0.1", true)]
    [InlineData("127.9.9.9", true)]
    [InlineData("::1", true)]
    [InlineData("mail.example.com", false)]
    [InlineData("localhost.example.com", false)]
    [InlineData("192.0.2.1", false)]
    public void Knows_its_own_machine(string host, bool loopback) => MailOptions.IsLoopback(host).ShouldBe(loopback);

    [Fact]
    public void Neither_options_nor_mail_show_a_secret()
    {
        var options = new MailOptions("localhost", new MailAddress("a@example.com")) { Password = new SecretText("hidden") };
        options.ToString().ShouldNotContain("hidden");
        (Hello with { Text = "hidden" }).ToString().ShouldNotContain("hidden");
        new MessagePayload([], new Dictionary<string, string>(StringComparer.Ordinal) { ["secret"] = "hidden" }).ToString().ShouldNotContain("hidden");
    }

    private static (string Key, string Cert, string Thumbprint) SelfSigned()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        request.CertificateExtensions.Add(names.Build());
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        return (key.ExportPkcs8PrivateKeyPem(), certificate.ExportCertificatePem(), certificate.Thumbprint);
    }
}
