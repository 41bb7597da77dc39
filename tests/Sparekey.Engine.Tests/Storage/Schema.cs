using System.Text.RegularExpressions;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Tests.Storage;

/// <summary>A column.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Kind">text, number or bytes.</param>
/// <param name="MayBeNull">Whether it may be null.</param>
/// <param name="Usually">Its default, as a literal; empty for none.</param>
internal sealed record Column(string Name, string Kind, bool MayBeNull, string Usually);

/// <summary>An index, a primary key's too.</summary>
internal sealed class KeyIndex(bool primary, bool unique, bool partial, IReadOnlyList<string> columns)
{
    public bool IsPrimary => primary;

    public bool IsUnique => unique;

    public IReadOnlyList<string> Columns => columns;

    public override string ToString() =>
        $"{(primary ? "primary " : unique ? "unique " : "")}({string.Join(", ", columns)}){(partial ? " partial" : "")}";

    public override bool Equals(object? obj) => obj is KeyIndex other && other.ToString() == ToString();

    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(ToString());
}

/// <summary>A foreign key.</summary>
internal sealed class ForeignKey(IReadOnlyList<string> columns, string target, IReadOnlyList<string> targetColumns, bool cascades)
{
    public IReadOnlyList<string> Columns => columns;

    public string Target => target;

    public IReadOnlyList<string> TargetColumns => targetColumns;

    public override string ToString() =>
        $"({string.Join(", ", columns)}) to {target} ({string.Join(", ", targetColumns)}){(cascades ? " cascades" : "")}";

    public override bool Equals(object? obj) => obj is ForeignKey other && other.ToString() == ToString();

    public override int GetHashCode() => StringComparer.Ordinal.GetHashCode(ToString());
}

/// <summary>A table. Lists are in the order of their texts, so that two engines' compare.</summary>
internal sealed record Table(string Name, IReadOnlyList<Column> Columns, IReadOnlyList<KeyIndex> Indexes, IReadOnlyList<ForeignKey> ForeignKeys);

/// <summary>What an engine says about the tables it has.</summary>
internal sealed partial record Schema(IReadOnlyList<Table> Tables)
{
    /// <summary>The tables that are no tenant's, and why.</summary>
    public static IReadOnlyDictionary<string, string> OfInstallation { get; } = new Dictionary<string, string>(StringComparer.Ordinal)
    {
        ["tenants"] = "its id is the tenant; a row for each tenant, written once",
        ["tenant_hosts"] = "finds the tenant that a host means, before a tenant is known; no host may mean two",
        ["installation"] = "check values of the key ring's versions",
        ["processes"] = "who uses the installation, and which keys each holds",
        ["schema_migrations"] = "the steps of the schema that were made",
        ["schema_turn"] = "whose turn it is to make them",
    };

    /// <summary>The tenants' tables.</summary>
    public IEnumerable<Table> OfTenants => Tables.Where(t => !OfInstallation.ContainsKey(t.Name));

    /// <summary>Reads a database's.</summary>
    /// <param name="database">The database.</param>
    public static Task<Schema> Of(Database database) => database.Read(
        db => database is SqliteDatabase ? OfSqlite(db) : OfPostgres(db), CancellationToken.None);

    private static async Task<Schema> OfSqlite(DbSession db)
    {
        var tables = new List<Table>();
        foreach (var name in await db.List<string>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"))
        {
            var columns = await db.List<SqliteColumn>(
                """SELECT name AS Name, type AS Type, "notnull" AS Required, COALESCE(dflt_value, '') AS Usually FROM pragma_table_info(@name)""", new { name });
            var indexes = await db.List<SqliteIndexColumn>(
                """
                SELECT l.name AS Name, l.origin AS Origin, l."unique" AS IsUnique, l.partial AS Partial, i.name AS OnColumn
                FROM pragma_index_list(@name) l, pragma_index_info(l.name) i ORDER BY l.name, i.seqno
                """,
                new { name });

            // One text a row: of a query without rows SQLite does not know the columns' types.
            var keys = (await db.List<string>(
                """SELECT id || ' ' || "table" || ' ' || "from" || ' ' || "to" || ' ' || on_delete FROM pragma_foreign_key_list(@name) ORDER BY id, seq""",
                new { name })).Select(k => k.Split(' ', 5));
            tables.Add(Sorted(
                name,
                columns.Select(c => new Column(c.Name, Kind(c.Type), c.Required == 0, Literal(c.Usually))),
                indexes.GroupBy(i => i.Name).Select(g => new KeyIndex(
                    g.First().Origin == "pk", g.First().IsUnique == 1, g.First().Partial == 1, [.. g.Select(i => i.OnColumn)])),
                keys.GroupBy(k => k[0]).Select(g => new ForeignKey(
                    [.. g.Select(k => k[2])], g.First()[1], [.. g.Select(k => k[3])], g.First()[4] == "CASCADE"))));
        }

        return new Schema([.. tables.OrderBy(t => t.Name, StringComparer.Ordinal)]);
    }

    private static async Task<Schema> OfPostgres(DbSession db)
    {
        var tables = new List<Table>();
        foreach (var name in await db.List<string>("SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema()"))
        {
            var columns = await db.List<PostgresColumn>(
                """
                SELECT column_name::text AS Name, data_type::text AS Type, is_nullable::text AS Nullable, COALESCE(column_default, '') AS Usually
                FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = @name
                """,
                new { name });
            var indexes = await db.List<PostgresIndex>(
                """
                SELECT i.indisprimary AS IsPrimary, i.indisunique AS IsUnique, i.indpred IS NOT NULL AS Partial,
                       (SELECT string_agg(pg_get_indexdef(i.indexrelid, n, true), ',' ORDER BY n) FROM generate_series(1, i.indnkeyatts) n) AS Columns
                FROM pg_index i WHERE i.indrelid = @name::regclass
                """,
                new { name });
            var keys = await db.List<PostgresForeignKey>(
                """
                SELECT f.relname::text AS Target, k.confdeltype = 'c' AS Cascades,
                       (SELECT string_agg(a.attname, ',' ORDER BY u.n) FROM unnest(k.conkey) WITH ORDINALITY u(c, n)
                        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.c) AS FromColumns,
                       (SELECT string_agg(a.attname, ',' ORDER BY u.n) FROM unnest(k.confkey) WITH ORDINALITY u(c, n)
                        JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.c) AS ToColumns
                FROM pg_constraint k JOIN pg_class f ON f.oid = k.confrelid WHERE k.contype = 'f' AND k.conrelid = @name::regclass
                """,
                new { name });
            tables.Add(Sorted(
                name,
                columns.Select(c => new Column(c.Name, Kind(c.Type), c.Nullable == "YES", Literal(c.Usually))),
                indexes.Select(i => new KeyIndex(i.IsPrimary, i.IsUnique, i.Partial, [.. i.Columns.Split(',').Select(c => c.Trim('"'))])),
                keys.Select(k => new ForeignKey(k.FromColumns.Split(','), k.Target, k.ToColumns.Split(','), k.Cascades))));
        }

        return new Schema([.. tables.OrderBy(t => t.Name, StringComparer.Ordinal)]);
    }

    private static Table Sorted(string name, IEnumerable<Column> columns, IEnumerable<KeyIndex> indexes, IEnumerable<ForeignKey> keys) => new(
        name,
        [.. columns.OrderBy(c => c.Name, StringComparer.Ordinal)],
        [.. indexes.OrderBy(i => i.ToString(), StringComparer.Ordinal)],
        [.. keys.OrderBy(k => k.ToString(), StringComparer.Ordinal)]);

    private static string Kind(string type) => type.ToUpperInvariant() switch
    {
        "TEXT" => "text",
        "INTEGER" or "BIGINT" => "number",
        "BLOB" or "BYTEA" => "bytes",
        _ => throw new InvalidOperationException($"{type} is no type that both engines have."),
    };

    // PostgreSQL says the type of a literal beside it.
    private static string Literal(string text) => TypeOfLiteral().Replace(text, "").Trim('\'', '(', ')');

    [GeneratedRegex("::[a-z]+$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex TypeOfLiteral();

    private sealed record SqliteColumn(string Name, string Type, long Required, string Usually);

    private sealed record SqliteIndexColumn(string Name, string Origin, long IsUnique, long Partial, string OnColumn);

    private sealed record PostgresColumn(string Name, string Type, string Nullable, string Usually);

    private sealed record PostgresIndex(bool IsPrimary, bool IsUnique, bool Partial, string Columns);

    private sealed record PostgresForeignKey(string Target, bool Cascades, string FromColumns, string ToColumns);
}
