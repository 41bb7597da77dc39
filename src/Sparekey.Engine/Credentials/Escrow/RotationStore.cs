using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>Rotations of the organisation key. What one has done so far stands among the messages.</summary>
/// <param name="policies">The keys.</param>
/// <param name="escrows">The messages.</param>
internal sealed class RotationStore(EscrowPolicyStore policies, EscrowStore escrows)
{
    private const string Columns =
        """
        id AS Id, from_key_id AS FromKey, to_key_id AS ToKey, state AS State, started_at AS StartedAt, started_by_kind AS ByKind,
        started_by AS StartedBy, started_by_owner AS ByOwner, ended_at AS EndedAt
        """;

    /// <summary>Which tenants have a rotation that goes on.</summary>
    /// <param name="db">The transaction.</param>
    public static async Task<IReadOnlyList<TenantId>> Tenants(DbSession db) =>
        [.. (await db.List<string>("SELECT tenant_id FROM escrow_rotations WHERE state = 'running' ORDER BY tenant_id")).Select(TenantId.Parse)];

    /// <summary>Which rotation goes on, without how far it is: counting looks at every escrow; null for none.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    public async Task<RotationUnderway?> Underway(DbSession db, TenantId tenant) => await Row(db, tenant, "state = 'running'", default) is { } row
        ? new RotationUnderway(Ids.Parse<RotationId>(row.Id), await KeyOf(db, tenant, row.FromKey), await KeyOf(db, tenant, row.ToKey))
        : null;

    /// <summary>The rotation that goes on; null for none.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    public Task<Rotation?> Running(DbSession db, TenantId tenant) => Find(db, tenant, "state = 'running'", default);

    /// <summary>A rotation of any state; null for none.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">The rotation.</param>
    public Task<Rotation?> Find(DbSession db, TenantId tenant, RotationId id) => Find(db, tenant, "id = @id", id);

    /// <summary>The last rotation that was begun; null for none.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    public Task<Rotation?> Last(DbSession db, TenantId tenant) => Find(
        db, tenant, "id = (SELECT id FROM escrow_rotations WHERE tenant_id = @tenant ORDER BY started_at DESC, id LIMIT 1)", default);

    /// <summary>Begins a rotation.</summary>
    /// <param name="act">The act; none goes on.</param>
    /// <param name="from">The key in force.</param>
    /// <param name="to">The key it leads to.</param>
    /// <param name="by">Who begins it.</param>
    public async Task<Rotation> Start(Act act, EscrowKey from, EscrowKey to, Principal by)
    {
        var id = NewId.Make<RotationId>();
        await act.Db.Execute(
            """
            INSERT INTO escrow_rotations (tenant_id, id, from_key_id, to_key_id, state, started_at, started_by_kind, started_by, started_by_owner)
            VALUES (@tenant, @id, @from, @to, 'running', @now, @kind, @by, @owner)
            """,
            new
            {
                tenant = act.Tenant.ToString(),
                id = id.ToString(),
                from = from.Id.ToString(),
                to = to.Id.ToString(),
                now = act.NowMs,
                kind = WireName.Of(by.Kind),
                by = by.Id,
                owner = by.OwnerId,
            });
        return (await Find(act.Db, act.Tenant, id))!;
    }

    /// <summary>Ends a rotation.</summary>
    /// <param name="act">The act.</param>
    /// <param name="id">The rotation.</param>
    /// <param name="state">How it ended.</param>
    public Task<int> End(Act act, RotationId id, RotationState state) => act.Db.Execute(
        "UPDATE escrow_rotations SET state = @state, ended_at = @now WHERE tenant_id = @tenant AND id = @id AND state = 'running'",
        new { tenant = act.Tenant.ToString(), id = id.ToString(), state = WireName.Of(state), now = act.NowMs });

    /// <summary>Gives a rotation up: nothing is left of it but that it was.</summary>
    /// <param name="act">The act.</param>
    /// <param name="rotation">The rotation.</param>
    /// <param name="by">Who gives it up.</param>
    public async Task GiveUp(Act act, Rotation rotation, Principal by)
    {
        await escrows.DeletePasswordsTo(act, rotation.To.Id);
        await policies.SetKey(act, rotation.To.Id, EscrowKeyState.Abandoned, by);
        await End(act, rotation.Id, RotationState.Cancelled);
    }

    private async Task<Rotation?> Find(DbSession db, TenantId tenant, string which, RotationId id)
    {
        if (await Row(db, tenant, which, id) is not { } row)
        {
            return null;
        }

        var to = await KeyOf(db, tenant, row.ToKey);
        var (total, staged) = await escrows.Count(db, tenant, to.Id);
        return new Rotation(
            Ids.Parse<RotationId>(row.Id), await KeyOf(db, tenant, row.FromKey), to,
            WireName.Parse<RotationState>(row.State), DateTimeOffset.FromUnixTimeMilliseconds(row.StartedAt),
            new Principal(WireName.Parse<PrincipalKind>(row.ByKind), row.StartedBy, row.ByOwner), total, staged)
        {
            EndedAt = row.EndedAt is { } ended ? DateTimeOffset.FromUnixTimeMilliseconds(ended) : null,
        };
    }

    private static Task<RotationRow?> Row(DbSession db, TenantId tenant, string which, RotationId id) => db.Find<RotationRow>(
        $"SELECT {Columns} FROM escrow_rotations WHERE tenant_id = @tenant AND {which}", new { tenant = tenant.ToString(), id = id.ToString() });

    private async Task<EscrowKey> KeyOf(DbSession db, TenantId tenant, string key) =>
        (await policies.FindKey(db, tenant, Ids.Parse<EscrowKeyId>(key)))!;

    private sealed record RotationRow(
        string Id, string FromKey, string ToKey, string State, long StartedAt, string ByKind, string StartedBy, string? ByOwner, long? EndedAt);
}
