using System.Collections.Concurrent;
using System.Data;
using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Data.Sqlite;

namespace Sparekey.Engine.Storage;

/// <summary>
/// One use of a prepared statement: takes it when the text is set and gives it back when disposed.
/// A statement that failed is not given back, so that no half-run state can reach the next use.
/// </summary>
/// <param name="connection">Keeps the statements.</param>
internal sealed class PreparedCommand(PreparedConnection connection) : DbCommand
{
    private static readonly ConcurrentDictionary<string, string> AsInStatements = new(StringComparer.Ordinal);

    private SqliteCommand? _command;
    private bool _failed;

    /// <inheritdoc/>
    [AllowNull]
    public override string CommandText
    {
        get => _command?.CommandText ?? string.Empty;
        set
        {
            if (_command is null || _command.CommandText != value)
            {
                Exchange(connection.Take(value ?? string.Empty));
            }
        }
    }

    /// <inheritdoc/>
    public override int CommandTimeout { get; set; }

    /// <inheritdoc/>
    public override CommandType CommandType { get; set; } = CommandType.Text;

    /// <inheritdoc/>
    public override bool DesignTimeVisible { get; set; }

    /// <inheritdoc/>
    public override UpdateRowSource UpdatedRowSource { get; set; }

    /// <inheritdoc/>
    protected override DbConnection? DbConnection
    {
        get => connection;
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    protected override DbParameterCollection DbParameterCollection => Command.Parameters;

    /// <inheritdoc/>
    protected override DbTransaction? DbTransaction { get; set; }

    private SqliteCommand Command => _command ?? throw new InvalidOperationException("A command needs its text first.");

    /// <inheritdoc/>
    public override void Cancel()
    {
    }

    /// <inheritdoc/>
    public override int ExecuteNonQuery() => Run(static command => command.ExecuteNonQuery());

    /// <inheritdoc/>
    public override object? ExecuteScalar() => Run(static command => command.ExecuteScalar());

    /// <inheritdoc/>
    public override void Prepare()
    {
    }

    /// <inheritdoc/>
    protected override DbParameter CreateDbParameter() => Command.CreateParameter();

    /// <inheritdoc/>
    protected override DbDataReader ExecuteDbDataReader(CommandBehavior behavior) =>
        Run(command => command.ExecuteReader(behavior & ~CommandBehavior.CloseConnection));

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            GiveBack();
        }

        base.Dispose(disposing);
    }

    private T Run<T>(Func<SqliteCommand, T> execute)
    {
        try
        {
            // Statements say @name. A name without it would be looked for under each of SQLite's signs, every time.
            foreach (SqliteParameter parameter in Command.Parameters)
            {
                parameter.ParameterName = AsInStatements.GetOrAdd(parameter.ParameterName, static name => name is ['@', ..] ? name : "@" + name);
            }

            return execute(Command);
        }
        catch
        {
            _failed = true;
            throw;
        }
    }

    // Dapper sets the text again when it expanded a list, after the parameters: they move to the new statement.
    private void Exchange(SqliteCommand next)
    {
        if (_command is { } former)
        {
            var parameters = former.Parameters.Cast<SqliteParameter>().ToArray();
            GiveBack();
            next.Parameters.AddRange(parameters);
        }

        _command = next;
    }

    private void GiveBack()
    {
        if (_command is not { } command)
        {
            return;
        }

        _command = null;
        if (_failed)
        {
            command.Dispose();
        }
        else
        {
            connection.Return(command);
        }

        _failed = false;
    }
}
