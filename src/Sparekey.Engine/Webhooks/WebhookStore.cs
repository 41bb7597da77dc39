using System.Text.Json;
using Sparekey.Core;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Webhooks;

/// <summary>The secrets of an endpoint as they are stored, the present one first.</summary>
/// <param name="Sealed">The present one.</param>
/// <param name="Former">The one before.</param>
/// <param name="FormerUntil">Until when it signs.</param>
internal sealed record SealedSecrets(byte[] Sealed, byte[]? Former, DateTimeOffset? FormerUntil)
{
    /// <summary>Those that sign now.</summary>
    /// <param name="now">The time.</param>
    public IEnumerable<byte[]> At(DateTimeOffset now) => Former is not null && now < FormerUntil ? [Sealed, Former] : [Sealed];
}

/// <summary>Endpoints and their secrets.</summary>
internal sealed class WebhookStore
{
    private const string Columns =
        """
        id AS Id, url AS Url, events AS Events, state AS State, position AS Position, created_at AS CreatedAt, version AS Version,
        former_until AS FormerUntil
        """;

    /// <summary>All endpoints of a tenant, oldest first.</summary>
    public async Task<IReadOnlyList<Webhook>> List(DbSession db, TenantId tenant) =>
        [.. (await db.List<Row>(
            $"SELECT {Columns} FROM webhooks WHERE tenant_id = @tenant ORDER BY created_at, id", new { tenant = tenant.ToString() }))
            .Select(r => r.Read())];

    /// <summary>One endpoint.</summary>
    public async Task<Webhook?> Find(DbSession db, TenantId tenant, WebhookId id) =>
        (await db.Find<Row>(
            $"SELECT {Columns} FROM webhooks WHERE tenant_id = @tenant AND id = @id", new { tenant = tenant.ToString(), id = id.ToString() }))?.Read();

    /// <summary>The secrets of an endpoint.</summary>
    public async Task<SealedSecrets?> Secrets(DbSession db, TenantId tenant, WebhookId id) =>
        await db.Find<SecretsRow>(
            "SELECT sealed AS Sealed, former AS Former, former_until AS FormerUntil FROM webhooks WHERE tenant_id = @tenant AND id = @id",
            new { tenant = tenant.ToString(), id = id.ToString() }) is { } row
            ? new SealedSecrets(row.Sealed, row.Former, row.FormerUntil is { } until ? DateTimeOffset.FromUnixTimeMilliseconds(until) : null)
            : null;

    /// <summary>Adds an endpoint.</summary>
    public Task<int> Insert(Act act, Webhook webhook, string by, byte[] envelope) => act.Db.Execute(
        """
        INSERT INTO webhooks (tenant_id, id, url, events, state, position, created_at, created_by, version, sealed)
        VALUES (@tenant, @id, @url, @events, @state, @position, @now, @by, @version, @envelope)
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = webhook.Id.ToString(),
            url = webhook.Url.AbsoluteUri,
            events = JsonSerializer.Serialize(webhook.Events),
            state = WireName.Of(webhook.State),
            position = webhook.Position,
            now = act.NowMs,
            by,
            version = webhook.Version,
            envelope,
        });

    /// <summary>Writes a change over the version that was read.</summary>
    public Task<int> Update(Act act, Webhook webhook) => act.Db.Execute(
        """
        UPDATE webhooks SET url = @url, events = @events, state = @state, version = @version
        WHERE tenant_id = @tenant AND id = @id AND version = @version - 1
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = webhook.Id.ToString(),
            url = webhook.Url.AbsoluteUri,
            events = JsonSerializer.Serialize(webhook.Events),
            state = WireName.Of(webhook.State),
            version = webhook.Version,
        });

    /// <summary>Puts another secret in force; the present one signs beside it for a while.</summary>
    public Task<int> Rotate(Act act, WebhookId id, byte[] envelope, DateTimeOffset formerUntil) => act.Db.Execute(
        """
        UPDATE webhooks SET former = sealed, former_until = @until, sealed = @envelope, version = version + 1
        WHERE tenant_id = @tenant AND id = @id
        """,
        new { tenant = act.Tenant.ToString(), id = id.ToString(), envelope, until = formerUntil.ToUnixTimeMilliseconds() });

    /// <summary>Notes how far in the ledger an endpoint's deliveries were made. Zero where another process was faster.</summary>
    public Task<int> Advance(Act act, Webhook webhook, long position) => act.Db.Execute(
        "UPDATE webhooks SET position = @position WHERE tenant_id = @tenant AND id = @id AND position = @before",
        new { tenant = act.Tenant.ToString(), id = webhook.Id.ToString(), position, before = webhook.Position });

    /// <summary>Deletes an endpoint and all that it was told.</summary>
    public async Task Delete(Act act, WebhookId id)
    {
        var row = new { tenant = act.Tenant.ToString(), id = id.ToString() };
        await act.Db.Execute("DELETE FROM webhook_deliveries WHERE tenant_id = @tenant AND webhook_id = @id", row);
        await act.Db.Execute("DELETE FROM webhooks WHERE tenant_id = @tenant AND id = @id", row);
    }

    private sealed record SecretsRow(byte[] Sealed, byte[]? Former, long? FormerUntil);

    private sealed record Row(
        string Id, string Url, string Events, string State, long Position, long CreatedAt, long Version, long? FormerUntil)
    {
        public Webhook Read() => new(
            Ids.Parse<WebhookId>(Id), new Uri(Url), [.. JsonSerializer.Deserialize<string[]>(Events)!], WireName.Parse<WebhookState>(State),
            DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt), (int)Version)
        {
            Position = Position,
            FormerSecretUntil = FormerUntil is { } until ? DateTimeOffset.FromUnixTimeMilliseconds(until) : null,
        };
    }
}
