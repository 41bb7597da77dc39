using Sparekey.Core;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Ledger;

/// <summary>The ledger for those who follow it by position: webhooks, and questions in chat.</summary>
internal sealed class LedgerFeed
{
    /// <summary>The last position in a tenant's ledger; 0 before the first.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    public async Task<long> LastPosition(DbSession db, TenantId tenant) => await db.Scalar<long?>(
        "SELECT MAX(position) FROM ledger_positions WHERE tenant_id = @tenant", new { tenant = tenant.ToString() }) ?? 0;

    /// <summary>Entries after a position, in their order, as their canonical bytes.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="position">The position.</param>
    /// <param name="limit">How many at most.</param>
    public async Task<IReadOnlyList<(long Position, byte[] Body)>> EntriesAfter(DbSession db, TenantId tenant, long position, int limit) =>
        [.. (await db.List<EntryRow>(
            """
            SELECT p.position AS Position, e.body AS Body
            FROM ledger_positions p JOIN ledger_entries e ON e.tenant_id = p.tenant_id AND e.id = p.entry_id
            WHERE p.tenant_id = @tenant AND p.position > @position
            ORDER BY p.position LIMIT @limit
            """,
            new { tenant = tenant.ToString(), position, limit })).Select(r => (r.Position, r.Body))];

    private sealed record EntryRow(long Position, byte[] Body);
}
