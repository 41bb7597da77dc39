using System.Text.Json.Nodes;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Webhooks;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>Webhooks from the API to a receiver that verifies them with the package <c>standardwebhooks</c>.</summary>
public sealed class WebhookTests : IAsyncLifetime
{
    private RunningServer _server = null!;
    private NodeProgram _receiver = null!;
    private string _url = "";
    private string _token = "";

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.Start(egress: new EgressOptions { PrivateHosts = ["127.0.0.1"] });
        _receiver = await NodeProgram.Start("webhook-receiver.js");
        _url = $"http://127.0.0.1:{(int)(await _receiver.Call(new { op = "listen" }))!}/hook";
        _token = _server.AdminToken;
    }

    public async ValueTask DisposeAsync()
    {
        await _receiver.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task T13_What_happens_is_told_once_signed_and_without_a_secret()
    {
        var made = await Make("recovery.*");
        var account = await _server.Account("told@example.com");
        var opened = await Open(account);

        var told = await Told(3);

        told.Select(t => t["type"]!.ToString()).ShouldBe(["recovery.requested", "recovery.ready", "recovery.issued"], ignoreOrder: true);
        told.ShouldAllBe(t => t["data"]!["recovery"]!.ToString() == opened["id"] && t["data"]!["account"]!.ToString() == account);
        var received = await Received();
        received.ShouldAllBe(r => (bool)r["verified"]! && r["headers"]!["content-type"]!.ToString().StartsWith("application/json"));
        received.Select(r => r["headers"]!["webhook-id"]!.ToString()).Distinct().Count().ShouldBe(3);
        string.Concat(received.Select(r => r.ToJsonString())).ShouldNotContain(opened.Json!["secret"]!["code"]!.ToString());
        string.Concat(received.Select(r => r.ToJsonString())).ShouldNotContain("told@example.com");

        await Tell();
        (await Received()).Count.ShouldBe(3);
        var deliveries = await _server.Get($"/v1/webhooks/{made["id"]}/deliveries?state=delivered", _token);
        deliveries.Json!["deliveries"]!.AsArray().Count.ShouldBe(3);
    }

    [Theory]
    [InlineData("down", 500)]
    [InlineData("redirect", 302)]
    [InlineData("busy", 429)]
    [InlineData("garbage", null)]
    public async Task What_was_not_taken_is_told_again_under_the_same_id(string mode, int? status)
    {
        var made = await Make();
        await _receiver.Call(new { op = "behave", @as = mode });
        (await _server.Send("POST", $"/v1/webhooks/{made["id"]}/test", null, _token)).Status.ShouldBe(204);
        await Tell();
        var tried = await Delivery(made["id"]);
        ((int?)tried["status"], tried["state"]!.ToString(), (int)tried["attempts"]!).ShouldBe((status, "waiting", 1));
        tried["fault"]?.ToString().ShouldBe(status is null ? "unreachable" : null);

        await Tell();
        (await Received()).Count.ShouldBe(1, "It is told again no sooner than its pause is over.");
        await _receiver.Call(new { op = "behave", @as = "ok" });
        _server.Time.Advance(TimeSpan.FromSeconds(mode == "busy" ? 599 : 4));
        await Tell();
        (await Received()).Count.ShouldBe(1);
        _server.Time.Advance(TimeSpan.FromSeconds(3));
        await Tell();

        var received = await Received();
        received.Count.ShouldBe(2);
        received[1]["headers"]!["webhook-id"]!.ToString().ShouldBe(received[0]["headers"]!["webhook-id"]!.ToString());
        received[1]["headers"]!["webhook-timestamp"]!.ToString().ShouldNotBe(received[0]["headers"]!["webhook-timestamp"]!.ToString());
        (await Delivery(made["id"]))["state"]!.ToString().ShouldBe("delivered");
    }

    [Fact]
    public async Task Ten_tries_over_days_and_then_by_hand()
    {
        var made = await Make();
        await _receiver.Call(new { op = "behave", @as = "down" });
        await _server.Send("POST", $"/v1/webhooks/{made["id"]}/test", null, _token);
        for (var i = 0; i < 12; i++)
        {
            await Tell();
            _server.Time.Advance(TimeSpan.FromHours(29));
        }

        (await Received()).Count.ShouldBe(10);
        await SignInAgain();
        var dead = await Delivery(made["id"]);
        dead["state"]!.ToString().ShouldBe("dead");
        await _receiver.Call(new { op = "behave", @as = "ok" });
        var replay = $"/v1/webhooks/{made["id"]}/deliveries/{dead["id"]}/replay";
        (await _server.Send("POST", replay, null, _token)).Status.ShouldBe(200);
        (await _server.Send("POST", replay, null, _token)).Code.ShouldBe("wrong_state");
        await Tell();
        (await Received()).Select(r => r["headers"]!["webhook-id"]!.ToString()).Distinct().Count().ShouldBe(1);
        (await Delivery(made["id"]))["state"]!.ToString().ShouldBe("delivered");
    }

    [Fact]
    public async Task Who_answers_gone_is_told_nothing_more_until_somebody_wants_it_again_and_then_everything()
    {
        var made = await Make("account.created");
        await _receiver.Call(new { op = "behave", @as = "gone" });
        await _server.Account("first@example.com");
        await Told(1);
        (await _server.Get($"/v1/webhooks/{made["id"]}", _token))["state"].ShouldBe("gone");
        await _server.Account("second@example.com");
        await Tell();
        (await Received()).Count.ShouldBe(1);

        await _receiver.Call(new { op = "behave", @as = "ok" });
        (await _server.Send("PATCH", $"/v1/webhooks/{made["id"]}", new { active = true }, _token)).Status.ShouldBe(200);
        _server.Time.Advance(TimeSpan.FromMinutes(1));

        (await Told(3)).Select(t => t["data"]!["account"]!.ToString()).Distinct().Count().ShouldBe(2);
    }

    [Fact]
    public async Task Two_secrets_sign_for_a_day_after_a_rotation()
    {
        var made = await Make();
        var rotated = await _server.Send("POST", $"/v1/webhooks/{made["id"]}/rotate-secret", null, _token);
        rotated.Status.ShouldBe(200, rotated.Text);
        rotated["secret"].ShouldNotBe(made["secret"]);

        (await SignedFor(made["secret"])).ShouldBe((2, true));
        (await SignedFor(rotated["secret"])).ShouldBe((2, true));
        _server.Time.Advance(TimeSpan.FromHours(25));
        await SignInAgain();
        (await SignedFor(made["secret"])).ShouldBe((1, false));
        (await SignedFor(rotated["secret"])).ShouldBe((1, true));

        async Task<(int Signatures, bool Verified)> SignedFor(string secret)
        {
            _server.Time.Advance(TimeSpan.FromMilliseconds(5));
            await _receiver.Call(new { op = "forget" });
            await _receiver.Call(new { op = "secret", secret });
            await _server.Send("POST", $"/v1/webhooks/{made["id"]}/test", null, _token);
            await Tell();
            var got = (await Received()).Single();
            return (got["headers"]!["webhook-signature"]!.ToString().Split(' ').Length, (bool)got["verified"]!);
        }
    }

    [Theory]
    [InlineData("http://example.com/hook")]
    [InlineData("https://10.0.0.1/hook")]
    [InlineData("https://[::1]/hook")]
    [InlineData("https://user:word@example.com/")]
    [InlineData("https://example.com/#x")]
    [InlineData("ftp://example.com/")]
    [InlineData("not a url")]
    [InlineData("")]
    public async Task No_address_inside_is_taken(string url)
    {
        var refused = await _server.Post("/v1/webhooks", new { url }, _token);

        (refused.Status, refused.Code).ShouldBe((400, "invalid_request"));
        refused.Json!["errors"]![0]!["pointer"]!.ToString().ShouldBe("/url");
    }

    [Fact]
    public async Task A_receiver_that_never_answers_keeps_no_other_waiting()
    {
        await Make();
        await _receiver.Call(new { op = "behave", @as = "slow" });
        await using var other = await NodeProgram.Start("webhook-receiver.js");
        var url = $"http://127.0.0.1:{(int)(await other.Call(new { op = "listen" }))!}/hook";
        (await _server.Post("/v1/webhooks", new { url, events = new[] { "account.created" } }, _token)).Status.ShouldBe(201);
        await _server.Account("quick@example.com");

        var slow = Tell();
        for (var i = 0; i < 100 && (await other.Call(new { op = "received" }))!.AsArray().Count == 0; i++)
        {
            await Task.Delay(50);
        }

        (await other.Call(new { op = "received" }))!.AsArray().Count.ShouldBe(1);
        slow.IsCompleted.ShouldBeFalse();
        await slow;
    }

    // The first token is good for a day.
    private async Task SignInAgain() => _token = await _server.TokenOf("local-operator", "days later", ["tenant:admin"]);

    private async Task<Answer> Make(params string[] events)
    {
        var made = await _server.Post("/v1/webhooks", new { url = _url, events }, _token);
        made.Status.ShouldBe(201, made.Text);
        made["secret"].ShouldStartWith("whsec_");
        await _receiver.Call(new { op = "secret", secret = made["secret"] });
        return made;
    }

    private Task<Answer> Open(string account) => _server.Post(
        "/v1/recoveries", new { account = new { id = account }, means = "code" }, _server.AdminToken);

    private async Task Tell()
    {
        await _receiver.Call(new { op = "now", at = _server.Time.GetUtcNow().ToUnixTimeMilliseconds() });
        await _server.Get<TellWebhooks>().RunOnce(CancellationToken.None);
    }

    private async Task<List<JsonNode>> Received() => [.. (await _receiver.Call(new { op = "received" }))!.AsArray().Select(r => r!)];

    private async Task<List<JsonNode>> Told(int count)
    {
        await Tell();
        var received = await Received();
        received.Count.ShouldBe(count);
        return [.. received.Select(r => JsonNode.Parse(r["body"]!.ToString())!)];
    }

    private async Task<JsonNode> Delivery(string webhook) =>
        (await _server.Get($"/v1/webhooks/{webhook}/deliveries", _token)).Json!["deliveries"]!.AsArray().Single()!;
}
