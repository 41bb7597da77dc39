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
    /// <exception cref="DataDirectoryException">Another process has it, it cannot be used, or its database is gone or damaged.</exception>
    /// <exception cref="KeyRingException">The key file is missing, exposed, broken, or another installation's.</exception>
    /// <exception cref="MigrationException">The database is from a newer program, or was changed.</exception>
    public static async Task<Installation> Open(string path, TimeProvider time, ILogger log, CancellationToken cancellationToken)
    {
        var directory = DataDirectory.Open(path);
        SqliteDatabase? database = null;
        try
        {
            var keyFile = new KeyRingFile(directory.KeyRingFile);
            if (keyFile.Exists)
            {
                RefuseWithoutDatabase(directory);
                keyFile.Load(); // What is wrong with it is said before the database is touched.
            }

            database = SqliteDatabase.Open(directory.DatabaseFile, log);
            if (!keyFile.Exists && await InstallationStore.KnowsKeys(database, cancellationToken))
            {
                keyFile.Load(); // Says that it is missing.
            }

            await new Migrator(database.Dialect, time).Apply(database, cancellationToken);
            if (!keyFile.Exists)
            {
                // The database first: whenever the first start dies, the next one goes on, and a key file without a
                // database is always a loss that an operator must hear of.
                keyFile.Create(time.GetUtcNow());
            }

            var keys = keyFile.Load();
            await InstallationStore.ProveKeys(database, keys, cancellationToken);
            await InstallationStore.EnsureDefaultTenant(database, time, cancellationToken);
            return new Installation(directory, database, keyFile, keys);
        }
        catch (Exception e)
        {
            if (database is not null)
            {
                await database.DisposeAsync();
            }

            directory.Dispose();
            if (e is StorageUnavailableException)
            {
                throw new DataDirectoryException($"The database {directory.DatabaseFile} cannot be used. {e.Message}", e);
            }

            throw;
        }
    }

    // To begin with an empty one would look like a good start to a probe, while every account is gone.
    private static void RefuseWithoutDatabase(DataDirectory directory)
    {
        if (!File.Exists(directory.DatabaseFile) && !System.IO.Directory.Exists(directory.DatabaseFile))
        {
            throw new DataDirectoryException(
                $"The database {directory.DatabaseFile} is missing, though its key file is there. Restore it from its backup; to begin anew, move the key file away.");
        }

        if (new FileInfo(directory.DatabaseFile) is { Exists: true, Length: 0 })
        {
            throw new DataDirectoryException(
                $"The database {directory.DatabaseFile} is empty and holds no installation, though its key file is there. Restore it from its backup; to begin anew, move both away.");
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Database.DisposeAsync();
        Directory.Dispose();
    }
}
