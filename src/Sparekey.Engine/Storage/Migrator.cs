using System.Data.Common;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;

namespace Sparekey.Engine.Storage;

/// <summary>The database's schema is not one this program can bring up to date.</summary>
/// <param name="message">Why, for the operator.</param>
public sealed class MigrationException(string message) : Exception(message);

/// <summary>One step of the schema.</summary>
/// <param name="Number">Its number; gaps are fine.</param>
/// <param name="Name">What it makes.</param>
/// <param name="Sql">Its statements.</param>
internal sealed record Migration(int Number, string Name, string Sql)
{
    /// <summary>SHA-256 of the statements, so that a step edited after it was applied is noticed.</summary>
    public string Checksum { get; } = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Sql)));

    /// <summary>The steps built into this program for one engine.</summary>
    /// <param name="dialect">The engine.</param>
    public static IReadOnlyList<Migration> Of(SqlDialect dialect)
    {
        var assembly = typeof(Migration).Assembly;
        var folder = $"{typeof(Migration).Namespace}.Migrations.{dialect.Name}.";
        return
        [
            .. from resource in assembly.GetManifestResourceNames()
               where resource.StartsWith(folder, StringComparison.Ordinal) && resource.EndsWith(".sql", StringComparison.Ordinal)
               select Read(assembly, resource, resource[folder.Length..^".sql".Length]),
        ];
    }

    private static Migration Read(Assembly assembly, string resource, string file)
    {
        using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!, Encoding.UTF8);
        var parts = file.Split('_', 2);

        // A checkout that changes line ends must not change checksums.
        return new Migration(int.Parse(parts[0]), parts[1], reader.ReadToEnd().ReplaceLineEndings("\n"));
    }
}

/// <summary>
/// Brings a database's schema up to date. Each step is one transaction together with its own record, and all of them are one in an empty
/// database: a crash leaves it done and recorded, or neither. Processes that start at once take turns: the turn is a row that each writes
/// first, so that it ends with its transaction, also when the process dies. A database that has steps this program does not know, or knows
/// otherwise, is refused untouched.
/// </summary>
public sealed class Migrator
{
    private readonly IReadOnlyList<Migration> _known;
    private readonly TimeProvider _time;

    /// <summary>A migrator for one engine, with the steps built into this program.</summary>
    /// <param name="dialect">The engine.</param>
    /// <param name="time">Says when a step was applied.</param>
    /// <exception cref="MigrationException">Two steps have the same number.</exception>
    public Migrator(SqlDialect dialect, TimeProvider time)
        : this(Migration.Of(dialect), time)
    {
    }

    internal Migrator(IReadOnlyList<Migration> known, TimeProvider time)
    {
        _known = [.. known.OrderBy(m => m.Number)];
        _time = time;
        if (_known.GroupBy(m => m.Number).FirstOrDefault(g => g.Skip(1).Any()) is { } twice)
        {
            throw new MigrationException($"This program has more than one migration {twice.Key}: {string.Join(", ", twice.Select(m => m.Name))}.");
        }
    }

    /// <summary>Applies what is missing, in the order of the numbers.</summary>
    /// <param name="database">The database.</param>
    /// <param name="cancellationToken">Gives up between two steps.</param>
    /// <returns>How many steps this process applied.</returns>
    /// <exception cref="MigrationException">The database is newer than this program, or an applied step was edited.</exception>
    /// <exception cref="StorageUnavailableException">Storage cannot serve now.</exception>
    public async Task<int> Apply(Database database, CancellationToken cancellationToken)
    {
        await MakeOwnTables(database, cancellationToken);
        for (var count = 0; ;)
        {
            var applied = await database.Read(Applied, cancellationToken);
            RefuseStrangers(applied);
            var missing = _known.Where(m => applied.All(a => a.Number != m.Number)).ToList();
            if (missing.Count == 0)
            {
                return count;
            }

            // Nobody waits for an empty database, and nothing in it takes long: a commit for each step would be most of a first start.
            count += await database.Write(db => TakeTurn(db, applied.Count == 0 ? missing : missing[..1]), cancellationToken);
        }
    }

    // Two processes may make a table at once although each asks whether it is there: one of them fails, and finds it the next time.
    private static async Task MakeOwnTables(Database database, CancellationToken cancellationToken)
    {
        if (await database.Read(IsThere, cancellationToken))
        {
            return;
        }

        try
        {
            await database.Write(
                db => db.Execute(
                    """
                    CREATE TABLE IF NOT EXISTS schema_migrations (
                        number     BIGINT NOT NULL PRIMARY KEY,
                        name       TEXT   NOT NULL,
                        checksum   TEXT   NOT NULL,
                        applied_at BIGINT NOT NULL
                    );
                    CREATE TABLE IF NOT EXISTS schema_turn (
                        name     TEXT   NOT NULL PRIMARY KEY,
                        taken_at BIGINT NOT NULL
                    );
                    """),
                cancellationToken);
        }
        catch (DbException) when (!cancellationToken.IsCancellationRequested)
        {
            if (!await database.Read(IsThere, cancellationToken))
            {
                throw;
            }
        }

        static async Task<bool> IsThere(DbSession db) =>
            await db.Scalar<long>(db.Dialect.CountTables, new { name = "schema_migrations" }) > 0
            && await db.Scalar<long>(db.Dialect.CountTables, new { name = "schema_turn" }) > 0;
    }

    // If the process dies before the commit, the turn is the next one's and nothing of the steps exists; after it, they are recorded.
    private async Task<int> TakeTurn(DbSession db, IReadOnlyList<Migration> steps)
    {
        var now = _time.GetUtcNow().ToUnixTimeMilliseconds();
        await db.Execute(db.Dialect.BeforeMigration);
        await db.Execute(
            """
            INSERT INTO schema_turn (name, taken_at) VALUES ('migrate', @now)
            ON CONFLICT (name) DO UPDATE SET taken_at = excluded.taken_at
            """,
            new { now });

        // Another process may have done some meanwhile.
        var applied = (await Applied(db)).Select(a => a.Number).ToHashSet();
        var left = steps.Where(s => !applied.Contains(s.Number)).ToList();
        foreach (var step in left)
        {
            await db.Execute(step.Sql);
            await db.Execute(
                "INSERT INTO schema_migrations (number, name, checksum, applied_at) VALUES (@number, @name, @checksum, @now)",
                new { number = step.Number, name = step.Name, checksum = step.Checksum, now });
        }

        return left.Count;
    }

    private static Task<IReadOnlyList<AppliedRow>> Applied(DbSession db) => db.List<AppliedRow>(
        "SELECT number AS Number, name AS Name, checksum AS Checksum FROM schema_migrations ORDER BY number");

    private void RefuseStrangers(IReadOnlyList<AppliedRow> applied)
    {
        var known = _known.ToDictionary(m => (long)m.Number);
        foreach (var row in applied)
        {
            if (!known.TryGetValue(row.Number, out var migration))
            {
                throw new MigrationException(
                    $"The database has migration {row.Number} ({row.Name}), which this program does not know: it was used by a newer version.");
            }

            if (migration.Checksum != row.Checksum)
            {
                throw new MigrationException(
                    $"Migration {row.Number} ({row.Name}) was applied in another form than this program's: a migration is never edited.");
            }
        }
    }

    private sealed record AppliedRow(long Number, string Name, string Checksum);
}
