using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Incidents;

/// <summary>Incidents. It writes rows and nothing else: the use case that calls it writes the ledger in the same act.</summary>
internal sealed class IncidentStore
{
    /// <summary>How long after it was said the account's recoveries need one approval more.</summary>
    public static readonly TimeSpan TightensFor = TimeSpan.FromHours(24);

    private const string Columns =
        """
        id AS Id, account_id AS Account, state AS State, opened_at AS OpenedAt, said_at AS SaidAt, times AS Times, closed_at AS ClosedAt,
        closed_by AS ClosedBy, comment AS Comment
        """;

    /// <summary>
    /// Whether somebody said "this was not me" of an account since a time, whatever became of the incident. For 24 hours
    /// (<see cref="TightensFor"/>) it adds one approval to what its recoveries demand.
    /// </summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">The account.</param>
    /// <param name="since">The time.</param>
    public async Task<bool> WasSaidSince(DbSession db, TenantId tenant, AccountId account, DateTimeOffset since) =>
        await db.Scalar<string>(
            "SELECT id FROM incidents WHERE tenant_id = @tenant AND account_id = @account AND said_at > @since LIMIT 1",
            new { tenant = tenant.ToString(), account = account.ToString(), since = since.ToUnixTimeMilliseconds() }) is not null;

    /// <summary>Opens an incident of an account, or adds to the one that is open.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">The account.</param>
    /// <param name="recoveries">What it is said of.</param>
    /// <returns>The incident, and whether it is new.</returns>
    public async Task<(Incident Incident, bool IsNew)> Say(Act act, AccountId account, IEnumerable<IncidentRecovery> recoveries)
    {
        var of = new { tenant = act.Tenant.ToString(), account = account.ToString(), now = act.NowMs };
        var open = await act.Db.Find<Row>(
            $"SELECT {Columns} FROM incidents WHERE tenant_id = @tenant AND account_id = @account AND state = 'open'", of);
        if (open is not null)
        {
            await act.Db.Execute(
                "UPDATE incidents SET said_at = @now, times = times + 1 WHERE tenant_id = @tenant AND account_id = @account AND state = 'open'", of);
        }

        var incident = open is null
            ? new Incident(NewId.Make<IncidentId>(), account, IncidentState.Open, act.Now, act.Now, 1)
            : open.Read([]) with { SaidAt = act.Now, Times = (int)open.Times + 1 };
        if (open is null)
        {
            await act.Db.Execute(
                """
                INSERT INTO incidents (tenant_id, id, account_id, state, opened_at, said_at, times)
                VALUES (@tenant, @id, @account, 'open', @now, @now, 1)
                """,
                new { of.tenant, of.account, of.now, id = incident.Id.ToString() });
        }

        foreach (var said in recoveries)
        {
            await act.Db.Execute(
                """
                INSERT INTO incident_recoveries (tenant_id, incident_id, recovery_id, state) VALUES (@tenant, @incident, @recovery, @state)
                ON CONFLICT (tenant_id, incident_id, recovery_id) DO UPDATE SET state = excluded.state
                """,
                new { of.tenant, incident = incident.Id.ToString(), recovery = said.Recovery.ToString(), state = WireName.Of(said.State) });
        }

        return (incident, open is null);
    }

    /// <summary>An incident; null when the tenant has none of the id.</summary>
    public async Task<Incident?> Find(DbSession db, TenantId tenant, IncidentId id) =>
        await db.Find<Row>(
            $"SELECT {Columns} FROM incidents WHERE tenant_id = @tenant AND id = @id",
            new { tenant = tenant.ToString(), id = id.ToString() }) is { } row
                ? row.Read(await RecoveriesOf(db, tenant, id))
                : null;

    /// <summary>Incidents, newest first.</summary>
    public async Task<IReadOnlyList<Incident>> List(
        DbSession db, TenantId tenant, IncidentFilter filter, PagePosition? after, int limit)
    {
        var rows = await db.List<Row>(
            $"""
            SELECT {Columns} FROM incidents
            WHERE tenant_id = @tenant
              AND (CAST(@account AS TEXT) IS NULL OR account_id = @account)
              AND (CAST(@state AS TEXT) IS NULL OR state = @state)
              AND (CAST(@afterAt AS BIGINT) IS NULL OR opened_at < @afterAt OR (opened_at = @afterAt AND id < @afterId))
            ORDER BY opened_at DESC, id DESC LIMIT @limit
            """,
            new
            {
                tenant = tenant.ToString(),
                account = filter.Account?.ToString(),
                state = filter.State is { } state ? WireName.Of(state) : null,
                afterAt = after?.At,
                afterId = after?.Id.ToString(),
                limit,
            });
        var found = new List<Incident>(rows.Count);
        foreach (var row in rows)
        {
            found.Add(row.Read(await RecoveriesOf(db, tenant, Ids.Parse<IncidentId>(row.Id))));
        }

        return found;
    }

    /// <summary>Closes an open incident. Zero when it is open no more.</summary>
    public Task<int> Close(Act act, IncidentId id, string by, string? comment) => act.Db.Execute(
        """
        UPDATE incidents SET state = 'closed', closed_at = @now, closed_by = @by, comment = @comment
        WHERE tenant_id = @tenant AND id = @id AND state = 'open'
        """,
        new { tenant = act.Tenant.ToString(), id = id.ToString(), now = act.NowMs, by, comment });

    /// <summary>Forgets what people wrote about an account's incidents.</summary>
    public Task<int> Forget(Act act, AccountId account) => act.Db.Execute(
        "UPDATE incidents SET comment = NULL WHERE tenant_id = @tenant AND account_id = @account",
        new { tenant = act.Tenant.ToString(), account = account.ToString() });

    private static async Task<IReadOnlyList<IncidentRecovery>> RecoveriesOf(DbSession db, TenantId tenant, IncidentId incident) =>
        [.. (await db.List<RecoveryRow>(
            """
            SELECT recovery_id AS Recovery, state AS State FROM incident_recoveries
            WHERE tenant_id = @tenant AND incident_id = @incident ORDER BY recovery_id
            """,
            new { tenant = tenant.ToString(), incident = incident.ToString() }))
            .Select(r => new IncidentRecovery(Ids.Parse<RecoveryId>(r.Recovery), WireName.Parse<RecoveryState>(r.State)))];

    private sealed record RecoveryRow(string Recovery, string State);

    private sealed record Row(
        string Id, string Account, string State, long OpenedAt, long SaidAt, long Times, long? ClosedAt, string? ClosedBy, string? Comment)
    {
        public Incident Read(IReadOnlyList<IncidentRecovery> recoveries) => new(
            Ids.Parse<IncidentId>(Id), Ids.Parse<AccountId>(Account), WireName.Parse<IncidentState>(State), At(OpenedAt), At(SaidAt), (int)Times)
        {
            Recoveries = [.. recoveries],
            ClosedAt = ClosedAt is { } closed ? At(closed) : null,
            ClosedBy = ClosedBy,
            Comment = Comment,
        };

        private static DateTimeOffset At(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms);
    }
}
