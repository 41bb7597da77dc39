using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Sparekey.Engine.Storage;

/// <summary>
/// An open SQLite connection that keeps its statements prepared by their text. Dapper makes a command for each call, and
/// SQLite would parse and plan the same text each time. Not for use by two threads at a time.
/// </summary>
/// <param name="connection">The open connection; disposed with this one.</param>
internal sealed class PreparedConnection(SqliteConnection connection) : DbConnection
{
    // Statements are constant texts, but lists are expanded into as many texts as they have lengths.
    private const int MaxIdle = 512;

    private readonly Dictionary<string, SqliteCommand> _idle = new(StringComparer.Ordinal);
    private readonly Dictionary<string, sqlite3_stmt> _control = new(StringComparer.Ordinal);

    /// <summary>Whether a transaction is open; SQLite ends one by itself after some failures.</summary>
    public bool InTransaction => raw.sqlite3_get_autocommit(connection.Handle) == 0;

    /// <inheritdoc/>
    [AllowNull]
    public override string ConnectionString
    {
        get => connection.ConnectionString;
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override string Database => connection.Database;

    /// <inheritdoc/>
    public override string DataSource => connection.DataSource;

    /// <inheritdoc/>
    public override string ServerVersion => connection.ServerVersion;

    /// <inheritdoc/>
    public override ConnectionState State => connection.State;

    /// <summary>
    /// Runs a statement that begins or ends a transaction or savepoint. Every act needs two of them, so that they go to the
    /// engine without a command in between.
    /// </summary>
    /// <param name="sql">The statement.</param>
    /// <exception cref="SqliteException">The engine refused it.</exception>
    public void Run(string sql)
    {
        if (!_control.TryGetValue(sql, out var statement))
        {
            SqliteException.ThrowExceptionForRC(raw.sqlite3_prepare_v2(connection.Handle, sql, out statement), connection.Handle);
            _control.Add(sql, statement);
        }

        var code = raw.sqlite3_step(statement);
        raw.sqlite3_reset(statement);
        if (code != raw.SQLITE_DONE)
        {
            SqliteException.ThrowExceptionForRC(code, connection.Handle);
        }
    }

    /// <summary>Takes the command of a text: a prepared one, or a new one.</summary>
    internal SqliteCommand Take(string sql)
    {
        if (_idle.Remove(sql, out var command))
        {
            return command;
        }

        command = connection.CreateCommand();
        command.CommandText = sql;
        return command;
    }

    /// <summary>Takes a command back. Its values are dropped, its statement stays prepared.</summary>
    internal void Return(SqliteCommand command)
    {
        command.Parameters.Clear();
        if (_idle.Count >= MaxIdle)
        {
            Forget();
        }

        if (!_idle.TryAdd(command.CommandText, command))
        {
            command.Dispose();
        }
    }

    /// <inheritdoc/>
    public override void ChangeDatabase(string databaseName) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Close() => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Open() => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override DbTransaction BeginDbTransaction(IsolationLevel isolationLevel) => throw new NotSupportedException();

    /// <inheritdoc/>
    protected override DbCommand CreateDbCommand() => new PreparedCommand(this);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Forget();
            foreach (var statement in _control.Values)
            {
                statement.Dispose();
            }

            connection.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Forget()
    {
        foreach (var command in _idle.Values)
        {
            command.Dispose();
        }

        _idle.Clear();
    }
}
