using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Storage.Postgres;
using Sparekey.Server.Cli;
using Sparekey.Server.Hosting;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>
/// Where the installations of the tests are. A test names a folder; on PostgreSQL the folder holds the key file, and a database stands for it.
/// </summary>
internal static class TestPlaces
{
    private static readonly ConcurrentDictionary<string, Lazy<Task<string>>> Databases = new(StringComparer.Ordinal);

    /// <summary>Makes a folder whose installation is on PostgreSQL, whatever the other tests run on.</summary>
    public static string NewOnPostgres()
    {
        var folder = Directory.CreateTempSubdirectory("sparekey-test-").FullName;
        Databases.TryAdd(folder, new Lazy<Task<string>>(PostgresTestDatabase.NewDatabase));
        return folder;
    }

    /// <summary>The shared installation of a folder; null where it is on SQLite.</summary>
    public static async Task<SharedPlace?> Shared(string folder) => IsOnPostgres(folder)
        ? new SharedPlace(PostgresConnections.Parse(await Database(folder)), KeyFile(folder), ConfigFile: null)
        : null;

    /// <summary>A command line for the engine that the tests run on: <c>--data DIR</c> is put in other words where it must be.</summary>
    public static async Task<IReadOnlyList<string>> Line(IReadOnlyList<string> line)
    {
        var at = line.ToList().IndexOf("--data");
        return at >= 0 && IsOnPostgres(line[at + 1])
            ? [.. line.Take(at), "--database", await Database(line[at + 1]), "--keys", KeyFile(line[at + 1]), .. line.Skip(at + 2)]
            : line;
    }

    /// <summary>Opens the database of a folder beside whatever server runs on it; on SQLite none may.</summary>
    public static async Task<Database> Open(string folder) => IsOnPostgres(folder)
        ? PostgresDatabase.Open(PostgresConnections.Parse(await Database(folder)), NullLogger.Instance)
        : SqliteDatabase.Open(Path.Combine(folder, "sparekey.db"), NullLogger.Instance);

    /// <summary>The machine's operator, beside a server that is another process.</summary>
    public static async Task<LocalClient> Local(string folder)
    {
        var shared = await Shared(folder);
        return await LocalClient.Connect(
            () => ServerOptions.Read(folder, [], shared), shared is null ? folder : null, "default", CancellationToken.None);
    }

    /// <summary>
    /// Everything that an installation keeps on disk, by file: rows that were deleted too, as far as the engine has not overwritten them. The
    /// first token stands where its reader looks for it; lock and socket hold no bytes.
    /// </summary>
    public static async Task<IReadOnlyList<(string Name, byte[] Bytes)>> Stored(string folder)
    {
        var files = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(f => Path.GetFileName(f) is not ("bootstrap-token" or "lock" or "sparekey.sock"));
        if (IsOnPostgres(folder))
        {
            files = files.Concat(await (await PostgresServer.Shared).Files(await Database(folder)));
        }

        var stored = new List<(string, byte[])>();
        foreach (var file in files)
        {
            await using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var copy = new MemoryStream();
            await stream.CopyToAsync(copy);
            stored.Add((Path.GetFileName(file), copy.ToArray()));
        }

        return stored;
    }

    /// <summary>Removes the database that stands for a folder; its files are the test's own to remove.</summary>
    public static async Task Forget(string folder)
    {
        if (Databases.TryRemove(Path.GetFullPath(folder), out var database))
        {
            await (await PostgresServer.Shared).DropDatabase(await database.Value);
        }
    }

    private static bool IsOnPostgres(string folder) => TestDatabase.IsPostgres || Databases.ContainsKey(Path.GetFullPath(folder));

    private static string KeyFile(string folder) => Path.Combine(folder, "keyring.json");

    private static Task<string> Database(string folder)
    {
        Directory.CreateDirectory(folder);
        return Databases.GetOrAdd(Path.GetFullPath(folder), _ => new Lazy<Task<string>>(PostgresTestDatabase.NewDatabase)).Value;
    }
}
