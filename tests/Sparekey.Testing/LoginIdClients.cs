using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Sparekey.Testing;

/// <summary>An error that one of LoginID's clients threw.</summary>
/// <param name="name">Its name: <c>LoginSDK-Error</c> of the browser's client, <c>Error</c> of the other one.</param>
/// <param name="code">The server's code; null when the client made the error itself.</param>
/// <param name="message">Its message.</param>
public sealed class LoginIdClientException(string name, string? code, string message) : Exception($"{name} {code}: {message}")
{
    /// <summary>The server's code.</summary>
    public string? Code => code;

    /// <summary>The message as the client has it.</summary>
    public string Said => message;
}

/// <summary>
/// LoginID's own clients, the npm packages <c>@loginid/node-sdk</c> and <c>@loginid/sdk</c>, unmodified, in one process, as one team's
/// program would use them: what one call leaves behind in a client is there in the next.
/// </summary>
public sealed class LoginIdClients : IAsyncDisposable
{
    private readonly Process _process;
    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonNode?>> _calls = new();
    private readonly SemaphoreSlim _turn = new(1, 1);
    private int _last;

    private LoginIdClients(Process process) => _process = process;

    /// <summary>Starts the process.</summary>
    public static async Task<LoginIdClients> Start()
    {
        await NodePackages.Install();
        var process = Process.Start(new ProcessStartInfo("node", ["loginid.js"])
        {
            WorkingDirectory = NodePackages.Folder,
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        }) ?? throw new InvalidOperationException("node did not start.");
        var clients = new LoginIdClients(process);
        process.OutputDataReceived += (_, line) => clients.Note(line.Data);
        process.BeginOutputReadLine();
        return clients;
    }

    /// <summary>A call of <c>LoginIdManagement</c>.</summary>
    /// <param name="baseUrl">The server.</param>
    /// <param name="client">The client id.</param>
    /// <param name="key">The client's private key, PEM.</param>
    /// <param name="method">The method.</param>
    /// <param name="args">Its arguments.</param>
    /// <exception cref="LoginIdClientException">The client threw.</exception>
    public Task<JsonNode?> Node(string baseUrl, string client, string key, string method, params object?[] args) =>
        Call(new { call = 0, sdk = "node", @base = baseUrl, client, key, method, args });

    /// <summary>A call of <c>WebSDK</c> in a page.</summary>
    /// <param name="baseUrl">The server.</param>
    /// <param name="client">The client id.</param>
    /// <param name="origin">The page's origin.</param>
    /// <param name="authenticator">The device, by a name of the test's own.</param>
    /// <param name="method">The method.</param>
    /// <param name="args">Its arguments.</param>
    /// <exception cref="LoginIdClientException">The client threw.</exception>
    public Task<JsonNode?> Web(string baseUrl, string client, string origin, string authenticator, string method, params object?[] args) =>
        Call(new { call = 0, sdk = "web", @base = baseUrl, client, origin, authenticator, method, args });

    /// <summary>A device is lost, with every credential on it.</summary>
    /// <param name="authenticator">Its name.</param>
    public Task Forget(string authenticator) => Call(new { call = 0, sdk = "forget", authenticator });

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
        _turn.Dispose();
    }

    private async Task<JsonNode?> Call(object call)
    {
        var id = Interlocked.Increment(ref _last);
        var line = JsonSerializer.SerializeToNode(call)!;
        line["call"] = id;
        var outcome = _calls[id] = new TaskCompletionSource<JsonNode?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await _turn.WaitAsync();
        try
        {
            await _process.StandardInput.WriteLineAsync(line.ToJsonString());
            await _process.StandardInput.FlushAsync();
        }
        finally
        {
            _turn.Release();
        }

        return await outcome.Task.WaitAsync(TimeSpan.FromMinutes(4));
    }

    private void Note(string? line)
    {
        if (line is null || JsonNode.Parse(line) is not { } said || !_calls.TryRemove((int)said["call"]!, out var outcome))
        {
            return;
        }

        if (said["error"] is { } error)
        {
            outcome.SetException(new LoginIdClientException(error["name"]!.ToString(), error["code"]?.ToString(), error["message"]!.ToString()));
        }
        else
        {
            outcome.SetResult(said["value"]);
        }
    }
}
