using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Sparekey.Engine.Delivery;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>One server with a mailbox for the whole class; every test has people of its own.</summary>
public sealed class SavedCodeFixture : IAsyncLifetime
{
    internal SmtpServer Smtp { get; private set; } = null!;

    internal RunningServer Server { get; private set; } = null!;

    internal PageOfBrowser Page { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Smtp = await SmtpServer.Start();
        Server = await RunningServer.Start(mail: new MailOptions("127.0.0.1", new("recovery@example.com")) { Port = Smtp.Port, Tls = MailTls.None });
        Page = new PageOfBrowser($"http://localhost:{Server.Origin.Port}");
        var application = (await Server.Get("/v1/applications", Server.AdminToken)).Json!["applications"]![0]!["id"]!.ToString();
        (await Server.Send("PATCH", $"/v1/applications/{application}", new { origins = new[] { Page.Origin }, rp_id = "localhost" }, Server.AdminToken))
            .Status.ShouldBe(200);
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await Smtp.DisposeAsync();
    }
}

/// <summary>Saved recovery codes over HTTP: made by a signed-in person, used by the same person locked out, on the API and on the page.</summary>
public sealed partial class SavedCodeTests(SavedCodeFixture fixture) : IClassFixture<SavedCodeFixture>
{
    private const string Password = "an initial password of a person";
    private const string Fresh = "a password that was never used";

    private readonly RunningServer _server = fixture.Server;

    [Fact]
    public async Task N2_N3_Twelve_codes_are_shown_once_to_their_person_and_counted_for_everybody_else()
    {
        var (account, session) = await Person("shown@example.com");
        var none = await Status(session);
        (none["codes_left"]!.GetValue<int>(), none["id"], none["created_at"]).ShouldBe((0, null, null));
        var made = await Make(session);
        made.Status.ShouldBe(201, made.Text);
        made.Headers.CacheControl!.NoStore.ShouldBeTrue();
        var codes = Codes(made);
        codes.Distinct(StringComparer.Ordinal).Count().ShouldBe(12);
        codes.ShouldAllBe(c => Shown().IsMatch(c));

        var status = await Status(session);
        (status["codes_left"]!.GetValue<int>(), status["id"]!.ToString(), status["last_used_at"]).ShouldBe((12, made["id"], null));
        foreach (var list in new[]
        {
            await _server.Get($"/v1/accounts/{account}/credentials", _server.AdminToken), await _server.Get("/v1/sessions/current/credentials", session),
        })
        {
            var set = list.Json!["items"]!.AsArray().Single(c => c!["kind"]!.ToString() == "recovery_codes")!;
            set["codes_left"]!.GetValue<int>().ShouldBe(12);
            list.Json["items"]!.AsArray().Single(c => c!["kind"]!.ToString() == "password")!["codes_left"].ShouldBeNull();
        }

        await Redeem("shown@example.com", codes[3]);
        var others = string.Join('\n', _server.Answers.Where(a => a != made.Text).Concat(_server.LogLines));
        foreach (var code in codes)
        {
            others.ShouldNotContain(code);
            others.ShouldNotContain(code[5..]);
            others.ShouldNotContain(code.Replace("-", "", StringComparison.Ordinal)[4..]);
        }

        (await _server.Send("POST", "/v1/sessions/current/recovery-codes", null, "x")).Code.ShouldBe("session_invalid");
        (await _server.Send("POST", "/v1/sessions/current/recovery-codes", null, _server.AdminToken)).Code.ShouldBe("session_invalid");
        (await _server.Get("/v1/sessions/current/recovery-codes")).Status.ShouldBe(401);
    }

    [Fact]
    public async Task N4_A_used_code_is_replaced_in_the_answer_that_completes_whether_with_a_password_or_a_passkey()
    {
        var (account, session) = await Person("used@example.com");
        var codes = Codes(await Make(session));
        var opened = await Redeem("used@example.com", codes[0].ToLowerInvariant().Replace('-', ' '));
        opened.Status.ShouldBe(201, opened.Text);
        opened.Json!["allowed"]!.AsArray().Select(a => a!.ToString()).ShouldBe(["password", "passkey"]);
        var read = await _server.Get("/v1/redemption", opened["redemption_token"]);
        (read["requested_by"], read.Json!["revoke"]!.ToJsonString()).ShouldBe(("account", "[\"sessions\"]"));
        var done = await _server.Put("/v1/redemption/password", new { new_password = Fresh }, opened["redemption_token"]);
        done.Status.ShouldBe(200, done.Text);
        var second = done["recovery_code"];
        Shown().IsMatch(second).ShouldBeTrue();
        (await _server.Get("/v1/sessions/current", session)).Code.ShouldBe("session_invalid");
        (await Redeem("used@example.com", codes[0])).Code.ShouldBe("secret_invalid");

        using var authenticator = new SoftwareAuthenticator("localhost");
        var redemption = (await Redeem("used@example.com", second))["redemption_token"];
        var options = await _server.Send("POST", "/v1/redemption/passkey/options", null, redemption);
        var credential = fixture.Page.Made(authenticator, options.Json!);
        (await _server.Post("/v1/redemption/passkey", new { credential = PageOfBrowser.Changed(credential, "attestationObject", "AAAA") }, redemption))
            .Code.ShouldBe("passkey_refused");
        done = await _server.Post("/v1/redemption/passkey", new { credential }, redemption);
        done.Status.ShouldBe(200, done.Text);
        Shown().IsMatch(done["recovery_code"]).ShouldBeTrue();
        (await Redeem("used@example.com", second)).Code.ShouldBe("secret_invalid");
        (await Redeem("used@example.com", done["recovery_code"])).Status.ShouldBe(201);
        (await Status(await SignedIn("used@example.com", Fresh)))["codes_left"]!.GetValue<int>().ShouldBe(12);

        var recoveries = (await _server.Get($"/v1/recoveries?account={account}", _server.AdminToken)).Json!["recoveries"]!.AsArray();
        recoveries.Count(r => r!["means"]!.ToString() == "saved_code" && r["state"]!.ToString() == "completed").ShouldBe(2);
        var entries = await Ledger(account, "recovery_code_replaced", 2);
        entries.ShouldAllBe(e => e["facts"]!["left"]!.GetValue<int>() == 12 && e["actor"]!["id"]!.ToString() == account);

        // No other recovery brings a code.
        (await _server.Put("/v1/redemption/password", new { new_password = Password }, await _server.RedeemLink(await _server.Recover("used@example.com", "link"))))
            .Json!["recovery_code"].ShouldBeNull();
    }

    [Fact]
    public async Task N5_Codes_that_are_made_replaced_and_used_are_told_at_every_address()
    {
        var (_, session) = await Person("told@example.com", "told@example.org");
        var first = Codes(await Make(session));
        await Told("told@", "was added: recovery codes", 2);
        var codes = Codes(await Make(session));
        await Told("told@", "was changed: recovery codes", 2);
        var opened = await Redeem("told@example.com", codes[0]);
        var requested = await Told("told@", "It will be completed with a recovery code that you saved.", 2);
        requested.ShouldAllBe(m => m.Text.Contains("Asked for by: you, or somebody with a recovery code that you saved.", StringComparison.Ordinal)
            && m.Text.Contains("/recover/not-me#spn_", StringComparison.Ordinal));
        await _server.Put("/v1/redemption/password", new { new_password = Fresh }, opened["redemption_token"]);
        var told = await Told("told@", "a new credential was set", 2);
        told.Select(m => m.To.ShouldHaveSingleItem()).Order(StringComparer.Ordinal).ShouldBe(["told@example.com", "told@example.org"]);
        told.ShouldAllBe(m => codes.Concat(first).All(c => !m.Text.Contains(c, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Who_has_three_codes_left_is_told_and_again_with_each_that_goes()
    {
        var (account, session) = await Person("low@example.com");
        var codes = Codes(await Make(session));
        for (var used = 0; used < 10; used++)
        {
            if (used % 5 == 0)
            {
                _server.Time.Advance(TimeSpan.FromMinutes(10)); // The tries of a name in ten minutes are limited.
            }

            var redemption = await Redeem("low@example.com", codes[used]);
            redemption.Status.ShouldBe(201, redemption.Text);
            (await Form("/recover/stop", ("redemption_token", redemption["redemption_token"]))).Status.ShouldBe(200);
        }

        var entries = await Ledger(account, "recovery_code_spent", 10);
        entries.Select(e => e["facts"]!["left"]!.GetValue<int>()).Order().ShouldBe(Enumerable.Range(2, 10));
        var mails = await Told("low@", "saved recovery codes left", 2);
        mails.ShouldContain(m => m.Text.Contains("there were 3 saved recovery codes left", StringComparison.Ordinal));
        mails.ShouldContain(m => m.Text.Contains("there were 2 saved recovery codes left", StringComparison.Ordinal));
        (await Status(session))["codes_left"]!.GetValue<int>().ShouldBe(2);
    }

    [Fact]
    public async Task An_account_above_the_lowest_role_waits_for_another_and_the_page_and_the_api_say_so()
    {
        var (account, session) = await Person("chief@example.com", role: "operator");
        var codes = Codes(await Make(session));
        var waiting = await Redeem("chief@example.com", codes[0]);
        (waiting.Status, waiting.Code).ShouldBe((409, "requirements_open"), waiting.Text);
        var id = waiting.Headers.GetValues("Sparekey-Recovery").ShouldHaveSingleItem();
        var page = await Form("/recover/redeem", ("identifier", "chief@example.com"), ("code", codes[0]));
        page.Status.ShouldBe(409);
        page.Text.ShouldContain("Your code is right, and others have to agree");
        page.Text.ShouldContain(id);
        page.Text.ShouldNotContain("spr_");

        var recovery = await _server.Get($"/v1/recoveries/{id}", _server.AdminToken);
        (recovery["state"], recovery["means"], recovery["account_id"]).ShouldBe(("pending", "saved_code", account));
        (await _server.Post($"/v1/recoveries/{id}/issue", null, _server.AdminToken)).Status.ShouldBeGreaterThanOrEqualTo(400);
        (await _server.Post($"/v1/recoveries/{id}/approvals", new { digest = recovery["digest"] }, _server.AdminToken))["state"].ShouldBe("ready");

        // Nobody but who holds the code gets what it opens.
        (await _server.Post($"/v1/recoveries/{id}/issue", null, _server.AdminToken)).Code.ShouldBe("separation_of_duties");
        (await Redeem("chief@example.com", codes[0][..^1] + (codes[0][^1] == 'Z' ? 'Y' : 'Z'))).Code.ShouldBe("secret_invalid");
        var choose = await Form("/recover/redeem", ("identifier", "chief@example.com"), ("code", codes[0]));
        choose.Status.ShouldBe(200, choose.Text);
        choose.Text.ShouldContain("<dt>Started by</dt><dd>you</dd>");
        var token = HiddenToken().Match(choose.Text).Groups["token"].Value;
        var done = await Form("/recover/password", ("redemption_token", token), ("password", Fresh), ("again", Fresh));
        done.Status.ShouldBe(200, done.Text);
        var fresh = NewCode().Match(done.Text).Groups["code"].Value;
        done.Text.ShouldContain("Your new recovery code");
        (await Redeem("chief@example.com", fresh)).Code.ShouldBe("requirements_open");
    }

    [Fact]
    public async Task No_operator_orders_what_only_the_person_holds()
    {
        await Person("order@example.com");
        var opened = await _server.Recover("order@example.com", "saved_code");
        (opened.Status, opened.Code).ShouldBe((400, "means_not_available"), opened.Text);
        var evaluated = await _server.Post("/v1/recoveries?evaluate=true", new { account = new { email = "order@example.com" }, means = "saved_code" }, _server.AdminToken);
        evaluated.Json!["allowed"]!.GetValue<bool>().ShouldBeFalse();
    }

    [Fact]
    public async Task Saying_this_was_not_me_ends_every_code_since_who_held_one_holds_the_list()
    {
        var (account, session) = await Person("stolen@example.com");
        var codes = Codes(await Make(session));
        var redemption = await Redeem("stolen@example.com", codes[0]);
        var notice = (await Told("stolen@", "It will be completed with a recovery code", 1))[0].Text;
        var token = NoticeToken().Match(notice).Groups["token"].Value;
        (await _server.Post("/v1/repudiations", new { token }))["state"].ShouldBe("cancelled");
        (await _server.Put("/v1/redemption/password", new { new_password = Fresh }, redemption["redemption_token"])).Code.ShouldBe("redemption_invalid");
        (await Redeem("stolen@example.com", codes[1])).Code.ShouldBe("secret_invalid");
        (await Status(session))["codes_left"]!.GetValue<int>().ShouldBe(0);
        (await Ledger(account, "credential_revoked", 1))[0]["facts"]!["kind"]!.ToString().ShouldBe("recovery_codes");
        (await _server.Post("/v1/repudiations", new { token })).Status.ShouldBe(200);

        // Codes that were made since stay.
        Codes(await Make(session)).Count.ShouldBe(12);
        (await _server.Post("/v1/repudiations", new { token })).Status.ShouldBe(200);
        (await Status(session))["codes_left"]!.GetValue<int>().ShouldBe(12);
    }

    [Fact]
    public async Task An_operator_who_may_revokes_them_and_what_they_opened_ends_too()
    {
        var (account, session) = await Person("revoked@example.com");
        var made = await Make(session);
        var redemption = (await Redeem("revoked@example.com", Codes(made)[0]))["redemption_token"];
        (await _server.Send("DELETE", $"/v1/accounts/{account}/credentials/{made["id"]}", null, _server.AdminToken)).Code.ShouldBe("policy_refuses");
        var recovery = await _server.Post(
            "/v1/recoveries", new { account = new { id = account }, means = "link", revoke = new[] { "recovery_codes" } }, _server.AdminToken);
        (await _server.Put("/v1/redemption/password", new { new_password = Fresh }, await _server.RedeemLink(recovery))).Status.ShouldBe(200);
        (await _server.Put("/v1/redemption/password", new { new_password = Password }, redemption)).Code.ShouldBe("redemption_invalid");
        (await Redeem("revoked@example.com", Codes(made)[1])).Code.ShouldBe("secret_invalid");
    }

    [Fact]
    public async Task T7_Looking_consumes_nothing_and_a_code_in_an_address_is_no_code()
    {
        var (_, session) = await Person("look@example.com");
        var code = Codes(await Make(session))[0];
        for (var i = 0; i < 10; i++)
        {
            (await _server.Get($"/recover/redeem?identifier=look@example.com&code={code}")).Status.ShouldBe(302);
            (await _server.Send("HEAD", $"/recover?code={code}", null)).Status.ShouldBeOneOf(200, 405);
            (await _server.Get($"/v1/redemptions?code={code}")).Status.ShouldBe(405);
        }

        (await Redeem("look@example.com", code)).Status.ShouldBe(201);
    }

    private Task<Answer> Redeem(string email, string code) => _server.Post("/v1/redemptions", new { code, account = new { email } });

    private Task<Answer> Make(string session) => _server.Send("POST", "/v1/sessions/current/recovery-codes", null, session);

    private static List<string> Codes(Answer made) => [.. made.Json!["codes"]!.AsArray().Select(c => c!.ToString())];

    private async Task<JsonNode> Status(string session)
    {
        var status = await _server.Get("/v1/sessions/current/recovery-codes", session);
        status.Status.ShouldBe(200, status.Text);
        return status.Json!;
    }

    // The mailbox is everybody's: what counts is what came for one person. The worker sleeps on the server's clock.
    private async Task<List<ReceivedMail>> Told(string who, string saying, int count)
    {
        for (var left = 300; left > 0; left--)
        {
            _server.Time.Advance(TimeSpan.FromSeconds(1));
            var mails = (await fixture.Smtp.Received()).Where(
                m => m.To.All(t => t.StartsWith(who, StringComparison.Ordinal)) && m.Text.Contains(saying, StringComparison.Ordinal)).ToList();
            if (mails.Count >= count)
            {
                mails.Count.ShouldBe(count, saying);
                return mails;
            }

            await Task.Delay(50);
        }

        throw new TimeoutException($"{count} mails did not arrive. {saying}");
    }

    private Task<Answer> Form(string path, params (string Name, string Value)[] fields)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new FormUrlEncodedContent(fields.Select(f => new KeyValuePair<string, string>(f.Name, f.Value))),
        };
        return _server.Send(request);
    }

    private async Task<(string Account, string Session)> Person(string email, string? other = null, string? role = null)
    {
        var hash = new Microsoft.AspNetCore.Identity.PasswordHasher<object>().HashPassword(new object(), Password);
        var body = new JsonObject { ["emails"] = new JsonArray([.. new[] { email, other }.OfType<string>().Select(e => (JsonNode)e)]), ["password_hash"] = hash };
        if (role is not null)
        {
            body["role"] = role;
        }

        var made = await _server.Post("/v1/accounts", body.ToJsonString(), _server.AdminToken);
        made.Status.ShouldBe(201, made.Text);
        return (made["id"], await SignedIn(email, Password));
    }

    private async Task<string> SignedIn(string email, string password)
    {
        var opened = await _server.Post("/v1/sessions", new { identifier = email, password });
        opened.Status.ShouldBe(201, opened.Text);
        return opened["session_token"];
    }

    // Entries get their place a moment after the act.
    private async Task<List<JsonNode>> Ledger(string account, string happened, int count)
    {
        for (var left = 100; left > 0; left--)
        {
            _server.Time.Advance(TimeSpan.Zero);
            var entries = (await _server.Get($"/v1/ledger?account={account}&limit=200", _server.AdminToken)).Json!["entries"]!.AsArray()
                .Select(e => e!["entry"]!).Where(e => e["event"]!.ToString() == happened).ToList();
            if (entries.Count >= count)
            {
                return entries;
            }

            await Task.Delay(50);
        }

        throw new TimeoutException($"{count} times {happened} did not come.");
    }

    [GeneratedRegex("^([0-9A-HJKMNP-TV-Z]{4}-){4}[0-9A-HJKMNP-TV-Z]{4}$", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex Shown();

    [GeneratedRegex("name=\"redemption_token\" value=\"(?<token>[^\"]+)\"", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex HiddenToken();

    [GeneratedRegex("id=\"new-code\"[^>]*>(?<code>[^<]+)<", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex NewCode();

    [GeneratedRegex("/recover/not-me#(?<token>spn_[A-Za-z0-9_-]+)", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex NoticeToken();
}
