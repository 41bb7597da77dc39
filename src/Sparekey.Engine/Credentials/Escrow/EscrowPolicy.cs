using Sparekey.Core.Access;
using Sparekey.Core.Escrow;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>What an organisation wants of escrow.</summary>
public enum EscrowMode
{
    /// <summary>There is none.</summary>
    Disabled,

    /// <summary>Everybody shall enrol and is asked until they do.</summary>
    Mandatory,

    /// <summary>Who wants it enrols.</summary>
    OptIn,

    /// <summary>Who does not want it declines.</summary>
    OptOut,
}

/// <summary>How an organisation key stands.</summary>
public enum EscrowKeyState
{
    /// <summary>A rotation leads to it.</summary>
    Next,

    /// <summary>It is the one in force.</summary>
    Active,

    /// <summary>It is out of use and was not revoked.</summary>
    Retired,

    /// <summary>It is out of use and revoked.</summary>
    Revoked,

    /// <summary>A rotation led to it and was cancelled. It was never in force.</summary>
    Abandoned,
}

/// <summary>An organisation key: whoever holds its private half can give people their keys back.</summary>
/// <param name="Id">Its id, which dialects show.</param>
/// <param name="Fingerprint">40 upper-case hexadecimal digits.</param>
/// <param name="Armored">The public key as it was given.</param>
/// <param name="State">How it stands.</param>
/// <param name="CreatedAt">When it was given.</param>
/// <param name="CreatedBy">Who gave it.</param>
/// <param name="ModifiedAt">When it last changed.</param>
/// <param name="ModifiedBy">The id of the principal that changed it.</param>
public sealed record EscrowKey(
    EscrowKeyId Id, string Fingerprint, string Armored, EscrowKeyState State, DateTimeOffset CreatedAt, Principal CreatedBy,
    DateTimeOffset ModifiedAt, string ModifiedBy)
{
    /// <summary>The key with its revocation; null until it has one.</summary>
    public string? RevokedArmored { get; init; }
}

/// <summary>An organisation's policy of escrow.</summary>
/// <param name="Id">Its id, which dialects show: another one with every change. Null where nobody ever said anything.</param>
/// <param name="Mode">What it wants.</param>
/// <param name="Key">The organisation key; null exactly where escrow is disabled.</param>
/// <param name="CreatedAt">Since when it holds.</param>
/// <param name="CreatedBy">Who said so.</param>
public sealed record EscrowPolicy(EscrowPolicyId? Id, EscrowMode Mode, EscrowKey? Key, DateTimeOffset CreatedAt, Principal CreatedBy)
{
    /// <summary>Whether there is an escrow.</summary>
    public bool IsEnabled => Mode != EscrowMode.Disabled;

    /// <summary>Until when disabling can be undone; null where there is nothing to undo.</summary>
    public DateTimeOffset? UndoUntil { get; init; }
}

/// <summary>A public key somebody gives, and the fingerprint they say it has.</summary>
/// <param name="Armored">The key.</param>
/// <param name="Fingerprint">The fingerprint; null to take the key's.</param>
public sealed record GivenKey(string Armored, string? Fingerprint);

/// <summary>A message that holds the secret of a private key, encrypted to an organisation key.</summary>
/// <param name="PrivateKey">The private key's id as it was written; null for the one it comes with.</param>
/// <param name="RecipientFingerprint">The fingerprint of the organisation key.</param>
/// <param name="Armored">The message.</param>
public sealed record GivenPassword(string? PrivateKey, string? RecipientFingerprint, string? Armored);

/// <summary>What a policy of escrow shall be.</summary>
/// <param name="Mode">The policy.</param>
public sealed record EscrowPolicyChange(EscrowMode Mode)
{
    /// <summary>The organisation key in force, by id, where it stays; as it was written.</summary>
    public string? KeyId { get; init; }

    /// <summary>The new organisation key; null where it stays or goes.</summary>
    public GivenKey? NewKey { get; init; }

    /// <summary>The organisation key in force with its revocation, where it goes.</summary>
    public GivenKey? RevokedKey { get; init; }

    /// <summary>A message to the new key for every private key that is held; null where none is given.</summary>
    public IReadOnlyList<GivenPassword>? Passwords { get; init; }

    /// <summary>
    /// Whether the organisation key may go without a revocation. For those who disable escrow natively: that can be undone, a revocation
    /// that was shown to anybody cannot.
    /// </summary>
    public bool WithoutRevocation { get; init; }
}

/// <summary>What happened to a policy of escrow.</summary>
public enum EscrowMove
{
    /// <summary>It was disabled before.</summary>
    Enabled,

    /// <summary>Another mode, the same key.</summary>
    Changed,

    /// <summary>Another key, perhaps another mode too.</summary>
    Rotated,

    /// <summary>There is no escrow any more.</summary>
    Disabled,

    /// <summary>Disabling was undone.</summary>
    Undone,
}
