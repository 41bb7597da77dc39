using System.Diagnostics.CodeAnalysis;
using Microsoft.Data.Sqlite;

namespace Sparekey.Engine.Storage;

/// <summary>Opens connections to one file the way the guarantees need it.</summary>
internal static class SqliteOpening
{
    /// <summary>
    /// The connection that writes. A commit returns after the log is on the disk (<c>synchronous=FULL</c>); what is deleted is
    /// overwritten (<c>secure_delete</c>), so that an erased secret is not read back from free pages; SQL in a tampered schema
    /// gets no functions with effects (<c>trusted_schema=OFF</c>).
    /// </summary>
    /// <param name="file">The database; must exist.</param>
    public static PreparedConnection Writer(string file) => Open(
        file, SqliteOpenMode.ReadWrite,
        """
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA foreign_keys = ON;
        PRAGMA secure_delete = ON;
        PRAGMA trusted_schema = OFF;
        PRAGMA temp_store = MEMORY;
        PRAGMA cache_size = -8000;
        """);

    /// <summary>A connection that only reads.</summary>
    /// <param name="file">The database; must exist.</param>
    public static PreparedConnection Reader(string file) => Open(
        file, SqliteOpenMode.ReadOnly,
        """
        PRAGMA query_only = ON;
        PRAGMA trusted_schema = OFF;
        PRAGMA temp_store = MEMORY;
        """);

    /// <summary>A connection that copies the database elsewhere: it reads this file and may write another.</summary>
    /// <param name="file">The database; must exist.</param>
    public static PreparedConnection Copier(string file) => Open(
        file, SqliteOpenMode.ReadOnly,
        """
        PRAGMA trusted_schema = OFF;
        PRAGMA temp_store = MEMORY;
        """);

    [SuppressMessage("Reliability", "CA2000:Dispose objects before losing scope", Justification = "The prepared connection owns it.")]
    private static PreparedConnection Open(string file, SqliteOpenMode mode, string pragmas)
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
            using var command = connection.CreateCommand();
            command.CommandText = pragmas;
            command.ExecuteNonQuery();
            command.CommandText = "PRAGMA busy_timeout = 5000";
            command.ExecuteNonQuery();
            RequireWal(command);
            return new PreparedConnection(connection);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    // A file system that cannot share memory keeps the old journal: readers would then block the writer, and it them.
    private static void RequireWal(SqliteCommand command)
    {
        command.CommandText = "PRAGMA journal_mode";
        if (command.ExecuteScalar() is not "wal")
        {
            throw new StorageUnavailableException("The file system of the database cannot hold a write-ahead log.");
        }
    }
}
