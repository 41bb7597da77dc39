using Microsoft.Extensions.Logging.Abstractions;
using Sparekey.Engine.Storage;

namespace Sparekey.Testing;

/// <summary>A fresh SQLite database in a directory of its own, migrated; the directory goes with it.</summary>
public sealed class TestDatabase : IAsyncDisposable
{
    private TestDatabase(string directory, SqliteDatabase database)
    {
        Folder = directory;
        Database = database;
    }

    /// <summary>The directory; a test may put other files there.</summary>
    public string Folder { get; }

    /// <summary>The database.</summary>
    public SqliteDatabase Database { get; private set; }

    /// <summary>The database's file.</summary>
    public string File => Database.File;

    /// <summary>Makes one.</summary>
    /// <param name="time">Says when the migrations were applied.</param>
    public static async Task<TestDatabase> Create(TimeProvider? time = null)
    {
        var folder = Directory.CreateTempSubdirectory("sparekey-test-").FullName;
        var database = SqliteDatabase.Open(Path.Combine(folder, "sparekey.db"), NullLogger.Instance);
        await new Migrator(database.Dialect, time ?? new FakeTimeProvider()).Apply(database, CancellationToken.None);
        return new TestDatabase(folder, database);
    }

    /// <summary>Closes the database and opens it again, as after a restart.</summary>
    public async Task Reopen()
    {
        await Database.DisposeAsync();
        Database = SqliteDatabase.Open(File, NullLogger.Instance);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Database.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }
}
