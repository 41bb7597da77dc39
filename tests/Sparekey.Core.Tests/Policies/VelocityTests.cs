using Sparekey.Core.Access;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Tests.Recoveries;
using static Sparekey.Core.Tests.Recoveries.Sample;

namespace Sparekey.Core.Tests.Policies;

public sealed class VelocityTests
{
    private static readonly VelocityLimit Approves = new("desk", VelocityScope.Operator, 5, TimeSpan.FromHours(1), Refuses: false);
    private static readonly VelocityLimit Refusing = Approves with { Name = "hard", Refuses = true };
    private static readonly VelocitySubject Subject = new(VelocityScope.Operator, "someone");

    [Fact]
    public void Beyond_a_limit_it_takes_one_approval_more_and_within_it_nothing()
    {
        Ask(new LimitUse(Approves, Subject)).Requirements.ShouldBeEmpty();
        var answer = Ask(new LimitUse(Approves, Subject, TimeSpan.FromMinutes(3)));
        answer.Requirements.Single().Count.ShouldBe(1);
        answer.Rules.ShouldBe(["velocity"]);
        answer.Refusal.ShouldBeNull();
    }

    [Fact]
    public void Two_limits_at_once_add_one_approval_together()
    {
        var answer = Ask(
            new LimitUse(Approves, Subject, TimeSpan.FromMinutes(3)), new LimitUse(Approves with { Name = "other" }, Subject, TimeSpan.FromMinutes(3)));

        answer.Requirements.Single().Count.ShouldBe(1);
    }

    [Fact]
    public void A_limit_that_refuses_says_which_one_it_is_and_when_there_is_room_again()
    {
        var refused = ((Recovery?)null).Decide(Open() with
        {
            Account = Facts with { Uses = [new LimitUse(Approves, Subject), new LimitUse(Refusing, Subject, TimeSpan.FromMinutes(3))] },
        }).ShouldBeOfType<Decision.Refused>().Refusal;

        (refused.Code, refused.RetryAfter).ShouldBe((RefusalCode.VelocityExceeded, TimeSpan.FromMinutes(3)));
        refused.Detail!.ShouldContain("hard");
    }

    [Fact]
    public void What_tightens_between_opening_and_issue_counts_at_the_issue()
    {
        var ready = ((Recovery?)null).Then(Open());
        var tight = Facts with { Uses = [new LimitUse(Approves, Subject, TimeSpan.FromMinutes(3))] };

        var pending = ready.ThenNot(new RecoveryCommand.Issue(Requester, tight), RefusalCode.RequirementsOpen);
        pending.State.ShouldBe(RecoveryState.Pending);

        // That it passes does not take the demand away again.
        pending.ThenNot(new RecoveryCommand.Issue(Requester, Facts), RefusalCode.RequirementsOpen);
        pending.Then(new RecoveryCommand.Approve(Approver, pending.Digest, null)).Then(new RecoveryCommand.Issue(Requester, Facts))
            .State.ShouldBe(RecoveryState.Issued);
    }

    [Fact]
    public void Direct_acts_are_held_up_by_limits_and_by_the_stop_switch()
    {
        Refusal? Check(Policy policy, params LimitUse[] uses) =>
            DirectAction.Check(policy, Facts with { Uses = [.. uses] }, Requester, null, [Application], Now);

        Check(Nothing).ShouldBeNull();
        Check(Nothing, new LimitUse(Approves, Subject, TimeSpan.Zero))!.Code.ShouldBe(RefusalCode.PolicyRefuses);
        Check(Nothing, new LimitUse(Refusing, Subject, TimeSpan.Zero))!.Code.ShouldBe(RefusalCode.VelocityExceeded);
        Check(Nothing.WhileStopped())!.Code.ShouldBe(RefusalCode.RecoveriesStopped);
    }

    [Fact]
    public void A_programme_counts_for_its_owner_and_nobody_for_themselves()
    {
        var token = Id<TokenId>(9);
        VelocitySubject.Of(RequestersProgramme, token, Account, ["vip", "vip", "x"]).ShouldBe(
        [
            new(VelocityScope.Token, token.ToString()), new(VelocityScope.Operator, Requester.Id), new(VelocityScope.Group, "vip"),
            new(VelocityScope.Group, "x"), new(VelocityScope.Target, Account.ToString()),
        ]);
        VelocitySubject.Of(Requester, null, Account, []).ShouldBe([new(VelocityScope.Operator, Requester.Id), new(VelocityScope.Target, Account.ToString())]);
        foreach (var self in new[] { Person, PersonsProgramme, Principal.Anonymous, Principal.System })
        {
            VelocitySubject.Of(self, token, Account, ["vip"]).ShouldBeEmpty();
        }
    }

    [Fact]
    public void A_limit_counts_its_own_scope_and_groups_alone()
    {
        var groups = new VelocityLimit("g", VelocityScope.Group, 1, TimeSpan.FromHours(1), false) { Groups = ["vip"] };
        groups.Counts(new VelocitySubject(VelocityScope.Group, "vip")).ShouldBeTrue();
        groups.Counts(new VelocitySubject(VelocityScope.Group, "x")).ShouldBeFalse();
        groups.Counts(new VelocitySubject(VelocityScope.Target, "vip")).ShouldBeFalse();
        (groups with { Groups = [] }).Counts(new VelocitySubject(VelocityScope.Group, "x")).ShouldBeTrue();
    }

    [Theory]
    [InlineData("a b", "operator", 1, "1h", null, null, "/velocity/0/name")]
    [InlineData("a", "person", 1, "1h", null, null, "/velocity/0/per")]
    [InlineData("a", "operator", 0, "1h", null, null, "/velocity/0/count")]
    [InlineData("a", "operator", 10_001, "1h", null, null, "/velocity/0/count")]
    [InlineData("a", "operator", 1, "0s", null, null, "/velocity/0/within")]
    [InlineData("a", "operator", 1, "31d", null, null, "/velocity/0/within")]
    [InlineData("a", "operator", 1, "soon", null, null, "/velocity/0/within")]
    [InlineData("a", "operator", 1, "1h", "warn", null, "/velocity/0/then")]
    [InlineData("a", "operator", 1, "1h", null, "vip", "/velocity/0/groups")]
    [InlineData("a", "group", 1, "1h", null, "not a name", "/velocity/0/groups")]
    public void A_wrong_limit_is_refused_where_it_is_wrong(
        string name, string per, int count, string within, string? then, string? group, string pointer) =>
        FaultsOf(new VelocityDocument(name, per, count, within, then, group is null ? null : [group])).ShouldContain(pointer);

    [Fact]
    public void Limits_have_names_of_their_own_and_there_are_not_too_many_of_them()
    {
        var limit = new VelocityDocument("a", "target", 1, "1h");
        FaultsOf(limit, limit).ShouldBe(["/velocity"]);
        FaultsOf([.. Enumerable.Range(0, 21).Select(i => limit with { Name = $"a{i}" })]).ShouldBe(["/velocity"]);
        FaultsOf([null!]).ShouldContain("/velocity/0");
        var read = Policy.From(new PolicyDocument(RankOrder.Default.Roles, null, [], [limit with { Then = "refuse" }])).Value.Velocity.Single();
        (read.Per, read.Count, read.Within, read.Refuses).ShouldBe((VelocityScope.Target, 1, TimeSpan.FromHours(1), true));
    }

    private static List<string> FaultsOf(params VelocityDocument[] limits) =>
        [.. Policy.From(new PolicyDocument(RankOrder.Default.Roles, null, [], limits)).Refusal!.Faults.Select(f => f.Pointer)];

    private static PolicyAnswer Ask(params LimitUse[] uses) => Nothing.Evaluate(
        new PolicyQuestion(Means.Link, Channel.Return, Application, PrincipalKind.Account, Facts with { Uses = [.. uses] }), Now);
}
