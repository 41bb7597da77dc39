using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>A pulled request as its own server shows it at this moment.</summary>
/// <param name="RequestKey">The request's public key, armored; judged already.</param>
/// <param name="Password">The wrapped secret.</param>
/// <param name="Expected">What that secret must be: the server's names, the person's id there, their key, and who may have signed.</param>
/// <param name="ResponderKey">The id of the organisation key there, which the answer names.</param>
public sealed record CompanionRequestNow(string RequestKey, WrappedSecret Password, EscrowExpectation Expected, Guid ResponderKey);

/// <summary>
/// The other server, asked just before a request of it is answered: what was pulled days ago may have been answered, replaced or changed
/// since. It is called outside of acts.
/// </summary>
public interface ICompanionServer
{
    /// <summary>Reads a pulled request again, and checks all that needs no key: it is pending, its key is the one that people saw, the
    /// wrapped secret is one and belongs to the person and to the organisation's present key.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="request">The request as it was pulled.</param>
    /// <param name="remoteId">Its id there.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>
    /// The request; or <see cref="RefusalCode.RecoveryClosed"/> where it is not pending any more (the next look cancels the recovery), or
    /// another refusal that says what is not as it must be. <see cref="RefusalCode.Busy"/> where that server cannot be asked now.
    /// </returns>
    Task<Result<CompanionRequestNow>> Read(
        TenantId tenant, EscrowRequest request, Guid remoteId, CancellationToken cancellationToken);

    /// <summary>Tells that an answer waits to be posted, so that it leaves at once and not with the next look.</summary>
    /// <param name="tenant">The tenant.</param>
    void Hurry(TenantId tenant);

    /// <summary>Whether a person is known there, and may be recovered.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">The person here.</param>
    Task<bool> Knows(DbSession db, TenantId tenant, AccountId account);

    /// <summary>
    /// Notes within an act that the server shall mail a person the link with which they begin, for a recovery that was opened here. It is
    /// asked once the act is committed, again and again until it took it or the recovery is closed.
    /// </summary>
    /// <param name="act">The act.</param>
    /// <param name="recovery">The recovery.</param>
    Task Start(Act act, Recovery recovery);
}
