using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Sparekey.Testing;

/// <summary>Where an SMTP server stops doing its work.</summary>
public enum SmtpFault
{
    /// <summary>It accepts connections and never says anything.</summary>
    Silent,

    /// <summary>It closes every connection at once.</summary>
    HangsUp,

    /// <summary>It says nothing any more once it has the whole mail.</summary>
    SilentAtTheEnd,

    /// <summary>It closes the connection once it has the whole mail, without a word.</summary>
    HangsUpAtTheEnd,

    /// <summary>It refuses the sender for good, as servers do that want a sign-in.</summary>
    WantsSignIn,

    /// <summary>It refuses the whole mail for good.</summary>
    RefusesTheMail,

    /// <summary>It offers STARTTLS to nobody.</summary>
    NoTls,

    /// <summary>It speaks another protocol.</summary>
    NotSmtp,
}

/// <summary>An SMTP server on this machine that fails as it is told. What it got of a mail is kept.</summary>
public sealed class BrokenSmtpServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _end = new();
    private readonly SmtpFault _fault;
    private readonly Task _serving;
    private int _connections;
    private int _mails;

    /// <summary>Starts one.</summary>
    /// <param name="fault">How it fails.</param>
    public BrokenSmtpServer(SmtpFault fault)
    {
        _fault = fault;
        _listener.Start();
        _serving = Serve();
    }

    /// <summary>Its port on 127.0.0.1.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>How many connections there were.</summary>
    public int Connections => _connections;

    /// <summary>How many whole mails it got, whatever it said to them.</summary>
    public int Mails => _mails;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        _listener.Stop();
        await _serving;
        _end.Dispose();
    }

    private async Task Serve()
    {
        var talks = new List<Task>();
        try
        {
            while (true)
            {
                talks.Add(Talk(await _listener.AcceptTcpClientAsync(_end.Token)));
            }
        }
        catch (Exception) when (_end.IsCancellationRequested)
        {
            // The test has enough; the listener may have been stopped between two clients.
            await Task.WhenAll(talks);
        }
    }

    private async Task Talk(TcpClient client)
    {
        Interlocked.Increment(ref _connections);
        using (client)
        {
            try
            {
                if (_fault == SmtpFault.Silent)
                {
                    await Task.Delay(Timeout.Infinite, _end.Token);
                }
                else if (_fault != SmtpFault.HangsUp)
                {
                    await Converse(client.GetStream());
                }
            }
            catch (Exception e) when (e is OperationCanceledException or IOException or ObjectDisposedException)
            {
                // The client, or the test, has enough.
            }
        }
    }

    private async Task Converse(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.Latin1);
        await Say(_fault == SmtpFault.NotSmtp ? "HTTP/1.1 400 Bad Request" : "220 broken.example.com");
        while (await reader.ReadLineAsync(_end.Token) is { } line)
        {
            var verb = line.Split(' ')[0].ToUpperInvariant();
            if (verb == "DATA")
            {
                await Say("354 go on");
                while (await reader.ReadLineAsync(_end.Token) is { } content && content != ".")
                {
                }

                Interlocked.Increment(ref _mails);
                if (_fault == SmtpFault.HangsUpAtTheEnd)
                {
                    return;
                }

                if (_fault == SmtpFault.SilentAtTheEnd)
                {
                    await Task.Delay(Timeout.Infinite, _end.Token);
                }

                await Say(_fault == SmtpFault.RefusesTheMail ? "554 no such mail here" : "250 taken");
                continue;
            }

            await Say(verb switch
            {
                "EHLO" => "250-broken.example.com\r\n250 8BITMIME",
                "MAIL" when _fault == SmtpFault.WantsSignIn => "530 sign in first",
                "QUIT" => "221 bye",
                _ => "250 fine",
            });
        }

        Task Say(string text) => stream.WriteAsync(Encoding.Latin1.GetBytes($"{text}\r\n"), _end.Token).AsTask();
    }
}
