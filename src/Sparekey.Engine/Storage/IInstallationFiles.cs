namespace Sparekey.Engine.Storage;

/// <summary>Where a process keeps what is not in the database. Disposed when the process is done with them.</summary>
public interface IInstallationFiles : IDisposable
{
    /// <summary>The key ring; everything at rest is worthless without it.</summary>
    string KeyRingFile { get; }

    /// <summary>The first access token, written on first start.</summary>
    string BootstrapTokenFile { get; }

    /// <summary>The socket through which the command line reaches this process.</summary>
    string SocketFile { get; }
}
