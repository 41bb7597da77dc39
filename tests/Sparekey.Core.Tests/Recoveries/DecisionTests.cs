using System.Text.Json.Nodes;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using static Sparekey.Core.Tests.Recoveries.Sample;

namespace Sparekey.Core.Tests.Recoveries;

/// <summary>What deciders send back, say and sign.</summary>
public sealed class DecisionTests
{
    private const string Nonce = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

    private static readonly Policy TwoSigned = PolicyOf(new RuleDocument("signed", null, new DemandDocument(Approvals: 2, ApprovalsSigned: true)));

    [Fact]
    public void The_decision_digest_holds_the_recovery_the_request_and_every_demand_but_not_who_met_them()
    {
        var pending = In(RecoveryState.Pending);
        var seen = pending.DecisionDigest;
        seen.Length.ShouldBe(43);
        seen.ShouldNotBe(pending.Digest);

        pending.Then(new RecoveryCommand.Approve(Approver, seen, null)).DecisionDigest.ShouldBe(seen);
        (pending with { Id = Id<RecoveryId>(99) }).DecisionDigest.ShouldNotBe(seen);
        (pending with { Request = pending.Request with { Reason = LostPhone } }).DecisionDigest.ShouldNotBe(seen);
        (pending with { Requirements = [.. pending.Requirements.Reverse()] }).DecisionDigest.ShouldBe(seen);
        foreach (var requirement in pending.Requirements)
        {
            foreach (var other in new[]
            {
                requirement with { Count = 2 }, requirement with { Signed = true }, requirement with { ByManager = true },
                requirement with { FromAnotherGroup = true }, requirement with { FromGroups = ["security"] },
                requirement with { Over = ["page"] }, requirement with { OrEvidence = true }, requirement with { EvidenceKind = "passport" },
                requirement with { ReasonCodes = ["theft"] }, requirement with { TicketPattern = "H.*" }, requirement with { Until = Now },
            })
            {
                (pending with { Requirements = pending.Requirements.Replace(requirement, other) }).DecisionDigest.ShouldNotBe(seen, other.ToString());
            }

            (pending with { Requirements = pending.Requirements.Remove(requirement) }).DecisionDigest.ShouldNotBe(seen);
        }
    }

    [Fact]
    public void A_decision_on_fewer_demands_than_there_are_now_falls_where_the_decider_sent_them_back()
    {
        var opened = ((Recovery?)null).Then(Open(), OneApproval);
        var stricter = PolicyOf(new RuleDocument("four_eyes", null, new DemandDocument(Approvals: 1, Evidence: ["id_card"])));
        var ready = opened.Then(new RecoveryCommand.Approve(Approver, opened.DecisionDigest, null), OneApproval);
        var raised = ready.ThenNot(new RecoveryCommand.Issue(Requester, Facts), RefusalCode.RequirementsOpen, stricter);

        raised.ThenNot(new RecoveryCommand.GiveEvidence(Approver, opened.DecisionDigest, "id_card"), RefusalCode.DigestMismatch, stricter);
        raised.Then(new RecoveryCommand.GiveEvidence(Approver, raised.DecisionDigest, "id_card"), stricter).State.ShouldBe(RecoveryState.Ready);
        raised.ThenNot(new RecoveryCommand.Deny(Other, opened.DecisionDigest), RefusalCode.DigestMismatch, stricter);
        raised.Then(new RecoveryCommand.Deny(Other, raised.DecisionDigest), stricter).State.ShouldBe(RecoveryState.Denied);
    }

    [Fact]
    public void A_statement_is_another_one_for_every_other_recovery_decision_decider_word_and_time()
    {
        var pending = In(RecoveryState.Pending);
        var statement = new DecisionStatement(DecisionKind.Approval, Approver, pending, Nonce);
        var others = new List<DecisionStatement>
        {
            statement with { Kind = DecisionKind.Denial }, statement with { By = Other }, statement with { By = ApproversProgramme },
            statement with { Nonce = Nonce[..^1] + "B" }, statement with { How = "page" }, statement with { Comment = "Seen." },
            statement with { Recovery = pending with { Id = Id<RecoveryId>(98) } },
            statement with { Recovery = pending with { Requirements = [] } },
        };
        others.Select(o => o.Hash).Append(statement.Hash).Distinct(StringComparer.Ordinal).Count().ShouldBe(others.Count + 1);

        var text = JsonNode.Parse(statement.Text)!;
        (text["recovery"]!.ToString(), text["digest"]!.ToString(), text["decision"]!.ToString())
            .ShouldBe((pending.Id.ToString(), pending.Digest, "approval"));
        (statement with { Comment = "a\ud800" }).CanBeWritten.ShouldBeFalse();
    }

    [Fact]
    public void Only_signed_approvals_count_where_policy_says_so()
    {
        var pending = ((Recovery?)null).Then(Open(), TwoSigned);
        pending.ThenNot(new RecoveryCommand.Approve(Approver, pending.Digest, null), RefusalCode.SignatureRequired, TwoSigned);
        var once = pending.Then(Signed(Approver, pending), TwoSigned);
        once.State.ShouldBe(RecoveryState.Pending);
        once.ThenNot(Signed(ApproversProgramme, pending), RefusalCode.AlreadyDecided, TwoSigned);
        once.ThenNot(new RecoveryCommand.Approve(Other, pending.Digest, null), RefusalCode.SignatureRequired, TwoSigned);
        once.ThenNot(Signed(Requester, pending), RefusalCode.SeparationOfDuties, TwoSigned);
        once.Then(Signed(Other, pending), TwoSigned).State.ShouldBe(RecoveryState.Ready);
    }

    [Fact]
    public void A_policy_that_comes_to_demand_signatures_takes_unsigned_approvals_away()
    {
        var opened = ((Recovery?)null).Then(Open(), OneApproval);
        var ready = opened.Then(new RecoveryCommand.Approve(Approver, opened.Digest, null), OneApproval);
        var signed = PolicyOf(new RuleDocument("signed", null, new DemandDocument(ApprovalsSigned: true)));

        var raised = ready.ThenNot(new RecoveryCommand.Issue(Requester, Facts), RefusalCode.RequirementsOpen, signed);
        raised.State.ShouldBe(RecoveryState.Pending);
        raised.Requirements.ShouldHaveSingleItem().Met.ShouldBeEmpty();

        // And a signed one stays where signatures are not demanded any more.
        var kept = raised.Then(Signed(Approver, raised), signed);
        kept.Then(new RecoveryCommand.Issue(Requester, Facts), OneApproval).State.ShouldBe(RecoveryState.Issued);
    }

    [Fact]
    public void Where_one_rule_demands_signatures_they_are_demanded_of_the_groups_of_another_too()
    {
        var both = PolicyOf(
            new RuleDocument("security", null, new DemandDocument(ApprovalsFrom: [new ApproversDocument(1, ["security"])])),
            new RuleDocument("signed", null, new DemandDocument(Approvals: 1, ApprovalsSigned: true)));
        var pending = ((Recovery?)null).Then(Open(), both);
        pending.Requirements.ShouldAllBe(r => r.Signed);
        pending.ThenNot(
            new RecoveryCommand.Approve(Approver, pending.Digest, null) { Groups = ["security"] }, RefusalCode.SignatureRequired, both);
        pending.Then(Signed(Approver, pending) with { Groups = ["security"] }, both).State.ShouldBe(RecoveryState.Ready);
    }

    [Fact]
    public void A_comment_that_says_nothing_is_endless_or_cannot_be_written_is_refused()
    {
        var pending = In(RecoveryState.Pending);
        foreach (var comment in new[] { "", "  ", "a\ud800", "nul\0", new string('x', 1001) })
        {
            var note = new DecisionNote(comment, null);
            pending.ThenNot(new RecoveryCommand.Approve(Approver, pending.Digest, null) { Note = note }, RefusalCode.InvalidRequest);
            pending.ThenNot(new RecoveryCommand.Deny(Approver, pending.Digest) { Note = note }, RefusalCode.InvalidRequest);
            pending.ThenNot(new RecoveryCommand.Confirm(Person, pending.Digest) { Note = note }, RefusalCode.InvalidRequest);
            pending.ThenNot(new RecoveryCommand.GiveEvidence(Approver, pending.Digest, "id_card") { Note = note }, RefusalCode.InvalidRequest);
        }
    }

    [Fact]
    public void The_ledger_holds_the_word_as_a_text_and_the_signature_as_facts()
    {
        var pending = In(RecoveryState.Pending);
        var signature = new DecisionSignature(Id<CredentialId>(50), "hash");
        var note = new DecisionNote("I called them back.", signature);
        foreach (var command in new RecoveryCommand[]
        {
            new RecoveryCommand.Approve(Approver, pending.Digest, null) { Note = note },
            new RecoveryCommand.Deny(Approver, pending.Digest) { Note = note },
            new RecoveryCommand.Confirm(Person, pending.Digest) { Note = note },
            new RecoveryCommand.GiveEvidence(Approver, pending.Digest, "id_card") { Note = note },
        })
        {
            var happened = pending.Decide(command).ShouldBeOfType<Decision.Accepted>().Events[0];
            happened.Event.ShouldBeOneOf(LedgerEvent.RecoveryRequirementMet, LedgerEvent.RecoveryDenied);
            (happened.Facts["signed_with"], happened.Facts["signed"], happened.Facts["digest"])
                .ShouldBe((signature.Credential.ToString(), signature.Hash, pending.Digest));
            happened.Facts.Values.ShouldNotContain("I called them back.");
            happened.Texts["comment"].ShouldBe("I called them back.");
        }
    }

    private static RecoveryCommand.Approve Signed(Principal by, Recovery seen) =>
        new(by, seen.DecisionDigest, null) { Note = new(null, new DecisionSignature(Id<CredentialId>(51), "hash")) };
}
