using System.Globalization;
using Microsoft.Extensions.Logging.Abstractions;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Storage.Postgres;

namespace Sparekey.Testing;

/// <summary>
/// A fresh database, migrated, and a directory of its own; both go with it. It is SQLite, or what <c>SPAREKEY_TEST_ENGINE</c> says:
/// <c>postgres</c> is the PostgreSQL of this process.
/// </summary>
public abstract class TestDatabase : IAsyncDisposable
{
    private protected TestDatabase(string folder, Database database)
    {
        Folder = folder;
        Database = database;
    }

    /// <summary>Whether tests that can run on any engine run on PostgreSQL.</summary>
    public static bool IsPostgres { get; } = Environment.GetEnvironmentVariable("SPAREKEY_TEST_ENGINE") switch
    {
        null or "" or "sqlite" => false,
        "postgres" => true,
        var other => throw new InvalidOperationException($"SPAREKEY_TEST_ENGINE is sqlite or postgres, not {other}."),
    };

    /// <summary>The column that says in which order rows were written that nobody changed since.</summary>
    public static string InsertionOrder => IsPostgres ? "ctid" : "rowid";

    /// <summary>The directory; a test may put other files there.</summary>
    public string Folder { get; }

    /// <summary>The database.</summary>
    public Database Database { get; private protected set; }

    /// <summary>Makes one of the engine that the tests run on.</summary>
    public static async Task<TestDatabase> Create() =>
        IsPostgres ? await PostgresTestDatabase.Create() : await SqliteTestDatabase.Create();

    /// <summary>Closes the database and opens it again, as after a restart.</summary>
    public abstract Task Reopen();

    /// <summary>Everything that is stored, a character a byte: so that a test can look for what must not be there.</summary>
    public abstract string StoredBytes();

    /// <inheritdoc/>
    public virtual async ValueTask DisposeAsync()
    {
        await Database.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    private protected static string NewFolder() => Directory.CreateTempSubdirectory("sparekey-test-").FullName;
}

/// <summary>A fresh SQLite database.</summary>
public sealed class SqliteTestDatabase : TestDatabase
{
    // Made once and copied: the migrations take longer than most tests.
    private static readonly Lazy<Task<byte[]>> Template = new(async () =>
    {
        var folder = NewFolder();
        var file = Path.Combine(folder, "template.db");
        await using (var database = SqliteDatabase.Open(file, NullLogger.Instance))
        {
            await new Migrator(database.Dialect, new FakeTimeProvider()).Apply(database, CancellationToken.None);
        }

        var bytes = await System.IO.File.ReadAllBytesAsync(file);
        Directory.Delete(folder, recursive: true);
        return bytes;
    });

    private SqliteTestDatabase(string folder, SqliteDatabase database)
        : base(folder, database)
    {
    }

    /// <summary>The database.</summary>
    public new SqliteDatabase Database => (SqliteDatabase)base.Database;

    /// <summary>The database's file.</summary>
    public string File => Database.File;

    /// <summary>Makes one.</summary>
    public static new async Task<SqliteTestDatabase> Create()
    {
        var folder = NewFolder();
        var file = Path.Combine(folder, "sparekey.db");
        await NewFile(file);
        return new SqliteTestDatabase(folder, SqliteDatabase.Open(file, NullLogger.Instance));
    }

    /// <summary>Makes a file with the program's schema, for whoever opens it.</summary>
    /// <param name="file">Where; nothing is there.</param>
    public static async Task NewFile(string file)
    {
        await using var stream = PrivateFile.Create(file);
        await stream.WriteAsync(await Template.Value);
    }

    /// <inheritdoc/>
    public override async Task Reopen()
    {
        await Database.DisposeAsync();
        base.Database = SqliteDatabase.Open(File, NullLogger.Instance);
    }

    /// <inheritdoc/>
    public override string StoredBytes() => string.Concat(Directory.GetFiles(Folder).Select(Bytes.Read));
}

/// <summary>A fresh database of the PostgreSQL that the tests of this process share.</summary>
public sealed class PostgresTestDatabase : TestDatabase
{
    // Made once and copied: the migrations take longer than most tests.
    private static readonly Lazy<Task<string>> Template = new(async () =>
    {
        var made = await (await PostgresServer.Shared).CreateDatabase();
        await using var database = Open(made);
        await new Migrator(database.Dialect, new FakeTimeProvider()).Apply(database, CancellationToken.None);
        return made;
    });

    private PostgresTestDatabase(string connectionString)
        : base(NewFolder(), Open(connectionString)) => ConnectionString = connectionString;

    /// <summary>How it is reached.</summary>
    public string ConnectionString { get; }

    /// <summary>Makes one.</summary>
    public static new async Task<PostgresTestDatabase> Create() => new(await NewDatabase());

    /// <summary>Makes a database with the program's schema, for whoever opens it.</summary>
    /// <returns>Its connection string.</returns>
    public static async Task<string> NewDatabase() => await (await PostgresServer.Shared).CreateDatabase(await Template.Value);

    /// <inheritdoc/>
    public override async Task Reopen()
    {
        await Database.DisposeAsync();
        Database = Open(ConnectionString);
    }

    /// <summary>Every column of every row, texts as they are and bytes a character each.</summary>
    public override string StoredBytes() => Database.Read(
        async db =>
        {
            var all = new StringWriter(CultureInfo.InvariantCulture);
            foreach (var table in await db.List<string>("SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"))
            {
                foreach (var row in await db.List<dynamic>($"SELECT * FROM {table}"))
                {
                    foreach (var value in ((IDictionary<string, object?>)row).Values)
                    {
                        all.WriteLine(value is byte[] bytes ? Bytes.Text(bytes) : value);
                    }
                }
            }

            return all.ToString();
        },
        CancellationToken.None).GetAwaiter().GetResult();

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await (await PostgresServer.Shared).DropDatabase(ConnectionString);
    }

    private static PostgresDatabase Open(string connectionString) =>
        PostgresDatabase.Open(PostgresConnections.Parse(connectionString), NullLogger.Instance);
}

/// <summary>Bytes as text, a character each.</summary>
internal static class Bytes
{
    /// <summary>What a file holds that another handle may be writing.</summary>
    /// <param name="file">The file.</param>
    public static string Read(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return Text(copy.ToArray());
    }

    /// <summary>Bytes as text.</summary>
    /// <param name="bytes">The bytes.</param>
    public static string Text(byte[] bytes) => System.Text.Encoding.Latin1.GetString(bytes);
}
