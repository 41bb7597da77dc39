using System.Data;
using System.Data.Common;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Sparekey.Engine.Storage.Postgres;

/// <summary>
/// An installation that several processes share. An act is a SERIALIZABLE transaction: whatever runs beside it, in this process or in
/// another, the outcome is that of one after the other, as with the embedded engine. An act that lost a race is run again.
/// </summary>
public sealed partial class PostgresDatabase : Database
{
    // Somebody always wins, so that a crowd of n acts on one row is through after n rounds; this many are an outage.
    private const int MostTries = 100;
    private const int MostTriesBesideOthers = 2;
    private const int MostConnections = 3;

    // Whether the code that runs is inside an act or a read: those start no other.
    private static readonly AsyncLocal<bool> Inside = new();

    private readonly NpgsqlDataSource _writers;
    private readonly NpgsqlDataSource _readers;
    private readonly ILogger _logger;
    private readonly Running _running = new();

    // Acts that keep losing take turns within this process: they stop making each other lose.
    private readonly SemaphoreSlim _turn = new(1, 1);

    private volatile bool _cannotFollow;

    private PostgresDatabase(PostgresConnections connections, ILogger logger)
    {
        _writers = connections.Writers();
        _readers = connections.Readers();
        _logger = logger;
    }

    /// <inheritdoc/>
    public override SqlDialect Dialect { get; } = new PostgresDialect();

    /// <summary>Opens a database. It connects with the first act. Its schema is the <see cref="Migrator"/>'s.</summary>
    /// <param name="connections">Where and as whom.</param>
    /// <param name="logger">Told of outages and of acts that were run again often.</param>
    public static PostgresDatabase Open(PostgresConnections connections, ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(connections);
        return new PostgresDatabase(connections, logger);
    }

    /// <inheritdoc/>
    public override async Task<T> Write<T>(Func<DbSession, Task<T>> act, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(act);
        RefuseInside();
        cancellationToken.ThrowIfCancellationRequested();
        using var running = _running.Begin();
        var hasTurn = false;
        try
        {
            var (connections, constraints) = (1, 0);
            for (var tries = 1; ; tries++)
            {
                try
                {
                    return await RunOnce(act);
                }
                catch (Exception e) when (PostgresFault.IsLostRace(e) && tries < MostTries)
                {
                    LogAgain(_logger, tries, e);
                }
                catch (Exception e) when (PostgresFault.MayBeLostRace(e) && constraints++ == 0)
                {
                    // Once: who looks first and finds the key taken answers so. Who does not look gets the same exception again.
                }
                catch (NotBegunException e) when (connections++ < MostConnections)
                {
                    LogReconnect(_logger, e.InnerException!);
                }

                if (tries >= MostTriesBesideOthers && !hasTurn)
                {
                    await _turn.WaitAsync(CancellationToken.None);
                    hasTurn = true;
                }
            }
        }
        catch (NotBegunException e)
        {
            throw PostgresFault.Outage(e.InnerException!)!;
        }
        catch (Exception e) when (PostgresFault.IsUnstorableText(e))
        {
            throw new UnstorableTextException(e);
        }
        catch (Exception e) when (PostgresFault.Outage(e) is not null)
        {
            throw PostgresFault.Outage(e)!;
        }
        finally
        {
            if (hasTurn)
            {
                _turn.Release();
            }
        }
    }

    /// <inheritdoc/>
    public override Task<T> Read<T>(Func<DbSession, Task<T>> act, CancellationToken cancellationToken) => Read(act, InSnapshot, cancellationToken);

    /// <inheritdoc/>
    public override Task<T> ReadOne<T>(Func<DbSession, Task<T>> act, CancellationToken cancellationToken) => Read(act, Alone, cancellationToken);

    /// <summary>Whether this role may change what is in the ledger: a superuser, or one that was given the right back.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StorageUnavailableException">The engine cannot be read now.</exception>
    public Task<bool> CanChangeLedger(CancellationToken cancellationToken) => Read(
        db => db.Scalar<bool>("SELECT has_table_privilege('ledger_entries', 'UPDATE') OR has_table_privilege('ledger_entries', 'DELETE')"),
        cancellationToken);

    /// <summary>
    /// Has tables analyzed that are no longer as good as empty, as the server does within a minute by itself. Until then it thinks that any
    /// index will do: a statement that looks for one row may read all of a tenant's, and, being serializable, stands in the way of every act
    /// that adds another.
    /// </summary>
    /// <param name="cancellationToken">Gives up between two tables.</param>
    /// <exception cref="StorageUnavailableException">The engine cannot be asked now.</exception>
    public override async Task FollowGrowth(CancellationToken cancellationToken)
    {
        if (_cannotFollow)
        {
            return;
        }

        try
        {
            var tables = await ReadOne(db => db.List<string>(
                """
                SELECT quote_ident(c.relname) FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
                WHERE s.schemaname = current_schema() AND s.n_live_tup > 100 AND c.reltuples < 100 AND pg_has_role(c.relowner, 'USAGE')
                """), cancellationToken);
            foreach (var table in tables)
            {
                // One that another process has at hand is left to it.
                await Write(db => db.Execute($"ANALYZE (SKIP_LOCKED) {table}"), cancellationToken);
            }
        }
        catch (PostgresException e)
        {
            // Another engine behind the same protocol: its tables are left to it.
            _cannotFollow = true;
            LogCannotFollow(_logger, e);
        }
    }

    /// <summary>Lets running acts and reads end, then closes the connections. Later calls are refused.</summary>
    public override async ValueTask DisposeAsync()
    {
        await _running.End();
        await _readers.DisposeAsync();
        await _writers.DisposeAsync();
        _turn.Dispose();
    }

    private async Task<T> Read<T>(
        Func<DbSession, Task<T>> act, Func<Func<DbSession, Task<T>>, CancellationToken, Task<T>> way, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(act);
        RefuseInside();
        cancellationToken.ThrowIfCancellationRequested();
        using var running = _running.Begin();
        try
        {
            for (var connections = 1; ; connections++)
            {
                try
                {
                    return await way(act, cancellationToken);
                }
                catch (Exception e) when (PostgresFault.IsBrokenConnection(e) && connections < MostConnections)
                {
                    LogReconnect(_logger, e);
                }
            }
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.ReadOnlySqlTransaction)
        {
            throw new InvalidOperationException("A read tried to write.", e);
        }
        catch (Exception e) when (PostgresFault.IsUnstorableText(e))
        {
            throw new UnstorableTextException(e);
        }
        catch (Exception e) when (PostgresFault.Outage(e) is not null)
        {
            throw PostgresFault.Outage(e)!;
        }
    }

    // If the process dies before the commit, the server rolls back; after it, all of the act stands and the caller did not hear so.
    private async Task<T> RunOnce<T>(Func<DbSession, Task<T>> act)
    {
        Inside.Value = true;
        await using var connection = await Connected(_writers, CancellationToken.None);
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.Serializable, CancellationToken.None);
        var waiting = new PostgresBatch(connection, transaction);
        T returned;
        try
        {
            var session = new DbSession(connection, transaction, Dialect, waiting);
            returned = await act(session);
            session.RefuseAfterFailure();
        }
        catch (Exception e)
        {
            await Undo(transaction);
            if (PostgresFault.IsBrokenConnection(e))
            {
                throw new NotBegunException(e);
            }

            throw;
        }

        try
        {
            await waiting.SendAndCommit();
        }
        catch
        {
            await Undo(transaction);
            throw;
        }

        return returned;
    }

    private async Task<T> Alone<T>(Func<DbSession, Task<T>> act, CancellationToken cancellationToken)
    {
        Inside.Value = true;
        await using var connection = await _readers.OpenConnectionAsync(cancellationToken);
        return await act(new DbSession(connection, null, Dialect).ForOneStatement());
    }

    private async Task<T> InSnapshot<T>(Func<DbSession, Task<T>> act, CancellationToken cancellationToken)
    {
        Inside.Value = true;
        await using var connection = await _readers.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, cancellationToken);
        try
        {
            return await act(new DbSession(connection, transaction, Dialect));
        }
        finally
        {
            await Undo(transaction);
        }
    }

    private static async Task<NpgsqlConnection> Connected(NpgsqlDataSource source, CancellationToken cancellationToken)
    {
        try
        {
            return await source.OpenConnectionAsync(cancellationToken);
        }
        catch (Exception e) when (PostgresFault.IsBrokenConnection(e))
        {
            throw new NotBegunException(e);
        }
    }

    // A connection that broke has rolled back already; its pool throws it away.
    private static async Task Undo(DbTransaction transaction)
    {
        try
        {
            await transaction.RollbackAsync(CancellationToken.None);
        }
        catch (Exception e) when (e is NpgsqlException or InvalidOperationException or IOException)
        {
            // What went wrong first is what the caller hears.
        }
    }

    private static void RefuseInside()
    {
        if (Inside.Value)
        {
            throw new InvalidOperationException("An act uses its own session and starts no other act or read.");
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "An act lost a race and is run again, for the time {Tries}")]
    private static partial void LogAgain(ILogger logger, int tries, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A connection to PostgreSQL broke; another is tried")]
    private static partial void LogReconnect(ILogger logger, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Tables that grew cannot be analyzed at once; the database server's own rounds do it")]
    private static partial void LogCannotFollow(ILogger logger, Exception exception);

    /// <summary>The connection broke before the commit was sent: nothing of the act exists.</summary>
    private sealed class NotBegunException(Exception inner) : Exception(null, inner);

    /// <summary>Counts what runs, so that a database that closes can wait for it.</summary>
    private sealed class Running
    {
        private readonly Lock _lock = new();
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _count;
        private bool _closed;

        public IDisposable Begin()
        {
            lock (_lock)
            {
                if (_closed)
                {
                    throw new StorageUnavailableException("The database is closed.");
                }

                _count++;
                return new One(this);
            }
        }

        public Task End()
        {
            lock (_lock)
            {
                _closed = true;
                CompleteWhenOver();
                return _ended.Task;
            }
        }

        private void CompleteWhenOver()
        {
            if (_closed && _count == 0)
            {
                _ended.TrySetResult();
            }
        }

        private sealed class One(Running all) : IDisposable
        {
            public void Dispose()
            {
                lock (all._lock)
                {
                    all._count--;
                    all.CompleteWhenOver();
                }
            }
        }
    }
}
