using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Recoveries;

/// <summary>One live secret as it is stored: its keyed hash and what it belongs to.</summary>
internal sealed record StoredSecret(Guid Id, RecoveryId Recovery, Means Means, KeyedHash Hash)
{
    /// <summary>Wrong tries on the typed code beside a link; those on a recovery's own secret stand in the recovery.</summary>
    public int Tries { get; init; }

    /// <summary>Whether it is worth something only with its second half, over which the hash goes too.</summary>
    public bool IsSplit { get; init; }
}

/// <summary>One live redemption as it is stored.</summary>
internal sealed record StoredRedemption(RedemptionId Id, RecoveryId Recovery, KeyedHash Hash);

/// <summary>Recoveries, the keyed hashes of their live secrets, and their redemptions.</summary>
internal sealed class RecoveryStore
{
    public async Task<Recovery?> Find(DbSession db, TenantId tenant, RecoveryId id)
    {
        var body = await db.Scalar<string>(
            "SELECT body FROM recoveries WHERE tenant_id = @tenant AND id = @id",
            new { tenant = tenant.ToString(), id = id.ToString() });
        return body is null ? null : StoredJson.Read<Recovery>(body);
    }

    public Task Insert(Act act, Recovery recovery) => act.Db.Post(
        """
        INSERT INTO recoveries
            (tenant_id, id, account_id, application_id, requested_by, state, version, created_at, due_at, closed_at, body)
        VALUES (@tenant, @id, @account, @application, @requester, @state, @version, @created, @due, @closed, @body)
        """,
        Columns(recovery, act.Now));

    /// <summary>Writes the next state over the one that was read. Nobody else's change is ever lost.</summary>
    /// <exception cref="InvalidOperationException">Somebody changed it within the same transaction: a bug.</exception>
    public async Task Update(Act act, Recovery before, Recovery next)
    {
        var parameters = Columns(next, act.Now);
        parameters.Add("before", before.Version);
        var changed = await act.Db.Execute(
            """
            UPDATE recoveries SET state = @state, version = @version, due_at = @due, closed_at = @closed, body = @body
            WHERE tenant_id = @tenant AND id = @id AND version = @before
            """,
            parameters);
        if (changed != 1)
        {
            throw new InvalidOperationException($"Recovery {next.Id} is not at version {before.Version} any more.");
        }
    }

    /// <summary>
    /// Recoveries in the order of their making, newest first. Of a state come also those that may look so to their requester.
    /// </summary>
    public Task<int> SetCallKey(Act act, RecoveryId recovery, string callKey) => act.Db.Execute(
        "UPDATE recoveries SET call_key = @callKey WHERE tenant_id = @tenant AND id = @id",
        new { tenant = act.Tenant.ToString(), id = recovery.ToString(), callKey });

    /// <summary>
    /// The newest recovery of a call that was told to wait and has not been answered since. One that was denied is among them until its
    /// time is over: to its requester it waits (T16).
    /// </summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="callKey">The call.</param>
    /// <param name="now">The time.</param>
    public async Task<Recovery?> FindByCall(DbSession db, TenantId tenant, string callKey, DateTimeOffset now)
    {
        var bodies = await db.List<string>(
            """
            SELECT body FROM recoveries
            WHERE tenant_id = @tenant AND call_key = @callKey AND state IN ('pending', 'ready', 'denied')
            ORDER BY created_at DESC, id DESC LIMIT 10
            """,
            new { tenant = tenant.ToString(), callKey });
        return bodies.Select(StoredJson.Read<Recovery>)
            .FirstOrDefault(r => r.LastGeneration == 0 && r.WithdrawnAt is null && now < r.OpenUntil);
    }

    /// <summary>Recoveries, newest first.</summary>
    public async Task<IReadOnlyList<Recovery>> List(
        DbSession db, TenantId tenant, RecoveryFilter filter, DateTimeOffset now, int limit)
    {
        var bodies = await db.List<string>(
            """
            SELECT body FROM recoveries
            WHERE tenant_id = @tenant
              AND (CAST(@account AS TEXT) IS NULL OR account_id = @account)
              AND (CAST(@state AS TEXT) IS NULL OR state = @state OR (@denied = 1 AND state = 'denied') OR (@over = 1 AND state IN ('pending', 'ready') AND due_at <= @now))
              AND (CAST(@afterAt AS BIGINT) IS NULL OR created_at < @afterAt OR (created_at = @afterAt AND id < @afterId))
            ORDER BY created_at DESC, id DESC
            LIMIT @limit
            """,
            new
            {
                tenant = tenant.ToString(),
                account = filter.Account?.ToString(),
                state = filter.State is { } state ? WireName.Of(state) : null,
                denied = filter.State is RecoveryState.Pending or RecoveryState.Cancelled or RecoveryState.Expired ? 1 : 0,
                over = filter.State == RecoveryState.Expired ? 1 : 0,
                now = now.ToUnixTimeMilliseconds(),
                afterAt = filter.After?.At,
                afterId = filter.After?.Id.ToString(),
                limit,
            });
        return [.. bodies.Select(StoredJson.Read<Recovery>)];
    }

    /// <summary>Recoveries that time alone moves, the longest overdue first.</summary>
    public async Task<IReadOnlyList<RecoveryId>> Due(DbSession db, TenantId tenant, DateTimeOffset now, int limit)
    {
        var ids = await db.List<string>(
            "SELECT id FROM recoveries WHERE tenant_id = @tenant AND due_at <= @now ORDER BY due_at LIMIT @limit",
            new { tenant = tenant.ToString(), now = now.ToUnixTimeMilliseconds(), limit });
        return [.. ids.Select(Ids.Parse<RecoveryId>)];
    }

    /// <summary>Notes when time moves a recovery next, after a look that moved nothing.</summary>
    public Task<int> Reschedule(Act act, Recovery recovery) => act.Db.Execute(
        "UPDATE recoveries SET due_at = @due WHERE tenant_id = @tenant AND id = @id AND version = @version",
        new
        {
            tenant = act.Tenant.ToString(),
            id = recovery.Id.ToString(),
            version = recovery.Version,
            due = DueAt(recovery, act.Now)?.ToUnixTimeMilliseconds(),
        });

    /// <summary>Has time look at every recovery that is ready: some of them were not issued while recoveries were stopped.</summary>
    public Task<int> LookAtReady(Act act) => act.Db.Execute(
        "UPDATE recoveries SET due_at = @now WHERE tenant_id = @tenant AND state = 'ready' AND due_at > @now",
        new { tenant = act.Tenant.ToString(), now = act.NowMs });

    /// <summary>Recoveries of an account that are not closed.</summary>
    public async Task<IReadOnlyList<Recovery>> Open(DbSession db, TenantId tenant, AccountId account)
    {
        var bodies = await db.List<string>(
            """
            SELECT body FROM recoveries
            WHERE tenant_id = @tenant AND account_id = @account AND closed_at IS NULL
            ORDER BY created_at DESC
            """,
            new { tenant = tenant.ToString(), account = account.ToString() });
        return [.. bodies.Select(StoredJson.Read<Recovery>)];
    }

    /// <summary>
    /// Takes the reasons out of an account's closed recoveries: what people wrote about somebody goes with them. The ledger
    /// keeps the digest that deciders signed.
    /// </summary>
    public async Task ForgetReasons(Act act, AccountId account)
    {
        var bodies = await act.Db.List<string>(
            "SELECT body FROM recoveries WHERE tenant_id = @tenant AND account_id = @account AND closed_at IS NOT NULL",
            new { tenant = act.Tenant.ToString(), account = account.ToString() });
        foreach (var recovery in bodies.Select(StoredJson.Read<Recovery>).Where(r => r.Request.Reason is not null))
        {
            await Update(
                act, recovery, recovery with { Version = recovery.Version + 1, Request = recovery.Request with { Reason = null } });
        }
    }

    /// <summary>When recoveries of an account were opened since a time, newest first; 100 at most.</summary>
    public async Task<IReadOnlyList<DateTimeOffset>> OpenedSince(
        DbSession db, TenantId tenant, AccountId account, DateTimeOffset since, RecoveryId? without)
    {
        var times = await db.List<long>(
            """
            SELECT created_at FROM recoveries
            WHERE tenant_id = @tenant AND account_id = @account AND created_at >= @since AND id <> @without
            ORDER BY created_at DESC LIMIT 100
            """,
            new
            {
                tenant = tenant.ToString(),
                account = account.ToString(),
                since = since.ToUnixTimeMilliseconds(),
                without = without?.ToString() ?? "",
            });
        return [.. times.Select(DateTimeOffset.FromUnixTimeMilliseconds)];
    }

    /// <summary>When an account was recovered for the first time since a time; null when it was not.</summary>
    public async Task<DateTimeOffset?> FirstCompletedSince(DbSession db, TenantId tenant, AccountId account, DateTimeOffset since) =>
        await db.Scalar<long?>(
            """
            SELECT MIN(closed_at) FROM recoveries
            WHERE tenant_id = @tenant AND account_id = @account AND state = 'completed' AND closed_at >= @since
            """,
            new { tenant = tenant.ToString(), account = account.ToString(), since = since.ToUnixTimeMilliseconds() }) is { } ms
                ? DateTimeOffset.FromUnixTimeMilliseconds(ms)
                : null;

    /// <summary>Recoveries of an account that were opened since a time, newest first.</summary>
    public async Task<IReadOnlyList<Recovery>> Since(DbSession db, TenantId tenant, AccountId account, DateTimeOffset since, int most)
    {
        var bodies = await db.List<string>(
            """
            SELECT body FROM recoveries
            WHERE tenant_id = @tenant AND account_id = @account AND created_at > @since
            ORDER BY created_at DESC LIMIT @most
            """,
            new { tenant = tenant.ToString(), account = account.ToString(), since = since.ToUnixTimeMilliseconds(), most });
        return [.. bodies.Select(StoredJson.Read<Recovery>)];
    }

    /// <summary>When an account was last recovered.</summary>
    public async Task<DateTimeOffset?> LastCompleted(DbSession db, TenantId tenant, AccountId account)
    {
        var at = await db.Scalar<long?>(
            """
            SELECT MAX(closed_at) FROM recoveries
            WHERE tenant_id = @tenant AND account_id = @account AND state = 'completed'
            """,
            new { tenant = tenant.ToString(), account = account.ToString() });
        return at is { } ms ? DateTimeOffset.FromUnixTimeMilliseconds(ms) : null;
    }

    public Task AddSecret(Act act, AccountId account, StoredSecret secret) => act.Db.Post(
        """
        INSERT INTO recovery_secrets (tenant_id, id, recovery_id, account_id, means, key_version, mac, split)
        VALUES (@tenant, @id, @recovery, @account, @means, @keyVersion, @mac, @split)
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = secret.Id.ToString("D"),
            recovery = secret.Recovery.ToString(),
            account = account.ToString(),
            means = WireName.Of(secret.Means),
            keyVersion = secret.Hash.KeyVersion,
            mac = secret.Hash.Mac,
            split = secret.IsSplit ? 1 : 0,
        });

    public async Task<StoredSecret?> FindSecret(DbSession db, TenantId tenant, Guid id)
    {
        var row = await db.Find<SecretRow>(
            $"{SelectSecret} WHERE tenant_id = @tenant AND id = @id", new { tenant = tenant.ToString(), id = id.ToString("D") });
        return row?.ToSecret();
    }

    public async Task<IReadOnlyList<StoredSecret>> CodesOf(DbSession db, TenantId tenant, AccountId account)
    {
        var rows = await db.List<SecretRow>(
            $"{SelectSecret} WHERE tenant_id = @tenant AND account_id = @account AND means = 'code' ORDER BY id",
            new { tenant = tenant.ToString(), account = account.ToString() });
        return [.. rows.Select(r => r.ToSecret())];
    }

    /// <summary>Counts a wrong try on a typed code, and deletes the code with the last one it had.</summary>
    public Task CountTry(Act act, StoredSecret secret, int most) => act.Db.Post(
        secret.Tries + 1 < most
            ? "UPDATE recovery_secrets SET tries = tries + 1 WHERE tenant_id = @tenant AND id = @id"
            : "DELETE FROM recovery_secrets WHERE tenant_id = @tenant AND id = @id",
        new { tenant = act.Tenant.ToString(), id = secret.Id.ToString("D") });

    public Task DeleteSecrets(Act act, RecoveryId recovery) => act.Db.Post(
        "DELETE FROM recovery_secrets WHERE tenant_id = @tenant AND recovery_id = @recovery",
        new { tenant = act.Tenant.ToString(), recovery = recovery.ToString() });

    public Task AddRedemption(Act act, StoredRedemption redemption) => act.Db.Post(
        """
        INSERT INTO redemptions (tenant_id, id, recovery_id, key_version, mac)
        VALUES (@tenant, @id, @recovery, @keyVersion, @mac)
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = redemption.Id.ToString(),
            recovery = redemption.Recovery.ToString(),
            keyVersion = redemption.Hash.KeyVersion,
            mac = redemption.Hash.Mac,
        });

    public async Task<StoredRedemption?> FindRedemption(DbSession db, TenantId tenant, RedemptionId id)
    {
        var row = await db.Find<RedemptionRow>(
            """
            SELECT id AS Id, recovery_id AS Recovery, key_version AS KeyVersion, mac AS Mac
            FROM redemptions WHERE tenant_id = @tenant AND id = @id
            """,
            new { tenant = tenant.ToString(), id = id.ToString() });
        return row is null
            ? null
            : new StoredRedemption(
                Ids.Parse<RedemptionId>(row.Id), Ids.Parse<RecoveryId>(row.Recovery), new KeyedHash((int)row.KeyVersion, row.Mac));
    }

    public Task DeleteRedemptions(Act act, RecoveryId recovery) => act.Db.Post(
        "DELETE FROM redemptions WHERE tenant_id = @tenant AND recovery_id = @recovery",
        new { tenant = act.Tenant.ToString(), recovery = recovery.ToString() });

    private const string SelectSecret =
        """
        SELECT id AS Id, recovery_id AS Recovery, means AS Means, key_version AS KeyVersion, mac AS Mac, tries AS Tries, split AS Split
        FROM recovery_secrets
        """;

    private static Dictionary<string, object?> Columns(Recovery recovery, DateTimeOffset now) => new(StringComparer.Ordinal)
    {
        ["tenant"] = recovery.Tenant.ToString(),
        ["id"] = recovery.Id.ToString(),
        ["account"] = recovery.Request.Account.ToString(),
        ["application"] = recovery.Request.Application.ToString(),
        ["requester"] = recovery.RequestedBy.Id,
        ["state"] = WireName.Of(recovery.State),
        ["version"] = recovery.Version,
        ["created"] = recovery.CreatedAt.ToUnixTimeMilliseconds(),
        ["due"] = NoNumber.Or(DueAt(recovery, now)?.ToUnixTimeMilliseconds()),
        ["closed"] = NoNumber.Or(recovery.ClosedAt?.ToUnixTimeMilliseconds()),
        ["body"] = StoredJson.Write(recovery),
    };

    // The next moment at which time alone moves it. Too early costs a look; too late would leave it standing.
    private static DateTimeOffset? DueAt(Recovery recovery, DateTimeOffset now)
    {
        if (recovery.IsClosed)
        {
            return null;
        }

        if (recovery.State == RecoveryState.Pending)
        {
            return recovery.Requirements.Select(r => r.Until).OfType<DateTimeOffset>().Append(recovery.RemindAt())
                .Where(u => u > now).Append(recovery.OpenUntil).Min();
        }

        var ends = new[] { recovery.OpenUntil, recovery.Secret?.ExpiresAt, recovery.Redemption?.ExpiresAt };
        return ends.Max();
    }

    private sealed record RedemptionRow(string Id, string Recovery, long KeyVersion, byte[] Mac);

    private sealed record SecretRow(string Id, string Recovery, string Means, long KeyVersion, byte[] Mac, long Tries, long Split)
    {
        public StoredSecret ToSecret() => new(
            Guid.ParseExact(Id, "D"), Ids.Parse<RecoveryId>(Recovery), WireName.Parse<Means>(Means), new KeyedHash((int)KeyVersion, Mac))
        {
            Tries = (int)Tries,
            IsSplit = Split != 0,
        };
    }
}

/// <summary>Which recoveries to list.</summary>
/// <param name="Account">Of this account.</param>
/// <param name="State">In this state.</param>
/// <param name="After">After this one, in the order newest first.</param>
public sealed record RecoveryFilter(AccountId? Account, RecoveryState? State, PagePosition? After);

/// <summary>Where a page ended.</summary>
/// <param name="At">The time of the last one, milliseconds.</param>
/// <param name="Id">Its id.</param>
public sealed record PagePosition(long At, Guid Id);
