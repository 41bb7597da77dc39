using Sparekey.Core;

namespace Sparekey.Engine.Delivery;

/// <summary>A row of the outbox that somebody claimed. What it says is sealed until it is opened.</summary>
/// <param name="Id">Its id, also of the mail that leaves: a server that got it twice can tell.</param>
/// <param name="Kind">What it is for.</param>
/// <param name="Account">Whose.</param>
/// <param name="CreatedAt">When it was queued: when that happened of which it tells.</param>
/// <param name="Claim">By which claim it is held.</param>
internal sealed record QueuedMessage(MessageId Id, MessageKind Kind, AccountId Account, DateTimeOffset CreatedAt, string Claim)
{
    /// <summary>The recovery it belongs to.</summary>
    public RecoveryId? Recovery { get; init; }

    /// <summary>When it must not leave any more.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>How often it was tried in vain.</summary>
    public int Attempts { get; init; }

    /// <summary>When it was first tried in vain.</summary>
    public DateTimeOffset? FailingSince { get; init; }

    /// <summary>Which way it takes.</summary>
    public MessageRoute Route { get; init; }

    /// <summary>What it says, sealed.</summary>
    public byte[] Sealed { get; init; } = [];
}

/// <summary>Why a message will never leave.</summary>
internal enum Undeliverable
{
    /// <summary>Who sends it refused the recipient or the message for good.</summary>
    Refused,

    /// <summary>It was tried for a day.</summary>
    TriedTooLong,

    /// <summary>What it carries is worth nothing any more.</summary>
    Expired,

    /// <summary>The account has no address that it can be sent to.</summary>
    NoAddress,

    /// <summary>Its key was retired.</summary>
    Unreadable,
}
