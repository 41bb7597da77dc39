using Npgsql;

namespace Sparekey.Engine.Storage.Postgres;

/// <summary>The connection string says something impossible.</summary>
/// <param name="message">What, for the operator; never the string itself, which may hold a password.</param>
public sealed class PostgresConnectionException(string message) : Exception(message);

/// <summary>Where the database is, as whom it is used, and what every connection is set to.</summary>
public sealed class PostgresConnections
{
    // Writers wait for the disk more than they compute: enough of them share a flush. More only make each other lose races.
    private static readonly int UsualWriters = Math.Clamp(8 * Environment.ProcessorCount, 16, 48);
    private static readonly int UsualReaders = Math.Clamp(4 * Environment.ProcessorCount, 8, 24);

    private readonly NpgsqlConnectionStringBuilder _given;

    private PostgresConnections(NpgsqlConnectionStringBuilder given) => _given = given;

    /// <summary>The database server and the database: what a log may say.</summary>
    public string Name => $"{_given.Host}:{_given.Port}/{_given.Database}";

    /// <summary>Reads a connection string: <c>Host=…;Port=5432;Database=…;Username=…;Passfile=…</c>, as Npgsql documents it.</summary>
    /// <param name="text">The string.</param>
    /// <exception cref="PostgresConnectionException">It names no host or no database, or has a key that does not exist.</exception>
    public static PostgresConnections Parse(string text)
    {
        NpgsqlConnectionStringBuilder given;
        try
        {
            given = new NpgsqlConnectionStringBuilder(text);
        }
        catch (Exception e) when (e is ArgumentException or FormatException or KeyNotFoundException or OverflowException)
        {
            throw new PostgresConnectionException(
                "The connection string is none: it has pairs such as Host=…;Database=…;Username=…, with semicolons between them.");
        }

        if (string.IsNullOrEmpty(given.Host) || string.IsNullOrEmpty(given.Database))
        {
            throw new PostgresConnectionException("The connection string needs Host and Database.");
        }

        return new PostgresConnections(given);
    }

    /// <summary>Connections for acts.</summary>
    internal NpgsqlDataSource Writers() => Make("sparekey", UsualWriters, "");

    /// <summary>Connections for reads, which cannot write.</summary>
    internal NpgsqlDataSource Readers() => Make("sparekey readers", UsualReaders, " -c default_transaction_read_only=on");

    /// <inheritdoc/>
    public override string ToString() => Name;

    private NpgsqlDataSource Make(string name, int connections, string settings)
    {
        var source = new NpgsqlConnectionStringBuilder(_given.ConnectionString)
        {
            ApplicationName = name,
            Enlist = false,

            // Acts change no setting of their connection, so there is nothing to reset between two.
            NoResetOnClose = true,
            MaxAutoPrepare = 400,
            AutoPrepareMinUsages = 2,

            // Values of rows stay out of exceptions, which are logged.
            IncludeErrorDetail = false,
            Options = (_given.Options
                + " -c synchronous_commit=on -c lock_timeout=10s -c statement_timeout=30s -c idle_in_transaction_session_timeout=60s"

                // Every statement goes by an index. To read a small table whole would lock it whole, against every other act.
                + " -c enable_seqscan=off -c jit=off" + settings).Trim(),
        };
        source.MaxPoolSize = Said("Maximum Pool Size") ? _given.MaxPoolSize : connections;
        source.Timeout = Said("Timeout") ? _given.Timeout : 10;
        return new NpgsqlSlimDataSourceBuilder(source.ConnectionString).EnableTransportSecurity().Build();
    }

    private bool Said(string key) => _given.ContainsKey(key) && _given.Keys is { } keys && keys.Cast<string>().Contains(key, StringComparer.OrdinalIgnoreCase);
}
