namespace Sparekey.Bench;

/// <summary>An engine, and the databases and directories that servers on it get.</summary>
/// <param name="name">What it is called in the table.</param>
/// <param name="postgres">The PostgreSQL that it is; null for the embedded one.</param>
internal sealed class Engine(string name, Postgres? postgres) : IDisposable
{
    private readonly List<string> _folders = [];

    /// <summary>What it is called.</summary>
    public string Name => name;

    /// <summary>A place that is empty.</summary>
    public async Task<Storage> Fresh()
    {
        var folder = Directory.CreateTempSubdirectory("sparekey-bench-").FullName;
        _folders.Add(folder);
        return new Storage(name, folder, postgres is null ? null : await postgres.Create($"bench{Guid.NewGuid():N}"));
    }

    /// <summary>Starts a server.</summary>
    /// <param name="settings">Where it is.</param>
    /// <param name="storage">Where it keeps what it knows.</param>
    public Task<Server> Start(Settings settings, Storage storage) => Server.Start(settings.Server, storage, postgres);

    /// <summary>
    /// Has the database look at what there is, as PostgreSQL does by itself within a minute: until then it answers by plans that it made when its
    /// tables were empty, and what is measured would depend on the minute.
    /// </summary>
    /// <param name="storage">Where.</param>
    public static async Task Analyze(Storage storage)
    {
        if (storage.Database is not null)
        {
            await using var connection = await Open(storage);
            await using var command = connection.CreateCommand();
            command.CommandText = "ANALYZE";
            await command.ExecuteNonQueryAsync();
        }
    }

    /// <summary>Opens its database, beside a server.</summary>
    /// <param name="storage">Where.</param>
    public static async Task<System.Data.Common.DbConnection> Open(Storage storage)
    {
        System.Data.Common.DbConnection connection = storage.Database is { } database
            ? new Npgsql.NpgsqlConnection($"{database};Command Timeout=0")
            : new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={storage.Folder}/sparekey.db;Pooling=False;Default Timeout=0");
        await connection.OpenAsync();
        return connection;
    }

    public void Dispose() => _folders.ForEach(f => Directory.Delete(f, recursive: true));
}
