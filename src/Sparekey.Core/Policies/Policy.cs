using System.Collections.Immutable;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;

namespace Sparekey.Core.Policies;

/// <summary>What a policy is asked about.</summary>
/// <param name="Means">How the person will prove themselves.</param>
/// <param name="Channel">How the secret reaches them.</param>
/// <param name="Application">For which application.</param>
/// <param name="Requester">Who asks.</param>
/// <param name="Account">Whose account.</param>
public sealed record PolicyQuestion(
    Means Means, Channel Channel, ApplicationId Application, PrincipalKind Requester, AccountFacts Account);

/// <summary>What a policy answers, and why.</summary>
/// <param name="Rules">The names of the rules that matched.</param>
/// <param name="Requirements">What they demand together.</param>
/// <param name="LongestLifetime">How long a secret may live.</param>
/// <param name="RefusedBy">The rule that refuses it altogether; null when none does.</param>
public sealed record PolicyAnswer(
    ImmutableArray<string> Rules, ImmutableArray<Requirement> Requirements, TimeSpan LongestLifetime, string? RefusedBy);

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

    /// <summary>Checks a policy.</summary>
    /// <param name="document">The policy.</param>
    /// <returns>The policy, or <see cref="RefusalCode.PolicyInvalid"/> with every fault.</returns>
    public static Result<Policy> From(PolicyDocument document) => new PolicyReader().Read(document);

    /// <summary>What the policy demands.</summary>
    /// <param name="question">What is asked for.</param>
    /// <param name="openedAt">When the recovery was opened: waiting counts from there.</param>
    public PolicyAnswer Evaluate(PolicyQuestion question, DateTimeOffset openedAt)
    {
        var matching = _rules.Where(r => r.Matches(question, Ranks)).ToList();
        var requirements = matching.Aggregate(
            ImmutableArray<Requirement>.Empty, (all, rule) => Requirement.Union(all, rule.Demands(openedAt)));
        var longest = matching
            .Select(r => r.MaxLifetime)
            .Append(RecoveryLimits.LongestLifetime(question.Channel))
            .OfType<TimeSpan>()
            .Min();
        return new PolicyAnswer(
            [.. matching.Select(r => r.Name)], requirements, longest, matching.Find(r => r.Refuses)?.Name);
    }
}

/// <summary>One rule, read and checked.</summary>
internal sealed record PolicyRule(string Name)
{
    public ImmutableArray<Means> Means { get; init; } = [];

    public ImmutableArray<Channel> Channels { get; init; } = [];

    public string? AboveRole { get; init; }

    public ImmutableArray<string> Roles { get; init; } = [];

    public ImmutableArray<AccountKind> Kinds { get; init; } = [];

    public ImmutableArray<string> Groups { get; init; } = [];

    public ImmutableArray<ApplicationId> Applications { get; init; } = [];

    public ImmutableArray<PrincipalKind> Requesters { get; init; } = [];

    public ImmutableArray<Requirement> Requirements { get; init; } = [];

    public TimeSpan? Wait { get; init; }

    public TimeSpan? MaxLifetime { get; init; }

    public bool Refuses { get; init; }

    // An unlisted role ranks highest, so "above" holds for it; a rule that names roles cannot mean one that nobody listed.
    public bool Matches(PolicyQuestion question, RankOrder ranks) =>
        (Means.IsEmpty || Means.Contains(question.Means))
        && (Channels.IsEmpty || Channels.Contains(question.Channel))
        && (AboveRole is null || ranks.IsAbove(question.Account.Role, AboveRole))
        && (Roles.IsEmpty || Roles.Contains(question.Account.Role, StringComparer.Ordinal))
        && (Kinds.IsEmpty || Kinds.Contains(question.Account.Kind))
        && (Groups.IsEmpty || Groups.Any(g => question.Account.Groups.Contains(g, StringComparer.Ordinal)))
        && (Applications.IsEmpty || Applications.Contains(question.Application))
        && (Requesters.IsEmpty || Requesters.Contains(question.Requester));

    public ImmutableArray<Requirement> Demands(DateTimeOffset openedAt) =>
        Wait is { } wait ? Requirements.Add(new Requirement(RequirementKind.Wait) { Until = openedAt + wait }) : Requirements;
}
