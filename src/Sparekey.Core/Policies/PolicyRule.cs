using System.Collections.Immutable;
using System.Net;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;

namespace Sparekey.Core.Policies;

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

    public ImmutableArray<string> RequesterIds { get; init; } = [];

    public ImmutableArray<IPNetwork> Networks { get; init; } = [];

    public ImmutableArray<IPNetwork> OutsideNetworks { get; init; } = [];

    public WeeklyHours? Hours { get; init; }

    public ImmutableArray<string> Risks { get; init; } = [];

    public int? RiskScore { get; init; }

    public (int Count, TimeSpan Within)? RecoveriesLately { get; init; }

    public ImmutableArray<Requirement> Requirements { get; init; } = [];

    public TimeSpan? Wait { get; init; }

    public TimeSpan? MaxLifetime { get; init; }

    /// <summary>Whether a second proof is demanded where the recovery alone reaches less than the account has.</summary>
    public bool ReachesAccountsLevel { get; init; }

    public ImmutableArray<Means> OnlyMeans { get; init; } = [];

    public bool Refuses { get; init; }

    public Watchers? Watchers { get; init; }

    // An unlisted role ranks highest, so "above" holds for it; a rule that names roles cannot mean one that nobody listed.
    public bool Matches(PolicyQuestion question, RankOrder ranks, DateTimeOffset now) =>
        (Means.IsEmpty || Means.Contains(question.Means))
        && (Channels.IsEmpty || Channels.Contains(question.Channel))
        && (AboveRole is null || ranks.IsAbove(question.Account.Role, AboveRole))
        && (Roles.IsEmpty || Roles.Contains(question.Account.Role, StringComparer.Ordinal))
        && (Kinds.IsEmpty || Kinds.Contains(question.Account.Kind))
        && (Groups.IsEmpty || Groups.Any(g => question.Account.Groups.Contains(g, StringComparer.Ordinal)))
        && (Applications.IsEmpty || Applications.Contains(question.Application))
        && (Requesters.IsEmpty || Requesters.Contains(question.Requester))
        && MatchesHow(question.How)
        && (Hours is null || Hours.Include(now))
        && (RecoveriesLately is not { } lately || question.Account.OpenedSince(now - lately.Within) >= lately.Count);

    public ImmutableArray<Requirement> Demands(PolicyQuestion question, DateTimeOffset openedAt)
    {
        var demands = Wait is { } wait
            ? Requirements.Add(new Requirement(RequirementKind.Wait) { Until = openedAt + wait })
            : Requirements;

        // Only a secret of ours has halves; the others are the person's own, or nobody's.
        demands = question.Means.HasSecret() ? demands : demands.RemoveAll(d => d.Kind == RequirementKind.SplitSecret);
        return ReachesAccountsLevel && RecoveryAssurance.Of(question.Means, question.Channel) < question.Account.Level
            ? demands.Add(new Requirement(RequirementKind.SecondProof))
            : demands;
    }

    public bool RefusesFor(PolicyQuestion question) => Refuses || (!OnlyMeans.IsEmpty && !OnlyMeans.Contains(question.Means));

    // Where a source or a score is not known, the rule that guards against a bad one holds.
    private bool MatchesHow(Circumstances how) =>
        (RequesterIds.IsEmpty || RequesterIds.Any(id => id == how.Requester || id == how.Owner))
        && (Networks.IsEmpty || Networks.Any(n => IsIn(n, how.Source)))
        && (OutsideNetworks.IsEmpty || !OutsideNetworks.Any(n => IsIn(n, how.Source)))
        && (Risks.IsEmpty || (how.Risk is { } risk && Risks.Any(r => risk.Signs.Contains(r, StringComparer.Ordinal))))
        && (RiskScore is null || how.Risk?.Score is not { } score || score >= RiskScore);

    private static bool IsIn(IPNetwork network, IPAddress? source) =>
        source is not null && network.Contains(source.IsIPv4MappedToIPv6 ? source.MapToIPv4() : source);
}
