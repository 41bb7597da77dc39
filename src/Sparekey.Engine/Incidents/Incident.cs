using System.Collections.Immutable;
using Sparekey.Core;
using Sparekey.Core.Recoveries;

namespace Sparekey.Engine.Incidents;

/// <summary>Where an incident stands.</summary>
public enum IncidentState
{
    /// <summary>Nobody has said yet that it was looked into.</summary>
    Open,

    /// <summary>Somebody has.</summary>
    Closed,
}

/// <summary>What somebody said "this was not me" of.</summary>
/// <param name="Recovery">The recovery.</param>
/// <param name="State">How it stood when they said so, or how it ended because they did.</param>
public sealed record IncidentRecovery(RecoveryId Recovery, RecoveryState State);

/// <summary>
/// A person said that what happened to their account was not their doing. There is one open incident for an account: who says it again
/// adds to it.
/// </summary>
/// <param name="Id">Its id.</param>
/// <param name="Account">Whose account.</param>
/// <param name="State">Where it stands.</param>
/// <param name="OpenedAt">When it was first said.</param>
/// <param name="SaidAt">When it was last said.</param>
/// <param name="Times">How often it was said.</param>
public sealed record Incident(
    IncidentId Id, AccountId Account, IncidentState State, DateTimeOffset OpenedAt, DateTimeOffset SaidAt, int Times)
{
    /// <summary>What it was said of.</summary>
    public ImmutableArray<IncidentRecovery> Recoveries { get; init; } = [];

    /// <summary>When somebody closed it.</summary>
    public DateTimeOffset? ClosedAt { get; init; }

    /// <summary>Who closed it: a principal's id.</summary>
    public string? ClosedBy { get; init; }

    /// <summary>What they wrote.</summary>
    public string? Comment { get; init; }
}

/// <summary>Which incidents to list.</summary>
/// <param name="State">In this state.</param>
/// <param name="Account">Of this account.</param>
public sealed record IncidentFilter(IncidentState? State, AccountId? Account);
