using Sparekey.Core;
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
            await ProveKeys(database, keys, cancellationToken);
            await EnsureDefaultTenant(database, time, cancellationToken);
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

    /// <summary>Notes a new key's check value, so that a start with another file of the same version is refused.</summary>
    /// <param name="database">The database.</param>
    /// <param name="keys">The key ring.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static Task ProveKeys(Database database, KeyRing keys, CancellationToken cancellationToken) => database.Write(
        async db =>
        {
            foreach (var version in keys.Versions)
            {
                var row = new { name = $"key_check.{version}", value = keys.KeyCheckValue(version) };
                await db.Execute("INSERT INTO installation (name, value) VALUES (@name, @value) ON CONFLICT (name) DO NOTHING", row);
                if (await db.Scalar<string>("SELECT value FROM installation WHERE name = @name", row) != row.value)
                {
                    throw new KeyRingException("The key file is not the one this database was written with; restore the right one.");
                }
            }

            return true;
        },
        cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Database.DisposeAsync();
        Directory.Dispose();
    }

    private static Task EnsureDefaultTenant(Database database, TimeProvider time, CancellationToken cancellationToken) => database.Write(
        db => db.Execute(
            "INSERT INTO tenants (id, created_at) VALUES (@id, @now) ON CONFLICT (id) DO NOTHING",
            new { id = TenantId.Default.ToString(), now = time.GetUtcNow().ToUnixTimeMilliseconds() }),
        cancellationToken);
}
