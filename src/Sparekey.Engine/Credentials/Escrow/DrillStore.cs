using System.Text;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>Drills. Of what a test escrow holds only a keyed hash is kept.</summary>
/// <param name="keys">Hashes it.</param>
internal sealed class DrillStore(KeyRing keys)
{
    private const string Columns =
        """
        id AS Id, key_id AS KeyId, state AS State, started_at AS StartedAt, started_by AS StartedBy, expires_at AS ExpiresAt,
        ended_at AS EndedAt, ended_by AS EndedBy, key_version AS KeyVersion, mac AS Mac, tries AS Tries
        """;

    /// <summary>Begins a drill.</summary>
    /// <param name="act">The act.</param>
    /// <param name="key">The organisation key.</param>
    /// <param name="proof">What the test escrow holds.</param>
    /// <param name="lasts">How long it can be passed.</param>
    /// <param name="by">Who begins it.</param>
    public async Task<Drill> Add(Act act, EscrowKeyId key, string proof, TimeSpan lasts, Principal by)
    {
        var drill = new Drill(NewId.Make<DrillId>(), key, DrillState.Open, act.Now, by.Id, act.Now + lasts);
        var hash = keys.Hash(KeyPurpose.EscrowDrill, Context(act.Tenant, drill.Id), Encoding.UTF8.GetBytes(proof));
        await act.Db.Execute(
            """
            INSERT INTO escrow_drills (tenant_id, id, key_id, key_version, mac, state, tries, started_at, started_by, expires_at)
            VALUES (@tenant, @id, @key, @version, @mac, 'open', 0, @now, @by, @expires)
            """,
            new
            {
                tenant = act.Tenant.ToString(),
                id = drill.Id.ToString(),
                key = key.ToString(),
                version = hash.KeyVersion,
                mac = hash.Mac,
                now = act.NowMs,
                by = by.Id,
                expires = drill.ExpiresAt.ToUnixTimeMilliseconds(),
            });
        return drill;
    }

    /// <summary>A drill; null for none.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">The drill.</param>
    public async Task<Drill?> Find(DbSession db, TenantId tenant, DrillId id) => (await Row(db, tenant, id))?.Read();

    /// <summary>The last drills, newest first.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="limit">How many at most.</param>
    public async Task<IReadOnlyList<Drill>> List(DbSession db, TenantId tenant, int limit) =>
        [.. (await db.List<DrillRow>(
            $"SELECT {Columns} FROM escrow_drills WHERE tenant_id = @tenant ORDER BY started_at DESC, id LIMIT @limit",
            new { tenant = tenant.ToString(), limit })).Select(r => r.Read())];

    /// <summary>Counts a try, and says whether it shows what it should.</summary>
    /// <param name="act">The act.</param>
    /// <param name="id">The drill; open.</param>
    /// <param name="proof">What came back.</param>
    /// <param name="most">After how many wrong tries it has failed.</param>
    /// <param name="by">Who tried.</param>
    /// <returns>The drill afterwards.</returns>
    public async Task<Drill> Try(Act act, DrillId id, string proof, int most, Principal by)
    {
        var row = (await Row(act.Db, act.Tenant, id))!;
        var right = keys.Verify(
            new KeyedHash((int)row.KeyVersion, row.Mac), KeyPurpose.EscrowDrill, Context(act.Tenant, id), Encoding.UTF8.GetBytes(proof));
        var state = right ? DrillState.Passed : row.Tries + 1 >= most ? DrillState.Failed : DrillState.Open;
        await act.Db.Execute(
            "UPDATE escrow_drills SET tries = tries + 1, state = @state, ended_at = @ended, ended_by = @by WHERE tenant_id = @tenant AND id = @id AND state = 'open'",
            new
            {
                tenant = act.Tenant.ToString(),
                id = id.ToString(),
                state = WireName.Of(state),
                ended = state == DrillState.Open ? (long?)null : act.NowMs,
                by = state == DrillState.Open ? null : by.Id,
            });
        return (await Find(act.Db, act.Tenant, id))!;
    }

    private static string Context(TenantId tenant, DrillId id) => $"{tenant}/{id}";

    private static Task<DrillRow?> Row(DbSession db, TenantId tenant, DrillId id) => db.Find<DrillRow>(
        $"SELECT {Columns} FROM escrow_drills WHERE tenant_id = @tenant AND id = @id", new { tenant = tenant.ToString(), id = id.ToString() });

    private sealed record DrillRow(
        string Id, string KeyId, string State, long StartedAt, string StartedBy, long ExpiresAt, long? EndedAt, string? EndedBy, long KeyVersion,
        byte[] Mac, long Tries)
    {
        public Drill Read() => new(
            Ids.Parse<DrillId>(Id), Ids.Parse<EscrowKeyId>(KeyId), WireName.Parse<DrillState>(State),
            DateTimeOffset.FromUnixTimeMilliseconds(StartedAt), StartedBy, DateTimeOffset.FromUnixTimeMilliseconds(ExpiresAt))
        {
            EndedAt = EndedAt is { } ended ? DateTimeOffset.FromUnixTimeMilliseconds(ended) : null,
            EndedBy = EndedBy,
        };
    }
}
