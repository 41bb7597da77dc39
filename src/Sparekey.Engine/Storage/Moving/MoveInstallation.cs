using System.Text.Json;
using Dapper;

namespace Sparekey.Engine.Storage.Moving;

/// <summary>An installation cannot be moved, or a database cannot be served because of a move.</summary>
/// <param name="message">Why, for the operator.</param>
public sealed class MoveException(string message) : Exception(message);

/// <summary>How far a move is, for whoever watches.</summary>
/// <param name="Verifies">Whether rows are compared now; before, they are copied.</param>
/// <param name="Table">Which table's.</param>
/// <param name="Rows">How many rows of all tables are done, of those that are copied or compared.</param>
/// <param name="Total">How many there are.</param>
public sealed record MoveProgress(bool Verifies, string Table, long Rows, long Total);

/// <summary>What was moved.</summary>
/// <param name="Tables">How many tables.</param>
/// <param name="Rows">How many rows, each found the same on both sides.</param>
/// <param name="WasDone">Whether an earlier call had done it already.</param>
public sealed record MoveOutcome(int Tables, long Rows, bool WasDone);

/// <summary>
/// Moves an embedded installation that nobody serves into an empty database of another engine. What is copied and how far that is are one
/// transaction: whenever it stops, the next call goes on there. It is done when every row was read on both sides and found the same.
/// </summary>
/// <param name="from">The embedded database. Whoever calls holds its <see cref="DataDirectory"/>, so that nobody writes to it.</param>
/// <param name="to">The new database; it has the program's schema.</param>
public sealed class MoveInstallation(Database from, Database to)
{
    private const int RowsAtOnce = 500;

    // PostgreSQL takes 65535 parameters.
    private const int ParametersAtOnce = 8000;

    /// <summary>Moves, or goes on moving.</summary>
    /// <param name="progress">Told after each batch.</param>
    /// <param name="cancellationToken">Stops between two batches.</param>
    /// <exception cref="MoveException">The new database holds something else, or a row is not the same there.</exception>
    /// <exception cref="StorageUnavailableException">One of the databases cannot serve now.</exception>
    public async Task<MoveOutcome> Run(IProgress<MoveProgress> progress, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(progress);
        var tables = await from.Read(MovedTable.All, cancellationToken);
        var rows = await from.Read(db => CountAll(db, tables), cancellationToken);

        // 1. From here on the old installation is not served, 2. from here on the new database is this move's.
        var id = await from.Write(MoveNotes.Leave, cancellationToken);
        var begun = await to.Write(db => MoveNotes.Arrive(db, tables, id), cancellationToken);
        if (begun is { } point)
        {
            var counted = new Counter(rows, tables, progress);
            foreach (var step in StepsFrom(point, tables))
            {
                point = await Enter(point, step, cancellationToken);
                point = step.Phase switch
                {
                    MovePhase.Copy => await Copy(step.Table, point, counted.At(step), cancellationToken),
                    MovePhase.Link => await Link(step.Table, point, cancellationToken),
                    MovePhase.Verify => await Verify(step.Table, point, counted.At(step), cancellationToken),
                };
            }

            // 3. From here on the new one may be served.
            await to.Write(Ends(point, now: null), cancellationToken);
        }

        // 4. If the process dies before this, the next call finds the move done and comes here.
        await from.Write(db => MoveNotes.Left(db, id), cancellationToken);
        return new MoveOutcome(tables.Count, rows.Values.Sum(), WasDone: begun is null);
    }

    /// <summary>Takes back a move that is not done, so that the old installation can be served again. What was copied is to be dropped.</summary>
    /// <param name="from">The old installation's database.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>False when it was not being moved.</returns>
    /// <exception cref="MoveException">The move is done.</exception>
    public static Task<bool> Cancel(Database from, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(from);
        return from.Write(MoveNotes.Stay, cancellationToken);
    }

    private static async Task<IReadOnlyDictionary<string, long>> CountAll(DbSession db, IReadOnlyList<MovedTable> tables)
    {
        var counts = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var table in tables)
        {
            counts[table.Name] = await table.Count(db);
        }

        return counts;
    }

    private static IEnumerable<Step> StepsFrom(MovePoint point, IReadOnlyList<MovedTable> tables) =>
        new[] { MovePhase.Copy, MovePhase.Link, MovePhase.Verify }
            .SelectMany(phase => tables.Where(t => phase != MovePhase.Link || t.OwnReferences.Count > 0).Select(t => new Step(phase, t)))
            .SkipWhile(s => s.Phase != point.Phase || s.Table.Name != point.Table);

    private async Task<MovePoint> Enter(MovePoint point, Step step, CancellationToken cancellationToken)
    {
        if (point.Phase == step.Phase && point.Table == step.Table.Name)
        {
            return point;
        }

        var next = point with { Phase = step.Phase, Table = step.Table.Name, After = null };
        await to.Write(Ends(point, next), cancellationToken);
        return next;
    }

    private Task<MovePoint> Copy(MovedTable table, MovePoint point, Counter counted, CancellationToken cancellationToken) => InBatches(
        table, point, Math.Clamp(ParametersAtOnce / table.Columns.Count, 1, RowsAtOnce), "1 = 1", (db, rows) => Insert(db, table, rows), counted.Done, cancellationToken);

    private Task<MovePoint> Link(MovedTable table, MovePoint point, CancellationToken cancellationToken)
    {
        var only = $"({string.Join(" OR ", table.OwnReferences.Select(r => $"{MovedTable.Quoted(r)} IS NOT NULL"))})";
        var (name, set, key) = (MovedTable.Quoted(table.Name), Equal(table.OwnReferences, ", "), Equal(table.Key, " AND "));
        var sql = $"UPDATE {name} SET {set} WHERE {key}";
        return InBatches(table, point, RowsAtOnce, only, Fill, _ => { }, cancellationToken);

        string Equal(IEnumerable<string> columns, string between) =>
            string.Join(between, columns.Select(c => $"{MovedTable.Quoted(c)} = @p0_{table.IndexOf(c)}"));

        async Task Fill(DbSession db, IReadOnlyList<object?[]> rows)
        {
            foreach (var row in rows)
            {
                await db.Execute(sql, Values(table, [row]));
            }
        }
    }

    private async Task<MovePoint> InBatches(
        MovedTable table, MovePoint point, int atOnce, string only, Func<DbSession, IReadOnlyList<object?[]>, Task> write, Action<int> done,
        CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var rows = await Batch(from, table, KeyOf(table, point), atOnce, cancellationToken, only);
            if (rows.Count == 0)
            {
                return point;
            }

            // The rows and how far the move is are one commit: lost, both are, and the next call writes them again.
            var next = point with { After = Noted(table, rows[^1]) };
            await to.Write(
                async db =>
                {
                    await MoveNotes.Advance(db, point, next);
                    await write(db, rows);
                    return true;
                },
                cancellationToken);
            point = next;
            done(rows.Count);
        }
    }

    // How far it is is noted only with the next step: it changes nothing, so that to do it again costs time alone.
    private async Task<MovePoint> Verify(MovedTable table, MovePoint point, Counter counted, CancellationToken cancellationToken)
    {
        IReadOnlyList<object?>? after = null;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (old, present) = (await Batch(from, table, after, RowsAtOnce, cancellationToken), await Batch(to, table, after, RowsAtOnce, cancellationToken));
            for (var i = 0; i < Math.Max(old.Count, present.Count); i++)
            {
                if (i >= old.Count || i >= present.Count || !Same(old[i], present[i]))
                {
                    var key = table.KeyOf(i < old.Count ? old[i] : present[i]);
                    throw new MoveException(
                        $"A row of {table.Name} is not the same in both databases, at the key ({string.Join(", ", key)}). The old installation is unchanged: "
                        + "make a fresh database and move into that.");
                }
            }

            if (old.Count == 0)
            {
                return point;
            }

            after = table.KeyOf(old[^1]);
            counted.Done(old.Count);
        }
    }

    private static async Task<IReadOnlyList<object?[]>> Batch(
        Database database, MovedTable table, IReadOnlyList<object?>? after, int limit, CancellationToken cancellationToken, string only = "1 = 1") =>
        await database.Read(db => table.Next(db, after, limit, only), cancellationToken);

    private static Task<int> Insert(DbSession db, MovedTable table, IReadOnlyList<object?[]> rows)
    {
        var later = table.OwnReferences.Select(table.IndexOf).ToHashSet();
        var columns = Enumerable.Range(0, table.Columns.Count).Where(c => !later.Contains(c)).ToList();
        var (name, names) = (MovedTable.Quoted(table.Name), string.Join(", ", columns.Select(c => MovedTable.Quoted(table.Columns[c].Name))));
        var values = string.Join(", ", rows.Select((_, r) => $"({string.Join(", ", columns.Select(c => $"@p{r}_{c}"))})"));
        return db.Execute($"INSERT INTO {name} ({names}) VALUES {values}", Values(table, rows));
    }

    private static DynamicParameters Values(MovedTable table, IReadOnlyList<object?[]> rows)
    {
        var values = new DynamicParameters();
        for (var r = 0; r < rows.Count; r++)
        {
            for (var c = 0; c < table.Columns.Count; c++)
            {
                values.Add($"p{r}_{c}", rows[r][c], table.Columns[c].Type);
            }
        }

        return values;
    }

    private static Func<DbSession, Task<bool>> Ends(MovePoint before, MovePoint? now) => async db =>
    {
        await MoveNotes.Advance(db, before, now);
        return true;
    };

    private static IReadOnlyList<JsonElement> Noted(MovedTable table, object?[] row) =>
        [.. table.KeyOf(row).Select(k => JsonSerializer.SerializeToElement(k))];

    private static IReadOnlyList<object?>? KeyOf(MovedTable table, MovePoint point) => point.After is null
        ? null
        : [.. point.After.Zip(table.Key, (e, name) => table.Columns[table.IndexOf(name)].Type == System.Data.DbType.Int64 ? e.GetInt64() : (object)e.GetString()!)];

    private static bool Same(object?[] one, object?[] other) => one.Zip(other).All(
        pair => pair.First is byte[] a && pair.Second is byte[] b ? a.AsSpan().SequenceEqual(b) : Equals(pair.First, pair.Second));

    private sealed record Step(MovePhase Phase, MovedTable Table);

    private sealed class Counter(IReadOnlyDictionary<string, long> rows, IReadOnlyList<MovedTable> tables, IProgress<MoveProgress> progress)
    {
        private Step? _step;
        private long _done;

        public Counter At(Step step)
        {
            _step = step;
            _done = tables.TakeWhile(t => t.Name != step.Table.Name).Sum(t => rows[t.Name]);
            Done(0);
            return this;
        }

        public void Done(int more)
        {
            _done += more;
            progress.Report(new MoveProgress(_step!.Phase == MovePhase.Verify, _step.Table.Name, _done, rows.Values.Sum()));
        }
    }
}
