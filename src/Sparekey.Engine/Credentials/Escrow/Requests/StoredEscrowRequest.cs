using Sparekey.Core;
using Sparekey.Core.Access;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>What another server said of a request of its own.</summary>
/// <param name="Id">Its id there.</param>
/// <param name="Account">The person's id there.</param>
/// <param name="PrivateKey">The id of the escrowed key there.</param>
/// <param name="PasswordId">The id of the wrapped secret there.</param>
/// <param name="Recipient">The fingerprint of the organisation key that the secret is encrypted to.</param>
/// <param name="OwnerFingerprint">The fingerprint of the person's own key.</param>
/// <param name="ResponderKey">The id of the organisation key there.</param>
internal sealed record RemoteRequest(
    Guid Id, Guid Account, Guid PrivateKey, Guid PasswordId, string Recipient, string OwnerFingerprint, Guid ResponderKey)
{
    /// <summary>How it ended there; null while nobody told it anything.</summary>
    public CompanionOutcome? Outcome { get; init; }
}

/// <summary>A request as it is stored.</summary>
/// <param name="Request">The request.</param>
/// <param name="TokenHash">The hash of the mailed token that it belongs to; null for another server's.</param>
/// <param name="TokenSealed">That token, sealed: the mail that says "approved" carries it again. Null when it is not needed any more.</param>
/// <param name="Remote">What another server said; null for our own.</param>
/// <param name="PasswordSealed">The wrapped secret of another server, sealed.</param>
internal sealed record StoredEscrowRequest(
    EscrowRequest Request, string? TokenHash, byte[]? TokenSealed, RemoteRequest? Remote, byte[]? PasswordSealed)
{
    /// <summary>Its id.</summary>
    public EscrowRequestId Id => Request.Id;

    /// <summary>Whether the person's device fetched the answer.</summary>
    public bool WasFetched { get; init; }

    /// <summary>Whether its answer was released and can still be taken back: another server was not told of it.</summary>
    public bool IsReleasedHere => Request.Status == EscrowRequestStatus.Approved && Remote?.Outcome is null;
}

/// <summary>An answer as it is stored.</summary>
/// <param name="Answer">The answer, without its message.</param>
/// <param name="By">Who gave it.</param>
/// <param name="Sealed">The message, sealed; null for a rejection and where it was erased.</param>
internal sealed record StoredEscrowAnswer(EscrowAnswer Answer, Principal By, byte[]? Sealed);
