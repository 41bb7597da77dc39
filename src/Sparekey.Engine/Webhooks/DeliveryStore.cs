using Sparekey.Core;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Webhooks;

/// <summary>
/// What endpoints are told, row by row. A row is claimed for a while before it is sent; whoever claimed it owns it until then, so that
/// several processes share the work.
/// </summary>
internal sealed class DeliveryStore
{
    private const string Columns =
        """
        id AS Id, webhook_id AS Webhook, message_id AS MessageId, event AS Event, state AS State, created_at AS CreatedAt,
        due_at AS DueAt, attempts AS Attempts, tried_at AS TriedAt, status AS Status, fault AS Fault, body AS Body
        """;

    /// <summary>Adds a delivery, once for each event and endpoint.</summary>
    public Task<int> Add(Act act, WebhookId webhook, long position, string type, string messageId, string body) => act.Db.Execute(
        """
        INSERT INTO webhook_deliveries (tenant_id, id, webhook_id, position, event, message_id, body, state, created_at, due_at)
        VALUES (@tenant, @id, @webhook, @position, @type, @messageId, @body, 'waiting', @now, @now)
        ON CONFLICT (tenant_id, webhook_id, position, event) DO NOTHING
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = NewId.Make<DeliveryId>().ToString(),
            webhook = webhook.ToString(),
            position,
            type,
            messageId,
            body,
            now = act.NowMs,
        });

    /// <summary>Whether anything is to be sent to an endpoint now.</summary>
    public async Task<bool> AnyDue(DbSession db, TenantId tenant, WebhookId webhook, DateTimeOffset now) => await db.Scalar<string>(
        """
        SELECT id FROM webhook_deliveries
        WHERE tenant_id = @tenant AND webhook_id = @webhook AND due_at <= @now AND claimed_until <= @now LIMIT 1
        """,
        new { tenant = tenant.ToString(), webhook = webhook.ToString(), now = now.ToUnixTimeMilliseconds() }) is not null;

    /// <summary>Claims what is to be sent to an endpoint, the longest due first.</summary>
    public async Task<IReadOnlyList<WebhookDelivery>> Claim(Act act, WebhookId webhook, DateTimeOffset until, int limit)
    {
        var tenant = act.Tenant.ToString();
        var rows = await act.Db.List<Row>(
            $"""
            SELECT {Columns} FROM webhook_deliveries
            WHERE tenant_id = @tenant AND webhook_id = @webhook AND due_at <= @now AND claimed_until <= @now
            ORDER BY due_at, position LIMIT @limit
            """,
            new { tenant, webhook = webhook.ToString(), now = act.NowMs, limit });
        var (claim, mine) = await RowClaims.Take(act, "webhook_deliveries", rows, r => r.Id, until);
        return [.. mine.Select(r => r.Read() with { Claim = claim })];
    }

    /// <summary>Notes what came of a try.</summary>
    /// <param name="act">The act.</param>
    /// <param name="delivery">The delivery as it was claimed, with what came of it; over when <c>DueAt</c> is null.</param>
    /// <returns>Zero when the claim was lost meanwhile.</returns>
    public Task<int> Settle(Act act, WebhookDelivery delivery) => act.Db.Execute(
        """
        UPDATE webhook_deliveries
        SET state = @state, due_at = @due, attempts = @attempts, tried_at = @now, status = @status, fault = @fault,
            claimed_by = NULL, claimed_until = 0
        WHERE tenant_id = @tenant AND id = @id AND claimed_by = @claim
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = delivery.Id.ToString(),
            state = WireName.Of(delivery.State),
            due = delivery.DueAt?.ToUnixTimeMilliseconds(),
            attempts = delivery.Attempts,
            now = act.NowMs,
            status = delivery.Status,
            fault = delivery.Fault,
            claim = delivery.Claim,
        });

    /// <summary>Gives back what was claimed and not tried.</summary>
    public Task<int> Release(Act act, WebhookDelivery delivery) => RowClaims.Release(act, "webhook_deliveries", delivery.Id.ToString(), delivery.Claim);

    /// <summary>Has a delivery that is over sent again, with the same message id. Zero when it is still waiting.</summary>
    public Task<int> Replay(Act act, DeliveryId id) => act.Db.Execute(
        """
        UPDATE webhook_deliveries SET state = 'waiting', due_at = @now, attempts = 0
        WHERE tenant_id = @tenant AND id = @id AND due_at IS NULL
        """,
        new { tenant = act.Tenant.ToString(), id = id.ToString(), now = act.NowMs });

    /// <summary>One delivery of an endpoint.</summary>
    public async Task<WebhookDelivery?> Find(DbSession db, TenantId tenant, WebhookId webhook, DeliveryId id) =>
        (await db.Find<Row>(
            $"SELECT {Columns} FROM webhook_deliveries WHERE tenant_id = @tenant AND webhook_id = @webhook AND id = @id",
            new { tenant = tenant.ToString(), webhook = webhook.ToString(), id = id.ToString() }))?.Read();

    /// <summary>Deliveries of an endpoint, newest first.</summary>
    public async Task<IReadOnlyList<WebhookDelivery>> List(
        DbSession db, TenantId tenant, WebhookId webhook, DeliveryState? state, PagePosition? after, int limit) =>
        [.. (await db.List<Row>(
            $"""
            SELECT {Columns} FROM webhook_deliveries
            WHERE tenant_id = @tenant AND webhook_id = @webhook
              AND (CAST(@state AS TEXT) IS NULL OR state = @state)
              AND (CAST(@afterAt AS BIGINT) IS NULL OR created_at < @afterAt OR (created_at = @afterAt AND id < @afterId))
            ORDER BY created_at DESC, id DESC LIMIT @limit
            """,
            new
            {
                tenant = tenant.ToString(),
                webhook = webhook.ToString(),
                state = state is { } wanted ? WireName.Of(wanted) : null,
                afterAt = after?.At,
                afterId = after?.Id.ToString("D"),
                limit,
            })).Select(r => r.Read())];

    private sealed record Row(
        string Id, string Webhook, string MessageId, string Event, string State, long CreatedAt, long? DueAt, long Attempts, long? TriedAt,
        long? Status, string? Fault, string Body)
    {
        public WebhookDelivery Read() => new(
            Ids.Parse<DeliveryId>(Id), Ids.Parse<WebhookId>(Webhook), MessageId, Event, WireName.Parse<DeliveryState>(State), At(CreatedAt),
            (int)Attempts)
        {
            DueAt = DueAt is { } due ? At(due) : null,
            TriedAt = TriedAt is { } tried ? At(tried) : null,
            Status = (int?)Status,
            Fault = Fault,
            Body = Body,
        };

        private static DateTimeOffset At(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms);
    }
}
