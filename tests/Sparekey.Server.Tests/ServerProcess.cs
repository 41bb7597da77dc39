using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>The built executable, started as an operator starts it, so that it can be killed.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly ConcurrentQueue<string> _log;

    private ServerProcess(Process process, HttpClient http, ConcurrentQueue<string> log)
    {
        _process = process;
        _log = log;
        Http = http;
    }

    public HttpClient Http { get; }

    public int Id => _process.Id;

    /// <summary>What it wrote to the error stream so far: its log, a line each.</summary>
    public IReadOnlyCollection<string> Log => _log;

    /// <summary>Where the build put the executable.</summary>
    public static string Executable
    {
        get
        {
            var configuration = AppContext.BaseDirectory.Contains("/Release/", StringComparison.Ordinal) ? "Release" : "Debug";
            return Path.Combine(Repository.Root, "src", "Sparekey.Server", "bin", configuration, "net10.0", "sparekey");
        }
    }

    /// <summary>Starts one and waits until it answers.</summary>
    /// <param name="data">The data directory.</param>
    /// <param name="executable">Another executable than the build's.</param>
    /// <param name="wrapper">A program and its arguments that become the server: <c>setpriv --reuid 65534</c>.</param>
    /// <param name="environment">More settings.</param>
    public static async Task<ServerProcess> Start(
        string data, string? executable = null, string[]? wrapper = null, IReadOnlyDictionary<string, string>? environment = null)
    {
        var url = $"http://127.0.0.1:{FreePort.Next()}";
        var process = await Run([.. wrapper ?? [], executable ?? Executable, "serve", "--data", data, "--urls", url], environment);
        var log = new ConcurrentQueue<string>();
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.ErrorDataReceived += (_, line) => log.Enqueue(line.Data ?? "");
        process.BeginErrorReadLine();
        var server = new ServerProcess(
            process,
            new HttpClient(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = new Uri(url), Timeout = TimeSpan.FromSeconds(30) },
            log);
        var deadline = Stopwatch.StartNew();
        while (deadline.Elapsed < TimeSpan.FromSeconds(60))
        {
            if (process.HasExited)
            {
                throw new InvalidOperationException($"The server ended at once: {string.Join('\n', log)}");
            }

            try
            {
                if ((await server.Http.GetAsync("/healthz")).IsSuccessStatusCode)
                {
                    return server;
                }
            }
            catch (Exception e) when (e is HttpRequestException or SocketException)
            {
                await Task.Delay(20);
            }
        }

        throw new TimeoutException("The server did not answer within a minute.");
    }

    /// <summary>Starts one that is expected to refuse, or runs any other command.</summary>
    /// <param name="arguments">The command line.</param>
    /// <returns>How it ended and what it said.</returns>
    public static async Task<(int ExitCode, string Out, string Errors)> RunToEnd(params string[] arguments)
    {
        using var process = await Run([Executable, .. arguments], null);
        var (output, errors) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException e)
        {
            process.Kill();
            throw new TimeoutException($"sparekey {string.Join(' ', arguments)} did not end within a minute.", e);
        }

        return (process.ExitCode, await output, await errors);
    }

    /// <summary>Asks it to end, as an init system does.</summary>
    /// <returns>Its exit code, and how long it took.</returns>
    public async Task<(int ExitCode, TimeSpan Took)> Terminate()
    {
        var took = Stopwatch.StartNew();
        Process.Start("kill", ["-TERM", $"{_process.Id}"]).Dispose();
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(2));
        await _process.WaitForExitAsync(patience.Token);
        return (_process.ExitCode, took.Elapsed);
    }

    /// <summary>Ends it the hard way: no handler runs, nothing is flushed.</summary>
    public async Task Kill()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    public async Task<(int Status, JsonNode? Json)> Send(HttpMethod method, string path, object? body, string? token)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Content = body is null ? null : JsonContent.Create(body);
        if (token is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token}");
        }

        using var response = await Http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return ((int)response.StatusCode, text.StartsWith('{') ? JsonNode.Parse(text) : null);
    }

    private static async Task<Process> Run(IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string>? environment)
    {
        var line = await TestPlaces.Line(arguments);
        var start = new ProcessStartInfo(line[0], line.Skip(1))
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["SPAREKEY_LIMITS__CALLS_PER_MINUTE"] = "0";
        start.Environment["DOTNET_TieredPGO"] = "0"; // None lives long enough to gain by it.
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        if (!_process.HasExited)
        {
            await Kill();
        }

        _process.Dispose();
    }
}
