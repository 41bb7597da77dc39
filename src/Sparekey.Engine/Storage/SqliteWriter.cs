using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;

namespace Sparekey.Engine.Storage;

/// <summary>
/// The one writer. It takes every act that waits, runs each in a savepoint of its own, and commits all with one flush to the
/// disk; only then are the callers answered. An act that throws undoes itself alone. If the process dies before the commit
/// returned, none of the group's callers was told that theirs stands.
/// </summary>
internal sealed partial class SqliteWriter : IAsyncDisposable
{
    private const int MaxWaiting = 4096;
    private const int MaxGroup = 256;

    private readonly Channel<WriteCommand> _waiting = Channel.CreateBounded<WriteCommand>(
        new BoundedChannelOptions(MaxWaiting) { SingleReader = true });

    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<WriteCommand> _group = new(MaxGroup);
    private readonly PreparedConnection _connection;
    private readonly SqlDialect _dialect;
    private readonly SqliteCheckpoints _checkpoints;
    private readonly ILogger _logger;
    private readonly Thread _thread;

    /// <summary>Starts the writer.</summary>
    /// <param name="connection">Its connection; nobody else may use it.</param>
    /// <param name="dialect">How SQLite's SQL differs.</param>
    /// <param name="checkpoints">Told of commits; ended with this.</param>
    /// <param name="logger">Told of outages.</param>
    public SqliteWriter(PreparedConnection connection, SqlDialect dialect, SqliteCheckpoints checkpoints, ILogger logger)
    {
        _connection = connection;
        _dialect = dialect;
        _checkpoints = checkpoints;
        _logger = logger;

        // A thread of its own: a pool busy with password hashes must not hold up commits.
        _thread = new Thread(Loop) { IsBackground = true, Name = "sqlite writer" };
        _thread.UnsafeStart();
    }

    /// <summary>Whether the caller is inside an act.</summary>
    public bool IsInAct => Thread.CurrentThread == _thread;

    /// <summary>Queues an act and waits until it is durable.</summary>
    /// <param name="act">The act.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    public async Task<T> Write<T>(Func<DbSession, Task<T>> act, CancellationToken cancellationToken)
    {
        var command = new WriteCommand<T>(act, cancellationToken);
        try
        {
            await _waiting.Writer.WriteAsync(command, cancellationToken);
        }
        catch (ChannelClosedException)
        {
            throw new StorageUnavailableException("The database is closed.");
        }

        return await command.Answer;
    }

    /// <summary>Takes no more acts, finishes those that wait, and closes the connection.</summary>
    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _ended.Task;
    }

    private void Loop()
    {
        while (_waiting.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            RunGroup();
        }

        // The last connection that closes moves all of the log and removes it.
        _checkpoints.Dispose();
        _connection.Dispose();
        _ended.TrySetResult();
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "It goes to the callers; the writer must live on.")]
    private void RunGroup()
    {
        try
        {
            if (!TakeNext())
            {
                return; // All who waited gave up.
            }

            EndStaleTransaction();
            _connection.Run("BEGIN IMMEDIATE");
            do
            {
                RunAct(_group[^1]);
            }
            while (_group.Count < MaxGroup && TakeNext());

            // 1. Durable from here on, or not at all. 2. Then the callers learn it; a crash between leaves them unanswered.
            _connection.Run("COMMIT");
            _group.ForEach(command => command.Complete());
            _checkpoints.Note(_group.Count);
        }
        catch (Exception e)
        {
            AbandonGroup(e);
        }
        finally
        {
            _group.Clear();
        }
    }

    private bool TakeNext()
    {
        while (_waiting.Reader.TryRead(out var command))
        {
            if (command.Begin())
            {
                _group.Add(command);
                return true;
            }
        }

        return false;
    }

    private void RunAct(WriteCommand command)
    {
        _connection.Run("SAVEPOINT act");
        var returned = command.Run(new DbSession(_connection, null, _dialect));
        if (!_connection.InTransaction)
        {
            // A full disk or an I/O error can end the transaction below the act, which may not even have noticed.
            throw new StorageUnavailableException("SQLite ended the transaction of a group of acts.");
        }

        if (!returned)
        {
            _connection.Run("ROLLBACK TO act");
        }

        _connection.Run("RELEASE act");
    }

    [SuppressMessage("Design", "CA1031:Do not catch general exception types", Justification = "It is logged; the callers must get their answer.")]
    private void AbandonGroup(Exception cause)
    {
        LogAbandoned(_logger, _group.Count, cause);
        try
        {
            EndStaleTransaction();
        }
        catch (Exception e)
        {
            LogRollbackFailed(_logger, e); // Tried again before the next group begins.
        }

        _group.ForEach(command => command.Fail(cause));
    }

    private void EndStaleTransaction()
    {
        if (_connection.InTransaction)
        {
            _connection.Run("ROLLBACK");
        }
    }

    [LoggerMessage(1, LogLevel.Error, "A group of {Acts} acts was rolled back: SQLite could not commit it")]
    private static partial void LogAbandoned(ILogger logger, int acts, Exception exception);

    [LoggerMessage(2, LogLevel.Error, "SQLite could not roll back")]
    private static partial void LogRollbackFailed(ILogger logger, Exception exception);
}
