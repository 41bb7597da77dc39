using System.Threading.Channels;
using Microsoft.Data.Sqlite;

namespace Sparekey.Engine.Storage;

/// <summary>A few connections that only read, each used by one read at a time.</summary>
internal sealed class SqliteReaders : IAsyncDisposable
{
    private readonly Channel<PreparedConnection> _free = Channel.CreateUnbounded<PreparedConnection>();
    private readonly SqlDialect _dialect;
    private readonly int _count;
    private volatile bool _closed;

    /// <summary>Readers over open connections.</summary>
    /// <param name="connections">The connections; closed with this.</param>
    /// <param name="dialect">How SQLite's SQL differs.</param>
    public SqliteReaders(IReadOnlyCollection<PreparedConnection> connections, SqlDialect dialect)
    {
        _dialect = dialect;
        _count = connections.Count;
        foreach (var connection in connections)
        {
            _free.Writer.TryWrite(connection);
        }
    }

    /// <summary>Runs reads on one committed state.</summary>
    /// <param name="act">The reads.</param>
    /// <param name="cancellationToken">Gives up waiting for a connection.</param>
    public async Task<T> Read<T>(Func<DbSession, Task<T>> act, CancellationToken cancellationToken)
    {
        var connection = await Take(cancellationToken);
        try
        {
            // SQLite reads the disk without async calls: that belongs on a pool thread, not on the caller's.
            return await Task.Run(() => InOneState(connection, act), cancellationToken);
        }
        catch (SqliteException e) when (e.SqliteExtendedErrorCode == SQLitePCL.raw.SQLITE_READONLY)
        {
            throw new InvalidOperationException("A read tried to write.", e);
        }
        catch (SqliteException e)
        {
            var translated = SqliteOutage.Translate(e);
            if (translated == e)
            {
                throw;
            }

            throw translated;
        }
        finally
        {
            _free.Writer.TryWrite(connection);
        }
    }

    /// <summary>Takes no more reads and closes the connections as they come free.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_closed)
        {
            return;
        }

        _closed = true;
        for (var i = 0; i < _count; i++)
        {
            (await _free.Reader.ReadAsync()).Dispose();
        }

        _free.Writer.TryComplete();
    }

    private async Task<PreparedConnection> Take(CancellationToken cancellationToken)
    {
        if (_closed)
        {
            throw new StorageUnavailableException("The database is closed.");
        }

        try
        {
            return await _free.Reader.ReadAsync(cancellationToken);
        }
        catch (ChannelClosedException)
        {
            throw new StorageUnavailableException("The database is closed.");
        }
    }

    private async Task<T> InOneState<T>(PreparedConnection connection, Func<DbSession, Task<T>> act)
    {
        connection.Run("BEGIN");
        try
        {
            return await act(new DbSession(connection, null, _dialect));
        }
        finally
        {
            if (connection.InTransaction)
            {
                connection.Run("ROLLBACK");
            }
        }
    }
}
