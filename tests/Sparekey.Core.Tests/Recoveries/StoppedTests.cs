using FsCheck;
using FsCheck.Fluent;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using static Sparekey.Core.Tests.Recoveries.Sample;

namespace Sparekey.Core.Tests.Recoveries;

/// <summary>What is left of the machine while all recoveries of a tenant are stopped.</summary>
public sealed class StoppedTests
{
    private static readonly Policy Stopped = Nothing.WhileStopped();

    [Fact]
    public void Nothing_is_opened_and_not_even_looked_at()
    {
        ((Recovery?)null).Decide(Open(), Stopped).ShouldBeOfType<Decision.Refused>().Refusal.Code.ShouldBe(RefusalCode.RecoveriesStopped);
        var faulty = Open(Request() with { Lifetime = TimeSpan.FromDays(400) });
        ((Recovery?)null).Decide(faulty, Stopped).ShouldBeOfType<Decision.Refused>().Refusal.Code.ShouldBe(RefusalCode.RecoveriesStopped);
    }

    [Fact]
    public void Nothing_is_issued_authorised_completed_or_redeemed_and_it_goes_on_where_it_stood()
    {
        In(RecoveryState.Ready).ThenNot(new RecoveryCommand.Issue(Requester, Facts), RefusalCode.RecoveriesStopped, Stopped);
        In(RecoveryState.Issued).ThenNot(new RecoveryCommand.Issue(Requester, Facts), RefusalCode.RecoveriesStopped, Stopped);
        In(RecoveryState.Pending).ThenNot(new RecoveryCommand.Authorize(Requester), RefusalCode.RecoveriesStopped, Stopped);
        In(RecoveryState.Ready, Means.Escrow).ThenNot(new RecoveryCommand.CompleteDirectly(Requester, Facts), RefusalCode.RecoveriesStopped, Stopped);
        var issued = In(RecoveryState.Issued);
        issued.ThenNot(Redeem(), RefusalCode.SecretInvalid, Stopped).ShouldBe(issued);
        var redeemed = In(RecoveryState.Redeemed);
        redeemed.ThenNot(new RecoveryCommand.Complete(RedemptionOne, Facts), RefusalCode.RecoveriesStopped, Stopped).ShouldBe(redeemed);

        issued.Then(Redeem()).State.ShouldBe(RecoveryState.Redeemed);
        redeemed.Then(new RecoveryCommand.Complete(RedemptionOne, Facts)).State.ShouldBe(RecoveryState.Completed);
    }

    [Fact]
    public void Whoever_says_no_is_heard()
    {
        foreach (var state in new[] { RecoveryState.Pending, RecoveryState.Ready, RecoveryState.Issued, RecoveryState.Redeemed, RecoveryState.Locked })
        {
            var recovery = In(state);
            recovery.Then(new RecoveryCommand.Deny(Approver, recovery.Digest), Stopped).State.ShouldBe(RecoveryState.Denied);
            recovery.Then(new RecoveryCommand.Cancel(Person), Stopped).State.ShouldBe(RecoveryState.Cancelled);
        }
    }

    [Fact]
    public void People_decide_as_ever_and_time_passes()
    {
        var pending = In(RecoveryState.Pending);
        pending.Then(new RecoveryCommand.Approve(Approver, pending.Digest, null), Stopped).State.ShouldBe(RecoveryState.Pending);
        pending.Then(new RecoveryCommand.Tick(), Stopped, TimeSpan.FromHours(73)).State.ShouldBe(RecoveryState.Expired);
        In(RecoveryState.Issued).Decide(Redeem(), Nothing, TimeSpan.FromMinutes(11)).ShouldBeOfType<Decision.Refused>();
    }

    [Fact]
    public void A_right_secret_looks_like_a_wrong_one_which_still_counts()
    {
        var issued = In(RecoveryState.Issued);
        for (var i = 0; i < RecoveryLimits.TriesByHandle; i++)
        {
            issued = issued.ThenNot(Redeem(matches: true), RefusalCode.SecretInvalid, Stopped);
            issued = issued.ThenNot(Redeem(matches: false), RefusalCode.SecretInvalid, Stopped);
        }

        issued.State.ShouldBe(RecoveryState.Locked);
    }

    [Fact]
    public void A_requester_who_was_denied_is_answered_as_if_nobody_had()
    {
        var pending = In(RecoveryState.Pending);
        var denied = In(RecoveryState.Denied);
        foreach (var command in new RecoveryCommand[] { new RecoveryCommand.Issue(Requester, Facts), new RecoveryCommand.Authorize(Requester) })
        {
            pending.ThenNot(command, RefusalCode.RecoveriesStopped, Stopped);
            denied.ThenNot(command, RefusalCode.RecoveriesStopped, Stopped);
        }
    }

    [Fact]
    public void In_no_story_does_a_command_bring_anybody_nearer_to_an_account() => Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(60),
        Prop.ForAll(Choices.Stories(40), seeds =>
        {
            foreach (var step in Story.Of(seeds).Steps)
            {
                if (RecoveryMachine.Decide(step.Before, step.Command, step.Policy.WhileStopped(), step.Now) is not Decision.Accepted { Next: var next })
                {
                    continue;
                }

                step.Before.ShouldNotBeNull();
                next.LastGeneration.ShouldBe(step.Before.LastGeneration);
                (next.State == RecoveryState.Completed && step.Before.State != RecoveryState.Completed).ShouldBeFalse();
                (next.Redemption is not null && next.Redemption != step.Before.Redemption).ShouldBeFalse();
                (next.Secret?.Redemptions > (step.Before.Secret?.Redemptions ?? 0)).ShouldBeFalse();
            }
        }));
}
