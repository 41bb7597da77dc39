using System.Text;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>Requests for escrowed keys. What they need again of tokens and of other servers is sealed.</summary>
/// <param name="keys">Seals it.</param>
internal sealed class EscrowRequestStore(KeyRing keys) : ISealed
{
    private const string Table = "escrow_requests";

    private static readonly SealedColumn[] Sealed =
    [
        new(Table, "token_sealed", KeyPurpose.EscrowRequest, "/token"), new(Table, "password_sealed", KeyPurpose.EscrowRequest, "/password"),
    ];

    private const string Columns =
        """
        id AS Id, recovery_id AS Recovery, account_id AS Account, origin AS Origin, status AS Status, request_key AS RequestKey,
        fingerprint AS Fingerprint, token_hash AS TokenHash, token_sealed AS TokenSealed, created_at AS CreatedAt, modified_at AS ModifiedAt,
        modified_by AS ModifiedBy, remote_id AS RemoteId, remote_account_id AS RemoteAccount, private_key_id AS PrivateKey,
        password_id AS PasswordId, password_sealed AS PasswordSealed, recipient AS Recipient, owner_fingerprint AS OwnerFingerprint,
        responder_key_id AS ResponderKey, outcome AS Outcome, fetched_at AS FetchedAt
        """;

    /// <summary>Keeps a new request of our own.</summary>
    /// <param name="act">The act.</param>
    /// <param name="request">The request.</param>
    /// <param name="token">The token that it belongs to.</param>
    /// <param name="tokenText">That token's text.</param>
    public Task<int> Insert(Act act, EscrowRequest request, EscrowToken token, string tokenText) => Insert(
        act, new StoredEscrowRequest(request, token.Hash, Seal(act.Tenant, request.Id, "token", tokenText), null, null));

    /// <summary>Keeps a new request of another server.</summary>
    /// <param name="act">The act.</param>
    /// <param name="request">The request.</param>
    /// <param name="remote">What that server said.</param>
    /// <param name="password">The wrapped secret.</param>
    public Task<int> Insert(Act act, EscrowRequest request, RemoteRequest remote, string password) => Insert(
        act, new StoredEscrowRequest(request, null, null, remote, Seal(act.Tenant, request.Id, "password", password)));

    /// <summary>A request.</summary>
    public Task<StoredEscrowRequest?> Find(DbSession db, TenantId tenant, EscrowRequestId id) =>
        One(db, "id = @key", tenant, id.ToString());

    /// <summary>The request of a recovery; null while the person's device has made no key.</summary>
    public Task<StoredEscrowRequest?> FindOf(DbSession db, TenantId tenant, RecoveryId recovery) =>
        One(db, "recovery_id = @key", tenant, recovery.ToString());

    /// <summary>The request that has an id on another server.</summary>
    public Task<StoredEscrowRequest?> FindRemote(DbSession db, TenantId tenant, Guid remote) =>
        One(db, "remote_id = @key", tenant, remote.ToString("D"));

    /// <summary>The request of a mailed token.</summary>
    public Task<StoredEscrowRequest?> FindByToken(DbSession db, TenantId tenant, EscrowToken token) =>
        One(db, "token_hash = @key ORDER BY created_at DESC LIMIT 1", tenant, token.Hash);

    /// <summary>A page of requests.</summary>
    public async Task<(IReadOnlyList<StoredEscrowRequest> Page, int Count)> List(DbSession db, TenantId tenant, EscrowRequestFilter filter)
    {
        var (where, parameters) = Where(tenant, filter);
        var order = filter.OrderBy switch
        {
            EscrowRequestOrder.Created => "created_at",
            EscrowRequestOrder.Modified => "modified_at",
            EscrowRequestOrder.Status => "status",
        };
        var way = filter.Descending ? "DESC" : "ASC";
        parameters["limit"] = filter.Limit;
        parameters["offset"] = filter.Offset;
        var rows = await db.List<Row>(
            $"SELECT {Columns} FROM escrow_requests WHERE {where} ORDER BY {order} {way}, id {way} LIMIT @limit OFFSET @offset", parameters);
        return ([.. rows.Select(r => r.Read())], (int)await db.Scalar<long>($"SELECT COUNT(*) FROM escrow_requests WHERE {where}", parameters));
    }

    /// <summary>Requests of a person that can still change: pending, or approved and not fetched to the end.</summary>
    public async Task<IReadOnlyList<StoredEscrowRequest>> LiveOf(DbSession db, TenantId tenant, AccountId account) => Read(await db.List<Row>(
        $"SELECT {Columns} FROM escrow_requests WHERE tenant_id = @tenant AND account_id = @account AND status IN ('pending', 'approved') ORDER BY created_at",
        new { tenant = tenant.ToString(), account = account.ToString() }));

    /// <summary>Every request of a tenant's own escrow that can still change.</summary>
    public async Task<IReadOnlyList<StoredEscrowRequest>> Live(DbSession db, TenantId tenant) => Read(await db.List<Row>(
        $"""
        SELECT {Columns} FROM escrow_requests
        WHERE tenant_id = @tenant AND origin = 'local' AND status IN ('pending', 'approved') AND posted_at IS NULL ORDER BY created_at
        """,
        new { tenant = tenant.ToString() }));

    /// <summary>The pending request of our own of each of some people.</summary>
    public async Task<IReadOnlyList<StoredEscrowRequest>> Pending(DbSession db, TenantId tenant, EscrowOrigin origin) => Read(await db.List<Row>(
        $"""
        SELECT {Columns} FROM escrow_requests
        WHERE tenant_id = @tenant AND origin = @origin AND status = 'pending' AND posted_at IS NULL ORDER BY created_at
        """,
        new { tenant = tenant.ToString(), origin = WireName.Of(origin) }));

    /// <summary>A page of requests whose recovery is ready and that nobody has answered, oldest first.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="origin">Where they were made.</param>
    /// <param name="after">The last one of the page before; null from the beginning.</param>
    /// <param name="limit">How many at most.</param>
    public async Task<IReadOnlyList<StoredEscrowRequest>> Ready(
        DbSession db, TenantId tenant, EscrowOrigin origin, EscrowRequest? after, int limit) => Read(await db.List<Row>(
        $"""
        SELECT {Columns} FROM escrow_requests
        WHERE tenant_id = @tenant AND origin = @origin AND status = 'pending' AND posted_at IS NULL AND recovery_id IN
            (SELECT id FROM recoveries WHERE tenant_id = @tenant AND state = 'ready')
            AND (created_at > @at OR (created_at = @at AND id > @id))
        ORDER BY created_at, id LIMIT @limit
        """,
        new
        {
            tenant = tenant.ToString(), origin = WireName.Of(origin), at = after?.CreatedAt.ToUnixTimeMilliseconds() ?? -1,
            id = after?.Id.ToString() ?? "", limit,
        }));

    /// <summary>Requests of another server that were decided on here, and of which that server has not been told.</summary>
    public async Task<IReadOnlyList<StoredEscrowRequest>> Untold(DbSession db, TenantId tenant) => Read(await db.List<Row>(
        $"""
        SELECT {Columns} FROM escrow_requests
        WHERE tenant_id = @tenant AND origin = 'companion' AND status IN ('approved', 'rejected') AND posted_at IS NULL
        ORDER BY modified_at, id
        """,
        new { tenant = tenant.ToString() }));

    /// <summary>Moves a request on. Where it is over, the token's text goes.</summary>
    public async Task<EscrowRequest> Move(Act act, EscrowRequest request, EscrowRequestStatus status, Principal by)
    {
        var next = request with { Status = status, ModifiedAt = act.Now, ModifiedBy = by.Id };
        var over = status is EscrowRequestStatus.Rejected or EscrowRequestStatus.Completed;
        var changed = await act.Db.Execute(
            $"""
            UPDATE escrow_requests SET status = @status, modified_at = @now, modified_by = @by{(over ? ", token_sealed = NULL" : "")}
            WHERE tenant_id = @tenant AND id = @id AND status = @before
            """,
            new
            {
                tenant = act.Tenant.ToString(), id = request.Id.ToString(), status = WireName.Of(status), now = act.NowMs, by = by.Id,
                before = WireName.Of(request.Status),
            });
        return changed == 1 ? next : throw new InvalidOperationException($"Request {request.Id} is not {request.Status} any more.");
    }

    /// <summary>Notes that another server was told, or does not need to be; what it said of the secret goes. True exactly once.</summary>
    public async Task<bool> Told(Act act, EscrowRequestId id, CompanionOutcome outcome) => await act.Db.Execute(
        """
        UPDATE escrow_requests SET outcome = @outcome, posted_at = @now, password_sealed = NULL
        WHERE tenant_id = @tenant AND id = @id AND posted_at IS NULL
        """,
        new { tenant = act.Tenant.ToString(), id = id.ToString(), outcome = WireName.Of(outcome), now = act.NowMs }) == 1;

    /// <summary>Notes that the answer of an approved request was fetched. True exactly once.</summary>
    /// <param name="act">The act.</param>
    /// <param name="id">The request.</param>
    public async Task<bool> Fetched(Act act, EscrowRequestId id) => await act.Db.Execute(
        "UPDATE escrow_requests SET fetched_at = @now WHERE tenant_id = @tenant AND id = @id AND status = 'approved' AND fetched_at IS NULL",
        new { tenant = act.Tenant.ToString(), id = id.ToString(), now = act.NowMs }) == 1;

    /// <summary>Empties what names a person in their requests, or gives something back to them; that there were requests stays.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">The person, who is deleted.</param>
    public async Task Forget(Act act, AccountId account)
    {
        var row = new { tenant = act.Tenant.ToString(), account = account.ToString() };
        await act.Db.Execute(
            """
            UPDATE escrow_answers SET sealed = NULL WHERE tenant_id = @tenant AND sealed IS NOT NULL AND request_id IN
                (SELECT id FROM escrow_requests WHERE tenant_id = @tenant AND account_id = @account)
            """,
            row);
        await act.Db.Execute(
            """
            UPDATE escrow_requests SET request_key = '', token_sealed = NULL, password_sealed = NULL
            WHERE tenant_id = @tenant AND account_id = @account
            """,
            row);
    }

    /// <summary>The text of a request's token; null where it is gone.</summary>
    public string? TokenOf(TenantId tenant, StoredEscrowRequest request) => Open(tenant, request.Id, "token", request.TokenSealed);

    /// <summary>The wrapped secret of another server; null where it is gone.</summary>
    public WrappedSecret? PasswordOf(TenantId tenant, StoredEscrowRequest request) =>
        request.Remote is { } remote && Open(tenant, request.Id, "password", request.PasswordSealed) is { } data
            ? new WrappedSecret(
                remote.PasswordId, remote.PrivateKey, remote.Recipient, data, request.Request.CreatedAt, request.Request.CreatedAt,
                request.Request.Account.ToString())
            : null;

    /// <inheritdoc/>
    public Task<SealedPlace?> SealAgain(Act act, SealedPlace? after, int limit) => SealedRows.SealAgain(act, keys, Sealed, after, limit);

    private static Task<int> Insert(Act act, StoredEscrowRequest stored) => act.Db.Execute(
        """
        INSERT INTO escrow_requests
            (tenant_id, id, recovery_id, account_id, origin, status, request_key, fingerprint, token_hash, token_sealed, created_at,
             modified_at, modified_by, remote_id, remote_account_id, private_key_id, password_id, password_sealed, recipient,
             owner_fingerprint, responder_key_id)
        VALUES (@tenant, @id, @recovery, @account, @origin, @status, @key, @fingerprint, @tokenHash, @token, @now, @now, @by, @remoteId,
            @remoteAccount, @privateKey, @passwordId, @password, @recipient, @owner, @responder)
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = stored.Id.ToString(),
            recovery = stored.Request.Recovery.ToString(),
            account = stored.Request.Account.ToString(),
            origin = WireName.Of(stored.Request.Origin),
            status = WireName.Of(stored.Request.Status),
            key = stored.Request.RequestKey,
            fingerprint = stored.Request.Fingerprint,
            tokenHash = stored.TokenHash,
            token = stored.TokenSealed,
            now = act.NowMs,
            by = stored.Request.ModifiedBy,
            remoteId = stored.Remote?.Id.ToString("D"),
            remoteAccount = stored.Remote?.Account.ToString("D"),
            privateKey = stored.Remote?.PrivateKey.ToString("D"),
            passwordId = stored.Remote?.PasswordId.ToString("D"),
            password = stored.PasswordSealed,
            recipient = stored.Remote?.Recipient,
            owner = stored.Remote?.OwnerFingerprint,
            responder = stored.Remote?.ResponderKey.ToString("D"),
        });

    private static (string Sql, Dictionary<string, object?> Parameters) Where(TenantId tenant, EscrowRequestFilter filter)
    {
        var parameters = new Dictionary<string, object?>(StringComparer.Ordinal) { ["tenant"] = tenant.ToString() };
        var sql = new StringBuilder("tenant_id = @tenant");
        if (filter.Status is { } status)
        {
            sql.Append(" AND status = @status");
            parameters["status"] = WireName.Of(status);
        }

        if (filter.Origin is { } origin)
        {
            sql.Append(" AND origin = @origin");
            parameters["origin"] = WireName.Of(origin);
        }

        if (filter.Accounts is { } people)
        {
            sql.Append(" AND account_id IN ").Append(NamedList.Of(parameters, people));
        }

        return (sql.ToString(), parameters);
    }

    private static async Task<StoredEscrowRequest?> One(DbSession db, string which, TenantId tenant, string key) =>
        (await db.Find<Row>($"SELECT {Columns} FROM escrow_requests WHERE tenant_id = @tenant AND {which}", new { tenant = tenant.ToString(), key }))?.Read();

    private static List<StoredEscrowRequest> Read(IEnumerable<Row> rows) => [.. rows.Select(r => r.Read())];

    private byte[] Seal(TenantId tenant, EscrowRequestId id, string what, string text) =>
        keys.Seal(KeyPurpose.EscrowRequest, tenant, Table, $"{id}/{what}", Encoding.UTF8.GetBytes(text));

    private string? Open(TenantId tenant, EscrowRequestId id, string what, byte[]? envelope) =>
        envelope is null ? null : Encoding.UTF8.GetString(keys.Open(KeyPurpose.EscrowRequest, tenant, Table, $"{id}/{what}", envelope));

    private sealed record Row(
        string Id, string Recovery, string Account, string Origin, string Status, string RequestKey, string Fingerprint, string? TokenHash,
        byte[]? TokenSealed, long CreatedAt, long ModifiedAt, string ModifiedBy, string? RemoteId, string? RemoteAccount, string? PrivateKey,
        string? PasswordId, byte[]? PasswordSealed, string? Recipient, string? OwnerFingerprint, string? ResponderKey, string? Outcome,
        long? FetchedAt)
    {
        public StoredEscrowRequest Read() => new(
            new EscrowRequest(
                Ids.Parse<EscrowRequestId>(Id), Ids.Parse<RecoveryId>(Recovery), Ids.Parse<AccountId>(Account),
                WireName.Parse<EscrowOrigin>(Origin), WireName.Parse<EscrowRequestStatus>(Status), RequestKey, Fingerprint,
                DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt), DateTimeOffset.FromUnixTimeMilliseconds(ModifiedAt), ModifiedBy),
            TokenHash, TokenSealed,
            RemoteId is null
                ? null
                : new RemoteRequest(
                    Guid.ParseExact(RemoteId, "D"), Guid.ParseExact(RemoteAccount!, "D"), Guid.ParseExact(PrivateKey!, "D"),
                    Guid.ParseExact(PasswordId!, "D"), Recipient!, OwnerFingerprint!, Guid.ParseExact(ResponderKey!, "D"))
                {
                    Outcome = Outcome is null ? null : WireName.Parse<CompanionOutcome>(Outcome),
                },
            PasswordSealed)
        {
            WasFetched = FetchedAt is not null,
        };
    }
}
