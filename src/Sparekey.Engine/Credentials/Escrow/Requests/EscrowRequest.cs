using Sparekey.Core;
using Sparekey.Core.Accounts;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>Where a request was made.</summary>
public enum EscrowOrigin
{
    /// <summary>Here: the escrow is Sparekey's own.</summary>
    Local,

    /// <summary>On another server, from which the companion pulled it; the answer goes back there.</summary>
    Companion,
}

/// <summary>How a request stands to clients. The recovery behind it knows more.</summary>
public enum EscrowRequestStatus
{
    /// <summary>The recovery is open, or an answer is held back until policy's demands are met.</summary>
    Pending,

    /// <summary>The answer was released; the person may fetch it.</summary>
    Approved,

    /// <summary>The recovery was denied, cancelled, superseded, or its time passed.</summary>
    Rejected,

    /// <summary>The person has their key back; the answer is erased.</summary>
    Completed,
}

/// <summary>A request for an escrowed key.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Recovery">The recovery behind it.</param>
/// <param name="Account">Whose key.</param>
/// <param name="Origin">Where it was made.</param>
/// <param name="Status">How it stands.</param>
/// <param name="RequestKey">The public key that the person's device made for it, armored.</param>
/// <param name="Fingerprint">That key's fingerprint: 40 upper-case hexadecimal digits.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="ModifiedAt">When it last changed.</param>
/// <param name="ModifiedBy">Who changed it last: an account's id where it was a person.</param>
public sealed record EscrowRequest(
    EscrowRequestId Id, RecoveryId Recovery, AccountId Account, EscrowOrigin Origin, EscrowRequestStatus Status, string RequestKey,
    string Fingerprint, DateTimeOffset CreatedAt, DateTimeOffset ModifiedAt, string ModifiedBy);

/// <summary>The wrapped secret of an escrow, as reviewers get it; useless without the organisation's key.</summary>
/// <param name="Id">Its id.</param>
/// <param name="PrivateKey">The id of the escrowed key that it opens.</param>
/// <param name="Recipient">The fingerprint of the organisation key that it is encrypted to.</param>
/// <param name="Data">The message, armored.</param>
/// <param name="CreatedAt">When it was stored.</param>
/// <param name="ModifiedAt">When it last changed.</param>
/// <param name="CreatedBy">Who stored it.</param>
public sealed record WrappedSecret(
    Guid Id, Guid PrivateKey, string Recipient, string Data, DateTimeOffset CreatedAt, DateTimeOffset ModifiedAt, string CreatedBy);

/// <summary>What a reviewer answered.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Request">The request.</param>
/// <param name="IsApproved">Whether it gives the key back, or refuses to.</param>
/// <param name="IsHeld">Whether policy's own demands hold it back.</param>
/// <param name="Responder">Who answered: an account's id where it was a person.</param>
/// <param name="ResponderKey">The id of the organisation key that it names.</param>
/// <param name="Data">The message to the request key, armored; null for a rejection, where it is erased, and for whoever may not read it.</param>
/// <param name="CreatedAt">When.</param>
/// <param name="ModifiedAt">When it last changed.</param>
public sealed record EscrowAnswer(
    Guid Id, EscrowRequestId Request, bool IsApproved, bool IsHeld, string Responder, Guid ResponderKey, string? Data, DateTimeOffset CreatedAt,
    DateTimeOffset ModifiedAt);

/// <summary>A request as a reviewer sees it.</summary>
/// <param name="Request">The request.</param>
/// <param name="Person">Whose key it is.</param>
/// <param name="Password">The wrapped secret; null where the escrow is gone.</param>
/// <param name="Answers">What was answered, without the messages.</param>
public sealed record EscrowRequestView(
    EscrowRequest Request, Account Person, WrappedSecret? Password, IReadOnlyList<EscrowAnswer> Answers);
