using System.Text.RegularExpressions;
using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Delivery;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>
/// What strangers are answered is the same to the last byte and header, whatever was found; and so is the refusal of who tries too often.
/// Every call brings the same id of its own, so that nothing but the date may differ.
/// </summary>
public sealed partial class LookAlikeTests : IAsyncLifetime
{
    private const string Password = "a password of one person";

    private RunningServer _server = null!;
    private HttpClient _http = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.Start();
        _http = new HttpClient(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false }) { BaseAddress = _server.Origin };
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A10_Asking_is_answered_alike_to_the_last_header_for_every_name()
    {
        var names = new[] { "nobody@example.com", "known@example.com", "known@example.com", "nowhere", "disabled@example.com", "admin@example.com", "+43 1 234", "" + '\u0301' };
        await _server.Account("known@example.com");
        await _server.Account("admin@example.com", role: "admin"); // Policy demands more of it.
        (await _server.Post("/v1/accounts", new { username = "nowhere" }, _server.AdminToken)).Status.ShouldBe(201);
        (await _server.Post("/v1/accounts", new { email = "disabled@example.com", status = "disabled" }, _server.AdminToken)).Status.ShouldBe(201);

        await Alike(202, names, name => Json("/v1/recovery-requests", $$"""{"identifier":"{{name}}"}"""));
        await Alike(200, names, name => Form("/recover/ask", ("identifier", name)));
    }

    [Fact]
    public async Task A10_A_code_is_refused_alike_whether_wrong_used_expired_cancelled_or_of_nobody()
    {
        var tries = new List<(string Name, string Code)> { ("nobody@example.com", "00000000"), ("nobody@example.com", "no code at all") };
        foreach (var name in new[] { "wrong", "idle", "used", "expired", "cancelled", "disabled" })
        {
            var account = await _server.Account($"{name}@example.com");
            var code = name == "idle" ? "00000000" : await End(name, account, "code");
            tries.Add(($"{name}@example.com", name == "wrong" ? "00000000" : code));
        }

        await Alike(401, tries, t => Json("/v1/redemptions", $$"""{"code":"{{t.Code}}","account":{"email":"{{t.Name}}"} }"""));
        await Alike(401, tries, t => Form("/recover/redeem", ("identifier", t.Name), ("code", t.Code)));
    }

    [Fact]
    public async Task A10_N3_A_saved_code_is_refused_alike_whether_wrong_used_renewed_removed_of_another_or_of_nobody()
    {
        const string stray = "ABCD-EFGH-JKMN-PQRS-TVWX";
        var tries = new List<(string Name, string Code)> { ("nobody@example.com", stray), ("idle@example.com", stray) };
        await _server.Account("idle@example.com");
        foreach (var name in new[] { "wrong", "stray", "used", "renewed", "removed", "disabled", "other" })
        {
            var (account, session) = await Person($"{name}@example.com");
            var made = await _server.Send("POST", "/v1/sessions/current/recovery-codes", null, session);
            var code = made.Json!["codes"]![0]!.ToString();
            switch (name)
            {
                case "wrong":
                    code = code[..^1] + (code[^1] == 'Z' ? 'Y' : 'Z');
                    break;
                case "stray":
                    code = stray;
                    break;
                case "used":
                    var opened = await _server.Post("/v1/redemptions", new { code, account = new { email = "used@example.com" } });
                    (await _server.Put("/v1/redemption/password", new { new_password = Password }, opened["redemption_token"])).Status.ShouldBe(200);
                    break;
                case "renewed":
                    (await _server.Send("POST", "/v1/sessions/current/recovery-codes", null, session)).Status.ShouldBe(201);
                    break;
                case "removed":
                    (await _server.Send("DELETE", $"/v1/sessions/current/credentials/{made["id"]}", null, session)).Status.ShouldBe(204);
                    break;
                case "disabled":
                    (await _server.Send("PATCH", $"/v1/accounts/{account}", new { status = "disabled" }, _server.AdminToken)).Status.ShouldBe(200);
                    break;
            }

            tries.Add((name == "other" ? "idle@example.com" : $"{name}@example.com", code));
        }

        await Alike(401, tries, t => Json("/v1/redemptions", $$"""{"code":"{{t.Code}}","account":{"email":"{{t.Name}}"} }"""));
        await Alike(401, tries, t => Form("/recover/redeem", ("identifier", t.Name), ("code", t.Code)));
    }

    [Theory]
    [InlineData("link", "link_secret", TokenPrefix.Link)]
    [InlineData("token", "token", TokenPrefix.Reset)]
    public async Task A10_A_long_secret_is_refused_alike_whether_unknown_used_expired_cancelled_or_malformed(
        string means, string member, TokenPrefix prefix)
    {
        var secrets = new List<string>();
        foreach (var end in new[] { "used", "expired", "cancelled", "disabled" })
        {
            secrets.Add(await End(end, await _server.Account($"{end}@example.com"), means));
        }

        secrets.AddRange(NoSecrets(prefix, secrets[0]));
        await Alike(401, secrets, s => Json("/v1/redemptions", $$"""{"{{member}}":"{{s}}"}"""));
        await Alike(401, secrets, s => Form("/recover/redeem", ("link_secret", s)));
        await Alike(401, secrets, s => Form("/recover/redeem", ("code", s)));
    }

    [Fact]
    public async Task A10_Signing_in_is_refused_alike_whatever_was_wrong()
    {
        await End("used", await _server.Account("known@example.com"), "link");
        await _server.Account("passwordless@example.com");
        await _server.Account("provisional@example.com", password: Password);
        (await _server.Post("/v1/accounts", new { email = "disabled@example.com", status = "disabled", password = Password }, _server.AdminToken)).Status.ShouldBe(201);
        _server.Time.Advance(TimeSpan.FromHours(25)); // The provisional password is overdue.

        var names = new[] { "nobody", "known", "passwordless", "disabled", "provisional" };
        await Alike(401, names, n => Json("/v1/sessions", $$"""{"identifier":"{{n}}@example.com","password":"{{(n == "known" ? "another password" : Password)}}"}"""));
    }

    [Fact]
    public async Task A10_A_repudiation_is_refused_alike_for_every_text_that_is_no_token()
    {
        await using var smtp = await SmtpServer.Start();
        await using var server = await RunningServer.Start(mail: new MailOptions("127.0.0.1", new("recovery@example.com")) { Port = smtp.Port, Tls = MailTls.None });
        using var http = new HttpClient { BaseAddress = server.Origin };
        await server.Account("notice@example.com");
        var opened = await server.Recover("notice@example.com", "link");
        var token = NoticeToken().Match((await server.Mails(smtp, 1))[0].Text).Groups["token"].Value;
        (await server.Post($"/v1/recoveries/{opened["id"]}/cancel", new { }, server.AdminToken)).Status.ShouldBe(200);
        server.Time.Advance(TimeSpan.FromDays(11)); // The recovery is over too long.

        string[] tokens = [token, .. NoSecrets(TokenPrefix.NotMe, token)];
        await Alike(401, tokens, t => Json("/v1/repudiations", $$"""{"token":"{{t}}"}"""), http);
        await Alike(401, tokens, t => Form("/recover/not-me", ("notice_token", t)), http);
        await Alike(401, tokens, t => Json("/v1/repudiations/freeze", $$"""{"token":"{{t}}"}"""), http);
        await Alike(401, tokens, t => Form("/recover/freeze", ("notice_token", t)), http);
    }

    [Theory]
    [InlineData("/v1/recovery-requests", 202)]
    [InlineData("/v1/redemptions", 401)]
    [InlineData("/v1/sessions", 401)]
    [InlineData("/recover/ask", 200)]
    [InlineData("/recover/redeem", 401)]
    public async Task N8_A17_The_eleventh_try_of_a_name_is_refused_alike_for_known_and_unknown_names(string path, int status)
    {
        await _server.Account("known@example.com");
        await End("used", await _server.Account("person@example.com"), "link");
        var code = (await _server.Recover("known@example.com", "code")).Json!["secret"]!["code"]!.ToString();
        _server.Time.Advance(TimeSpan.FromMinutes(3));
        var names = new[] { "known@example.com", "person@example.com", "nobody@example.com" };
        HttpRequestMessage Try(string name, bool right = false) => path switch
        {
            "/v1/recovery-requests" => Json(path, $$"""{"identifier":"{{name}}"}"""),
            "/v1/redemptions" => Json(path, $$"""{"code":"{{(right ? code : "00000000")}}","account":{"email":"{{name}}"} }"""),
            "/v1/sessions" => Json(path, $$"""{"identifier":"{{name}}","password":"{{(right ? Password : "another password")}}"}"""),
            "/recover/ask" => Form(path, ("identifier", name)),
            _ => Form(path, ("identifier", name), ("code", right ? code : "00000000")),
        };
        for (var i = 0; i < 10; i++)
        {
            await Alike(status, names, n => Try(n));
        }

        // What is right is refused as well: else the limit would tell it.
        await Alike(429, names, n => Try(n));
        await Alike(429, names, n => Try(n, right: true));
        (await Seen(_http, Try("nobody@example.com"))).ShouldContain("Retry-After: 420");

        // Nothing was voided: when the time is over the right one is right.
        _server.Time.Advance(TimeSpan.FromMinutes(7));
        var name = path == "/v1/sessions" ? "person@example.com" : "known@example.com";
        using var answer = await _http.SendAsync(Try(name, right: true));
        ((int)answer.StatusCode).ShouldBeLessThan(300);
    }

    [Fact]
    public async Task N18_A17_A_hundred_wrong_tries_use_a_code_up_however_long_they_take()
    {
        await _server.Account("hundred@example.com");
        var opened = await _server.Post(
            "/v1/recoveries", new { account = new { email = "hundred@example.com" }, means = "code", expires_in = "24h" }, _server.AdminToken);
        var code = opened.Json!["secret"]!["code"]!.ToString();
        var (tried, refused) = (0, 0);
        for (; tried < 100; tried++)
        {
            if (tried % 10 == 0)
            {
                _server.Time.Advance(TimeSpan.FromMinutes(10));
            }

            (await _server.Get($"/v1/recoveries/{opened["id"]}", _server.AdminToken))["state"].ShouldBe("issued");
            var wrong = await _server.Post("/v1/redemptions", new { code = "00000000", account = new { email = "hundred@example.com" } });
            refused += wrong.Code == "secret_invalid" ? 1 : 0;
        }

        refused.ShouldBe(100);
        _server.Time.Advance(TimeSpan.FromMinutes(10));
        (await _server.Get($"/v1/recoveries/{opened["id"]}", _server.AdminToken))["state"].ShouldBe("locked");
        (await _server.Post("/v1/redemptions", new { code, account = new { email = "hundred@example.com" } })).Code.ShouldBe("secret_invalid");
    }

    [Fact]
    public async Task T16_Over_HTTP_a_denied_requester_meets_what_one_who_waits_meets()
    {
        var desk = await _server.Account("desk@example.com", role: "admin");
        var reader = await _server.Account("other@example.com", role: "admin");
        string[] rights = ["recovery:request", "recovery:read", "recovery:issue", "recovery:cancel", "recovery:approve"];
        var token = await _server.TokenOf(desk, "desk", rights);
        var opened = new List<Answer>();
        foreach (var name in new[] { "waits", "denied" })
        {
            await _server.Account($"{name}@example.com", role: "admin");
            opened.Add(await _server.Recover($"{name}@example.com", "link", token));
            (opened[^1].Status, opened[^1]["state"]).ShouldBe((201, "pending"));
        }

        (await _server.Post($"/v1/recoveries/{opened[1]["id"]}/denials", new { digest = opened[1]["digest"] }, _server.AdminToken)).Status.ShouldBe(200);
        await Same(_ => ("GET", "", null));
        await Same(_ => ("POST", "/issue", null));
        await Same(r => ("POST", "/approvals", new { digest = r["digest"] }));
        await Same(r => ("POST", "/denials", new { digest = r["digest"] }));
        await Same(_ => ("POST", "/denials", new { digest = "another" }));
        await Same(_ => ("POST", "/reason", new { text = "lost everything" }));
        await Same(_ => ("POST", "/reason", new { text = "lost everything" }));
        await Listed("pending");
        await Same(_ => ("POST", "/cancel", new { reason = "no more" }));
        await Same(_ => ("POST", "/cancel", new { reason = "no more" }));
        await Same(_ => ("GET", "", null));
        await Listed("cancelled");
        _server.Time.Advance(TimeSpan.FromDays(4));
        token = await _server.TokenOf(desk, "desk later", rights);
        await Same(_ => ("GET", "", null));
        await Same(_ => ("POST", "/issue", null));
        var other = await _server.TokenOf(reader, "other", rights);
        (await _server.Get($"/v1/recoveries/{opened[1]["id"]}", other))["state"].ShouldBe("denied");
        (await _server.Get("/v1/recoveries?state=denied", other)).Json!["recoveries"]!.AsArray().Count.ShouldBe(1);

        async Task Same(Func<Answer, (string Method, string Path, object? Body)> call)
        {
            var answers = new List<string>();
            foreach (var recovery in opened)
            {
                var (method, path, body) = call(recovery);
                var answer = await _server.Send(method, $"/v1/recoveries/{recovery["id"]}{path}", body, token);
                answer.Status.ShouldNotBe(401);
                var json = answer.Json!.AsObject();
                foreach (var own in new[] { "id", "account_id", "digest", "decision_digest", "correlation_id" })
                {
                    json.Remove(own);
                }

                answers.Add($"{answer.Status} {json.ToJsonString()}");
            }

            answers[1].ShouldBe(answers[0]);
        }

        // In pages of one, so that what is hidden from a page must not end the list.
        async Task Listed(string only)
        {
            foreach (var state in WireName.All<Core.Recoveries.RecoveryState>())
            {
                var ids = new List<string>();
                for (var cursor = ""; ;)
                {
                    var page = (await _server.Get($"/v1/recoveries?state={state}&limit=1{cursor}", token)).Json!;
                    ids.AddRange(page["recoveries"]!.AsArray().Select(r => r!["id"]!.ToString()));
                    if (page["cursor"] is not { } next)
                    {
                        break;
                    }

                    cursor = $"&cursor={next}";
                }

                ids.ShouldBe(state == only ? opened.Select(r => r["id"]) : [], ignoreOrder: true, customMessage: state);
            }
        }
    }

    // Somebody with a password of their own, signed in.
    private async Task<(string Account, string Session)> Person(string email)
    {
        var account = await _server.Account(email);
        (await _server.Put("/v1/redemption/password", new { new_password = Password }, await _server.RedeemLink(await _server.Recover(email, "link"))))
            .Status.ShouldBe(200);
        return (account, (await _server.Post("/v1/sessions", new { identifier = email, password = Password }))["session_token"]);
    }

    // Opens a recovery and ends it in a way; gives its secret.
    private async Task<string> End(string how, string account, string means)
    {
        var opened = await _server.Post(
            "/v1/recoveries", new { account = new { id = account }, means, expires_in = how == "expired" ? "1s" : "1h" }, _server.AdminToken);
        opened.Status.ShouldBe(201, opened.Text);
        var secret = opened.Json!["secret"]![means]!.ToString().Split('#')[^1];
        switch (how)
        {
            case "used":
                var email = (await _server.Get($"/v1/accounts/{account}", _server.AdminToken)).Json!["addresses"]![0]!["value"]!.ToString();
                object body = means switch
                {
                    "code" => new { code = secret, account = new { email } },
                    "link" => new { link_secret = secret },
                    _ => new { token = secret },
                };
                var redemption = (await _server.Post("/v1/redemptions", body))["redemption_token"];
                (await _server.Put("/v1/redemption/password", new { new_password = Password }, redemption)).Status.ShouldBe(200);
                break;
            case "expired":
                _server.Time.Advance(TimeSpan.FromSeconds(2));
                break;
            case "cancelled":
                (await _server.Post($"/v1/recoveries/{opened["id"]}/cancel", new { }, _server.AdminToken)).Status.ShouldBe(200);
                break;
            case "disabled":
                (await _server.Send("PATCH", $"/v1/accounts/{account}", new { status = "disabled" }, _server.AdminToken)).Status.ShouldBe(200);
                break;
        }

        return secret;
    }

    // A token that names nothing, one of another tenant, the right row with another secret, one for something else, and none.
    private static IEnumerable<string> NoSecrets(TokenPrefix prefix, string real)
    {
        TokenText.TryParse(real, prefix, out var token).ShouldBeTrue();
        const string other = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        yield return TokenText.Format(prefix, TenantId.Default, new Guid(1, 2, 3, new byte[8]), other).Reveal();
        yield return TokenText.Format(prefix, TenantId.Parse("elsewhere"), token.Id, token.Secret.Reveal()).Reveal();
        yield return TokenText.Format(prefix, TenantId.Default, token.Id, other).Reveal();
        yield return TokenText.Format(TokenPrefix.Session, TenantId.Default, token.Id, token.Secret.Reveal()).Reveal();
        yield return real[..^1];
        yield return "x";
    }

    private async Task Alike<T>(int status, IReadOnlyCollection<T> cases, Func<T, HttpRequestMessage> call, HttpClient? http = null)
    {
        string? first = null;
        foreach (var one in cases)
        {
            var seen = await Seen(http ?? _http, call(one));
            seen.ShouldStartWith($"{status}\n");
            seen.ShouldBe(first ??= seen, $"{one}");
        }
    }

    // Status, headers and body. What was typed stands in the page again, and is the caller's own.
    private static async Task<string> Seen(HttpClient http, HttpRequestMessage request)
    {
        using (request)
        {
            var typed = TypedName().Match(await request.Content!.ReadAsStringAsync()).Groups["name"].Value;
            using var response = await http.SendAsync(request);
            var page = response.Content.Headers.ContentType?.MediaType == "text/html";
            var headers = response.Headers.Concat(response.Content.Headers)
                .Where(h => h.Key != "Date" && !(page && h.Key == "Content-Length"))
                .Select(h => $"{h.Key}: {string.Join(", ", h.Value)}").Order(StringComparer.Ordinal);
            var text = await response.Content.ReadAsStringAsync();
            text = page && typed.Length > 0 ? text.Replace(Uri.UnescapeDataString(typed), "someone", StringComparison.Ordinal) : text;
            return $"{(int)response.StatusCode}\n{string.Join('\n', headers)}\n\n{text}";
        }
    }

    private static HttpRequestMessage Json(string path, string body) => Request(path, new StringContent(body, System.Text.Encoding.UTF8, "application/json"));

    private static HttpRequestMessage Form(string path, params (string Name, string Value)[] fields) =>
        Request(path, new FormUrlEncodedContent(fields.Select(f => new KeyValuePair<string, string>(f.Name, f.Value))));

    private static HttpRequestMessage Request(string path, HttpContent content)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = content };
        request.Headers.Add("X-Request-Id", "always-the-same");
        return request;
    }

    [GeneratedRegex("^identifier=(?<name>[^&]*)", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex TypedName();

    [GeneratedRegex("/recover/not-me#(?<token>spn_[A-Za-z0-9_-]+)", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex NoticeToken();
}
