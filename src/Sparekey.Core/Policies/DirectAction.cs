using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;

namespace Sparekey.Core.Policies;

/// <summary>
/// Whether an operator may change the credentials of an existing account at once. That is a recovery of means
/// <see cref="Means.Force"/> in all but name, so it is allowed exactly where policy demands nothing of such a recovery.
/// </summary>
public static class DirectAction
{
    /// <summary>Asks the policy.</summary>
    /// <param name="policy">The tenant's policy.</param>
    /// <param name="account">The account.</param>
    /// <param name="by">Who acts.</param>
    /// <param name="source">From which network address; null when nobody knows.</param>
    /// <param name="applications">
    /// Every application of the tenant: a credential belongs to none of them, so a rule about any of them counts.
    /// </param>
    /// <param name="now">The time.</param>
    /// <param name="means">The recovery that could do the same.</param>
    /// <returns>
    /// Null, or <see cref="RefusalCode.PolicyRefuses"/> with what is in the way, <see cref="RefusalCode.VelocityExceeded"/>,
    /// <see cref="RefusalCode.RecoveriesStopped"/>.
    /// </returns>
    public static Refusal? Check(
        Policy policy, AccountFacts account, Principal by, string? source, IEnumerable<ApplicationId> applications, DateTimeOffset now,
        Means means = Means.Force)
    {
        if (policy.IsStopped)
        {
            return RefusalCode.RecoveriesStopped;
        }

        foreach (var application in applications.DefaultIfEmpty())
        {
            var answer = policy.Evaluate(
                new PolicyQuestion(means, Channel.Return, application, by.Kind, account) { How = Circumstances.Of(by, source) }, now);
            if (answer.Refusal is { } refused)
            {
                return refused;
            }

            // What is done at once has no halves to send.
            var open = answer.Requirements.Where(r => !r.IsMet(now) || r.Kind == RequirementKind.SplitSecret).Select(r => WireName.Of(r.Kind)).Distinct(StringComparer.Ordinal);
            if (string.Join(", ", open) is { Length: > 0 } demanded)
            {
                return new Refusal(
                    RefusalCode.PolicyRefuses, $"Policy demands {demanded} for this: open a recovery of means force.");
            }
        }

        return null;
    }
}
