using Sparekey.Core.Access;

namespace Sparekey.Core.Recoveries;

/// <summary>
/// How sure it is after a recovery that it was the person (SP 800-63B-4 §4.2.2). One code reaches the first level; two that come by
/// different methods, or one and an authenticator that is still bound, or one and repeated proofing, reach the second. Where the person
/// was not proofed face to face, the same restores an account of the third level (§4.2.2.3), so that no recovery need reach it.
/// </summary>
public static class RecoveryAssurance
{
    /// <summary>The level that a means reaches alone.</summary>
    /// <param name="means">The means.</param>
    /// <param name="channel">How its secret reaches the person.</param>
    public static AssuranceLevel Of(Means means, Channel channel) =>
        means == Means.RecoveryKey && channel.ReachesPerson()
            ? AssuranceLevel.Aal2 // A code that was sent, and a key that the person kept.
            : AssuranceLevel.Aal1;

    /// <summary>
    /// The level that a recovery reaches with what was proved so far. A secret in two halves is one code: both came by one method.
    /// </summary>
    /// <param name="recovery">The recovery.</param>
    public static AssuranceLevel Of(Recovery recovery) =>
        recovery.Requirements.Any(IsSecondWay) ? AssuranceLevel.Aal2 : Of(recovery.Request.Means, recovery.Request.Channel);

    private static bool IsSecondWay(Requirement requirement) => requirement.Kind switch
    {
        RequirementKind.SecondProof => !requirement.Met.IsEmpty,
        RequirementKind.Evidence => requirement.Met.Any(m => m.How == Requirement.RepeatedProofing),
        _ => false,
    };
}
