using System.Buffers.Text;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Sparekey.Bench;

/// <summary>An answer: its status, and its body until the connection is used again.</summary>
/// <param name="Status">The status.</param>
/// <param name="Body">The body.</param>
internal readonly record struct Answer(int Status, ReadOnlyMemory<byte> Body)
{
    /// <summary>The body as text.</summary>
    public string Text => Encoding.UTF8.GetString(Body.Span);
}

/// <summary>
/// One HTTP/1.1 connection that sends bytes which were made before and reads no more of the answer than it must. An ordinary client
/// costs as much processor time as the server that is measured, on the same processors.
/// </summary>
internal sealed class Connection : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
    private byte[] _received = new byte[32 * 1024];
    private byte[] _body = [];
    private int _count;

    /// <summary>Connects.</summary>
    /// <param name="port">The port on this machine.</param>
    public static async Task<Connection> Open(int port)
    {
        var connection = new Connection();
        await connection._socket.ConnectAsync(IPAddress.Loopback, port);
        return connection;
    }

    /// <summary>A request as it goes over the wire.</summary>
    /// <param name="method">The method.</param>
    /// <param name="path">Path and query.</param>
    /// <param name="token">A bearer token; null for none.</param>
    /// <param name="json">The body; null for none.</param>
    public static byte[] Request(string method, string path, string? token = null, string? json = null)
    {
        var text = new StringBuilder($"{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
        if (token is not null)
        {
            text.Append("Authorization: Bearer ").Append(token).Append("\r\n");
        }

        if (json is not null)
        {
            text.Append("Content-Type: application/json\r\n");
        }

        if (method != "GET")
        {
            text.Append("Content-Length: ").Append(json is null ? 0 : Encoding.UTF8.GetByteCount(json)).Append("\r\n");
        }

        return Encoding.UTF8.GetBytes(text.Append("\r\n").Append(json).ToString());
    }

    /// <summary>Sends a request and reads its answer.</summary>
    /// <param name="request">The request.</param>
    public async ValueTask<Answer> Send(ReadOnlyMemory<byte> request)
    {
        _count = 0;
        await _socket.SendAsync(request);
        int head;
        while ((head = _received.AsSpan(0, _count).IndexOf("\r\n\r\n"u8)) < 0)
        {
            await Receive();
        }

        var status = ((_received[9] - '0') * 100) + ((_received[10] - '0') * 10) + (_received[11] - '0');
        var begin = head + 4;
        if (Header(head, "content-length: "u8) is { } at)
        {
            var length = Number(_received.AsSpan(at, head + 2 - at), 'D');
            while (_count < begin + length)
            {
                await Receive();
            }

            return new Answer(status, _received.AsMemory(begin, length));
        }

        return Header(head, "transfer-encoding: chunked"u8) is null
            ? new Answer(status, default)
            : new Answer(status, await Chunks(begin));
    }

    public void Dispose() => _socket.Dispose();

    private async ValueTask<ReadOnlyMemory<byte>> Chunks(int at)
    {
        var length = 0;
        while (true)
        {
            int line;
            while ((line = _received.AsSpan(at, _count - at).IndexOf("\r\n"u8)) < 0)
            {
                await Receive();
            }

            var size = Number(_received.AsSpan(at, line), 'x');
            at += line + 2;
            while (_count < at + size + 2)
            {
                await Receive();
            }

            if (size == 0)
            {
                return _body.AsMemory(0, length);
            }

            if (_body.Length < length + size)
            {
                Array.Resize(ref _body, 2 * (length + size));
            }

            _received.AsSpan(at, size).CopyTo(_body.AsSpan(length));
            length += size;
            at += size + 2;
        }
    }

    private static int Number(ReadOnlySpan<byte> text, char format) =>
        Utf8Parser.TryParse(text, out int number, out _, format) ? number : throw new IOException("The answer says no length.");

    // Where the value of a header begins, or null; names are compared as they are usually written, in any case.
    private int? Header(int head, ReadOnlySpan<byte> name)
    {
        var all = _received.AsSpan(0, head + 2);
        for (var at = all.IndexOf((byte)'\n') + 1; at > 0 && at < all.Length;)
        {
            if (all.Length - at >= name.Length && Ascii.EqualsIgnoreCase(all.Slice(at, name.Length), name))
            {
                return at + name.Length;
            }

            var next = all[at..].IndexOf((byte)'\n');
            if (next < 0)
            {
                break;
            }

            at += next + 1;
        }

        return null;
    }

    private async ValueTask Receive()
    {
        if (_count == _received.Length)
        {
            Array.Resize(ref _received, 2 * _received.Length);
        }

        var read = await _socket.ReceiveAsync(_received.AsMemory(_count));
        _count += read > 0 ? read : throw new IOException("The server closed the connection.");
    }
}
