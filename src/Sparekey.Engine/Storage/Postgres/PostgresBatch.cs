using System.Collections.Concurrent;
using System.Reflection;
using Npgsql;
using NpgsqlTypes;

namespace Sparekey.Engine.Storage.Postgres;

/// <summary>What an act writes and does not look at, kept until it goes to the server in one round trip: the last of it with the commit.</summary>
/// <param name="connection">The act's connection.</param>
/// <param name="transaction">The act's transaction.</param>
internal sealed class PostgresBatch(NpgsqlConnection connection, NpgsqlTransaction transaction) : IWaitingStatements
{
    private static readonly ConcurrentDictionary<Type, PropertyInfo[]> Known = new();

    private List<NpgsqlBatchCommand>? _waiting;

    /// <inheritdoc/>
    public bool IsEmpty => _waiting is null or [];

    /// <inheritdoc/>
    public void Add(string sql, object? parameters)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var (name, value) in ValuesOf(parameters))
        {
            command.Parameters.Add(Bound(name, value));
        }

        (_waiting ??= []).Add(command);
    }

    /// <inheritdoc/>
    public async Task Send()
    {
        if (IsEmpty)
        {
            return;
        }

        await using var batch = connection.CreateBatch();
        batch.Transaction = transaction;
        foreach (var command in _waiting!)
        {
            batch.BatchCommands.Add(command);
        }

        _waiting.Clear();
        await batch.ExecuteNonQueryAsync(CancellationToken.None);
    }

    /// <summary>
    /// Runs those that wait and commits, in one round trip. If one fails, the server runs nothing after it, so that nothing is committed. If
    /// the process dies, or the connection breaks, before the answer is here, all of the act stands or nothing of it.
    /// </summary>
    public async Task SendAndCommit()
    {
        if (IsEmpty)
        {
            await transaction.CommitAsync(CancellationToken.None);
            return;
        }

        _waiting!.Add(new NpgsqlBatchCommand("COMMIT"));
        await Send();
    }

    private static IEnumerable<KeyValuePair<string, object?>> ValuesOf(object? parameters) => parameters switch
    {
        null => [],
        IEnumerable<KeyValuePair<string, object?>> pairs => pairs,
        _ => Known.GetOrAdd(parameters.GetType(), static type => type.GetProperties())
            .Select(p => new KeyValuePair<string, object?>(p.Name, p.GetValue(parameters))),
    };

    // As Dapper binds them (see StoredBoolean), and each with a type: the server's prepared statement is the one of these types.
    private static NpgsqlParameter Bound(string name, object? value) => value switch
    {
        null => new NpgsqlParameter(name, NpgsqlDbType.Text) { Value = DBNull.Value },
        NoNumber => new NpgsqlParameter(name, NpgsqlDbType.Bigint) { Value = DBNull.Value },
        bool truth => new NpgsqlParameter<long>(name, truth ? 1 : 0),
        string text => new NpgsqlParameter<string>(name, text),
        long number => new NpgsqlParameter<long>(name, number),
        _ => new NpgsqlParameter(name, value),
    };
}
