using System.Security.Cryptography;
using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Ledger;

/// <summary>
/// Appends to the ledger inside the caller's transaction. Where acts run beside each other an entry gets its position later, from the tenant's
/// <see cref="LedgerSequencer"/>: positions taken inside the transaction would make every act of a tenant wait for every other. Where one
/// thread writes they wait already, and the position is taken at once.
/// </summary>
public sealed class LedgerWriter
{
    private long _last;

    /// <summary>Appends entries in their order. If the process dies after this line, they exist exactly if the act does.</summary>
    /// <param name="db">The act's transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="at">When it happened.</param>
    /// <param name="entries">The entries.</param>
    internal async Task Append(DbSession db, TenantId tenant, DateTimeOffset at, IReadOnlyList<LedgerEntry> entries)
    {
        if (entries.Count == 0)
        {
            return; // Many acts record nothing: they need not look for the last position either.
        }

        var written = entries.Select(entry =>
        {
            var salts = entry.Texts.ToDictionary(t => t.Key, _ => RandomNumberGenerator.GetBytes(16), StringComparer.Ordinal);
            var id = NewId.Make<EntryId>(at);
            return (Id: id.ToString(), Entry: entry, Salts: salts, Canonical: entry.Canonical(id, tenant, at, salts));
        }).ToList();
        (string, object?) ofTenant = ("tenant", tenant.ToString());
        await Rows.Post(
            db, "INSERT INTO ledger_entries (tenant_id, id, at, event, account_id, recovery_id, actor_id, body, leaf_hash) VALUES",
            "(@tenant, @id#, @at, @name#, @account#, @recovery#, @actor#, @canonical#, @leaf#)", [ofTenant, ("at", at.ToUnixTimeMilliseconds())],
            written, w =>
            [
                ("id", w.Id), ("name", WireName.Of(w.Entry.Event)), ("account", w.Entry.Account?.ToString()), ("recovery", w.Entry.Recovery?.ToString()),
                ("actor", w.Entry.Actor.Id), ("canonical", w.Canonical), ("leaf", LedgerEntry.LeafHash(w.Canonical)),
            ]);
        if (await LastPosition(db, tenant) is { } last)
        {
            await Rows.Post(
                db, "INSERT INTO ledger_positions (tenant_id, position, entry_id, account_id, recovery_id) VALUES",
                "(@tenant, @position#, @id#, @account#, @recovery#)", [ofTenant],
                written.Index(), w =>
                [
                    ("position", last + 1 + w.Index), ("id", w.Item.Id),
                    ("account", w.Item.Entry.Account?.ToString()), ("recovery", w.Item.Entry.Recovery?.ToString()),
                ]);
        }
        else
        {
            await Rows.Post(
                db, "INSERT INTO ledger_queue (tenant_id, entry_id, seq) VALUES", "(@tenant, @id#, @seq#)", [ofTenant],
                written, w => [("id", w.Id), ("seq", Next(at))]);
        }

        await Rows.Post(
            db, "INSERT INTO ledger_texts (tenant_id, entry_id, name, salt, text) VALUES", "(@tenant, @id#, @name#, @salt#, @text#)", [ofTenant],
            written.SelectMany(w => w.Entry.Texts.Select(t => (w.Id, Name: t.Key, Salt: w.Salts[t.Key], Text: t.Value))),
            t => [("id", t.Id), ("name", t.Name), ("salt", t.Salt), ("text", t.Text)]);
    }

    // The position after which this act's entries come; null where they must wait. What waits already, because an earlier version wrote it,
    // comes first.
    private static async Task<long?> LastPosition(DbSession db, TenantId tenant) => !db.Dialect.HasOneWriter
        ? null
        : await db.Scalar<long?>(
            """
            SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM ledger_queue WHERE tenant_id = @tenant)
                        THEN COALESCE((SELECT MAX(position) FROM ledger_positions WHERE tenant_id = @tenant), 0) END
            """,
            new { tenant = tenant.ToString() });

    // Microseconds since 1970, and always more than before: entries of one process keep their order, within an act and from act to act. Between
    // processes the order is that of their clocks, which decides nothing: positions do.
    private long Next(DateTimeOffset at)
    {
        while (true)
        {
            var last = Interlocked.Read(ref _last);
            var next = Math.Max(last + 1, at.ToUnixTimeMilliseconds() * 1000);
            if (Interlocked.CompareExchange(ref _last, next, last) == last)
            {
                return next;
            }
        }
    }
}
