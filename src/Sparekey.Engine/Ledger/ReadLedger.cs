using Sparekey.Core;
using Sparekey.Engine.Access;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Ledger;

/// <summary>An entry as it is read back.</summary>
/// <param name="Position">Its position, from 1.</param>
/// <param name="Body">Its canonical bytes, as they were hashed.</param>
/// <param name="LeafHash">Its leaf hash (RFC 6962 §2.1).</param>
/// <param name="Texts">The personal texts that were not erased, with the salt of their commitment in hexadecimal.</param>
public sealed record LedgerRow(
    long Position, byte[] Body, byte[] LeafHash, IReadOnlyDictionary<string, (string Text, string Salt)> Texts);

/// <summary>Which entries to read.</summary>
/// <param name="Account">About this account.</param>
/// <param name="Recovery">About this recovery.</param>
/// <param name="After">After this position.</param>
public sealed record LedgerFilter(AccountId? Account, RecoveryId? Recovery, long After);

/// <summary>Reads the ledger in the order of its positions.</summary>
public sealed class ReadLedger
{
    private readonly Acts _acts;
    private readonly LedgerSequencer _sequencer;

    /// <summary>A reader.</summary>
    /// <param name="acts">Runs its reads.</param>
    /// <param name="sequencer">Gives positions to what was written since.</param>
    public ReadLedger(Acts acts, LedgerSequencer sequencer)
    {
        _acts = acts;
        _sequencer = sequencer;
    }

    /// <summary>A page of entries. It holds every act that was answered before the call.</summary>
    /// <param name="caller">Who reads; holds <c>ledger:read</c>.</param>
    /// <param name="filter">Which.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyList<LedgerRow>> Page(
        Caller caller, LedgerFilter filter, int limit, CancellationToken cancellationToken)
    {
        await _sequencer.Run(caller.Tenant, cancellationToken);
        return await _acts.Read(db => Page(db, caller.Tenant, filter, limit), cancellationToken);
    }

    private static async Task<IReadOnlyList<LedgerRow>> Page(DbSession db, TenantId tenant, LedgerFilter filter, int limit)
    {
        var narrow = filter switch
        {
            { Recovery: not null, Account: not null } => "AND p.recovery_id = @recovery AND p.account_id = @account",
            { Recovery: not null } => "AND p.recovery_id = @recovery",
            { Account: not null } => "AND p.account_id = @account",
            _ => "",
        };
        var values = new
        {
            tenant = tenant.ToString(),
            after = filter.After,
            account = filter.Account?.ToString(),
            recovery = filter.Recovery?.ToString(),
            limit,
        };
        var rows = await db.List<EntryRow>(
            $"""
            SELECT p.position AS Position, e.id AS Id, e.body AS Body, e.leaf_hash AS LeafHash
            FROM ledger_positions p JOIN ledger_entries e ON e.tenant_id = p.tenant_id AND e.id = p.entry_id
            WHERE p.tenant_id = @tenant AND p.position > @after {narrow}
            ORDER BY p.position LIMIT @limit
            """,
            values);
        var texts = (await db.List<TextRow>(
            $"""
            SELECT t.entry_id AS Entry, t.name AS Name, t.salt AS Salt, t.text AS Text
            FROM (SELECT p.entry_id FROM ledger_positions p
                  WHERE p.tenant_id = @tenant AND p.position > @after {narrow} ORDER BY p.position LIMIT @limit) AS page
            JOIN ledger_texts t ON t.tenant_id = @tenant AND t.entry_id = page.entry_id
            """,
            values)).ToLookup(t => t.Entry, StringComparer.Ordinal);
        return
        [
            .. rows.Select(row => new LedgerRow(
                row.Position, row.Body, row.LeafHash,
                texts[row.Id].ToDictionary(t => t.Name, t => (t.Text, Convert.ToHexStringLower(t.Salt)), StringComparer.Ordinal))),
        ];
    }

    private sealed record EntryRow(long Position, string Id, byte[] Body, byte[] LeafHash);

    private sealed record TextRow(string Entry, string Name, byte[] Salt, string Text);
}
