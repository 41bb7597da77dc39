using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace Sparekey.Engine.Storage;

/// <summary>
/// The embedded engine: one SQLite file that one process alone opens (see <see cref="DataDirectory"/>), one writer that groups
/// waiting acts into one commit, and a few readers that never wait for it.
/// </summary>
public sealed partial class SqliteDatabase : Database
{
    private const int MaxReaders = 8;

    private readonly SqliteWriter _writer;
    private readonly SqliteReaders _readers;

    private SqliteDatabase(string file, IReadOnlyList<PreparedConnection> opened, ILogger logger)
    {
        File = file;
        _writer = new SqliteWriter(opened[0], Dialect, new SqliteCheckpoints(file, logger), logger);
        _readers = new SqliteReaders([.. opened.Skip(1)], Dialect);
    }

    /// <inheritdoc/>
    public override SqlDialect Dialect { get; } = new SqliteDialect();

    /// <summary>The database's file.</summary>
    public string File { get; }

    /// <summary>Opens a database file, or creates it empty with mode 0600. Its schema is the <see cref="Migrator"/>'s.</summary>
    /// <param name="file">The file; its directory must exist.</param>
    /// <param name="logger">Told which SQLite runs, and of outages.</param>
    /// <exception cref="StorageUnavailableException">The file cannot be opened, or is no database.</exception>
    public static SqliteDatabase Open(string file, ILogger logger)
    {
        SqliteLibrary.Use();
        LogLibrary(logger, SqliteLibrary.Version, SqliteLibrary.IsSystem ? "system" : "bundled");
        var opened = new List<PreparedConnection>();
        try
        {
            CreateWhenMissing(file);
            opened.Add(SqliteOpening.Writer(file));
            for (var i = 0; i < Math.Clamp(Environment.ProcessorCount, 2, MaxReaders); i++)
            {
                opened.Add(SqliteOpening.Reader(file));
            }
        }
        catch (Exception e)
        {
            opened.ForEach(connection => connection.Dispose());
            throw e switch
            {
                SqliteException sqlite => SqliteOutage.Translate(sqlite),
                IOException or UnauthorizedAccessException => new StorageUnavailableException("It cannot be opened; look at its owner, its mode and its directory.", e),
                _ => e,
            };
        }

        return new SqliteDatabase(file, opened, logger);
    }

    /// <inheritdoc/>
    public override Task<T> Write<T>(Func<DbSession, Task<T>> act, CancellationToken cancellationToken)
    {
        RefuseInsideAct();
        return _writer.Write(act, cancellationToken);
    }

    /// <inheritdoc/>
    public override Task<T> Read<T>(Func<DbSession, Task<T>> act, CancellationToken cancellationToken)
    {
        RefuseInsideAct();
        return _readers.Read(act, cancellationToken);
    }

    /// <summary>
    /// Copies the running database into a new file of mode 0600: one committed state, whole and checked, or no file at all.
    /// Nobody waits for it, and what was erased is not in it.
    /// </summary>
    /// <param name="file">Where; nothing may be there.</param>
    /// <param name="cancellationToken">Stops the copying and removes what was copied.</param>
    /// <exception cref="BackupException">Something is there already, or the copy could not be written or is not sound.</exception>
    public Task Backup(string file, CancellationToken cancellationToken) =>
        Task.Run(() => SqliteBackup.Run(File, Path.GetFullPath(file), cancellationToken), cancellationToken);

    /// <summary>
    /// Moves the log into the file and empties it, so that what was erased is in neither. Acts wait at most a tenth of a second.
    /// </summary>
    /// <param name="cancellationToken">Gives up before it begins.</param>
    /// <returns>False when a read or an act was in the way; nothing is lost, and a later call does the rest.</returns>
    public Task<bool> Checkpoint(CancellationToken cancellationToken) =>
        Task.Run(() => SqliteOpening.Checkpoint(File), cancellationToken);

    /// <summary>Empties the write-ahead log, in which erased secrets would linger.</summary>
    /// <param name="cancellationToken">Gives up before it begins.</param>
    public override Task Maintain(CancellationToken cancellationToken) => Checkpoint(cancellationToken);

    /// <summary>Lets running reads end and finishes the acts that wait, then closes the file. Later calls are refused.</summary>
    public override async ValueTask DisposeAsync()
    {
        // The writer closes last: the last connection moves the log into the file and removes it.
        await _readers.DisposeAsync();
        await _writer.DisposeAsync();
    }

    private static void CreateWhenMissing(string file)
    {
        if (!System.IO.File.Exists(file))
        {
            // SQLite gives its log the mode of the file, so that both are private.
            PrivateFile.Create(file).Dispose();
            PrivateFile.FlushDirectoryOf(file);
        }
    }

    // An act that waited for another would wait for ever: they take turns on one thread.
    private void RefuseInsideAct()
    {
        if (_writer.IsInAct)
        {
            throw new InvalidOperationException("An act uses its own session and starts no other act or read.");
        }
    }

    [LoggerMessage(3, LogLevel.Information, "SQLite {Version} ({Origin} library)")]
    private static partial void LogLibrary(ILogger logger, string version, string origin);
}
