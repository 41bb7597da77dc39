namespace Sparekey.Server.Tests.Dialects;

/// <summary>A reset token is a recovery like any other: reasons, approvals and waiting time are policy's.</summary>
public sealed class CryptlexPolicyTests : IAsyncLifetime
{
    private CryptlexScene _scene = null!;
    private string _approver = null!;

    private RunningServer Server => _scene.Server;

    public async ValueTask InitializeAsync()
    {
        _scene = await CryptlexScene.Of(await RunningServer.Start());
        var person = await Server.Account("approver@example.com", role: "admin");
        _approver = await Server.TokenOf(person, "approver", ["recovery:read", "recovery:approve"]);
    }

    public ValueTask DisposeAsync() => Server.DisposeAsync();

    [Fact]
    public async Task A_reason_and_a_ticket_come_in_headers_that_a_client_can_send_with_every_call()
    {
        await _scene.Policy("""{"name":"why","when":{"means":["token"]},"require":{"reason":true,"ticket":true,"ticket_pattern":"HELP-[0-9]+"}}""");
        var user = await _scene.User();
        foreach (var headers in new (string, string)[][]
        {
            [], [("Sparekey-Reason", "lost")], [("Sparekey-Ticket", "HELP-1")], [("Sparekey-Reason", "lost"), ("Sparekey-Ticket", "none")],
        })
        {
            var refused = await _scene.Mint(user, null, headers);
            (refused.Status, refused.Code).ShouldBe((400, "reason_not_allowed"));
            refused["message"].ShouldContain("Sparekey-Reason");
        }

        (await _scene.Mint(user, null, ("Sparekey-Ticket", new string('x', 65)))).Code.ShouldBe("invalid_request");
        (await Server.Get($"/v1/recoveries?account={user}", Server.AdminToken)).Json!["recoveries"]!.AsArray().ShouldBeEmpty();

        var made = await _scene.Mint(user, null, ("Sparekey-Reason", "UTF-8''Ger%C3%A4t%20verloren"), ("Sparekey-Ticket", "HELP-42"));
        made.Status.ShouldBe(200, made.Text);
        (await _scene.Reset(user, made["resetPasswordToken"])).Status.ShouldBe(204);
        var opened = (await _scene.Ledger(user)).Single(e => e["entry"]!["event"]!.ToString() == "recovery_opened");
        (opened["texts"]!["reason"]!["text"]!.ToString(), opened["texts"]!["ticket"]!["text"]!.ToString()).ShouldBe(("Gerät verloren", "HELP-42"));

        // So may a call that knows us say it in its body.
        var said = await _scene.Call(
            "POST", $"/v3/users/{user}/reset-password-token", new { reason = new { text = "lost", ticket = "HELP-43" } }, _scene.Portal);
        said.Status.ShouldBe(200, said.Text);
    }

    [Fact]
    public async Task A_token_waits_for_its_approval_and_the_same_call_collects_it_once()
    {
        var user = await _scene.User();
        var before = await _scene.Token(user);
        await _scene.Policy("""{"name":"two","when":{"means":["token"]},"require":{"approvals":1}}""");
        var waits = await _scene.Mint(user);
        (waits.Status, waits.Code).ShouldBe((403, "requirements_open"));
        var id = Recovery(waits);
        waits["message"].ShouldContain(id);
        waits.Text.ShouldNotContain("spt_");
        Recovery(await _scene.Mint(user)).ShouldBe(id);

        // Somebody else who asks, asks for another one; and nobody gets it unapproved.
        var other = await Server.Token("other", ["recovery:request", "recovery:issue"]);
        Recovery(await _scene.Mint(user, other)).ShouldNotBe(id);

        // While it waits nothing has changed for the user: what was made before is still good, and goes as the new one comes.
        (await Server.Get($"/v1/recoveries?account={user}&state=issued", Server.AdminToken)).Json!["recoveries"]!.AsArray().Count.ShouldBe(1);
        await Approve(id);
        var collected = await _scene.Mint(user);
        collected.Status.ShouldBe(200, collected.Text);
        (await _scene.Reset(user, before)).Code.ShouldBe("secret_invalid");
        Recovery(await _scene.Mint(user)).ShouldNotBe(id);
        (await _scene.Reset(user, collected["resetPasswordToken"])).Status.ShouldBe(204);
    }

    [Fact]
    public async Task A_denied_portal_meets_what_one_meets_who_waits()
    {
        await _scene.Policy("""{"name":"two","when":{"means":["token"]},"require":{"approvals":1}}""");
        var user = await _scene.User();
        var waits = await _scene.Mint(user);
        var id = Recovery(waits);
        var digest = (await Server.Get($"/v1/recoveries/{id}", _approver))["digest"];
        (await Server.Post($"/v1/recoveries/{id}/denials", new { digest }, _approver)).Status.ShouldBe(200);
        var again = await _scene.Mint(user);
        (again.Status, again.Text, Recovery(again)).ShouldBe((waits.Status, waits.Text, id));
    }

    [Fact]
    public async Task A_token_that_waits_for_time_alone_says_how_long()
    {
        await _scene.Policy("""{"name":"cool","when":{"means":["token"]},"require":{"wait":"2h"}}""");
        var user = await _scene.User();
        (await _scene.Mint(user))["message"].ShouldContain("Not before 2");
        Server.Time.Advance(TimeSpan.FromHours(2));
        (await _scene.Mint(user)).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Policys_shorter_lifetime_holds_where_the_call_says_none()
    {
        await _scene.Policy("""{"name":"short","when":null,"require":{"max_lifetime":"5m"}}""");
        var user = await _scene.User();
        var token = await _scene.Token(user);
        Server.Time.Advance(TimeSpan.FromMinutes(5));
        (await _scene.Reset(user, token)).Code.ShouldBe("secret_invalid");
        var asked = await _scene.Call("POST", $"/v3/users/{user}/reset-password-token", new { expiresIn = "1h" }, _scene.Portal);
        (asked.Status, asked.Code).ShouldBe((400, "lifetime_too_long"));
    }

    [Fact]
    public async Task What_policy_refuses_is_refused_here_too()
    {
        await _scene.Policy("""{"name":"never","when":{"means":["token"]},"require":{"refuse":true}}""");
        var refused = await _scene.Mint(await _scene.User());
        (refused.Status, refused.Code).ShouldBe((403, "policy_refuses"));
    }

    private static string Recovery(Answer answer) => answer.Headers.GetValues("Sparekey-Recovery").Single();

    private async Task Approve(string id)
    {
        var digest = (await Server.Get($"/v1/recoveries/{id}", _approver))["digest"];
        (await Server.Post($"/v1/recoveries/{id}/approvals", new { digest }, _approver)).Status.ShouldBe(200);
    }
}
