using System.Text.Json.Nodes;
using Sparekey.Core.Access;
using Sparekey.Engine;

namespace Sparekey.Server.Tests;

/// <summary>Policy over HTTP and on the command line: stopped, changed by several, limited, tried on what was.</summary>
public sealed class PolicyTests : IAsyncLifetime
{
    private const string Password = "a new and remembered password";

    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.Start();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task While_recoveries_are_stopped_nobody_gets_nearer_to_an_account_and_then_all_goes_on()
    {
        await _server.Account("redeemed@example.com");
        var issued = await Recovery("issued@example.com");
        var redemption = await _server.RedeemLink(await _server.Recover("redeemed@example.com", "link"));
        var doomed = await Recovery("doomed@example.com");
        await _server.Account("known@example.com", password: "a password for the first day");
        var link = issued.Json!["secret"]!["link"]!.ToString().Split('#')[1];

        (await _server.Post("/v1/policy/stop", new { reason = "" }, _server.AdminToken)).Code.ShouldBe("invalid_request");
        var stopped = await _server.Post("/v1/policy/stop", new { reason = "Under attack, ticket SEC-12." }, _server.AdminToken);
        (stopped.Status, stopped["stopped"], stopped["reason"]).ShouldBe((200, "true", "Under attack, ticket SEC-12."));

        // Known callers learn why nothing works, strangers nothing.
        (await _server.Recover("known@example.com", "link")).Code.ShouldBe("recoveries_stopped");
        (await _server.Post("/v1/recoveries?evaluate=true", new { account = new { email = "known@example.com" }, means = "link" }, _server.AdminToken))
            ["refusal"].ShouldBe("recoveries_stopped");
        (await _server.Post($"/v1/recoveries/{issued["id"]}/issue", null, _server.AdminToken)).Code.ShouldBe("recoveries_stopped");
        (await _server.Put("/v1/redemption/password", new { new_password = Password }, redemption)).Code.ShouldBe("recoveries_stopped");
        (await _server.Post("/admin/recovery/code", new { identity_id = issued["account_id"] }, _server.AdminToken)).Status.ShouldBe(403);
        var right = await _server.Post("/v1/redemptions", new { link_secret = link });
        var wrong = await _server.Post("/v1/redemptions", new { link_secret = link[..^1] + (link[^1] == 'A' ? 'B' : 'A') });
        (right.Status, right.Code, right["title"]).ShouldBe((wrong.Status, wrong.Code, wrong["title"]));
        right.Code.ShouldBe("secret_invalid");
        (await _server.Post("/v1/recovery-requests", new { identifier = "known@example.com" })).Status.ShouldBe(202);
        (await _server.Post("/v1/recovery-requests", new { identifier = "nobody@example.com" })).Status.ShouldBe(202);

        // People sign in, and whoever says no is heard.
        (await _server.Post("/v1/sessions", new { identifier = "known@example.com", password = "a password for the first day" })).Status.ShouldBe(201);
        (await _server.Post($"/v1/recoveries/{doomed["id"]}/cancel", new { }, _server.AdminToken))["state"].ShouldBe("cancelled");

        (await _server.Post("/v1/policy/resume", null, _server.AdminToken)).Status.ShouldBe(204);
        (await _server.Get("/v1/policy/stop", _server.AdminToken)).Text.ShouldBe("""{"stopped":false}""");
        (await _server.Post("/v1/redemptions", new { link_secret = link })).Status.ShouldBe(201);
        (await _server.Put("/v1/redemption/password", new { new_password = Password }, redemption)).Status.ShouldBe(200);
        var ledger = await Ledger();
        ledger.Count(e => e == "recoveries_stopped").ShouldBe(1);
        ledger.Count(e => e == "recoveries_resumed").ShouldBe(1);
        ledger.ShouldContain("refused");
    }

    [Fact]
    public async Task What_became_ready_while_recoveries_were_stopped_is_sent_when_they_go_on_and_time_ran_meanwhile()
    {
        await Use(new { rules = new[] { new { name = "four_eyes", when = (object?)null, require = new { approvals = 1 } } } });
        var approver = await _server.TokenOf(await _server.Account("approver@example.com"), "approver", ["recovery:approve"]);
        await _server.Account("waits@example.com");
        var waiting = await _server.Post(
            "/v1/recoveries", new { account = new { email = "waits@example.com" }, means = "link", channel = "email" }, _server.AdminToken);
        waiting["state"].ShouldBe("pending");

        await _server.Post("/v1/policy/stop", new { reason = "fire" }, _server.AdminToken);
        var approved = await _server.Post($"/v1/recoveries/{waiting["id"]}/approvals", new { digest = waiting["digest"] }, approver);
        approved["state"].ShouldBe("ready");
        await _server.Get<Housekeeping>().RunOnce(CancellationToken.None);
        (await _server.Get($"/v1/recoveries/{waiting["id"]}", _server.AdminToken))["state"].ShouldBe("ready");

        await _server.Post("/v1/policy/resume", null, _server.AdminToken);
        await _server.Get<Housekeeping>().RunOnce(CancellationToken.None);
        (await _server.Get($"/v1/recoveries/{waiting["id"]}", _server.AdminToken))["state"].ShouldBe("issued");

        var short1 = await _server.Post(
            "/v1/recoveries", new { account = new { email = "approver@example.com" }, means = "link" }, _server.AdminToken);
        await _server.Post("/v1/policy/stop", new { reason = "fire" }, _server.AdminToken);
        _server.Time.Advance(TimeSpan.FromHours(73));
        await _server.Get<Housekeeping>().RunOnce(CancellationToken.None);
        var late = await _server.TokenOf("local-operator", "late", ["recovery:read"]);
        (await _server.Get($"/v1/recoveries/{short1["id"]}", late))["state"].ShouldBe("expired");
    }

    [Fact]
    public async Task A_policy_that_demands_approval_is_proposed_read_and_agreed_to()
    {
        await Use(new { changes = new { approvals = 1 } });
        var (owner, other) = (await _server.Account("owner@example.com"), await _server.Account("other@example.com"));
        var writer = await _server.TokenOf(owner, "writer", ["policy:write", "policy:read"]);
        var approver = await _server.TokenOf(other, "approver", ["policy:write", "policy:read"]);
        var reader = await _server.TokenOf(other, "reader", ["policy:read"]);

        var proposed = await _server.Put("/v1/policy", new { version = 1, roles = new[] { "user", "operator", "admin" }, rules = Array.Empty<object>() }, writer);
        (proposed.Status, proposed["state"], proposed["approvals_needed"]).ShouldBe((202, "open", "1"));
        var change = $"/v1/policy/changes/{proposed["id"]}";
        (await _server.Get("/v1/policy", reader)).Json!["changes"]!["approvals"]!.ToString().ShouldBe("1");
        (await _server.Get(change, reader)).Text.ShouldBe(proposed.Text);
        (await _server.Post($"{change}/approvals", new { digest = proposed["digest"] }, reader)).Code.ShouldBe("permission_missing");
        (await _server.Post($"{change}/approvals", new { digest = proposed["digest"] }, writer)).Code.ShouldBe("separation_of_duties");
        (await _server.Post($"{change}/approvals", new { digest = "another" }, approver)).Code.ShouldBe("digest_mismatch");
        (await _server.Post("/v1/policy/changes/nonsense/denials", new { digest = "x" }, approver)).Code.ShouldBe("policy_change_not_found");
        (await _server.Get($"/v1/policy/changes/{owner}", approver)).Code.ShouldBe("policy_change_not_found");
        (await _server.Post($"{change}/approvals", new { digest = proposed["digest"], comment = "Looks right." }, approver))["state"].ShouldBe("landed");

        (await _server.Get("/v1/policy", reader)).Json!["version"]!.GetValue<int>().ShouldBe(2);
        (await _server.Post($"{change}/denials", new { digest = proposed["digest"] }, approver)).Code.ShouldBe("policy_change_closed");
        (await _server.Get("/v1/policy/changes", reader)).Json!["changes"]!.AsArray().Single()!["state"]!.ToString().ShouldBe("landed");
    }

    [Fact]
    public async Task A_desk_beyond_its_limit_waits_for_a_second_person_or_is_told_when_to_come_back()
    {
        await Use(new
        {
            velocity = new object[]
            {
                new { name = "helper", per = "operator", count = 1, within = "1h" },
                new { name = "hard", per = "operator", count = 2, within = "1h", then = "refuse" },
            },
        });
        var desk = await _server.TokenOf(await _server.Account("helper@example.com"), "desk", ["recovery:request", "recovery:issue", "recovery:read"]);
        await _server.Account("person@example.com");

        (await _server.Recover("person@example.com", "link", desk))["state"].ShouldBe("issued");
        var second = await _server.Recover("person@example.com", "link", desk);
        second["state"].ShouldBe("pending");
        second.Json!["requirements"]!.AsArray().Single()!["kind"]!.ToString().ShouldBe("approvals");
        var third = await _server.Recover("person@example.com", "link", desk);
        (third.Status, third.Code).ShouldBe((429, "velocity_exceeded"));
        third.Headers.RetryAfter!.Delta.ShouldBe(TimeSpan.FromHours(1));

        // Who asks for their own account is not shut out by what others did to it.
        (await _server.Post("/v1/recovery-requests", new { identifier = "person@example.com" })).Status.ShouldBe(202);
        (await _server.Get("/v1/recoveries?state=issued", _server.AdminToken)).Json!["recoveries"]!.AsArray()
            .Count(r => r!["requested_by"]!["kind"]!.ToString() == "anonymous").ShouldBe(1);
        (await Ledger()).Count(e => e == "velocity_exceeded").ShouldBe(2);
    }

    [Fact]
    public async Task The_command_line_stops_resumes_evaluates_proposes_and_agrees()
    {
        var file = Path.Combine(_server.Folder, "proposed.json");
        await Recovery("person@example.com");
        await File.WriteAllTextAsync(
            file, """{"version":0,"roles":["user","operator","admin"],"rules":[{"name":"two","when":null,"require":{"approvals":2}}],"changes":{"approvals":1}}""",
            TestContext.Current.CancellationToken);

        var evaluated = await Cli("policy", "evaluate", file, "--last", "10");
        (evaluated["totals"]!["replayed"]!.GetValue<int>(), evaluated["totals"]!["demanding_more"]!.GetValue<int>()).ShouldBe((1, 1));
        evaluated["recoveries"]!.AsArray().Single()!["added"]!.AsArray().Single()!["count"]!.GetValue<int>().ShouldBe(2);
        (await Cli("policy", "set", file))["version"]!.GetValue<int>().ShouldBe(1);
        await File.WriteAllTextAsync(file, (await Cli("policy", "show")).ToJsonString(), TestContext.Current.CancellationToken);
        var proposed = await Cli("policy", "set", file);
        proposed["state"]!.ToString().ShouldBe("open");
        var refused = await ServerProcess.RunToEnd(
            "policy", "approve", proposed["id"]!.ToString(), "--digest", proposed["digest"]!.ToString(), "--data", _server.Folder);
        (refused.ExitCode, refused.Errors.Contains("separation_of_duties", StringComparison.Ordinal)).ShouldBe((1, true));
        (await Cli("policy", "deny", proposed["id"]!.ToString(), "--digest", proposed["digest"]!.ToString()))["state"]!.ToString().ShouldBe("denied");
        (await Cli("policy", "stop", "fire"))["stopped"]!.GetValue<bool>().ShouldBeTrue();
        (await _server.Recover("person@example.com", "link")).Code.ShouldBe("recoveries_stopped");
        await Cli("policy", "resume");
        (await Cli("policy", "stop"))["stopped"]!.GetValue<bool>().ShouldBeFalse();
    }

    private async Task<JsonNode> Cli(params string[] arguments)
    {
        var ran = await ServerProcess.RunToEnd([.. arguments, "--json", "--data", _server.Folder]);
        ran.ExitCode.ShouldBe(0, ran.Errors);
        return JsonNode.Parse(ran.Out)!;
    }

    private async Task<Answer> Recovery(string email)
    {
        await _server.Account(email);
        return await _server.Recover(email, "link");
    }

    private async Task Use(object sections)
    {
        var body = JsonNode.Parse(System.Text.Json.JsonSerializer.Serialize(sections))!.AsObject();
        body["version"] = 0;
        body["roles"] = new JsonArray(RankOrder.Default.Roles.Select(r => (JsonNode)r).ToArray());
        body["rules"] ??= new JsonArray();
        (await _server.Put("/v1/policy", body.ToJsonString(), _server.AdminToken)).Status.ShouldBe(200);
    }

    private async Task<List<string>> Ledger()
    {
        await _server.Get<Housekeeping>().RunOnce(CancellationToken.None);
        var page = await _server.Get("/v1/ledger?limit=1000", _server.AdminToken);
        return [.. page.Json!["entries"]!.AsArray().Select(e => e!["entry"]!["event"]!.ToString())];
    }
}
