using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Sparekey.Testing;

/// <summary>An error that another product's client threw.</summary>
/// <param name="status">The HTTP status that the client saw; null when it made the error itself.</param>
/// <param name="message">Its message.</param>
/// <param name="body">The answer's body, where the client keeps it.</param>
public sealed class NodeClientException(int? status, string message, JsonNode? body) : Exception($"{status}: {message}")
{
    /// <summary>The status.</summary>
    public int? Status => status;

    /// <summary>The message as the client has it.</summary>
    public string Said => message;

    /// <summary>The body.</summary>
    public JsonNode? Body => body;
}

/// <summary>
/// A program in <c>tests/npm</c> that runs the calls of another product's own clients: a call is a line of JSON in, its outcome one out.
/// </summary>
public sealed class NodeProgram : IAsyncDisposable
{
    private readonly Process _process;
    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonNode?>> _calls = new();
    private readonly SemaphoreSlim _turn = new(1, 1);
    private int _last;

    private NodeProgram(Process process) => _process = process;

    /// <summary>Starts a program.</summary>
    /// <param name="script">Its file in <c>tests/npm</c>.</param>
    /// <param name="args">Its arguments.</param>
    public static async Task<NodeProgram> Start(string script, params string[] args)
    {
        await NodePackages.Install();
        var process = Process.Start(new ProcessStartInfo("node", [script, .. args])
        {
            WorkingDirectory = NodePackages.Folder,
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardInput = true,
        }) ?? throw new InvalidOperationException("node did not start.");
        var program = new NodeProgram(process);
        process.OutputDataReceived += (_, line) => program.Note(line.Data);
        process.BeginOutputReadLine();
        return program;
    }

    /// <summary>Makes a call.</summary>
    /// <param name="call">The call, an object.</param>
    /// <returns>What the client answered.</returns>
    /// <exception cref="NodeClientException">The client threw.</exception>
    public async Task<JsonNode?> Call(object call)
    {
        var id = Interlocked.Increment(ref _last);
        var line = call as JsonObject ?? JsonSerializer.SerializeToNode(call)!.AsObject();
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

    private void Note(string? line)
    {
        if (line is null || JsonNode.Parse(line) is not { } said || !_calls.TryRemove((int)said["call"]!, out var outcome))
        {
            return;
        }

        if (said["error"] is { } error)
        {
            outcome.SetException(new NodeClientException((int?)error["code"], error["message"]!.ToString(), error["body"]?.DeepClone()));
        }
        else
        {
            outcome.SetResult(said["value"]?.DeepClone());
        }
    }
}
