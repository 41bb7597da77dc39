using System.Text.RegularExpressions;
using Sparekey.Engine.Delivery;
using Sparekey.Server.Cli;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>"This was not me" and what follows, over HTTP, on the page and at the command line.</summary>
public sealed partial class IncidentTests : IAsyncLifetime
{
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
    public async Task The_person_stops_it_on_the_page_freezes_the_account_and_two_people_lift_that()
    {
        var account = await _server.Account("person@example.com", username: "somebody");
        var approver = await _server.Account("approver@example.com");
        _server.Time.Advance(TimeSpan.FromDays(8));
        var admin = await _server.TokenOf("local-operator", "desk", ["recovery:request", "recovery:issue", "recovery:read", "recovery:cancel", "account:write", "account:read", "recovery:approve", "ledger:read"]);
        var recovery = await _server.Recover("person@example.com", "link", admin);
        var second = await _server.Recover("person@example.com", "link", admin);
        var token = NoticeToken().Match((await _server.Mails(_smtp, 1, "#spn_"))[0].Text).Groups["token"].Value;

        // Looking does nothing, nor does it at the address of the second form.
        (await _server.Get("/recover/not-me")).Status.ShouldBe(200);
        (await _server.Get("/recover/freeze")).Status.ShouldBe(302);
        (await _server.Get($"/v1/recoveries/{recovery["id"]}", admin))["state"].ShouldBe("issued");

        var page = await Form("/recover/not-me", token);
        page.Status.ShouldBe(200);
        page.Text.ShouldContain("It was stopped");
        page.Text.ShouldContain("action=\"/recover/freeze\"");
        foreach (var gone in new[] { recovery, second })
        {
            (await _server.Get($"/v1/recoveries/{gone["id"]}", admin))["state"].ShouldBe("cancelled");
        }

        var incident = (await _server.Get($"/v1/incidents?state=open&account={account}", admin)).Json!["incidents"]!.AsArray().ShouldHaveSingleItem()!;
        incident["recoveries"]!.AsArray().Count.ShouldBe(2);
        (await _server.Recover("person@example.com", "link", admin))["state"].ShouldBe("pending");

        (await Form("/recover/freeze", token)).Text.ShouldContain("Your account is frozen");
        (await Form("/recover/freeze", token)).Text.ShouldContain("Your account is frozen");
        (await Form("/recover/not-me", token)).Text.ShouldNotContain("action=\"/recover/freeze\"");
        (await _server.Get($"/v1/accounts/{account}", admin))["status"].ShouldBe("frozen");
        (await _server.Recover("person@example.com", "link", admin)).Code.ShouldBe("account_disabled");
        (await _server.Send("PATCH", $"/v1/accounts/{account}", new { status = "active" }, admin)).Code.ShouldBe("account_frozen");
        (await _server.Mails(_smtp, 1, "Every session and every recovery was ended"))[0].To.ShouldBe(["person@example.com"]);

        // One asks, another agrees; a second programme of the same person is no other.
        var freeze = $"/v1/accounts/{account}/freeze";
        var asked = await _server.Post($"{freeze}/lift", new { reason = "it was a mistake" }, admin);
        asked.Status.ShouldBe(200, asked.Text);
        var lift = asked.Json!["lift"]!["id"]!.ToString();
        var same = await _server.TokenOf("local-operator", "desk two", ["recovery:approve"]);
        (await _server.Post($"{freeze}/approvals", new { lift }, same)).Code.ShouldBe("separation_of_duties");
        var other = await _server.TokenOf(approver, "approver's", ["recovery:approve", "recovery:read"]);
        (await _server.Post($"{freeze}/approvals", new { lift = Guid.Empty.ToString() }, other)).Code.ShouldBe("lift_not_found");
        (await _server.Post($"{freeze}/lift", new { reason = "x" }, other)).Code.ShouldBe("permission_missing");
        var lifted = await _server.Post($"{freeze}/approvals", new { lift }, other);
        (lifted.Status, lifted["frozen"]).ShouldBe((200, "false"));
        (await _server.Get($"/v1/accounts/{account}", admin))["status"].ShouldBe("active");
        (await _server.Get(freeze, admin)).Code.ShouldBe("account_not_frozen");
        (await Form("/recover/freeze", token)).Status.ShouldBe(401);

        var path = $"/v1/incidents/{incident["id"]}";
        (await _server.Post($"{path}/close", new { comment = "spoke to them" }, other)).Code.ShouldBe("permission_missing");
        (await _server.Post($"{path}/close", new { comment = "spoke to them" }, admin))["state"].ShouldBe("closed");
        (await _server.Post($"{path}/close", new { comment = "again" }, admin)).Code.ShouldBe("already_decided");
        (await _server.Get(path, other))["comment"].ShouldBe("spoke to them");
        (await _server.Get("/v1/incidents?state=shut", admin)).Code.ShouldBe("invalid_request");
        (await _server.Get($"/v1/incidents/{Guid.Empty}", admin)).Code.ShouldBe("incident_not_found");

        var events = (await _server.Get($"/v1/ledger?account={account}&limit=200", admin)).Json!["entries"]!.AsArray()
            .Select(e => e!["entry"]!).ToList();
        foreach (var (happened, actor) in new[]
        {
            ("recovery_repudiated", account), ("incident_opened", account), ("account_frozen", account), ("account_lift_asked", null), ("account_unfrozen", null), ("incident_closed", null),
        })
        {
            var entry = events.Where(e => e["event"]!.ToString() == happened).ShouldHaveSingleItem();
            if (actor is not null)
            {
                entry["actor"]!["id"]!.ToString().ShouldBe(actor);
            }
            else
            {
                entry["actor"]!["kind"]!.ToString().ShouldBe("service_account");
            }

            entry.ToJsonString().ShouldNotContain("spoke to them");
            entry.ToJsonString().ShouldNotContain("it was a mistake");
        }

        string.Join('\n', _server.LogLines).ShouldNotContain(token);
    }

    [Fact]
    public async Task A_young_address_freezes_nothing_and_a_programme_says_it_for_the_person()
    {
        var account = await _server.Account("young@example.com");
        await _server.Recover("young@example.com", "link");
        var token = NoticeToken().Match((await _server.Mails(_smtp, 1, "#spn_"))[0].Text).Groups["token"].Value;
        (await _server.Post("/v1/repudiations/freeze", new { token })).Code.ShouldBe("address_too_new");
        (await Form("/recover/freeze", token)).Status.ShouldBe(403);
        var done = await _server.Post("/v1/repudiations", new { token });
        (done["state"], done["may_freeze"], done["frozen"]).ShouldBe(("cancelled", "false", "false"));
        (await Form("/recover/not-me", token)).Text.ShouldNotContain("action=\"/recover/freeze\"");
        (await _server.Get($"/v1/accounts/{account}", _server.AdminToken))["status"].ShouldBe("active");
    }

    [Fact]
    public async Task The_command_line_freezes_asks_and_closes()
    {
        var account = await _server.Account("cli@example.com");
        (await Cli("freeze", "account", "cli@example.com", "--reason", "lost laptop")).ShouldBe(0);
        (await _server.Get($"/v1/accounts/{account}", _server.AdminToken))["status"].ShouldBe("frozen");
        (await Cli("freeze", "account", "cli@example.com", "--reason", "again")).ShouldBe(1);
        (await Cli("freeze", "show", account)).ShouldBe(0);
        (await Cli("freeze", "approve", account)).ShouldBe(1); // Nobody asked.
        (await Cli("freeze", "lift", account, "--reason", "found it")).ShouldBe(0);
        (await Cli("freeze", "approve", account)).ShouldBe(1); // Nor does who asked agree.
        (await Cli("freeze", "deny", account)).ShouldBe(0);
        (await _server.Get($"/v1/accounts/{account}/freeze", _server.AdminToken)).Json!["lift"].ShouldBeNull();

        await _server.Account("told@example.com");
        var recovery = await _server.Recover("told@example.com", "link");
        var redemption = await _server.RedeemLink(recovery);
        using var stop = new HttpRequestMessage(HttpMethod.Post, "/recover/stop")
        {
            Content = new FormUrlEncodedContent([new("redemption_token", redemption)]),
        };
        (await _server.Send(stop)).Status.ShouldBe(200);
        var incidents = (await _server.Get("/v1/incidents", _server.AdminToken)).Json!["incidents"]!.AsArray();
        var id = incidents.ShouldHaveSingleItem()!["id"]!.ToString();
        (await Cli("incident", "list", "--state", "open")).ShouldBe(0);
        (await Cli("incident", "show", id)).ShouldBe(0);
        (await Cli("incident", "close", id, "--comment", "looked into")).ShouldBe(0);
        (await Cli("incident", "close", id, "--comment", "again")).ShouldBe(1);
        (await _server.Get($"/v1/incidents/{id}", _server.AdminToken))["closed_by"].ShouldBe("local-operator");
    }

    [Fact]
    public async Task Lists_of_incidents_turn_their_pages_newest_first()
    {
        var accounts = new List<string>();
        for (var i = 0; i < 5; i++)
        {
            accounts.Add(await _server.Account($"person{i}@example.com"));
            var redemption = await _server.RedeemLink(await _server.Recover($"person{i}@example.com", "link"));
            using var stop = new HttpRequestMessage(HttpMethod.Post, "/recover/stop")
            {
                Content = new FormUrlEncodedContent([new("redemption_token", redemption)]),
            };
            (await _server.Send(stop)).Status.ShouldBe(200);
            _server.Time.Advance(TimeSpan.FromSeconds(1));
        }

        var seen = new List<string>();
        string? cursor = null;
        do
        {
            var page = (await _server.Get($"/v1/incidents?limit=2{(cursor is null ? "" : $"&cursor={cursor}")}", _server.AdminToken)).Json!;
            seen.AddRange(page["incidents"]!.AsArray().Select(i => i!["account_id"]!.ToString()));
            cursor = page["cursor"]?.ToString();
        }
        while (cursor is not null);

        seen.ShouldBe(Enumerable.Reverse(accounts));
        (await _server.Get("/v1/incidents?cursor=nonsense!", _server.AdminToken)).Code.ShouldBe("invalid_cursor");
    }

    private async Task<int> Cli(params string[] arguments) =>
        await CommandLine.Run([.. await TestPlaces.Line([.. arguments, "--data", _server.Folder, "--json"])]);

    private async Task<Answer> Form(string path, string token)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new FormUrlEncodedContent([new("notice_token", token)]) };
        return await _server.Send(request);
    }

    [GeneratedRegex("/recover/not-me#(?<token>spn_[A-Za-z0-9_-]+)", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex NoticeToken();
}
