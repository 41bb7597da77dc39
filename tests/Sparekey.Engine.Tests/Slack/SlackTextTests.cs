using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Slack;

namespace Sparekey.Engine.Tests.Slack;

public sealed class SlackTextTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);

    [Fact]
    public void What_people_wrote_stands_in_plain_text_and_means_nothing()
    {
        const string evil = "<!channel> <http://evil.example.com|approved> *bold* & \u202Egnp.exe\u0007";
        var question = Question(SlackRole.Approver) with
        {
            Account = evil, Requester = evil, Application = evil,
            Recovery = Recovery(new Reason("lost_phone", evil, "HD-1<b>")),
        };

        var (text, blocks, _) = SlackText.Write(question);

        var all = Texts(blocks).ToList();
        all.ShouldAllBe(t => t.Type == "plain_text");
        foreach (var shown in all.Select(t => t.Text).Append(text))
        {
            shown.ShouldNotContain('<');
            shown.ShouldNotContain('>');
            shown.ShouldNotContain('\u202E');
            shown.ShouldNotContain('\u0007');
        }

        all.Select(t => t.Text).ShouldContain(t => t.Contains("&lt;!channel&gt;", StringComparison.Ordinal) && t.Contains("lost_phone", StringComparison.Ordinal));
        all.Select(t => t.Text).ShouldContain(t => t.EndsWith("HD-1&lt;b&gt;", StringComparison.Ordinal));
        blocks.ToJsonString().ShouldNotContain("mrkdwn");
        text.ShouldNotContain("lost_phone");
    }

    [Fact]
    public void The_longest_texts_stay_within_slacks_limits()
    {
        var longest = string.Concat(Enumerable.Repeat("&<😀", 250));
        var question = Question(SlackRole.Approver) with
        {
            Account = longest, Requester = longest, Application = longest, InChat = true,
            Recovery = Recovery(new Reason(new string('c', 64), longest, new string('t', 64))) with { RequestedBy = Principal.LocalOperator },
        };

        foreach (var language in new[] { "en", "de" })
        {
            var (text, blocks, _) = SlackText.Write(question with { Language = language });
            text.Length.ShouldBeLessThanOrEqualTo(1001);
            blocks.Where(b => b!["fields"] is not null).ShouldAllBe(b => b!["fields"]!.AsArray().Count <= 10);
            Texts(blocks).ShouldAllBe(t => t.Text.Length > 0 && t.Text.Length <= 2000);
            Buttons(blocks).ShouldAllBe(b => b["text"]!["text"]!.ToString().Length <= 75 && (b["value"] == null || b["value"]!.ToString().Length <= 2000));
        }
    }

    [Fact]
    public void A_button_names_its_message_its_recovery_and_what_was_seen()
    {
        var question = Question(SlackRole.Person);
        var (_, blocks, _) = SlackText.Write(question);

        var buttons = Buttons(blocks).ToDictionary(b => b["action_id"]!.ToString(), b => b["value"]!.ToString(), StringComparer.Ordinal);
        buttons.Keys.ShouldBe(["confirm", "not_me"], ignoreOrder: true);
        foreach (var value in buttons.Values)
        {
            SlackText.Read(value).ShouldBe((question.Message, question.Recovery.Id, question.Recovery.DecisionDigest));
            foreach (var wrong in new[] { value + "x", value[..^1], "2" + value[1..], value + ".1", value.Replace('.', ' '), "", new string('.', 100) })
            {
                SlackText.Read(wrong).ShouldBeNull(wrong);
            }
        }

        SlackText.Read(null).ShouldBeNull();
    }

    [Fact]
    public void Approvers_get_a_page_and_no_power_unless_somebody_allowed_it()
    {
        var review = Buttons(SlackText.Write(Question(SlackRole.Approver)).Blocks).Single();
        (review["action_id"]!.ToString(), review["url"]!.ToString()).ShouldBe((SlackText.Review, "https://recover.example.com/operate/recoveries/1"));
        review["value"].ShouldBeNull();

        Buttons(SlackText.Write(Question(SlackRole.Approver) with { InChat = true }).Blocks).Select(b => b["action_id"]!.ToString())
            .ShouldBe(["approve", "deny", SlackText.Review]);
        Buttons(SlackText.Write(Question(SlackRole.Approver) with { InChat = true, Asks = false }).Blocks).ShouldBeEmpty();
    }

    [Theory]
    [InlineData(RecoveryState.Denied)]
    [InlineData(RecoveryState.Cancelled)]
    [InlineData(RecoveryState.Expired)]
    public void A_channel_is_not_told_how_it_ended(RecoveryState state)
    {
        var question = Question(SlackRole.Approver) with { Asks = false, Recovery = Recovery(null) with { State = state } };
        var inChannel = SlackText.Write(question with { InChannel = true }).Text;

        inChannel.ShouldBe(SlackWords.Of("en")["over"]);
        SlackText.Write(question).Text.ShouldNotBe(inChannel);
    }

    [Fact]
    public void What_shows_the_same_has_the_same_hash_and_what_does_not_has_not()
    {
        var question = Question(SlackRole.Approver);
        SlackText.Write(question with { Now = Now.AddMinutes(1) }).Hash.ShouldBe(SlackText.Write(question).Hash);
        SlackText.Write(question with { Asks = false }).Hash.ShouldNotBe(SlackText.Write(question).Hash);
        SlackText.Write(question with { Account = "another" }).Hash.ShouldNotBe(SlackText.Write(question).Hash);
    }

    [Fact]
    public void Every_language_has_every_word()
    {
        var english = SlackWords.Of("en").Names;
        SlackWords.Of("de").Names.ShouldBe(english, ignoreOrder: true);
        SlackWords.Of("fr").ShouldBeSameAs(SlackWords.Of("en"));
        Enum.GetValues<Means>().Select(m => "means." + WireName.Of(m))
            .Concat(Enum.GetValues<Revocation>().Select(r => "revoke." + WireName.Of(r)))
            .Concat(Enum.GetValues<RequirementKind>().Select(r => "need." + WireName.Of(r)))
            .ShouldBeSubsetOf(english);
        SlackWords.Of("en").NotDone("what nobody knows").ShouldBe(SlackWords.Of("en").NotDone("later"));
    }

    private static SlackQuestion Question(SlackRole role) => new(role, NewId.Make<MessageId>(), Recovery(null), Asks: true, InChannel: false)
    {
        Application = "Example", Account = "person@example.com", Requester = "desk (local-operator)",
        Page = new Uri("https://recover.example.com/operate/recoveries/1"), Language = "en", Now = Now,
    };

    private static Recovery Recovery(Reason? reason) => new(
        NewId.Make<RecoveryId>(), TenantId.Default,
        new RecoveryRequest(NewId.Make<AccountId>(), 1, NewId.Make<Sparekey.Core.ApplicationId>(), Means.Link, Channel.Return, TimeSpan.FromHours(1))
        {
            Reason = reason, Revoke = [.. Enum.GetValues<Revocation>()], Risk = new Risk(70, ["new_device", "vpn"]),
        },
        new Principal(PrincipalKind.ServiceAccount, "desk", "local-operator"), Now, Now.AddDays(3))
    {
        Requirements = [.. Enum.GetValues<RequirementKind>().Select(k => new Requirement(k))],
    };

    private static IEnumerable<(string Type, string Text)> Texts(JsonNode? node) => node switch
    {
        JsonObject { Count: > 0 } o when o["text"] is JsonValue text => [(o["type"]!.ToString(), text.ToString())],
        JsonObject o => o.SelectMany(p => Texts(p.Value)),
        JsonArray a => a.SelectMany(Texts),
        _ => [],
    };

    private static List<JsonObject> Buttons(JsonArray blocks) =>
        [.. blocks.Where(b => b!["type"]!.ToString() == "actions").SelectMany(b => b!["elements"]!.AsArray()).Select(e => e!.AsObject())];
}
