using System.Data;

namespace Sparekey.Engine.Storage.Moving;

/// <summary>A column.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">What it holds: text, a number or bytes.</param>
internal sealed record MovedColumn(string Name, DbType Type);

/// <summary>A table as it is copied, read from the schema of an embedded installation: a table of tomorrow needs no word here.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Columns">Its columns.</param>
/// <param name="Key">The columns of its primary key, by which it is read in batches.</param>
/// <param name="Parents">The other tables that its foreign keys name: those are copied first.</param>
/// <param name="OwnReferences">
/// Columns that name other rows of the same table, which may come later or go in a circle: they are filled in when all rows are there.
/// </param>
internal sealed record MovedTable(
    string Name, IReadOnlyList<MovedColumn> Columns, IReadOnlyList<string> Key, IReadOnlyList<string> Parents, IReadOnlyList<string> OwnReferences)
{
    private readonly Dictionary<string, int> _positions = Columns.Index().ToDictionary(c => c.Item.Name, c => c.Index, StringComparer.Ordinal);

    /// <summary>
    /// All tables, each after those that it refers to; but not how the schema was made, which is each database's own, and who uses the
    /// installation now, which is nobody.
    /// </summary>
    /// <param name="db">A read of the embedded database.</param>
    public static async Task<IReadOnlyList<MovedTable>> All(DbSession db)
    {
        var left = new List<MovedTable>();
        foreach (var name in await db.List<string>(
                     """
                     SELECT name FROM sqlite_master
                     WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'schema_%' AND name <> 'processes' ORDER BY name
                     """))
        {
            left.Add(await Read(db, name));
        }

        var ordered = new List<MovedTable>(left.Count);
        while (left.Count > 0)
        {
            var ready = left.Where(t => t.Parents.All(p => ordered.Exists(o => o.Name == p))).ToList();
            if (ready.Count == 0)
            {
                throw new InvalidOperationException($"These tables refer to each other in a circle: {string.Join(", ", left.Select(t => t.Name))}.");
            }

            ordered.AddRange(ready);
            left.RemoveAll(ready.Contains);
        }

        return ordered;
    }

    /// <summary>How many rows there are to copy.</summary>
    /// <param name="db">A read.</param>
    public Task<long> Count(DbSession db) => db.Scalar<long>($"SELECT COUNT(*) FROM {Sql} WHERE {Moves}");

    /// <summary>The next rows by primary key, each the values of <see cref="Columns"/>.</summary>
    /// <param name="db">A read.</param>
    /// <param name="after">The key of the last row of before; null to begin.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="only">A further condition.</param>
    public async Task<IReadOnlyList<object?[]>> Next(DbSession db, IReadOnlyList<object?>? after, int limit, string only = "1 = 1")
    {
        var (columns, key) = (string.Join(", ", Columns.Select(c => Quoted(c.Name))), string.Join(", ", Key.Select(Quoted)));
        var values = new Dictionary<string, object?>(StringComparer.Ordinal) { ["limit"] = limit };
        for (var i = 0; i < (after?.Count ?? 0); i++)
        {
            values[$"k{i}"] = after![i];
        }

        var beyond = after is null ? "" : $" AND ({key}) > ({string.Join(", ", after.Select((_, i) => $"@k{i}"))})";
        var rows = await db.List<object>($"SELECT {columns} FROM {Sql} WHERE {Moves} AND {only}{beyond} ORDER BY {key} LIMIT @limit", values);
        return [.. rows.Cast<IDictionary<string, object?>>().Select(r => Columns.Select(c => Typed(c, r[c.Name])).ToArray())];
    }

    /// <summary>The primary key of a row.</summary>
    /// <param name="row">The row.</param>
    public IReadOnlyList<object?> KeyOf(object?[] row) => [.. Key.Select(k => row[IndexOf(k)])];

    /// <summary>Where a column's value stands in a row.</summary>
    /// <param name="column">The column.</param>
    public int IndexOf(string column) => _positions[column];

    /// <summary>A name as SQL takes it.</summary>
    /// <param name="name">The name.</param>
    public static string Quoted(string name) => $"\"{name}\"";

    private string Sql => Quoted(Name);

    private string Moves => Name == "installation" ? $"name NOT LIKE '{MoveNotes.Prefix}%'" : "1 = 1";

    private static async Task<MovedTable> Read(DbSession db, string name)
    {
        var columns = await db.List<ColumnRow>("SELECT name AS Name, type AS Type, pk AS InKey FROM pragma_table_info(@name) ORDER BY cid", new { name });

        // One text a row: of a query without rows SQLite does not know the columns' types.
        var references = (await db.List<string>(
            """SELECT "table" || ' ' || "from" FROM pragma_foreign_key_list(@name) ORDER BY id, seq""", new { name })).Select(r => r.Split(' ')).ToList();
        return new MovedTable(
            name,
            [.. columns.Select(c => new MovedColumn(c.Name, TypeOf(c.Type)))],
            [.. columns.Where(c => c.InKey > 0).OrderBy(c => c.InKey).Select(c => c.Name)],
            [.. references.Select(r => r[0]).Where(t => t != name).Distinct(StringComparer.Ordinal)],
            [.. references.Where(r => r[0] == name && r[1] != "tenant_id").Select(r => r[1])]);
    }

    private static DbType TypeOf(string declared) => declared switch
    {
        "TEXT" => DbType.String,
        "INTEGER" or "BIGINT" => DbType.Int64,
        "BLOB" => DbType.Binary,
        _ => throw new InvalidOperationException($"A column of type {declared} is not known here."),
    };

    // SQLite keeps what it was given: a value of another kind than its column's would not be the same value there.
    private object? Typed(MovedColumn column, object? value) => (column.Type, value) switch
    {
        (_, null) => null,
        (DbType.String, string) or (DbType.Int64, long) or (DbType.Binary, byte[]) => value,
        _ => throw new MoveException($"A row of {Name} holds something else in {column.Name} than the column is for: the database is damaged."),
    };

    private sealed record ColumnRow(string Name, string Type, long InKey);
}
