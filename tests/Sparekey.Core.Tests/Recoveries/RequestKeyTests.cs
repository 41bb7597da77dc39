using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using static Sparekey.Core.Tests.Recoveries.Sample;

namespace Sparekey.Core.Tests.Recoveries;

/// <summary>The key that a person's device makes for an escrow recovery: named once, by them, and what everybody decides on.</summary>
public sealed class RequestKeyTests
{
    private static readonly RecoveryCommand.BindKey Bind = new(Person, RequestKey);

    private static readonly Recovery Keyless = ((Recovery?)null).Then(
        Open(Request(Means.Escrow) with { RequestKeyFingerprint = null }, extra: [.. EveryDecision]));

    [Fact]
    public void A_recovery_that_others_opened_gets_the_persons_key_once()
    {
        var bound = Keyless.Decide(Bind).ShouldBeOfType<Decision.Accepted>();

        bound.Next.Request.RequestKeyFingerprint.ShouldBe(RequestKey);
        bound.Next.Digest.ShouldNotBe(Keyless.Digest);
        var happened = bound.Events.ShouldHaveSingleItem();
        (happened.Event, happened.By, happened.Facts["request_key"], happened.Facts["digest"])
            .ShouldBe((LedgerEvent.RecoveryKeyBound, Person, RequestKey, bound.Next.Digest));
        bound.Next.ThenNot(Bind, RefusalCode.AlreadyDecided);
        bound.Next.ThenNot(Bind with { Fingerprint = new string('A', 40) }, RefusalCode.AlreadyDecided);
    }

    [Fact]
    public void What_people_decided_before_the_key_was_known_is_void()
    {
        var ready = AllMet(Keyless);
        var bound = ready.Decide(Bind).ShouldBeOfType<Decision.Accepted>();

        bound.Next.State.ShouldBe(RecoveryState.Pending);
        bound.Next.Requirements.Where(r => r.IsDecidedByPeople).ShouldAllBe(r => r.Met.IsEmpty);
        bound.Next.Requirements.Single(r => r.Kind == RequirementKind.Authorization).Met.ShouldNotBeEmpty();
        bound.Events.Select(e => e.Event).ShouldBe([LedgerEvent.RecoveryKeyBound, LedgerEvent.RecoveryDecisionVoided]);
        bound.Next.ThenNot(new RecoveryCommand.Approve(Approver, ready.Digest, null), RefusalCode.DigestMismatch);
    }

    [Fact]
    public void The_reason_stands_when_the_key_comes()
    {
        var asked = ((Recovery?)null).Then(Open(
            Request(Means.Escrow) with { RequestKeyFingerprint = null, Reason = LostPhone }, extra: new Requirement(RequirementKind.Reason)));

        asked.State.ShouldBe(RecoveryState.Ready);
        asked.Then(Bind).State.ShouldBe(RecoveryState.Ready);
    }

    [Fact]
    public void Nobody_names_the_key_for_the_person()
    {
        foreach (var other in new[] { Requester, RequestersProgramme, Approver, Principal.Anonymous, Principal.LocalOperator })
        {
            Keyless.ThenNot(Bind with { By = other }, RefusalCode.SeparationOfDuties).ShouldBe(Keyless);
        }

        Keyless.Then(Bind with { By = Principal.System }).Request.RequestKeyFingerprint.ShouldBe(RequestKey);
    }

    [Theory]
    [InlineData("")]
    [InlineData("0123456789abcdef0123456789abcdef01234567")]
    [InlineData("0123456789ABCDEF0123456789ABCDEF0123456")]
    [InlineData("0123456789ABCDEF0123456789ABCDEF012345678")]
    [InlineData("0123 4567 89ABCDEF0123456789ABCDEF012345")]
    [InlineData("0123456789ABCDEF0123456789ABCDEF0123456G")]
    [InlineData("\ud800123456789ABCDEF0123456789ABCDEF012345")]
    public void A_key_is_named_by_its_fingerprint_as_it_is_written_and_no_other_way(string fingerprint)
    {
        Keyless.ThenNot(Bind with { Fingerprint = fingerprint }, RefusalCode.InvalidRequest).ShouldBe(Keyless);
        ((Recovery?)null).Decide(Open(Request(Means.Escrow) with { RequestKeyFingerprint = fingerprint }))
            .ShouldBeOfType<Decision.Refused>().Refusal.Code.ShouldBe(RefusalCode.InvalidRequest);
    }

    [Fact]
    public void Without_a_key_nothing_is_released_though_everything_is_met()
    {
        var free = ((Recovery?)null).Then(Open(Request(Means.Escrow) with { RequestKeyFingerprint = null }));
        var complete = new RecoveryCommand.CompleteDirectly(Requester, Facts);

        free.ThenNot(complete, RefusalCode.WrongState).ShouldBe(free);
        free.Then(Bind).Then(complete).State.ShouldBe(RecoveryState.Completed);
    }

    [Fact]
    public void Who_decides_may_name_the_key_that_they_compared_and_another_one_is_refused()
    {
        var bound = Keyless.Then(Bind);
        var right = new DecisionNote(null, null) { RequestKey = RequestKey };
        var wrong = new DecisionNote(null, null) { RequestKey = new string('F', 40) };
        Func<DecisionNote, RecoveryCommand>[] decisions =
        [
            note => new RecoveryCommand.Confirm(Person, bound.Digest) { Note = note },
            note => new RecoveryCommand.GiveEvidence(Approver, bound.Digest, "id_card") { Note = note },
            note => new RecoveryCommand.Approve(Approver, bound.Digest, null) { Note = note },
            note => new RecoveryCommand.Deny(Approver, bound.Digest) { Note = note },
        ];

        foreach (var decide in decisions)
        {
            bound.ThenNot(decide(wrong), RefusalCode.DigestMismatch).ShouldBe(bound);
            bound.ThenNot(decide(new DecisionNote(null, null) { RequestKey = RequestKey.ToLowerInvariant() }), RefusalCode.DigestMismatch);
            var named = bound.Decide(decide(right)).ShouldBeOfType<Decision.Accepted>().Events[0].Facts;
            (named["request_key"], named["request_key_named"]).ShouldBe((RequestKey, true));
            bound.Decide(decide(DecisionNote.None)).ShouldBeOfType<Decision.Accepted>().Events[0].Facts.ShouldNotContainKey("request_key_named");
        }

        var link = ((Recovery?)null).Then(Open(extra: [.. EveryDecision]));
        link.ThenNot(new RecoveryCommand.Confirm(Person, link.Digest) { Note = right }, RefusalCode.DigestMismatch);
    }

    [Fact]
    public void The_ledger_says_to_which_key_an_answer_was_released_and_never_says_it_of_other_means()
    {
        AllMet(Keyless.Then(Bind)).Decide(new RecoveryCommand.CompleteDirectly(Approver, Facts)).ShouldBeOfType<Decision.Accepted>()
            .Events.ShouldHaveSingleItem().Facts["request_key"].ShouldBe(RequestKey);

        var link = ((Recovery?)null).Then(Open(Request(Means.RecoveryKey) with { RequestKeyFingerprint = "name" }, extra: [.. EveryDecision]));
        link.Decide(new RecoveryCommand.Confirm(Person, link.Digest)).ShouldBeOfType<Decision.Accepted>()
            .Events[0].Facts.ShouldNotContainKey("request_key");
    }
}
