using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Escrow;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>A pending request of another server.</summary>
/// <param name="RemoteId">Its id there.</param>
/// <param name="RemoteAccount">The person's id there.</param>
/// <param name="Account">The person here.</param>
/// <param name="RequestKey">The request's public key, armored.</param>
/// <param name="Fingerprint">Its fingerprint, as it was sent.</param>
/// <param name="Password">The wrapped secret.</param>
/// <param name="OwnerFingerprint">The fingerprint of the person's own key, as that server gives it now.</param>
/// <param name="ResponderKey">The id of the organisation key there, which the answer names.</param>
/// <param name="CreatedAt">When it was made there.</param>
public sealed record PulledRequest(
    Guid RemoteId, Guid RemoteAccount, AccountId Account, string RequestKey, string Fingerprint, WrappedSecret Password,
    string OwnerFingerprint, Guid ResponderKey, DateTimeOffset CreatedAt);

/// <summary>What is to be told to the other server.</summary>
/// <param name="Request">The request here.</param>
/// <param name="RemoteId">Its id there.</param>
/// <param name="IsApproved">Whether the key is given back.</param>
/// <param name="ResponderKey">The id of the organisation key there.</param>
/// <param name="Data">The message to the request key, armored; null for a rejection.</param>
public sealed record OutgoingAnswer(EscrowRequest Request, Guid RemoteId, bool IsApproved, Guid ResponderKey, string? Data)
{
    /// <inheritdoc/>
    public override string ToString() => $"{RemoteId} {(IsApproved ? "approved" : "rejected")}";
}

/// <summary>How a request ended on the other server.</summary>
public enum CompanionOutcome
{
    /// <summary>Our answer was taken.</summary>
    Posted,

    /// <summary>Somebody else had answered.</summary>
    AnsweredElsewhere,

    /// <summary>The other server refuses it for good.</summary>
    Refused,
}

/// <summary>Requests that were pulled from another server, and the answers that go back.</summary>
/// <param name="acts">Runs acts.</param>
/// <param name="requests">The requests.</param>
/// <param name="answers">Their answers.</param>
/// <param name="opening">Opens recoveries.</param>
/// <param name="store">The recoveries.</param>
/// <param name="recoveries">Runs commands on them.</param>
/// <param name="accounts">The accounts.</param>
/// <param name="policies">The policies.</param>
/// <param name="notices">The mails.</param>
internal sealed class CompanionRequests(
    Acts acts, EscrowRequestStore requests, EscrowAnswerStore answers, EscrowOpening opening, RecoveryStore store, RecoveryAct recoveries,
    AccountStore accounts, PolicyStore policies, EscrowNotices notices)
{
    private const string Companion = "companion";

    /// <summary>
    /// Opens a recovery for a pulled request, or binds the request to one that was opened here and waits for its key. Pulling the same
    /// request again changes nothing: what that server says anew is read when the request is answered. If the process dies before this act,
    /// the next pull finds the same request.
    /// </summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="pulled">The request.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The recovery; or <see cref="RefusalCode.AccountNotFound"/>, <see cref="RefusalCode.AccountDisabled"/>, what OpenPGP says of the key
    /// at <c>/request_key</c>, <see cref="RefusalCode.DigestMismatch"/> where the same request came with another key, and what policy refuses.
    /// </returns>
    public async Task<Result<Recovery>> Pull(TenantId tenant, PulledRequest pulled, CancellationToken cancellationToken)
    {
        var known = await acts.Read(db => requests.FindRemote(db, tenant, pulled.RemoteId), cancellationToken);
        if (known is null && FaultOfKey(pulled) is { } fault)
        {
            return fault;
        }

        return await acts.Write(tenant, act => Pull(act, pulled), cancellationToken);
    }

    /// <summary>Answers that have not been told yet, oldest first.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<OutgoingAnswer>> ToPost(TenantId tenant, CancellationToken cancellationToken) => acts.Read<IReadOnlyList<OutgoingAnswer>>(
        async db =>
        {
            var all = new List<OutgoingAnswer>();
            foreach (var stored in await requests.Untold(db, tenant))
            {
                var remote = stored.Remote!;
                if (stored.Request.Status == EscrowRequestStatus.Rejected)
                {
                    all.Add(new OutgoingAnswer(stored.Request, remote.Id, false, remote.ResponderKey, null));
                }
                else if (await answers.Find(db, tenant, stored.Id) is { Sealed: not null } answer)
                {
                    all.Add(new OutgoingAnswer(stored.Request, remote.Id, true, answer.Answer.ResponderKey, answers.Open(tenant, answer).Data));
                }
            }

            return all;
        },
        cancellationToken);

    /// <summary>Requests here that the other server still has pending, as far as is known.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyList<(EscrowRequest Request, Guid RemoteId)>> Pending(TenantId tenant, CancellationToken cancellationToken) =>
        [.. (await acts.Read(db => requests.Pending(db, tenant, EscrowOrigin.Companion), cancellationToken)).Select(r => (r.Request, r.Remote!.Id))];

    /// <summary>
    /// Notes how a request ended there. One that is open here is cancelled, the ledger says why; an answer is erased. If the process dies
    /// before this act, the answer is told again, which the other server refuses as answered.
    /// </summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">The request.</param>
    /// <param name="outcome">How.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The recovery as it is now; or <see cref="RefusalCode.RecoveryNotFound"/>.</returns>
    public Task<Result<Recovery>> Ended(TenantId tenant, EscrowRequestId id, CompanionOutcome outcome, CancellationToken cancellationToken) =>
        acts.Write<Result<Recovery>>(
            tenant,
            async act =>
            {
                if (await requests.Find(act.Db, act.Tenant, id) is not { Request.Origin: EscrowOrigin.Companion } stored
                    || await store.Find(act.Db, act.Tenant, stored.Request.Recovery) is not { } recovery
                    || await accounts.Find(act.Db, act.Tenant, stored.Request.Account) is not { } account)
                {
                    return RefusalCode.RecoveryNotFound;
                }

                // Told first: what is cancelled below need not be told as a rejection.
                if (await requests.Told(act, id, outcome))
                {
                    await act.Record(new LedgerEntry(LedgerEvent.CompanionAnswerTold, Principal.System, account.Id, recovery.Id)
                    {
                        Facts = new Dictionary<string, object?>(StringComparer.Ordinal)
                        {
                            ["outcome"] = WireName.Of(outcome), ["remote_request"] = stored.Remote!.Id.ToString("D"),
                            ["request_key"] = stored.Request.Fingerprint, ["answer"] = WireName.Of(stored.Request.Status),
                        },
                    });
                }

                await answers.Erase(act, id);
                if (recovery.IsClosed)
                {
                    return recovery;
                }

                return await Cancel(act, recovery, WireName.Of(outcome));
            },
            cancellationToken);

    /// <summary>Ends a recovery whose person the other server does not mail: nobody could go on with it. If the process dies before this
    /// act, that server is asked again.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The recovery as it is now; or <see cref="RefusalCode.RecoveryNotFound"/>.</returns>
    public Task<Result<Recovery>> NotStarted(TenantId tenant, RecoveryId id, CancellationToken cancellationToken) => acts.Write<Result<Recovery>>(
        tenant,
        async act => await store.Find(act.Db, act.Tenant, id) is not { } recovery ? RefusalCode.RecoveryNotFound
            : recovery.IsClosed ? recovery
            : await Cancel(act, recovery, "start_refused"),
        cancellationToken);

    /// <summary>Ends what waits of a person whom the other server knows no more, or disabled; it is told so as a rejection.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">The person here.</param>
    /// <returns>How many ended.</returns>
    public async Task<int> PersonLeft(Act act, AccountId account)
    {
        var ended = 0;
        foreach (var live in await requests.LiveOf(act.Db, act.Tenant, account))
        {
            if (live.Request is { Origin: EscrowOrigin.Companion, Status: EscrowRequestStatus.Pending }
                && await store.Find(act.Db, act.Tenant, live.Request.Recovery) is { IsClosed: false } recovery)
            {
                await Cancel(act, recovery, "person_disabled");
                ended++;
            }
        }

        return ended;
    }

    private async Task<Result<Recovery>> Cancel(Act act, Recovery recovery, string why)
    {
        if (await accounts.Find(act.Db, act.Tenant, recovery.Request.Account) is not { } account)
        {
            return RefusalCode.RecoveryNotFound;
        }

        var policy = (await policies.Current(act.Db, act.Tenant)).Policy;
        return await recoveries.Apply(
            act, new RecoveryAct.Found(recovery, account, policy), new RecoveryCommand.Cancel(Principal.System, why), visitor: null);
    }

    private static Refusal? FaultOfKey(PulledRequest pulled)
    {
        var key = PgpKey.Read(pulled.RequestKey);
        return key.Refusal is { } unreadable ? unreadable.Below("/request_key")
            : key.Value.Fingerprint != PgpKeyRules.NormalFingerprint(pulled.Fingerprint)
                ? PgpRefusals.Of(PgpFault.FingerprintDiffers, "/fingerprint")
            : null;
    }

    private async Task<Result<Recovery>> Pull(Act act, PulledRequest pulled)
    {
        var remote = new RemoteRequest(
            pulled.RemoteId, pulled.RemoteAccount, pulled.Password.PrivateKey, pulled.Password.Id, pulled.Password.Recipient,
            pulled.OwnerFingerprint, pulled.ResponderKey);
        var fingerprint = PgpKeyRules.NormalFingerprint(pulled.Fingerprint);
        if (await requests.FindRemote(act.Db, act.Tenant, pulled.RemoteId) is { } known)
        {
            return known.Request.Fingerprint != fingerprint
                ? new Refusal(RefusalCode.DigestMismatch, "The same request has another key now.")
                : await store.Find(act.Db, act.Tenant, known.Request.Recovery) is { } recovery ? recovery : RefusalCode.RecoveryNotFound;
        }

        if (await accounts.Find(act.Db, act.Tenant, pulled.Account) is not { } account)
        {
            return RefusalCode.AccountNotFound;
        }

        if (account.Status != AccountStatus.Active)
        {
            return RefusalCode.AccountDisabled;
        }

        var policy = (await policies.Current(act.Db, act.Tenant)).Policy;
        var waiting = (await store.Open(act.Db, act.Tenant, account.Id))
            .Where(r => r.Request.Means == Means.Escrow && act.Now < r.OpenUntil).ToList();
        var visitor = new Visitor(act.Tenant, Companion, $"{Companion}-{pulled.RemoteId:N}");
        var opened = waiting.Find(r => r.Request.RequestKeyFingerprint is null) is { } keyless
            ? await opening.Bind(act, visitor, keyless, policy, fingerprint!, Principal.System, confirmed: false)
            : await opening.Open(act, visitor, account, policy, fingerprint!, confirmed: false);
        if (opened.Refusal is not null)
        {
            return opened;
        }

        // The other server has turned down what the person asked for before; what they asked of the escrow here it knows nothing of.
        foreach (var former in waiting.Where(r => r.Request.RequestKeyFingerprint is not null))
        {
            if (await requests.FindOf(act.Db, act.Tenant, former.Id) is not { Request.Origin: EscrowOrigin.Companion })
            {
                continue;
            }

            await recoveries.Apply(
                act, new RecoveryAct.Found(former, account, policy), new RecoveryCommand.Cancel(Principal.Of(account.Id), EscrowOpening.Superseded),
                visitor, quietly: true);
        }

        var request = new EscrowRequest(
            NewId.Make<EscrowRequestId>(), opened.Value.Id, account.Id, EscrowOrigin.Companion, EscrowRequestStatus.Pending, pulled.RequestKey,
            fingerprint!, act.Now, act.Now, account.Id.ToString());
        await requests.Insert(act, request, remote, pulled.Password.Data);
        await notices.Reviewers(act, EscrowNews.RequestMade, request, without: null);
        return opened;
    }
}
