namespace Sparekey.Engine.Passbolt;

/// <summary>What keeps the companion from answering until somebody looks into it.</summary>
public enum CompanionAlarm
{
    /// <summary>The organisation's key there is another than the one here.</summary>
    OrganisationKeyChanged,

    /// <summary>The server's own key is another than the one that was seen first.</summary>
    ServerKeyChanged,
}

/// <summary>How the companion of a tenant stands.</summary>
/// <param name="Server">Which server it watches.</param>
/// <param name="ServerKey">The fingerprint of that server's key, as it was seen first; null until it has proved that it holds one.</param>
public sealed record CompanionState(Uri Server, string? ServerKey)
{
    /// <summary>The fingerprint of the organisation's key there, as it was seen last; null until it was seen.</summary>
    public string? OrganisationKey { get; init; }

    /// <summary>What keeps it from answering.</summary>
    public CompanionAlarm? Alarm { get; init; }

    /// <summary>Since when.</summary>
    public DateTimeOffset? AlarmAt { get; init; }

    /// <summary>What went wrong with the last look, in one word; null when nothing did.</summary>
    public string? Fault { get; init; }

    /// <summary>Since when looks fail.</summary>
    public DateTimeOffset? FaultSince { get; init; }

    /// <summary>When a look last came to its end.</summary>
    public DateTimeOffset? LookedAt { get; init; }

    /// <summary>When the people were last read.</summary>
    public DateTimeOffset? PeopleAt { get; init; }
}

/// <summary>How a person stands whom the other server knows.</summary>
internal enum PersonState
{
    /// <summary>They may be recovered.</summary>
    Active,

    /// <summary>That server disabled or deleted them.</summary>
    Disabled,

    /// <summary>That server disabled or deleted them, and the companion their account: it enables it again with them.</summary>
    AccountDisabled,

    /// <summary>Their account was deleted here. They are not made anew.</summary>
    Forgotten,
}

/// <summary>A person whom the other server knows.</summary>
/// <param name="User">Their id there.</param>
/// <param name="Account">Their account here.</param>
/// <param name="State">How they stand.</param>
/// <param name="Made">Whether the companion made the account, and so may disable it.</param>
/// <param name="IsAdmin">Whether they are an administrator there: such a one signs when the organisation's key is rotated.</param>
/// <param name="Username">Their name there, an e-mail address.</param>
/// <param name="Fingerprint">The fingerprint of their key.</param>
/// <param name="PublicKey">Their key, armored.</param>
internal sealed record CompanionPerson(
    Guid User, Core.AccountId Account, PersonState State, bool Made, bool IsAdmin, string? Username, string? Fingerprint, string? PublicKey);
