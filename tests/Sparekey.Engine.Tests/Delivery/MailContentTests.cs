using System.Text.Json;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Recoveries;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Delivery;

/// <summary>What people read: every kind of message, in every language, as a real SMTP server received it.</summary>
public sealed class MailContentTests(SmtpFixture fixture) : IClassFixture<SmtpFixture>, IAsyncLifetime
{
    private readonly SmtpServer _smtp = fixture.Server;
    private MailScene _scene = null!;

    public static TheoryData<MessageKind, string> KindsAndLanguages
    {
        get
        {
            var data = new TheoryData<MessageKind, string>();
            foreach (var kind in Enum.GetValues<MessageKind>())
            {
                data.Add(kind, "en");
                data.Add(kind, "de");
            }

            return data;
        }
    }

    public async ValueTask InitializeAsync()
    {
        await _smtp.Forget();
        _scene = await MailScene.Start(_smtp.Port);
    }

    public ValueTask DisposeAsync() => _scene.DisposeAsync();

    [Theory]
    [MemberData(nameof(KindsAndLanguages))]
    public async Task N15_Every_kind_arrives_as_text_and_html_at_the_right_addresses(MessageKind kind, string language)
    {
        var account = await _scene.Account(
            JsonSerializer.Serialize(new { locale = $"{language}-XX" }), ["one@example.com", "two@example.org", "+4912345678"]);
        var secret = kind is MessageKind.RecoveryLink or MessageKind.RecoveryCode or MessageKind.RecoveryToken or MessageKind.AddressConfirmation
            or MessageKind.KeyPickupCode or MessageKind.RecoverySecondHalf or MessageKind.RecoveryConfirmation or MessageKind.EscrowToken;
        await _scene.Send(new OutboxMessage(kind, account)
        {
            To = secret ? [new Recipient("email", "one@example.com")] : [],
            ExpiresAt = secret ? _scene.Acts.Now + TimeSpan.FromHours(1) : null,
            Values = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["secret"] = "https://recover.example.com/recover#spl_<&>",
                ["code"] = "ABCDE-12345",
                ["page"] = "https://recover.example.com/recover",
                ["means"] = "link",
                ["requested_by"] = "service_account",
                ["credential"] = "passkey",
                ["change"] = "removed",
                ["kind"] = "email",
                ["news"] = "request_made",
                ["address"] = "<n•••@e•••.org>",
            },
        });

        (await _scene.Deliver()).ShouldBe(secret ? 1 : 2);

        var mails = await _smtp.Received();
        mails.Select(m => m.To.ShouldHaveSingleItem()).ShouldBe(
            secret ? ["one@example.com"] : ["one@example.com", "two@example.org"], ignoreOrder: true);
        foreach (var mail in mails)
        {
            mail.From.ShouldBe("recovery@example.com");
            mail["To"].ShouldBe(mail.To[0]);
            mail["Auto-Submitted"].ShouldBe("auto-generated");
            mail["Content-Language"].ShouldBe(language);
            mail["Message-ID"].ShouldMatch(@"^<[0-9a-f-]{36}@example\.com>$");
            mail.Headers.ShouldNotContain(h => h.Name.StartsWith("List-", StringComparison.OrdinalIgnoreCase) || h.Name == "Bcc");
            mail.Subject.ShouldContain("recover.example.com");
            foreach (var body in new[] { mail.Subject, mail.Text, mail.Html })
            {
                body.ShouldNotContain("{{");
                body.ShouldNotContain("[body]");
                body.ShouldNotMatch(@"\n\n\n\n");
            }

            mail.Html.ShouldStartWith($"<!DOCTYPE html>\n<html lang=\"{language}\">");
            mail.Html.ShouldNotMatch("(?i)<img|<script|<link|url\\(|src=");
            mail.Html.ShouldNotContain("spl_<"); // Escaped, whatever the value holds.
            mail.Html.ShouldNotContain("<n•");
            if (!secret)
            {
                var time = language == "en" ? "21 November 2026, 08:00 UTC" : "21. November 2026, 08:00 Uhr (UTC)";
                mail.Text.ShouldContain(time);
                mail.Html.ShouldContain(time);
            }
        }
    }

    [Fact]
    public async Task A_mailed_link_carries_a_code_and_each_of_them_redeems()
    {
        await _scene.Account("person@example.com");
        await _scene.Get<RequestRecovery>().Run(_scene.Visitor, "person@example.com", CancellationToken.None);
        await _scene.Deliver();

        var mails = await _smtp.Received(); // The link, and the notices that somebody asked and that it was issued.
        mails.Count.ShouldBe(3);
        var mail = mails.Single(m => m.Text.Contains("spl_", StringComparison.Ordinal));
        var link = MailScene.Find(mail.Text, @"https://recover\.example\.com/recover#(?<it>spl_\S+)");
        mail.Html.ShouldContain($"href=\"https://recover.example.com/recover#{link}\"");
        var code = MailScene.Find(mail.Text, @"^ {4}(?<it>[0-9A-Z]{5}-[0-9A-Z]{5})$");
        mail.Html.ShouldContain(code);
        mails.Where(m => m != mail).ShouldAllBe(m => !m.Text.Contains(link) && !m.Text.Contains(code) && !m.Html.Contains(code));

        var redeem = _scene.Get<RedeemSecret>();
        (await redeem.Run(_scene.Visitor, new PresentedSecret.Code(new(code.ToLowerInvariant()), "person@example.com"), CancellationToken.None))
            .Refusal.ShouldBeNull();
        (await redeem.Run(_scene.Visitor, new PresentedSecret.Long(Means.Link, new(link)), CancellationToken.None)).Refusal.ShouldBeNull();
        (await Consistency.Faults(_scene.Faults)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_hundred_wrong_codes_use_up_the_code_and_leave_the_link_alone()
    {
        await _scene.Account("target@example.com");
        await _scene.Get<RequestRecovery>().Run(_scene.Visitor, "target@example.com", CancellationToken.None);
        await _scene.Deliver();
        var mail = (await _smtp.Received()).Single(m => m.Text.Contains("spl_", StringComparison.Ordinal));
        var code = MailScene.Find(mail.Text, "(?<it>[0-9A-Z]{5}-[0-9A-Z]{5})");
        var link = MailScene.Find(mail.Text, @"#(?<it>spl_\S+)");

        // A stranger with many addresses, which no throttling of one address stops.
        var redeem = _scene.Get<RedeemSecret>();
        for (var i = 0; i < RecoveryLimits.Tries; i++)
        {
            (await redeem.Run(
                _scene.Visitor with { Source = $"198.51.100.{i}" }, new PresentedSecret.Code(new("00000-00000"), "target@example.com"),
                CancellationToken.None)).Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        }

        (await Consistency.Faults(_scene.Faults)).ShouldBeEmpty();
        (await redeem.Run(_scene.Visitor, new PresentedSecret.Code(new(code), "target@example.com"), CancellationToken.None))
            .Refusal!.Code.ShouldBe(RefusalCode.SecretInvalid);
        (await redeem.Run(_scene.Visitor, new PresentedSecret.Long(Means.Link, new(link)), CancellationToken.None)).Refusal.ShouldBeNull();
    }

    [Fact]
    public async Task Values_never_become_headers_or_recipients()
    {
        const string evil = "x\r\nBcc: victim@example.com\r\n\r\nbody";
        var outcome = await new SmtpMailer(MailScene.To(_smtp.Port)).Send(
            new Mail("id", "person@example.com", "en", $"Hello {evil}\u2028Cc: victim@example.com", evil, evil), CancellationToken.None);

        outcome.Sent.ShouldBeTrue();
        var mail = (await _smtp.Received()).ShouldHaveSingleItem();
        mail.To.ShouldBe(["person@example.com"]);
        mail.Headers.ShouldNotContain(h => h.Name.Equals("Bcc", StringComparison.OrdinalIgnoreCase) || h.Name.Equals("Cc", StringComparison.OrdinalIgnoreCase));
        mail.Subject.ShouldStartWith("Hello x Bcc: victim@example.com");
    }

    [Theory]
    [InlineData("person@example.com\r\nBcc: victim@example.com")]
    [InlineData("person@example.com, victim@example.com")]
    [InlineData("Somebody <victim@example.com>")]
    [InlineData("person@example.com>\r\nRCPT TO:<victim@example.com")]
    [InlineData("person")]
    [InlineData("")]
    public async Task What_is_not_exactly_one_address_is_sent_nothing_and_dies(string to)
    {
        var account = await _scene.Account("person@example.com");
        await _scene.Send(new OutboxMessage(MessageKind.AddressChangedNotice, account) { To = [new Recipient("email", to)] });

        (await _scene.Deliver()).ShouldBe(0);

        (await _smtp.Received()).ShouldBeEmpty();
        (await _scene.Dead("refused")).ShouldBe(1);
        (await _scene.Waiting()).ShouldBe(0);
    }

    [Fact]
    public async Task Lines_that_are_a_dot_arrive_whole()
    {
        const string text = "first\n.\n..\n.x\nlast";
        await new SmtpMailer(MailScene.To(_smtp.Port)).Send(
            new Mail("id", "person@example.com", "en", "Dots", text, $"<p>{text}</p>"), CancellationToken.None);
        (await _smtp.Received()).ShouldHaveSingleItem().Text.TrimEnd('\n').ShouldBe(text);
    }

    [Theory]
    [InlineData("{}", "en")]
    [InlineData("""{"locale":"de"}""", "de")]
    [InlineData("""{"locale":"de_AT"}""", "de")]
    [InlineData("""{"locale":"DE-CH-1996"}""", "de")]
    [InlineData("""{"locale":"fr"}""", "en")]
    [InlineData("""{"locale":"../../de"}""", "en")]
    [InlineData("""{"locale":7}""", "en")]
    [InlineData("[]", "en")]
    public void Writes_to_people_in_their_language_where_there_are_texts_in_it(string traits, string language) =>
        MailComposer.LanguageOf(new Account(NewId.Make<AccountId>(), "user", default, 1) { Traits = traits }).ShouldBe(language);

    [Fact]
    public void Every_language_has_a_phrase_for_every_name()
    {
        var templates = new MailTemplates();
        foreach (var language in MailTemplates.Languages)
        {
            var phrases = templates.PhrasesOf(language);
            void All<T>(string set)
                where T : struct, Enum => WireName.All<T>().ShouldAllBe(n => phrases.Of(set, n) != null);
            All<Sparekey.Core.Access.PrincipalKind>("requested_by");
            All<Means>("means");
            All<CredentialKind>("credential");
            All<AddressKind>("kind");
            All<EscrowNews>("escrow");
            foreach (var change in new[] { "added", "changed", "removed", "confirmed" })
            {
                phrases.Of("change", change).ShouldNotBeNull();
            }
        }
    }
}
