using System.Diagnostics.CodeAnalysis;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Sparekey.Engine.Storage;

/// <summary>Opens connections to one file the way the guarantees need it.</summary>
internal static class SqliteOpening
{
    private const int DbConfigDefensive = 1010;

    /// <summary>
    /// The connection that writes. A commit returns after the log is on the disk (<c>synchronous=FULL</c>); what is deleted is
    /// overwritten (<c>secure_delete</c>), so that an erased secret is not read back from free pages; SQL in a tampered schema
    /// gets no functions with effects (<c>trusted_schema=OFF</c>). It moves the log itself when that has 8000 pages: until then
    /// <see cref="SqliteCheckpoints"/> does.
    /// </summary>
    /// <param name="file">The database; must exist.</param>
    public static PreparedConnection Writer(string file) => Open(
        file, SqliteOpenMode.ReadWrite,
        """
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA foreign_keys = ON;
        PRAGMA secure_delete = ON;
        PRAGMA cache_size = -8000;
        PRAGMA wal_autocheckpoint = 8000;
        """);

    /// <summary>A connection that only reads.</summary>
    /// <param name="file">The database; must exist.</param>
    public static PreparedConnection Reader(string file) => Open(
        file, SqliteOpenMode.ReadOnly,
        """
        PRAGMA query_only = ON;
        """);

    /// <summary>
    /// A connection that takes the file as it is: to copy it elsewhere, or to check a copy. It cannot write the file.
    /// </summary>
    /// <param name="file">The database; must exist.</param>
    /// <param name="pragmas">Further settings.</param>
    /// <param name="mode">How to open it.</param>
    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The caller owns it.")]
    public static SqliteConnection Plain(
        string file, string pragmas = "", SqliteOpenMode mode = SqliteOpenMode.ReadOnly)
    {
        var connection = new SqliteConnection(new SqliteConnectionStringBuilder
        {
            DataSource = file,
            Mode = mode,
            Pooling = false,
            DefaultTimeout = 5, // One process alone opens the file: nothing holds a lock for long.
        }.ToString());
        try
        {
            connection.Open();

            // SQL cannot corrupt the file on purpose: no writable schema, no journal switched off.
            _ = raw.sqlite3_db_config(connection.Handle, DbConfigDefensive, 1, out _);
            Run(connection, "PRAGMA busy_timeout = 5000; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;" + pragmas);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Moves what the log holds into the file and empties it.</summary>
    /// <param name="file">The database; must exist.</param>
    /// <returns>False when a reader or the writer was in the way: then the log is moved as far as it could be, not emptied.</returns>
    public static bool Checkpoint(string file)
    {
        // Moving waits for nobody. Only emptying holds the writer up, and so no longer than a caller would notice.
        using var connection = Plain(file, "PRAGMA busy_timeout = 100", SqliteOpenMode.ReadWrite);
        _ = Run(connection, "PRAGMA wal_checkpoint(PASSIVE)");
        return Run(connection, "PRAGMA wal_checkpoint(TRUNCATE)") is 0L;
    }

    /// <summary>Runs statements and returns the first value that they answer.</summary>
    /// <param name="connection">An open connection.</param>
    /// <param name="sql">The statements, without parameters.</param>
    /// <exception cref="SqliteException">One failed.</exception>
    public static object? Run(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return command.ExecuteScalar();
    }

    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The prepared connection owns it.")]
    private static PreparedConnection Open(string file, SqliteOpenMode mode, string pragmas)
    {
        var connection = Plain(file, pragmas, mode);
        if (Run(connection, "PRAGMA journal_mode") is "wal")
        {
            return new PreparedConnection(connection);
        }

        // A file system that cannot share memory keeps the old journal: readers would then block the writer, and it them.
        connection.Dispose();
        throw new StorageUnavailableException("The file system of the database cannot hold a write-ahead log.");
    }
}
