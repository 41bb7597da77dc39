using Sparekey.Core.Access;

namespace Sparekey.Core.Recoveries;

/// <summary>
/// Somebody who agrees to what another began: a recovery, a change of policy, the lifting of a freezing. They must be somebody else, and
/// their own.
/// </summary>
/// <param name="Principal">Who.</param>
/// <param name="RecoveredAt">When their account, or that of their owner, was last recovered; null for never.</param>
/// <param name="GrantedBy">The person who made them an operator: a principal's id, a programme's owner; null where nobody did.</param>
public sealed record SecondPerson(Principal Principal, DateTimeOffset? RecoveredAt = null, string? GrantedBy = null)
{
    /// <summary>Whether their word counts beside that of who began.</summary>
    /// <param name="first">Who began.</param>
    /// <param name="now">The time.</param>
    /// <returns>
    /// Null; <see cref="RefusalCode.SeparationOfDuties"/> where both are one person, or the first made the second an operator;
    /// <see cref="RefusalCode.RecentlyRecovered"/> where their account was recovered within 72 hours.
    /// </returns>
    public Refusal? FaultBeside(Principal first, DateTimeOffset now) =>

        // Whom somebody made an operator is their second hand; the machine's operator makes the first ones.
        Principal.IsSamePersonAs(first)
            || (GrantedBy is not null && GrantedBy != Principal.LocalOperator.Id && GrantedBy == (first.OwnerId ?? first.Id))
            ? RefusalCode.SeparationOfDuties

        // Whoever just took over an account by a recovery must not at once let the next thing through.
        : RecoveredAt is { } at && now < at + RecoveryLimits.DecidesAgainAfter ? RefusalCode.RecentlyRecovered
        : null;
}
