using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using static Sparekey.Core.Tests.Recoveries.Sample;

namespace Sparekey.Core.Tests.Policies;

public sealed class TighteningTests
{
    [Fact]
    public void Adds_one_approval_to_a_recovery_that_took_none()
    {
        var answer = Ask(new DemandDocument(), Tightening.RepudiatedLately);

        answer.Requirements.Single().ShouldSatisfyAllConditions(
            r => r.Kind.ShouldBe(RequirementKind.Approvals), r => r.Count.ShouldBe(1), r => r.IsByAnybody.ShouldBeTrue());
        answer.Rules.ShouldBe(["r", "repudiated_lately"]);
    }

    [Theory]
    [InlineData(2, false, false, 0, 3)] // Anybody's two and one more.
    [InlineData(0, true, false, 0, 2)] // The manager and one more.
    [InlineData(1, true, false, 0, 2)] // The manager is the one; one more.
    [InlineData(1, true, true, 2, 5)] // The manager, two of a group and one of another: maybe four people, so five.
    public void Adds_one_beyond_every_set_of_people_that_would_have_sufficed(
        int anybody, bool manager, bool another, int fromGroup, int demanded)
    {
        var demand = new DemandDocument(
            Approvals: anybody == 0 ? null : anybody, ApprovalByManager: manager, ApprovalFromAnotherGroup: another,
            ApprovalsFrom: fromGroup == 0 ? null : [new ApproversDocument(fromGroup, ["security"])]);

        Ask(demand, Tightening.Velocity).Requirements.Single(r => r.IsByAnybody).Count.ShouldBe(demanded);
    }

    [Fact]
    public void Each_counts_once_and_both_count() =>
        Ask(new DemandDocument(Approvals: 1), Tightening.Velocity, Tightening.RepudiatedLately, Tightening.Velocity)
            .ShouldSatisfyAllConditions(
                a => a.Requirements.Single().Count.ShouldBe(3), a => a.Rules.ShouldBe(["r", "velocity", "repudiated_lately"]));

    [Fact]
    public void Takes_no_demand_away()
    {
        var demand = new DemandDocument(Reason: true, Confirmation: true, Approvals: 1, ApprovalByManager: true, Wait: "1h", Evidence: ["selfie"]);
        var loose = Ask(demand);
        var tight = Ask(demand, Tightening.Velocity);

        foreach (var was in loose.Requirements)
        {
            tight.Requirements.Single(was.IsSameDemandAs).Count.ShouldBeGreaterThanOrEqualTo(was.Count);
        }
    }

    private static PolicyAnswer Ask(DemandDocument demand, params Tightening[] tightenings) => PolicyOf(new RuleDocument("r", null, demand))
        .Evaluate(new PolicyQuestion(
            Means.Link, Channel.Return, Application, Core.Access.PrincipalKind.Account, Facts with { Tightenings = [.. tightenings] }), Now);
}
