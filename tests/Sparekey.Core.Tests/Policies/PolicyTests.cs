using System.Globalization;
using System.Net;
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
            Means.Link, Channel.Email, Application, PrincipalKind.Account,
            Facts with { Role = "operator", Groups = ["vip", "x"], Opened = [Now - TimeSpan.FromDays(1), Now - TimeSpan.FromDays(20)] })
        {
            How = new Circumstances("me", "owner", IPAddress.Parse("10.1.2.3"), new Risk(70, ["new_device"])),
        };
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
            { "requester_ids", new ConditionDocument(RequesterIds: ["x", "owner"]), q, q with { How = q.How with { Owner = null } } },
            { "networks", new ConditionDocument(Networks: ["10.0.0.0/8"]), q, q with { How = q.How with { Source = null } } },
            { "outside_networks", new ConditionDocument(OutsideNetworks: ["192.0.2.0/24", "2001:db8::/32"]), q, q with { How = q.How with { Source = IPAddress.Parse("::ffff:192.0.2.9") } } },
            { "hours", new ConditionDocument(Hours: HoursAround(Now)), q, q },
            { "risks", new ConditionDocument(Risks: ["tor", "new_device"]), q, q with { How = q.How with { Risk = new Risk(70, ["New_device"]) } } },
            { "risk_score", new ConditionDocument(RiskScore: 70), q, q with { How = q.How with { Risk = new Risk(69, ["new_device"]) } } },
            { "recoveries_lately", new ConditionDocument(RecoveriesLately: new LatelyDocument(2, "20d")), q, q with { Account = q.Account with { Opened = [Now, Now - TimeSpan.FromDays(21)] } } },
        };
    }

    [Theory]
    [MemberData(nameof(Conditions))]
    public void Every_condition_must_hold(string name, ConditionDocument when, PolicyQuestion meets, PolicyQuestion fails)
    {
        var policy = PolicyOf(Rule("r", new DemandDocument(), when));

        var later = name == "hours" ? Now + TimeSpan.FromHours(2) : Now;

        policy.Evaluate(meets, Now).Rules.ShouldBe(["r"], name);
        policy.Evaluate(fails, Now, later).Rules.ShouldBeEmpty(name);
        var both = PolicyOf(Rule("r", new DemandDocument(), when with { Kinds = ["customer"], Requesters = ["account"] }));
        both.Evaluate(meets with { Requester = PrincipalKind.Anonymous }, Now).Rules.ShouldBeEmpty(name);
    }

    [Fact]
    public void Every_condition_has_its_test() =>
        Conditions().Select(c => c.Data.Item1.Replace("_", "", StringComparison.Ordinal)).Order(StringComparer.Ordinal)
            .ShouldBe(typeof(ConditionDocument).GetProperties().Where(p => p.CanWrite).Select(p => p.Name.ToLowerInvariant()).Order(StringComparer.Ordinal));

    [Fact]
    public void Where_source_or_score_are_not_known_the_rule_that_guards_against_bad_ones_holds()
    {
        var policy = PolicyOf(
            Rule("elsewhere", new DemandDocument(), new ConditionDocument(OutsideNetworks: ["10.0.0.0/8"])),
            Rule("risky", new DemandDocument(), new ConditionDocument(RiskScore: 50)),
            Rule("inside", new DemandDocument(), new ConditionDocument(Networks: ["10.0.0.0/8"])));

        Ask(policy).Rules.ShouldBe(["elsewhere", "risky"]);
    }

    // 2026-03-02 is a Monday. In March the clocks of Berlin are an hour ahead of UTC, from the 29th on two.
    [Theory]
    [InlineData("2026-03-02T16:59:59Z", false)]
    [InlineData("2026-03-02T17:00:00Z", true)]
    [InlineData("2026-03-03T06:59:59Z", true)]
    [InlineData("2026-03-03T07:00:00Z", false)]
    [InlineData("2026-03-03T17:00:00Z", false)]
    [InlineData("2026-03-01T23:30:00Z", false)]
    [InlineData("2026-03-30T16:00:00Z", true)]
    public void Hours_that_pass_midnight_belong_to_the_day_on_which_they_begin(string at, bool within)
    {
        var policy = PolicyOf(Rule(
            "night", new DemandDocument(), new ConditionDocument(Hours: new HoursDocument("18:00", "08:00", ["mon"], "Europe/Berlin"))));

        policy.Evaluate(Question(), DateTimeOffset.Parse(at, CultureInfo.InvariantCulture)).Rules.Length.ShouldBe(within ? 1 : 0);
    }

    [Fact]
    public void The_same_hour_twice_is_a_whole_day()
    {
        var policy = PolicyOf(Rule("mondays", new DemandDocument(), new ConditionDocument(Hours: new HoursDocument("12:00", "12:00", ["mon"]))));
        var monday = new DateTimeOffset(2026, 3, 2, 0, 0, 0, TimeSpan.Zero);

        Enumerable.Range(0, 48).Where(h => policy.Evaluate(Question(), monday + TimeSpan.FromHours(h)).Rules.Length == 1)
            .ShouldBe(Enumerable.Range(12, 24));
    }

    [Fact]
    public void What_is_done_by_other_means_than_the_allowed_is_refused_by_the_rule_that_says_so()
    {
        var policy = PolicyOf(Rule("keys_only", new DemandDocument(Means: ["recovery_key", "escrow"])));

        Ask(policy).RefusedBy.ShouldBe("keys_only");
        policy.Evaluate(Question() with { Means = Means.RecoveryKey }, Now).RefusedBy.ShouldBeNull();
    }

    [Fact]
    public void N12_A_second_proof_is_demanded_where_the_recovery_alone_reaches_less_than_the_account_has()
    {
        var policy = PolicyOf(Rule("level", new DemandDocument(SecondProof: "below_account")));
        var strong = Question() with { Account = Facts with { Level = AssuranceLevel.Aal2 } };

        Ask(policy).Requirements.ShouldBeEmpty();
        policy.Evaluate(strong, Now).Requirements.Single().Kind.ShouldBe(RequirementKind.SecondProof);
        policy.Evaluate(strong with { Means = Means.RecoveryKey, Channel = Channel.Email }, Now).Requirements.ShouldBeEmpty();
        policy.Evaluate(strong with { Means = Means.RecoveryKey, Channel = Channel.Email, Account = Facts with { Level = AssuranceLevel.Aal3 } }, Now)
            .Requirements.ShouldHaveSingleItem();
    }

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
                Facts with
                {
                    Role = choices.Of("user", "admin", "unlisted"), Groups = choices.Chance(50) ? ["vip"] : [],
                    Level = choices.Of(Enum.GetValues<AssuranceLevel>()), Opened = choices.Chance(50) ? [Now, Now] : [],
                })
            {
                How = new Circumstances(
                    Requester.Id, null, choices.Chance(50) ? IPAddress.Loopback : null, choices.Chance(50) ? new Risk(choices.Next(101), []) : null),
            };

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
                new ConditionDocument(
                    ["link"], ["email"], null, "low", ["high"], ["customer"], ["vip"], [Application.ToString()], ["account"], ["me"],
                    ["10.0.0.0/8"], ["::/0"], new HoursDocument("08:00", "18:00", ["mon"], "UTC"), ["tor"], 50, new LatelyDocument(2, "30d")),
                new DemandDocument(
                    true, ["a"], true, "A-[0-9]+", true, null, 2, ["id_card"], "24h", "10m", false, ["link"], ["slack"],
                    [new ApproversDocument(1, ["security"])], true, true, "always")),
            new RuleDocument("nothing", null, new DemandDocument()),
        ],
        [new VelocityDocument("finance", "group", 3, "1h", "refuse", ["finance"])], new ChangesDocument(2, "24h"));
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

    private static PolicyAnswer Ask(Policy policy, AccountFacts? account = null) => policy.Evaluate(Question(account), Now);

    private static PolicyQuestion Question(AccountFacts? account = null) =>
        new(Means.Link, Channel.Return, Application, PrincipalKind.Account, account ?? Facts);

    private static HoursDocument HoursAround(DateTimeOffset at) => new(
        (at - TimeSpan.FromHours(1)).ToString("HH:mm", CultureInfo.InvariantCulture),
        (at + TimeSpan.FromHours(1)).ToString("HH:mm", CultureInfo.InvariantCulture));

    private static List<string> Describe(PolicyAnswer answer) =>
    [
        .. answer.Requirements.Select(r =>
            $"{r.Kind} {r.Count} {r.OrEvidence} {r.Until} {r.EvidenceKind} {r.TicketPattern} {string.Join(',', r.ReasonCodes)} {string.Join(',', r.Over)} {string.Join(',', r.FromGroups)} {r.FromAnotherGroup} {r.ByManager}"),
    ];
}
