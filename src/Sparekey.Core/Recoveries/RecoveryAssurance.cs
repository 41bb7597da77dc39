using Sparekey.Core.Access;

namespace Sparekey.Core.Recoveries;

/// <summary>
/// How sure it is after a recovery that it was the person (SP 800-63B-4 §4.2.2). One code reaches the first level; two that come by
/// different methods, or one and an authenticator that is still bound, or one and repeated proofing, reach the second.
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

    /// <summary>The level that a recovery reaches with what the person has proved so far.</summary>
    /// <param name="recovery">The recovery.</param>
    public static AssuranceLevel Of(Recovery recovery) =>
        recovery.Requirements.Any(r => r.Kind == RequirementKind.SecondProof && !r.Met.IsEmpty)
            ? AssuranceLevel.Aal2
            : Of(recovery.Request.Means, recovery.Request.Channel);
}
