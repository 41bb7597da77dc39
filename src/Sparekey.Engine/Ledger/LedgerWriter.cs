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
    /// <summary>Appends an entry. If the process dies after this line, the entry exists exactly if the act does.</summary>
    /// <param name="db">The act's transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="at">When it happened.</param>
    /// <param name="entry">The entry.</param>
    internal async Task Append(DbSession db, TenantId tenant, DateTimeOffset at, LedgerEntry entry)
    {
        var id = NewId.Make<EntryId>();
        var salts = entry.Texts.ToDictionary(t => t.Key, _ => RandomNumberGenerator.GetBytes(16), StringComparer.Ordinal);
        var canonical = entry.Canonical(id, tenant, at, salts);
        await db.Execute(
            """
            INSERT INTO ledger_entries (tenant_id, id, at, event, account_id, recovery_id, actor_id, body, leaf_hash)
            VALUES (@tenant, @id, @at, @name, @account, @recovery, @actor, @canonical, @leaf)
            """,
            new
            {
                tenant = tenant.ToString(),
                id = id.ToString(),
                at = at.ToUnixTimeMilliseconds(),
                name = WireName.Of(entry.Event),
                account = entry.Account?.ToString(),
                recovery = entry.Recovery?.ToString(),
                actor = entry.Actor.Id,
                canonical,
                leaf = LedgerEntry.LeafHash(canonical),
            });
        await db.Execute(
            "INSERT INTO ledger_queue (tenant_id, entry_id) VALUES (@tenant, @id)",
            new { tenant = tenant.ToString(), id = id.ToString() });
        foreach (var (name, text) in entry.Texts)
        {
            await db.Execute(
                """
                INSERT INTO ledger_texts (tenant_id, entry_id, name, salt, text) VALUES (@tenant, @id, @name, @salt, @text)
                """,
                new { tenant = tenant.ToString(), id = id.ToString(), name, salt = salts[name], text });
        }
    }
}
