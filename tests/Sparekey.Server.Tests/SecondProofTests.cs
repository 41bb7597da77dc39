using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Sparekey.Engine.Delivery;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>One server with a mailbox, where one group takes a second proof and another halves; every test has people of its own.</summary>
public sealed class SecondProofFixture : IAsyncLifetime
{
    private int _people;

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
        var policy = (await Server.Get("/v1/policy", Server.AdminToken)).Json!.DeepClone().AsObject();
        policy["rules"] = new JsonArray(
            JsonNode.Parse("""{"name":"second","when":{"groups":["second"]},"require":{"second_proof":"always"}}"""),
            JsonNode.Parse("""{"name":"halves","when":{"groups":["halves"]},"require":{"split":true}}"""));
        var set = await Server.Put("/v1/policy", policy.ToJsonString(), Server.AdminToken);
        set.Status.ShouldBe(200, set.Text);
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await Smtp.DisposeAsync();
    }

    /// <summary>Somebody of a group, with a password of their own.</summary>
    internal async Task<(string Email, string Session)> Person(string group)
    {
        var email = $"{group}{Interlocked.Increment(ref _people)}@example.com";
        var id = await Server.Account(email);
        var redemption = await Server.RedeemLink(await Server.Recover(email, "link"));
        (await Server.Put("/v1/redemption/password", new { new_password = SecondProofTests.Password }, redemption)).Status.ShouldBe(200);
        (await Server.Send("PATCH", $"/v1/accounts/{id}", new { groups = new[] { group } }, Server.AdminToken)).Status.ShouldBe(200);
        var session = await Server.Post("/v1/sessions", new { identifier = email, password = SecondProofTests.Password });
        Server.Time.Advance(TimeSpan.FromSeconds(1));
        return (email, session["session_token"]);
    }
}

/// <summary>A second, different proof and a secret in two halves, over HTTP and on the pages.</summary>
public sealed class SecondProofTests(SecondProofFixture fixture) : IClassFixture<SecondProofFixture>
{
    internal const string Password = "a password that the person chose";
    private const string Fresh = "a password that was never used";

    private readonly RunningServer _server = fixture.Server;

    [Fact]
    public async Task N12_A_programme_sends_the_proof_beside_the_secret_and_the_recovery_shows_the_level_it_reached()
    {
        var (email, session) = await fixture.Person("second");
        var codes = (await _server.Send("POST", "/v1/sessions/current/recovery-codes", null, session)).Json!["codes"]!.AsArray().Select(c => c!.ToString()).ToList();
        _server.Time.Advance(TimeSpan.FromSeconds(1));
        var opened = await _server.Recover(email, "token");
        (opened["state"], opened["assurance"], opened.Json!["secret"]).ShouldBe(("pending", "aal1", null));
        var proofs = $"/v1/recoveries/{opened["id"]}/proofs";

        foreach (var wrong in new object[] { new { saved_code = "AAAA-AAAA-AAAA-AAAA-AAAA" }, new { password = "another password of theirs" } })
        {
            (await _server.Post(proofs, wrong)).Code.ShouldBe("secret_invalid");
        }

        foreach (var malformed in new object[] { new { }, new { saved_code = codes[0], password = Password }, new { passkey = new { id = "x" } }, new { saved_code = 1 } })
        {
            (await _server.Post(proofs, malformed)).Status.ShouldBe(400);
        }

        (await _server.Post("/v1/recoveries/8e03978e-40d5-43e8-bc93-6894a57f9324/proofs", new { saved_code = codes[0] })).Code.ShouldBe("secret_invalid");
        (await _server.Post("/v1/recoveries/none/proofs", new { saved_code = codes[0] })).Code.ShouldBe("secret_invalid");
        (await _server.Send("POST", $"/v1/sessions/current/recoveries/{opened["id"]}/proofs", null, _server.AdminToken)).Code.ShouldBe("session_invalid");

        var proved = await _server.Post(proofs, new { saved_code = codes[0] });
        proved.Status.ShouldBe(200, proved.Text);
        (proved["state"], proved["assurance"], proved.Json!["open"]!.AsArray().Count).ShouldBe(("ready", "aal2", 0));
        proved.Json.AsObject().Select(m => m.Key).ShouldBe(["recovery_id", "state", "assurance", "open"]);
        var issued = await _server.Send("POST", $"/v1/recoveries/{opened["id"]}/issue", null, _server.AdminToken);
        var redeemed = await _server.Post("/v1/redemptions", new { token = issued.Json!["secret"]!["token"]!.ToString() });
        var done = await _server.Put("/v1/redemption/password", new { new_password = Fresh }, redeemed["redemption_token"]);
        done["recovery_code"].ShouldNotBeEmpty();
        (await _server.Get($"/v1/recoveries/{opened["id"]}", _server.AdminToken))["assurance"].ShouldBe("aal2");
    }

    [Fact]
    public async Task A_passkey_and_a_fresh_session_prove_it_too()
    {
        var (email, session) = await fixture.Person("second");
        using var authenticator = new SoftwareAuthenticator("localhost");
        var options = await _server.Send("POST", "/v1/sessions/current/passkeys/options", null, session);
        options.Status.ShouldBe(200, options.Text);
        var added = await _server.Post("/v1/sessions/current/passkeys", new { credential = fixture.Page.Made(authenticator, options.Json!) }, session);
        added.Status.ShouldBe(201, added.Text);
        var user = options.Json!["public_key"]!["user"]!["id"]!.ToString();
        _server.Time.Advance(TimeSpan.FromSeconds(1));

        var one = await _server.Recover(email, "link");
        var asked = await _server.Send("POST", $"/v1/recoveries/{one["id"]}/proofs/options", null);
        asked.Json!["public_key"]!["allowCredentials"]!.AsArray().ShouldBeEmpty();
        var proof = fixture.Page.Proved(authenticator, asked.Json!, user);
        var two = await _server.Recover(email, "link");
        (await _server.Post($"/v1/recoveries/{two["id"]}/proofs", new { passkey = proof })).Code.ShouldBe("secret_invalid");
        (await _server.Post($"/v1/recoveries/{one["id"]}/proofs", new { passkey = proof }))["assurance"].ShouldBe("aal2");
        var bySession = await _server.Send("POST", $"/v1/sessions/current/recoveries/{two["id"]}/proofs", null, session);
        (bySession.Status, bySession["state"]).ShouldBe((200, "ready"), bySession.Text);

        // Nobody learns from options whether a recovery is there.
        (await _server.Send("POST", "/v1/recoveries/8e03978e-40d5-43e8-bc93-6894a57f9324/proofs/options", null)).Json!["public_key"]!.AsObject().Select(m => m.Key)
            .ShouldBe(asked.Json["public_key"]!.AsObject().Select(m => m.Key));
    }

    [Fact]
    public async Task On_the_page_a_mailed_link_asks_for_the_proof_and_goes_on_with_it()
    {
        var (email, _) = await fixture.Person("second");
        (await Form("/recover/ask", ("identifier", email))).Status.ShouldBe(200);
        var link = await MailTo(email, @"#(?<it>spl_[A-Za-z0-9_.-]+)");
        var asks = await Form("/recover/redeem", ("link_secret", link));
        asks.Status.ShouldBe(200);
        asks.Text.ShouldContain("Show in a second way that it is you");
        var number = Regex.Match(asks.Text, "name=\"number\" value=\"(?<it>[0-9a-f-]{36})\"", RegexOptions.NonBacktracking).Groups["it"].Value;
        asks.Text.ShouldContain($"name=\"link_secret\" value=\"{link}\"");

        var wrong = await Form("/recover/prove", ("number", number), ("link_secret", link), ("password", "no password of theirs"));
        (wrong.Status, wrong.Text.Contains("did not show that it is you", StringComparison.Ordinal)).ShouldBe((401, true));
        (await Form("/recover/prove", ("number", number), ("link_secret", link))).Status.ShouldBe(400);
        (await Form("/recover/prove", ("number", "7"), ("password", Password))).Status.ShouldBe(401);
        (await Form("/recover/prove", ("number", number), ("credential", "{"))).Status.ShouldBe(400);
        var choose = await Form("/recover/prove", ("number", number), ("link_secret", link), ("password", Password));
        choose.Status.ShouldBe(200, choose.Text);
        choose.Text.ShouldContain("name=\"redemption_token\"");

        // Who comes with a number alone is told no more than that it was right.
        var (other, _) = await fixture.Person("second");
        var opened = await _server.Recover(other, "link");
        (await _server.Get("/recover/prove")).Text.ShouldContain("Number of the recovery");
        var proved = await Form("/recover/prove", ("number", opened["id"]), ("password", Password));
        (proved.Status, proved.Text.Contains("Thank you", StringComparison.Ordinal)).ShouldBe((200, true));
        proved.Text.ShouldNotContain(other);
    }

    [Fact]
    public async Task Two_halves_open_on_the_page_and_on_the_api_what_neither_opens_alone()
    {
        var (email, _) = await fixture.Person("halves");
        var opened = await _server.Recover(email, "link");
        opened.Json!["secret"]!["second_half_to"]!.ToString().ShouldContain("•••");
        var link = opened.Json["secret"]!["link"]!.ToString().Split('#')[1];
        var half = await MailTo(email, @"^\s+(?<it>[0-9A-Z]{5}-[0-9A-Z]{5})\s*$");
        opened.Text.ShouldNotContain(half);

        (await _server.Post("/v1/redemptions", new { link_secret = link })).Code.ShouldBe("second_half_required");
        (await _server.Post("/v1/redemptions", new { link_secret = link, half = "AAAAA-AAAAA" })).Code.ShouldBe("secret_invalid");
        (await _server.Post("/v1/redemptions", new { code = half, account = new { email } })).Code.ShouldBe("secret_invalid");
        (await _server.Post("/v1/redemptions", new { link_secret = link, half })).Status.ShouldBe(201);

        var asks = await Form("/recover/redeem", ("link_secret", link));
        asks.Text.ShouldContain("There is a second part");
        asks.Text.ShouldContain($"name=\"link_secret\" value=\"{link}\"");
        (await Form("/recover/redeem", ("link_secret", link), ("half", "AAAAA-AAAAB"))).Status.ShouldBe(401);
        (await Form("/recover/redeem", ("link_secret", link), ("half", $" {half.ToLowerInvariant()} "))).Text.ShouldContain("name=\"redemption_token\"");

        var code = (await _server.Recover(email, "code")).Json!["secret"]!["code"]!.ToString();
        var other = await MailTo(email, @"^\s+(?<it>[0-9A-Z]{5}-[0-9A-Z]{5})\s*$", 2);
        (await Form("/recover/redeem", ("identifier", email), ("code", code))).Status.ShouldBe(401);
        (await Form("/recover/redeem", ("identifier", email), ("code", code), ("half", other))).Text.ShouldContain("name=\"redemption_token\"");
    }

    private Task<Answer> Form(string path, params (string Name, string Value)[] fields) => _server.Send(
        new HttpRequestMessage(HttpMethod.Post, path) { Content = new FormUrlEncodedContent(fields.Select(f => KeyValuePair.Create(f.Name, f.Value))) });

    private async Task<string> MailTo(string email, string expression, int count = 1)
    {
        for (var left = 200; left > 0; left--)
        {
            _server.Time.Advance(TimeSpan.FromSeconds(1));
            var found = (await fixture.Smtp.Received()).Where(m => m.To.Contains(email))
                .Select(m => Regex.Match(m.Text, expression, RegexOptions.NonBacktracking | RegexOptions.Multiline)).Where(m => m.Success).ToList();
            if (found.Count >= count)
            {
                return found[^1].Groups["it"].Value;
            }

            await Task.Delay(50);
        }

        throw new TimeoutException($"{email}: {expression}");
    }
}
