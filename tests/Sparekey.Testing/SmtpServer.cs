using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Sparekey.Testing;

/// <summary>What an SMTP server shall be like.</summary>
public sealed record SmtpServerSettings
{
    /// <summary>Its port; 0 for a free one.</summary>
    public int Port { get; init; }

    /// <summary>The user that must sign in; null for none.</summary>
    public string? User { get; init; }

    /// <summary>The user's password.</summary>
    public string? Password { get; init; }

    /// <summary>The private key, PEM; null for a server that does not speak TLS.</summary>
    public string? Key { get; init; }

    /// <summary>The certificate, PEM.</summary>
    public string? Cert { get; init; }
}

/// <summary>
/// A real SMTP server on this machine, of another maker than the client under test (the npm package <c>smtp-server</c>). It refuses
/// recipients that begin with <c>refused</c> for good, and those that begin with <c>later</c> for now.
/// </summary>
public sealed class SmtpServer : IAsyncDisposable
{
    private readonly Process _process;
    private readonly ConcurrentQueue<ReceivedMail> _mails = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource> _waiting = new(StringComparer.Ordinal);
    private int _marks;
    private readonly TaskCompletionSource<int> _port = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private SmtpServer(Process process) => _process = process;

    /// <summary>Its port on 127.0.0.1.</summary>
    public int Port { get; private set; }

    /// <summary>Starts one.</summary>
    /// <param name="settings">What it shall be like.</param>
    public static async Task<SmtpServer> Start(SmtpServerSettings? settings = null)
    {
        await NodePackages.Install();
        var wanted = settings ?? new SmtpServerSettings();
        var json = JsonSerializer.Serialize(new { port = wanted.Port, user = wanted.User, password = wanted.Password, key = wanted.Key, cert = wanted.Cert });
        var process = Process.Start(new ProcessStartInfo("node", ["smtp-server.js", json])
        {
            WorkingDirectory = NodePackages.Folder,
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        }) ?? throw new InvalidOperationException("node did not start.");
        var server = new SmtpServer(process);
        process.OutputDataReceived += (_, line) => server.Note(line.Data);
        process.BeginOutputReadLine();
        server.Port = await server._port.Task.WaitAsync(TimeSpan.FromMinutes(1));
        return server;
    }

    /// <summary>Every mail whose sender was answered before this call.</summary>
    public async Task<IReadOnlyList<ReceivedMail>> Received()
    {
        var marked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var mark = Interlocked.Increment(ref _marks);
        _waiting[mark.ToString(CultureInfo.InvariantCulture)] = marked;
        await _process.StandardInput.WriteLineAsync(mark.ToString(CultureInfo.InvariantCulture));
        await _process.StandardInput.FlushAsync();
        await marked.Task.WaitAsync(TimeSpan.FromMinutes(1));
        return [.. _mails];
    }

    /// <summary>Forgets what it received, so that the next test begins with nothing.</summary>
    public async Task Forget()
    {
        await Received();
        _mails.Clear();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close(); // It ends with its input.
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10));
        try
        {
            await _process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private void Note(string? line)
    {
        if (line is null)
        {
            _port.TrySetException(new InvalidOperationException("The SMTP server ended."));
            return;
        }

        var said = JsonSerializer.Deserialize<JsonElement>(line);
        if (said.TryGetProperty("port", out var port))
        {
            _port.TrySetResult(port.GetInt32());
            return;
        }

        if (said.TryGetProperty("mark", out var mark))
        {
            _waiting[mark.GetString()!].SetResult();
            return;
        }

        _mails.Enqueue(ReceivedMail.Parse(
            said.GetProperty("from").GetString()!, [.. said.GetProperty("to").EnumerateArray().Select(t => t.GetString()!)],
            said.GetProperty("user").GetString(), said.GetProperty("secure").GetBoolean(), said.GetProperty("raw").GetBytesFromBase64()));
    }
}
