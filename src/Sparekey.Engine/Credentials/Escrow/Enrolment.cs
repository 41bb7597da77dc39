using Sparekey.Core;
using Sparekey.Core.Escrow;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>What a person said about escrow.</summary>
public enum EnrolmentStatus
{
    /// <summary>Their private key is in escrow.</summary>
    Approved,

    /// <summary>They do not want that.</summary>
    Rejected,
}

/// <summary>A person's decision about escrow.</summary>
/// <param name="Id">Its id, which dialects show.</param>
/// <param name="Account">Whose.</param>
/// <param name="Status">What they said.</param>
/// <param name="CreatedAt">When they first said something.</param>
/// <param name="ModifiedAt">When they last did.</param>
public sealed record Enrolment(EnrolmentId Id, AccountId Account, EnrolmentStatus Status, DateTimeOffset CreatedAt, DateTimeOffset ModifiedAt)
{
    /// <summary>The private key in escrow; null where they declined.</summary>
    public PrivateKeyId? PrivateKey { get; init; }

    /// <summary>The fingerprint of the person's key when they enrolled; null where they declined.</summary>
    public string? Fingerprint { get; init; }

    /// <summary>The fingerprint of the person's key now; null where none is known.</summary>
    public string? CurrentFingerprint { get; init; }

    /// <summary>Whether the person has another key by now, so that the escrow would give back an old one.</summary>
    public bool IsStale => PrivateKey is not null && CurrentFingerprint is { } current && Fingerprint is { } then && current != then;
}

/// <summary>What a person gives to enrol: both halves of an escrow.</summary>
/// <param name="Blob">Their private key, encrypted with a random secret: an armored message.</param>
/// <param name="Passwords">That secret, encrypted to the organisation key; exactly one.</param>
public sealed record NewEscrow(string? Blob, IReadOnlyList<GivenPassword>? Passwords);

/// <summary>The first half of an escrow. It goes to its person alone.</summary>
/// <param name="Id">Its id, which dialects show.</param>
/// <param name="Account">Whose.</param>
/// <param name="Fingerprint">The fingerprint of the private key in it, as the person's key was when they enrolled.</param>
/// <param name="CreatedAt">When it was given.</param>
/// <param name="ModifiedAt">When it last changed.</param>
public sealed record EscrowBlob(PrivateKeyId Id, AccountId Account, string Fingerprint, DateTimeOffset CreatedAt, DateTimeOffset ModifiedAt)
{
    /// <summary>The message; ciphertext, but for its person's eyes.</summary>
    public required string Armored { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"escrow blob {Id}";
}

/// <summary>The second half of an escrow. It goes to whoever answers for the organisation alone.</summary>
/// <param name="Id">Its id, which dialects show.</param>
/// <param name="PrivateKey">The private key whose secret it holds.</param>
/// <param name="Account">Whose.</param>
/// <param name="Key">The organisation key it is encrypted to.</param>
/// <param name="RecipientFingerprint">That key's fingerprint.</param>
/// <param name="CreatedAt">When it was given.</param>
/// <param name="CreatedBy">The id of the principal that gave it.</param>
/// <param name="ModifiedAt">When it last changed.</param>
public sealed record EscrowPassword(
    EscrowPasswordId Id, PrivateKeyId PrivateKey, AccountId Account, EscrowKeyId Key, string RecipientFingerprint, DateTimeOffset CreatedAt,
    string CreatedBy, DateTimeOffset ModifiedAt)
{
    /// <summary>The message.</summary>
    public required string Armored { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"escrow password {Id}";
}

/// <summary>How far an organisation has come with escrow.</summary>
/// <param name="Accounts">How many active accounts there are.</param>
/// <param name="Enrolled">How many of them are enrolled.</param>
/// <param name="Declined">How many declined.</param>
/// <param name="Unanswered">How many said nothing yet.</param>
/// <param name="Stale">How many are enrolled with a key that they changed since.</param>
public sealed record EscrowCoverage(long Accounts, long Enrolled, long Declined, long Unanswered, long Stale);
