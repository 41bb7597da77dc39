using System.Collections.Immutable;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;

namespace Sparekey.Core.Recoveries;

/// <summary>Something that happened to a recovery; the ledger holds it.</summary>
/// <param name="Event">What.</param>
/// <param name="By">Who did it.</param>
public sealed record RecoveryEvent(LedgerEvent Event, Principal By)
{
    /// <summary>Facts for the ledger.</summary>
    public ImmutableDictionary<string, object?> Facts { get; init; } = ImmutableDictionary<string, object?>.Empty;

    /// <summary>Personal texts for the ledger.</summary>
    public ImmutableDictionary<string, string> Texts { get; init; } = ImmutableDictionary<string, string>.Empty;
}

/// <summary>What the state machine answers: the closed pair of accepted and refused.</summary>
public abstract record Decision
{
    private Decision()
    {
    }

    /// <summary>
    /// The recovery moves. <see cref="Answer"/> may still be a refusal: a wrong try is counted and told no, and a command that
    /// came after the end finds the recovery expired.
    /// </summary>
    /// <param name="Next">The recovery afterwards; its version is one higher.</param>
    /// <param name="Events">What happened, in order.</param>
    /// <param name="Answer">What the caller is told when it is not yes.</param>
    public sealed record Accepted(Recovery Next, ImmutableArray<RecoveryEvent> Events, Refusal? Answer = null) : Decision;

    /// <summary>Nothing changes.</summary>
    /// <param name="Refusal">Why.</param>
    public sealed record Refused(Refusal Refusal) : Decision;
}
