using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;

namespace Sparekey.Core.Tests.Recoveries;

/// <summary>One command and what came of it.</summary>
/// <param name="Latest">The latest time any command so far came at: a wait that was over is over, though a clock went back.</param>
internal sealed record Step(
    Recovery? Before, RecoveryCommand Command, Policy Policy, DateTimeOffset Now, DateTimeOffset Latest, Decision Decision)
{
    public Recovery? After => Decision is Decision.Accepted accepted ? accepted.Next : Before;

    public bool SaidYes => Decision is Decision.Accepted { Answer: null };

    public override string ToString() => $"{Now:s} {Command} -> {Decision}";
}

/// <summary>
/// A recovery's life, told by numbers: the first chooses the request and the policies, every other one command. Most commands
/// are nearly right, because what is plainly wrong is refused at the door and tests nothing behind it.
/// </summary>
internal sealed class Story
{
    private static readonly Principal[] Principals =
    [
        Sample.Person, Sample.PersonsProgramme, Sample.Requester, Sample.RequestersProgramme, Sample.Approver,
        Sample.ApproversProgramme, Sample.Other, Principal.LocalOperator, Sample.Programme(24, Principal.LocalOperator),
        Principal.System, Principal.Anonymous,
    ];

    private static readonly TimeSpan[] Leaps =
    [
        TimeSpan.Zero, TimeSpan.Zero, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1),
        TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(9), TimeSpan.FromMinutes(16), TimeSpan.FromHours(5), TimeSpan.FromHours(25),
        TimeSpan.FromHours(80), -TimeSpan.FromMinutes(1), -TimeSpan.FromHours(1), -TimeSpan.FromHours(100),
    ];

    private static readonly string?[] Texts = [null, "", " ", "lost_phone", "HELP-1", "HELP-1\n", "a\ud800", "nul\0", "ünï", new('x', 5000)];

    private readonly List<Policy> _policies;
    private readonly bool _guesser;
    private readonly List<string> _digests = ["", "x"];
    private readonly List<RedemptionId> _redemptions = [];
    private DateTimeOffset _now = Sample.Now;
    private DateTimeOffset _latest = Sample.Now;
    private AccountFacts _account = Sample.Facts;
    private Recovery? _recovery;

    private Story(ulong seed)
    {
        var choices = new Choices(seed);
        _policies = [PolicyOf(choices), PolicyOf(choices), Sample.Nothing, Policy.Default];
        _guesser = choices.Chance(15);
        Steps = [];
        Take(OpenWith(choices), _policies[choices.Next(2)]);
    }

    public List<Step> Steps { get; }

    public static Story Of(ulong[] seeds)
    {
        var story = new Story(seeds.Length == 0 ? 0 : seeds[0]);
        foreach (var seed in seeds.Skip(1))
        {
            story.Continue(new Choices(seed));
        }

        return story;
    }

    public static Policy PolicyOf(Choices choices) => Sample.PolicyOf(
        [.. Enumerable.Range(0, choices.Next(3)).Select(i => RuleOf(choices, $"rule_{i}"))]);

    public static RuleDocument RuleOf(Choices choices, string name) => new(
        name,
        choices.Chance(40) ? null : new ConditionDocument(
            Means: choices.Chance(30) ? ["link", "code", "force"] : null,
            Channels: choices.Chance(20) ? ["return"] : null,
            AboveLowestRole: choices.Chance(30) ? true : null,
            Groups: choices.Chance(20) ? ["vip"] : null,
            Requesters: choices.Chance(20) ? ["account", "anonymous"] : null,
            OutsideNetworks: choices.Chance(10) ? ["127.0.0.0/8"] : null,
            Hours: choices.Chance(10) ? new HoursDocument("08:00", "20:00") : null,
            RiskScore: choices.Chance(10) ? 50 : null,
            RecoveriesLately: choices.Chance(10) ? new LatelyDocument(1, "30d") : null),
        new DemandDocument(
            Reason: choices.Chance(20) ? true : null,
            ReasonCodes: choices.Chance(10) ? ["lost_phone", "theft"] : null,
            Ticket: choices.Chance(10) ? true : null,
            TicketPattern: choices.Chance(10) ? "HELP-[0-9]+" : null,
            Confirmation: choices.Chance(15) ? true : null,
            ConfirmationOrEvidence: choices.Chance(30) ? true : null,
            Approvals: choices.Chance(40) ? choices.Of(1, 1, 2, 3) : null,
            Evidence: choices.Chance(15) ? ["id_card"] : null,
            Wait: choices.Chance(15) ? choices.Of("5m", "24h") : null,
            MaxLifetime: choices.Chance(20) ? choices.Of("1m", "30m") : null,
            Refuse: choices.Chance(3) ? true : null,
            ConfirmationOver: choices.Chance(10) ? ["slack"] : null,
            ApprovalsFrom: choices.Chance(10) ? [new ApproversDocument(choices.Of(1, 2), ["security"])] : null,
            ApprovalFromAnotherGroup: choices.Chance(10) ? true : null,
            ApprovalByManager: choices.Chance(5) ? true : null,
            SecondProof: choices.Chance(25) ? choices.Of("always", "below_account") : null,
            ApprovalsSigned: choices.Chance(10) ? true : null,
            Split: choices.Chance(10) ? true : null));

    private void Continue(Choices choices)
    {
        // At half of all steps time stands still, so that a short lifetime does not end each story; whoever guesses does it quickly.
        _now += choices.Chance(_guesser ? 95 : 50) ? TimeSpan.Zero : Leaps[choices.Next(Leaps.Length)];
        if (choices.Chance(4))
        {
            _account = _account with
            {
                Version = _account.Version + 1,
                Role = choices.Of("user", "admin", "nobody-listed-it"),
                Status = choices.Of(AccountStatus.Active, AccountStatus.Active, AccountStatus.Disabled),
                Groups = choices.Chance(50) ? ["vip"] : [],
                Level = choices.Of(Enum.GetValues<AssuranceLevel>()),
                Opened = choices.Chance(50) ? [_now] : [],
            };
        }

        Take(CommandOf(choices), choices.Chance(85) ? Steps[0].Policy : _policies[choices.Next(_policies.Count)]);
    }

    private void Take(RecoveryCommand command, Policy policy)
    {
        _latest = _latest > _now ? _latest : _now;
        var step = new Step(_recovery, command, policy, _now, _latest, RecoveryMachine.Decide(_recovery, command, policy, _now));
        Steps.Add(step);
        _recovery = step.After;
        if (_recovery is not null && _digests[^1] != _recovery.Digest)
        {
            _digests.Add(_recovery.Digest);
        }
    }

    private static RecoveryCommand.Open OpenWith(Choices choices)
    {
        var means = choices.Of(Means.Link, Means.Code, Means.Code, Means.Token, Means.RecoveryKey, Means.Escrow, Means.Force);
        var request = new RecoveryRequest(
            Sample.Account, Sample.Facts.Version, Sample.Application, means,
            choices.Of(Channel.Return, Channel.Return, Channel.Email, Channel.Voice),
            choices.Of(TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(10), TimeSpan.FromHours(1), TimeSpan.FromDays(2), TimeSpan.Zero))
        {
            CodeFormat = means == Means.Code != choices.Chance(5) ? choices.Of(CodeFormat.Digits, CodeFormat.Letters, CodeFormat.Long) : null,
            Digits = choices.Chance(30) ? choices.Of(5, 6, 8, 10) : null,
            NotBefore = choices.Chance(10) ? Sample.Now + choices.Of(TimeSpan.FromMinutes(5), TimeSpan.FromDays(40), -TimeSpan.FromDays(1)) : null,
            Revoke = [.. choices.Some(Enum.GetValues<Revocation>())],
            Reason = choices.Chance(30) ? ReasonOf(choices) : null,
            RequestKeyFingerprint = choices.Chance(10) ? choices.Of("aa:bb", "\udc00", Sample.RequestKey) : null,
        };
        return new RecoveryCommand.Open(
            Sample.Recovery, Sample.Tenant, request, choices.Chance(80) ? Sample.Requester : choices.Of(Principals), Sample.Facts,
            [.. choices.Some(Sample.EveryDecision, choices.Of(0, 0, 30))]);
    }

    private RecoveryCommand CommandOf(Choices choices)
    {
        var requester = choices.Chance(85) ? _recovery?.RequestedBy ?? Sample.Requester : choices.Of(Principals);
        var anybody = choices.Of(Principals);
        if (_guesser && choices.Chance(60))
        {
            return new RecoveryCommand.Redeem(false, choices.Chance(20) ? TryOrigin.Account : TryOrigin.Handle, NewRedemption());
        }

        return choices.Next(31) switch
        {
            0 => new RecoveryCommand.AddReason(requester, ReasonOf(choices)),
            1 or 2 => new RecoveryCommand.Confirm(choices.Chance(60) ? Sample.Person : anybody, Digest(choices))
            {
                Over = choices.Of(null, "slack", "slack", "mail", "not a name"),
            },
            3 or 4 => new RecoveryCommand.GiveEvidence(
                anybody, Digest(choices),
                choices.Of("id_card", "id_card", "passport", "repeated_proofing", "confirmation", "", "what they said", "\ud800")),
            5 => new RecoveryCommand.Authorize(anybody),
            24 => new RecoveryCommand.Prove(choices.Chance(70) ? Sample.Person : anybody, choices.Of(Enum.GetValues<ProofMethod>())),
            6 or 7 or 8 or 9 => new RecoveryCommand.Approve(
                anybody, Digest(choices), choices.Chance(80) ? null : _now - choices.Of(TimeSpan.FromHours(71), TimeSpan.FromHours(72)))
            {
                Groups = [.. choices.Some(["security", "help_desk", "vip"])],
                RequesterGroups = ["help_desk"],
                ManagerOfTarget = choices.Chance(30) && Ids.TryParse<AccountId>(anybody.Id, out var manager) ? manager : null,
                Note = choices.Chance(50) ? new DecisionNote(null, new DecisionSignature(Sample.Id<CredentialId>(60), "hash")) : DecisionNote.None,
            },
            10 => choices.Chance(20) ? new RecoveryCommand.Deny(anybody, Digest(choices)) : new RecoveryCommand.Tick(),
            11 or 12 or 13 or 14 => new RecoveryCommand.Issue(requester, _account, choices.Chance(25)),
            15 or 16 or 17 => new RecoveryCommand.Redeem(true, choices.Of(TryOrigin.Account, TryOrigin.Handle), NewRedemption()),
            18 or 19 => new RecoveryCommand.Redeem(false, choices.Of(TryOrigin.Account, TryOrigin.Handle), NewRedemption()),
            20 or 25 or 26 or 27 => choices.Chance(90)
                ? new RecoveryCommand.Complete(_redemptions.Count == 0 ? NewRedemption() : _redemptions[^(1 + choices.Next(Math.Min(2, _redemptions.Count)))], _account, choices.Chance(15) != (_recovery?.Request.Means == Means.RecoveryKey))
                : new RecoveryCommand.Tick(),
            21 => new RecoveryCommand.CompleteDirectly(requester, _account),
            28 or 29 or 30 => new RecoveryCommand.BindKey(
                choices.Chance(80) ? Sample.Person : anybody, choices.Of(Sample.RequestKey, Sample.RequestKey, "aa:bb", "\udc00", "")),
            22 => choices.Chance(15) ? new RecoveryCommand.Cancel(anybody, choices.Of(Texts)) : new RecoveryCommand.Tick(),
            _ => choices.Chance(30) ? OpenWith(choices) : new RecoveryCommand.Tick(),
        };
    }

    private static Reason ReasonOf(Choices choices) => choices.Chance(50)
        ? Sample.LostPhone
        : new Reason(choices.Of(Texts), choices.Of(Texts), choices.Of(Texts));

    private string Digest(Choices choices) => choices.Chance(85) ? _digests[^1] : choices.Of(_digests.ToArray());

    private RedemptionId NewRedemption()
    {
        _redemptions.Add(Sample.Id<RedemptionId>(1000 + _redemptions.Count));
        return _redemptions[^1];
    }
}
