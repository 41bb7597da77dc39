using System.Collections.Immutable;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;

namespace Sparekey.Core.Policies;

/// <summary>What a policy is asked about.</summary>
/// <param name="Means">How the person will prove themselves.</param>
/// <param name="Channel">How the secret reaches them.</param>
/// <param name="Application">For which application.</param>
/// <param name="Requester">Who asks.</param>
/// <param name="Account">Whose account.</param>
public sealed record PolicyQuestion(
    Means Means, Channel Channel, ApplicationId Application, PrincipalKind Requester, AccountFacts Account)
{
    /// <summary>How it was asked for, as far as that is known.</summary>
    public Circumstances How { get; init; } = new();
}

/// <summary>What a policy answers, and why.</summary>
/// <param name="Rules">The names of the rules that matched, and of what tightens them.</param>
/// <param name="Requirements">What they demand together.</param>
/// <param name="LongestLifetime">How long a secret may live.</param>
/// <param name="RefusedBy">The rule that refuses it altogether; null when none does.</param>
public sealed record PolicyAnswer(
    ImmutableArray<string> Rules, ImmutableArray<Requirement> Requirements, TimeSpan LongestLifetime, string? RefusedBy)
{
    /// <summary>The limit of velocity that is reached and refuses more; null when none does.</summary>
    public LimitUse? Exceeded { get; init; }

    /// <summary>Why it is refused: <see cref="RefusalCode.PolicyRefuses"/> or <see cref="RefusalCode.VelocityExceeded"/>; null when it is not.</summary>
    public Refusal? Refusal =>
        RefusedBy is { } rule ? new Refusal(RefusalCode.PolicyRefuses, $"The rule {rule} refuses it.")
        : Exceeded is { } use ? new Refusal(RefusalCode.VelocityExceeded, $"The limit {use.Limit.Name} is reached.") { RetryAfter = use.RetryAfter }
        : null;

    /// <summary>Who is told of it beside the person; null for nobody.</summary>
    public Watchers? Watchers { get; init; }
}

/// <summary>
/// A tenant's policy: rules as data. Every rule that matches adds its demands and the strictest wins; no rule loosens another.
/// </summary>
public sealed class Policy
{
    private readonly ImmutableArray<PolicyRule> _rules;

    internal Policy(PolicyDocument document, RankOrder ranks, TimeSpan openFor, ImmutableArray<PolicyRule> rules)
    {
        Document = document;
        Ranks = ranks;
        OpenFor = openFor;
        _rules = rules;
    }

    /// <summary>
    /// What holds until a team writes its own: accounts above the lowest role, and the means escrow and force, need the person's
    /// confirmation (or evidence) and one approval by somebody else; the rest needs nothing.
    /// </summary>
    public static Policy Default { get; } = From(new PolicyDocument(
        RankOrder.Default.Roles, null,
        [
            new RuleDocument(
                "above_lowest_role",
                new ConditionDocument(AboveLowestRole: true),
                new DemandDocument(ConfirmationOrEvidence: true, Approvals: 1)),
            new RuleDocument(
                "escrow_and_force",
                new ConditionDocument(Means: ["escrow", "force"]),
                new DemandDocument(ConfirmationOrEvidence: true, Approvals: 1)),
        ])).Value;

    /// <summary>The policy as it was written.</summary>
    public PolicyDocument Document { get; }

    /// <summary>The tenant's roles.</summary>
    public RankOrder Ranks { get; }

    /// <summary>How long a recovery stays open.</summary>
    public TimeSpan OpenFor { get; }

    /// <summary>How many recoveries there may be in how long.</summary>
    public ImmutableArray<VelocityLimit> Velocity { get; internal init; } = [];

    /// <summary>What it takes to change this policy; null where one writer is enough.</summary>
    public PolicyChangeRule? Changes { get; internal init; }

    /// <summary>Whether somebody stopped all recoveries: nothing is opened, issued, redeemed or completed.</summary>
    public bool IsStopped { get; private init; }

    /// <summary>How far back its rules count recoveries; null where none does.</summary>
    public TimeSpan? LooksBack => _rules.Max(r => r.RecoveriesLately?.Within);

    /// <summary>Whether a rule looks at the level that the account's credentials reach.</summary>
    public bool LooksAtLevel => _rules.Any(r => r.ReachesAccountsLevel);

    /// <summary>Checks a policy.</summary>
    /// <param name="document">The policy.</param>
    /// <returns>The policy, or <see cref="RefusalCode.PolicyInvalid"/> with every fault.</returns>
    public static Result<Policy> From(PolicyDocument document) => new PolicyReader().Read(document);

    /// <summary>The same policy while recoveries are stopped.</summary>
    public Policy WhileStopped() => new(Document, Ranks, OpenFor, _rules) { Velocity = Velocity, Changes = Changes, IsStopped = true };

    /// <summary>What the policy demands of a recovery that is being opened.</summary>
    /// <param name="question">What is asked for.</param>
    /// <param name="now">The time.</param>
    public PolicyAnswer Evaluate(PolicyQuestion question, DateTimeOffset now) => Evaluate(question, now, now);

    /// <summary>What the policy demands.</summary>
    /// <param name="question">What is asked for.</param>
    /// <param name="openedAt">When the recovery was opened: waiting counts from there.</param>
    /// <param name="now">The time: rules about hours look at it.</param>
    public PolicyAnswer Evaluate(PolicyQuestion question, DateTimeOffset openedAt, DateTimeOffset now)
    {
        var matching = _rules.Where(r => r.Matches(question, Ranks, now)).ToList();
        var requirements = matching.Aggregate(
            ImmutableArray<Requirement>.Empty, (all, rule) => Requirement.Union(all, rule.Demands(question, openedAt)));
        var longest = matching
            .Select(r => r.MaxLifetime)
            .Append(RecoveryLimits.LongestLifetime(question.Channel))
            .OfType<TimeSpan>()
            .Min();
        var exceeded = question.Account.Uses.Where(u => u.IsExceeded).ToList();
        var tightenings = exceeded.Exists(u => !u.Limit.Refuses)
            ? question.Account.Tightenings.Add(Tightening.Velocity)
            : question.Account.Tightenings;
        return new PolicyAnswer(
            [.. matching.Select(r => r.Name), .. tightenings.Distinct().Select(WireName.Of)], Tightenings.Add(requirements, tightenings), longest,
            matching.Find(r => r.RefusesFor(question))?.Name)
        {
            Exceeded = exceeded.Find(u => u.Limit.Refuses),
            Watchers = matching.Aggregate((Watchers?)null, (all, rule) => Watchers.Union(all, rule.Watchers)),
        };
    }
}
