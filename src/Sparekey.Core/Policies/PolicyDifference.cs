using System.Collections.Immutable;
using Sparekey.Core.Recoveries;

namespace Sparekey.Core.Policies;

/// <summary>What one policy answers that another does not.</summary>
/// <param name="Added">What it demands beyond, or more strictly than, the other.</param>
/// <param name="Dropped">What the other demands beyond, or more strictly than, it.</param>
/// <param name="RefusedBy">The rule with which it alone refuses; null where it does not.</param>
/// <param name="NoLongerRefusedBy">The rule with which the other alone refuses; null where it does not.</param>
/// <param name="LongestLifetime">How long a secret may live under it, where that is not what the other says.</param>
public sealed record PolicyDifference(
    ImmutableArray<Requirement> Added, ImmutableArray<Requirement> Dropped, string? RefusedBy, string? NoLongerRefusedBy,
    TimeSpan? LongestLifetime)
{
    /// <summary>Whether there is none.</summary>
    public bool IsNone =>
        Added.IsEmpty && Dropped.IsEmpty && RefusedBy is null && NoLongerRefusedBy is null && LongestLifetime is null;

    /// <summary>Compares two answers to one question.</summary>
    /// <param name="former">What the policy in force says.</param>
    /// <param name="proposed">What the other one says.</param>
    public static PolicyDifference Between(PolicyAnswer former, PolicyAnswer proposed) => new(
        Beyond(proposed.Requirements, former.Requirements),
        Beyond(former.Requirements, proposed.Requirements),
        former.RefusedBy is null ? proposed.RefusedBy : null,
        proposed.RefusedBy is null ? former.RefusedBy : null,
        former.LongestLifetime == proposed.LongestLifetime ? null : proposed.LongestLifetime);

    private static ImmutableArray<Requirement> Beyond(ImmutableArray<Requirement> these, ImmutableArray<Requirement> those) =>
        [.. these.Where(r => !those.Any(o => o.IsSameDemandAs(r) && IsAsStrict(o, r)))];

    private static bool IsAsStrict(Requirement other, Requirement demand) =>
        other.Count >= demand.Count && (!other.OrEvidence || demand.OrEvidence) && !(other.Until < demand.Until)
        && (other.Signed || !demand.Signed);
}
