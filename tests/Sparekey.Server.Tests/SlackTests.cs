using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Sparekey.Engine;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Slack;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>People are asked in Slack, and what they answer counts as theirs and nobody else's.</summary>
public sealed class SlackTests(SlackFixture scene) : IClassFixture<SlackFixture>, IAsyncLifetime
{
    private RunningServer Server => scene.Server;

    private SlackStandIn Slack => scene.Slack;

    public async ValueTask InitializeAsync() => await scene.Restore();

    public ValueTask DisposeAsync() => default;

    [Fact]
    public async Task The_person_says_yes_another_approves_and_the_requester_gets_the_secret()
    {
        var (recovery, person) = await scene.Waiting(new { code = "lost_phone", text = "Dropped it <into> the sea & cried", ticket = "HD-7" });
        var approver = await scene.Operator();
        var (asked, channel) = (scene.Asked(person.User), scene.InChannel());
        asked.Buttons.Keys.ShouldBe(["confirm", "not_me"], ignoreOrder: true);
        channel.Buttons.Keys.ShouldBe(["approve", "deny", "review"], ignoreOrder: true);
        foreach (var text in new[] { "HD-7", "lost_phone", "Dropped it &lt;into&gt; the sea &amp; cried", "2026-11-24 " })
        {
            asked.Shown.ShouldContain(text);
            channel.Shown.ShouldContain(text);
        }

        channel.Shown.ShouldContain(person.Email);
        (await Server.Post($"/v1/recoveries/{recovery["id"]}/issue", null, scene.Token)).Code.ShouldBe("requirements_open");

        var answer = await scene.Press(person.User, asked, "confirm");
        (answer.Status, answer.Text).ShouldBe((200, ""), "Slack shows a body to whoever pressed.");
        var confirmed = (await scene.Met(recovery, "confirmation")).Single();
        (confirmed["by"]!["id"]!.ToString(), confirmed["over"]!.ToString()).ShouldBe((person.Account, "slack"));
        scene.Asked(person.User).Buttons.ShouldBeEmpty();
        (await Server.Post($"/v1/recoveries/{recovery["id"]}/issue", null, scene.Token)).Code.ShouldBe("requirements_open");

        await scene.Press(approver.User, scene.InChannel(), "approve");
        (await scene.Met(recovery, "approvals")).Single()["by"]!["id"]!.ToString().ShouldBe(approver.Account);
        scene.InChannel().Buttons.ShouldBeEmpty();
        (await scene.Read(recovery))["state"].ShouldBe("ready");
        var issued = await Server.Post($"/v1/recoveries/{recovery["id"]}/issue", null, scene.Token);
        issued.Status.ShouldBe(201, issued.Text);
        await scene.Tell();
        var secret = issued.Json!["secret"]!["code"]!.ToString();
        string.Concat(Slack.Calls.Select(c => c.Arguments.ToJsonString())).ShouldNotContain(secret);
        Slack.Ephemerals.ShouldBeEmpty();
        Slack.Calls.Count(c => c.Method == "chat.postMessage").ShouldBe(2);
        var entries = (await Server.Get($"/v1/ledger?recovery={recovery["id"]}&limit=100", scene.Token)).Json!["entries"]!.AsArray();
        var met = entries.Where(e => e!["entry"]!["event"]!.ToString() == "recovery_requirement_met").Select(e => e!["entry"]!["actor"]!["id"]!.ToString());
        met.ShouldBe([person.Account, approver.Account]);
    }

    [Fact]
    public async Task The_persons_no_ends_it_and_whoever_asked_is_not_told()
    {
        var requester = await Server.Token("watching", ["recovery:request", "recovery:read"], "admin", scene.Token);
        var (recovery, person) = await scene.Waiting(by: requester);

        await scene.Press(person.User, scene.Asked(person.User), "not_me");

        (await Server.Get($"/v1/recoveries/{recovery["id"]}", await Server.TokenOf((await scene.Person()).Account, "auditor", ["recovery:read"])))["state"].ShouldBe("denied");
        (await Server.Get($"/v1/recoveries/{recovery["id"]}", requester))["state"].ShouldBe("pending");
        (scene.Asked(person.User).Buttons.Count, scene.InChannel().Buttons.Count).ShouldBe((0, 0));
        scene.InChannel().Body["text"]!.ToString().ShouldBe("It is over. There is nothing more to do here.");
        Slack.Ephemerals.ShouldBeEmpty();
    }

    [Fact]
    public async Task No_is_no_though_the_request_changed_and_yes_is_not()
    {
        var (recovery, person) = await scene.Waiting();
        var before = scene.Asked(person.User);
        (await Server.Post($"/v1/recoveries/{recovery["id"]}/reason", new { text = "another story" }, scene.Token)).Status.ShouldBe(200);

        await scene.Press(person.User, before, "confirm");
        (await scene.Met(recovery, "confirmation")).ShouldBeEmpty();
        scene.Told().ShouldContain("changed meanwhile");
        scene.Asked(person.User).Shown.ShouldContain("another story");
        scene.Asked(person.User).Buttons["confirm"]["value"]!.ToString().ShouldNotBe(before.Buttons["confirm"]["value"]!.ToString());

        await scene.Press(person.User, before, "not_me");
        (await scene.Met(recovery, "confirmation")).ShouldBeEmpty();
        scene.Asked(person.User).Buttons.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_requester_an_approver_of_nothing_and_a_second_identity_do_not_approve()
    {
        var desk = await scene.Operator(null, "recovery:approve", "recovery:request", "recovery:read");
        var programme = await Server.TokenOf(desk.Account, "their desk", ["recovery:request", "recovery:issue", "recovery:read"]);
        var (recovery, person) = await scene.Waiting(by: programme);
        var reader = await scene.Operator(null, "recovery:read");
        var nobody = await scene.Person();

        foreach (var (user, told) in new[]
        {
            (desk.User, "somebody else has to decide"), (reader.User, "nobody who approves"), (nobody.User, "nobody who approves"),
            (person.User, "nobody who approves"),
        })
        {
            Slack.Ephemerals.Clear();
            await scene.Press(user, scene.InChannel(), "approve");
            scene.Told().ShouldContain(told);
            (await scene.Met(recovery, "approvals")).ShouldBeEmpty(user);
        }

        // What they tried is in the ledger, under their own name.
        var bodies = await Server.Server.Installation.Database.Read(
            db => db.List<byte[]>("SELECT body FROM ledger_entries WHERE event = 'refused' ORDER BY at, id"), CancellationToken.None);
        var refused = bodies.Select(b => JsonNode.Parse(b)!).Where(e => e["facts"]!["route"]!.ToString() == "slack approve")
            .Select(e => e["actor"]!["id"]!.ToString()).ToList();
        new[] { desk.Account, reader.Account, nobody.Account, person.Account }.ShouldBeSubsetOf(refused);
    }

    [Fact]
    public async Task Nobody_approves_twice_or_their_own_account()
    {
        var (recovery, _) = await scene.Waiting();
        var approver = await scene.Operator();
        var first = SlackStandIn.Press(approver.User, scene.InChannel(), "approve", Server.Time.GetUtcNow());
        var second = SlackStandIn.Press(approver.User, scene.InChannel(), "approve", Server.Time.GetUtcNow());
        (await scene.Send(first)).Status.ShouldBe(200);
        (await scene.Send(second)).Status.ShouldBe(200);
        await scene.Tell();
        (await scene.Met(recovery, "approvals")).Count.ShouldBe(1);
        scene.Told().ShouldContain("decided already");

        Slack.Forget();
        var own = await Server.Post("/v1/recoveries", new { account = new { id = approver.Account }, means = "code" }, scene.Token);
        await scene.Tell();
        await scene.Press(approver.User, scene.InChannel(), "approve");
        (await scene.Met(own, "approvals")).ShouldBeEmpty();
        scene.Told().ShouldContain("your own account");
    }

    [Fact]
    public async Task By_default_a_chat_message_holds_no_authority()
    {
        await scene.Put(new { approve_in_chat = false });
        var (recovery, _) = await scene.Waiting();
        var approver = await scene.Operator();
        var channel = scene.InChannel();
        var review = channel.Buttons.Single();
        (review.Key, review.Value["url"]!.ToString()).ShouldBe(("review", $"{Server.Origin}operate/recoveries/{recovery["id"]}"));

        // Slack tells of a link that was opened too; that decides nothing.
        (await scene.Press(approver.User, channel, "review")).Status.ShouldBe(200);

        // A button of before the setting changed, or one that somebody with the bot token made.
        var value = $"1.{Slack.Calls.First(c => c.Method == "chat.postMessage" && c.Arguments["channel"]!.ToString() == SlackStandIn.Channel).Arguments["client_msg_id"]}.{recovery["id"]}.{recovery["digest"]}";
        foreach (var action in new[] { "approve", "deny" })
        {
            Slack.Ephemerals.Clear();
            await scene.Press(approver.User, channel, action, p => p["actions"]![0]!["value"] = value);
            scene.Told().ShouldContain("with a passkey");
        }

        (await scene.Met(recovery, "approvals")).ShouldBeEmpty();
        (await scene.Read(recovery))["state"].ShouldBe("pending");
    }

    [Fact]
    public async Task An_approvers_no_ends_it()
    {
        var (recovery, person) = await scene.Waiting();
        var approver = await scene.Operator();
        await scene.Press(approver.User, scene.InChannel(), "deny");
        scene.Asked(person.User).Buttons.ShouldBeEmpty();
        (await Server.Get($"/v1/recoveries/{recovery["id"]}", await Server.TokenOf(approver.Account, "their reader", ["recovery:read"])))["state"].ShouldBe("denied");
    }

    [Fact]
    public async Task Another_users_press_on_the_persons_message_is_nothing()
    {
        var (recovery, person) = await scene.Waiting();
        var other = await scene.Operator();
        foreach (var action in new[] { "confirm", "not_me" })
        {
            Slack.Ephemerals.Clear();
            await scene.Press(other.User, scene.Asked(person.User), action);
            scene.Told().ShouldContain("not yours");
        }

        // The person's own buttons do nothing else, and those of another message nothing here.
        var (elsewhere, _) = await scene.Waiting();
        await scene.Press(person.User, scene.Asked(person.User), "approve");
        await scene.Press(person.User, scene.Asked(person.User), "confirm", p => p["actions"]![0]!["value"] = p["actions"]![0]!["value"]!.ToString().Replace(recovery["id"], elsewhere["id"], StringComparison.Ordinal));
        await scene.Press(person.User, scene.Asked(person.User), "confirm", p => p["container"]!["message_ts"] = "1.1");
        (await scene.Met(recovery, "confirmation")).ShouldBeEmpty();
        (await scene.Met(recovery, "approvals")).ShouldBeEmpty();
        (await scene.Met(elsewhere, "confirmation")).ShouldBeEmpty();
        (await scene.Read(recovery))["state"].ShouldBe("pending");
    }

    [Theory]
    [InlineData("deleted")]
    [InlineData("is_bot")]
    [InlineData("is_stranger")]
    [InlineData("unconfirmed")]
    [InlineData("team")]
    [InlineData("email")]
    public async Task Whoever_is_nobody_in_the_workspace_any_more_decides_nothing(string what)
    {
        var (recovery, person) = await scene.Waiting();
        var asked = scene.Asked(person.User);
        Slack.AddUser(person.User, what == "email" ? "another@example.org" : person.Email, u =>
        {
            u[what] = true;
            u["is_email_confirmed"] = what != "unconfirmed";
            u["team_id"] = what == "team" ? "T0OTHER" : SlackStandIn.Team;
        });

        await scene.Press(person.User, asked, "confirm");

        (await scene.Met(recovery, "confirmation")).ShouldBeEmpty();
        scene.Told().ShouldContain("no account here");
    }

    [Fact]
    public async Task An_address_that_changed_has_no_voice_before_it_is_confirmed_and_a_day_old()
    {
        var (recovery, person) = await scene.Waiting();
        var asked = scene.Asked(person.User);
        var added = await Server.Post($"/v1/accounts/{person.Account}/addresses", new { kind = "email", value = "taken@example.org" }, scene.Token);
        added.Status.ShouldBe(201, added.Text);
        Slack.AddUser(person.User, "taken@example.org");

        await scene.Press(person.User, asked, "confirm");

        (await scene.Met(recovery, "confirmation")).ShouldBeEmpty();
    }

    [Fact]
    public async Task What_is_not_slacks_is_refused_and_nothing_comes_of_it()
    {
        var (recovery, person) = await scene.Waiting();
        var now = Server.Time.GetUtcNow();
        var good = SlackStandIn.Press(person.User, scene.Asked(person.User), "confirm", now);
        var wrong = new[]
        {
            good with { Signature = "" }, good with { Timestamp = "" }, good with { Body = good.Body + "&x=1" }, good with { Body = "" },
            good with { Signature = "v0=" + new string('0', 64) }, SlackStandIn.Sign(good.Body, now, "another secret"),
            SlackStandIn.Sign(good.Body, now - TimeSpan.FromSeconds(301)), SlackStandIn.Sign(good.Body, now + TimeSpan.FromSeconds(301)),
        };
        foreach (var request in wrong)
        {
            (await scene.Send(request)).Code.ShouldBe("unauthenticated");
        }

        (await scene.Send(good, "application/json")).Code.ShouldBe("unsupported_media_type");
        (await scene.Send(SlackStandIn.Sign("payload=" + new string('x', 300_000), now))).Status.ShouldBe(413);

        // Slack's, and yet no press of a button of ours.
        foreach (var body in new[]
        {
            "", "payload=", "payload=%7B", "payload=null", "payload=%5B%5D", "other=1", "payload=%7B%22type%22%3A1%7D",
            "payload=%7B%22type%22%3A%22block_actions%22%2C%22type%22%3A%22block_actions%22%7D", "payload=" + new string('[', 1000),
            "payload=%7B%22type%22%3A%22block_actions%22%2C%22actions%22%3A%5B1%5D%7D", "payload=%FF%FE",
        })
        {
            var answer = await scene.Send(SlackStandIn.Sign(body, now));
            (answer.Status, answer.Text).ShouldBe((200, ""), body);
        }

        await scene.Press(person.User, scene.Asked(person.User), "confirm", p => p["team"]!["id"] = "T0OTHER");
        await scene.Press(person.User, scene.Asked(person.User), "confirm", p => p["type"] = "view_submission");
        (await scene.Met(recovery, "confirmation")).ShouldBeEmpty();

        (await scene.Send(good)).Status.ShouldBe(200);
        (await scene.Send(good)).Code.ShouldBe("unauthenticated", "A request counts once.");
        await scene.Tell();
        (await scene.Met(recovery, "confirmation")).Count.ShouldBe(1);
        Slack.Ephemerals.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("down", "http_500")]
    [InlineData("gone", "http_410")]
    [InlineData("redirect", "http_302")]
    [InlineData("garbage", "garbage")]
    [InlineData("twice", "garbage")]
    [InlineData("closed", "unreachable")]
    [InlineData("lost", "unreachable")]
    [InlineData("busy", "ratelimited")]
    [InlineData("channel_not_found", "channel_not_found")]
    [InlineData("invalid_auth", "invalid_auth")]
    public async Task What_slack_did_not_take_is_sent_again_under_the_same_id(string mode, string why)
    {
        (Slack.Mode, Slack.Only) = (mode, "chat.postMessage");
        var (recovery, person) = await scene.Waiting();
        var messages = await Messages(recovery);
        messages.Count.ShouldBe(2);
        messages.ShouldAllBe(m => m["state"]!.ToString() == "waiting" && m["route"]!.ToString() == "slack" && m["why"]!.ToString() == why && (int)m["attempts"]! == 1);
        await scene.Tell();
        Posted().Count.ShouldBe(2, "Not before its pause is over.");

        Slack.Mode = "ok";
        Server.Time.Advance(TimeSpan.FromSeconds(mode == "busy" ? 89 : 4));
        await scene.Tell();
        Posted().Count.ShouldBe(2);
        Server.Time.Advance(TimeSpan.FromSeconds(3));
        await scene.Tell();

        Posted().Count.ShouldBe(4);
        Posted().Distinct(StringComparer.Ordinal).Count().ShouldBe(2, "The same messages.");
        (await Messages(recovery)).ShouldBeEmpty();
        var asked = Slack.Posts.Last(p => p.Channel == "D" + person.User[1..]);
        await scene.Press(person.User, asked, "confirm");
        (await scene.Met(recovery, "confirmation")).Count.ShouldBe(1);

        List<string> Posted() => [.. Slack.Calls.Where(c => c.Method == "chat.postMessage").Select(c => c.Arguments["client_msg_id"]!.ToString())];
    }

    [Fact]
    public async Task What_waited_long_says_what_holds_now_and_what_nobody_need_answer_is_not_sent()
    {
        (Slack.Mode, Slack.Only) = ("down", "chat.postMessage");
        var (changed, _) = await scene.Waiting();
        var (over, _) = await scene.Waiting();
        (await Server.Post($"/v1/recoveries/{changed["id"]}/reason", new { text = "a new reason" }, scene.Token)).Status.ShouldBe(200);
        (await Server.Post($"/v1/recoveries/{over["id"]}/cancel", new { }, scene.Token)).Status.ShouldBe(200);
        Slack.Mode = "ok";
        Server.Time.Advance(TimeSpan.FromSeconds(10));
        await scene.Tell();

        Slack.Posts.Count.ShouldBe(2);
        Slack.Posts.ShouldAllBe(p => p.Shown.Contains("a new reason"));
        (await Messages(over)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_person_who_is_not_in_slack_is_a_dead_letter_that_can_be_sent_again()
    {
        var made = await Server.Post("/v1/accounts", new { email = "absent@example.com", role = "operator" }, scene.Token);
        var recovery = await Server.Post("/v1/recoveries", new { account = new { id = made["id"] }, means = "code" }, scene.Token);
        await scene.Tell();
        var dead = (await Messages(recovery)).Single();
        (dead["state"]!.ToString(), dead["why"]!.ToString(), dead["kind"]!.ToString()).ShouldBe(("dead", "users_not_found", "slack_confirmation"));
        Server.Time.Advance(TimeSpan.FromHours(2));
        await scene.Restore();
        await scene.Tell();
        Slack.Calls.ShouldBeEmpty();

        Slack.AddUser("U0ABSENT", "absent@example.com");
        var retried = await Server.Post($"/v1/messages/{dead["id"]}/retry", null, scene.Token);
        (retried.Status, retried["state"]).ShouldBe((200, "waiting"), retried.Text);
        (await Server.Post($"/v1/messages/{dead["id"]}/retry", null, scene.Token)).Code.ShouldBe("wrong_state");
        await scene.Tell();
        scene.Asked("U0ABSENT").Buttons.Count.ShouldBe(2);
        (await Messages(recovery)).ShouldBeEmpty();
        (await Server.Post($"/v1/messages/{dead["id"]}/retry", null, scene.Token)).Code.ShouldBe("message_not_found");
    }

    [Fact]
    public async Task What_was_deleted_in_slack_is_left_alone()
    {
        var (recovery, person) = await scene.Waiting();
        Slack.Delete(scene.Asked(person.User));
        (await Server.Post($"/v1/recoveries/{recovery["id"]}/cancel", new { }, scene.Token)).Status.ShouldBe(200);
        await scene.Tell();
        await scene.Tell();

        Slack.Calls.Count(c => c.Method == "chat.update").ShouldBe(2);
        Slack.Posts.Count.ShouldBe(1);
        (await Messages(recovery)).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_press_outlives_a_slack_that_cannot_say_who_it_was()
    {
        var (recovery, person) = await scene.Waiting();
        Server.Time.Advance(TimeSpan.FromMinutes(1));
        (Slack.Mode, Slack.Only) = ("down", "users.info");
        await scene.Press(person.User, scene.Asked(person.User), "confirm");
        (await scene.Met(recovery, "confirmation")).ShouldBeEmpty();
        Slack.Mode = "ok";
        Server.Time.Advance(TimeSpan.FromSeconds(6));
        await scene.Tell();
        (await scene.Met(recovery, "confirmation")).Count.ShouldBe(1);
    }

    [Fact]
    public async Task Operators_of_the_group_are_asked_one_by_one_and_never_whoever_asked()
    {
        await scene.Put(new { channel = "", approver_group = "desk" });
        var (first, second) = (await scene.Operator(["desk"]), await scene.Operator(["desk"]));
        var outside = await scene.Operator(["other"]);
        var reader = await scene.Operator(["desk"], "recovery:read");
        var programme = await Server.TokenOf(second.Account, "their own desk", ["recovery:request", "recovery:read"]);
        var (recovery, person) = await scene.Waiting(by: programme);

        Slack.Posts.Select(p => p.Channel).ShouldBe(["D" + person.User[1..], "D" + first.User[1..]], ignoreOrder: true);
        await scene.Press(first.User, scene.Asked(first.User), "approve");
        (await scene.Met(recovery, "approvals")).Single()["by"]!["id"]!.ToString().ShouldBe(first.Account);
        (outside.User, reader.User).ShouldNotBe((first.User, first.User));
    }

    [Fact]
    public async Task Nobody_is_asked_again_and_again_until_they_say_yes_to_have_peace()
    {
        await scene.Put(new { channel = "" });
        var person = await scene.Person("operator");
        for (var i = 0; i < 7; i++)
        {
            (await Server.Post("/v1/recoveries", new { account = new { id = person.Account }, means = "code" }, scene.Token)).Status.ShouldBe(i < 5 ? 201 : 429);
            await scene.Tell();
        }

        Slack.Posts.Count.ShouldBe(5);
        Server.Time.Advance(TimeSpan.FromHours(1));
        await scene.Restore();
        await Server.Post("/v1/recoveries", new { account = new { id = person.Account }, means = "code" }, scene.Token);
        await scene.Tell();
        Slack.Posts.Count(p => p.Channel == "D" + person.User[1..]).ShouldBe(1);
    }

    [Fact]
    public async Task A_person_is_asked_in_their_language()
    {
        var person = await scene.Person("operator", locale: "de-AT");
        await Server.Post("/v1/recoveries", new { account = new { id = person.Account }, means = "code" }, scene.Token);
        await scene.Tell();
        scene.Asked(person.User).Shown.ShouldContain("Waren Sie das?");
        scene.InChannel().Shown.ShouldContain("Approve or deny?");
    }

    [Fact]
    public async Task Two_processes_over_one_database_ask_and_decide_once()
    {
        await using var other = new ServiceCollection().AddLogging().AddSingleton<TimeProvider>(Server.Time)
            .AddSparekeyEngine(new EngineOptions(Server.Server.Installation.Database, Server.Server.Installation.Keys, Server.Origin)
            {
                Egress = new EgressOptions { PrivateHosts = ["127.0.0.1"] },
            })
            .BuildServiceProvider();
        var people = new List<(string Account, string User, string Email)>();
        for (var i = 0; i < 6; i++)
        {
            people.Add(await scene.Person("operator"));
            await Server.Post("/v1/recoveries", new { account = new { id = people[^1].Account }, means = "code" }, scene.Token);
        }

        await Both();
        Slack.Calls.Count(c => c.Method == "chat.postMessage").ShouldBe(12);
        Slack.Posts.Count.ShouldBe(12);
        foreach (var person in people)
        {
            (await scene.Send(SlackStandIn.Press(person.User, scene.Asked(person.User), "confirm", Server.Time.GetUtcNow()))).Status.ShouldBe(200);
        }

        await Both();
        Slack.Ephemerals.ShouldBeEmpty("No press was answered twice.");
        people.ShouldAllBe(p => scene.Asked(p.User).Buttons.Count == 0);

        Task Both() => Task.WhenAll(Enumerable.Range(0, 4).Select(i => Task.Run(
            () => (i % 2 == 0 ? Server.Get<TellSlack>() : other.GetRequiredService<TellSlack>()).RunOnce(CancellationToken.None))));
    }

    private async Task<List<JsonNode>> Messages(Answer recovery) =>
        [.. (await Server.Get("/v1/messages?limit=500", scene.Token)).Json!["messages"]!.AsArray()
            .Where(m => m!["route"]!.ToString() == "slack" && m["recovery"]!.ToString() == recovery["id"]).Select(m => m!)];
}
