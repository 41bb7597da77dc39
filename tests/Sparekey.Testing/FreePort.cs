using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Sparekey.Testing;

/// <summary>Ports of the loopback for servers that are started by their number.</summary>
public static class FreePort
{
    private static readonly ConcurrentDictionary<int, bool> Given = [];

    /// <summary>
    /// A port that nobody listens on and that this process did not give out before. It is below those that the kernel gives to outgoing
    /// connections: one of those may be taken at any moment, before the server has it or while it restarts.
    /// </summary>
    public static int Next()
    {
        while (true)
        {
            var port = RandomNumberGenerator.GetInt32(12000, 32000);
            using var listener = new TcpListener(IPAddress.Loopback, port);
            try
            {
                listener.Start();
                if (Given.TryAdd(port, true))
                {
                    return port;
                }
            }
            catch (SocketException)
            {
            }
        }
    }
}
