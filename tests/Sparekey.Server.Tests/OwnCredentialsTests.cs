using System.Buffers.Text;
using System.Text.Json.Nodes;
using Sparekey.Engine.Delivery;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>What a signed-in person does with their own credentials: add a passkey, list, rename, remove.</summary>
public sealed class OwnCredentialsTests : IAsyncLifetime
{
    private const string Password = "an initial password of a person";
    private const string RpId = "localhost";

    private readonly SoftwareAuthenticator _authenticator = new(RpId);
    private SmtpServer _smtp = null!;
    private RunningServer _server = null!;
    private PageOfBrowser _page = null!;

    public async ValueTask InitializeAsync()
    {
        _smtp = await SmtpServer.Start();
        _server = await RunningServer.Start(mail: new MailOptions("127.0.0.1", new("recovery@example.com")) { Port = _smtp.Port, Tls = MailTls.None });
        _page = new PageOfBrowser($"http://localhost:{_server.Origin.Port}");
        var application = (await _server.Get("/v1/applications", _server.AdminToken)).Json!["applications"]![0]!["id"]!.ToString();
        (await _server.Send("PATCH", $"/v1/applications/{application}", new { origins = new[] { _page.Origin }, rp_id = RpId }, _server.AdminToken))
            .Status.ShouldBe(200);
    }

    public async ValueTask DisposeAsync()
    {
        _authenticator.Dispose();
        await _server.DisposeAsync();
        await _smtp.DisposeAsync();
    }

    [Fact]
    public async Task N17_A_forgotten_password_is_replaced_beside_a_passkey_and_that_is_no_recovery()
    {
        const string fresh = "a password that was never used";
        var account = await Account("forgot@example.com");
        var byPassword = await SignedIn("forgot@example.com");
        var handle = (await Add(byPassword, _authenticator, "key")).Json!["signal"]!["userId"]!.ToString();
        (await _server.Put("/v1/sessions/current/password", new { new_password = fresh }, byPassword)).Code.ShouldBe("fresh_sign_in_required");

        var opened = await _server.Post(
            "/v1/sessions/passkey",
            new { credential = _page.Proved(_authenticator, (await _server.Send("POST", "/v1/sessions/passkey/options", null)).Json!, handle) });
        opened["assurance_level"].ShouldBe("aal2");
        var byPasskey = opened["session_token"];
        var changed = await _server.Put("/v1/sessions/current/password", new { new_password = fresh }, byPasskey);
        changed.Status.ShouldBe(200, changed.Text);
        (changed["account_id"], changed["assurance_level"]).ShouldBe((account, "aal1"));

        (await _server.Get("/v1/sessions/current", byPasskey)).Code.ShouldBe("session_invalid");
        (await _server.Post("/v1/sessions", new { identifier = "forgot@example.com", password = Password })).Code.ShouldBe("sign_in_failed");
        (await _server.Post("/v1/sessions", new { identifier = "forgot@example.com", password = fresh })).Status.ShouldBe(201);
        (await _server.Get($"/v1/recoveries?account={account}", _server.AdminToken)).Json!["recoveries"]!.AsArray().ShouldBeEmpty();

        // What was just replaced opened no way to do it again without the passkey, nor does a passkey of a while ago.
        (await _server.Put("/v1/sessions/current/password", new { new_password = Password }, changed["session_token"])).Code.ShouldBe("fresh_sign_in_required");
    }

    [Fact]
    public async Task N16_A_passkey_that_a_person_adds_is_told_to_every_address_apart_from_the_ceremony()
    {
        var account = await Account("two@example.com", "other@example.org");
        var session = await SignedIn("two@example.com");
        var added = await Add(session, _authenticator, "blue key");
        added.Status.ShouldBe(201, added.Text);
        (added.Json!["credential"]!["name"]!.ToString(), added.Json["credential"]!["kind"]!.ToString()).ShouldBe(("blue key", "passkey"));
        added.Text.ShouldNotContain("public_key");

        var mails = await _server.Mails(_smtp, 2);
        mails.Select(m => m.To.ShouldHaveSingleItem()).Order(StringComparer.Ordinal).ShouldBe(["other@example.org", "two@example.com"]);
        mails.ShouldAllBe(m => m.Text.Contains("was added: passkey", StringComparison.Ordinal));

        var entry = (await Ledger(account, "credential_added", 1)).Single();
        (entry["facts"]!["kind"]!.ToString(), entry["facts"]!["attestation"]!.ToString(), entry["actor"]!["id"]!.ToString())
            .ShouldBe(("passkey", "none", account));
        entry["facts"]!.ToJsonString().ShouldNotContain("blue key");
        entry["texts"]!["source"].ShouldNotBeNull();

        var signedIn = await _server.Post(
            "/v1/sessions/passkey",
            new { credential = _page.Proved(_authenticator, (await _server.Send("POST", "/v1/sessions/passkey/options", null)).Json!, added.Json["signal"]!["userId"]!.ToString()) });
        (signedIn.Status, signedIn["account_id"]).ShouldBe((201, account));
    }

    [Fact]
    public async Task N16_A_passkey_that_ends_a_recovery_is_told_to_every_address_too()
    {
        await Account("two@example.com", "other@example.org");
        var redemption = await _server.RedeemLink(await _server.Recover("two@example.com", "link"));
        var options = await _server.Send("POST", "/v1/redemption/passkey/options", null, redemption);
        (await _server.Post("/v1/redemption/passkey", new { credential = _page.Made(_authenticator, options.Json!) }, redemption)).Status.ShouldBe(200);
        var told = await _server.Mails(_smtp, 2, saying: "a new credential was set");
        told.Select(m => m.To.ShouldHaveSingleItem()).Order(StringComparer.Ordinal).ShouldBe(["other@example.org", "two@example.com"]);
    }

    [Fact]
    public async Task Adding_and_removing_takes_a_sign_in_of_the_last_fifteen_minutes()
    {
        await Account("stale@example.com");
        var session = await SignedIn("stale@example.com");
        var credential = await OnlyId(session);
        _server.Time.Advance(TimeSpan.FromMinutes(15) - TimeSpan.FromMilliseconds(1));
        var options = await Options(session);
        options.Status.ShouldBe(200, options.Text);
        _server.Time.Advance(TimeSpan.FromMilliseconds(1));
        foreach (var refused in new[]
        {
            await Options(session),
            await _server.Post("/v1/sessions/current/passkeys", new { credential = _page.Made(_authenticator, options.Json!) }, session),
            await _server.Send("DELETE", $"/v1/sessions/current/credentials/{credential}", null, session),
        })
        {
            (refused.Status, refused.Code).ShouldBe((403, "fresh_sign_in_required"));
        }

        (await Items(session)).Count.ShouldBe(1);
        (await Add(await SignedIn("stale@example.com"), _authenticator)).Status.ShouldBe(201);
    }

    [Fact]
    public async Task A_ceremony_is_for_its_own_session_and_time_and_a_failed_one_burns_nothing()
    {
        await Account("mine@example.com");
        var (session, another) = (await SignedIn("mine@example.com"), await SignedIn("mine@example.com"));
        var options = await Options(session);
        var good = _page.Made(_authenticator, options.Json!);
        (await Post(another, good)).Code.ShouldBe("passkey_refused");
        (await Post(session, PageOfBrowser.Changed(good, "attestationObject", "AAAA"))).Code.ShouldBe("passkey_refused");
        (await Post(session, new PageOfBrowser("https://evil.example").Made(_authenticator, options.Json!))).Code.ShouldBe("passkey_refused");
        (await Post(session, new JsonObject { ["type"] = "password" })).Code.ShouldBe("invalid_request");
        (await Post("x", good)).Code.ShouldBe("session_invalid");

        var redemption = await _server.RedeemLink(await _server.Recover("mine@example.com", "link"));
        var ofRedemption = await _server.Send("POST", "/v1/redemption/passkey/options", null, redemption);
        (await Post(session, _page.Made(_authenticator, ofRedemption.Json!))).Code.ShouldBe("passkey_refused");
        (await _server.Post("/v1/redemption/passkey", new { credential = good }, redemption)).Code.ShouldBe("passkey_refused");

        _server.Time.Advance(TimeSpan.FromMinutes(5));
        (await Post(session, good)).Code.ShouldBe("passkey_refused");
        options = await Options(session);
        (await Post(session, _page.Made(_authenticator, options.Json!))).Status.ShouldBe(201);
        (await Post(session, _page.Made(_authenticator, options.Json!))).Code.ShouldBe("passkey_refused");

        // It is somebody's now, and browsers are told so.
        options = await Options(session);
        options.Json!["public_key"]!["excludeCredentials"]!.AsArray().Single()!["id"]!.ToString().ShouldBe(Base64Url.EncodeToString(_authenticator.CredentialId));
        (await Post(session, _page.Made(_authenticator, options.Json!))).Code.ShouldBe("passkey_refused");
        (await Items(session)).Count.ShouldBe(2);
    }

    [Fact]
    public async Task A_credential_can_be_called_something_else()
    {
        var account = await Account("name@example.com");
        await Account("eve@example.com");
        var session = await SignedIn("name@example.com");
        var id = (await Add(session, _authenticator, "first")).Json!["credential"]!["id"]!.ToString();
        var path = $"/v1/sessions/current/credentials/{id}";
        (await _server.Send("PATCH", path, new { name = "Schlüssel am Bund" }, session))["name"].ShouldBe("Schlüssel am Bund");
        foreach (var wrong in new object[] { new { name = "" }, new { name = " \u00A0" }, new { name = new string('x', 65) }, new { }, new { name = (string?)null } })
        {
            (await _server.Send("PATCH", path, wrong, session)).Code.ShouldBe("invalid_request");
        }

        (await _server.Send("PATCH", path, new { name = "mine now" }, await SignedIn("eve@example.com"))).Code.ShouldBe("credential_not_found");
        var operators = $"/v1/accounts/{account}/credentials/{id}";
        (await _server.Send("PATCH", operators, new { name = "key 7" }, await _server.Token("reader", ["account:read"]))).Code.ShouldBe("permission_missing");
        (await _server.Send("PATCH", operators, new { name = "key 7" }, _server.AdminToken))["name"].ShouldBe("key 7");
        (await _server.Send("PATCH", $"/v1/accounts/{account}/credentials/{account}", new { name = "key 7" }, _server.AdminToken)).Code.ShouldBe("credential_not_found");
        (await Items(session)).Select(c => c["name"]?.ToString()).ShouldBe([null, "key 7"], ignoreOrder: true);

        var renamed = await Ledger(account, "credential_renamed", 2);
        renamed.Select(e => e["actor"]!["id"]!.ToString() == account).ShouldBe([true, false], ignoreOrder: true);
        renamed.ShouldAllBe(e => e["facts"]!["credential"]!.ToString() == id && !e["facts"]!.ToJsonString().Contains("key 7"));
    }

    [Fact]
    public async Task A15_A_person_removes_their_own_but_never_the_last_way_to_sign_in()
    {
        var account = await Account("gone@example.com");
        await Account("eve@example.com");
        var session = await SignedIn("gone@example.com");
        var password = await OnlyId(session);
        (await Remove(session, password)).Code.ShouldBe("last_credential");

        using var second = new SoftwareAuthenticator(RpId);
        var first = (await Add(session, _authenticator)).Json!;
        var (handle, key) = (first["signal"]!["userId"]!.ToString(), first["credential"]!["id"]!.ToString());
        (await Remove(await SignedIn("eve@example.com"), key)).Code.ShouldBe("credential_not_found");
        var byKey = await ByPasskey(_authenticator, handle);

        // Whoever is signed in with what they remove is signed out with it.
        (await Remove(byKey, password)).Status.ShouldBe(204);
        (await _server.Get("/v1/sessions/current", session)).Code.ShouldBe("session_invalid");
        (await _server.Post("/v1/sessions", new { identifier = "gone@example.com", password = Password })).Code.ShouldBe("sign_in_failed");
        (await Remove(byKey, key)).Code.ShouldBe("last_credential");

        var last = (await Add(byKey, second)).Json!;
        last["signal"]!["allAcceptedCredentialIds"]!.AsArray().Count.ShouldBe(2);
        (await Remove(byKey, key)).Status.ShouldBe(204);
        (await _server.Get("/v1/sessions/current", byKey)).Code.ShouldBe("session_invalid");
        var bySecond = await ByPasskey(second, handle);
        (await Remove(bySecond, key)).Code.ShouldBe("credential_not_found");
        (await Items(bySecond)).Single()["id"]!.ToString().ShouldBe(last["credential"]!["id"]!.ToString());

        (await Ledger(account, "credential_revoked", 2))
            .Select(e => e["facts"]!["credential"]!.ToString()).ShouldBe([password, key], ignoreOrder: true);
        (await _server.Mails(_smtp, 4)).Count(m => m.Text.Contains("was removed", StringComparison.Ordinal)).ShouldBe(2);
    }

    [Fact]
    public async Task Of_two_who_remove_the_last_two_at_once_one_is_refused()
    {
        for (var round = 0; round < 10; round++)
        {
            var name = $"race{round}@example.com";
            await Account(name);
            var session = await SignedIn(name);
            using var authenticator = new SoftwareAuthenticator(RpId);
            var key = (await Add(session, authenticator)).Json!;
            var password = (await Items(session)).Single(c => c["kind"]!.ToString() == "password")["id"]!.ToString();
            var byKey = await ByPasskey(authenticator, key["signal"]!["userId"]!.ToString());
            var both = await Task.WhenAll(Remove(session, key["credential"]!["id"]!.ToString()), Remove(byKey, password));
            both.Count(a => a.Status == 204).ShouldBe(1);
            both.Count(a => a.Code is "last_credential" or "session_invalid").ShouldBe(1, string.Join(" ", both.Select(a => a.Text)));
        }
    }

    [Fact]
    public async Task Without_a_relying_party_no_passkey_can_be_added()
    {
        await using var server = await RunningServer.Start();
        await Account("none@example.com", server: server);
        var session = (await server.Post("/v1/sessions", new { identifier = "none@example.com", password = Password }))["session_token"];
        (await server.Send("POST", "/v1/sessions/current/passkeys/options", null, session)).Code.ShouldBe("means_not_available");
    }

    // With a password of the person's own: a provisional one opens no session that could add anything.
    private async Task<string> Account(string email, string? other = null, RunningServer? server = null)
    {
        server ??= _server;
        var hash = new Microsoft.AspNetCore.Identity.PasswordHasher<object>().HashPassword(new object(), Password);
        var made = await server.Post(
            "/v1/accounts", new { emails = other is null ? new[] { email } : [email, other], password_hash = hash }, server.AdminToken);
        made.Status.ShouldBe(201, made.Text);
        return made["id"];
    }

    private async Task<string> SignedIn(string email)
    {
        var opened = await _server.Post("/v1/sessions", new { identifier = email, password = Password });
        opened.Status.ShouldBe(201, opened.Text);
        return opened["session_token"];
    }

    private async Task<string> ByPasskey(SoftwareAuthenticator authenticator, string handle) => (await _server.Post(
        "/v1/sessions/passkey",
        new { credential = _page.Proved(authenticator, (await _server.Send("POST", "/v1/sessions/passkey/options", null)).Json!, handle) }))["session_token"];

    private Task<Answer> Options(string session) => _server.Send("POST", "/v1/sessions/current/passkeys/options", null, session);

    private Task<Answer> Post(string session, JsonObject credential, string? name = null) => _server.Post(
        "/v1/sessions/current/passkeys", name is null ? new { credential } : new { credential, name }, session);

    private async Task<Answer> Add(string session, SoftwareAuthenticator authenticator, string? name = null) =>
        await Post(session, _page.Made(authenticator, (await Options(session)).Json!), name);

    private Task<Answer> Remove(string session, string credential) =>
        _server.Send("DELETE", $"/v1/sessions/current/credentials/{credential}", null, session);

    private async Task<List<JsonNode>> Items(string session) =>
        [.. (await _server.Get("/v1/sessions/current/credentials", session)).Json!["items"]!.AsArray().Select(i => i!)];

    private async Task<string> OnlyId(string session) => (await Items(session)).Single()["id"]!.ToString();

    // Entries get their place a moment after the act.
    private async Task<List<JsonNode>> Ledger(string account, string happened, int count)
    {
        for (var left = 100; left > 0; left--)
        {
            _server.Time.Advance(TimeSpan.Zero);
            var entries = (await _server.Get($"/v1/ledger?account={account}", _server.AdminToken)).Json!["entries"]!.AsArray()
                .Select(e => e!["entry"]!).Where(e => e["event"]!.ToString() == happened).ToList();
            if (entries.Count >= count)
            {
                return entries;
            }

            await Task.Delay(50);
        }

        throw new TimeoutException($"{count} times {happened} did not come.");
    }
}
