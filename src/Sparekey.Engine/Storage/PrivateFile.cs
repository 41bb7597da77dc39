using System.Runtime.InteropServices;

namespace Sparekey.Engine.Storage;

/// <summary>Files that only the server's own user can read, whatever its umask says.</summary>
public static partial class PrivateFile
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Creates an empty file with mode 0600 and opens it for writing. It never was readable by others.</summary>
    /// <param name="file">Where.</param>
    /// <exception cref="IOException">It exists already, or cannot be created.</exception>
    public static FileStream Create(string file)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = OwnerOnly;
        }

        return new FileStream(file, options);
    }

    /// <summary>
    /// Puts a file with mode 0600 in place, whole or not at all: after a crash the old content or the new stands there.
    /// </summary>
    /// <param name="file">Where; a file there is replaced.</param>
    /// <param name="content">The content.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public static void Replace(string file, ReadOnlySpan<byte> content)
    {
        var temporary = file + ".new";
        File.Delete(temporary);
        Put(temporary, file, content, overwrite: true);
    }

    /// <summary>Puts a file with mode 0600 in place, whole, if there is none. Of several processes that do it at once one succeeds.</summary>
    /// <param name="file">Where; a file there stays as it is.</param>
    /// <param name="content">The content.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    internal static void CreateWhenMissing(string file, ReadOnlySpan<byte> content)
    {
        try
        {
            Put($"{file}.{Path.GetRandomFileName()}", file, content, overwrite: false);
        }
        catch (IOException) when (File.Exists(file))
        {
            // Somebody was first.
        }
    }

    private static void Put(string temporary, string file, ReadOnlySpan<byte> content, bool overwrite)
    {
        try
        {
            using (var stream = Create(temporary))
            {
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, file, overwrite);
            FlushDirectoryOf(file);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Makes the name of a file durable: until its directory is flushed, a crash can undo a create or a rename.</summary>
    /// <param name="file">The file.</param>
    internal static void FlushDirectoryOf(string file)
    {
        if (OperatingSystem.IsWindows())
        {
            return; // Windows journals names itself and has no such call.
        }

        var directory = Path.GetDirectoryName(Path.GetFullPath(file)) ?? "/";
        var handle = OpenForReading(directory, 0);
        if (handle < 0)
        {
            return; // A directory that may be written but not read cannot be flushed; the file itself is.
        }

        _ = Flush(handle);
        _ = Close(handle);
    }

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int OpenForReading(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Flush(int handle);

    [LibraryImport("libc", EntryPoint = "close")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Close(int handle);
}
