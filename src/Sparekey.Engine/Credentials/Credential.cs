using Sparekey.Core;
using Sparekey.Core.Accounts;

namespace Sparekey.Engine.Credentials;

/// <summary>
/// What is known of a credential besides what verifies it: that never leaves <see cref="CredentialStore.BodyOf"/>, so a list of
/// these can be shown to operators as it is.
/// </summary>
/// <param name="Id">Its id.</param>
/// <param name="Account">Whose.</param>
/// <param name="Kind">What it is.</param>
/// <param name="CreatedAt">When it was bound.</param>
public sealed record Credential(CredentialId Id, AccountId Account, CredentialKind Kind, DateTimeOffset CreatedAt)
{
    /// <summary>Whether it proves anything.</summary>
    public CredentialState State { get; init; }

    /// <summary>What the person calls it.</summary>
    public string? Name { get; init; }

    /// <summary>When it last proved its owner; null when never.</summary>
    public DateTimeOffset? LastUsedAt { get; init; }

    /// <summary>Until when a credential that somebody else chose works, only to be replaced; null when it is the person's own.</summary>
    public DateTimeOffset? ProvisionalUntil { get; init; }

    /// <summary>The recovery that bound it.</summary>
    public RecoveryId? Recovery { get; init; }

    /// <summary>How the outside names it, unique by tenant and kind: a passkey's credential id, a key's fingerprint.</summary>
    public string? ExternalId { get; init; }

    /// <summary>How many saved recovery codes of it can still be used, where that was asked for; null for every other kind.</summary>
    public int? CodesLeft { get; init; }

    /// <summary>Rises by one with every change of the credential.</summary>
    public int Version { get; init; } = 1;
}
