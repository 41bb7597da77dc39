using Microsoft.AspNetCore.Server.Kestrel.Core;
using Sparekey.Server.Http;

namespace Sparekey.Server.Hosting;

/// <summary>
/// The socket in the data directory. Whoever can open it is the machine's operator, so that its mode is the whole proof: 0600.
/// </summary>
/// <param name="file">Its path.</param>
internal sealed class LocalSocket(string file)
{
    private volatile bool _isOpen;

    /// <summary>Listens on it. What an earlier process that was killed left there goes; the directory's lock is ours.</summary>
    /// <param name="kestrel">The listener.</param>
    public void Listen(KestrelServerOptions kestrel)
    {
        File.Delete(file);
        kestrel.ListenUnixSocket(
            file,
            listen => listen.Use(next => connection =>
            {
                if (!_isOpen)
                {
                    connection.Abort();
                    return Task.CompletedTask;
                }

                connection.Items[RequestFeatures.LocalConnection] = true;
                return next(connection);
            }));
    }

    /// <summary>Gives the socket its mode. Before that, when it has what the system gave it, nobody is let in.</summary>
    public void Open()
    {
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        _isOpen = true;
    }
}
