using System.Text;
using System.Text.Json.Nodes;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Slack;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>A server whose tenant asks people in a stand-in for Slack, and the words in which tests speak of it.</summary>
public sealed class SlackFixture : IAsyncLifetime
{
    private int _people;

    internal RunningServer Server { get; private set; } = null!;

    internal SlackStandIn Slack { get; private set; } = null!;

    /// <summary>A token that may do all, good for an hour of the server's clock.</summary>
    internal string Token { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        Server = await RunningServer.Start(egress: new EgressOptions { PrivateHosts = ["127.0.0.1"] });
        Slack = await SlackStandIn.Start();
        Token = Server.AdminToken;
        await Put(new { base_url = Slack.BaseUrl, bot_token = SlackStandIn.BotToken, signing_secret = SlackStandIn.SigningSecret });
        await Restore();
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        await Slack.DisposeAsync();
    }

    /// <summary>As every test finds it: approvals in the channel, and by the button.</summary>
    internal async Task Restore()
    {
        Slack.Forget();
        Server.Time.Advance(TimeSpan.FromMinutes(1)); // Who was who is forgotten.
        Token = await Server.TokenOf("local-operator", $"admin {++_people}", [.. Core.Access.PermissionSet.All.Names()]);
        await Put(new { channel = SlackStandIn.Channel, approver_group = "", approve_in_chat = true });
        await Tell();
        Slack.Forget();
    }

    internal async Task Put(object body)
    {
        var put = await Server.Put("/v1/slack", body, Token);
        put.Status.ShouldBe(200, put.Text);
    }

    internal Task Tell() => Server.Get<TellSlack>().RunOnce(CancellationToken.None);

    /// <summary>A person with an account and a user in Slack.</summary>
    internal async Task<(string Account, string User, string Email)> Person(string role = "user", string[]? groups = null, string? locale = null)
    {
        var number = ++_people;
        var email = $"person{number}@example.com";
        var made = await Server.Post(
            "/v1/accounts", new { email, role, groups = groups ?? [], traits = locale is null ? new JsonObject() : new JsonObject { ["locale"] = locale } }, Token);
        made.Status.ShouldBe(201, made.Text);
        Slack.AddUser($"U{number}", email);
        return (made["id"], $"U{number}", email);
    }

    /// <summary>A person who approves.</summary>
    internal async Task<(string Account, string User, string Email)> Operator(string[]? groups = null, params string[] permissions)
    {
        var person = await Person("admin", groups);
        var granted = await Server.Put(
            $"/v1/operators/{person.Account}",
            new { permissions = permissions.Length > 0 ? permissions : ["recovery:approve"], ceiling = "admin" }, Token);
        granted.Status.ShouldBe(200, granted.Text);
        return person;
    }

    /// <summary>A recovery of somebody above the lowest role, which waits for them and for one approval.</summary>
    internal async Task<(Answer Recovery, (string Account, string User, string Email) Person)> Waiting(object? reason = null, string? by = null)
    {
        var person = await Person("operator");
        var opened = await Server.Post(
            "/v1/recoveries", new { account = new { id = person.Account }, means = "code", reason = reason ?? new { text = "lost the phone", ticket = "HD-1" } }, by ?? Token);
        (opened.Status, opened["state"]).ShouldBe((201, "pending"), opened.Text);
        await Tell();
        return (opened, person);
    }

    /// <summary>The message in which a person was asked.</summary>
    internal SlackPost Asked(string user) => Slack.Posts.Single(p => p.Channel == "D" + user[1..]);

    /// <summary>The message in the channel.</summary>
    internal SlackPost InChannel() => Slack.Posts.Single(p => p.Channel == SlackStandIn.Channel);

    internal async Task<Answer> Press(string user, SlackPost post, string action, Action<JsonObject>? change = null)
    {
        var answer = await Send(SlackStandIn.Press(user, post, action, Server.Time.GetUtcNow(), change));
        await Tell();
        return answer;
    }

    internal async Task<Answer> Send(SlackRequest request, string type = "application/x-www-form-urlencoded")
    {
        using var message = new HttpRequestMessage(HttpMethod.Post, "/slack/interactions");
        message.Content = new StringContent(request.Body, Encoding.UTF8, type);
        message.Headers.TryAddWithoutValidation("X-Slack-Request-Timestamp", request.Timestamp);
        message.Headers.TryAddWithoutValidation("X-Slack-Signature", request.Signature);
        return await Server.Send(message);
    }

    internal Task<Answer> Read(Answer recovery) => Server.Get($"/v1/recoveries/{recovery["id"]}", Token);

    /// <summary>Who met a requirement of a recovery.</summary>
    internal async Task<List<JsonNode>> Met(Answer recovery, string kind) =>
        [.. (await Read(recovery)).Json!["requirements"]!.AsArray().Where(r => r!["kind"]!.ToString() == kind)
            .SelectMany(r => r!["met_by"]!.AsArray()).Select(m => m!)];

    /// <summary>What somebody who pressed was told.</summary>
    internal string Told() => Slack.Ephemerals.Single()["text"]!.ToString();
}
