using System.Data.Common;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace Sparekey.Bench;

/// <summary>
/// Fills a database by copies of what a server wrote: accounts with their recoveries, secrets and ledger, under ids and addresses of their
/// own. The copies are rows like all others, but for the bytes within a ledger entry, which still name the first.
/// </summary>
internal static class Growth
{
    private static readonly (string Table, string Key)[] Tables =
    [
        ("accounts", "id"), ("addresses", "id account_id"), ("identifiers", "account_id"), ("recoveries", "id account_id"),
        ("recovery_secrets", "id recovery_id account_id"), ("ledger_entries", "id account_id recovery_id"),
        ("ledger_texts", "entry_id"), ("ledger_positions", "entry_id account_id recovery_id"), ("outbox", "id account_id recovery_id"),
    ];

    /// <summary>Waits until every ledger entry has its place.</summary>
    /// <param name="server">The server.</param>
    public static async Task Settle(Server server)
    {
        for (var last = -1L; ;)
        {
            var entries = (await server.Call("GET", "/v1/ledger?limit=1"))["entries"]!.AsArray();
            var position = entries is [JsonObject entry, ..] ? (long)entry["position"]! : 0;
            if (position == last)
            {
                return;
            }

            last = position;
            await Task.Delay(1000);
        }
    }

    /// <summary>Fills until there are so many recoveries. The server does not run.</summary>
    /// <param name="storage">Where.</param>
    /// <param name="recoveries">How many.</param>
    /// <returns>How many there are, and how long it took.</returns>
    public static async Task<(long Recoveries, TimeSpan Took)> Fill(Storage storage, int recoveries)
    {
        var began = Stopwatch.GetTimestamp();
        await using var connection = await Engine.Open(storage);

        // What refers to what is copied whole, so that it need not be looked up for every row.
        await Run(connection, storage.Database is null ? "PRAGMA foreign_keys=OFF" : "SET session_replication_role = replica");
        if (storage.Database is null)
        {
            await Run(connection, "PRAGMA cache_size=-524288");
        }

        var originals = await Number(connection, "SELECT COUNT(*) FROM recoveries");
        var last = await Number(connection, "SELECT MAX(position) FROM ledger_positions");
        foreach (var table in Tables)
        {
            await Run(connection, $"CREATE TEMPORARY TABLE bench_{table.Table} AS SELECT * FROM {table.Table}");
        }

        for (var copy = 1; copy * originals + originals <= recoveries; copy++)
        {
            await using var transaction = await connection.BeginTransactionAsync();
            foreach (var (table, key) in Tables)
            {
                var columns = await Columns(connection, table);
                var values = columns.Select(c => Value(table, c, key.Split(' ').Contains(c), copy, last));
                await Run(
                    connection, $"INSERT INTO {table} ({string.Join(", ", columns)}) SELECT {string.Join(", ", values)} FROM bench_{table}", transaction);
            }

            await transaction.CommitAsync();
        }

        await Run(connection, storage.Database is null ? "PRAGMA wal_checkpoint(TRUNCATE)" : "CHECKPOINT");
        await Run(connection, "ANALYZE");
        var grown = await Number(connection, "SELECT COUNT(*) FROM recoveries");

        // What the system has yet to write would be written while the server is measured.
        await Processes.Run("sync");
        return (grown, Stopwatch.GetElapsedTime(began));
    }

    private static string Value(string table, string column, bool isId, int copy, long last)
    {
        var mark = copy.ToString("x4", CultureInfo.InvariantCulture);
        return isId ? Id(column)
            : (table, column) switch
            {
                ("recoveries", "body") => $"replace(replace(body, id, {Id("id")}), account_id, {Id("account_id")})",
                ("addresses" or "identifiers", "value") => $"replace(value, '@', '+{mark}@')",
                ("ledger_positions", "position") => $"position + {copy * last}",
                _ => column,
            };

        // Version 1 instead of 4, which no id has that was drawn: no copy meets another row.
        string Id(string name) => $"substr({name}, 1, 14) || '1' || substr({name}, 16, 9) || '{mark}' || substr({name}, 29)";
    }

    private static async Task<List<string>> Columns(DbConnection connection, string table)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = $"SELECT * FROM bench_{table} WHERE 1 = 0";
        await using var reader = await command.ExecuteReaderAsync();
        return [.. Enumerable.Range(0, reader.FieldCount).Select(reader.GetName)];
    }

    private static async Task<long> Number(DbConnection connection, string sql)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        return Convert.ToInt64(await command.ExecuteScalarAsync(), CultureInfo.InvariantCulture);
    }

    private static async Task Run(DbConnection connection, string sql, DbTransaction? transaction = null)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.Transaction = transaction;
        await command.ExecuteNonQueryAsync();
    }
}
