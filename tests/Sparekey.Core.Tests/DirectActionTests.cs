using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;

namespace Sparekey.Core.Tests;

public sealed class DirectActionTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);
    private static readonly ApplicationId First = ApplicationId.From(new Guid("00000000-0000-4000-8000-000000000001"));
    private static readonly ApplicationId Second = ApplicationId.From(new Guid("00000000-0000-4000-8000-000000000002"));

    [Fact]
    public void Refuses_under_the_default_policy_and_says_what_is_demanded()
    {
        var refusal = Check(Policy.Default, "user");

        refusal.ShouldNotBeNull();
        refusal.Code.ShouldBe(RefusalCode.PolicyRefuses);
        refusal.Detail.ShouldBe("Policy demands confirmation, approvals for this: open a recovery of means force.");
    }

    [Fact]
    public void Allows_where_policy_demands_nothing_of_force() => Check(PolicyOf(), "user").ShouldBeNull();

    [Fact]
    public void A_rule_about_another_means_is_not_in_the_way() =>
        Check(
            PolicyOf(new RuleDocument("links", new ConditionDocument(Means: ["link"]), new DemandDocument(Approvals: 1))), "user")
            .ShouldBeNull();

    [Fact]
    public void A_rule_that_refuses_is_named()
    {
        var policy = PolicyOf(new RuleDocument("never", null, new DemandDocument(Refuse: true)));

        Check(policy, "user")!.Detail.ShouldBe("The rule never refuses it.");
    }

    [Theory]
    [InlineData("user", true)]
    [InlineData("admin", false)]
    [InlineData("a-role-nobody-listed", false)]
    public void A_rule_about_rank_counts(string role, bool allowed)
    {
        var policy = PolicyOf(
            new RuleDocument("high", new ConditionDocument(AboveLowestRole: true), new DemandDocument(Approvals: 1)));

        (Check(policy, role) is null).ShouldBe(allowed);
    }

    [Fact]
    public void A_rule_about_any_application_of_the_tenant_counts()
    {
        var policy = PolicyOf(
            new RuleDocument("bank", new ConditionDocument(Applications: [Second.ToString()]), new DemandDocument(Ticket: true)));

        Check(policy, "user", First, Second)!.Detail.ShouldBe("Policy demands ticket for this: open a recovery of means force.");
        Check(policy, "user", First).ShouldBeNull();
    }

    [Fact]
    public void A_waiting_time_cannot_be_sat_out_directly() =>
        Check(PolicyOf(new RuleDocument("slow", null, new DemandDocument(Wait: "24h"))), "user")!
            .Code.ShouldBe(RefusalCode.PolicyRefuses);

    [Fact]
    public void A_rule_counts_in_a_tenant_without_applications() => Check(Policy.Default, "user", []).ShouldNotBeNull();

    private static Refusal? Check(Policy policy, string role, params ApplicationId[] applications) => DirectAction.Check(
        policy,
        new AccountFacts(
            AccountId.From(new Guid("00000000-0000-4000-8000-00000000000a")), 1, role, AccountKind.Customer, AccountStatus.Active, []),
        Principal.LocalOperator,
        source: null,
        applications,
        Now);

    private static Policy PolicyOf(params RuleDocument[] rules) =>
        Policy.From(new PolicyDocument(RankOrder.Default.Roles, null, rules)).Value;
}
