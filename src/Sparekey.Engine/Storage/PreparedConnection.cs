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

    /// <summary>Runs a statement without parameters.</summary>
    /// <param name="sql">The statement.</param>
    public void Run(string sql)
    {
        using var command = new PreparedCommand(this) { CommandText = sql };
        command.ExecuteNonQuery();
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
