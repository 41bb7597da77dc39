using Sparekey.Core;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Delivery;

/// <summary>
/// The outbox as those see it who empty it. A row is claimed for a while before it is sent; whoever claimed it owns it until
/// then, so that several workers, and several processes, can share one outbox. It writes rows and nothing else.
/// </summary>
internal sealed class OutboxQueue
{
    private const string Columns =
        """
        id AS Id, kind AS Kind, account_id AS Account, recovery_id AS Recovery, created_at AS CreatedAt, expires_at AS ExpiresAt,
        attempts AS Attempts, failing_since AS FailingSince, sealed AS Sealed, route AS Route
        """;

    /// <summary>Whether anything may leave now. Looking costs a read; only what is there costs a commit.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="now">The time.</param>
    /// <param name="routes">The ways that are open.</param>
    public async Task<bool> AnyDue(DbSession db, TenantId tenant, DateTimeOffset now, IReadOnlyCollection<MessageRoute> routes) =>
        await db.Scalar<string>(
            $"""
            SELECT id FROM outbox
            WHERE tenant_id = @tenant AND due_at <= @now AND claimed_until <= @now AND (expires_at IS NULL OR expires_at > @now)
              AND route IN ({NamesOf(routes)})
            LIMIT 1
            """,
            new { tenant = tenant.ToString(), now = now.ToUnixTimeMilliseconds() }) is not null;

    /// <summary>Claims messages that may leave, the longest due first.</summary>
    /// <param name="act">The act.</param>
    /// <param name="until">Until when nobody else gets them.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="routes">The ways that are open.</param>
    public async Task<IReadOnlyList<QueuedMessage>> Claim(
        Act act, DateTimeOffset until, int limit, IReadOnlyCollection<MessageRoute> routes)
    {
        var tenant = act.Tenant.ToString();
        var rows = await act.Db.List<Row>(
            $"""
            SELECT {Columns} FROM outbox
            WHERE tenant_id = @tenant AND due_at <= @now AND claimed_until <= @now AND (expires_at IS NULL OR expires_at > @now)
              AND route IN ({NamesOf(routes)})
            ORDER BY due_at, id LIMIT @limit
            """,
            new { tenant, now = act.NowMs, limit });
        var (claim, mine) = await RowClaims.Take(act, "outbox", rows, r => r.Id, until);
        return [.. mine.Select(r => r.Read(claim))];
    }

    /// <summary>
    /// Whether a claimed message still is to be sent. Its row is gone once its secret is worth nothing; its claim is lost when
    /// the time for it ran out.
    /// </summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="message">The message.</param>
    /// <param name="now">The time.</param>
    /// <param name="needed">How long the claim must still hold.</param>
    public async Task<bool> IsStillToSend(
        DbSession db, TenantId tenant, QueuedMessage message, DateTimeOffset now, TimeSpan needed) =>
        await db.Scalar<long>(
            """
            SELECT COUNT(*) FROM outbox
            WHERE tenant_id = @tenant AND id = @id AND claimed_by = @claim AND claimed_until >= @needed
              AND (expires_at IS NULL OR expires_at > @now)
            """,
            new
            {
                tenant = tenant.ToString(),
                id = message.Id.ToString(),
                claim = message.Claim,
                now = now.ToUnixTimeMilliseconds(),
                needed = (now + needed).ToUnixTimeMilliseconds(),
            }) == 1;

    /// <summary>Puts another payload in a claimed message's place.</summary>
    /// <param name="act">The act that claimed it.</param>
    /// <param name="message">The message with its new payload.</param>
    public Task<int> Rewrite(Act act, QueuedMessage message) => act.Db.Execute(
        "UPDATE outbox SET sealed = @payload, route = @route WHERE tenant_id = @tenant AND id = @id AND claimed_by = @claim",
        new { tenant = act.Tenant.ToString(), id = message.Id.ToString(), claim = message.Claim, payload = message.Sealed, route = WireName.Of(message.Route) });

    /// <summary>Adds a claimed message beside another: the same message to another address.</summary>
    /// <param name="act">The act that claimed the other.</param>
    /// <param name="message">The new message.</param>
    /// <param name="until">Until when it is claimed.</param>
    public Task<int> Add(Act act, QueuedMessage message, DateTimeOffset until) => act.Db.Execute(
        """
        INSERT INTO outbox (tenant_id, id, kind, account_id, recovery_id, created_at, due_at, expires_at, attempts, sealed,
            claimed_by, claimed_until, failing_since, route)
        VALUES (@tenant, @id, @kind, @account, @recovery, @created, @now, @expires, @attempts, @payload, @claim, @until, @failing, @route)
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = message.Id.ToString(),
            kind = WireName.Of(message.Kind),
            account = message.Account.ToString(),
            recovery = message.Recovery?.ToString(),
            created = message.CreatedAt.ToUnixTimeMilliseconds(),
            now = act.NowMs,
            expires = message.ExpiresAt?.ToUnixTimeMilliseconds(),
            attempts = message.Attempts,
            payload = message.Sealed,
            claim = message.Claim,
            until = until.ToUnixTimeMilliseconds(),
            failing = message.FailingSince?.ToUnixTimeMilliseconds(),
            route = WireName.Of(message.Route),
        });

    /// <summary>Erases a message: it left, or never will. A row that is gone already is no fault.</summary>
    /// <param name="act">The act.</param>
    /// <param name="message">The message.</param>
    public Task<int> Delete(Act act, MessageId message) => act.Db.Execute(
        "DELETE FROM outbox WHERE tenant_id = @tenant AND id = @id",
        new { tenant = act.Tenant.ToString(), id = message.ToString() });

    /// <summary>Lets a message wait after it failed.</summary>
    /// <param name="act">The act.</param>
    /// <param name="message">The message.</param>
    /// <param name="next">When to try again.</param>
    public Task<int> Postpone(Act act, QueuedMessage message, DateTimeOffset next) => act.Db.Execute(
        """
        UPDATE outbox SET attempts = attempts + 1, failing_since = COALESCE(failing_since, @now), due_at = @next,
            claimed_by = NULL, claimed_until = 0
        WHERE tenant_id = @tenant AND id = @id AND claimed_by = @claim
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = message.Id.ToString(),
            claim = message.Claim,
            now = act.NowMs,
            next = next.ToUnixTimeMilliseconds(),
        });

    /// <summary>Gives a message back that was claimed and not tried.</summary>
    /// <param name="act">The act.</param>
    /// <param name="message">The message.</param>
    public Task<int> Release(Act act, QueuedMessage message) => RowClaims.Release(act, "outbox", message.Id.ToString(), message.Claim);

    /// <summary>
    /// Keeps what may be known of a message that never left. A notice is kept whole, sealed as it was, so that it can be sent again; of
    /// what carried a secret nothing is.
    /// </summary>
    /// <param name="act">The act.</param>
    /// <param name="message">The message.</param>
    /// <param name="why">Why.</param>
    /// <param name="code">What the mail server said last, if it said anything.</param>
    public Task<int> Bury(Act act, QueuedMessage message, Undeliverable why, int? code) => act.Db.Execute(
        """
        INSERT INTO dead_letters
            (tenant_id, id, kind, account_id, recovery_id, created_at, died_at, attempts, why, smtp_code, route, sealed)
        VALUES (@tenant, @id, @kind, @account, @recovery, @created, @now, @attempts, @why, @code, @route, @payload)
        ON CONFLICT (tenant_id, id) DO NOTHING
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = message.Id.ToString(),
            kind = WireName.Of(message.Kind),
            account = message.Account.ToString(),
            recovery = message.Recovery?.ToString(),
            created = message.CreatedAt.ToUnixTimeMilliseconds(),
            now = act.NowMs,
            attempts = message.Attempts,
            why = WireName.Of(why),
            code,
            route = WireName.Of(message.Route),
            payload = message.ExpiresAt is null && why != Undeliverable.Unreadable ? message.Sealed : null,
        });

    /// <summary>Puts a dead letter back under its own id, by which a receiver can tell that it knows it.</summary>
    /// <param name="act">The act.</param>
    /// <param name="message">Which.</param>
    /// <returns>Zero when there is none, or nothing of it was kept.</returns>
    public async Task<int> Revive(Act act, MessageId message)
    {
        var row = new { tenant = act.Tenant.ToString(), id = message.ToString(), now = act.NowMs };
        var revived = await act.Db.Execute(
            """
            INSERT INTO outbox (tenant_id, id, kind, account_id, recovery_id, created_at, due_at, attempts, sealed, route)
            SELECT tenant_id, id, kind, account_id, recovery_id, created_at, CAST(@now AS BIGINT), 0, sealed, route
            FROM dead_letters WHERE tenant_id = @tenant AND id = @id AND sealed IS NOT NULL
            """,
            row);
        if (revived == 1)
        {
            await act.Db.Execute("DELETE FROM dead_letters WHERE tenant_id = @tenant AND id = @id", row);
        }

        return revived;
    }

    /// <summary>Messages whose secret is worth nothing any more.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="now">The time.</param>
    /// <param name="limit">How many at most.</param>
    public async Task<IReadOnlyList<QueuedMessage>> Expired(DbSession db, TenantId tenant, DateTimeOffset now, int limit)
    {
        var rows = await db.List<Row>(
            $"SELECT {Columns} FROM outbox WHERE tenant_id = @tenant AND expires_at <= @now ORDER BY expires_at LIMIT @limit",
            new { tenant = tenant.ToString(), now = now.ToUnixTimeMilliseconds(), limit });
        return [.. rows.Select(r => r.Read(""))];
    }

    private static string NamesOf(IReadOnlyCollection<MessageRoute> routes) => string.Join(", ", routes.Select(r => $"'{WireName.Of(r)}'"));

    private sealed record Row(
        string Id, string Kind, string Account, string? Recovery, long CreatedAt, long? ExpiresAt, long Attempts, long? FailingSince,
        byte[] Sealed, string Route)
    {
        public QueuedMessage Read(string claim) => new(
            Ids.Parse<MessageId>(Id), WireName.Parse<MessageKind>(Kind), Ids.Parse<AccountId>(Account), At(CreatedAt), claim)
        {
            Recovery = Recovery is null ? null : Ids.Parse<RecoveryId>(Recovery),
            ExpiresAt = ExpiresAt is { } expires ? At(expires) : null,
            Attempts = (int)Attempts,
            FailingSince = FailingSince is { } since ? At(since) : null,
            Sealed = Sealed,
            Route = WireName.Parse<MessageRoute>(Route),
        };

        private static DateTimeOffset At(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms);
    }
}
