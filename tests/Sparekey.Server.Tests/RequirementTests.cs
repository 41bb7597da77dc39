using System.Text;
using System.Text.Json.Nodes;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Delivery;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>Requirements of NIST SP 800-63B-4, OWASP ASVS 5.0 and known traps that no other class is about, over HTTP and real mail.</summary>
public sealed class RequirementTests : IAsyncLifetime
{
    private const string Password = "a new and remembered password";

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
    public async Task N14_N15_Every_recovery_is_told_of_at_every_address_apart_from_the_secret()
    {
        foreach (var means in new[] { "link", "code", "token" })
        {
            var (one, two) = ($"{means}@example.com", $"{means}@example.org");
            (await _server.Post("/v1/accounts", new { emails = new[] { one, two } }, _server.AdminToken)).Status.ShouldBe(201);
            await _smtp.Forget();
            var opened = await _server.Recover(one, means);
            await Complete(opened, one, means);

            // Opened, issued and completed, at both addresses, each in a mail of its own.
            var mails = await _server.Mails(_smtp, 6);
            mails.Count.ShouldBe(6, means);
            foreach (var address in new[] { one, two })
            {
                var mine = mails.Where(m => m.To.SequenceEqual([address])).ToList();
                mine.Count.ShouldBe(3, $"{means} {address}");
                mine.ShouldAllBe(m => m.Text.Contains("/recover/not-me#spn_", StringComparison.Ordinal));
                mine.ShouldContain(m => m.Subject.Contains("was recovered", StringComparison.Ordinal));
            }

            var secret = opened.Json!["secret"]![means]!.ToString().Split('#')[^1];
            mails.ShouldAllBe(m => !m.Text.Contains(secret, StringComparison.Ordinal) && !m.Html.Contains(secret, StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task N14_What_a_person_asked_for_themselves_is_told_too_and_so_is_a_cancel()
    {
        await _server.Account("asked@example.com");
        (await _server.Post("/v1/recovery-requests", new { identifier = "asked@example.com" })).Status.ShouldBe(202);
        (await _server.Mails(_smtp, 3)).ShouldContain(m => m.Subject.StartsWith("Somebody asked", StringComparison.Ordinal));
        var id = (await Ledger())[^1]["recovery"]!.ToString();
        (await _server.Post($"/v1/recoveries/{id}/cancel", new { }, _server.AdminToken)).Status.ShouldBe(200);
        (await _server.Mails(_smtp, 4)).ShouldContain(m => m.Subject.EndsWith("was cancelled", StringComparison.Ordinal));
    }

    [Fact]
    public async Task N23_When_and_from_where_every_credential_began_and_ended_is_recorded()
    {
        var account = await _server.Account("life@example.com", password: "an initial password of a person");
        var session = await _server.Post("/v1/sessions", new { identifier = "life@example.com", password = "an initial password of a person" });
        (await _server.Put(
            "/v1/sessions/current/password",
            new { current_password = "an initial password of a person", new_password = "another password of a person" },
            session["session_token"])).Status.ShouldBe(200);
        await Complete(await _server.Recover("life@example.com", "link"), "life@example.com", "link");

        var life = (await Ledger($"?account={account}"))
            .Where(e => e["event"]!.ToString() is "account_created" or "password_changed" or "recovery_completed").ToList();
        life.Select(e => e["event"]!.ToString()).ShouldBe(["account_created", "password_changed", "recovery_completed"]);
        life.ShouldAllBe(e => (long)e["at"]! == _server.Time.GetUtcNow().ToUnixTimeMilliseconds());
        life.ShouldAllBe(e => e["texts"]!["source"] != null);
        life[0]["facts"]!.ToJsonString().ShouldContain("password");
    }

    [Theory]
    [InlineData("password_hint")]
    [InlineData("security_question")]
    [InlineData("security_answer")]
    public async Task A2_There_are_no_hints_and_no_secret_questions(string member)
    {
        var refused = await _server.Post("/v1/accounts", new JsonObject { ["email"] = "hint@example.com", [member] = "x" }.ToJsonString(), _server.AdminToken);
        (refused.Status, refused.Code).ShouldBe((400, "invalid_request"));
        var described = (await _server.Get("/openapi/v1.json")).Text;
        described.ShouldNotContain("hint", Case.Insensitive);
        described.ShouldNotContain("security_question", Case.Insensitive);
    }

    [Fact]
    public async Task A6_No_operators_route_takes_a_password_but_the_one_that_makes_the_account()
    {
        var document = (await _server.Get("/openapi/v1.json")).Json!;
        var takes = new List<string>();
        foreach (var (path, item) in document["paths"]!.AsObject())
        {
            foreach (var (method, operation) in item!.AsObject())
            {
                if (operation!["requestBody"] is { } body && new[] { "password", "new_password", "current_password", "password_hash" }.Any(
                    name => Resolve(body, document).Contains($"\"{name}\":", StringComparison.Ordinal)))
                {
                    takes.Add($"{method} {path}");
                }
            }
        }

        // All but the first are the person's own, and prove it with a session, a redemption, or the password itself.
        takes.Order(StringComparer.Ordinal).ShouldBe(
        [
            "post /v1/accounts", "post /v1/recoveries/{id}/proofs", "post /v1/sessions", "put /v1/redemption/password",
            "put /v1/sessions/current/password",
        ]);

        var account = await _server.Account("chosen@example.com");
        foreach (var member in new[] { "password", "password_hash" })
        {
            var refused = await _server.Send(
                "PATCH", $"/v1/accounts/{account}", new JsonObject { [member] = Password }.ToJsonString(), _server.AdminToken);
            (refused.Status, refused.Code).ShouldBe((400, "invalid_request"));
        }

        (await _server.Put("/v1/sessions/current/password", new { current_password = "", new_password = Password }, _server.AdminToken)).Status.ShouldBe(401);
        (await _server.Put("/v1/redemption/password", new { new_password = Password }, _server.AdminToken)).Status.ShouldBe(401);
    }

    [Fact]
    public async Task A8_A_mailed_secret_signs_nobody_in()
    {
        await _server.Account("mailed@example.com");
        var opened = await _server.Recover("mailed@example.com", "link");
        var redemption = await _server.RedeemLink(opened);
        (await _server.Get("/v1/sessions/current", redemption)).Code.ShouldBe("session_invalid");
        var done = await _server.Put("/v1/redemption/password", new { new_password = Password }, redemption);
        done.Status.ShouldBe(200);
        done.Text.ShouldNotContain("sps_");
        done.Text.ShouldNotContain("session_token");
    }

    [Fact]
    public async Task A12_The_keys_of_hashes_are_in_no_database_backup_log_or_answer()
    {
        await _server.Account("keys@example.com");
        await Complete(await _server.Recover("keys@example.com", "code"), "keys@example.com", "code");
        if (_server.Server.Installation.Database is SqliteDatabase database)
        {
            await database.Backup(Path.Combine(_server.Folder, "backup.db"), CancellationToken.None);
        }

        var keys = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(_server.Folder, "keyring.json")))!;
        var texts = Texts(keys).Where(t => t.Length >= 40).ToList();
        texts.ShouldNotBeEmpty();
        var said = string.Join('\n', _server.LogLines.Concat(_server.Answers));
        foreach (var key in texts)
        {
            said.ShouldNotContain(key);
            var bytes = Convert.FromBase64String(key.Replace('-', '+').Replace('_', '/').PadRight((key.Length + 3) / 4 * 4, '='));
            foreach (var (name, stored) in (await TestPlaces.Stored(_server.Folder)).Where(f => f.Name != "keyring.json"))
            {
                stored.AsSpan().IndexOf(bytes).ShouldBe(-1, name);
                stored.AsSpan().IndexOf(Encoding.UTF8.GetBytes(key)).ShouldBe(-1, name);
            }
        }
    }

    [Fact]
    public async Task A19_An_operator_sees_and_ends_somebodys_sessions_within_their_ceiling()
    {
        var account = await _server.Account("signed-in@example.com");
        await Complete(await _server.Recover("signed-in@example.com", "link"), "signed-in@example.com", "link");
        var session = (await _server.Post("/v1/sessions", new { identifier = "signed-in@example.com", password = Password }))["session_token"];
        var listed = await _server.Get($"/v1/accounts/{account}/sessions", _server.AdminToken);
        listed.Json!["sessions"]!.AsArray().Count.ShouldBe(1);
        listed.Text.ShouldNotContain("sps_");

        var weak = await _server.Token("reader", ["account:read"]);
        (await _server.Send("DELETE", $"/v1/accounts/{account}/sessions", null, weak)).Code.ShouldBe("permission_missing");
        var operatorId = await _server.Account("above@example.com", role: "admin");
        var low = await _server.Token("low", ["account:write"]);
        (await _server.Send("DELETE", $"/v1/accounts/{operatorId}/sessions", null, low)).Code.ShouldBe("above_ceiling");
        (await _server.Get("/v1/sessions/current", session)).Status.ShouldBe(200);

        var ended = await _server.Send("DELETE", $"/v1/accounts/{account}/sessions", null, low);
        (ended.Status, ended["ended"]).ShouldBe((200, "1"));
        (await _server.Get("/v1/sessions/current", session)).Code.ShouldBe("session_invalid");
        (await _server.Send("DELETE", $"/v1/accounts/{Guid.Empty:D}/sessions", null, low)).Code.ShouldBe("account_not_found");
        (await Ledger($"?account={account}"))[^1]["facts"]!["why"]!.ToString().ShouldBe("by_operator");
    }

    [Fact]
    public async Task T4_Whoever_acts_on_another_stands_in_the_ledger_as_themselves()
    {
        var account = await _server.Account("target@example.com");
        var opened = await _server.Recover("target@example.com", "link");
        (await _server.Post($"/v1/recoveries/{opened["id"]}/cancel", new { }, _server.AdminToken)).Status.ShouldBe(200);
        var entries = (await Ledger($"?account={account}")).Where(e => e["event"]!.ToString().StartsWith("recovery_", StringComparison.Ordinal)).ToList();
        entries.Count.ShouldBeGreaterThan(2);
        entries.ShouldAllBe(e => e["account"]!.ToString() == account);
        entries.ShouldAllBe(e => e["actor"]!["id"]!.ToString().Length > 0 && e["actor"]!["id"]!.ToString() != account);
    }

    [Fact]
    public async Task T12_The_host_of_a_request_builds_no_link()
    {
        await _server.Account("host@example.com");
        foreach (var header in new[] { "Host", "X-Forwarded-Host", "Forwarded", "Origin", "Referer" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/recoveries")
            {
                Content = new StringContent("{\"account\":{\"email\":\"host@example.com\"},\"means\":\"link\"}", Encoding.UTF8, "application/json"),
            };
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {_server.AdminToken}");
            request.Headers.TryAddWithoutValidation(header, header == "Forwarded" ? "host=evil.example" : header is "Origin" or "Referer" ? "https://evil.example" : "evil.example");
            var opened = await _server.Send(request);
            opened.Status.ShouldBe(201, opened.Text);
            opened.Json!["secret"]!["link"]!.ToString().ShouldStartWith($"{_server.Origin}recover#", Case.Sensitive, header);
        }
    }

    [Fact]
    public async Task Who_asks_at_an_applications_host_gets_its_link_and_its_look()
    {
        var portal = new Uri($"http://localhost:{_server.Origin.Port}");
        (await _server.Post(
            "/v1/applications", new { name = "Portal", origins = new[] { portal.GetLeftPart(UriPartial.Authority) } }, _server.AdminToken)).Status.ShouldBe(201);
        await _server.Account("portal@example.com");
        (await _server.Get($"{portal}recover")).Text.ShouldContain("<span>Portal</span>");
        (await _server.Get("/recover")).Text.ShouldNotContain("Portal");
        (await _server.Post($"{portal}v1/recovery-requests", new { identifier = "portal@example.com" })).Status.ShouldBe(202);
        var link = (await _server.Mails(_smtp, 3)).Single(m => m.Text.Contains("#spl_", StringComparison.Ordinal));
        link.Text.ShouldContain($"{portal}recover#spl_");
        link.Subject.ShouldContain("Portal");
    }

    [Fact]
    public async Task T17_Opening_and_redeeming_change_nothing_for_the_account()
    {
        await _server.Account("still@example.com");
        await Complete(await _server.Recover("still@example.com", "link"), "still@example.com", "link");
        var session = (await _server.Post("/v1/sessions", new { identifier = "still@example.com", password = Password }))["session_token"];
        for (var i = 0; i < 5; i++)
        {
            _server.Time.Advance(TimeSpan.FromMinutes(6));
            (await _server.Post("/v1/recovery-requests", new { identifier = "still@example.com" })).Status.ShouldBe(202);
        }

        await _server.RedeemLink(await _server.Recover("still@example.com", "link"));
        (await _server.Get("/v1/sessions/current", session)).Status.ShouldBe(200);
        (await _server.Post("/v1/sessions", new { identifier = "still@example.com", password = Password })).Status.ShouldBe(201);
    }

    [Fact]
    public async Task T19_A_repeated_call_sends_no_second_mail()
    {
        await _server.Account("twice@example.com");
        var body = new { account = new { email = "twice@example.com" }, means = "link", channel = "email" };
        for (var i = 0; i < 5; i++)
        {
            (await _server.Post("/v1/recoveries", body, _server.AdminToken, "the same key")).Status.ShouldBe(201);
        }

        await _server.Mails(_smtp, 2);
        for (var i = 0; i < 5; i++)
        {
            _server.Time.Advance(TimeSpan.FromSeconds(2));
            await Task.Delay(50);
        }

        var mails = await _smtp.Received();
        mails.Count(m => m.Text.Contains("#spl_", StringComparison.Ordinal)).ShouldBe(1);
        mails.Select(m => m.Subject).Distinct(StringComparer.Ordinal).Count().ShouldBe(mails.Count);
    }

    private static IEnumerable<string> Texts(JsonNode? node) => node switch
    {
        JsonObject members => members.SelectMany(m => Texts(m.Value)),
        JsonArray items => items.SelectMany(Texts),
        JsonValue value when value.TryGetValue<string>(out var text) => [text],
        _ => [],
    };

    private async Task Complete(Answer opened, string email, string means)
    {
        var secret = opened.Json!["secret"]![means]!.ToString().Split('#')[^1];
        object body = means switch
        {
            "link" => new { link_secret = secret },
            "token" => new { token = secret },
            _ => new { code = secret, account = new { email } },
        };
        var redeemed = await _server.Post("/v1/redemptions", body);
        redeemed.Status.ShouldBe(201, redeemed.Text);
        (await _server.Put("/v1/redemption/password", new { new_password = Password }, redeemed["redemption_token"])).Status.ShouldBe(200);
    }

    private async Task<IReadOnlyList<JsonNode>> Ledger(string query = "")
    {
        for (var left = 100; left > 0; left--)
        {
            _server.Time.Advance(TimeSpan.Zero);
            var answer = await _server.Get($"/v1/ledger{query}", _server.AdminToken);
            if (answer.Json!["entries"]!.AsArray() is { Count: > 0 } entries)
            {
                return [.. entries.Select(e => e!["entry"]!)];
            }

            await Task.Delay(50);
        }

        throw new TimeoutException("The ledger stayed empty.");
    }

    private static string Resolve(JsonNode node, JsonNode document)
    {
        var text = node.ToJsonString();
        return node["content"]?["application/json"]?["schema"]?["$ref"]?.ToString() is { } reference
            ? document["components"]!["schemas"]![reference.Split('/')[^1]]!.ToJsonString()
            : text;
    }
}
