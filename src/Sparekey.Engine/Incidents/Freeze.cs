using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;

namespace Sparekey.Engine.Incidents;

/// <summary>An account that is frozen: nothing signs in to it and nothing recovers it until two principals say so.</summary>
/// <param name="Id">The freezing's id.</param>
/// <param name="Account">The account.</param>
/// <param name="StatusBefore">What status it gets back.</param>
/// <param name="At">Since when.</param>
/// <param name="By">Who asked for it: its person, or an operator.</param>
/// <param name="Reason">Why, where an operator asked.</param>
public sealed record Freeze(
    FreezeId Id, AccountId Account, AccountStatus StatusBefore, DateTimeOffset At, Principal By, string? Reason)
{
    /// <summary>Who asks to lift it; null while nobody does.</summary>
    public LiftRequest? Lift { get; init; }
}

/// <summary>Somebody asks to lift the freezing of an account; another principal has to agree.</summary>
/// <param name="Id">Its id: whoever agrees names it, and so agrees to what they saw.</param>
/// <param name="At">When they asked.</param>
/// <param name="By">Who.</param>
/// <param name="Reason">Why.</param>
public sealed record LiftRequest(LiftId Id, DateTimeOffset At, Principal By, string Reason)
{
    /// <summary>How long it waits for somebody who agrees.</summary>
    public static readonly TimeSpan OpenFor = TimeSpan.FromHours(72);

    /// <summary>Whether it can still be decided.</summary>
    /// <param name="now">The time.</param>
    public bool IsOpen(DateTimeOffset now) => now < At + OpenFor;
}
