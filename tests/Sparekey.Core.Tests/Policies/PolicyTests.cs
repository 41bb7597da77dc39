using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Tests.Recoveries;
using static Sparekey.Core.Tests.Recoveries.Sample;

namespace Sparekey.Core.Tests.Policies;

public sealed class PolicyTests
{
    [Fact]
    public void The_strictest_of_the_rules_that_match_wins_in_each_demand()
    {
        var answer = Ask(PolicyOf(
            Rule("a", new DemandDocument(Approvals: 2, ConfirmationOrEvidence: true, Wait: "1h", MaxLifetime: "30m")),
            Rule("b", new DemandDocument(Approvals: 1, Confirmation: true, Wait: "2h", MaxLifetime: "10m")),
            Rule("c", new DemandDocument(Approvals: 9), new ConditionDocument(Means: ["force"]))));

        answer.Rules.ShouldBe(["a", "b"]);
        answer.Requirements.Single(r => r.Kind == RequirementKind.Approvals).Count.ShouldBe(2);
        answer.Requirements.Single(r => r.Kind == RequirementKind.Confirmation).OrEvidence.ShouldBeFalse();
        answer.Requirements.Single(r => r.Kind == RequirementKind.Wait).Until.ShouldBe(Now + TimeSpan.FromHours(2));
        answer.LongestLifetime.ShouldBe(TimeSpan.FromMinutes(10));
    }

    [Fact]
    public void No_rule_lengthens_what_the_channel_allows() =>
        Ask(PolicyOf(Rule("long", new DemandDocument(MaxLifetime: "365d")))).LongestLifetime.ShouldBe(TimeSpan.FromHours(24));

    [Fact]
    public void A_rule_that_refuses_is_named_though_others_allow() =>
        Ask(PolicyOf(Rule("a", new DemandDocument()), Rule("never", new DemandDocument(Refuse: true)), Rule("b", new DemandDocument())))
            .RefusedBy.ShouldBe("never");

    // Every condition alone, with an account that meets it and one thing changed so that it does not.
    public static TheoryData<string, ConditionDocument, PolicyQuestion, PolicyQuestion> Conditions()
    {
        var q = new PolicyQuestion(
            Means.Link, Channel.Email, Application, PrincipalKind.Account, Facts with { Role = "operator", Groups = ["vip", "x"] });
        return new()
        {
            { "means", new ConditionDocument(Means: ["code", "link"]), q, q with { Means = Means.Token } },
            { "channels", new ConditionDocument(Channels: ["email"]), q, q with { Channel = Channel.Return } },
            { "above_lowest_role", new ConditionDocument(AboveLowestRole: true), q, q with { Account = q.Account with { Role = "user" } } },
            { "above_role", new ConditionDocument(AboveRole: "user"), q, q with { Account = q.Account with { Role = "user" } } },
            { "roles", new ConditionDocument(Roles: ["operator"]), q, q with { Account = q.Account with { Role = "Operator" } } },
            { "kinds", new ConditionDocument(Kinds: ["customer"]), q, q with { Account = q.Account with { Kind = AccountKind.Employee } } },
            { "groups", new ConditionDocument(Groups: ["vip", "y"]), q, q with { Account = q.Account with { Groups = ["VIP", "x"] } } },
            { "applications", new ConditionDocument(Applications: [Application.ToString()]), q, q with { Application = Id<ApplicationId>(99) } },
            { "requesters", new ConditionDocument(Requesters: ["account"]), q, q with { Requester = PrincipalKind.ServiceAccount } },
        };
    }

    [Theory]
    [MemberData(nameof(Conditions))]
    public void Every_condition_must_hold(string name, ConditionDocument when, PolicyQuestion meets, PolicyQuestion fails)
    {
        var policy = PolicyOf(Rule("r", new DemandDocument(), when));

        policy.Evaluate(meets, Now).Rules.ShouldBe(["r"], name);
        policy.Evaluate(fails, Now).Rules.ShouldBeEmpty(name);
        var both = PolicyOf(Rule("r", new DemandDocument(), when with { Kinds = ["customer"], Requesters = ["account"] }));
        both.Evaluate(meets with { Requester = PrincipalKind.Anonymous }, Now).Rules.ShouldBeEmpty(name);
    }

    [Fact]
    public void Every_condition_has_its_test() =>
        Conditions().Select(c => c.Data.Item1.Replace("_", "", StringComparison.Ordinal)).Order(StringComparer.Ordinal)
            .ShouldBe(typeof(ConditionDocument).GetProperties().Where(p => p.CanWrite).Select(p => p.Name.ToLowerInvariant()).Order(StringComparer.Ordinal));

    [Fact]
    public void A_role_that_nobody_listed_is_above_every_role()
    {
        var policy = PolicyOf(Rule("top", new DemandDocument(Approvals: 1), new ConditionDocument(AboveRole: "admin")));

        Ask(policy, Facts with { Role = "nobody-listed-it" }).Rules.ShouldBe(["top"]);
        Ask(policy, Facts with { Role = "admin" }).Rules.ShouldBeEmpty();
    }

    [Fact]
    public void Another_rule_takes_no_demand_away_and_lengthens_nothing() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(200),
        Prop.ForAll(Choices.Stories(1), seeds =>
        {
            var choices = new Choices(seeds.Length == 0 ? 0 : seeds[0]);
            var rules = Enumerable.Range(0, choices.Next(5)).Select(i => Story.RuleOf(choices, $"r{i}")).ToList();
            var question = new PolicyQuestion(
                choices.Of(Enum.GetValues<Means>()), choices.Of(Enum.GetValues<Channel>()), Application,
                choices.Of(Enum.GetValues<PrincipalKind>()),
                Facts with { Role = choices.Of("user", "admin", "unlisted"), Groups = choices.Chance(50) ? ["vip"] : [] });

            var less = PolicyOf([.. rules]).Evaluate(question, Now);
            rules.Insert(choices.Next(rules.Count + 1), Story.RuleOf(choices, "one_more"));
            var more = PolicyOf([.. rules]).Evaluate(question, Now);

            foreach (var was in less.Requirements)
            {
                var now = more.Requirements.Single(was.IsSameDemandAs);
                now.Count.ShouldBeGreaterThanOrEqualTo(was.Count);
                (now.Until < was.Until || (now.OrEvidence && !was.OrEvidence)).ShouldBeFalse();
            }

            more.LongestLifetime.ShouldBeLessThanOrEqualTo(less.LongestLifetime);
            (less.RefusedBy is not null && more.RefusedBy is null).ShouldBeFalse();
            less.Rules.Except(more.Rules, StringComparer.Ordinal).ShouldBeEmpty();
        }));

    [Fact]
    public void The_order_of_the_rules_does_not_matter() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(100),
        Prop.ForAll(Choices.Stories(1), seeds =>
        {
            var choices = new Choices(seeds.Length == 0 ? 0 : seeds[0]);
            var rules = Enumerable.Range(0, 4).Select(i => Story.RuleOf(choices, $"r{i}")).ToArray();
            var answers = new[] { PolicyOf(rules), PolicyOf([.. rules.Reverse()]) }.Select(p => Ask(p)).ToList();

            Describe(answers[0]).ShouldBe(Describe(answers[1]), ignoreOrder: true);
            answers[0].LongestLifetime.ShouldBe(answers[1].LongestLifetime);
            (answers[0].RefusedBy is null).ShouldBe(answers[1].RefusedBy is null);
        }));

    [Fact]
    public void A_document_survives_json_and_means_the_same_afterwards()
    {
        var document = new PolicyDocument(["low", "high"], "48h",
        [
            new RuleDocument(
                "everything",
                new ConditionDocument(["link"], ["email"], null, "low", ["high"], ["customer"], ["vip"], [Application.ToString()], ["account"]),
                new DemandDocument(true, ["a"], true, "A-[0-9]+", true, null, 2, ["id_card"], "24h", "10m", false)),
            new RuleDocument("nothing", null, new DemandDocument()),
        ]);
        var options = new JsonSerializerOptions { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
        var json = JsonSerializer.Serialize(document, options);
        var read = JsonSerializer.Deserialize<PolicyDocument>(json, options)!;

        JsonSerializer.Serialize(read, options).ShouldBe(json);
        JsonSerializer.Serialize(Policy.From(read).Value.Document, options).ShouldBe(json);
        Policy.From(read).Value.OpenFor.ShouldBe(TimeSpan.FromHours(48));
    }

    [Fact]
    public void The_default_policy_can_be_written_down_and_read_again()
    {
        var json = JsonSerializer.Serialize(Policy.Default.Document, JsonSerializerOptions.Default);

        Policy.From(JsonSerializer.Deserialize<PolicyDocument>(json, JsonSerializerOptions.Default)!).Refusal.ShouldBeNull();
    }

    private static RuleDocument Rule(string name, DemandDocument require, ConditionDocument? when = null) => new(name, when, require);

    private static PolicyAnswer Ask(Policy policy, AccountFacts? account = null) =>
        policy.Evaluate(new PolicyQuestion(Means.Link, Channel.Return, Application, PrincipalKind.Account, account ?? Facts), Now);

    private static List<string> Describe(PolicyAnswer answer) =>
    [
        .. answer.Requirements.Select(r =>
            $"{r.Kind} {r.Count} {r.OrEvidence} {r.Until} {r.EvidenceKind} {r.TicketPattern} {string.Join(',', r.ReasonCodes)}"),
    ];
}
