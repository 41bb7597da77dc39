using System.Net;
using FsCheck;
using FsCheck.Fluent;
using Sparekey.Core.Access;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Tests.Recoveries;
using static Sparekey.Core.Tests.Recoveries.Sample;

namespace Sparekey.Core.Tests.Policies;

/// <summary>What holds for every policy and every question: nothing that is added loosens, and nothing that was demanded once is forgotten.</summary>
public sealed class PolicyPropertyTests
{
    [Fact]
    public void T3_No_rule_that_is_added_loosens_whatever_tightens_besides() => ForAll(300, choices =>
    {
        var rules = Enumerable.Range(0, choices.Next(5)).Select(i => Story.RuleOf(choices, $"r{i}")).ToList();
        var question = QuestionOf(choices);
        var less = PolicyOf([.. rules]).Evaluate(question, Now);
        rules.Insert(choices.Next(rules.Count + 1), Story.RuleOf(choices, "one_more"));
        IsAsStrictAs(PolicyOf([.. rules]).Evaluate(question, Now), less);
    });

    [Fact]
    public void T3_No_tightening_and_no_limit_loosens_and_each_takes_more_people() => ForAll(300, choices =>
    {
        var policy = PolicyOf([.. Enumerable.Range(0, choices.Next(5)).Select(i => Story.RuleOf(choices, $"r{i}"))]);
        var question = QuestionOf(choices) with { Account = FactsOf(choices) with { Tightenings = [], Uses = [] } };
        var loose = policy.Evaluate(question, Now);
        var tight = policy.Evaluate(question with { Account = question.Account with { Tightenings = [choices.Of(Enum.GetValues<Tightening>())] } }, Now);

        IsAsStrictAs(tight, loose);
        Anybody(tight).ShouldBeGreaterThan(Anybody(loose));

        // Whoever sufficed for the rules is one too few: even if nobody counted for two of them.
        var sufficed = Math.Max(Anybody(loose), loose.Requirements.Where(r => r.Kind == RequirementKind.Approvals && !r.IsByAnybody).Sum(r => r.Count));
        Anybody(tight).ShouldBe(sufficed + 1);
    });

    [Fact]
    public void T3_What_counts_is_the_policy_at_opening_and_the_policy_at_issue_together() => ForAll(400, choices =>
    {
        var (first, second) = (Story.PolicyOf(choices), Story.PolicyOf(choices));
        var (atOpening, atIssue) = (FactsOf(choices), FactsOf(choices));
        var open = Open(Request() with { Reason = choices.Chance(50) ? LostPhone : null }) with { Account = atOpening };
        if (((Recovery?)null).Decide(open, first) is not Decision.Accepted { Next: var opened })
        {
            return;
        }

        var later = Now + choices.Of(TimeSpan.Zero, TimeSpan.FromMinutes(10), TimeSpan.FromHours(30));
        var decision = RecoveryMachine.Decide(opened, new RecoveryCommand.Issue(Requester, atIssue), second, later);
        var then = second.Evaluate(
            new PolicyQuestion(Means.Link, Channel.Return, Application, Requester.Kind, atIssue) { How = Circumstances.Of(Requester, null) }, Now, later);
        if (then.Refusal is not null)
        {
            (decision is Decision.Accepted { Answer: null }).ShouldBeFalse();
            return;
        }

        if (decision is not Decision.Accepted accepted)
        {
            // Nothing new was demanded, and something is still open.
            decision.ShouldBeOfType<Decision.Refused>().Refusal.Code.ShouldBe(RefusalCode.RequirementsOpen);
            return;
        }

        foreach (var demand in RecoveryMachine.Evaluate(open, first, Now).Requirements.Concat(then.Requirements))
        {
            var kept = accepted.Next.Requirements.Single(demand.IsSameDemandAs);
            kept.Count.ShouldBeGreaterThanOrEqualTo(demand.Count);
            (kept.Until < demand.Until || (kept.OrEvidence && !demand.OrEvidence)).ShouldBeFalse();
        }

        if (accepted.Answer is null)
        {
            accepted.Next.AllMet(later).ShouldBeTrue();
            (accepted.Next.Secret!.ExpiresAt - later).ShouldBeLessThanOrEqualTo(then.LongestLifetime);
        }
    });

    private static PolicyQuestion QuestionOf(Choices choices) => new(
        choices.Of(Enum.GetValues<Means>()), choices.Of(Enum.GetValues<Channel>()), Application, choices.Of(Enum.GetValues<PrincipalKind>()),
        FactsOf(choices))
    {
        How = new Circumstances(
            Requester.Id, null, choices.Chance(50) ? IPAddress.Loopback : null, choices.Chance(50) ? new Risk(choices.Next(101), []) : null),
    };

    private static AccountFacts FactsOf(Choices choices) => Facts with
    {
        Role = choices.Of("user", "admin", "unlisted"),
        Groups = choices.Chance(50) ? ["vip"] : [],
        Level = choices.Of(Enum.GetValues<AssuranceLevel>()),
        Opened = choices.Chance(50) ? [Now, Now] : [],
        Tightenings = [.. choices.Some(Enum.GetValues<Tightening>(), 20)],
        Uses = choices.Chance(80)
            ? []
            : [new LimitUse(new VelocityLimit("l", VelocityScope.Target, 1, TimeSpan.FromHours(1), choices.Chance(20)), default, TimeSpan.Zero)],
    };

    private static int Anybody(PolicyAnswer answer) =>
        answer.Requirements.FirstOrDefault(r => r.Kind == RequirementKind.Approvals && r.IsByAnybody)?.Count ?? 0;

    private static void IsAsStrictAs(PolicyAnswer more, PolicyAnswer less)
    {
        foreach (var was in less.Requirements)
        {
            var now = more.Requirements.Single(was.IsSameDemandAs);
            now.Count.ShouldBeGreaterThanOrEqualTo(was.Count);
            (now.Until < was.Until || (now.OrEvidence && !was.OrEvidence)).ShouldBeFalse();
        }

        more.LongestLifetime.ShouldBeLessThanOrEqualTo(less.LongestLifetime);
        (less.Refusal is not null && more.Refusal is null).ShouldBeFalse();
        less.Rules.Except(more.Rules, StringComparer.Ordinal).ShouldBeEmpty();
    }

    private static void ForAll(int tests, Action<Choices> check) => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(tests),
        Prop.ForAll(Choices.Stories(1), seeds => check(new Choices(seeds.Length == 0 ? 0 : seeds[0]))));
}
