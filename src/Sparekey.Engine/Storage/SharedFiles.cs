namespace Sparekey.Engine.Storage;

/// <summary>
/// The files of a process that shares its database with others: the key file that the operator names, the first token beside it, and a socket
/// in a directory of this process alone.
/// </summary>
public sealed class SharedFiles : IInstallationFiles
{
    private readonly string _own = Directory.CreateTempSubdirectory("sparekey-").FullName;

    /// <summary>The files.</summary>
    /// <param name="keyFile">The key file; its directory must exist.</param>
    /// <exception cref="DataDirectoryException">The key file's directory is missing.</exception>
    public SharedFiles(string keyFile)
    {
        KeyRingFile = Path.GetFullPath(keyFile);
        BootstrapTokenFile = Path.Combine(Path.GetDirectoryName(KeyRingFile) ?? "/", "bootstrap-token");
        if (!Directory.Exists(Path.GetDirectoryName(KeyRingFile)))
        {
            throw new DataDirectoryException($"The directory of the key file {KeyRingFile} is missing.");
        }
    }

    /// <inheritdoc/>
    public string KeyRingFile { get; }

    /// <inheritdoc/>
    public string BootstrapTokenFile { get; }

    /// <inheritdoc/>
    public string SocketFile => Path.Combine(_own, "sparekey.sock");

    /// <inheritdoc/>
    public void Dispose()
    {
        if (Directory.Exists(_own))
        {
            Directory.Delete(_own, recursive: true);
        }
    }
}
