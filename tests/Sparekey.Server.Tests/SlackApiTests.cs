using Sparekey.Engine.Delivery;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>A tenant says by which app of Slack it asks its people.</summary>
public sealed class SlackApiTests : IAsyncLifetime
{
    private RunningServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await RunningServer.Start(egress: new EgressOptions { PrivateHosts = ["127.0.0.1"] });

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task Its_secrets_are_sealed_and_never_shown()
    {
        (await _server.Get("/v1/slack", _server.AdminToken)).Code.ShouldBe("slack_not_found");
        (await _server.Post("/v1/slack/test", null, _server.AdminToken)).Code.ShouldBe("slack_not_found");
        (await Unsigned()).Code.ShouldBe("unauthenticated");
        await using var slack = await SlackStandIn.Start();
        var put = await Put(new { base_url = slack.BaseUrl[..^1], bot_token = SlackStandIn.BotToken, signing_secret = SlackStandIn.SigningSecret });
        (put.Status, put["base_url"], (bool)put.Json!["approve_in_chat"]!).ShouldBe((200, slack.BaseUrl, false), put.Text);
        (await Unsigned()).Code.ShouldBe("unauthenticated");

        var tested = await _server.Post("/v1/slack/test", null, _server.AdminToken);
        ((bool)tested.Json!["ok"]!, tested["team"]).ShouldBe((true, "Example"));
        (await _server.Get("/v1/slack", _server.AdminToken))["team"].ShouldBe(SlackStandIn.Team);

        // What is left out stays; another token may be of another workspace.
        var channel = await Put(new { channel = "C1", approver_group = "desk" });
        (channel["channel"], channel["team"]).ShouldBe(("C1", SlackStandIn.Team));
        var other = await Put(new { bot_token = "xoxb-another-token", channel = "" });
        (other.Json!["channel"], other.Json!["team"], other["approver_group"]).ShouldBe((null, null, "desk"));
        ((bool)(await _server.Post("/v1/slack/test", null, _server.AdminToken)).Json!["ok"]!).ShouldBeFalse();
        (await _server.Post("/v1/slack/test", null, _server.AdminToken))["fault"].ShouldBe("invalid_auth");

        var said = string.Concat(_server.Answers) + string.Concat(_server.LogLines) + string.Concat((await TestPlaces.Stored(_server.Folder)).Select(f => System.Text.Encoding.Latin1.GetString(f.Bytes)));
        foreach (var secret in new[] { SlackStandIn.BotToken, SlackStandIn.SigningSecret, "xoxb-another-token" })
        {
            said.ShouldNotContain(secret);
        }

        (await _server.Send("DELETE", "/v1/slack", null, _server.AdminToken)).Status.ShouldBe(204);
        (await _server.Send("DELETE", "/v1/slack", null, _server.AdminToken)).Code.ShouldBe("slack_not_found");
        var events = (await _server.Get("/v1/ledger?limit=1000", _server.AdminToken)).Json!["entries"]!.AsArray().Select(e => e!["entry"]!["event"]!.ToString());
        events.Count(e => e is "slack_changed" or "slack_removed").ShouldBe(4);
    }

    [Theory]
    [InlineData("/base_url", "http://slack.example.com/api/")]
    [InlineData("/base_url", "https://10.0.0.1/api/")]
    [InlineData("/base_url", "https://me:you@slack.com/api/")]
    [InlineData("/base_url", "https://slack.com/api/?x=1")]
    [InlineData("/base_url", "nonsense")]
    [InlineData("/bot_token", "")]
    [InlineData("/bot_token", "with a space in it")]
    [InlineData("/bot_token", "xoxb-é-token")]
    [InlineData("/signing_secret", "short")]
    [InlineData("/channel", "#general")]
    public async Task What_cannot_be_is_refused_where_it_stands(string pointer, string value)
    {
        var body = new Dictionary<string, object>(StringComparer.Ordinal)
        {
            ["bot_token"] = SlackStandIn.BotToken, ["signing_secret"] = SlackStandIn.SigningSecret, [pointer[1..]] = value,
        };
        var refused = await Put(body);
        (refused.Status, refused.Code).ShouldBe((400, "invalid_request"), refused.Text);
        refused.Json!["errors"]!.AsArray().Select(e => e!["pointer"]!.ToString()).ShouldBe([pointer]);
        (await _server.Get("/v1/slack", _server.AdminToken)).Code.ShouldBe("slack_not_found");
    }

    [Fact]
    public async Task Nobody_below_the_highest_role_has_the_tenant_asked_by_an_app_of_theirs()
    {
        var low = await _server.Token("low", ["tenant:admin"], "operator");
        var body = new { bot_token = SlackStandIn.BotToken, signing_secret = SlackStandIn.SigningSecret };
        (await _server.Put("/v1/slack", body, low)).Code.ShouldBe("above_ceiling");
        (await Put(new { channel = "C1" })).Json!["errors"]!.AsArray().Count.ShouldBe(2, "A first app needs both secrets.");
    }

    private Task<Answer> Put(object body) => _server.Put("/v1/slack", body, _server.AdminToken);

    private async Task<Answer> Unsigned()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/slack/interactions") { Content = new FormUrlEncodedContent([new("payload", "{}")]) };
        return await _server.Send(request);
    }
}
