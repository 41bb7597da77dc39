using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine;
using Sparekey.Server.Pages;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>The pages on which operators decide, and on which people see their own recoveries, as forms and cookies.</summary>
public sealed partial class OperatePageTests : IAsyncLifetime
{
    private RunningServer _server = null!;
    private Approver _approver = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.Start();
        await Approver.AllowPasskeys(_server);
        _approver = await Approver.Make(_server, "approver@example.com", "recovery:approve", "recovery:read");
        var policy = await _server.Get("/v1/policy", _server.AdminToken);
        (await _server.Put(
            "/v1/policy",
            new
            {
                version = (int)policy.Json!["version"]!, roles = policy.Json!["roles"],
                rules = new[] { new { name = "four_eyes", when = (object?)null, require = new { approvals = 1 } } },
            },
            _server.AdminToken)).Status.ShouldBe(200);
    }

    public async ValueTask DisposeAsync()
    {
        _approver.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task An_operator_signs_in_with_a_passkey_reads_everything_and_approves_with_it()
    {
        var recovery = await Waiting("target@example.com");
        var page = $"/operate/recoveries/{recovery["id"]}";
        var stranger = await Get(page);
        (stranger.Status, stranger.Text.Contains("Sign in to decide", StringComparison.Ordinal)).ShouldBe((200, true));
        stranger.Text.ShouldNotContain("target@example.com");
        stranger.Text.ShouldContain($"name=\"next\" value=\"{recovery["id"]}\"");

        var cookie = await SignIn(recovery["id"]);
        (await Get("/operate", cookie)).Text.ShouldContain("target@example.com");
        var shown = await Get(page, cookie);
        foreach (var text in new[]
        {
            "target@example.com", "Lost &lt;b&gt;it&lt;/b&gt;.", "HD-7", "score 80, new_device", "bootstrap (programme)", recovery["id"], "The person is signed out everywhere.",
            "Approval", "not yet", "Opened", "127.0.0.1",
        })
        {
            shown.Text.ShouldContain(text);
        }

        var digest = Digest().Match(shown.Text).Groups["digest"].Value;
        digest.ShouldBe(recovery["decision_digest"]);

        // Without a signature nothing is decided, whoever holds the cookie.
        var unsigned = await Form($"{page}/approve", cookie, ("digest", digest));
        (unsigned.Status, unsigned.Text.Contains("Your passkey has to sign it.", StringComparison.Ordinal)).ShouldBe((403, true));
        (await Form($"{page}/approve/options", null, ("digest", digest))).Code.ShouldBe("unauthenticated");

        var options = await Form($"{page}/approve/options", cookie, ("digest", digest), ("comment", "I called.\r\nTwice."));
        options.Status.ShouldBe(200, options.Text);
        var proved = _approver.Proves(options).ToJsonString();
        (await Form($"{page}/deny", cookie, ("digest", digest), ("comment", "I called.\r\nTwice."), ("credential", proved))).Status.ShouldBe(422);
        (await Form($"{page}/approve", cookie, ("digest", digest), ("comment", "I called."), ("credential", proved))).Status.ShouldBe(422);
        (await State(recovery)).ShouldBe("pending");
        var approved = await Form($"{page}/approve", cookie, ("digest", digest), ("comment", "I called.\r\nTwice."), ("credential", proved));
        (approved.Status, approved.Headers.Location?.ToString()).ShouldBe((303, $"{page}?done=approve"));
        (await State(recovery)).ShouldBe("ready");

        var after = await Get($"{page}?done=approve", cookie);
        after.Text.ShouldContain("You approved it.");
        after.Text.ShouldContain("<blockquote>I called.&#xA;Twice.</blockquote>");
        after.Text.ShouldContain("approver@example.com");
        after.Text.ShouldContain("signed with a passkey");
        (await Form($"{page}/approve", cookie, ("digest", digest), ("comment", "I called.\r\nTwice."), ("credential", proved))).Status.ShouldBe(422);
        (await Get("/operate", cookie)).Text.ShouldContain("Nothing waits");
    }

    [Fact]
    public async Task The_key_that_an_answer_goes_to_can_be_compared_aloud()
    {
        var ready = await (await EscrowSeed.Plant(_server.Services, _server.Origin.GetLeftPart(UriPartial.Authority))).Ask();
        var fingerprint = (await PassboltVectors.Key(EscrowSeed.DeviceKey)).Fingerprint;
        var shown = await Get($"/operate/recoveries/{ready.Recovery}", Cookie(_approver.Session));
        shown.Text.ShouldContain(string.Join(' ', fingerprint.Chunk(4).Select(c => new string(c))));
    }

    [Fact]
    public async Task T16_A_requester_sees_their_denied_recovery_wait_and_no_word_of_it()
    {
        using var requester = await Approver.Make(_server, "requester@example.com", "recovery:request", "recovery:read", "recovery:approve");
        await _server.Account("victim@example.com");
        var recovery = await _server.Recover("victim@example.com", "link", requester.Session);
        var page = $"/operate/recoveries/{recovery["id"]}";
        var own = Cookie(requester.Session);
        var before = await Get(page, own);
        before.Text.ShouldContain("Somebody else has to decide on this one");
        before.Text.ShouldNotContain("name=\"comment\"");

        var cookie = Cookie(_approver.Session);
        var digest = recovery["decision_digest"];
        var options = await Form($"{page}/deny/options", cookie, ("digest", digest), ("comment", "An attack."));
        (await Form($"{page}/deny", cookie, ("digest", digest), ("comment", "An attack."), ("credential", _approver.Proves(options).ToJsonString()))).Status.ShouldBe(303);

        (await Get(page, own)).Text.ShouldBe(before.Text);
        (await Get("/operate", own)).Text.ShouldContain("victim@example.com");
        var shown = await Get(page, cookie);
        shown.Text.ShouldContain("An attack.");
        shown.Text.ShouldContain("<dd>Denied</dd>");
        (await Get("/operate", cookie)).Text.ShouldNotContain("victim@example.com");
    }

    [Fact]
    public async Task A_form_of_another_page_decides_and_signs_nothing()
    {
        var recovery = await Waiting("csrf@example.com");
        var page = $"/operate/recoveries/{recovery["id"]}";
        var cookie = Cookie(_approver.Session);
        var digest = recovery["decision_digest"];
        var options = await Form($"{page}/approve/options", cookie, ("digest", digest));
        var proved = _approver.Proves(options).ToJsonString();
        foreach (var (header, value) in new[]
        {
            ("Origin", "https://evil.example"), ("Origin", "null"), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Site", "same-site"),
        })
        {
            foreach (var path in new[] { $"{page}/approve", $"{page}/deny", $"{page}/approve/options", $"{page}/deny/options" })
            {
                using var request = Request(HttpMethod.Post, path, cookie, ("digest", digest), ("credential", proved));
                request.Headers.Add(header, value);
                (await _server.Send(request)).Status.ShouldBe(403, $"{path} {header}");
            }
        }

        (await State(recovery)).ShouldBe("pending");
        (await Form($"{page}/approve", cookie, ("digest", digest), ("credential", proved))).Status.ShouldBe(303);
    }

    [Fact]
    public async Task A20_Only_operators_with_a_passkey_see_anything_and_only_what_they_may()
    {
        var recovery = await Waiting("seen@example.com");
        var page = $"/operate/recoveries/{recovery["id"]}";
        var person = await _server.Account("person@example.com", password: "an initial password of a person");
        var byPassword = await TestSessions.SignIn(_server.Services, Ids.Parse<AccountId>(_approver.Account), "pwd");
        var nobody = await TestSessions.SignIn(_server.Services, Ids.Parse<AccountId>(person), AssuranceLevels.Possession, AssuranceLevels.UserVerified);
        using var reader = await Approver.Make(_server, "reader@example.com", "recovery:read");
        using var blind = await Approver.Make(_server, "blind@example.com", "recovery:approve");
        foreach (var session in new[] { byPassword, nobody, blind.Session })
        {
            foreach (var path in new[] { "/operate", page })
            {
                var refused = await Get(path, Cookie(session));
                refused.Status.ShouldBe(403);
                refused.Text.ShouldNotContain("seen@example.com");
                refused.Text.ShouldContain("Sign out");
            }
        }

        var read = await Get(page, Cookie(reader.Session));
        read.Text.ShouldContain("You may read this, and not decide on it.");
        (await Form($"{page}/approve/options", Cookie(reader.Session), ("digest", recovery["digest"]))).Code.ShouldBe("permission_missing");
        foreach (var garbage in new[] { "x", _server.AdminToken, _approver.Session + "x", "" })
        {
            (await Get(page, Cookie(garbage))).Text.ShouldContain("Sign in to decide");
        }

        foreach (var id in new[] { Guid.Empty.ToString(), "x", "%22%3E%3Cscript%3E" })
        {
            (await Get($"/operate/recoveries/{id}", Cookie(_approver.Session))).Status.ShouldBe(404);
        }

        // Nobody goes on after they signed out, with whatever copy of the cookie.
        (await Form("/operate/sign-out", Cookie(reader.Session))).Status.ShouldBe(303);
        (await Get(page, Cookie(reader.Session))).Text.ShouldContain("Sign in to decide");
    }

    [Fact]
    public void The_cookie_is_the_hosts_own_and_no_script_reads_it()
    {
        foreach (var (origin, name, secure) in new[] { ("https://recover.example.com", "__Host-sparekey", true), ("http://127.0.0.1", "sparekey", false) })
        {
            var installation = _server.Server.Installation;
            var session = new PageSession(null!, null!, new EngineOptions(installation.Database, installation.Keys, new Uri(origin)));
            var context = new DefaultHttpContext();
            session.Keep(context, new SecretText("sps_token"));
            var cookie = context.Response.Headers.SetCookie.ToString();
            cookie.ShouldBe($"{name}=sps_token; path=/{(secure ? "; secure" : "")}; samesite=lax; httponly");
        }
    }

    [Fact]
    public async Task A_person_sees_their_own_recoveries_and_stops_one_with_a_fresh_session()
    {
        await _server.Account("mine@example.com", password: "an initial password of a person");
        var recovery = await Recover("mine@example.com");
        var theirs = await Waiting("theirs@example.com");
        var account = recovery["account_id"];
        var session = await TestSessions.SignIn(_server.Services, Ids.Parse<AccountId>(account), "pwd");

        var listed = await _server.Get("/v1/sessions/current/recoveries", session);
        listed.Status.ShouldBe(200, listed.Text);
        var one = listed.Json!["recoveries"]!.AsArray().ShouldHaveSingleItem()!;
        (one["id"]!.ToString(), one["state"]!.ToString(), one["requested_by"]!.ToString()).ShouldBe((recovery["id"], "pending", "service_account"));
        listed.Text.ShouldNotContain("met_by");
        listed.Text.ShouldNotContain("bootstrap");
        (await _server.Get("/v1/sessions/current/recoveries?cursor=x", session)).Code.ShouldBe("invalid_cursor");
        var page = await Get("/recover/history", Cookie(session));
        page.Text.ShouldContain(recovery["id"]);
        page.Text.ShouldNotContain(theirs["id"]);
        (await Get("/recover/history")).Text.ShouldContain("Sign in to see");

        (await _server.Post($"/v1/sessions/current/recoveries/{theirs["id"]}/cancel", null, session)).Code.ShouldBe("recovery_not_found");
        (await Form($"/recover/history/{theirs["id"]}/cancel", Cookie(session))).Status.ShouldBe(404);
        using (var foreign = Request(HttpMethod.Post, $"/recover/history/{recovery["id"]}/cancel", Cookie(session)))
        {
            foreign.Headers.Add("Sec-Fetch-Site", "same-site");
            (await _server.Send(foreign)).Status.ShouldBe(403);
        }

        _server.Time.Advance(TimeSpan.FromMinutes(16));
        (await _server.Post($"/v1/sessions/current/recoveries/{recovery["id"]}/cancel", null, session)).Code.ShouldBe("fresh_sign_in_required");
        var stale = await Form($"/recover/history/{recovery["id"]}/cancel", Cookie(session));
        (stale.Status, stale.Text.Contains("sign in once more", StringComparison.Ordinal)).ShouldBe((403, true));
        (await State(recovery)).ShouldBe("pending");

        session = await TestSessions.SignIn(_server.Services, Ids.Parse<AccountId>(account), "pwd");
        (await Form($"/recover/history/{recovery["id"]}/cancel", Cookie(session))).Status.ShouldBe(303);
        (await State(recovery)).ShouldBe("cancelled");
        var again = await _server.Post($"/v1/sessions/current/recoveries/{recovery["id"]}/cancel", null, session);
        again.Code.ShouldBe("recovery_closed");
        (await State(theirs)).ShouldBe("pending");
        var ended = (await _server.Get($"/v1/ledger?recovery={recovery["id"]}", _server.AdminToken)).Json!["entries"]!.AsArray()
            .Single(e => e!["entry"]!["event"]!.ToString() == "recovery_cancelled")!;
        (ended["entry"]!["actor"]!["id"]!.ToString(), ended["texts"]!["why"]!["text"]!.ToString()).ShouldBe((account, "by session"));
    }

    [Fact]
    public async Task Signing_in_for_ones_own_history_takes_a_password_too_and_answers_alike_whatever_is_wrong()
    {
        var account = await _server.Account("own@example.com");
        var redemption = await _server.RedeemLink(await Approved("own@example.com"));
        (await _server.Put("/v1/redemption/password", new { new_password = "a new and remembered password" }, redemption)).Status.ShouldBe(200);

        var signedIn = await Form("/recover/history/password", null, ("identifier", "own@example.com"), ("password", "a new and remembered password"));
        (signedIn.Status, signedIn.Headers.Location?.ToString()).ShouldBe((303, "/recover/history"));
        var cookie = signedIn.Headers.GetValues("Set-Cookie").ShouldHaveSingleItem().Split(';')[0];
        (await Get("/recover/history", cookie)).Text.ShouldContain("Done: a new way to sign in was set");
        (await Get("/operate", cookie)).Status.ShouldBe(403);

        var wrong = await Form("/recover/history/password", null, ("identifier", "own@example.com"), ("password", "wrong"));
        var unknown = await Form("/recover/history/password", null, ("identifier", "nobody@example.com"), ("password", "wrong"));
        (wrong.Status, wrong.Text).ShouldBe((401, unknown.Text));
        (await Form("/recover/history/passkey", null, ("credential", "{}"))).Status.ShouldBe(401);
        account.ShouldNotBeEmpty();
    }

    [Fact]
    public void Every_name_that_a_page_may_show_has_a_text()
    {
        var words = Words.For("en");
        var names = WireName.All<RecoveryState>().Select(n => $"state_{n}")
            .Concat(WireName.All<Means>().Select(n => $"means_{n}"))
            .Concat(WireName.All<Channel>().Select(n => $"channel_{n}"))
            .Concat(WireName.All<Revocation>().SelectMany(n => new[] { $"ends_{n}", $"change_{n}" }))
            .Concat(WireName.All<RequirementKind>().Select(n => $"requirement_{n}"))
            .Concat(WireName.All<PrincipalKind>().SelectMany(n => new[] { $"principal_{n}", $"by_{n}" }));
        names.Where(n => words.Find(n) is null).ShouldBeEmpty();
    }

    private static string Cookie(string session) => $"sparekey={session}";

    private async Task<string> SignIn(string next)
    {
        var options = await _server.Send("POST", "/v1/sessions/passkey/options", null);
        var signedIn = await Form("/operate/sign-in", null, ("credential", _approver.Proves(options).ToJsonString()), ("next", next));
        (signedIn.Status, signedIn.Headers.Location?.ToString()).ShouldBe((303, $"/operate/recoveries/{next}"), signedIn.Text);
        (await Form("/operate/sign-in", null, ("credential", "{}"), ("next", "https://evil.example"))).Status.ShouldBe(401);
        return signedIn.Headers.GetValues("Set-Cookie").ShouldHaveSingleItem().Split(';')[0];
    }

    private async Task<Answer> Waiting(string email)
    {
        await _server.Account(email);
        return await Recover(email);
    }

    private async Task<Answer> Recover(string email)
    {
        var opened = await _server.Post(
            "/v1/recoveries",
            new
            {
                account = new { email }, means = "link", reason = new { text = "Lost <b>it</b>.", ticket = "HD-7" },
                risk = new { score = 80, signs = new[] { "new_device" } },
            },
            _server.AdminToken);
        opened["state"].ShouldBe("pending", opened.Text);
        return opened;
    }

    private async Task<Answer> Approved(string email)
    {
        var recovery = await Recover(email);
        (await _server.Post($"/v1/recoveries/{recovery["id"]}/approvals", new { digest = recovery["digest"] }, _approver.Session)).Status.ShouldBe(200);
        return await _server.Post($"/v1/recoveries/{recovery["id"]}/issue", null, _server.AdminToken);
    }

    private async Task<string> State(Answer recovery) => (await _server.Get($"/v1/recoveries/{recovery["id"]}", _server.AdminToken))["state"];

    private async Task<Answer> Get(string path, string? cookie = null)
    {
        using var request = Request(HttpMethod.Get, path, cookie);
        return await _server.Send(request);
    }

    private async Task<Answer> Form(string path, string? cookie, params (string Name, string Value)[] fields)
    {
        using var request = Request(HttpMethod.Post, path, cookie, fields);
        return await _server.Send(request);
    }

    private static HttpRequestMessage Request(HttpMethod method, string path, string? cookie, params (string Name, string Value)[] fields)
    {
        var request = new HttpRequestMessage(method, path);
        if (method == HttpMethod.Post)
        {
            request.Content = new FormUrlEncodedContent(fields.Select(f => new KeyValuePair<string, string>(f.Name, f.Value)));
        }

        if (cookie is not null)
        {
            request.Headers.TryAddWithoutValidation("Cookie", cookie);
        }

        return request;
    }

    [GeneratedRegex("name=\"digest\" value=\"(?<digest>[^\"]+)\"", RegexOptions.NonBacktracking)]
    private static partial Regex Digest();
}
