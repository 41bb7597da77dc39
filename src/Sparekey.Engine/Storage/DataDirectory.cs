namespace Sparekey.Engine.Storage;

/// <summary>The data directory cannot be used.</summary>
/// <param name="message">Why, for the operator.</param>
/// <param name="inner">The system's own exception.</param>
public sealed class DataDirectoryException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// The directory of an embedded installation. Whoever holds it holds its lock, so that one process alone opens the database:
/// two writers would each believe that they decide alone. The lock ends with the process, also when it is killed.
/// </summary>
public sealed class DataDirectory : IInstallationFiles
{
    private readonly FileStream _lock;

    private DataDirectory(string path, FileStream held)
    {
        Path = path;
        _lock = held;
    }

    /// <summary>The directory's full path.</summary>
    public string Path { get; }

    /// <summary>The database.</summary>
    public string DatabaseFile => In(Path, "sparekey.db");

    /// <inheritdoc/>
    public string KeyRingFile => In(Path, "keyring.json");

    /// <inheritdoc/>
    public string BootstrapTokenFile => In(Path, "bootstrap-token");

    /// <inheritdoc/>
    public string SocketFile => SocketOf(Path);

    /// <summary>The settings; may be missing.</summary>
    public string SettingsFile => In(Path, "sparekey.json");

    /// <summary>The socket of a directory that another process may hold.</summary>
    /// <param name="directory">The directory.</param>
    public static string SocketOf(string directory) => In(System.IO.Path.GetFullPath(directory), "sparekey.sock");

    /// <summary>Opens a directory, creating it with mode 0700 when it is missing, and takes its lock.</summary>
    /// <param name="directory">The directory.</param>
    /// <exception cref="DataDirectoryException">Another process holds it, or it cannot be created or written.</exception>
    public static DataDirectory Open(string directory)
    {
        var path = System.IO.Path.GetFullPath(directory);
        try
        {
            Create(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new DataDirectoryException($"The data directory {path} cannot be created: {e.Message}", e);
        }

        return new DataDirectory(path, Lock(path));
    }

    /// <summary>Gives the directory to the next process.</summary>
    public void Dispose() => _lock.Dispose();

    private static string In(string directory, string name) => System.IO.Path.Combine(directory, name);

    private static void Create(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            // The mode applies to what is created here; a directory the operator made keeps the mode they chose.
            Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    // The lock file is never deleted: a process that deleted it could leave two others holding two different locks.
    private static FileStream Lock(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        try
        {
            return new FileStream(In(path, "lock"), options);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new DataDirectoryException($"The data directory {path} cannot be written by this user.", e);
        }
        catch (IOException e)
        {
            throw new DataDirectoryException(
                $"The data directory {path} is in use by another Sparekey process, or cannot be locked: {e.Message}", e);
        }
    }
}
