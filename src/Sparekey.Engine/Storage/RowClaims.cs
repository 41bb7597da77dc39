using Sparekey.Core;

namespace Sparekey.Engine.Storage;

/// <summary>
/// How several processes share rows that are work: whoever claims a row owns it for a while. The tables have <c>due_at</c>, null or in
/// the future where there is nothing to do, <c>claimed_by</c> and <c>claimed_until</c>.
/// </summary>
internal static class RowClaims
{
    /// <summary>Claims rows that were read as due and unclaimed in this act.</summary>
    /// <typeparam name="TRow">A row.</typeparam>
    /// <param name="act">The act.</param>
    /// <param name="table">The table; a name of ours.</param>
    /// <param name="rows">The rows.</param>
    /// <param name="id">A row's id.</param>
    /// <param name="until">Until when nobody else gets them.</param>
    /// <returns>The claim, and the rows that are this process's.</returns>
    public static async Task<(string Claim, IReadOnlyList<TRow> Mine)> Take<TRow>(
        Act act, string table, IEnumerable<TRow> rows, Func<TRow, string> id, DateTimeOffset until)
    {
        var claim = NewId.Make<EntryId>().ToString();
        var mine = new List<TRow>();
        foreach (var row in rows)
        {
            // The condition again: where two processes read the same row, one of them gets it.
            var got = await act.Db.Execute(
                $"""
                UPDATE {table} SET claimed_by = @claim, claimed_until = @until
                WHERE tenant_id = @tenant AND id = @id AND due_at IS NOT NULL AND claimed_until <= @now
                """,
                new { tenant = act.Tenant.ToString(), id = id(row), claim, until = until.ToUnixTimeMilliseconds(), now = act.NowMs });
            if (got == 1)
            {
                mine.Add(row);
            }
        }

        return (claim, mine);
    }

    /// <summary>Gives back a row that was claimed and not tried.</summary>
    /// <param name="act">The act.</param>
    /// <param name="table">The table; a name of ours.</param>
    /// <param name="id">The row's id.</param>
    /// <param name="claim">By which claim it is held.</param>
    public static Task<int> Release(Act act, string table, string id, string claim) => act.Db.Execute(
        $"UPDATE {table} SET claimed_by = NULL, claimed_until = 0 WHERE tenant_id = @tenant AND id = @id AND claimed_by = @claim",
        new { tenant = act.Tenant.ToString(), id, claim });
}
