using Sparekey.Core;

namespace Sparekey.Engine.Flows;

/// <summary>
/// A person's visit to the settings of their own account: a protocol's form that was opened, and what it came to. It proves nothing and
/// allows nothing; the session that comes with it does.
/// </summary>
/// <param name="Id">Its id: a UUID of 122 random bits, in lower case.</param>
/// <param name="Account">Whose settings.</param>
/// <param name="IssuedAt">When it was opened.</param>
/// <param name="ExpiresAt">Until when it takes changes.</param>
/// <param name="RequestUrl">How it was asked for.</param>
public sealed record SettingsFlow(string Id, AccountId Account, DateTimeOffset IssuedAt, DateTimeOffset ExpiresAt, string RequestUrl)
{
    /// <summary>Whether a programme opened it, not a browser.</summary>
    public bool IsNative { get; init; }

    /// <summary>Where the person wants to be afterwards; null where that was not said.</summary>
    public string? ReturnTo { get; init; }

    /// <summary>Whether its last submission changed something.</summary>
    public bool IsDone { get; init; }

    /// <summary>Where it follows a recovery: until when the person can set a credential. Null for any other.</summary>
    public DateTimeOffset? RecoveredUntil { get; init; }

    /// <summary>What was wrong with its last submission, as the protocol's own JSON; null for nothing.</summary>
    public string? Faults { get; init; }
}
