using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>Decisions that a passkey signs: what you see is what you sign, and it is good once.</summary>
public sealed class SignedDecisionTests : IAsyncLifetime
{
    private RunningServer _server = null!;
    private Approver _first = null!;
    private Approver _second = null!;
    private int _people;

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.Start();
        await Approver.AllowPasskeys(_server);
        _first = await Approver.Make(_server, "first@example.com", "recovery:approve", "recovery:read", "recovery:evidence", "recovery:confirm");
        _second = await Approver.Make(_server, "second@example.com", "recovery:approve", "recovery:read");
    }

    public async ValueTask DisposeAsync()
    {
        _first.Dispose();
        _second.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task An_approval_is_signed_with_a_passkey_and_the_ledger_says_what_was_signed()
    {
        await Demand(new { approvals = 2, approvals_signed = true });
        var recovery = await Waiting();
        var path = Approvals(recovery);
        var body = new { digest = recovery["decision_digest"], comment = "I saw her badge." };

        (await _server.Post(path, body, _first.Session)).Code.ShouldBe("signature_required");
        var options = await _server.Post($"{path}/options", body, _first.Session);
        options.Status.ShouldBe(200, options.Text);
        options.Json!["public_key"]!["allowCredentials"]!.AsArray().Count.ShouldBe(1);
        var statement = options["statement"];
        var hash = Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes(statement)));
        options.Json!["public_key"]!["challenge"]!.ToString().ShouldBe(hash);
        var said = JsonNode.Parse(statement)!;
        (said["recovery"]!.ToString(), said["digest"]!.ToString(), said["decision"]!.ToString(), said["comment"]!.ToString())
            .ShouldBe((recovery["id"], recovery["digest"], "approval", "I saw her badge."));

        var assertion = _first.Proves(options);
        var approved = await _server.Post(path, new { body.digest, body.comment, assertion }, _first.Session);
        approved.Status.ShouldBe(200, approved.Text);
        approved["state"].ShouldBe("pending");
        ((bool)approved.Json!["requirements"]![0]!["met_by"]![0]!["signed"]!).ShouldBeTrue();

        var entry = (await _server.Get($"/v1/ledger?recovery={recovery["id"]}", _server.AdminToken)).Json!["entries"]!.AsArray()
            .Single(e => e!["entry"]!["event"]!.ToString() == "recovery_requirement_met")!;
        entry["entry"]!["facts"]!["signed"]!.ToString().ShouldBe(hash);
        var passkey = (await _server.Get($"/v1/accounts/{_first.Account}/credentials", _server.AdminToken)).Json!["items"]![0]!["id"]!.ToString();
        entry["entry"]!["facts"]!["signed_with"]!.ToString().ShouldBe(passkey);
        entry["texts"]!["comment"]!["text"]!.ToString().ShouldBe("I saw her badge.");
        entry["entry"]!.ToJsonString().ShouldNotContain("badge");

        // The same signature again, and the second approver's own.
        (await _server.Post(path, new { body.digest, body.comment, assertion }, _first.Session)).Code.ShouldBe("challenge_refused");
        var other = new { digest = recovery["digest"] };
        var done = await _server.Post(path, new { other.digest, assertion = await _second.Sign(path, other) }, _second.Session);
        (done.Status, done["state"]).ShouldBe((200, "ready"));
    }

    [Fact]
    public async Task A_signature_fits_nothing_but_what_was_signed_and_a_wrong_one_spends_nothing()
    {
        await Demand(new { approvals = 1, confirmation_or_evidence = true });
        var (recovery, another) = (await Waiting(), await Waiting());
        var path = Approvals(recovery);
        var body = new { digest = recovery["digest"], comment = "Seen." };
        var assertion = await _first.Sign(path, body);

        foreach (var (to, sent, by, code) in new (string, object, string, string)[]
        {
            ($"/v1/recoveries/{recovery["id"]}/denials", new { body.digest, body.comment, assertion }, _first.Session, "challenge_refused"),
            ($"/v1/recoveries/{recovery["id"]}/confirmations", new { body.digest, body.comment, assertion }, _first.Session, "challenge_refused"),
            ($"/v1/recoveries/{recovery["id"]}/evidence", new { body.digest, body.comment, kind = "id_card", assertion }, _first.Session, "challenge_refused"),
            (path, new { body.digest, comment = "Seen!", assertion }, _first.Session, "challenge_refused"),
            (path, new { body.digest, assertion }, _first.Session, "challenge_refused"),
            (Approvals(another), new { digest = another["digest"], body.comment, assertion }, _first.Session, "challenge_refused"),
            (path, new { body.digest, body.comment, assertion }, _second.Session, "challenge_refused"),
            (path, new { body.digest, body.comment, assertion }, _server.AdminToken, "challenge_refused"),
            (path, Sent(PageOfBrowser.Changed(assertion, "signature", Base64Url.EncodeToString(new byte[70]))), _first.Session, "passkey_refused"),
            (path, Sent(PageOfBrowser.Changed(assertion, "authenticatorData", Base64Url.EncodeToString(new byte[37]))), _first.Session, "passkey_refused"),
            (path, Sent(Elsewhere(assertion)), _first.Session, "passkey_refused"),
            (path, Sent(PageOfBrowser.Changed(assertion, "clientDataJSON", "")), _first.Session, "challenge_refused"),
            (path, Sent(new JsonObject { ["type"] = "password" }), _first.Session, "invalid_request"),
            (path, Sent(JsonValue.Create("x")), _first.Session, "invalid_request"),
        })
        {
            var refused = await _server.Post(to, sent, by);
            refused.Code.ShouldBe(code, $"{to} {refused.Text}");
        }

        var both = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => _server.Post(path, Sent(assertion), _first.Session)));
        both.Select(a => a.Code).Order(StringComparer.Ordinal).ShouldBe([null, "challenge_refused"]);
        (await _server.Get($"/v1/recoveries/{another["id"]}", _server.AdminToken))["state"].ShouldBe("pending");

        object Sent(JsonNode? with) => new { body.digest, body.comment, assertion = with };
    }

    [Fact]
    public async Task A_signature_falls_with_time_and_with_what_it_was_made_on()
    {
        await Demand(new { approvals = 1, approvals_signed = true });
        var recovery = await Waiting();
        var path = Approvals(recovery);
        var late = await _first.Sign(path, new { digest = recovery["digest"] });
        _server.Time.Advance(TimeSpan.FromMinutes(5));
        (await _server.Post(path, new { digest = recovery["digest"], assertion = late }, _first.Session)).Code.ShouldBe("challenge_refused");

        var old = await _first.Sign(path, new { digest = recovery["digest"] });
        var changed = await _server.Post($"/v1/recoveries/{recovery["id"]}/reason", new { text = "Another story." }, _server.AdminToken);
        foreach (var digest in new[] { recovery["digest"], changed["digest"], changed["decision_digest"] })
        {
            (await _server.Post(path, new { digest, assertion = old }, _first.Session)).Code.ShouldBe("digest_mismatch");
        }

        (await _server.Post($"{path}/options", new { digest = recovery["digest"] }, _first.Session)).Code.ShouldBe("digest_mismatch");
        var fresh = await _first.Sign(path, new { digest = changed["digest"] });
        (await _server.Post(path, new { digest = changed["digest"], assertion = fresh }, _first.Session))["state"].ShouldBe("ready");
    }

    [Fact]
    public async Task A_programme_decides_for_its_owner_and_is_signed_for_by_no_other()
    {
        await Demand(new { approvals = 1, approvals_signed = true });
        var recovery = await Waiting();
        var path = Approvals(recovery);
        var body = new { digest = recovery["decision_digest"] };
        var programme = await _server.TokenOf(_first.Account, "approval system", ["recovery:approve", "recovery:read"]);
        var nobodys = await _server.Token("nobody's", ["recovery:approve"]);
        (await _server.Post($"{path}/options", body, nobodys)).Code.ShouldBe("credential_not_found");

        var options = await _server.Post($"{path}/options", body, programme);
        options.Status.ShouldBe(200, options.Text);
        (await _server.Post(path, new { body.digest, assertion = _second.Proves(options) }, programme)).Code.ShouldBe("passkey_refused");
        var assertion = _first.Proves(options);
        (await _server.Post(path, new { body.digest, assertion }, _first.Session)).Code.ShouldBe("challenge_refused");
        (await _server.Post(path, new { body.digest, assertion }, programme))["state"].ShouldBe("ready");
    }

    [Fact]
    public async Task T16_What_is_to_be_signed_does_not_tell_a_requester_that_they_were_denied()
    {
        await Demand(new { approvals = 1 });
        var requester = await Approver.Make(_server, "requester@example.com", "recovery:request", "recovery:approve", "recovery:read");
        await _server.Account("victim@example.com");
        var recovery = await _server.Recover("victim@example.com", "link", requester.Session);
        var body = new { digest = recovery["digest"] };
        var before = await _server.Post($"{Approvals(recovery)}/options", body, requester.Session);
        (await _server.Post($"/v1/recoveries/{recovery["id"]}/denials", body, _first.Session)).Status.ShouldBe(200);
        var after = await _server.Post($"{Approvals(recovery)}/options", body, requester.Session);
        (after.Status, JsonNode.Parse(after["statement"])!["requirements"]!.ToJsonString())
            .ShouldBe((before.Status, JsonNode.Parse(before["statement"])!["requirements"]!.ToJsonString()));
        var signed = new { body.digest, assertion = requester.Proves(after) };
        (await _server.Post(Approvals(recovery), signed, requester.Session)).Code.ShouldBe("separation_of_duties");
        requester.Dispose();
    }

    private static string Approvals(Answer recovery) => $"/v1/recoveries/{recovery["id"]}/approvals";

    private static JsonObject Elsewhere(JsonObject assertion)
    {
        var client = Encoding.UTF8.GetString(Base64Url.DecodeFromChars(assertion["response"]!["clientDataJSON"]!.ToString()));
        return PageOfBrowser.Changed(
            assertion, "clientDataJSON",
            Base64Url.EncodeToString(Encoding.UTF8.GetBytes(client.Replace("localhost", "evil.example", StringComparison.Ordinal))));
    }

    private async Task Demand(object require)
    {
        var policy = await _server.Get("/v1/policy", _server.AdminToken);
        var put = await _server.Put(
            "/v1/policy",
            new { version = (int)policy.Json!["version"]!, roles = policy.Json!["roles"], rules = new[] { new { name = "four_eyes", when = (object?)null, require } } },
            _server.AdminToken);
        put.Status.ShouldBe(200, put.Text);
    }

    private async Task<Answer> Waiting()
    {
        var email = $"person{++_people}@example.com";
        await _server.Account(email);
        var recovery = await _server.Recover(email, "link");
        recovery["state"].ShouldBe("pending");
        return recovery;
    }
}
