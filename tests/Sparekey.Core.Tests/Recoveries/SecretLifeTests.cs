using System.Text.Json;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using static Sparekey.Core.Tests.Recoveries.Sample;

namespace Sparekey.Core.Tests.Recoveries;

/// <summary>Opening, issuing, trying, redeeming and completing, one attack at a time.</summary>
public sealed class SecretLifeTests
{
    private static readonly RecoveryCommand.Issue Issue = new(Requester, Facts);

    [Theory]
    [InlineData(-301, false)]
    [InlineData(-300, true)]
    [InlineData(0, true)]
    [InlineData(3599, true)]
    [InlineData(3600, false)]
    public void Lives_from_its_issue_to_its_end_and_not_before_though_a_clock_was_set_back(int seconds, bool alive)
    {
        var issued = new DateTimeOffset(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);
        new Generation(1, issued, issued.AddHours(1), Usable: true).IsAlive(issued.AddSeconds(seconds)).ShouldBe(alive);
    }

    [Theory]
    [InlineData(-301, false)]
    [InlineData(-300, true)]
    [InlineData(899, true)]
    [InlineData(900, false)]
    public void A_redemption_lives_from_its_opening_to_its_end_and_not_before(int seconds, bool alive)
    {
        var opened = new DateTimeOffset(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);
        new Redemption(default, 1, opened + RecoveryLimits.RedemptionFor).IsAlive(opened.AddSeconds(seconds)).ShouldBe(alive);
    }

    [Fact]
    public void Issuing_again_kills_the_former_secret_and_its_redemption()
    {
        var redeemed = In(RecoveryState.Redeemed);
        var again = redeemed.Then(Issue);

        again.Secret!.Number.ShouldBe(2);
        again.Secret.Redemptions.ShouldBe(0);
        again.ThenNot(new RecoveryCommand.Complete(RedemptionOne, Facts), RefusalCode.RedemptionInvalid);
    }

    [Fact]
    public void A_redemption_supersedes_the_earlier_one()
    {
        var second = Id<RedemptionId>(77);
        var twice = In(RecoveryState.Redeemed).Then(Redeem(redemption: second));

        twice.ThenNot(new RecoveryCommand.Complete(RedemptionOne, Facts), RefusalCode.RedemptionInvalid);
        twice.Then(new RecoveryCommand.Complete(second, Facts)).State.ShouldBe(RecoveryState.Completed);
    }

    [Fact]
    public void The_sixth_redemption_is_refused_and_the_fifth_can_still_complete()
    {
        var recovery = In(RecoveryState.Issued);
        for (var i = 0; i < 5; i++)
        {
            recovery = recovery.Then(Redeem());
        }

        recovery.ThenNot(Redeem(redemption: Id<RedemptionId>(77)), RefusalCode.SecretInvalid).ShouldBe(recovery);
        recovery.Then(new RecoveryCommand.Complete(RedemptionOne, Facts)).State.ShouldBe(RecoveryState.Completed);
    }

    [Theory]
    [InlineData(-1, true)]
    [InlineData(0, false)]
    public void A14_A_secret_ends_at_its_time(int ticks, bool redeems)
    {
        var issued = In(RecoveryState.Issued);
        var at = issued.Secret!.ExpiresAt.AddTicks(ticks) - Now;

        (issued.Decide(Redeem(), after: at) is Decision.Accepted { Answer: null }).ShouldBe(redeems);
    }

    [Theory]
    [InlineData(-1, true)]
    [InlineData(0, false)]
    public void A_redemption_ends_after_15_minutes_though_its_secret_ended_before(int ticks, bool completes)
    {
        var issued = In(RecoveryState.Issued);
        var redeemed = issued.Then(Redeem(), after: TimeSpan.FromMinutes(9));
        var at = TimeSpan.FromMinutes(24) + TimeSpan.FromTicks(ticks);

        redeemed.Redemption!.ExpiresAt.ShouldBe(Now + TimeSpan.FromMinutes(24));
        (redeemed.Decide(new RecoveryCommand.Complete(RedemptionOne, Facts), after: at) is Decision.Accepted { Answer: null }).ShouldBe(completes);
    }

    [Fact]
    public void A_secret_lives_from_its_issue_and_not_from_the_request()
    {
        var issued = In(RecoveryState.Ready).Then(Issue, after: TimeSpan.FromHours(50));

        issued.Secret!.ExpiresAt.ShouldBe(Now + TimeSpan.FromHours(50) + TimeSpan.FromMinutes(10));
    }

    [Fact]
    public void A_policy_that_shortens_lifetimes_counts_at_the_issue()
    {
        var brief = PolicyOf(new RuleDocument("brief", null, new DemandDocument(MaxLifetime: "1m")));

        In(RecoveryState.Ready).Then(Issue, brief).Secret!.ExpiresAt.ShouldBe(Now + TimeSpan.FromMinutes(1));
    }

    [Theory]
    [InlineData(TryOrigin.Handle, 5)]
    [InlineData(TryOrigin.Account, 100)]
    public void Wrong_tries_lock_at_their_number_and_not_before(TryOrigin origin, int limit)
    {
        var recovery = In(RecoveryState.Issued);
        for (var i = 1; i < limit; i++)
        {
            recovery = recovery.ThenNot(Redeem(matches: false, origin), RefusalCode.SecretInvalid);
            recovery.State.ShouldBe(RecoveryState.Issued);
        }

        recovery.Then(Redeem(matches: true, origin)).State.ShouldBe(RecoveryState.Redeemed);
        var locked = recovery.ThenNot(Redeem(matches: false, origin), RefusalCode.SecretInvalid);
        locked.State.ShouldBe(RecoveryState.Locked);
        locked.ThenNot(Redeem(), RefusalCode.SecretInvalid);
        locked.Then(Issue).Secret!.Number.ShouldBe(2);
    }

    [Fact]
    public void N18_a_code_takes_a_hundred_wrong_tries_in_all_however_they_came()
    {
        var recovery = In(RecoveryState.Issued);
        var tries = 0;
        for (; recovery.State == RecoveryState.Issued; tries++)
        {
            recovery = recovery.ThenNot(
                Redeem(matches: false, tries < 4 ? TryOrigin.Handle : TryOrigin.Account), RefusalCode.SecretInvalid);
        }

        tries.ShouldBe(100);
    }

    [Fact]
    public void Strangers_who_use_the_secret_up_void_no_redemption()
    {
        var locked = Locked(In(RecoveryState.Redeemed));

        locked.Secret.ShouldBeNull();
        locked.Then(new RecoveryCommand.Complete(RedemptionOne, Facts)).State.ShouldBe(RecoveryState.Completed);
    }

    [Fact]
    public void A_failed_completion_burns_nothing()
    {
        var redeemed = In(RecoveryState.Redeemed);

        redeemed.ThenNot(new RecoveryCommand.Complete(Id<RedemptionId>(77), Facts), RefusalCode.RedemptionInvalid).ShouldBe(redeemed);
        redeemed.ThenNot(
            new RecoveryCommand.Complete(RedemptionOne, Facts with { Status = AccountStatus.Disabled }), RefusalCode.RedemptionInvalid)
            .ShouldBe(redeemed);
        redeemed.Then(new RecoveryCommand.Complete(RedemptionOne, Facts))
            .ThenNot(new RecoveryCommand.Complete(RedemptionOne, Facts), RefusalCode.RedemptionInvalid);
    }

    [Theory]
    [InlineData(Channel.Return, false)]
    [InlineData(Channel.Email, true)]
    public void What_is_answered_to_the_caller_goes_to_the_requester_alone(Channel channel, bool others)
    {
        var ready = ((Recovery?)null).Then(Open(Request(channel: channel)));

        foreach (var by in new[] { RequestersProgramme, Approver, Person, Principal.LocalOperator, Principal.Anonymous })
        {
            (ready.Decide(new RecoveryCommand.Issue(by, Facts)) is Decision.Accepted { Answer: null }).ShouldBe(others);
        }
    }

    [Theory]
    [InlineData(Means.Link, Channel.Return, true)]
    [InlineData(Means.Code, Channel.Voice, true)]
    [InlineData(Means.Token, Channel.Return, true)]
    [InlineData(Means.Link, Channel.Email, false)]
    [InlineData(Means.RecoveryKey, Channel.Return, true)]
    [InlineData(Means.RecoveryKey, Channel.Email, false)]
    [InlineData(Means.Force, Channel.Return, true)]
    [InlineData(Means.Escrow, Channel.Return, false)]
    public void Somebody_unknown_is_never_handed_a_secret(Means means, Channel channel, bool refused) =>
        (((Recovery?)null).Decide(Open(Request(means, channel), Principal.Anonymous)) is Decision.Refused
        {
            Refusal.Code: RefusalCode.ChannelNotAvailable,
        }).ShouldBe(refused);

    [Theory]
    [InlineData(Means.Link)]
    [InlineData(Means.Token)]
    [InlineData(Means.Force)]
    public void Only_a_code_is_read_out(Means means) => Refused(Request(means, Channel.Voice)).ShouldBe(RefusalCode.ChannelNotAvailable);

    [Fact]
    public void A_long_code_is_not_read_out() =>
        Refused(Request(Means.Code, Channel.Voice) with { CodeFormat = Core.Secrets.CodeFormat.Long }).ShouldBe(RefusalCode.ChannelNotAvailable);

    [Fact]
    public void A_code_has_a_format_and_nothing_else_has()
    {
        Refused(Request(Means.Code) with { CodeFormat = null }).ShouldBe(RefusalCode.MeansNotAvailable);
        Refused(Request() with { CodeFormat = Core.Secrets.CodeFormat.Letters }).ShouldBe(RefusalCode.MeansNotAvailable);
    }

    [Theory]
    [InlineData(5, true)]
    [InlineData(6, false)]
    [InlineData(10, false)]
    [InlineData(11, true)]
    public void N6_a_code_has_6_to_10_digits(int digits, bool refused) =>
        (Refused(Request(Means.Code) with { Digits = digits }) == RefusalCode.InvalidRequest).ShouldBe(refused);

    [Theory]
    [InlineData(Channel.Voice, 10)]
    [InlineData(Channel.Return, 24 * 60)]
    [InlineData(Channel.Email, 24 * 60)]
    public void N7_A14_a_lifetime_is_bounded_by_its_channel(Channel channel, int minutes)
    {
        var request = Request(Means.Code, channel);

        Refused(request with { Lifetime = TimeSpan.FromMinutes(minutes) }).ShouldBeNull();
        Refused(request with { Lifetime = TimeSpan.FromMinutes(minutes) + TimeSpan.FromSeconds(1) }).ShouldBe(RefusalCode.LifetimeTooLong);
        Refused(request with { Lifetime = TimeSpan.Zero }).ShouldBe(RefusalCode.LifetimeTooLong);
        Refused(request with { Lifetime = TimeSpan.MinValue }).ShouldBe(RefusalCode.LifetimeTooLong);
        Refused(request with { Lifetime = TimeSpan.MaxValue }).ShouldBe(RefusalCode.LifetimeTooLong);
        RecoveryLimits.DefaultLifetime(channel).ShouldBeLessThanOrEqualTo(RecoveryLimits.LongestLifetime(channel));
    }

    [Fact]
    public void It_begins_within_30_days()
    {
        Refused(Request() with { NotBefore = Now + TimeSpan.FromDays(30) }).ShouldBeNull();
        Refused(Request() with { NotBefore = Now + TimeSpan.FromDays(31) }).ShouldBe(RefusalCode.InvalidRequest);
    }

    [Fact]
    public void A_reason_has_something_in_it_and_ends_somewhere()
    {
        var (name, sentence) = (new string('a', 64), new string('a', 1000));
        Refused(Request() with { Reason = new Reason(name, sentence, name) }).ShouldBeNull();
        foreach (var (reason, at) in new[]
        {
            (new Reason(name + "a", null, null), "/code"), (new Reason("", null, null), "/code"), (new Reason(" \t", null, null), "/code"),
            (new Reason(null, sentence + "a", null), "/text"), (new Reason(null, "", null), "/text"),
            (new Reason(null, null, name + "a"), "/ticket"), (new Reason(null, null, " "), "/ticket"),
        })
        {
            Refused(Request() with { Reason = reason }).ShouldBe(RefusalCode.InvalidRequest);
            In(RecoveryState.Pending).ThenNot(new RecoveryCommand.AddReason(Requester, reason), RefusalCode.InvalidRequest);
            reason.FaultAt("/reason")!.Faults.ShouldHaveSingleItem().Pointer.ShouldBe("/reason" + at);
        }
    }

    [Fact]
    public void What_cannot_be_written_down_is_refused_and_not_thrown_on()
    {
        foreach (var text in new[] { "a\ud800", "\udc00a", "a\0" })
        {
            foreach (var reason in new[] { new Reason(text, null, null), new Reason(null, text, null), new Reason(null, null, text) })
            {
                Refused(Request() with { Reason = reason }).ShouldBe(RefusalCode.InvalidRequest);
                In(RecoveryState.Pending).ThenNot(new RecoveryCommand.AddReason(Requester, reason), RefusalCode.InvalidRequest);
            }

            Refused(Request() with { RequestKeyFingerprint = text }).ShouldBe(RefusalCode.InvalidRequest);
            In(RecoveryState.Pending).ThenNot(new RecoveryCommand.Cancel(Requester, text), RefusalCode.InvalidRequest);
        }
    }

    [Fact]
    public void A_disabled_account_is_not_recovered()
    {
        var disabled = Facts with { Status = AccountStatus.Disabled };

        ((Recovery?)null).Decide(Open() with { Account = disabled }).ShouldBeOfType<Decision.Refused>()
            .Refusal.Code.ShouldBe(RefusalCode.AccountDisabled);
        In(RecoveryState.Ready).ThenNot(new RecoveryCommand.Issue(Requester, disabled), RefusalCode.AccountDisabled);
    }

    [Fact]
    public void A_policy_that_refuses_now_stops_what_was_opened_before()
    {
        var never = PolicyOf(new RuleDocument("never", null, new DemandDocument(Refuse: true)));

        In(RecoveryState.Ready).ThenNot(Issue, RefusalCode.PolicyRefuses, never);
        In(RecoveryState.Ready, Means.Escrow)
            .ThenNot(new RecoveryCommand.CompleteDirectly(Requester, Facts), RefusalCode.PolicyRefuses, never);
    }

    [Fact]
    public void An_account_that_changed_after_people_decided_needs_another_recovery()
    {
        var changed = Facts with { Version = Facts.Version + 1 };

        In(RecoveryState.Ready).ThenNot(new RecoveryCommand.Issue(Requester, changed), RefusalCode.AccountChanged);
        ((Recovery?)null).Then(Open()).Then(new RecoveryCommand.Issue(Requester, changed)).Request.AccountVersion.ShouldBe(changed.Version);
    }

    [Theory]
    [InlineData(RecoveryState.Issued)]
    [InlineData(RecoveryState.Redeemed)]
    [InlineData(RecoveryState.Locked)]
    public void Requirements_raised_at_the_next_issue_take_the_old_secret_away_and_are_in_the_ledger(RecoveryState state)
    {
        var ready = ((Recovery?)null).Then(Open());
        var recovery = ready.Then(Issue);
        recovery = state switch
        {
            RecoveryState.Redeemed => recovery.Then(Redeem()),
            RecoveryState.Locked => Locked(recovery),
            _ => recovery,
        };

        var raised = recovery.Decide(Issue, OneApproval).ShouldBeOfType<Decision.Accepted>();
        raised.Answer!.Code.ShouldBe(RefusalCode.RequirementsOpen);
        raised.Events.ShouldHaveSingleItem().Event.ShouldBe(LedgerEvent.RecoveryRequirementsRaised);
        raised.Next.State.ShouldBe(RecoveryState.Pending);
        raised.Next.Secret.ShouldBeNull();
        raised.Next.Redemption.ShouldBeNull();
        raised.Next.Decide(Issue, OneApproval).ShouldBeOfType<Decision.Refused>();
    }

    [Fact]
    public void Requirements_raised_at_a_direct_completion_are_in_the_ledger()
    {
        var ready = ((Recovery?)null).Then(Open(Request(Means.Escrow)));
        var raised = ready.Decide(new RecoveryCommand.CompleteDirectly(Requester, Facts), OneApproval).ShouldBeOfType<Decision.Accepted>();

        raised.Answer!.Code.ShouldBe(RefusalCode.RequirementsOpen);
        raised.Events.ShouldHaveSingleItem().Event.ShouldBe(LedgerEvent.RecoveryRequirementsRaised);
        raised.Next.State.ShouldBe(RecoveryState.Pending);
    }

    [Theory]
    [InlineData(Means.Link, false)]
    [InlineData(Means.Code, false)]
    [InlineData(Means.Force, false)]
    [InlineData(Means.RecoveryKey, true)]
    public void Only_the_signature_of_a_recovery_key_ends_its_redemption_and_it_ends_no_other(Means means, bool needsKey)
    {
        var redeemed = In(RecoveryState.Issued, means).Then(Redeem());

        redeemed.ThenNot(new RecoveryCommand.Complete(RedemptionOne, Facts, ByRecoveryKey: !needsKey), RefusalCode.RedemptionInvalid)
            .ShouldBe(redeemed);
        redeemed.Then(new RecoveryCommand.Complete(RedemptionOne, Facts, ByRecoveryKey: needsKey)).State.ShouldBe(RecoveryState.Completed);
    }

    [Fact]
    public void Five_wrong_signatures_end_the_redemption_of_a_recovery_key()
    {
        var redeemed = In(RecoveryState.Issued, Means.RecoveryKey).Then(Redeem());
        for (var i = 0; i < RecoveryLimits.TriesByHandle; i++)
        {
            redeemed.Redemption.ShouldNotBeNull();
            redeemed = redeemed.ThenNot(Redeem(matches: false), RefusalCode.SecretInvalid);
        }

        redeemed.State.ShouldBe(RecoveryState.Locked);
        redeemed.Redemption.ShouldBeNull();
        redeemed.ThenNot(new RecoveryCommand.Complete(RedemptionOne, Facts, ByRecoveryKey: true), RefusalCode.RedemptionInvalid);
    }

    [Fact]
    public void What_a_programme_forces_is_its_own_act_and_not_the_persons()
    {
        var issued = In(RecoveryState.Issued, Means.Force);
        issued.Decide(Redeem()).ShouldBeOfType<Decision.Accepted>().Events.ShouldHaveSingleItem().By.ShouldBe(Requester);
        issued.Then(Redeem()).Decide(new RecoveryCommand.Complete(RedemptionOne, Facts)).ShouldBeOfType<Decision.Accepted>()
            .Events.ShouldHaveSingleItem().By.ShouldBe(Requester);
    }

    [Fact]
    public void A_policy_that_was_loosened_loosens_nothing_that_was_opened_before()
    {
        var pending = ((Recovery?)null).Then(Open(), OneApproval);

        pending.ThenNot(Issue, RefusalCode.RequirementsOpen, Nothing);
    }

    [Fact]
    public void A_command_that_comes_after_the_end_finds_it_expired_and_says_so()
    {
        var expired = In(RecoveryState.Ready).ThenNot(Issue, RefusalCode.RecoveryExpired, after: TimeSpan.FromHours(73));

        expired.State.ShouldBe(RecoveryState.Expired);
        expired.ClosedAt.ShouldBe(Now + TimeSpan.FromHours(73));
    }

    [Fact]
    public void T16_a_denied_requester_sees_a_recovery_that_waits_and_then_expired()
    {
        var denied = In(RecoveryState.Denied);

        denied.AsSeenBy(Requester, Now).State.ShouldBe(RecoveryState.Pending);
        denied.AsSeenBy(RequestersProgramme, Now).ClosedAt.ShouldBeNull();
        denied.AsSeenBy(Requester, Now + TimeSpan.FromHours(72)).State.ShouldBe(RecoveryState.Expired);
        denied.AsSeenBy(Approver, Now).State.ShouldBe(RecoveryState.Denied);
        denied.ThenNot(Issue, RefusalCode.RequirementsOpen, after: TimeSpan.FromHours(71));
        denied.ThenNot(Issue, RefusalCode.RecoveryExpired, after: TimeSpan.FromHours(72));
        denied.ThenNot(new RecoveryCommand.Issue(Approver, Facts), RefusalCode.RecoveryClosed);
    }

    public static TheoryData<string> CommandsOfARequester() =>
    [
        "a reason", "the same reason", "a confirmation", "evidence", "an authorization", "an approval", "a denial", "a denial of another request",
        "an issue", "an issue under a stricter policy", "a completion", "an end", "an end and then a reason", "an end and another end",
    ];

    [Theory]
    [MemberData(nameof(CommandsOfARequester))]
    public void T16_no_command_tells_a_requester_that_they_were_denied(string what)
    {
        foreach (var by in new[] { Requester, RequestersProgramme })
        {
            foreach (var after in new[] { TimeSpan.Zero, TimeSpan.FromHours(71), TimeSpan.FromHours(72), TimeSpan.FromDays(8) })
            {
                var waiting = ((Recovery?)null).Then(Open(Request() with { Reason = new Reason("theft", null, null) }, extra: [.. EveryDecision]));
                var denied = waiting.Then(new RecoveryCommand.Deny(Approver, waiting.Digest));
                Told(denied, what, by, after).ShouldBe(Told(waiting, what, by, after), $"{what} after {after}");
            }
        }
    }

    [Fact]
    public void T16_a_denied_recovery_stays_denied_whatever_its_requester_does()
    {
        var pending = ((Recovery?)null).Then(Open(Request(), extra: [new Requirement(RequirementKind.Reason)]));
        var denied = pending.Then(new RecoveryCommand.Deny(Approver, pending.Digest)).Then(new RecoveryCommand.AddReason(Requester, LostPhone));

        // Nothing of the requester's is open any more; as where policy became stricter, they wait for others.
        var refused = denied.Decide(new RecoveryCommand.Issue(Requester, Facts)).ShouldBeOfType<Decision.Refused>();
        refused.Refusal.ShouldBe(new Refusal(RefusalCode.RequirementsOpen, "Still open: approvals."));
        denied.ThenNot(new RecoveryCommand.Issue(Requester, Facts, Ahead: true), RefusalCode.RequirementsOpen).State.ShouldBe(RecoveryState.Denied);
        denied.ThenNot(new RecoveryCommand.Cancel(Approver), RefusalCode.RecoveryClosed);

        var withdrawn = denied.Then(new RecoveryCommand.Cancel(Requester), after: TimeSpan.FromHours(1));
        (withdrawn.State, withdrawn.ClosedAt, withdrawn.Secret).ShouldBe((RecoveryState.Denied, Now, null));
        withdrawn.AsSeenBy(Approver, Now).State.ShouldBe(RecoveryState.Denied);
        withdrawn.AsSeenBy(Requester, Now).State.ShouldBe(RecoveryState.Cancelled);
        withdrawn.WithdrawnAt.ShouldBe(Now + TimeSpan.FromHours(1));
    }

    // What the requester is answered, and what they see afterwards.
    private static string Told(Recovery recovery, string what, Principal by, TimeSpan after)
    {
        var commands = what switch
        {
            "a reason" => [new RecoveryCommand.AddReason(by, LostPhone)],
            "the same reason" => [new RecoveryCommand.AddReason(by, recovery.Request.Reason!)],
            "a confirmation" => [new RecoveryCommand.Confirm(by, recovery.Digest)],
            "evidence" => [new RecoveryCommand.GiveEvidence(by, recovery.Digest, "id_card")],
            "an authorization" => [new RecoveryCommand.Authorize(by)],
            "an approval" => [new RecoveryCommand.Approve(by, recovery.Digest, null)],
            "a denial" => [new RecoveryCommand.Deny(by, recovery.Digest)],
            "a denial of another request" => [new RecoveryCommand.Deny(by, "another")],
            "an issue" or "an issue under a stricter policy" => [new RecoveryCommand.Issue(by, Facts)],
            "a completion" => [new RecoveryCommand.CompleteDirectly(by, Facts)],
            "an end" => [new RecoveryCommand.Cancel(by)],
            "an end and then a reason" => [new RecoveryCommand.Cancel(by), new RecoveryCommand.AddReason(by, LostPhone)],
            "an end and another end" => (RecoveryCommand[])[new RecoveryCommand.Cancel(by), new RecoveryCommand.Cancel(by)],
            _ => throw new ArgumentOutOfRangeException(nameof(what), what, null),
        };
        var policy = what == "an issue under a stricter policy" ? OneApproval : Nothing;
        var told = new List<string>();
        foreach (var command in commands)
        {
            var decision = recovery.Decide(command, policy, after);
            recovery = decision is Decision.Accepted accepted ? accepted.Next : recovery;
            var refusal = decision is Decision.Refused refused ? refused.Refusal : ((Decision.Accepted)decision).Answer;
            told.Add($"{refusal?.Code} {refusal?.Detail}");
        }

        return string.Join('\n', [.. told, JsonSerializer.Serialize(recovery.AsSeenBy(by, Now + after) with { Version = 0, WithdrawnAt = null }, RecoveryJson.Options)]);
    }

    private static RefusalCode? Refused(RecoveryRequest request) =>
        ((Recovery?)null).Decide(Open(request)) is Decision.Refused refused ? refused.Refusal.Code : null;
}
