using System.Text.Json;
using System.Text.RegularExpressions;
using Sparekey.Core;
using Sparekey.Engine.Keys;

namespace Sparekey.Server.Tests;

/// <summary>"Did you ask for this?": the person says yes or no with the token of a message, once, and over the page.</summary>
public sealed partial class ConfirmationTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.Start();
        await Demand(new { confirmation = true, confirmation_over = new[] { "page" } });
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task The_person_looks_confirms_once_and_the_recovery_goes_on()
    {
        var recovery = await Open("one@example.com", "one@example.org");
        var tokens = await Asked(recovery);
        tokens.Count.ShouldBe(2);
        var (token, other) = (tokens[0], tokens[1]);
        for (var look = 0; look < 3; look++)
        {
            var asked = await _server.Post("/v1/confirmations/lookup", new { token });
            asked.Status.ShouldBe(200, asked.Text);
            (asked["recovery_id"], asked["account"], asked["requested_by"], asked["reason"], asked["digest"])
                .ShouldBe((recovery["id"], "o•••@e•••.com", "service_account", "Lost <it>.", recovery["decision_digest"]));
        }

        (await State(recovery)).ShouldBe("pending");
        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(
            _ => _server.Post("/v1/confirmations", new { token, digest = recovery["decision_digest"], answer = "yes" })));
        answers.Count(a => a.Status == 200).ShouldBe(1);
        answers.Where(a => a.Status != 200).ShouldAllBe(a => a.Code == "already_decided");
        (await _server.Post("/v1/confirmations/lookup", new { token })).Code.ShouldBe("already_decided");
        (await _server.Post("/v1/confirmations", new { token = other, digest = recovery["digest"], answer = "yes" })).Code.ShouldBe("not_required");

        var after = await _server.Get($"/v1/recoveries/{recovery["id"]}", _server.AdminToken);
        after["state"].ShouldBe("ready");
        var met = after.Json!["requirements"]!.AsArray().Select(r => r!["met_by"]![0]!).ToList();
        met.ShouldAllBe(m => m["over"]!.ToString() == "page" && m["by"]!["kind"]!.ToString() == "account" && m["by"]!["id"]!.ToString() == after["account_id"]);

        // The other address says no: that still stops it.
        (await _server.Post("/v1/confirmations", new { token = other, digest = recovery["digest"], answer = "no" }))["state"].ShouldBe("cancelled");
        foreach (var secret in new[] { token, other })
        {
            string.Join('\n', _server.LogLines).ShouldNotContain(secret);
            string.Join('\n', _server.Answers).ShouldNotContain(secret);
        }
    }

    [Fact]
    public async Task No_text_but_a_live_token_answers_and_only_for_what_was_seen()
    {
        var recovery = await Open("guess@example.com");
        var another = await Open("other@example.com");
        var token = (await Asked(recovery)).ShouldHaveSingleItem();
        foreach (var wrong in new[]
        {
            "", "x", token + "x", token[..^1], token.Replace("spc_", "spn_", StringComparison.Ordinal), token.Replace("spc_", "spl_", StringComparison.Ordinal),
            token.Replace("_default_", "_other_", StringComparison.Ordinal), token[..^8] + "AAAAAAAA", new string('a', 3000), _server.AdminToken,
        })
        {
            (await _server.Post("/v1/confirmations/lookup", new { token = wrong })).Code.ShouldBe("secret_invalid", wrong);
            (await _server.Post("/v1/confirmations", new { token = wrong, digest = recovery["digest"], answer = "no" })).Code.ShouldBe("secret_invalid", wrong);
        }

        (await _server.Post("/v1/confirmations", new { token, digest = another["digest"], answer = "yes" })).Code.ShouldBe("digest_mismatch");
        (await _server.Post("/v1/confirmations", new { token, digest = recovery["digest"], answer = "maybe" })).Code.ShouldBe("invalid_request");
        (await _server.Post("/v1/repudiations", new { token })).Code.ShouldBe("secret_invalid");
        (await _server.Post("/v1/redemptions", new { link_secret = token })).Code.ShouldBe("secret_invalid");

        // Another story, another question: what was seen before is not what would be confirmed.
        var changed = await _server.Post($"/v1/recoveries/{recovery["id"]}/reason", new { text = "Another story." }, _server.AdminToken);
        (await _server.Post("/v1/confirmations", new { token, digest = recovery["digest"], answer = "yes" })).Code.ShouldBe("digest_mismatch");
        (await _server.Post("/v1/confirmations/lookup", new { token }))["reason"].ShouldBe("Another story.");
        (await Asked(recovery)).Count.ShouldBe(2);
        (await _server.Post("/v1/confirmations", new { token, digest = changed["digest"], answer = "yes" }))["state"].ShouldBe("ready");
        (await State(another)).ShouldBe("pending");
    }

    [Fact]
    public async Task A18_Nobody_is_worn_down_by_questions()
    {
        var recovery = await Open("worn@example.com");
        for (var story = 0; story < 6; story++)
        {
            (await _server.Post($"/v1/recoveries/{recovery["id"]}/reason", new { text = $"Story {story}." }, _server.AdminToken)).Status.ShouldBe(200);
        }

        (await Asked(recovery)).Count.ShouldBe(3);
    }

    [Fact]
    public async Task No_ends_it_and_takes_every_question_back()
    {
        var recovery = await Open("no@example.com", "no@example.org");
        var tokens = await Asked(recovery);
        (await _server.Post("/v1/confirmations", new { token = tokens[0], digest = "", answer = "no" }))["state"].ShouldBe("cancelled");
        (await Asked(recovery)).ShouldBeEmpty();
        (await _server.Get($"/v1/ledger?recovery={recovery["id"]}", _server.AdminToken)).Text.ShouldContain("incident_opened");
        foreach (var token in tokens)
        {
            (await _server.Post("/v1/confirmations", new { token, digest = recovery["digest"], answer = "yes" })).Code.ShouldBe("secret_invalid");
        }

        var rows = await _server.Server.Installation.Database.Read(
            db => db.Scalar<long>("SELECT COUNT(*) FROM confirmation_tokens WHERE recovery_id = @id", new { id = recovery["id"] }), CancellationToken.None);
        rows.ShouldBe(0);
    }

    [Fact]
    public async Task N9_An_address_that_changed_is_not_asked_and_one_that_is_gone_does_not_answer()
    {
        var account = await _server.Account("old@example.com");
        var added = await _server.Post(
            $"/v1/accounts/{account}/addresses", new { kind = "email", value = "attacker@example.org" }, _server.AdminToken);
        added.Status.ShouldBeInRange(200, 201, added.Text);
        var recovery = await Recover("old@example.com");
        var token = (await Asked(recovery)).ShouldHaveSingleItem();
        (await Recipients(recovery)).ShouldBe(["old@example.com"]);

        var address = (await _server.Get($"/v1/accounts/{account}", _server.AdminToken)).Json!["addresses"]!.AsArray()
            .Single(a => a!["value"]!.ToString() == "old@example.com")!["id"]!.ToString();
        (await _server.Server.Installation.Database.Write(
            db => db.Execute("UPDATE addresses SET since = since + 1 WHERE id = @address", new { address }), CancellationToken.None)).ShouldBe(1);
        (await _server.Post("/v1/confirmations", new { token, digest = recovery["digest"], answer = "yes" })).Code.ShouldBe("secret_invalid");
    }

    [Fact]
    public async Task A_question_ends_with_the_recoverys_time_and_is_asked_where_the_page_counts()
    {
        var late = await Open("late@example.com");
        var token = (await Asked(late)).ShouldHaveSingleItem();

        await Demand(new { confirmation_over = new[] { "slack" } });
        (await Asked(await Open("slack@example.com"))).ShouldBeEmpty();
        await Demand(new { approvals = 1 });
        (await Asked(await Open("approved@example.com"))).ShouldBeEmpty();

        // Policy that comes to demand it asks where the requester wants the secret.
        await Demand(new { reason = true });
        var raised = await Open("raised@example.com");
        raised["state"].ShouldBe("issued");
        await Demand(new { confirmation_or_evidence = true });
        (await _server.Post($"/v1/recoveries/{raised["id"]}/issue", null, _server.AdminToken)).Code.ShouldBe("requirements_open");
        (await Asked(raised)).Count.ShouldBe(1);

        _server.Time.Advance(TimeSpan.FromDays(3));
        (await _server.Post("/v1/confirmations", new { token, digest = late["digest"], answer = "yes" })).Code.ShouldBe("secret_invalid");
    }

    [Fact]
    public async Task The_page_shows_before_it_asks_and_asks_before_it_acts()
    {
        var recovery = await Open("page@example.com");
        var token = (await Asked(recovery)).ShouldHaveSingleItem();
        (await _server.Get("/recover/confirm")).Text.ShouldContain("Did you ask for this?");
        foreach (var form in new[] { "yes", "no" })
        {
            (await _server.Get($"/recover/confirm/{form}")).Headers.Location!.ToString().ShouldBe("/recover/confirm");
        }

        var asked = await Form("/recover/confirm", ("confirm_token", $"https://recover.example.com/recover/confirm#{token}"));
        asked.Status.ShouldBe(200, asked.Text);
        asked.Text.ShouldContain("Lost &lt;it&gt;.");
        asked.Text.ShouldContain("p•••@e•••.com");
        asked.Text.ShouldNotContain("page@example.com");
        var digest = Digest().Match(asked.Text).Groups["digest"].Value;
        digest.ShouldBe(recovery["decision_digest"]);
        (await State(recovery)).ShouldBe("pending");

        (await Form("/recover/confirm", ("confirm_token", token[..^1] + "?"))).Status.ShouldBe(401);
        (await Form("/recover/confirm", ("confirm_token", ""))).Status.ShouldBe(400);
        (await Form("/recover/confirm/yes", ("confirm_token", token), ("digest", "another"))).Status.ShouldBe(409);
        using var foreign = new HttpRequestMessage(HttpMethod.Post, "/recover/confirm/yes")
        {
            Content = new FormUrlEncodedContent([new("confirm_token", token), new("digest", digest)]),
        };
        foreign.Headers.Add("Origin", "https://evil.example");
        (await _server.Send(foreign)).Status.ShouldBe(403);
        (await State(recovery)).ShouldBe("pending");

        (await Form("/recover/confirm/yes", ("confirm_token", token), ("digest", digest))).Text.ShouldContain("You have confirmed that it was you.");
        (await Form("/recover/confirm/yes", ("confirm_token", token), ("digest", digest))).Text.ShouldContain("answered already");
        (await State(recovery)).ShouldBe("ready");
    }

    private async Task Demand(object require)
    {
        var policy = await _server.Get("/v1/policy", _server.AdminToken);
        var put = await _server.Put(
            "/v1/policy",
            new { version = (int)policy.Json!["version"]!, roles = policy.Json!["roles"], rules = new[] { new { name = "asks", when = (object?)null, require } } },
            _server.AdminToken);
        put.Status.ShouldBe(200, put.Text);
    }

    private async Task<Answer> Open(params string[] emails)
    {
        (await _server.Post("/v1/accounts", new { emails }, _server.AdminToken)).Status.ShouldBe(201);
        return await Recover(emails[0]);
    }

    private async Task<Answer> Recover(string email)
    {
        var opened = await _server.Post(
            "/v1/recoveries", new { account = new { email }, means = "link", reason = new { text = "Lost <it>." } }, _server.AdminToken);
        opened.Status.ShouldBe(201, opened.Text);
        return opened;
    }

    private async Task<string> State(Answer recovery) => (await _server.Get($"/v1/recoveries/{recovery["id"]}", _server.AdminToken))["state"];

    private async Task<IReadOnlyList<string>> Asked(Answer recovery) =>
        [.. (await Messages(recovery)).Select(m => m.GetProperty("Values").GetProperty("secret").GetString()!.Split('#')[1])];

    private async Task<IReadOnlyList<string>> Recipients(Answer recovery) =>
        [.. (await Messages(recovery)).Select(m => m.GetProperty("To")[0].GetProperty("Value").GetString()!)];

    // As the worker that sends mail reads the outbox.
    private async Task<IReadOnlyList<JsonElement>> Messages(Answer recovery)
    {
        var rows = await _server.Server.Installation.Database.Read(
            db => db.List<Row>(
                "SELECT id AS Id, sealed AS Sealed FROM outbox WHERE recovery_id = @id AND kind = 'recovery_confirmation' ORDER BY created_at, id",
                new { id = recovery["id"] }),
            CancellationToken.None);
        return [.. rows.Select(r => JsonDocument.Parse(
            _server.Server.Installation.Keys.Open(KeyPurpose.Outbox, TenantId.Default, "outbox", r.Id, r.Sealed)).RootElement)];
    }

    private async Task<Answer> Form(string path, params (string Name, string Value)[] fields)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new FormUrlEncodedContent(fields.Select(f => new KeyValuePair<string, string>(f.Name, f.Value))),
        };
        return await _server.Send(request);
    }

    private sealed record Row(string Id, byte[] Sealed);

    [GeneratedRegex("name=\"digest\" value=\"(?<digest>[^\"]+)\"", RegexOptions.NonBacktracking)]
    private static partial Regex Digest();
}
