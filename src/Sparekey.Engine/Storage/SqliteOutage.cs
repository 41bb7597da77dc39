using Microsoft.Data.Sqlite;
using static SQLitePCL.raw;

namespace Sparekey.Engine.Storage;

/// <summary>Tells an outage of the database file from a bug in a statement.</summary>
internal static class SqliteOutage
{
    /// <summary>
    /// The exception a caller may see. The engine's own text stays inside: it is for the log and may name the file.
    /// </summary>
    /// <param name="exception">What a statement threw.</param>
    /// <returns>A <see cref="StorageUnavailableException"/> for an outage, else the same exception.</returns>
    public static Exception Translate(Exception exception) => exception is SqliteException e && Is(e.SqliteErrorCode)
        ? new StorageUnavailableException($"{Reason(e.SqliteErrorCode)} (SQLite code {e.SqliteExtendedErrorCode})", e)
        : exception;

    /// <summary>Whether a primary result code says that the file cannot serve, whatever the statement was.</summary>
    private static bool Is(int code) => code is SQLITE_FULL or SQLITE_READONLY or SQLITE_IOERR or SQLITE_CANTOPEN
        or SQLITE_CORRUPT or SQLITE_NOTADB or SQLITE_NOMEM or SQLITE_BUSY or SQLITE_LOCKED or SQLITE_PROTOCOL or SQLITE_PERM
        or SQLITE_AUTH or SQLITE_NOLFS;

    // For the operator, who reads it in the log or at a start that was refused.
    private static string Reason(int code) => code switch
    {
        SQLITE_FULL => "The disk is full.",
        SQLITE_READONLY or SQLITE_PERM or SQLITE_AUTH => "It is read-only for this process.",
        SQLITE_CORRUPT or SQLITE_NOTADB => "It is damaged, or no database; restore it from its backup.",
        SQLITE_CANTOPEN => "It cannot be opened; look at its owner, its mode and its directory.",
        SQLITE_IOERR => "The disk failed to read or to write it.",
        _ => "It cannot serve now.",
    };
}
