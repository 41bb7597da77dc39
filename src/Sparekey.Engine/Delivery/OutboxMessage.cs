using Sparekey.Core;
using Sparekey.Core.Accounts;

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

    /// <summary>Carries the second half of a secret, to another address than the first.</summary>
    RecoverySecondHalf,

    /// <summary>Asks the person whether it was them who asked for a recovery.</summary>
    RecoveryConfirmation,

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

    /// <summary>Tells that the waiting time of a recovery is over.</summary>
    RecoveryReadyNotice,

    /// <summary>Reminds the person that a recovery waits for them and will end.</summary>
    RecoveryReminder,

    /// <summary>Reminds somebody who may approve that a recovery waits for approvals and will end.</summary>
    ApprovalReminder,

    /// <summary>Tells somebody whom policy names what happens to the recovery of another.</summary>
    RecoveryWatchNotice,

    /// <summary>Tells that somebody said "this was not me" of something that could not be cancelled any more.</summary>
    IncidentNotice,

    /// <summary>Tells that the account was frozen.</summary>
    AccountFrozenNotice,

    /// <summary>Tells that the account is frozen no more.</summary>
    AccountUnfrozenNotice,

    /// <summary>Tells that what the account is called by changed.</summary>
    NameChangedNotice,

    /// <summary>Carries the link with which a person begins to get their escrowed key back.</summary>
    EscrowToken,

    /// <summary>Carries the link with which a person goes on whose request for their escrowed key was approved.</summary>
    EscrowApproved,

    /// <summary>Tells a person, at every address, that their escrowed key was released to the device that asked for it.</summary>
    EscrowReleasedNotice,

    /// <summary>Tells a person that their request for their escrowed key was turned down.</summary>
    EscrowRejectedNotice,

    /// <summary>Tells a person that they have their escrowed key back.</summary>
    EscrowFinishedNotice,

    /// <summary>Tells an operator what happens to escrow: requests, answers, the policy.</summary>
    EscrowOperatorNotice,

    /// <summary>Reminds that a token, a right or a password is about to end.</summary>
    ExpiryReminder,
}

/// <summary>What kinds of messages have in common.</summary>
internal static class MessageKinds
{
    /// <summary>
    /// Whether it tells people what happens to their own account, in a way that they can take back: it carries the link "this was not me".
    /// </summary>
    /// <param name="message">The message.</param>
    public static bool CanBeTakenBack(this QueuedMessage message) => message.ExpiresAt is null && message.Kind switch
    {
        MessageKind.RecoveryRequestedNotice or MessageKind.RecoveryOpenedNotice or MessageKind.RecoveryIssuedNotice
            or MessageKind.RecoveryCompletedNotice or MessageKind.RecoveryCancelledNotice or MessageKind.RecoveryReadyNotice
            or MessageKind.RecoveryReminder or MessageKind.EscrowReleasedNotice or MessageKind.EscrowFinishedNotice => message.Recovery is not null,
        MessageKind.CredentialChangedNotice or MessageKind.AddressChangedNotice or MessageKind.NameChangedNotice
            or MessageKind.SessionDelegatedNotice or MessageKind.SignInCodeNotice or MessageKind.AccountUnfrozenNotice => true,
        _ => false,
    };
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

    /// <summary>Since when the address is known to be the person's; null where nobody vouched for it.</summary>
    public DateTimeOffset? VerifiedAt { get; init; }

    /// <summary>From when on what is said with a message to it counts, as a secret may go there; null for never.</summary>
    public DateTimeOffset? CountsFrom { get; init; }

    /// <summary>An address of an account as a recipient.</summary>
    /// <param name="address">The address.</param>
    public static Recipient Of(Address address) => new(WireName.Of(address.Kind), address.Value)
    {
        VerifiedAt = address.GivenAtCreation ? address.Since : address.ConfirmedAt,
        CountsFrom = address.GivenAtCreation ? address.Since : address.ConfirmedAt + Address.Settling,
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
