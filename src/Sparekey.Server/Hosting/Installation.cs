using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Storage.Postgres;

namespace Sparekey.Server.Hosting;

/// <summary>
/// An open installation: a data directory that is locked, or a database that other processes use too; its schema is this program's, its key
/// ring is proved to be the one the database was written with.
/// </summary>
internal sealed partial class Installation : IAsyncDisposable
{
    private Installation(IInstallationFiles files, Database database, KeyRingFile keyFile, KeyRing keys)
    {
        Files = files;
        Database = database;
        KeyFile = keyFile;
        Keys = keys;
    }

    /// <summary>The files beside the database.</summary>
    public IInstallationFiles Files { get; }

    /// <summary>The database.</summary>
    public Database Database { get; }

    /// <summary>The key file.</summary>
    public KeyRingFile KeyFile { get; }

    /// <summary>The key ring.</summary>
    public KeyRing Keys { get; }

    /// <summary>Whether other processes use the same database.</summary>
    public bool IsShared => Files is SharedFiles;

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
        return await Open(
            directory,
            keyFile =>
            {
                if (keyFile.Exists)
                {
                    RefuseWithoutDatabase(directory);
                }

                return SqliteDatabase.Open(directory.DatabaseFile, log);
            },
            $"The database {directory.DatabaseFile}", time, cancellationToken);
    }

    /// <summary>Opens a database that other processes may be using, making what is missing on the first start.</summary>
    /// <param name="place">The database and the key file.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">The log.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="DataDirectoryException">The database cannot be used.</exception>
    /// <exception cref="KeyRingException">The key file is missing, exposed, broken, or another installation's.</exception>
    /// <exception cref="MigrationException">The database is from a newer program, or was changed.</exception>
    public static async Task<Installation> Open(SharedPlace place, TimeProvider time, ILogger log, CancellationToken cancellationToken)
    {
        var installation = await Open(
            new SharedFiles(place.KeyFile), _ => PostgresDatabase.Open(place.Database, log), $"The database {place.Database.Name}", time, cancellationToken);
        if (await ((PostgresDatabase)installation.Database).CanChangeLedger(cancellationToken))
        {
            LogRights(log);
        }

        return installation;
    }

    private static async Task<Installation> Open(
        IInstallationFiles files, Func<KeyRingFile, Database> open, string name, TimeProvider time, CancellationToken cancellationToken)
    {
        Database? database = null;
        try
        {
            var keyFile = new KeyRingFile(files.KeyRingFile);
            if (keyFile.Exists)
            {
                keyFile.Load(); // What is wrong with it is said before the database is touched.
            }

            database = open(keyFile);
            if (!keyFile.Exists && await InstallationStore.KnowsKeys(database, cancellationToken))
            {
                keyFile.Load(); // Says that it is missing.
            }

            await new Migrator(database.Dialect, time).Apply(database, cancellationToken);
            if (!keyFile.Exists)
            {
                // The database first: whenever the first start dies, the next one goes on, and a key file without a
                // database is always a loss that an operator must hear of.
                keyFile.CreateWhenMissing(time.GetUtcNow());
            }

            var keys = keyFile.Load();
            await InstallationStore.ProveKeys(database, keys, cancellationToken);
            await InstallationStore.EnsureDefaultTenant(database, time, cancellationToken);
            return new Installation(files, database, keyFile, keys);
        }
        catch (Exception e)
        {
            if (database is not null)
            {
                await database.DisposeAsync();
            }

            files.Dispose();
            if (e is StorageUnavailableException)
            {
                throw new DataDirectoryException($"{name} cannot be used. {e.Message}", e);
            }

            throw;
        }
    }

    // To begin with an empty one would look like a good start to a probe, while every account is gone.
    private static void RefuseWithoutDatabase(DataDirectory directory)
    {
        if (!File.Exists(directory.DatabaseFile) && !Directory.Exists(directory.DatabaseFile))
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "The database's role may change the ledger; let one serve that is no superuser and lacks UPDATE and DELETE on it")]
    private static partial void LogRights(ILogger logger);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Database.DisposeAsync();
        Files.Dispose();
    }
}
