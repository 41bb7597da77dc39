using Sparekey.Core;

namespace Sparekey.Engine.Ledger;

/// <summary>
/// Gives every committed entry of a tenant that waits for one its position, in the order of the queue. Positions are gapless and never
/// change: a reader who saw position n has seen everything before it. An entry without a position is durable all the same; whoever reads
/// next gives it one. The embedded engine's entries have theirs from the start (see <see cref="LedgerWriter"/>), unless an earlier version
/// left some waiting.
/// </summary>
public sealed class LedgerSequencer
{
    // As long as these get their positions, the one writer of the embedded engine does nothing else.
    private const int AtOnce = 250;

    private readonly Acts _acts;

    /// <summary>A sequencer.</summary>
    /// <param name="acts">Runs its acts.</param>
    public LedgerSequencer(Acts acts) => _acts = acts;

    /// <summary>Gives positions to everything that waits.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="cancellationToken">Stops between two batches.</param>
    public async Task Run(TenantId tenant, CancellationToken cancellationToken)
    {
        while (await _acts.ReadOne(db => db.Scalar<long?>(
                   "SELECT seq FROM ledger_queue WHERE tenant_id = @tenant ORDER BY seq LIMIT 1", new { tenant = tenant.ToString() }),
                   cancellationToken) is not null)
        {
            try
            {
                if (await _acts.Write(tenant, Sequence, cancellationToken) == 0)
                {
                    return;
                }
            }
            catch (Exception e) when (_acts.Dialect.IsUniqueViolation(e))
            {
                // Another process has just given these positions: look again at what is left.
            }
        }
    }

    // Positions and the emptied queue are one commit: if the process dies before it, the entries wait on; after it, they have
    // their positions. The unique key on (tenant, position) stops a second sequencer from giving one twice. An act that commits
    // meanwhile may queue an entry before @last: what leaves the queue is therefore what has a position, and nothing else.
    private static async Task<int> Sequence(Act act)
    {
        var tenant = act.Tenant.ToString();
        var waiting = await act.Db.List<long>(
            "SELECT seq FROM ledger_queue WHERE tenant_id = @tenant ORDER BY seq LIMIT @limit", new { tenant, limit = AtOnce });
        if (waiting.Count == 0)
        {
            return 0;
        }

        var range = new { tenant, last = waiting[^1] };
        await act.Db.Execute(
            """
            INSERT INTO ledger_positions (tenant_id, position, entry_id, account_id, recovery_id)
            SELECT e.tenant_id,
                   COALESCE((SELECT MAX(p.position) FROM ledger_positions p WHERE p.tenant_id = @tenant), 0)
                       + ROW_NUMBER() OVER (ORDER BY q.seq, q.entry_id),
                   e.id, e.account_id, e.recovery_id
            FROM ledger_queue q JOIN ledger_entries e ON e.tenant_id = q.tenant_id AND e.id = q.entry_id
            WHERE q.tenant_id = @tenant AND q.seq <= @last
            """,
            range);
        return await act.Db.Execute(
            """
            DELETE FROM ledger_queue WHERE tenant_id = @tenant AND seq <= @last AND EXISTS (
                SELECT 1 FROM ledger_positions p WHERE p.tenant_id = @tenant AND p.entry_id = ledger_queue.entry_id)
            """,
            range);
    }
}
