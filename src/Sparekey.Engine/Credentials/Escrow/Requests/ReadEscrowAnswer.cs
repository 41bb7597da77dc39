using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Escrow;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>What the person's device gets.</summary>
/// <param name="Request">The request.</param>
/// <param name="Blob">The escrowed key, sealed with the secret that the answer holds; null before the answer is released.</param>
/// <param name="Answer">The answer; null before it is released.</param>
public sealed record EscrowReleased(EscrowRequest Request, string? Blob, EscrowAnswer? Answer)
{
    /// <summary>Whether it was fetched before.</summary>
    internal bool WasFetched { get; init; }

    /// <inheritdoc/>
    public override string ToString() => $"{Request.Id} {Request.Status}";
}

/// <summary>
/// Gives the person's device the answer, and the escrowed key, as often as it asks until it is done. It takes the request's id, the person's
/// and the mailed token together. Reading uses nothing up; a token that is shown after its time ends its request. The ledger says when the
/// key left first: it is written before anything is given.
/// </summary>
public sealed class ReadEscrowAnswer
{
    private static readonly ThrottleLimit Alarms = new(5, TimeSpan.FromHours(1));

    private readonly Acts _acts;
    private readonly EscrowPolicyStore _escrowPolicies;
    private readonly EscrowStore _escrow;
    private readonly EscrowRequestStore _requests;
    private readonly EscrowAnswerStore _answers;
    private readonly EscrowTokens _tokens;
    private readonly AccountStore _accounts;
    private readonly RecoveryStore _store;
    private readonly RecoveryAct _recoveries;
    private readonly PolicyStore _policies;
    private readonly FollowRecovery _follow;
    private readonly EscrowNotices _notices;
    private readonly Throttle _throttle;

    internal ReadEscrowAnswer(
        Acts acts, EscrowPolicyStore escrowPolicies, EscrowStore escrow, EscrowRequestStore requests, EscrowAnswerStore answers,
        EscrowTokens tokens, AccountStore accounts, RecoveryStore store, RecoveryAct recoveries, PolicyStore policies, FollowRecovery follow,
        EscrowNotices notices, Throttle throttle)
    {
        _acts = acts;
        _escrowPolicies = escrowPolicies;
        _escrow = escrow;
        _requests = requests;
        _answers = answers;
        _tokens = tokens;
        _accounts = accounts;
        _store = store;
        _recoveries = recoveries;
        _policies = policies;
        _follow = follow;
        _notices = notices;
        _throttle = throttle;
    }

    /// <summary>Reads it.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="request">The request, as it was sent.</param>
    /// <param name="account">The person, as it was sent.</param>
    /// <param name="token">The mailed token, as it was sent.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// What there is; or <see cref="RefusalCode.EscrowDisabled"/>, or a refusal whose fault names the rule: <c>not_a_uuid</c>,
    /// <c>person_unknown</c>, <c>request_unknown</c> (administrators are told), <c>token_unknown</c>, <c>request_completed</c>,
    /// <c>token_consumed</c>, <c>token_expired</c> (the request is turned down with it), <c>not_enrolled</c>.
    /// </returns>
    public async Task<Result<EscrowReleased>> Run(
        Visitor visitor, string request, string account, string token, CancellationToken cancellationToken)
    {
        if (!Ids.TryParse<EscrowRequestId>(request, out var id))
        {
            return Fault(EscrowFault.NotAUuid, "/request");
        }

        if (!Ids.TryParse<AccountId>(account, out var person) || !Ids.TryParse<EntryId>(token, out _))
        {
            return Fault(EscrowFault.NotAUuid, "/account");
        }

        var asked = (id, person, token);
        var read = await _acts.Read(db => Read(db, visitor.Tenant, asked), cancellationToken);
        if (read.Refusal is null && read.Value is { Answer: not null, WasFetched: false })
        {
            return await _acts.Write(visitor.Tenant, act => FetchFirst(act, visitor, asked), cancellationToken);
        }

        switch (read.Refusal?.Faults)
        {
            case [{ Rule: "request_unknown" }]:
                await _acts.Write(visitor.Tenant, act => Alarm(act, visitor, person), cancellationToken);
                break;
            case [{ Rule: "token_expired" }]:
                await _acts.Write(visitor.Tenant, act => EndExpired(act, visitor, asked), cancellationToken);
                break;
        }

        return read;
    }

    private static Refusal Fault(EscrowFault fault, string pointer) => EscrowFaults.Refuse(fault, pointer);

    private async Task<Result<EscrowReleased>> Read(
        DbSession db, TenantId tenant, (EscrowRequestId Request, AccountId Account, string Token) asked)
    {
        if (!(await _escrowPolicies.Current(db, tenant)).IsEnabled)
        {
            return RefusalCode.EscrowDisabled;
        }

        if (await _accounts.Find(db, tenant, asked.Account) is not { Status: AccountStatus.Active })
        {
            return Fault(EscrowFault.PersonUnknown, "/account");
        }

        if (await _requests.Find(db, tenant, asked.Request) is not { TokenHash: { } hash } stored || stored.Request.Account != asked.Account)
        {
            return Fault(EscrowFault.RequestUnknown, "/request");
        }

        if (await _tokens.Find(db, tenant, asked.Token) is not { } token)
        {
            return Fault(EscrowFault.TokenUnknown, "/token");
        }

        if (token.Hash != hash)
        {
            return Fault(EscrowFault.RequestUnknown, "/request");
        }

        if (stored.Request.Status == EscrowRequestStatus.Completed)
        {
            return Fault(EscrowFault.RequestCompleted, "/request");
        }

        if (token.FaultAt(_acts.Now) is { } fault)
        {
            return Fault(fault, "/token");
        }

        if (stored.Request.Status != EscrowRequestStatus.Approved)
        {
            return new EscrowReleased(stored.Request, null, null);
        }

        return await _escrow.FindBlob(db, tenant, asked.Account) is { } blob
            && await _answers.Find(db, tenant, stored.Id) is { Answer.IsHeld: false, Sealed: not null } answer
                ? new EscrowReleased(stored.Request, blob.Armored, _answers.Open(tenant, answer)) { WasFetched = stored.WasFetched }
                : Fault(EscrowFault.NotEnrolled, "/account");
    }

    // Read again: it may have been taken back a moment ago, and then nothing leaves.
    private async Task<Result<EscrowReleased>> FetchFirst(
        Act act, Visitor visitor, (EscrowRequestId Request, AccountId Account, string Token) asked)
    {
        var read = await Read(act.Db, act.Tenant, asked);
        if (read.Refusal is null && read.Value is { Answer: not null, Request: var request } && await _requests.Fetched(act, request.Id))
        {
            await act.Record(new LedgerEntry(LedgerEvent.EscrowFetched, Principal.Of(asked.Account), asked.Account, request.Recovery)
            {
                Facts = SessionLedger.Facts(visitor, ("request", request.Id.ToString()), ("request_key", request.Fingerprint)),
                Texts = SessionLedger.Source(visitor),
            });
        }

        return read;
    }

    // If the process dies before this, the next look does it.
    private async Task<bool> EndExpired(Act act, Visitor visitor, (EscrowRequestId Request, AccountId Account, string Token) asked)
    {
        if (await _requests.Find(act.Db, act.Tenant, asked.Request) is not { TokenHash: { } hash } stored || stored.Request.Account != asked.Account
            || await _tokens.Find(act.Db, act.Tenant, asked.Token) is not { State: EscrowTokenState.Active } token
            || token.Hash != hash || act.Now < token.ExpiresAt)
        {
            return false;
        }

        await _tokens.End(act, hash, EscrowTokenState.Expired);
        if (stored.Request.Status == EscrowRequestStatus.Approved)
        {
            await _follow.TakeBack(act, stored, Principal.System, EscrowTokenState.Expired);
        }
        else if (stored.Request.Status == EscrowRequestStatus.Pending
            && await _store.Find(act.Db, act.Tenant, stored.Request.Recovery) is { IsClosed: false } recovery
            && await _accounts.Find(act.Db, act.Tenant, asked.Account) is { } account)
        {
            var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
            await _recoveries.Apply(
                act, new RecoveryAct.Found(recovery, account, policy), new RecoveryCommand.Cancel(Principal.System, "token expired"), visitor,
                quietly: true);
        }

        return true;
    }

    // Somebody tries ids. Operators learn of it, a few times an hour at most: nobody outside fills their mailboxes, or the ledger.
    private async Task<bool> Alarm(Act act, Visitor visitor, AccountId account)
    {
        if (await _throttle.Count(act, ThrottleKind.RecoveryRequest, "guessed", "escrow_request", Alarms) is not null)
        {
            return false;
        }

        await act.Record(new LedgerEntry(LedgerEvent.EscrowRequestGuessed, Principal.Anonymous, account)
        {
            Facts = SessionLedger.Facts(visitor), Texts = SessionLedger.Source(visitor),
        });
        await _notices.Administrators(act, EscrowNews.RequestGuessed, account, request: null, visitor, device: null);
        return true;
    }
}
