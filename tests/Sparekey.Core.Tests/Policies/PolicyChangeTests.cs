using Sparekey.Core.Access;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using static Sparekey.Core.Tests.Recoveries.Sample;

namespace Sparekey.Core.Tests.Policies;

/// <summary>Changes of policy that others agree to.</summary>
public sealed class PolicyChangeTests
{
    private static readonly PolicyChange Change = new(
        Id<PolicyChangeId>(50), Tenant, 4, """{"Roles":["user"]}""", RequestersProgramme, Now, Now + TimeSpan.FromHours(72));

    [Fact]
    public void Others_agree_each_once()
    {
        var one = Approve(Change, Approver).Value;
        one.Approvals.Single().ShouldBe(new PolicyApproval(Approver, Now));
        Approve(one, ApproversProgramme).Refusal!.Code.ShouldBe(RefusalCode.AlreadyDecided);
        Approve(one, Other).Value.Approvals.Length.ShouldBe(2);
    }

    [Fact]
    public void Who_proposed_it_does_not_agree_to_it_with_any_programme_of_theirs()
    {
        foreach (var self in new[] { RequestersProgramme, Requester, Programme(60, Requester) })
        {
            Approve(Change, self).Refusal!.Code.ShouldBe(RefusalCode.SeparationOfDuties);
        }

        Approve(Change, Principal.Anonymous).Refusal!.Code.ShouldBe(RefusalCode.SeparationOfDuties);
        Approve(Change, Principal.System).Refusal!.Code.ShouldBe(RefusalCode.SeparationOfDuties);
    }

    [Fact]
    public void Whoever_was_just_recovered_agrees_to_nothing()
    {
        Approve(Change, Approver, recoveredAt: Now - TimeSpan.FromHours(71)).Refusal!.Code.ShouldBe(RefusalCode.RecentlyRecovered);
        Approve(Change, Approver, recoveredAt: Now - TimeSpan.FromHours(72)).Refusal.ShouldBeNull();
    }

    [Fact]
    public void Whom_the_proposer_made_an_operator_does_not_agree_for_them()
    {
        Approve(Change, Approver, grantedBy: Requester.Id).Refusal!.Code.ShouldBe(RefusalCode.SeparationOfDuties);
        Approve(Change, Approver, grantedBy: Other.Id).Refusal.ShouldBeNull();
        Approve(Change with { ProposedBy = Principal.LocalOperator }, Approver, grantedBy: Principal.LocalOperator.Id).Refusal.ShouldBeNull();
        var programme = new Principal(PrincipalKind.ServiceAccount, "programme", Requester.Id);
        Approve(Change with { ProposedBy = programme }, Approver, grantedBy: Requester.Id).Refusal!.Code.ShouldBe(RefusalCode.SeparationOfDuties);
    }

    [Fact]
    public void Only_what_was_seen_is_agreed_to()
    {
        Change.Approve(new SecondPerson(Approver), "", 4, Now).Refusal!.Code.ShouldBe(RefusalCode.DigestMismatch);
        PolicyChange[] others =
        [
            Change with { Document = Change.Document + " " }, Change with { BaseVersion = 5 }, Change with { Id = Id<PolicyChangeId>(51) },
            Change with { ProposedBy = Other }, Change with { Tenant = TenantId.Parse("other") },
        ];
        others.Select(o => o.Digest).Append(Change.Digest).Distinct().Count().ShouldBe(6);
        Change.Approve(new SecondPerson(Approver), others[0].Digest, 4, Now).Refusal!.Code.ShouldBe(RefusalCode.DigestMismatch);
    }

    [Fact]
    public void It_falls_with_the_time_with_another_version_and_with_a_no()
    {
        Approve(Change, Approver, at: Change.ExpiresAt - TimeSpan.FromMilliseconds(1)).Refusal.ShouldBeNull();
        Approve(Change, Approver, at: Change.ExpiresAt).Refusal!.Code.ShouldBe(RefusalCode.PolicyChangeClosed);
        Change.StateAt(4, Change.ExpiresAt).ShouldBe(PolicyChangeState.Expired);
        Change.Approve(new SecondPerson(Approver), Change.Digest, 5, Now).Refusal!.Code.ShouldBe(RefusalCode.VersionConflict);
        Change.StateAt(5, Now).ShouldBe(PolicyChangeState.Outdated);

        // Also its proposer may take it back.
        foreach (var by in new[] { Approver, Requester })
        {
            var denied = Change.Deny(by, Change.Digest, 4, Now).Value;
            denied.StateAt(4, Now).ShouldBe(PolicyChangeState.Denied);
            Approve(denied, Other).Refusal!.Code.ShouldBe(RefusalCode.PolicyChangeClosed);
            denied.Deny(Other, denied.Digest, 4, Now).Refusal!.Code.ShouldBe(RefusalCode.PolicyChangeClosed);
        }

        Change.Deny(Principal.Anonymous, Change.Digest, 4, Now).Refusal!.Code.ShouldBe(RefusalCode.SeparationOfDuties);
    }

    [Theory]
    [InlineData(0, null, "/changes/approvals")]
    [InlineData(21, null, "/changes/approvals")]
    [InlineData(1, "31d", "/changes/open_for")]
    [InlineData(1, "0s", "/changes/open_for")]
    public void A_wrong_demand_is_refused(int approvals, string? openFor, string pointer) =>
        Policy.From(new PolicyDocument(RankOrder.Default.Roles, null, [], null, new ChangesDocument(approvals, openFor)))
            .Refusal!.Faults.Select(f => f.Pointer).ShouldBe([pointer]);

    [Fact]
    public void What_two_policies_answer_is_compared_demand_by_demand()
    {
        var question = new PolicyQuestion(Means.Link, Channel.Return, Application, PrincipalKind.Account, Facts);
        PolicyAnswer Ask(DemandDocument demand) => PolicyOf(new RuleDocument("r", null, demand)).Evaluate(question, Now);

        PolicyDifference.Between(Ask(new(Approvals: 1)), Ask(new(Approvals: 1))).IsNone.ShouldBeTrue();
        var stricter = PolicyDifference.Between(
            Ask(new(Approvals: 1, ConfirmationOrEvidence: true, Wait: "1h", MaxLifetime: "1h")),
            Ask(new(Approvals: 2, Confirmation: true, Wait: "2h", MaxLifetime: "5m")));
        stricter.Added.Length.ShouldBe(3);
        stricter.Dropped.ShouldBeEmpty();
        stricter.LongestLifetime.ShouldBe(TimeSpan.FromMinutes(5));
        var refusing = PolicyDifference.Between(Ask(new(Reason: true)), Ask(new(Refuse: true)));
        (refusing.RefusedBy, refusing.NoLongerRefusedBy, refusing.Dropped.Length).ShouldBe(("r", null, 1));
        PolicyDifference.Between(Ask(new(Refuse: true)), Ask(new())).NoLongerRefusedBy.ShouldBe("r");
    }

    private static Result<PolicyChange> Approve(
        PolicyChange change, Principal by, DateTimeOffset? recoveredAt = null, DateTimeOffset? at = null, string? grantedBy = null) =>
        change.Approve(new SecondPerson(by, recoveredAt, grantedBy), change.Digest, 4, at ?? Now);
}
