using System.Collections.Immutable;
using Sparekey.Core.Recoveries;

namespace Sparekey.Core.Policies;

/// <summary>
/// Why a recovery takes one approval more than the rules demand. The set is closed; each counts once, and its name stands among the
/// names of the rules.
/// </summary>
public enum Tightening
{
    /// <summary>Somebody said of a recovery of the account that it was not them, less than a day ago.</summary>
    RepudiatedLately,

    /// <summary>More recoveries were opened than a limit of the policy allows: two people do together what one did alone.</summary>
    Velocity,
}

/// <summary>What tightenings add.</summary>
internal static class Tightenings
{
    /// <summary>
    /// Adds one approval for each tightening to what the rules demand. Whoever counts for a rule's own demand counts here too, so the
    /// number is beyond every one of those demands, and beyond all demands of particular people together: no set of approvers that
    /// would have sufficed suffices now.
    /// </summary>
    /// <param name="demanded">What the rules demand.</param>
    /// <param name="tightenings">The tightenings.</param>
    public static ImmutableArray<Requirement> Add(ImmutableArray<Requirement> demanded, ImmutableArray<Tightening> tightenings)
    {
        var more = tightenings.Distinct().Count();
        if (more == 0)
        {
            return demanded;
        }

        var approvals = demanded.Where(r => r.Kind == RequirementKind.Approvals).ToLookup(r => r.IsByAnybody);
        var enough = Math.Max(approvals[true].Sum(r => r.Count), approvals[false].Sum(r => r.Count));
        return Requirement.Union(demanded, [new Requirement(RequirementKind.Approvals) { Count = enough + more }]);
    }
}
