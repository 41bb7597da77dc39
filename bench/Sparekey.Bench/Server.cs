using System.Diagnostics;
using System.Text.Json.Nodes;
using Sparekey.Testing;

namespace Sparekey.Bench;

/// <summary>Where a server keeps what it knows.</summary>
/// <param name="Name">The engine.</param>
/// <param name="Folder">A directory of the server's own.</param>
/// <param name="Database">How the database is reached; null for the one in the directory.</param>
internal sealed record Storage(string Name, string Folder, string? Database)
{
    /// <summary>Arguments that every command takes.</summary>
    public IReadOnlyList<string> Arguments => Database is null
        ? ["--data", Folder]
        : ["--database", Database, "--keys", Path.Combine(Folder, "keyring.json")];
}

/// <summary>The built server as a process.</summary>
internal sealed class Server : IAsyncDisposable
{
    /// <summary>The origin that it is told: nobody connects to it.</summary>
    public const string Origin = "http://localhost:4800";

    private readonly Process _process;
    private readonly Func<TimeSpan> _databaseCpu;
    private string _lastWords = "";
    private string _bootstrap = "";

    private Server(Process process, int port, Func<TimeSpan> databaseCpu) => (_process, Port, _databaseCpu) = (process, port, databaseCpu);

    /// <summary>Its port.</summary>
    public int Port { get; }

    /// <summary>An access token for everything that is measured.</summary>
    public string Token { get; private set; } = "";

    /// <summary>Its process.</summary>
    public int Id => _process.Id;

    /// <summary>Memory that it holds, in MB.</summary>
    public double Memory => Processes.Resident(_process.Id);

    /// <summary>From the start of the process to the first answer of <c>/healthz</c>.</summary>
    public TimeSpan Started { get; private set; }

    /// <summary>Starts it and waits until it answers.</summary>
    /// <param name="executable">The built server.</param>
    /// <param name="storage">Where it keeps what it knows.</param>
    /// <param name="postgres">The database that it uses; null for none.</param>
    public static async Task<Server> Start(string executable, Storage storage, Postgres? postgres)
    {
        var port = FreePort.Next();
        var start = new ProcessStartInfo(executable, ["serve", .. storage.Arguments, "--urls", $"http://127.0.0.1:{port}"])
        {
            UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment["SPAREKEY_LIMITS__CALLS_PER_MINUTE"] = "0";
        start.Environment["SPAREKEY_LIMITS__ANSWER_BEAT"] = "0";
        start.Environment["SPAREKEY_ORIGIN"] = Origin;
        var began = Stopwatch.GetTimestamp();
        var process = Process.Start(start)!;
        var server = new Server(
            process, port, postgres is null || storage.Database is null ? () => TimeSpan.Zero : () => Processes.CpuOfFamily(postgres.Id));
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.ErrorDataReceived += (_, line) => server._lastWords = line.Data ?? server._lastWords;
        process.BeginErrorReadLine();
        while (!await server.IsHealthy())
        {
            if (process.HasExited)
            {
                throw new InvalidOperationException($"The server ended with {process.ExitCode}: {server._lastWords}");
            }

            await Task.Delay(5);
        }

        server.Started = Stopwatch.GetElapsedTime(began);
        server._bootstrap = (await File.ReadAllTextAsync(Path.Combine(storage.Folder, "bootstrap-token"))).Trim();
        server.Token = await server.MakeToken();
        return server;
    }

    /// <summary>Sends requests to it.</summary>
    public Load Load() => new(Port, () => (Processes.Cpu(_process.Id), _databaseCpu()));

    /// <summary>Makes an access token for everything that is measured, with an account of its own.</summary>
    public async Task<string> MakeToken() =>
        (await Call("POST", "/v1/tokens", new JsonObject
        {
            ["name"] = $"bench {Stopwatch.GetTimestamp()}",
            ["ceiling"] = "admin",
            ["expires_in"] = "12h",
            ["per_minute"] = 1_000_000,
            ["permissions"] = new JsonArray(
                "account:write", "account:read", "recovery:request", "recovery:issue", "recovery:read", "ledger:read", "policy:read", "token:write",
                "tenant:admin"),
        }, _bootstrap))["token"]!.ToString();

    /// <summary>A call of the operator, which must succeed.</summary>
    /// <param name="method">The method.</param>
    /// <param name="path">The path.</param>
    /// <param name="body">The body; null for none.</param>
    /// <param name="token">Another token than the usual one.</param>
    public async Task<JsonNode> Call(string method, string path, JsonNode? body = null, string? token = null)
    {
        using var connection = await Connection.Open(Port);
        var answer = await connection.Send(Connection.Request(method, path, token ?? Token, body?.ToJsonString()));
        return answer.Status is >= 200 and < 300
            ? JsonNode.Parse(answer.Text)!
            : throw new InvalidOperationException($"{method} {path}: {answer.Status} {answer.Text}");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await Processes.Terminate(_process);
        }

        _process.Dispose();
    }

    private async Task<bool> IsHealthy()
    {
        try
        {
            using var connection = await Connection.Open(Port);
            return (await connection.Send(Connection.Request("GET", "/healthz"))).Status == 200;
        }
        catch (Exception e) when (e is System.Net.Sockets.SocketException or IOException)
        {
            return false;
        }
    }
}
