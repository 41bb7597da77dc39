using System.Collections.Immutable;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;

namespace Sparekey.Core.Tests.Recoveries;

/// <summary>The people, things and times of the tests, and short ways to drive the machine.</summary>
internal static class Sample
{
    public static readonly DateTimeOffset Now = new(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);
    public static readonly AccountId Account = Id<AccountId>(1);
    public static readonly ApplicationId Application = Id<ApplicationId>(2);
    public static readonly RecoveryId Recovery = Id<RecoveryId>(3);
    public static readonly RedemptionId RedemptionOne = Id<RedemptionId>(4);
    public static readonly TenantId Tenant = TenantId.Default;

    public const string RequestKey = "0123456789ABCDEF0123456789ABCDEF01234567";

    public static readonly Principal Person = Principal.Of(Account);
    public static readonly Principal PersonsProgramme = Programme(21, Person);
    public static readonly Principal Requester = Principal.Of(Id<AccountId>(5));
    public static readonly Principal RequestersProgramme = Programme(22, Requester);
    public static readonly Principal Approver = Principal.Of(Id<AccountId>(6));
    public static readonly Principal ApproversProgramme = Programme(23, Approver);
    public static readonly Principal Other = Principal.Of(Id<AccountId>(7));

    public static readonly AccountFacts Facts = new(Account, 7, "user", AccountKind.Customer, AccountStatus.Active, []);

    /// <summary>A policy that demands nothing.</summary>
    public static readonly Policy Nothing = PolicyOf();

    /// <summary>A policy that demands something of everybody.</summary>
    public static readonly Policy OneApproval = PolicyOf(new RuleDocument("four_eyes", null, new DemandDocument(Approvals: 1)));

    public static readonly Reason LostPhone = new("lost_phone", "The phone fell into a lake.", "HELP-1");

    public static readonly ImmutableArray<Requirement> EveryDecision =
    [
        new(RequirementKind.Confirmation),
        new(RequirementKind.Approvals),
        new(RequirementKind.Evidence) { EvidenceKind = "id_card" },
        new(RequirementKind.Authorization),
    ];

    public static RecoveryRequest Request(Means means = Means.Link, Channel channel = Channel.Return) =>
        new(Account, Facts.Version, Application, means, channel, TimeSpan.FromMinutes(10))
        {
            CodeFormat = means == Means.Code ? Core.Secrets.CodeFormat.Digits : null,
            Digits = means == Means.Code ? 8 : null,
            RequestKeyFingerprint = means == Means.Escrow ? RequestKey : null,
        };

    public static RecoveryCommand.Open Open(RecoveryRequest? request = null, Principal? by = null, params Requirement[] extra) =>
        new(Recovery, Tenant, request ?? Request(), by ?? Requester, Facts, [.. extra]);

    public static Policy PolicyOf(params RuleDocument[] rules) =>
        Policy.From(new PolicyDocument(RankOrder.Default.Roles, null, rules)).Value;

    public static TId Id<TId>(int number)
        where TId : struct, IId<TId> => TId.From(new Guid($"00000000-0000-4000-8000-{number:x12}"));

    public static Principal Programme(int number, Principal owner) =>
        new(PrincipalKind.ServiceAccount, Id<ServiceAccountId>(number).ToString(), owner.Id);

    public static Decision Decide(this Recovery? recovery, RecoveryCommand command, Policy? policy = null, TimeSpan after = default) =>
        RecoveryMachine.Decide(recovery, command, policy ?? Nothing, Now + after);

    /// <summary>The recovery after a command that must be accepted and answered with yes.</summary>
    public static Recovery Then(this Recovery? recovery, RecoveryCommand command, Policy? policy = null, TimeSpan after = default)
    {
        var accepted = recovery.Decide(command, policy, after).ShouldBeOfType<Decision.Accepted>();
        accepted.Answer.ShouldBeNull();
        return accepted.Next;
    }

    /// <summary>The recovery after a command that must be answered with no, whatever else it changed.</summary>
    public static Recovery ThenNot(
        this Recovery recovery, RecoveryCommand command, RefusalCode code, Policy? policy = null, TimeSpan after = default)
    {
        switch (recovery.Decide(command, policy, after))
        {
            case Decision.Accepted accepted:
                accepted.Answer.ShouldNotBeNull().Code.ShouldBe(code);
                return accepted.Next;
            case Decision.Refused refused:
                refused.Refusal.Code.ShouldBe(code);
                return recovery;
            default:
                throw new InvalidOperationException("A decision is accepted or refused.");
        }
    }

    /// <summary>A recovery in a state, with every kind of decision demanded of it.</summary>
    public static Recovery In(RecoveryState state, Means means = Means.Link)
    {
        var pending = ((Recovery?)null).Then(Open(Request(means), extra: [.. EveryDecision]));
        return state switch
        {
            RecoveryState.Pending => pending,
            RecoveryState.Ready => AllMet(pending),
            RecoveryState.Issued => AllMet(pending).Then(new RecoveryCommand.Issue(Requester, Facts)),
            RecoveryState.Redeemed => In(RecoveryState.Issued, means).Then(Redeem()),
            RecoveryState.Locked => Locked(In(RecoveryState.Issued)),
            RecoveryState.Completed when means.EndsInRedemption() =>
                In(RecoveryState.Redeemed, means).Then(new RecoveryCommand.Complete(RedemptionOne, Facts, means == Means.RecoveryKey)),
            RecoveryState.Completed => AllMet(pending).Then(new RecoveryCommand.CompleteDirectly(Requester, Facts)),
            RecoveryState.Denied => pending.Then(new RecoveryCommand.Deny(Approver, pending.Digest)),
            RecoveryState.Cancelled => pending.Then(new RecoveryCommand.Cancel(Requester)),
            RecoveryState.Expired => pending.Then(new RecoveryCommand.Tick(), after: TimeSpan.FromHours(73)),
        };
    }

    public static RecoveryCommand.Redeem Redeem(bool matches = true, TryOrigin origin = TryOrigin.Handle, RedemptionId? redemption = null) =>
        new(matches, origin, redemption ?? RedemptionOne);

    public static Recovery AllMet(Recovery pending) => pending
        .Then(new RecoveryCommand.Confirm(Person, pending.Digest))
        .Then(new RecoveryCommand.GiveEvidence(Approver, pending.Digest, "id_card"))
        .Then(new RecoveryCommand.Authorize(Requester))
        .Then(new RecoveryCommand.Approve(Approver, pending.Digest, null));

    public static Recovery Locked(Recovery issued)
    {
        for (var i = 0; i < RecoveryLimits.TriesByHandle; i++)
        {
            issued = issued.ThenNot(Redeem(matches: false), RefusalCode.SecretInvalid);
        }

        issued.State.ShouldBe(RecoveryState.Locked);
        return issued;
    }
}
