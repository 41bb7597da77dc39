using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;

namespace Sparekey.Server.Hosting;

/// <summary>
/// An open data directory: locked, its database migrated, its key ring proved to be the one the database was written with.
/// </summary>
internal sealed class Installation : IAsyncDisposable
{
    private Installation(DataDirectory directory, SqliteDatabase database, KeyRingFile keyFile, KeyRing keys)
    {
        Directory = directory;
        Database = database;
        KeyFile = keyFile;
        Keys = keys;
    }

    /// <summary>The directory.</summary>
    public DataDirectory Directory { get; }

    /// <summary>The database.</summary>
    public SqliteDatabase Database { get; }

    /// <summary>The key file.</summary>
    public KeyRingFile KeyFile { get; }

    /// <summary>The key ring.</summary>
    public KeyRing Keys { get; }

    /// <summary>Opens a directory, making what is missing on the first start.</summary>
    /// <param name="path">The directory.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">The log.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="DataDirectoryException">Another process has it, or it cannot be used.</exception>
    /// <exception cref="KeyRingException">The key file is missing, exposed, broken, or another installation's.</exception>
    /// <exception cref="MigrationException">The database is from a newer program, or was changed.</exception>
    public static async Task<Installation> Open(string path, TimeProvider time, ILogger log, CancellationToken cancellationToken)
    {
        var directory = DataDirectory.Open(path);
        SqliteDatabase? database = null;
        try
        {
            var keyFile = new KeyRingFile(directory.KeyRingFile);
            if (!File.Exists(directory.DatabaseFile) && !keyFile.Exists)
            {
                // If the process dies after this line, the next start finds a key file and no database, and goes on.
                keyFile.Create(time.GetUtcNow());
            }

            var keys = keyFile.Load();
            database = SqliteDatabase.Open(directory.DatabaseFile, log);
            await new Migrator(database.Dialect, time).Apply(database, cancellationToken);
            await InstallationStore.ProveKeys(database, keys, cancellationToken);
            await InstallationStore.EnsureDefaultTenant(database, time, cancellationToken);
            return new Installation(directory, database, keyFile, keys);
        }
        catch
        {
            if (database is not null)
            {
                await database.DisposeAsync();
            }

            directory.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Database.DisposeAsync();
        Directory.Dispose();
    }
}
