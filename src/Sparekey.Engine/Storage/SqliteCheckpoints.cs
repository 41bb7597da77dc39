using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;

namespace Sparekey.Engine.Storage;

/// <summary>
/// Moves what the log holds into the file while acts go on, so that the writer, which would do it itself now and then, has little left to
/// move when it does. Nothing depends on it: a crash at any point leaves file and log that together hold every commit.
/// </summary>
internal sealed partial class SqliteCheckpoints : IDisposable
{
    // A few hundred pages. Seldom and much at once holds up the writer, whose own flush waits for the disk meanwhile: acts were slowest one in
    // a hundred where the log was left alone, and fastest here; more often costs the disk more than it saves.
    private const int ActsBetween = 16;

    private readonly AutoResetEvent _wanted = new(initialState: false);
    private readonly string _file;
    private readonly ILogger _logger;
    private readonly Thread _thread;
    private volatile bool _closed;
    private int _acts;

    /// <summary>Starts it. It opens its connection when it is wanted first.</summary>
    /// <param name="file">The database.</param>
    /// <param name="logger">Told when the log could not be moved.</param>
    public SqliteCheckpoints(string file, ILogger logger)
    {
        (_file, _logger) = (file, logger);
        _thread = new Thread(Loop) { IsBackground = true, Name = "sqlite checkpoints" };
        _thread.UnsafeStart();
    }

    /// <summary>Notes acts that were committed. Called by the writer alone; waits for nothing.</summary>
    /// <param name="acts">How many.</param>
    public void Note(int acts)
    {
        _acts += acts;
        if (_acts >= ActsBetween)
        {
            _acts = 0;
            _wanted.Set();
        }
    }

    /// <summary>Ends it and waits until its connection is closed.</summary>
    public void Dispose()
    {
        _closed = true;
        _wanted.Set();
        _thread.Join();
        _wanted.Dispose();
    }

    private void Loop()
    {
        SqliteConnection? connection = null;
        while (_wanted.WaitOne() && !_closed)
        {
            try
            {
                connection ??= SqliteOpening.Plain(_file, mode: SqliteOpenMode.ReadWrite);
                _ = SqliteOpening.Run(connection, "PRAGMA wal_checkpoint(PASSIVE)");
            }
            catch (SqliteException e)
            {
                LogFailed(_logger, e); // The writer does it, sooner or later; when it cannot write either, it says so.
            }
        }

        connection?.Dispose();
    }

    [LoggerMessage(1, LogLevel.Debug, "The log of SQLite could not be moved into its file beside the acts")]
    private static partial void LogFailed(ILogger logger, Exception exception);
}
