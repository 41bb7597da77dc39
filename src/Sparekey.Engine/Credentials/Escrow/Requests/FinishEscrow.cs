using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Escrow;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>The person has their key back, or gives up. Either ends the mailed token.</summary>
public sealed class FinishEscrow
{
    private readonly Acts _acts;
    private readonly EscrowHolders _holders;
    private readonly PersonKeyStore _keys;
    private readonly EscrowTokens _tokens;
    private readonly EscrowRequestStore _requests;
    private readonly EscrowAnswerStore _answers;
    private readonly EscrowNotices _notices;

    internal FinishEscrow(
        Acts acts, EscrowHolders holders, PersonKeyStore keys, EscrowTokens tokens, EscrowRequestStore requests, EscrowAnswerStore answers,
        EscrowNotices notices)
    {
        _acts = acts;
        _holders = holders;
        _keys = keys;
        _tokens = tokens;
        _requests = requests;
        _answers = answers;
        _notices = notices;
    }

    /// <summary>
    /// The person's device says that it is done: the request is completed, the answer erased. If the process dies after this act, all of it
    /// stands; before it, the device may ask again.
    /// </summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="account">The person, as it was sent.</param>
    /// <param name="token">The mailed token.</param>
    /// <param name="publicKey">The public half of the key that they have, armored: it must be the one that is known of them.</param>
    /// <param name="request">The request, or null where they found their key elsewhere.</param>
    /// <param name="device">What the device calls itself, for the notice to administrators.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// Null; or faults at <c>/account</c>, <c>/token</c> (as <see cref="StartEscrow.Run"/>), <c>/public_key</c>
    /// (<c>not_the_persons_key</c>, and what OpenPGP says of it), <c>/request</c> (<c>not_a_uuid</c>, <c>request_unknown</c>,
    /// <c>not_approved</c>).
    /// </returns>
    public async Task<Refusal?> Run(
        Visitor visitor, string account, string? token, string? publicKey, string? request, string? device, CancellationToken cancellationToken)
    {
        if (OpenPgpLibrary.Missing is { } missing)
        {
            return missing;
        }

        var holder = await Holder(visitor, account, token, cancellationToken);
        if (holder.Refusal is { } refusal)
        {
            return refusal;
        }

        EscrowRequestId? asked = null;
        if (request is not null)
        {
            if (!Ids.TryParse<EscrowRequestId>(request, out var id))
            {
                return EscrowFaults.Refuse(EscrowFault.NotAUuid, "/request");
            }

            asked = id;
        }

        if (publicKey is null)
        {
            return EscrowFaults.Refuse(EscrowFault.Required, "/public_key");
        }

        var key = PgpKey.Read(publicKey);
        return key.Refusal is { } unreadable
            ? unreadable.Below("/public_key")
            : await _acts.Write(
                visitor.Tenant, act => Finish(act, visitor, holder.Value.Account.Id, token!, key.Value.Fingerprint, asked, device), cancellationToken);
    }

    /// <summary>The person gives up: the token ends, administrators are told; the request stays as it is.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="account">The person, as it was sent.</param>
    /// <param name="token">The mailed token.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>Null; or faults at <c>/account</c> and <c>/token</c>.</returns>
    public async Task<Refusal?> Abort(Visitor visitor, string account, string? token, CancellationToken cancellationToken)
    {
        var holder = await Holder(visitor, account, token, cancellationToken);
        return holder.Refusal is { } refusal
            ? refusal
            : await _acts.Write(
                visitor.Tenant,
                async act =>
                {
                    var found = await _holders.Find(act.Db, act.Tenant, holder.Value.Account.Id, token!, act.Now);
                    if (found.Refusal is { } gone)
                    {
                        return gone;
                    }

                    await _tokens.End(act, found.Value.Token.Hash, EscrowTokenState.Aborted);
                    var request = await _requests.FindByToken(act.Db, act.Tenant, found.Value.Token);
                    await Record(act, visitor, LedgerEvent.EscrowAborted, found.Value.Account.Id, request?.Request);
                    await _notices.Administrators(
                        act, EscrowNews.RecoveryAborted, found.Value.Account.Id, request?.Request, visitor, device: null);
                    return (Refusal?)null;
                },
                cancellationToken);
    }

    private async Task<Result<EscrowHolders.Found>> Holder(
        Visitor visitor, string account, string? token, CancellationToken cancellationToken)
    {
        if (!Ids.TryParse<AccountId>(account, out var id))
        {
            return EscrowFaults.Refuse(EscrowFault.NotAUuid, "/account");
        }

        return token is null ? EscrowFaults.Refuse(EscrowFault.Required, "/token")
            : !Ids.TryParse<EntryId>(token, out _) ? EscrowFaults.Refuse(EscrowFault.NotAUuid, "/token")
            : await _acts.Read(db => _holders.Find(db, visitor.Tenant, id, token, _acts.Now), cancellationToken);
    }

    private async Task<Refusal?> Finish(
        Act act, Visitor visitor, AccountId account, string token, string fingerprint, EscrowRequestId? asked, string? device)
    {
        var found = await _holders.Find(act.Db, act.Tenant, account, token, act.Now);
        if (found.Refusal is { } gone)
        {
            return gone;
        }

        if ((await _keys.Find(act.Db, act.Tenant, account))?.Fingerprint != fingerprint)
        {
            return EscrowFaults.Refuse(EscrowFault.NotThePersonsKey, "/public_key");
        }

        EscrowRequest? request = null;
        if (asked is { } id)
        {
            if (await _requests.Find(act.Db, act.Tenant, id) is not { } stored || stored.Request.Account != account
                || stored.TokenHash != found.Value.Token.Hash)
            {
                return EscrowFaults.Refuse(EscrowFault.RequestUnknown, "/request");
            }

            if (stored.Request.Status != EscrowRequestStatus.Approved)
            {
                return EscrowFaults.Refuse(EscrowFault.NotApproved, "/request");
            }

            request = await _requests.Move(act, stored.Request, EscrowRequestStatus.Completed, Principal.Of(account));
            await _answers.Erase(act, id);
        }

        await _tokens.End(act, found.Value.Token.Hash, EscrowTokenState.Used);
        await Record(act, visitor, LedgerEvent.EscrowFinished, account, request);
        await EscrowNotices.Person(act, MessageKind.EscrowFinishedNotice, account, request?.Recovery);
        await _notices.Administrators(act, EscrowNews.RecoveryFinished, account, request, visitor, device);
        return null;
    }

    private static Task Record(Act act, Visitor visitor, LedgerEvent happened, AccountId account, EscrowRequest? request) =>
        act.Record(new LedgerEntry(happened, Principal.Of(account), account, request?.Recovery)
        {
            Facts = SessionLedger.Facts(visitor, ("request", request?.Id.ToString()), ("request_key", request?.Fingerprint)),
            Texts = SessionLedger.Source(visitor),
        });
}
