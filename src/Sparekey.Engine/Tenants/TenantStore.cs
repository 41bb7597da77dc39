using Sparekey.Core;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Tenants;

/// <summary>The organisations of the installation.</summary>
internal sealed class TenantStore
{
    /// <summary>All tenants, by name.</summary>
    /// <param name="db">The transaction.</param>
    public async Task<IReadOnlyList<TenantId>> List(DbSession db) =>
        [.. (await db.List<string>("SELECT id FROM tenants ORDER BY id")).Select(TenantId.Parse)];

    /// <summary>All tenants with when they were made, by name.</summary>
    /// <param name="db">The transaction.</param>
    public async Task<IReadOnlyList<Tenant>> Rows(DbSession db) =>
        [.. (await db.List<Row>("SELECT id AS Id, created_at AS CreatedAt FROM tenants ORDER BY id")).Select(
            r => new Tenant(TenantId.Parse(r.Id), DateTimeOffset.FromUnixTimeMilliseconds(r.CreatedAt)))];

    /// <summary>Whether there is such a tenant.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    public async Task<bool> Exists(DbSession db, TenantId tenant) =>
        await db.Scalar<long>("SELECT COUNT(*) FROM tenants WHERE id = @id", new { id = tenant.ToString() }) == 1;

    /// <summary>Makes a tenant, unless there is one of this name.</summary>
    /// <param name="act">An act of the new tenant.</param>
    /// <returns>Whether it was made.</returns>
    public async Task<bool> Create(Act act) => await act.Db.Execute(
        "INSERT INTO tenants (id, created_at) VALUES (@id, @now) ON CONFLICT (id) DO NOTHING",
        new { id = act.Tenant.ToString(), now = act.NowMs }) == 1;

    private sealed record Row(string Id, long CreatedAt);
}
