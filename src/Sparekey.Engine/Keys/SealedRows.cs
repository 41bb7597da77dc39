using System.Security.Cryptography;

namespace Sparekey.Engine.Keys;

/// <summary>A column that holds seals, in a table with a column <c>id</c>.</summary>
/// <param name="Table">The table, which every seal names.</param>
/// <param name="Column">The column.</param>
/// <param name="Purpose">What it is sealed for.</param>
/// <param name="Suffix">What a seal says after the row's id; empty for nothing.</param>
internal sealed record SealedColumn(string Table, string Column, KeyPurpose Purpose, string Suffix = "");

/// <summary>Seals rows again, by their ids: a row that comes in behind is sealed under the active version anyway.</summary>
internal static class SealedRows
{
    /// <summary>Seals a part of some columns again. Never more than one row is open.</summary>
    /// <param name="act">The act.</param>
    /// <param name="keys">The key ring.</param>
    /// <param name="columns">The columns.</param>
    /// <param name="after">Where the part before ended; null to begin.</param>
    /// <param name="limit">How many rows at most.</param>
    /// <returns>Where this part ended; null at the end.</returns>
    public static async Task<SealedPlace?> SealAgain(Act act, KeyRing keys, IReadOnlyList<SealedColumn> columns, SealedPlace? after, int limit)
    {
        var place = after ?? new SealedPlace(0, "");
        var column = columns[place.Column];
        var tenant = act.Tenant.ToString();
        var rows = await act.Db.List<Row>(
            $"""
            SELECT id AS Id, {column.Column} AS Envelope FROM {column.Table}
            WHERE tenant_id = @tenant AND id > @after AND {column.Column} IS NOT NULL ORDER BY id LIMIT @limit
            """,
            new { tenant, after = place.Row, limit });
        foreach (var row in rows.Where(r => KeyRing.VersionOf(r.Envelope) != keys.ActiveVersion))
        {
            var clear = keys.Open(column.Purpose, act.Tenant, column.Table, row.Id + column.Suffix, row.Envelope);
            try
            {
                var envelope = keys.Seal(column.Purpose, act.Tenant, column.Table, row.Id + column.Suffix, clear);
                await act.Db.Execute(
                    $"UPDATE {column.Table} SET {column.Column} = @envelope WHERE tenant_id = @tenant AND id = @id", new { tenant, id = row.Id, envelope });
            }
            finally
            {
                CryptographicOperations.ZeroMemory(clear);
            }
        }

        return rows.Count == limit ? place with { Row = rows[^1].Id }
            : place.Column + 1 < columns.Count ? new SealedPlace(place.Column + 1, "")
            : null;
    }

    private sealed record Row(string Id, byte[] Envelope);
}
