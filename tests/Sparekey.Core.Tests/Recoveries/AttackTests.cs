using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using static Sparekey.Core.Tests.Recoveries.Sample;

namespace Sparekey.Core.Tests.Recoveries;

/// <summary>What somebody tries who wants a recovery through that others did not agree to.</summary>
public sealed class AttackTests
{
    private static readonly RecoveryRequest Asked = Request() with { Reason = LostPhone, Revoke = [Revocation.Sessions] };

    public static TheoryData<string> Altered { get; } = [.. Alterations().Keys];

    [Theory]
    [MemberData(nameof(Altered))]
    public void A16_Who_agreed_to_one_request_agreed_to_no_other(string what)
    {
        var open = Open(Asked, extra: [.. EveryDecision]);
        var (request, by) = Alterations()[what];
        var seen = ((Recovery?)null).Then(open);
        var other = ((Recovery?)null).Then(open with { Request = request, By = by });
        other.Digest.ShouldNotBe(seen.Digest);

        foreach (var decision in Decisions(seen.Digest))
        {
            other.ThenNot(decision, RefusalCode.DigestMismatch);
        }

        // And with it everything is agreed to, so that it is the digest alone that stood in the way.
        Decisions(other.Digest).Aggregate(other, (r, d) => r.Then(d)).Requirements.Count(r => !r.Met.IsEmpty).ShouldBe(3);
    }

    [Theory]
    [InlineData("session")]
    [InlineData("page")]
    [InlineData("slack")]
    public void Nobody_says_for_a_person_that_they_answered_over_a_channel_of_ours(string over)
    {
        var policy = PolicyOf(new RuleDocument("own_word", null, new DemandDocument(ConfirmationOver: [over])));
        var recovery = ((Recovery?)null).Then(Open(), policy);

        recovery.ThenNot(new RecoveryCommand.Confirm(Other, recovery.Digest) { Over = over }, RefusalCode.SeparationOfDuties);
        recovery.Then(new RecoveryCommand.Confirm(Person, recovery.Digest) { Over = over }).State.ShouldBe(RecoveryState.Ready);
    }

    [Fact]
    public void Whom_the_requester_made_an_operator_does_not_approve_what_the_requester_asks()
    {
        var recovery = ((Recovery?)null).Then(Open(), OneApproval);
        var puppet = new RecoveryCommand.Approve(Other, recovery.Digest, RecoveredAt: null) { GrantedBy = Requester.Id };

        recovery.ThenNot(puppet, RefusalCode.SeparationOfDuties);
        recovery.Then(puppet with { GrantedBy = Approver.Id }).State.ShouldBe(RecoveryState.Ready);
        recovery.Then(puppet with { GrantedBy = null }).State.ShouldBe(RecoveryState.Ready);
    }

    [Fact]
    public void A15_What_a_recovery_takes_away_is_what_people_agreed_to_whatever_comes_after()
    {
        // Nothing that can be said to an open recovery adds a factor to what goes with it.
        foreach (var revoke in Enum.GetValues<Revocation>())
        {
            var pending = ((Recovery?)null).Then(Open(Request() with { Revoke = [revoke] }, extra: [.. EveryDecision]));
            var ready = AllMet(pending);
            var explained = ready.Then(new RecoveryCommand.AddReason(Requester, LostPhone));
            var issued = AllMet(explained with { Requirements = pending.Requirements }).Then(new RecoveryCommand.Issue(Requester, Facts));
            var completed = issued.Then(Redeem()).Then(new RecoveryCommand.Complete(RedemptionOne, Facts));
            foreach (var recovery in new[] { ready, explained, issued, completed })
            {
                recovery.Request.Revoke.ShouldBe([revoke]);
            }
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void An_account_that_changes_after_anybody_decided_takes_another_recovery(int decision)
    {
        var demand = EveryDecision[decision];
        var pending = ((Recovery?)null).Then(Open(extra: demand));
        var ready = pending.Then(Decisions(pending.Digest)[decision]);
        ready.State.ShouldBe(RecoveryState.Ready);

        foreach (var changed in new[]
        {
            Facts with { Version = Facts.Version + 1 }, Facts with { Version = Facts.Version - 1 },
            Facts with { Version = Facts.Version + 1, Role = "admin" }, Facts with { Version = Facts.Version + 1, Groups = ["vip"] },
        })
        {
            ready.ThenNot(new RecoveryCommand.Issue(Requester, changed), RefusalCode.AccountChanged);
            ready.ThenNot(new RecoveryCommand.Issue(Requester, changed, Ahead: true), RefusalCode.AccountChanged);
        }

        ready.ThenNot(new RecoveryCommand.Issue(Requester, Facts with { Status = AccountStatus.Disabled }), RefusalCode.AccountDisabled);
        ready.Then(new RecoveryCommand.Issue(Requester, Facts)).State.ShouldBe(RecoveryState.Issued);
    }

    [Fact]
    public void A_policy_that_was_tightened_and_loosened_again_leaves_what_it_demanded_in_between()
    {
        var tight = PolicyOf(new RuleDocument("tight", null, new DemandDocument(Approvals: 2, Evidence: ["id_card"])));
        var ready = ((Recovery?)null).Then(Open(), OneApproval);
        ready = ready.Then(new RecoveryCommand.Approve(Approver, ready.Digest, null), OneApproval);

        var raised = ready.ThenNot(new RecoveryCommand.Issue(Requester, Facts), RefusalCode.RequirementsOpen, tight);
        raised.ThenNot(new RecoveryCommand.Issue(Requester, Facts), RefusalCode.RequirementsOpen);

        // Who agreed before counts; nobody counts twice.
        raised.ThenNot(new RecoveryCommand.Approve(ApproversProgramme, raised.Digest, null), RefusalCode.AlreadyDecided);
        raised.Then(new RecoveryCommand.Approve(Other, raised.Digest, null))
            .ThenNot(new RecoveryCommand.Issue(Requester, Facts), RefusalCode.RequirementsOpen)
            .Then(new RecoveryCommand.GiveEvidence(Other, raised.Digest, "id_card"))
            .Then(new RecoveryCommand.Issue(Requester, Facts)).State.ShouldBe(RecoveryState.Issued);
    }

    [Theory]
    [InlineData(71, 59, RefusalCode.RecentlyRecovered)]
    [InlineData(0, 0, RefusalCode.RecentlyRecovered)]
    [InlineData(-1, 0, RefusalCode.RecentlyRecovered)]
    [InlineData(72, 0, null)]
    public void Who_was_recovered_agrees_to_nothing_for_three_days_themselves_or_by_a_programme(int hours, int minutes, RefusalCode? refusal)
    {
        var pending = ((Recovery?)null).Then(Open(extra: new Requirement(RequirementKind.Approvals)));
        foreach (var by in new[] { Approver, ApproversProgramme })
        {
            CodeOf(pending.Decide(new RecoveryCommand.Approve(by, pending.Digest, Now - new TimeSpan(hours, minutes, 0)))).ShouldBe(refusal);
        }
    }

    [Fact]
    public void An_approver_of_the_wrong_group_or_of_the_requesters_does_not_count()
    {
        var security = new Requirement(RequirementKind.Approvals) { FromGroups = ["security"] };
        var another = new Requirement(RequirementKind.Approvals) { FromAnotherGroup = true };
        foreach (var (demand, groups) in new (Requirement, string[])[]
        {
            (security, []), (security, ["help_desk"]), (security, ["SECURITY"]), (security, ["security "]),
            (another, []), (another, ["help_desk"]), (another, ["security", "help_desk"]),
        })
        {
            var one = ((Recovery?)null).Then(Open(extra: demand));
            one.ThenNot(Agree(one, Approver, groups), RefusalCode.SeparationOfDuties);
        }

        var pending = ((Recovery?)null).Then(Open(extra: [security, another]));

        // In the group, but in the requester's too: one of the two demands stays open.
        var once = pending.Then(Agree(pending, Approver, ["security", "help_desk"]));
        once.ThenNot(new RecoveryCommand.Issue(Requester, Facts), RefusalCode.RequirementsOpen);
        once.ThenNot(Agree(pending, Approver, ["finance", "help_desk"]), RefusalCode.AlreadyDecided);
        once.Then(Agree(pending, Other, ["finance"])).State.ShouldBe(RecoveryState.Ready);
    }

    [Fact]
    public void A_manager_who_asks_is_nobody_to_approve_it_and_nobody_stands_in_for_them()
    {
        Ids.TryParse<AccountId>(Requester.Id, out var requester).ShouldBeTrue();
        foreach (var asks in new[] { Requester, RequestersProgramme })
        {
            var pending = ((Recovery?)null).Then(Open(by: asks, extra: new Requirement(RequirementKind.Approvals) { ByManager = true }));
            foreach (var by in new[] { Requester, RequestersProgramme, Programme(31, Requester), Approver, Other, Person, Principal.LocalOperator })
            {
                pending.ThenNot(
                    new RecoveryCommand.Approve(by, pending.Digest, null) { ManagerOfTarget = requester }, RefusalCode.SeparationOfDuties);
            }
        }
    }

    [Fact]
    public void A_person_who_is_their_own_manager_approves_nothing_of_their_own()
    {
        var pending = ((Recovery?)null).Then(Open(extra: new Requirement(RequirementKind.Approvals) { ByManager = true }));
        foreach (var by in new[] { Person, PersonsProgramme })
        {
            pending.ThenNot(new RecoveryCommand.Approve(by, pending.Digest, null) { ManagerOfTarget = Sample.Account }, RefusalCode.SeparationOfDuties);
        }
    }

    [Fact]
    public void The_second_identity_of_a_requester_is_the_requester_in_every_role()
    {
        foreach (var (asks, again) in new[]
        {
            (Requester, RequestersProgramme), (RequestersProgramme, Requester), (RequestersProgramme, Programme(31, Requester)),
            (Principal.LocalOperator, Programme(31, Principal.LocalOperator)), (Programme(31, Principal.LocalOperator), Principal.LocalOperator),
        })
        {
            var pending = ((Recovery?)null).Then(Open(by: asks, extra: [.. EveryDecision, new(RequirementKind.SecondProof)]));
            foreach (var decision in new RecoveryCommand[]
            {
                new RecoveryCommand.Confirm(again, pending.Digest), new RecoveryCommand.GiveEvidence(again, pending.Digest, "id_card"),
                new RecoveryCommand.GiveEvidence(again, pending.Digest, Requirement.RepeatedProofing),
                new RecoveryCommand.Approve(again, pending.Digest, null), new RecoveryCommand.Prove(again, ProofMethod.BoundAuthenticator),
            })
            {
                pending.ThenNot(decision, RefusalCode.SeparationOfDuties);
            }

            // What others agreed to is handed to the identity that asked, and to no other.
            var ready = AllMet(pending).Then(new RecoveryCommand.Prove(Person, ProofMethod.Password));
            ready.ThenNot(new RecoveryCommand.Issue(again, Facts), RefusalCode.SeparationOfDuties);
            ready.Then(new RecoveryCommand.Issue(asks, Facts)).State.ShouldBe(RecoveryState.Issued);
        }
    }

    [Fact]
    public void N7_A_code_that_somebody_passes_on_lives_no_longer_than_policy_and_its_channel_let_it()
    {
        foreach (var channel in Enum.GetValues<Channel>())
        {
            var longest = RecoveryLimits.LongestLifetime(channel);
            longest.ShouldBeLessThanOrEqualTo(TimeSpan.FromHours(24));
            var opened = ((Recovery?)null).Then(Open(Request(Means.Code, channel) with { Lifetime = longest }));
            opened.Then(new RecoveryCommand.Issue(Requester, Facts)).Secret!.ExpiresAt.ShouldBe(Now + longest);
        }
    }

    private static RecoveryCommand.Approve Agree(Recovery recovery, Principal by, string[] groups) =>
        new(by, recovery.Digest, null) { Groups = [.. groups], RequesterGroups = ["help_desk"] };

    private static RecoveryCommand[] Decisions(string digest) =>
    [
        new RecoveryCommand.Confirm(Person, digest), new RecoveryCommand.Approve(Approver, digest, null),
        new RecoveryCommand.GiveEvidence(Approver, digest, "id_card"),
    ];

    private static RefusalCode? CodeOf(Decision decision) => decision switch
    {
        Decision.Accepted a => a.Answer?.Code,
        Decision.Refused r => r.Refusal.Code,
        _ => throw new InvalidOperationException("A decision is accepted or refused."),
    };

    private static Dictionary<string, (RecoveryRequest Request, Principal By)> Alterations() => new(StringComparer.Ordinal)
    {
        ["another version of the account"] = (Asked with { AccountVersion = 8 }, Requester),
        ["another application"] = (Asked with { Application = Id<ApplicationId>(99) }, Requester),
        ["another means"] = (Asked with { Means = Means.Token }, Requester),
        ["another channel"] = (Asked with { Channel = Channel.Email }, Requester),
        ["a longer life"] = (Asked with { Lifetime = Asked.Lifetime + TimeSpan.FromSeconds(1) }, Requester),
        ["another time"] = (Asked with { NotBefore = Now + TimeSpan.FromSeconds(1) }, Requester),
        ["a factor more"] = (Asked with { Revoke = [Revocation.Sessions, Revocation.Passkeys] }, Requester),
        ["a factor fewer"] = (Asked with { Revoke = [] }, Requester),
        ["another reason"] = (Asked with { Reason = LostPhone with { Text = "They asked nicely." } }, Requester),
        ["another ticket"] = (Asked with { Reason = LostPhone with { Ticket = "HELP-2" } }, Requester),
        ["no reason"] = (Asked with { Reason = null }, Requester),
        ["another key"] = (Asked with { RequestKeyFingerprint = "aa:bb" }, Requester),
        ["a lower risk"] = (Asked with { Risk = new Risk(0, []) }, Requester),
        ["another requester"] = (Asked, Other),
        ["the requester's programme"] = (Asked, RequestersProgramme),
    };
}
