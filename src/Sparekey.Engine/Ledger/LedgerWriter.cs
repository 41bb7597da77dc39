using System.Security.Cryptography;
using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Ledger;

/// <summary>
/// Appends to the ledger inside the caller's transaction. The entry gets its position later, from the tenant's sequencer:
/// positions taken inside the transaction would make every act of a tenant wait for every other.
/// </summary>
public sealed class LedgerWriter
{
    // So many rows in one statement: texts differ by their number, and every text is prepared.
    private const int MostRows = 16;

    private long _last;

    /// <summary>Appends entries in their order. If the process dies after this line, they exist exactly if the act does.</summary>
    /// <param name="db">The act's transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="at">When it happened.</param>
    /// <param name="entries">The entries.</param>
    internal async Task Append(DbSession db, TenantId tenant, DateTimeOffset at, IReadOnlyList<LedgerEntry> entries)
    {
        foreach (var some in entries.Chunk(MostRows))
        {
            await AppendSome(db, tenant, at, some);
        }
    }

    private async Task AppendSome(DbSession db, TenantId tenant, DateTimeOffset at, LedgerEntry[] entries)
    {
        var values = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["tenant"] = tenant.ToString(), ["at"] = at.ToUnixTimeMilliseconds(),
        };
        var queued = new Dictionary<string, object?>(StringComparer.Ordinal) { ["tenant"] = tenant.ToString() };
        var texts = new List<(string Entry, string Name, byte[] Salt, string Text)>();
        foreach (var (i, entry) in entries.Index())
        {
            var id = NewId.Make<EntryId>(at);
            var salts = entry.Texts.ToDictionary(t => t.Key, _ => RandomNumberGenerator.GetBytes(16), StringComparer.Ordinal);
            var canonical = entry.Canonical(id, tenant, at, salts);
            values[$"id{i}"] = queued[$"id{i}"] = id.ToString();
            queued[$"seq{i}"] = Next(at);
            values[$"name{i}"] = WireName.Of(entry.Event);
            values[$"account{i}"] = entry.Account?.ToString();
            values[$"recovery{i}"] = entry.Recovery?.ToString();
            values[$"actor{i}"] = entry.Actor.Id;
            values[$"canonical{i}"] = canonical;
            values[$"leaf{i}"] = LedgerEntry.LeafHash(canonical);
            texts.AddRange(entry.Texts.Select(t => (id.ToString(), t.Key, salts[t.Key], t.Value)));
        }

        await db.Post(
            "INSERT INTO ledger_entries (tenant_id, id, at, event, account_id, recovery_id, actor_id, body, leaf_hash) VALUES "
            + Rows.Of(entries.Length, "(@tenant, @id#, @at, @name#, @account#, @recovery#, @actor#, @canonical#, @leaf#)"),
            values);
        await db.Post(
            "INSERT INTO ledger_queue (tenant_id, entry_id, seq) VALUES " + Rows.Of(entries.Length, "(@tenant, @id#, @seq#)"), queued);
        foreach (var some in texts.Chunk(MostRows))
        {
            await AppendTexts(db, tenant, some);
        }
    }

    private static Task AppendTexts(DbSession db, TenantId tenant, (string Entry, string Name, byte[] Salt, string Text)[] texts)
    {
        var values = new Dictionary<string, object?>(StringComparer.Ordinal) { ["tenant"] = tenant.ToString() };
        foreach (var (i, (entry, name, salt, text)) in texts.Index())
        {
            values[$"id{i}"] = entry;
            values[$"name{i}"] = name;
            values[$"salt{i}"] = salt;
            values[$"text{i}"] = text;
        }

        return db.Post(
            "INSERT INTO ledger_texts (tenant_id, entry_id, name, salt, text) VALUES "
            + Rows.Of(texts.Length, "(@tenant, @id#, @name#, @salt#, @text#)"),
            values);
    }

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
