using System.Net.Sockets;
using System.Text;
using Npgsql;

namespace Sparekey.Engine.Storage.Postgres;

/// <summary>Tells a lost race from an outage, and both from a bug in a statement.</summary>
internal static class PostgresFault
{
    /// <summary>
    /// Whether the engine refused the transaction because another one was first: nothing of it exists, and run again it may succeed.
    /// </summary>
    /// <param name="exception">What a statement or the commit threw.</param>
    public static bool IsLostRace(Exception exception) =>
        exception is PostgresException { SqlState: PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected };

    /// <summary>
    /// Whether a key was taken or a row referred to was gone. A transaction that had looked before may have lost a race all the same: run
    /// again it sees what the other one wrote, and decides by that.
    /// </summary>
    /// <param name="exception">What a statement threw.</param>
    public static bool MayBeLostRace(Exception exception) =>
        exception is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation or PostgresErrorCodes.ForeignKeyViolation };

    /// <summary>Whether the connection broke, so that a new one may serve: the server was restarted, or the network was.</summary>
    /// <param name="exception">What a statement threw.</param>
    public static bool IsBrokenConnection(Exception exception) => exception switch
    {
        PostgresException e => e.SqlState is PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown,
        NpgsqlException { InnerException: IOException or SocketException } => true,
        _ => false,
    };

    /// <summary>What a caller is told of an outage. The engine's own text stays inside: it is for the log.</summary>
    /// <param name="exception">What a statement threw.</param>
    /// <returns>Null when it is none: then the statement is wrong, or what it wanted.</returns>
    public static StorageUnavailableException? Outage(Exception exception) => exception switch
    {
        PostgresException e => Reason(e.SqlState) is { } reason ? new($"{reason} (PostgreSQL code {e.SqlState})", e) : null,
        NpgsqlException { InnerException: TimeoutException } => new("PostgreSQL did not answer in time.", exception),
        NpgsqlException => new("PostgreSQL cannot be reached.", exception),
        ObjectDisposedException => new("The database is closed.", exception),
        _ => null,
    };

    /// <summary>Whether a value was no text to PostgreSQL: one with U+0000, or with half a surrogate pair.</summary>
    /// <param name="exception">What a statement threw.</param>
    public static bool IsUnstorableText(Exception exception) =>
        exception is PostgresException { SqlState: PostgresErrorCodes.CharacterNotInRepertoire } or EncoderFallbackException;

    // By class (PostgreSQL, Appendix A): what says something about the server, whatever the statement was.
    private static string? Reason(string state) => state switch
    {
        PostgresErrorCodes.ReadOnlySqlTransaction => "It is read-only.",
        PostgresErrorCodes.LockNotAvailable => "It waited too long for another transaction.",
        PostgresErrorCodes.DiskFull => "The database server's disk is full.",
        PostgresErrorCodes.InvalidCatalogName => "There is no such database.",
        "25P03" or "25P04" => "It ended a transaction that took too long.",
        _ => state[..2] switch
        {
            "08" => "The connection failed.",
            "28" => "The database server does not let this user in.",
            "40" => "Too many transactions wanted the same.",
            "53" => "The database server is out of room, memory or connections.",
            "57" => "The database server is stopping, starting, or ended the statement.",
            "58" or "XX" => "The database server failed.",
            _ => null,
        },
    };
}
