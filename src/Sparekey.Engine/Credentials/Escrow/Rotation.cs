using Sparekey.Core.Access;
using Sparekey.Core.Escrow;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>How a rotation of the organisation key stands.</summary>
public enum RotationState
{
    /// <summary>Messages are encrypted anew.</summary>
    Running,

    /// <summary>The next key is in force.</summary>
    Finished,

    /// <summary>It was given up, and left nothing behind.</summary>
    Cancelled,
}

/// <summary>A rotation of the organisation key.</summary>
/// <param name="Id">Its id.</param>
/// <param name="From">The key in force when it began.</param>
/// <param name="To">The key it leads to.</param>
/// <param name="State">How it stands.</param>
/// <param name="StartedAt">When it began.</param>
/// <param name="StartedBy">Who began it.</param>
/// <param name="Total">How many private keys there are.</param>
/// <param name="Staged">For how many of them there is a message to the next key.</param>
public sealed record Rotation(
    RotationId Id, EscrowKey From, EscrowKey To, RotationState State, DateTimeOffset StartedAt, Principal StartedBy, long Total, long Staged)
{
    /// <summary>When it ended; null while it goes on.</summary>
    public DateTimeOffset? EndedAt { get; init; }
}

/// <summary>Which rotation goes on, and no more.</summary>
/// <param name="Id">Its id.</param>
/// <param name="From">The key in force.</param>
/// <param name="To">The key it leads to.</param>
internal sealed record RotationUnderway(RotationId Id, EscrowKey From, EscrowKey To);

/// <summary>What a rotation has to do for one private key.</summary>
/// <param name="Password">The message to the key in force.</param>
/// <param name="Fingerprint">The fingerprint that the message must name: of the person's key when they enrolled.</param>
/// <param name="PersonKey">That key, armored: they signed the message when they enrolled. Null where it is not known any more.</param>
public sealed record RotationTask(EscrowPassword Password, string Fingerprint, string? PersonKey);

/// <summary>A part of what a rotation has to do, and what it needs for that.</summary>
/// <param name="Rotation">The rotation.</param>
/// <param name="Tasks">The part; none when there is nothing left.</param>
/// <param name="OrganisationKeys">Every organisation key that was in force, armored: after an earlier rotation it is one of them that signed.</param>
/// <param name="Domains">The servers that messages may name.</param>
public sealed record RotationPart(
    Rotation Rotation, IReadOnlyList<RotationTask> Tasks, IReadOnlyList<string> OrganisationKeys, IReadOnlyList<string> Domains);
