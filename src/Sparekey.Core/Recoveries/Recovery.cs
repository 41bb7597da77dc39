using System.Collections.Immutable;
using Sparekey.Core.Access;
using Sparekey.Core.Policies;

namespace Sparekey.Core.Recoveries;

/// <summary>Where a recovery stands.</summary>
public enum RecoveryState
{
    /// <summary>A requirement is open.</summary>
    Pending,

    /// <summary>Every requirement is met and no secret was issued.</summary>
    Ready,

    /// <summary>A secret was issued and is usable.</summary>
    Issued,

    /// <summary>The secret was redeemed; the person may set a credential.</summary>
    Redeemed,

    /// <summary>A credential was set, or a session was opened in which the person sets one within its short time. Final.</summary>
    Completed,

    /// <summary>Somebody who was asked said no. Final.</summary>
    Denied,

    /// <summary>The requester, an operator or the person ended it. Final.</summary>
    Cancelled,

    /// <summary>Its time passed. Final.</summary>
    Expired,

    /// <summary>Too many wrong tries used the secret up; it must be issued again.</summary>
    Locked,
}

/// <summary>One generation of a recovery's secret. The secret itself is nowhere in it.</summary>
/// <param name="Number">Its number, from 1.</param>
/// <param name="IssuedAt">When it was issued.</param>
/// <param name="ExpiresAt">When it ends.</param>
/// <param name="Usable">Whether it may be redeemed; false only while a requirement is open.</param>
public sealed record Generation(int Number, DateTimeOffset IssuedAt, DateTimeOffset ExpiresAt, bool Usable)
{
    /// <summary>
    /// Whether its time runs. Before it was issued it is dead as well: on a clock that was set back, a secret must not live for
    /// the time the clock goes through twice.
    /// </summary>
    /// <param name="now">The time.</param>
    public bool IsAlive(DateTimeOffset now) => now < ExpiresAt && now >= IssuedAt - RecoveryLimits.ClocksDiffer;

    /// <summary>Wrong tries that named only the account.</summary>
    public int Tries { get; init; }

    /// <summary>Wrong tries that presented the recovery's own handle.</summary>
    public int HandleTries { get; init; }

    /// <summary>How often it was redeemed.</summary>
    public int Redemptions { get; init; }
}

/// <summary>The limited session that a redeemed secret opened.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Generation">Of which generation.</param>
/// <param name="ExpiresAt">When it ends.</param>
public sealed record Redemption(RedemptionId Id, int Generation, DateTimeOffset ExpiresAt)
{
    /// <summary>Whether its time runs; as with the secret, not before it began.</summary>
    /// <param name="now">The time.</param>
    public bool IsAlive(DateTimeOffset now) =>
        now < ExpiresAt && now >= ExpiresAt - RecoveryLimits.RedemptionFor - RecoveryLimits.ClocksDiffer;
}

/// <summary>One attempt to get one account back: the aggregate, and the only way to a secret.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Tenant">The tenant.</param>
/// <param name="Request">What was asked for.</param>
/// <param name="RequestedBy">Who asked.</param>
/// <param name="CreatedAt">When.</param>
/// <param name="OpenUntil">Until when requirements can be met and secrets issued.</param>
public sealed record Recovery(
    RecoveryId Id, TenantId Tenant, RecoveryRequest Request, Principal RequestedBy, DateTimeOffset CreatedAt, DateTimeOffset OpenUntil)
{
    /// <summary>From which network address it was asked for; null when nobody knows.</summary>
    public string? Source { get; init; }

    /// <summary>Where it stands.</summary>
    public RecoveryState State { get; init; }

    /// <summary>What policy demands.</summary>
    public ImmutableArray<Requirement> Requirements { get; init; } = [];

    /// <summary>Who is told of it beside the person, as policy said at the opening and since; null for nobody.</summary>
    public Watchers? Watchers { get; init; }

    /// <summary>The live generation of the secret; null before the first issue and after the end.</summary>
    public Generation? Secret { get; init; }

    /// <summary>The number of the last generation there was.</summary>
    public int LastGeneration { get; init; }

    /// <summary>The live redemption.</summary>
    public Redemption? Redemption { get; init; }

    /// <summary>When it reached its final state.</summary>
    public DateTimeOffset? ClosedAt { get; init; }

    /// <summary>Rises by one with every change.</summary>
    public int Version { get; init; } = 1;

    /// <summary>
    /// When those are reminded who have not answered: a day before its time is over, or after half of a shorter time.
    /// </summary>
    public DateTimeOffset RemindAt() => OpenUntil - (OpenUntil - CreatedAt < 2 * RecoveryLimits.RemindBefore ? (OpenUntil - CreatedAt) / 2 : RecoveryLimits.RemindBefore);

    /// <summary>What deciders sign together with the id.</summary>
    public string Digest => Request.Digest(Tenant, RequestedBy);

    /// <summary>SHA-256 over its id, <see cref="Digest"/> and everything that is demanded: what deciders may send back instead.</summary>
    public string DecisionDigest => DecisionStatement.DigestOf(this);

    /// <summary>Whether a decision was made on the recovery as it is.</summary>
    /// <param name="digest">What the decider saw.</param>
    public bool IsSeenIn(string digest) => digest == Digest || digest == DecisionDigest;

    /// <summary>Whether nothing can happen to it any more.</summary>
    public bool IsClosed => State is RecoveryState.Completed or RecoveryState.Denied or RecoveryState.Cancelled or RecoveryState.Expired;

    /// <summary>Whether every requirement is met.</summary>
    /// <param name="now">The time.</param>
    public bool AllMet(DateTimeOffset now) => Requirements.All(r => r.IsMet(now));

    /// <summary>Whether its secret can be redeemed now.</summary>
    /// <param name="now">The time.</param>
    public bool IsRedeemable(DateTimeOffset now) =>
        State is RecoveryState.Issued or RecoveryState.Redeemed && Secret is { Usable: true } secret && secret.IsAlive(now);

    /// <summary>Whether nothing but the person's second proof is missing.</summary>
    /// <param name="now">The time.</param>
    public bool AwaitsOnlyProof(DateTimeOffset now)
    {
        var open = Requirements.Where(r => !r.IsMet(now)).ToList();
        return State == RecoveryState.Pending && open.Count > 0 && open.TrueForAll(r => r.Kind == RequirementKind.SecondProof);
    }

    /// <summary>
    /// Whether a secret that is presented now is looked at: it can be redeemed, or it was sent ahead and waits for the person's second
    /// proof alone. Then the right one opens nothing yet, and a wrong one is counted all the same.
    /// </summary>
    /// <param name="now">The time.</param>
    public bool TakesTries(DateTimeOffset now) =>
        IsRedeemable(now) || (AwaitsOnlyProof(now) && Secret is { } ahead && ahead.IsAlive(now));

    /// <summary>Whether its secret is in two halves.</summary>
    public bool IsSplit => Request.Means.HasSecret() && Requirements.Any(r => r.Kind == RequirementKind.SplitSecret);

    /// <summary>Whether the person proved themselves with a saved code, beside the recovery's own means.</summary>
    public bool WasProvedBySavedCode => Requirements.Any(
        r => r.Kind == RequirementKind.SecondProof && r.Met.Any(m => m.How == WireName.Of(ProofMethod.SavedCode)));

    /// <summary>When a requester cancelled it who had been denied and was not told; to them it was cancelled then.</summary>
    public DateTimeOffset? WithdrawnAt { get; init; }

    /// <summary>
    /// The recovery as somebody may see it. A requester is not told that the person, or an approver, said no: whoever tried to
    /// take an account over would learn that they were noticed (T16). To them it waits until its time is over, and is over then to
    /// the moment, as one that nobody answered.
    /// </summary>
    /// <param name="reader">Who reads.</param>
    /// <param name="now">The time.</param>
    public Recovery AsSeenBy(Principal reader, DateTimeOffset now)
    {
        if (!reader.IsSamePersonAs(RequestedBy))
        {
            return this;
        }

        if (State == RecoveryState.Denied && WithdrawnAt is { } withdrawn)
        {
            return this with { State = RecoveryState.Cancelled, ClosedAt = withdrawn };
        }

        var ended = now >= OpenUntil
            && State is (RecoveryState.Pending or RecoveryState.Ready or RecoveryState.Denied or RecoveryState.Expired);
        return ended ? this with { State = RecoveryState.Expired, Secret = null, ClosedAt = OpenUntil }
            : State == RecoveryState.Denied ? this with { State = RecoveryState.Pending, ClosedAt = null }
            : this;
    }
}
