using System.Security.Cryptography;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Sparekey.Engine.Storage;

/// <summary>A backup was not made; no file was left.</summary>
/// <param name="message">Why, for the operator.</param>
/// <param name="inner">The engine's or the system's own exception.</param>
public sealed class BackupException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Copies a database that is in use.</summary>
internal static class SqliteBackup
{
    private const int InstructionsBetweenChecks = 1000;

    /// <summary>Copies, checks and only then names the file. A crash before the last step leaves a <c>.partial</c> file.</summary>
    /// <param name="source">The database.</param>
    /// <param name="target">The new file's full path.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public static void Run(string source, string target, CancellationToken cancellationToken)
    {
        if (Path.Exists(target))
        {
            throw new BackupException($"{target} exists already; a backup never replaces a file.");
        }

        var partial = $"{target}.{RandomNumberGenerator.GetHexString(8, lowercase: true)}.partial";
        try
        {
            PrivateFile.Create(partial).Dispose(); // SQLite fills an empty file and keeps its mode.
            Copy(source, partial, cancellationToken);
            Check(partial);
            Flush(partial);
            cancellationToken.ThrowIfCancellationRequested();
            File.Move(partial, target, overwrite: false);
            PrivateFile.FlushDirectoryOf(target);
        }
        catch (SqliteException e) when (e.SqliteErrorCode == raw.SQLITE_INTERRUPT)
        {
            throw new OperationCanceledException("The backup was stopped.", e, cancellationToken);
        }
        catch (Exception e) when (e is SqliteException or IOException or UnauthorizedAccessException)
        {
            throw new BackupException($"The backup to {target} failed: {e.Message}", e);
        }
        finally
        {
            if (File.Exists(partial))
            {
                File.Delete(partial);
            }
        }
    }

    // One statement, hence one committed state, however long it takes and whatever is written meanwhile. It copies rows, not
    // pages: free pages, and what was once in them, stay behind.
    private static void Copy(string source, string partial, CancellationToken cancellationToken)
    {
        using var connection = SqliteOpening.Plain(source);

        // Asked while it copies; an interrupt from outside would be lost if it came before the statement ran.
        raw.sqlite3_progress_handler(
            connection.Handle, InstructionsBetweenChecks, _ => cancellationToken.IsCancellationRequested ? 1 : 0, null);
        using var command = connection.CreateCommand();
        command.CommandText = "VACUUM INTO @file";
        command.Parameters.AddWithValue("@file", partial);
        command.ExecuteNonQuery();
    }

    private static void Check(string partial)
    {
        using var connection = SqliteOpening.Plain(partial);
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA quick_check(1)";
        if (command.ExecuteScalar() is not "ok")
        {
            throw new BackupException("The copy is not sound; the database itself may be damaged.");
        }
    }

    private static void Flush(string partial)
    {
        using var stream = new FileStream(partial, FileMode.Open, FileAccess.ReadWrite);
        stream.Flush(flushToDisk: true);
    }
}
