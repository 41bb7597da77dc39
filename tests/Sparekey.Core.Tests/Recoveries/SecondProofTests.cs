using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using static Sparekey.Core.Tests.Recoveries.Sample;

namespace Sparekey.Core.Tests.Recoveries;

/// <summary>A second, different way in which the person proves themselves, and what it makes of a recovery.</summary>
public sealed class SecondProofTests
{
    private static readonly Requirement SecondProof = new(RequirementKind.SecondProof);
    private static readonly RecoveryCommand.Issue Ahead = new(Requester, Facts, Ahead: true);

    public static TheoryData<Means, Channel, ProofMethod> Pairs()
    {
        var pairs = new TheoryData<Means, Channel, ProofMethod>();
        foreach (var means in Enum.GetValues<Means>())
        {
            foreach (var method in Enum.GetValues<ProofMethod>())
            {
                pairs.Add(means, Channel.Return, method);
                if (means is not (Means.SavedCode or Means.Escrow or Means.Force))
                {
                    pairs.Add(means, Channel.Email, method);
                }
            }
        }

        return pairs;
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void N12_Two_ways_of_different_methods_reach_the_second_level_and_two_saved_codes_do_not(
        Means means, Channel channel, ProofMethod method)
    {
        var by = means == Means.SavedCode ? Person : Requester;
        var waits = ((Recovery?)null).Then(Open(Request(means, channel), by, SecondProof));
        var alone = means == Means.RecoveryKey && channel == Channel.Email ? AssuranceLevel.Aal2 : AssuranceLevel.Aal1;
        RecoveryAssurance.Of(waits).ShouldBe(alone);

        var prove = new RecoveryCommand.Prove(Person, method);
        if (means == Means.SavedCode && method == ProofMethod.SavedCode)
        {
            waits.ThenNot(prove, RefusalCode.MeansNotAvailable).State.ShouldBe(RecoveryState.Pending);
            return;
        }

        var proved = waits.Then(prove);
        proved.State.ShouldBe(RecoveryState.Ready);
        RecoveryAssurance.Of(proved).ShouldBe(AssuranceLevel.Aal2);
        proved.WasProvedBySavedCode.ShouldBe(method == ProofMethod.SavedCode);
        proved.ThenNot(prove, RefusalCode.NotRequired);
    }

    [Fact]
    public void N11_One_code_reaches_the_first_level_whoever_agreed_beside_it_and_though_it_came_in_two_halves()
    {
        var policy = PolicyOf(new RuleDocument("all", null, new DemandDocument(Reason: true, Confirmation: true, Approvals: 1, Evidence: ["id_card"], Split: true)));
        var waits = ((Recovery?)null).Then(Open(Request(Means.Code) with { Reason = LostPhone }), policy);
        waits = waits.Then(new RecoveryCommand.Confirm(Person, waits.Digest))
            .Then(new RecoveryCommand.GiveEvidence(Approver, waits.Digest, "id_card"))
            .Then(new RecoveryCommand.Approve(Approver, waits.Digest, null));

        waits.State.ShouldBe(RecoveryState.Ready);
        waits.IsSplit.ShouldBeTrue();
        RecoveryAssurance.Of(waits).ShouldBe(AssuranceLevel.Aal1);
    }

    [Fact]
    public void A4_N12_Repeated_proofing_takes_the_place_of_a_second_way_and_no_other_evidence_does()
    {
        var waits = ((Recovery?)null).Then(Open(extra: SecondProof));
        waits.ThenNot(new RecoveryCommand.GiveEvidence(Approver, waits.Digest, "id_card"), RefusalCode.NotRequired);
        waits.ThenNot(new RecoveryCommand.GiveEvidence(Requester, waits.Digest, Requirement.RepeatedProofing), RefusalCode.SeparationOfDuties);
        waits.ThenNot(new RecoveryCommand.GiveEvidence(Person, waits.Digest, Requirement.RepeatedProofing), RefusalCode.SeparationOfDuties);
        RecoveryAssurance.Of(waits.Then(new RecoveryCommand.GiveEvidence(Approver, waits.Digest, Requirement.RepeatedProofing)))
            .ShouldBe(AssuranceLevel.Aal2);

        // Demanded as evidence it is worth the same.
        var evidence = ((Recovery?)null).Then(Open(extra: new Requirement(RequirementKind.Evidence) { EvidenceKind = Requirement.RepeatedProofing }));
        RecoveryAssurance.Of(evidence).ShouldBe(AssuranceLevel.Aal1);
        RecoveryAssurance.Of(evidence.Then(new RecoveryCommand.GiveEvidence(Approver, evidence.Digest, Requirement.RepeatedProofing)))
            .ShouldBe(AssuranceLevel.Aal2);
    }

    [Theory]
    [InlineData(AssuranceLevel.Aal1, Means.Link, Channel.Email, false)]
    [InlineData(AssuranceLevel.Aal2, Means.Link, Channel.Email, true)]
    [InlineData(AssuranceLevel.Aal2, Means.Code, Channel.Voice, true)]
    [InlineData(AssuranceLevel.Aal2, Means.Token, Channel.Return, true)]
    [InlineData(AssuranceLevel.Aal2, Means.Force, Channel.Return, true)]
    [InlineData(AssuranceLevel.Aal2, Means.SavedCode, Channel.Return, true)]
    [InlineData(AssuranceLevel.Aal2, Means.RecoveryKey, Channel.Return, true)]
    [InlineData(AssuranceLevel.Aal2, Means.RecoveryKey, Channel.Email, false)]
    [InlineData(AssuranceLevel.Aal3, Means.Link, Channel.Email, true)]
    [InlineData(AssuranceLevel.Aal3, Means.RecoveryKey, Channel.Email, true)]
    public void A3_N13_No_reset_falls_below_the_accounts_level_where_policy_says_so(AssuranceLevel has, Means means, Channel channel, bool second)
    {
        var policy = PolicyOf(new RuleDocument("level", null, new DemandDocument(SecondProof: "below_account")));
        var facts = Facts with { Level = has };
        var by = means == Means.SavedCode ? Person : Requester;
        var opened = ((Recovery?)null).Then(Open(Request(means, channel), by) with { Account = facts }, policy);

        opened.Requirements.Any(r => r.Kind == RequirementKind.SecondProof).ShouldBe(second);
        if (second)
        {
            opened.ThenNot(new RecoveryCommand.Issue(by, facts), RefusalCode.RequirementsOpen, policy);

            // What restores the second level restores the third, where nobody was proofed face to face (N13).
            var proved = opened.Then(new RecoveryCommand.Prove(Person, ProofMethod.BoundAuthenticator));
            proved.Then(new RecoveryCommand.Issue(by, facts), policy).State.ShouldBe(RecoveryState.Issued);
        }
    }

    [Fact]
    public void A3_A_factor_that_is_bound_between_opening_and_issue_raises_what_it_takes()
    {
        var policy = PolicyOf(new RuleDocument("level", null, new DemandDocument(SecondProof: "below_account")));
        var ready = ((Recovery?)null).Then(Open(), policy);

        ready.ThenNot(new RecoveryCommand.Issue(Requester, Facts with { Level = AssuranceLevel.Aal2 }), RefusalCode.RequirementsOpen, policy)
            .ThenNot(new RecoveryCommand.Issue(Requester, Facts), RefusalCode.RequirementsOpen, policy)
            .State.ShouldBe(RecoveryState.Pending);
    }

    [Fact]
    public void N12_Nobody_proves_for_the_person()
    {
        var waits = ((Recovery?)null).Then(Open(extra: SecondProof));
        foreach (var other in new[] { Requester, RequestersProgramme, Approver, Principal.LocalOperator, Principal.Anonymous, Principal.System })
        {
            waits.ThenNot(new RecoveryCommand.Prove(other, ProofMethod.BoundAuthenticator), RefusalCode.SeparationOfDuties);
        }
    }

    [Fact]
    public void Policy_and_account_are_asked_once_more_when_a_secret_that_was_sent_ahead_becomes_usable()
    {
        var usable = ((Recovery?)null).Then(Open(extra: SecondProof)).Then(Ahead).Then(new RecoveryCommand.Prove(Person, ProofMethod.Password));
        RecoveryMachine.Reconsider(usable, Facts, Nothing, Now).ShouldBeNull();

        var raised = RecoveryMachine.Reconsider(usable, Facts, OneApproval, Now).ShouldNotBeNull().Next;
        (raised.State, raised.Secret, raised.Version).ShouldBe((RecoveryState.Pending, null, usable.Version + 1));
        raised.Requirements.ShouldContain(r => r.Kind == RequirementKind.SecondProof && !r.Met.IsEmpty);
        raised.ThenNot(Redeem(), RefusalCode.SecretInvalid);

        var refuses = PolicyOf(new RuleDocument("never", null, new DemandDocument(Refuse: true)));
        foreach (var taken in new[]
        {
            RecoveryMachine.Reconsider(usable, Facts, refuses, Now), RecoveryMachine.Reconsider(usable, Facts, Nothing.WhileStopped(), Now),
            RecoveryMachine.Reconsider(usable, Facts with { Status = AccountStatus.Disabled }, Nothing, Now),
        })
        {
            taken.ShouldNotBeNull().Next.Secret.ShouldBeNull();
            taken.Next.ThenNot(Redeem(), RefusalCode.SecretInvalid);
        }
    }

    [Fact]
    public void A_secret_that_was_sent_ahead_opens_nothing_before_the_second_proof_and_says_what_is_missing()
    {
        var sent = ((Recovery?)null).Then(Open(extra: SecondProof)).Then(Ahead);
        sent.AwaitsOnlyProof(Now).ShouldBeTrue();

        var refused = sent.Decide(Redeem()).ShouldBeOfType<Decision.Refused>().Refusal;
        (refused.Code, refused.Recovery).ShouldBe((RefusalCode.RequirementsOpen, Sample.Recovery));
        refused.Detail.ShouldBe("Still open: second_proof.");
        sent.ThenNot(new RecoveryCommand.Complete(RedemptionOne, Facts), RefusalCode.RedemptionInvalid);

        var usable = sent.Then(new RecoveryCommand.Prove(Person, ProofMethod.Password));
        usable.State.ShouldBe(RecoveryState.Issued);
        usable.Then(Redeem()).State.ShouldBe(RecoveryState.Redeemed);
    }

    [Theory]
    [InlineData(TryOrigin.Handle, RecoveryLimits.TriesByHandle)]
    [InlineData(TryOrigin.Account, RecoveryLimits.Tries)]
    public void N18_A17_Wrong_tries_of_a_secret_that_was_sent_ahead_use_it_up_as_every_others_do(TryOrigin origin, int limit)
    {
        var sent = ((Recovery?)null).Then(Open(extra: SecondProof)).Then(Ahead);
        for (var i = 1; i <= limit; i++)
        {
            sent.State.ShouldBe(RecoveryState.Pending);
            sent = sent.ThenNot(Redeem(matches: false, origin), RefusalCode.SecretInvalid);
        }

        sent.State.ShouldBe(RecoveryState.Locked);
        sent.ThenNot(Redeem(), RefusalCode.SecretInvalid);
        sent.ThenNot(new RecoveryCommand.Prove(Person, ProofMethod.BoundAuthenticator), RefusalCode.WrongState);
        sent.ThenNot(new RecoveryCommand.Issue(Requester, Facts), RefusalCode.RequirementsOpen);
    }

    [Fact]
    public void A_secret_that_waits_for_others_too_tells_its_holder_nothing()
    {
        foreach (var other in EveryDecision)
        {
            var sent = ((Recovery?)null).Then(Open(extra: [SecondProof, other])).Then(Ahead);
            sent.AwaitsOnlyProof(Now).ShouldBeFalse();
            sent.ThenNot(Redeem(), RefusalCode.SecretInvalid);
            sent.Decide(Redeem(matches: false)).ShouldBeOfType<Decision.Refused>();
            sent.Then(new RecoveryCommand.Prove(Person, ProofMethod.BoundAuthenticator)).ThenNot(Redeem(), RefusalCode.SecretInvalid);
        }
    }

    [Fact]
    public void A_secret_that_was_sent_ahead_ends_at_its_time_and_with_a_denial_and_outlives_a_vain_issue()
    {
        var sent = ((Recovery?)null).Then(Open(extra: SecondProof)).Then(Ahead);
        sent.ThenNot(new RecoveryCommand.Issue(Requester, Facts), RefusalCode.RequirementsOpen).ShouldBe(sent);
        sent.ThenNot(Redeem(), RefusalCode.SecretInvalid, after: Request().Lifetime);
        sent.Then(new RecoveryCommand.Deny(Approver, sent.Digest)).ThenNot(Redeem(), RefusalCode.SecretInvalid);

        // Stricter by now: the old one is dead.
        var raised = sent.ThenNot(new RecoveryCommand.Issue(Requester, Facts), RefusalCode.RequirementsOpen, OneApproval);
        raised.Secret.ShouldBeNull();
        raised.Then(new RecoveryCommand.Prove(Person, ProofMethod.Password)).ThenNot(Redeem(), RefusalCode.SecretInvalid);
    }

    [Fact]
    public void A_split_stays_whatever_becomes_of_the_policy_and_comes_with_one_that_is_tightened()
    {
        var split = PolicyOf(new RuleDocument("split", null, new DemandDocument(Split: true)));
        ((Recovery?)null).Then(Open(), split).Then(new RecoveryCommand.Issue(Requester, Facts)).IsSplit.ShouldBeTrue();
        ((Recovery?)null).Then(Open()).Then(new RecoveryCommand.Issue(Requester, Facts), split).IsSplit.ShouldBeTrue();
        ((Recovery?)null).Then(Open()).Then(new RecoveryCommand.Issue(Requester, Facts)).IsSplit.ShouldBeFalse();

        foreach (var means in Enum.GetValues<Means>())
        {
            var by = means == Means.SavedCode ? Person : Requester;
            ((Recovery?)null).Then(Open(Request(means), by), split).IsSplit.ShouldBe(means is Means.Link or Means.Code or Means.Token);
        }

        // What is done at once has no second half.
        DirectAction.Check(split, Facts, Requester, null, [Application], Now, Means.Code)!.Code.ShouldBe(RefusalCode.PolicyRefuses);
        DirectAction.Check(split, Facts, Requester, null, [Application], Now).ShouldBeNull();
    }
}
