using Sparekey.Core;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>What people said about escrow. Parked decisions are found by none of this but what parks and brings back.</summary>
internal sealed class EnrolmentStore
{
    private const string Query =
        """
        SELECT e.id AS Id, e.account_id AS Account, e.status AS Status, e.created_at AS CreatedAt, e.modified_at AS ModifiedAt,
            b.id AS PrivateKey, b.fingerprint AS Fingerprint, k.fingerprint AS CurrentFingerprint
        FROM escrow_enrolments e
        LEFT JOIN escrow_blobs b ON b.tenant_id = e.tenant_id AND b.enrolment_id = e.id
        LEFT JOIN openpgp_keys k ON k.tenant_id = e.tenant_id AND k.account_id = e.account_id AND k.deleted_at IS NULL
        WHERE e.tenant_id = @tenant AND e.parked_in IS NULL
        """;

    /// <summary>A person's decision; null where they have not said anything, and while escrow is disabled.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">Whose.</param>
    public async Task<Enrolment?> Find(DbSession db, TenantId tenant, AccountId account) => (await db.Find<Row>(
        $"{Query} AND e.account_id = @account", new { tenant = tenant.ToString(), account = account.ToString() }))?.Read();

    /// <summary>The decisions of many people.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="accounts">Whose.</param>
    public async Task<IReadOnlyList<Enrolment>> Of(DbSession db, TenantId tenant, IReadOnlyCollection<AccountId> accounts)
    {
        var parameters = new Dictionary<string, object?>(StringComparer.Ordinal) { ["tenant"] = tenant.ToString() };
        return [.. (await db.List<Row>($"{Query} AND e.account_id IN {NamedList.Of(parameters, accounts)}", parameters)).Select(r => r.Read())];
    }

    /// <summary>A page of decisions, oldest first.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="filter">Which.</param>
    public async Task<IReadOnlyList<Enrolment>> List(DbSession db, TenantId tenant, EnrolmentFilter filter) =>
        [.. (await db.List<Row>(
            $"""
            {Query} AND (e.created_at > @at OR (e.created_at = @at AND e.id > @id))
            {(filter.Status is null ? "" : "AND e.status = @status")}
            {(filter.StaleOnly ? "AND b.fingerprint <> k.fingerprint" : "")}
            ORDER BY e.created_at, e.id LIMIT @limit
            """,
            new
            {
                tenant = tenant.ToString(),
                at = filter.After?.CreatedAt.ToUnixTimeMilliseconds() ?? -1,
                id = filter.After?.Id.ToString() ?? "",
                status = filter.Status is { } status ? WireName.Of(status) : null,
                limit = filter.Limit,
            })).Select(r => r.Read())];

    /// <summary>How far the organisation has come.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    public async Task<EscrowCoverage> Coverage(DbSession db, TenantId tenant)
    {
        var row = (await db.Find<CoverageRow>(
            """
            SELECT COUNT(*) AS Accounts,
                COALESCE(SUM(CASE WHEN e.status = 'approved' THEN 1 ELSE 0 END), 0) AS Enrolled,
                COALESCE(SUM(CASE WHEN e.status = 'rejected' THEN 1 ELSE 0 END), 0) AS Declined,
                COALESCE(SUM(CASE WHEN b.fingerprint <> k.fingerprint THEN 1 ELSE 0 END), 0) AS Stale
            FROM accounts a
            LEFT JOIN escrow_enrolments e ON e.tenant_id = a.tenant_id AND e.account_id = a.id AND e.parked_in IS NULL
            LEFT JOIN escrow_blobs b ON b.tenant_id = e.tenant_id AND b.enrolment_id = e.id
            LEFT JOIN openpgp_keys k ON k.tenant_id = a.tenant_id AND k.account_id = a.id AND k.deleted_at IS NULL
            WHERE a.tenant_id = @tenant AND a.deleted_at IS NULL AND a.status = 'active'
            """,
            new { tenant = tenant.ToString() }))!;
        return new EscrowCoverage(row.Accounts, row.Enrolled, row.Declined, row.Accounts - row.Enrolled - row.Declined, row.Stale);
    }

    /// <summary>Writes down what a person says.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Who.</param>
    /// <param name="status">What.</param>
    /// <returns>The decision's id.</returns>
    public async Task<EnrolmentId> Put(Act act, AccountId account, EnrolmentStatus status)
    {
        var row = new { tenant = act.Tenant.ToString(), account = account.ToString(), status = WireName.Of(status), now = act.NowMs };
        if (await Find(act.Db, act.Tenant, account) is { } before)
        {
            await act.Db.Execute(
                "UPDATE escrow_enrolments SET status = @status, modified_at = @now WHERE tenant_id = @tenant AND id = @id",
                new { row.tenant, id = before.Id.ToString(), row.status, row.now });
            return before.Id;
        }

        var made = NewId.Make<EnrolmentId>();
        await act.Db.Execute(
            """
            INSERT INTO escrow_enrolments (tenant_id, id, account_id, status, created_at, modified_at)
            VALUES (@tenant, @id, @account, @status, @now, @now)
            """,
            new { row.tenant, id = made.ToString(), row.account, row.status, row.now });
        return made;
    }

    /// <summary>Forgets a decision. The escrow that hangs on it is gone before.</summary>
    /// <param name="act">The act.</param>
    /// <param name="id">The decision.</param>
    public Task<int> Delete(Act act, EnrolmentId id) => act.Db.Execute(
        "DELETE FROM escrow_enrolments WHERE tenant_id = @tenant AND id = @id", new { tenant = act.Tenant.ToString(), id = id.ToString() });

    /// <summary>Forgets whoever declined, so that they are asked again.</summary>
    /// <param name="act">The act.</param>
    /// <returns>How many there were.</returns>
    public Task<int> DeleteRejected(Act act) => act.Db.Execute(
        "DELETE FROM escrow_enrolments WHERE tenant_id = @tenant AND status = 'rejected' AND parked_in IS NULL",
        new { tenant = act.Tenant.ToString() });

    private sealed record Row(
        string Id, string Account, string Status, long CreatedAt, long ModifiedAt, string? PrivateKey, string? Fingerprint,
        string? CurrentFingerprint)
    {
        public Enrolment Read() => new(
            Ids.Parse<EnrolmentId>(Id), Ids.Parse<AccountId>(Account), WireName.Parse<EnrolmentStatus>(Status),
            DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt), DateTimeOffset.FromUnixTimeMilliseconds(ModifiedAt))
        {
            PrivateKey = PrivateKey is null ? null : Ids.Parse<PrivateKeyId>(PrivateKey),
            Fingerprint = Fingerprint,
            CurrentFingerprint = CurrentFingerprint,
        };
    }

    private sealed record CoverageRow(long Accounts, long Enrolled, long Declined, long Stale);
}
