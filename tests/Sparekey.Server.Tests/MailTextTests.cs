using Sparekey.Engine.Delivery;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>A tenant's own words in its mail, from the API to a real SMTP server.</summary>
public sealed class MailTextTests : IAsyncLifetime
{
    private SmtpServer _smtp = null!;
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _smtp = await SmtpServer.Start();
        _server = await RunningServer.Start(mail: new MailOptions("127.0.0.1", new("recovery@example.com")) { Port = _smtp.Port, Tls = MailTls.None });
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _smtp.DisposeAsync();
    }

    [Fact]
    public async Task A_tenant_writes_its_own_mail_looks_at_it_tries_it_and_people_get_it()
    {
        var french = new
        {
            version = 0, subject = "Récupérer votre compte chez {{application}}", text = "Bonjour,\n\n{{secret}}\n\n{{code}}\n\nPar {{means}}, jusqu'au {{until}}.",
            html = "<p><a href=\"{{secret}}\">Récupérer</a> {{code}} {{application}}</p>",
        };
        const string Path = "/v1/mail/templates/recovery_link/fr";
        (await Get(Path)).Code.ShouldBe("mail_text_not_found");
        var preview = await Post($"{Path}/preview", new { french.subject, french.text, french.html });
        preview.Status.ShouldBe(200, preview.Text);
        preview["text"].ShouldContain("#sample-link");
        (await Get(Path)).Code.ShouldBe("mail_text_not_found");

        (await Put(Path, french)).Status.ShouldBe(200);
        (await Put(Path, french)).Code.ShouldBe("version_conflict");
        (await Put("/v1/mail/templates/phrases/fr", new { version = 0, text = "{\"means.link\":\"un lien\",\"month.11\":\"novembre\"}" })).Status.ShouldBe(200);
        (await Put("/v1/mail/settings", new { version = 0, locale = "fr", from_name = "Portail Exemple" })).Status.ShouldBe(200);

        var person = await _server.Account("person@example.com");
        (await Post($"{Path}/test", new { account_id = person })).Status.ShouldBe(204);
        var test = (await _server.Mails(_smtp, 1)).Single();
        test.Subject.ShouldStartWith("[Test] Récupérer votre compte chez ");
        (test.Text.Contains("un lien", StringComparison.Ordinal), test.Text.Contains("novembre", StringComparison.Ordinal)).ShouldBe((true, true), test.Text);
        test["From"].ShouldBe("\"Portail Exemple\" <recovery@example.com>");

        (await _server.Post("/v1/recovery-requests", new { identifier = "person@example.com" })).Status.ShouldBe(202);
        var mails = await _server.Mails(_smtp, 4);
        mails.ShouldContain(m => m.Text.StartsWith("Bonjour,", StringComparison.Ordinal) && m.Html.Contains(">Récupérer</a>", StringComparison.Ordinal));
        mails.ShouldAllBe(m => !m.Text.Contains("{{", StringComparison.Ordinal));
        var link = mails.Single(m => m.Text.Contains("#spl_", StringComparison.Ordinal)).Text.Split('#')[1].Split('\n')[0];
        (await _server.Post("/v1/redemptions", new { link_secret = link })).Status.ShouldBe(201);

        (await _server.Send("DELETE", Path, null, _server.AdminToken)).Status.ShouldBe(204);
        (await _server.Send("DELETE", Path, null, _server.AdminToken)).Code.ShouldBe("mail_text_not_found");
        var entries = (await Get("/v1/ledger?limit=200")).Json!["entries"]!.AsArray().Select(e => e!["entry"]!["event"]!.ToString()).ToList();
        foreach (var happened in new[] { "mail_text_changed", "mail_text_removed", "mail_settings_changed", "mail_test_sent" })
        {
            entries.ShouldContain(happened);
        }
    }

    [Fact]
    public async Task Names_languages_and_senders_that_are_none_are_refused_and_nothing_is_changed()
    {
        var list = await Get("/v1/mail/templates");
        var rows = list.Json!["templates"]!.AsArray();
        rows.ShouldContain(r => r!["name"]!.ToString() == "layout" && r["locale"]!.ToString() == "de" && !(bool)r["own"]!);
        list.Json!["variables"]!.AsArray().Select(v => v!.ToString()).ShouldContain("secret");
        var built = await Get("/v1/mail/templates/recovery_code/en");
        built["text"].ShouldContain("{{secret}}");

        (await Put("/v1/mail/templates/nothing/en", new { version = 0, subject = "x", text = "x", html = "x" })).Code.ShouldBe("mail_text_not_found");
        foreach (var locale in new[] { "EN", "e", "..%2Fde", "de_AT", new string('a', 200) })
        {
            (await Put($"/v1/mail/templates/recovery_code/{locale}", new { version = 0, subject = "x", text = "{{secret}}", html = "{{secret}}" })).Code.ShouldBe("invalid_request");
        }

        (await Put("/v1/mail/templates/recovery_code/en", new { version = 0, subject = "x", text = "{{{secret}}}", html = "{{secret}}" }))
            .Json!["errors"]![0]!["pointer"]!.ToString().ShouldBe("/text");
        foreach (var name in new[] { "a@example.com", "x\r\nBcc: y", " x", "", "Bank\u202e", new string('x', 65), "\"x\"" })
        {
            (await Put("/v1/mail/settings", new { version = 0, locale = "en", from_name = name })).Code.ShouldBe("invalid_request", name);
        }

        (await Put("/v1/mail/settings", new { version = 0, locale = "../en" })).Code.ShouldBe("invalid_request");
        (await Post("/v1/mail/templates/layout/en/preview", new { })).Code.ShouldBe("invalid_request");
        (await Post("/v1/mail/templates/recovery_code/en/test", new { account_id = "00000000-0000-4000-8000-000000000000" })).Code.ShouldBe("account_not_found");
        var small = await _server.Token("small", ["tenant:admin"], ceiling: "user");
        (await _server.Send("PUT", "/v1/mail/settings", new { version = 0, locale = "en" }, small)).Code.ShouldBe("above_ceiling");
        (await Get("/v1/mail/settings"))["version"].ShouldBe("0");
    }

    private Task<Answer> Get(string path) => _server.Get(path, _server.AdminToken);

    private Task<Answer> Put(string path, object body) => _server.Put(path, body, _server.AdminToken);

    private Task<Answer> Post(string path, object body) => _server.Post(path, body, _server.AdminToken);
}
