using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>By what requests are sorted.</summary>
public enum EscrowRequestOrder
{
    /// <summary>When they were made.</summary>
    Created,

    /// <summary>When they last changed.</summary>
    Modified,

    /// <summary>By the name of their status.</summary>
    Status,
}

/// <summary>Which requests, and in which order.</summary>
public sealed record EscrowRequestFilter
{
    /// <summary>Of these people, empty for nobody; null for everybody.</summary>
    public IReadOnlyList<AccountId>? Accounts { get; init; }

    /// <summary>Of this status; null for every one.</summary>
    public EscrowRequestStatus? Status { get; init; }

    /// <summary>Of this origin; null for every one.</summary>
    public EscrowOrigin? Origin { get; init; } = EscrowOrigin.Local;

    /// <summary>The order.</summary>
    public EscrowRequestOrder OrderBy { get; init; } = EscrowRequestOrder.Created;

    /// <summary>Whether the last comes first.</summary>
    public bool Descending { get; init; }

    /// <summary>How many at most.</summary>
    public int Limit { get; init; } = 1000;

    /// <summary>How many are passed over.</summary>
    public int Offset { get; init; }

    /// <summary>Whether the wrapped secrets are read too. The ledger does not say so of lists, which programmes read every minute.</summary>
    public bool WithPasswords { get; init; }
}

/// <summary>Requests as they are counted and shown.</summary>
/// <param name="Items">The page.</param>
/// <param name="Count">How many there are in all.</param>
public sealed record EscrowRequestPage(IReadOnlyList<EscrowRequestView> Items, int Count);

/// <summary>Shows requests to reviewers.</summary>
public sealed class ReadEscrowRequests
{
    /// <summary>How many are read at once.</summary>
    public const int MostAtOnce = 10_000;

    private readonly Acts _acts;
    private readonly EscrowRequestStore _requests;
    private readonly EscrowAnswerStore _answers;
    private readonly AccountStore _accounts;
    private readonly WrappedSecrets _passwords;
    private readonly RecoveryStore _recoveries;

    internal ReadEscrowRequests(
        Acts acts, EscrowRequestStore requests, EscrowAnswerStore answers, AccountStore accounts, WrappedSecrets passwords,
        RecoveryStore recoveries)
    {
        _acts = acts;
        _requests = requests;
        _answers = answers;
        _accounts = accounts;
        _passwords = passwords;
        _recoveries = recoveries;
    }

    /// <summary>Lists requests.</summary>
    /// <param name="caller">Who reads; holds <c>recovery:read</c>.</param>
    /// <param name="filter">Which ones.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<EscrowRequestPage> List(Caller caller, EscrowRequestFilter filter, CancellationToken cancellationToken) => _acts.Read(
        async db =>
        {
            var (page, count) = await _requests.List(
                db, caller.Tenant, filter with { Limit = Math.Clamp(filter.Limit, 1, MostAtOnce), Offset = Math.Max(0, filter.Offset) });
            var views = new List<EscrowRequestView>(page.Count);
            foreach (var stored in page)
            {
                if (await View(db, caller, stored, filter.WithPasswords) is { } view)
                {
                    views.Add(view);
                }
            }

            return new EscrowRequestPage(views, count);
        },
        cancellationToken);

    /// <summary>Shows one of our own.</summary>
    /// <param name="caller">Who reads; holds <c>recovery:read</c>.</param>
    /// <param name="id">The request.</param>
    /// <param name="withPassword">Whether the wrapped secret is read too; the ledger says so.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The request, or <see cref="RefusalCode.RecoveryNotFound"/>.</returns>
    public async Task<Result<EscrowRequestView>> Find(
        Caller caller, EscrowRequestId id, bool withPassword, CancellationToken cancellationToken)
    {
        var found = await _acts.Read(
            async db => await _requests.Find(db, caller.Tenant, id) is { Request.Origin: EscrowOrigin.Local } stored ? await View(db, caller, stored, withPassword) : null,
            cancellationToken);
        if (found is null)
        {
            return RefusalCode.RecoveryNotFound;
        }

        if (found.Password is not null)
        {
            await _acts.Write(caller.Tenant, act => WrappedSecrets.RecordReading(act, caller, found.Request), cancellationToken);
        }

        return found;
    }

    /// <summary>The request of a recovery, without its wrapped secret.</summary>
    /// <param name="caller">Who reads; holds <c>recovery:read</c>.</param>
    /// <param name="recovery">The recovery.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The request, or <see cref="RefusalCode.RecoveryNotFound"/> where it has none yet.</returns>
    public Task<Result<EscrowRequestView>> Of(Caller caller, RecoveryId recovery, CancellationToken cancellationToken) =>
        _acts.Read<Result<EscrowRequestView>>(
            async db => await _requests.FindOf(db, caller.Tenant, recovery) is { } stored
                && await View(db, caller, stored, withPassword: false) is { } view
                    ? view
                    : RefusalCode.RecoveryNotFound,
            cancellationToken);

    /// <summary>The pending request of each of some people.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="accounts">The people.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyDictionary<AccountId, EscrowRequestId>> Pending(
        TenantId tenant, IReadOnlyCollection<AccountId> accounts, CancellationToken cancellationToken) =>
        (await _acts.Read(db => _requests.Pending(db, tenant, EscrowOrigin.Local), cancellationToken))
            .Where(r => accounts.Contains(r.Request.Account))
            .GroupBy(r => r.Request.Account)
            .ToDictionary(g => g.Key, g => g.Last().Id);

    private async Task<EscrowRequestView?> View(DbSession db, Caller caller, StoredEscrowRequest stored, bool withPassword)
    {
        var tenant = caller.Tenant;
        if (await _accounts.Find(db, tenant, stored.Request.Account) is not { } person)
        {
            return null;
        }

        var password = withPassword ? await _passwords.Find(db, tenant, stored) : null;
        return await IsHiddenDenial(db, caller, stored.Request)
            ? new EscrowRequestView(
                stored.Request with { Status = EscrowRequestStatus.Pending, ModifiedAt = stored.Request.CreatedAt, ModifiedBy = person.Id.ToString() },
                person, password, [])
            : new EscrowRequestView(
                stored.Request, person, password,
                await _answers.Find(db, tenant, stored.Id) is { Answer.IsHeld: false } answer ? [answer.Answer] : []);
    }

    // Whoever asked for somebody else sees a denied recovery wait (T16), and so its request.
    private async Task<bool> IsHiddenDenial(DbSession db, Caller caller, EscrowRequest request) =>
        request.Status == EscrowRequestStatus.Rejected
        && await _recoveries.Find(db, caller.Tenant, request.Recovery) is { State: RecoveryState.Denied } denied
        && denied.AsSeenBy(caller.Principal, _acts.Now).State == RecoveryState.Pending;
}

/// <summary>Finds the wrapped secret that belongs to a request.</summary>
/// <param name="escrow">Our own.</param>
/// <param name="requests">Those of other servers.</param>
internal sealed class WrappedSecrets(EscrowStore escrow, EscrowRequestStore requests)
{
    /// <summary>Finds it; null where the escrow is gone.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="stored">The request.</param>
    public async Task<WrappedSecret?> Find(DbSession db, TenantId tenant, StoredEscrowRequest stored)
    {
        if (stored.Request.Origin == EscrowOrigin.Companion)
        {
            return requests.PasswordOf(tenant, stored);
        }

        return await escrow.FindPassword(db, tenant, stored.Request.Account) is { } found
            ? new WrappedSecret(
                found.Id.Value, found.PrivateKey.Value, found.RecipientFingerprint, found.Armored, found.CreatedAt, found.ModifiedAt, found.CreatedBy)
            : null;
    }

    /// <summary>Notes who saw a wrapped secret.</summary>
    /// <param name="act">The act.</param>
    /// <param name="caller">Who.</param>
    /// <param name="request">Of which request.</param>
    public static async Task<bool> RecordReading(Act act, Caller caller, EscrowRequest request)
    {
        await act.Record(new LedgerEntry(LedgerEvent.EscrowRequestRead, caller.Principal, request.Account, request.Recovery)
        {
            Facts = SessionLedger.Facts(caller, ("request", request.Id.ToString()), ("request_key", request.Fingerprint)),
            Texts = SessionLedger.Source(caller),
        });
        return true;
    }
}
