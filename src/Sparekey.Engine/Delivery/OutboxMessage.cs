using Sparekey.Core;

namespace Sparekey.Engine.Delivery;

/// <summary>What a message in the outbox is for.</summary>
public enum MessageKind
{
    /// <summary>Carries a recovery link (and a code that can be typed) to the person's channel.</summary>
    RecoveryLink,

    /// <summary>Carries a recovery code to the person's channel.</summary>
    RecoveryCode,

    /// <summary>Carries a reset token to the person's channel.</summary>
    RecoveryToken,

    /// <summary>Carries the code that confirms an address.</summary>
    AddressConfirmation,

    /// <summary>Carries the code that picks up a key which its owner left encrypted.</summary>
    KeyPickupCode,

    /// <summary>Tells that somebody asked for a recovery.</summary>
    RecoveryRequestedNotice,

    /// <summary>Tells that a recovery was opened.</summary>
    RecoveryOpenedNotice,

    /// <summary>Tells that a secret was issued.</summary>
    RecoveryIssuedNotice,

    /// <summary>Tells that a recovery was completed and a credential changed.</summary>
    RecoveryCompletedNotice,

    /// <summary>Tells that a recovery was cancelled.</summary>
    RecoveryCancelledNotice,

    /// <summary>Tells that a credential was set or removed without a recovery.</summary>
    CredentialChangedNotice,

    /// <summary>Tells that few saved recovery codes are left.</summary>
    RecoveryCodesLowNotice,

    /// <summary>Tells that a programme opened a session in the person's name.</summary>
    SessionDelegatedNotice,

    /// <summary>Tells that a code was made, or used, that signs in.</summary>
    SignInCodeNotice,

    /// <summary>Tells old and new address that an address changed.</summary>
    AddressChangedNotice,
}

/// <summary>A message to one account, before it is sealed into the outbox.</summary>
/// <param name="Kind">What it is for.</param>
/// <param name="Account">Whose.</param>
public sealed record OutboxMessage(MessageKind Kind, AccountId Account)
{
    /// <summary>The recovery it belongs to.</summary>
    public RecoveryId? Recovery { get; init; }

    /// <summary>Where to: addresses as they are now. Empty for a notice means every address that takes notices.</summary>
    public IReadOnlyList<Recipient> To { get; init; } = [];

    /// <summary>Values for the text, by name. May hold a secret: the row is sealed.</summary>
    public IReadOnlyDictionary<string, string> Values { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>When it must not leave any more; null for notices.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }
}

/// <summary>One address a message goes to.</summary>
/// <param name="Kind">The kind of address, <c>email</c>, <c>phone</c> or <c>call</c>.</param>
/// <param name="Value">The address.</param>
public sealed record Recipient(string Kind, string Value)
{
    /// <summary>The kind of a telephone that is called, and not written to.</summary>
    public const string Call = "call";

    /// <summary>Which way a message takes to it.</summary>
    internal MessageRoute Route => Kind switch
    {
        "email" => MessageRoute.Mail,
        Call => MessageRoute.Voice,
        _ => MessageRoute.Sms,
    };
}

/// <summary>Which way a message takes.</summary>
public enum MessageRoute
{
    /// <summary>It has no recipient yet: a notice, for all who take them when it leaves.</summary>
    Any,

    /// <summary>By mail.</summary>
    Mail,

    /// <summary>By text message.</summary>
    Sms,

    /// <summary>By a telephone call.</summary>
    Voice,

    /// <summary>By Slack.</summary>
    Slack,
}
