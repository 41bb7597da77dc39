using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Slack;
using Sparekey.Engine.Webhooks;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>
/// The story that the project began with: a programme asks for a recovery and says why, the person is asked in Slack whether it was them,
/// two people agree, the programme gets the secret, and everybody who must know is told: by a real mail server, and by a receiver of
/// webhooks that verifies every signature. And the ways in which it ends otherwise. The ledger names everybody who acted.
/// </summary>
public sealed class StoryTests : IAsyncLifetime
{
    private const string PersonsUser = "U0PERSON";

    private SlackStandIn _slack = null!;
    private SmtpServer _smtp = null!;
    private NodeProgram _receiver = null!;
    private RunningServer _server = null!;
    private string _person = "";
    private string _admin = "";
    private string _helpDesk = "";
    private string _helpDeskOwner = "";
    private (string Account, string Session) _first;
    private (string Account, string Session) _second;

    public async ValueTask InitializeAsync()
    {
        _slack = await SlackStandIn.Start();
        _smtp = await SmtpServer.Start();
        _receiver = await NodeProgram.Start("webhook-receiver.js");
        _server = await RunningServer.Start(
            mail: new MailOptions("127.0.0.1", new("recovery@example.com")) { Port = _smtp.Port, Tls = MailTls.None },
            egress: new EgressOptions { PrivateHosts = ["127.0.0.1"] });
        _admin = _server.AdminToken;
        _person = await _server.Account("person@example.com");
        _slack.AddUser(PersonsUser, "person@example.com");
        _first = await Operator("first@example.com");
        _second = await Operator("second@example.com");

        // The help desk's programme belongs to somebody who may approve the recoveries of others.
        (_helpDeskOwner, _) = await Operator("owner@example.com");
        _helpDesk = await _server.TokenOf(
            _helpDeskOwner, "help desk", ["recovery:request", "recovery:issue", "recovery:read", "recovery:approve", "recovery:cancel"]);

        (await _server.Put("/v1/slack", new
        {
            base_url = _slack.BaseUrl, bot_token = SlackStandIn.BotToken, signing_secret = SlackStandIn.SigningSecret, channel = SlackStandIn.Channel,
        }, _admin)).Status.ShouldBe(200);
        var url = $"http://127.0.0.1:{(int)(await _receiver.Call(new { op = "listen" }))!}/hook";
        var hook = await _server.Post("/v1/webhooks", new { url, events = new[] { "recovery.*", "incident.opened" } }, _admin);
        await _receiver.Call(new { op = "secret", secret = hook["secret"] });

        // The clock jumps in here, and events leave when it does.
        await _receiver.Call(new { op = "now", at = "sender" });
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        await _receiver.DisposeAsync();
        await _smtp.DisposeAsync();
        await _slack.DisposeAsync();
    }

    [Fact]
    public async Task Asked_for_confirmed_in_slack_approved_by_two_issued_redeemed_and_told()
    {
        var recovery = await Asked();

        // Not yet, and not by whoever asked.
        (await Issue(recovery)).Code.ShouldBe("requirements_open");
        (await Approve(recovery, _helpDesk)).Code.ShouldBe("separation_of_duties");
        var ownersSession = await SessionOf(_helpDeskOwner);
        (await Approve(recovery, ownersSession)).Code.ShouldBe("separation_of_duties");

        await Press("confirm");
        (await Issue(recovery)).Code.ShouldBe("requirements_open");
        (await Approve(recovery, _first.Session)).Status.ShouldBe(200);
        (await Approve(recovery, _first.Session)).Code.ShouldBe("already_decided");
        (await Issue(recovery)).Code.ShouldBe("requirements_open");
        (await Approve(recovery, _second.Session))["state"].ShouldBe("ready");

        var issued = await Issue(recovery);
        issued.Status.ShouldBe(201, issued.Text);
        var code = issued.Json!["secret"]!["code"]!.ToString();
        var redeemed = await _server.Post("/v1/redemptions", new { code, account = new { email = "person@example.com" } });
        redeemed.Status.ShouldBe(201, redeemed.Text);
        (await _server.Put("/v1/redemption/password", new { new_password = "a new password of a person" }, redeemed["redemption_token"])).Status.ShouldBe(200);

        await ToldOf(
            recovery, "recovery.requested", "recovery.pending", "recovery.confirmed", "recovery.approved", "recovery.ready", "recovery.issued",
            "recovery.redeemed", "recovery.completed");
        await Mailed("was opened", "were issued", "was recovered");
        (await Actors(recovery)).ShouldBe(Known("account:" + _person, "account:" + _first.Account, "account:" + _second.Account), ignoreOrder: true);
        await ShowsNowhere(code);
    }

    [Fact]
    public async Task Denied_by_the_person_in_slack()
    {
        var recovery = await Asked();
        await Press("not_me");

        (await _server.Get($"/v1/recoveries/{recovery["id"]}", _admin))["state"].ShouldBe("denied");
        (await Approve(recovery, _first.Session)).Status.ShouldBe(409);
        (await Issue(recovery)).Status.ShouldBe(409);
        await ToldOf(recovery, "recovery.requested", "recovery.pending", "recovery.denied", "incident.opened");
        (await Actors(recovery)).ShouldContain("account:" + _person);
    }

    [Fact]
    public async Task Denied_by_an_approver_after_another_agreed()
    {
        var recovery = await Asked();
        await Press("confirm");
        (await Approve(recovery, _first.Session)).Status.ShouldBe(200);
        (await _server.Post($"/v1/recoveries/{recovery["id"]}/denials", new { digest = recovery["digest"] }, _second.Session)).Status.ShouldBe(200);

        (await Issue(recovery)).Status.ShouldBe(409);
        await ToldOf(recovery, "recovery.requested", "recovery.pending", "recovery.confirmed", "recovery.approved", "recovery.denied");
        (await Actors(recovery)).ShouldBe(Known("account:" + _person, "account:" + _first.Account, "account:" + _second.Account), ignoreOrder: true);
    }

    [Fact]
    public async Task Taken_back_by_the_notice_during_the_waiting_time()
    {
        var recovery = await Asked(wait: "30m");
        await Press("confirm");
        (await Approve(recovery, _first.Session)).Status.ShouldBe(200);
        (await Approve(recovery, _second.Session)).Status.ShouldBe(200);
        (await Issue(recovery)).Code.ShouldBe("requirements_open");

        var notice = (await _server.Mails(_smtp, 1, "#spn_"))[0];
        var token = notice.Text.Split('#')[1].Split('\n')[0];
        (await _server.Post("/v1/repudiations", new { token }))["state"].ShouldBe("cancelled");

        _server.Time.Advance(TimeSpan.FromMinutes(30));
        (await Issue(recovery)).Status.ShouldBe(409);
        await ToldOf(
            recovery, "recovery.requested", "recovery.pending", "recovery.confirmed", "recovery.approved", "recovery.cancelled", "recovery.repudiated",
            "incident.opened");
        (await Actors(recovery)).ShouldBe(Known("account:" + _person, "account:" + _first.Account, "account:" + _second.Account), ignoreOrder: true);
    }

    [Fact]
    public async Task Expired_before_the_second_agreed()
    {
        var recovery = await Asked();
        await Press("confirm");
        (await Approve(recovery, _first.Session)).Status.ShouldBe(200);
        _server.Time.Advance(TimeSpan.FromHours(13));
        var late = await SessionOf(_second.Account);
        (await Approve(recovery, late)).Status.ShouldBe(410);
        (await _server.Get<Engine.Recoveries.SweepRecoveries>().Run(TenantId.Default, CancellationToken.None)).ShouldBeGreaterThanOrEqualTo(0);
        (await _server.Get($"/v1/recoveries/{recovery["id"]}", _admin))["state"].ShouldBe("expired");
        await ToldOf(recovery, "recovery.requested", "recovery.pending", "recovery.confirmed", "recovery.approved", "recovery.expired");
        (await Actors(recovery)).ShouldBe(Known("account:" + _person, "account:" + _first.Account), ignoreOrder: true);
    }

    [Fact]
    public async Task Stopped_with_everything_else_and_going_on_when_somebody_lets_it()
    {
        var recovery = await Asked();
        await Press("confirm");
        (await Approve(recovery, _first.Session)).Status.ShouldBe(200);
        (await Approve(recovery, _second.Session)).Status.ShouldBe(200);
        (await _server.Post("/v1/policy/stop", new { reason = "somebody walks about in the help desk" }, _admin)).Status.ShouldBe(200);

        (await Issue(recovery)).Code.ShouldBe("recoveries_stopped");
        (await _server.Post("/v1/recoveries", Order(), _helpDesk)).Code.ShouldBe("recoveries_stopped");

        (await _server.Send("POST", "/v1/policy/resume", null, _admin)).Status.ShouldBe(204);
        (await Issue(recovery)).Status.ShouldBe(201);
        var entries = (await _server.Get("/v1/ledger?limit=500", _admin)).Json!["entries"]!.AsArray().Select(e => e!["entry"]!).ToList();
        foreach (var happened in new[] { "recoveries_stopped", "recoveries_resumed" })
        {
            entries.Single(e => e["event"]!.ToString() == happened)["actor"]!["owner"]!.ToString().ShouldBe("local-operator");
        }

        await ToldOf(
            recovery, "recovery.requested", "recovery.pending", "recovery.confirmed", "recovery.approved", "recovery.ready", "recovery.issued");
    }

    private static object Order() => new
    {
        account = new { email = "person@example.com" },
        means = "code",
        reason = new { code = "lost_phone", text = "Lost the phone on a journey & says so.", ticket = "HD-4711" },
    };

    // A recovery that policy demands everything of.
    private async Task<Answer> Asked(string? wait = null)
    {
        var policy = await _server.Get("/v1/policy", _admin);
        (await _server.Put("/v1/policy", new
        {
            version = (int)policy.Json!["version"]!,
            roles = policy.Json!["roles"],
            open_for = "12h",
            rules = new[]
            {
                new
                {
                    name = "help_desk",
                    when = (object?)null,
                    require = new
                    {
                        reason = true, reason_codes = new[] { "lost_phone" }, ticket_pattern = "HD-[0-9]+", confirmation_over = new[] { "slack" },
                        approvals = 2, wait,
                    },
                },
            },
        }, _admin)).Status.ShouldBe(200);
        (await _server.Post("/v1/recoveries", new { account = new { email = "person@example.com" }, means = "code" }, _helpDesk))["state"].ShouldBe("pending");
        var recovery = await _server.Post("/v1/recoveries", Order(), _helpDesk);
        recovery["state"].ShouldBe("pending", recovery.Text);
        recovery.Json!["secret"].ShouldBeNull();
        return recovery;
    }

    private async Task Press(string action)
    {
        await _server.Get<TellSlack>().RunOnce(CancellationToken.None);
        var question = _slack.Posts.Single(p => p.Buttons.ContainsKey(action) && p.Shown.Contains("HD-4711", StringComparison.Ordinal));
        question.Shown.ShouldContain("&amp; says so");
        var press = SlackStandIn.Press(PersonsUser, question, action, _server.Time.GetUtcNow());
        using var request = new HttpRequestMessage(HttpMethod.Post, "/slack/interactions")
        {
            Content = new StringContent(press.Body, Encoding.UTF8, MediaTypeHeaderValue.Parse("application/x-www-form-urlencoded")),
        };
        request.Headers.Add("X-Slack-Request-Timestamp", press.Timestamp);
        request.Headers.Add("X-Slack-Signature", press.Signature);
        (await _server.Send(request)).Status.ShouldBe(200);
        await _server.Get<TellSlack>().RunOnce(CancellationToken.None);
    }

    private Task<Answer> Issue(Answer recovery) => _server.Post($"/v1/recoveries/{recovery["id"]}/issue", new { }, _helpDesk);

    private Task<Answer> Approve(Answer recovery, string by) =>
        _server.Post($"/v1/recoveries/{recovery["id"]}/approvals", new { digest = recovery["digest"] }, by);

    private async Task ToldOf(Answer recovery, params string[] events)
    {
        await _server.Get<TellWebhooks>().RunOnce(CancellationToken.None);
        var received = (await _receiver.Call(new { op = "received" }))!.AsArray().Select(r => r!).ToList();
        received.ShouldAllBe(r => (bool)r["verified"]!);
        received.Select(r => r["headers"]!["webhook-id"]!.ToString()).ShouldBeUnique();

        // "This was not me" names the request whose notice it answered: it may be the first one, which had no reason.
        received.Select(r => JsonNode.Parse(r["body"]!.ToString())!)
            .Where(b => b["data"]!["recovery"]?.ToString() == recovery["id"] || b["type"]!.ToString() is "incident.opened" or "recovery.repudiated")
            .Select(b => b["type"]!.ToString()).Distinct().ShouldBe(events, ignoreOrder: true);
    }

    private async Task Mailed(params string[] texts)
    {
        // Other requests are told of too: what counts is that each of these comes, not how many do.
        foreach (var text in texts)
        {
            await _server.Mails(_smtp, 1, text);
        }
    }

    private async Task ShowsNowhere(string code)
    {
        string.Join('\n', _server.LogLines).ShouldNotContain(code);
        (await _receiver.Call(new { op = "received" }))!.ToJsonString().ShouldNotContain(code);
        _slack.Calls.ShouldAllBe(c => !c.Arguments.ToJsonString(null).Contains(code, StringComparison.Ordinal));
        (await _server.Mails(_smtp, 1)).ShouldAllBe(m => !m.Raw.Contains(code, StringComparison.Ordinal));
    }

    // Everybody who acted on a recovery, but for the server itself and strangers.
    private async Task<IReadOnlyList<string>> Actors(Answer recovery) =>
        [.. (await _server.Get($"/v1/ledger?recovery={recovery["id"]}&limit=500", _admin)).Json!["entries"]!.AsArray()
            .Select(e => e!["entry"]!)
            .Where(e => e["event"]!.ToString() != "refused")
            .Select(e => e["actor"]!)
            .Where(a => a["kind"]!.ToString() is "account" or "service_account")
            .Select(a => a["kind"]!.ToString() == "account" ? $"account:{a["id"]}" : $"programme of:{a["owner"]}")
            .Distinct()];

    private IEnumerable<string> Known(params string[] others) => [$"programme of:{_helpDeskOwner}", .. others];

    private async Task<(string Account, string Session)> Operator(string email)
    {
        var account = await _server.Account(email, role: "admin");
        (await _server.Put($"/v1/operators/{account}", new { permissions = new[] { "recovery:approve", "recovery:read" }, ceiling = "admin" }, _admin))
            .Status.ShouldBe(200);
        return (account, await SessionOf(account));
    }

    private Task<string> SessionOf(string account) => TestSessions.SignIn(
        _server.Services, Ids.Parse<AccountId>(account), AssuranceLevels.Possession, AssuranceLevels.UserVerified);
}
