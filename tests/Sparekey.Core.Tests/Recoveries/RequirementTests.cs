using System.Collections.Immutable;
using System.Diagnostics;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using static Sparekey.Core.Tests.Recoveries.Sample;

namespace Sparekey.Core.Tests.Recoveries;

public sealed class RequirementTests
{
    private static readonly Requirement TwoApprovals = new(RequirementKind.Approvals) { Count = 2 };
    private static readonly Requirement ConfirmationOrEvidence = new(RequirementKind.Confirmation) { OrEvidence = true };

    public static TheoryData<Principal, RefusalCode?> Approvers { get; } = new()
    {
        { Approver, null },
        { ApproversProgramme, null },
        { Principal.LocalOperator, null },
        { Requester, RefusalCode.SeparationOfDuties },
        { RequestersProgramme, RefusalCode.SeparationOfDuties },
        { Programme(31, Requester), RefusalCode.SeparationOfDuties },
        { Person, RefusalCode.SeparationOfDuties },
        { PersonsProgramme, RefusalCode.SeparationOfDuties },
        { Principal.Anonymous, RefusalCode.SeparationOfDuties },
        { Principal.System, RefusalCode.SeparationOfDuties },
    };

    [Theory]
    [MemberData(nameof(Approvers))]
    public void An_approver_is_neither_requester_nor_target_nor_owned_by_them(Principal by, RefusalCode? refusal)
    {
        foreach (var requester in new[] { Requester, RequestersProgramme })
        {
            var pending = ((Recovery?)null).Then(Open(by: requester, extra: new Requirement(RequirementKind.Approvals)));
            CodeOf(pending.Decide(new RecoveryCommand.Approve(by, pending.Digest, null))).ShouldBe(refusal);
        }
    }

    [Fact]
    public void The_local_operator_cannot_approve_what_a_programme_of_its_own_asked_for()
    {
        var pending = ((Recovery?)null).Then(
            Open(by: Programme(31, Principal.LocalOperator), extra: new Requirement(RequirementKind.Approvals)));

        pending.ThenNot(new RecoveryCommand.Approve(Principal.LocalOperator, pending.Digest, null), RefusalCode.SeparationOfDuties);
        pending.ThenNot(
            new RecoveryCommand.Approve(Programme(32, Principal.LocalOperator), pending.Digest, null), RefusalCode.SeparationOfDuties);
    }

    [Fact]
    public void One_person_with_two_programmes_is_one_approver()
    {
        var pending = ((Recovery?)null).Then(Open(extra: TwoApprovals));
        var once = pending.Then(new RecoveryCommand.Approve(ApproversProgramme, pending.Digest, null));

        once.ThenNot(new RecoveryCommand.Approve(Approver, pending.Digest, null), RefusalCode.AlreadyDecided);
        once.ThenNot(new RecoveryCommand.Approve(Programme(31, Approver), pending.Digest, null), RefusalCode.AlreadyDecided);
        once.Then(new RecoveryCommand.Approve(Other, pending.Digest, null)).State.ShouldBe(RecoveryState.Ready);
    }

    [Theory]
    [InlineData(71, 59, false)]
    [InlineData(72, 0, true)]
    public void Who_was_recovered_approves_again_after_72_hours(int hours, int minutes, bool allowed)
    {
        var pending = ((Recovery?)null).Then(Open(extra: TwoApprovals));
        var recovered = Now - new TimeSpan(hours, minutes, 0);

        CodeOf(pending.Decide(new RecoveryCommand.Approve(Approver, pending.Digest, recovered)))
            .ShouldBe(allowed ? null : RefusalCode.RecentlyRecovered);
    }

    [Fact]
    public void Whoever_asked_for_somebody_else_is_not_that_persons_voice()
    {
        var pending = ((Recovery?)null).Then(Open(extra: ConfirmationOrEvidence));

        pending.ThenNot(new RecoveryCommand.Confirm(Requester, pending.Digest), RefusalCode.SeparationOfDuties);
        pending.ThenNot(new RecoveryCommand.Confirm(RequestersProgramme, pending.Digest), RefusalCode.SeparationOfDuties);
        pending.ThenNot(new RecoveryCommand.GiveEvidence(Requester, pending.Digest, "id_card"), RefusalCode.SeparationOfDuties);
        pending.ThenNot(new RecoveryCommand.GiveEvidence(Person, pending.Digest, "id_card"), RefusalCode.SeparationOfDuties);
        pending.Then(new RecoveryCommand.Confirm(Person, pending.Digest)).State.ShouldBe(RecoveryState.Ready);
    }

    [Fact]
    public void Who_asks_for_themselves_may_confirm_it_themselves()
    {
        var pending = ((Recovery?)null).Then(Open(by: Person, extra: ConfirmationOrEvidence));

        pending.Then(new RecoveryCommand.Confirm(Person, pending.Digest)).State.ShouldBe(RecoveryState.Ready);
    }

    [Fact]
    public void Evidence_stands_in_for_a_confirmation_only_until_policy_wants_the_persons_own_word()
    {
        var pending = ((Recovery?)null).Then(Open(extra: ConfirmationOrEvidence));
        var ready = pending.Then(new RecoveryCommand.GiveEvidence(Approver, pending.Digest, "id_card"));
        var strict = PolicyOf(new RuleDocument("own_word", null, new DemandDocument(Confirmation: true)));
        var waits = ready.ThenNot(new RecoveryCommand.Issue(Requester, Facts), RefusalCode.RequirementsOpen, strict);

        waits.State.ShouldBe(RecoveryState.Pending);
        waits.Then(new RecoveryCommand.Confirm(Person, waits.Digest), strict)
            .Then(new RecoveryCommand.Issue(Requester, Facts), strict).Secret!.Usable.ShouldBeTrue();
    }

    [Fact]
    public void A_confirmation_given_by_the_person_outlives_a_stricter_policy()
    {
        var pending = ((Recovery?)null).Then(Open(extra: ConfirmationOrEvidence));
        var ready = pending.Then(new RecoveryCommand.Confirm(Person, pending.Digest));
        var strict = PolicyOf(new RuleDocument("own_word", null, new DemandDocument(Confirmation: true)));

        ready.Then(new RecoveryCommand.Issue(Requester, Facts), strict).State.ShouldBe(RecoveryState.Issued);
    }

    [Theory]
    [InlineData("confirmation")]
    [InlineData("")]
    [InlineData("Saw the passport of a person")]
    [InlineData("id\n")]
    public void A_kind_of_evidence_is_a_name_because_it_stands_in_the_ledger_for_ever(string kind)
    {
        var pending = ((Recovery?)null).Then(Open(extra: ConfirmationOrEvidence));

        pending.ThenNot(new RecoveryCommand.GiveEvidence(Approver, pending.Digest, kind), RefusalCode.InvalidRequest).ShouldBe(pending);
    }

    [Fact]
    public void Another_kind_of_evidence_does_not_count()
    {
        var pending = ((Recovery?)null).Then(Open(extra: new Requirement(RequirementKind.Evidence) { EvidenceKind = "id_card" }));

        pending.ThenNot(new RecoveryCommand.GiveEvidence(Approver, pending.Digest, "library_card"), RefusalCode.NotRequired);
    }

    [Fact]
    public void A_new_reason_voids_what_people_decided_on_the_old_one()
    {
        var ready = In(RecoveryState.Ready);
        var accepted = ready.Decide(new RecoveryCommand.AddReason(Requester, LostPhone)).ShouldBeOfType<Decision.Accepted>();

        accepted.Next.State.ShouldBe(RecoveryState.Pending);
        accepted.Next.Requirements.Where(r => r.IsDecidedByPeople).ShouldAllBe(r => r.Met.IsEmpty);
        accepted.Next.Requirements.Single(r => r.Kind == RequirementKind.Authorization).Met.Length.ShouldBe(1);
        accepted.Events.Select(e => e.Event).ShouldBe([LedgerEvent.RecoveryReasonAdded, LedgerEvent.RecoveryDecisionVoided]);
        accepted.Next.ThenNot(new RecoveryCommand.Approve(Approver, ready.Digest, null), RefusalCode.DigestMismatch);
    }

    [Fact]
    public void Only_the_requester_gives_the_reason() =>
        In(RecoveryState.Pending).ThenNot(new RecoveryCommand.AddReason(Approver, LostPhone), RefusalCode.SeparationOfDuties);

    [Fact]
    public void Nobody_unknown_authorises_a_secret()
    {
        var pending = In(RecoveryState.Pending);

        pending.ThenNot(new RecoveryCommand.Authorize(Principal.Anonymous), RefusalCode.SeparationOfDuties);
        pending.ThenNot(new RecoveryCommand.Authorize(Principal.System), RefusalCode.SeparationOfDuties);
    }

    [Fact]
    public void A_wait_is_over_at_its_time_and_not_before()
    {
        var slow = PolicyOf(new RuleDocument("slow", null, new DemandDocument(Wait: "24h")));
        var pending = ((Recovery?)null).Then(Open(), slow);

        pending.ThenNot(
            new RecoveryCommand.Issue(Requester, Facts), RefusalCode.RequirementsOpen, slow, TimeSpan.FromHours(24) - TimeSpan.FromTicks(1));
        pending.Then(new RecoveryCommand.Issue(Requester, Facts), slow, TimeSpan.FromHours(24)).State.ShouldBe(RecoveryState.Issued);
    }

    [Fact]
    public void A_waiting_time_is_not_taken_off_the_time_that_is_left_afterwards()
    {
        var slow = PolicyOf(new RuleDocument("slow", null, new DemandDocument(Wait: "100h")));

        ((Recovery?)null).Then(Open(), slow).OpenUntil.ShouldBe(Now + TimeSpan.FromHours(172));
    }

    [Fact]
    public void A_secret_made_ahead_becomes_usable_when_the_last_requirement_is_met_and_not_sooner()
    {
        var ahead = ((Recovery?)null).Then(Open(extra: [new Requirement(RequirementKind.Authorization), TwoApprovals]))
            .Then(new RecoveryCommand.Issue(Requester, Facts, Ahead: true));
        ahead.Secret!.Usable.ShouldBeFalse();
        ahead.ThenNot(Redeem(), RefusalCode.SecretInvalid);

        var authorized = ahead.Then(new RecoveryCommand.Authorize(Requester))
            .Then(new RecoveryCommand.Approve(Approver, ahead.Digest, null));
        authorized.ThenNot(Redeem(), RefusalCode.SecretInvalid);

        var usable = authorized.Then(new RecoveryCommand.Approve(Other, ahead.Digest, null));
        usable.State.ShouldBe(RecoveryState.Issued);
        usable.Secret!.Number.ShouldBe(1);
        usable.Then(Redeem()).State.ShouldBe(RecoveryState.Redeemed);
    }

    [Theory]
    [InlineData("HELP-1", true)]
    [InlineData("HELP-1\n", false)]
    [InlineData("x HELP-1", false)]
    [InlineData("HELP-1 x", false)]
    [InlineData("help-1", false)]
    [InlineData("", false)]
    [InlineData(null, false)]
    public void A_ticket_matches_its_pattern_as_a_whole(string? ticket, bool met) =>
        new Requirement(RequirementKind.Ticket) { TicketPattern = "HELP-[0-9]+" }.IsMetBy(new Reason(null, null, ticket)).ShouldBe(met);

    [Theory]
    [InlineData("HELP-[0-9]+", true)]
    [InlineData("(?i)help-[0-9]+|BUG-[0-9]+", true)]
    [InlineData("a)|(?:b", false)]
    [InlineData("(?x)a#b", false)]
    [InlineData("(", false)]
    [InlineData("[", false)]
    [InlineData("\\", false)]
    [InlineData("(?=a)a", false)]
    [InlineData("(a)\\1", false)]
    [InlineData("a{9999}", false)]
    [InlineData("((a{99}){99}){99}", false)]
    [InlineData("", false)]
    public void A_pattern_that_is_broken_leaves_its_brackets_or_explodes_is_none(string pattern, bool good) =>
        Requirement.IsTicketPattern(pattern).ShouldBe(good);

    [Fact]
    public void A_pattern_has_200_characters_at_most()
    {
        Requirement.IsTicketPattern(new string('a', 200)).ShouldBeTrue();
        Requirement.IsTicketPattern(new string('a', 201)).ShouldBeFalse();
    }

    [Theory]
    [InlineData("(a+)+")]
    [InlineData("(a|aa)+")]
    [InlineData("(a|a)*b")]
    [InlineData("(.*a){20}")]
    [InlineData("(a?){60}a{60}")]
    [InlineData(".*.*.*.*.*.*.*b")]
    public void A_pattern_that_kills_backtracking_engines_takes_linear_time(string pattern)
    {
        var watch = Stopwatch.StartNew();
        new Requirement(RequirementKind.Ticket) { TicketPattern = pattern }
            .IsMetBy(new Reason(null, null, new string('a', 20_000) + "!")).ShouldBeFalse();
        watch.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(5));
    }

    [Theory]
    [InlineData("lost_phone", "", true)]
    [InlineData("LOST_PHONE", "", false)]
    [InlineData(null, "lost_phone", false)]
    [InlineData("theft", "", true)]
    [InlineData("other", "lost_phone", false)]
    public void A_reason_code_is_one_of_those_listed(string? code, string text, bool met) =>
        new Requirement(RequirementKind.Reason) { ReasonCodes = ["lost_phone", "theft"] }
            .IsMetBy(new Reason(code, text, null)).ShouldBe(met);

    [Theory]
    [InlineData(null, null, false)]
    [InlineData(" ", "\t\n", false)]
    [InlineData("x", null, true)]
    [InlineData(null, "x", true)]
    public void White_space_is_no_reason(string? code, string? text, bool met) =>
        new Requirement(RequirementKind.Reason).IsMetBy(new Reason(code, text, "HELP-1")).ShouldBe(met);

    [Fact]
    public void A_union_keeps_the_stricter_of_the_same_demand_and_both_of_different_ones()
    {
        ImmutableArray<Requirement> union = Requirement.Union(
            [
                new(RequirementKind.Approvals) { Count = 2 },
                new(RequirementKind.Confirmation) { OrEvidence = true },
                new(RequirementKind.Wait) { Until = Now },
                new(RequirementKind.Ticket) { TicketPattern = "a" },
                new(RequirementKind.Evidence) { EvidenceKind = "id_card" },
            ],
            [
                new(RequirementKind.Approvals),
                new(RequirementKind.Confirmation),
                new(RequirementKind.Wait) { Until = Now + TimeSpan.FromHours(1) },
                new(RequirementKind.Ticket),
                new(RequirementKind.Evidence) { EvidenceKind = "call_back" },
            ]);

        union.Length.ShouldBe(7);
        union.Single(r => r.Kind == RequirementKind.Approvals).Count.ShouldBe(2);
        union.Single(r => r.Kind == RequirementKind.Confirmation).OrEvidence.ShouldBeFalse();
        union.Single(r => r.Kind == RequirementKind.Wait).Until.ShouldBe(Now + TimeSpan.FromHours(1));
    }

    private static RefusalCode? CodeOf(Decision decision) => decision switch
    {
        Decision.Refused r => r.Refusal.Code,
        Decision.Accepted a => a.Answer?.Code,
        _ => throw new InvalidOperationException("A decision is accepted or refused."),
    };
}
