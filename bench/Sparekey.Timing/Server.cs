using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Sparekey.Testing;

namespace Sparekey.Timing;

/// <summary>The built server as a process on a fresh data directory, and a client that measures it.</summary>
internal sealed class Server : IAsyncDisposable
{
    private readonly Process _process;
    private readonly HttpClient _http;
    private readonly string _data;
    private string _token = "";
    private string _lastWords = "";

    private Server(Process process, string data, string url)
    {
        (_process, _data) = (process, data);
        _http = new HttpClient(new SocketsHttpHandler { UseCookies = false }) { BaseAddress = new Uri(url) };
    }

    public static async Task<Server> Start(string executable)
    {
        var data = Directory.CreateTempSubdirectory("sparekey-timing-").FullName;
        var url = $"http://127.0.0.1:{FreePort.Next()}";
        var start = new ProcessStartInfo(executable, ["serve", "--data", data, "--urls", url])
        {
            UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment["SPAREKEY_LIMITS__CALLS_PER_MINUTE"] = "0";
        var process = Process.Start(start)!;
        var server = new Server(process, data, url);
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        process.ErrorDataReceived += (_, line) => server._lastWords = line.Data ?? server._lastWords;
        process.BeginErrorReadLine();
        while (true)
        {
            try
            {
                (await server._http.GetAsync("/readyz")).EnsureSuccessStatusCode();
                break;
            }
            catch (HttpRequestException) when (!process.HasExited)
            {
                await Task.Delay(50);
            }
        }

        server._token = (await File.ReadAllTextAsync(Path.Combine(data, "bootstrap-token"))).Trim();

        // The first token makes a few hundred changes a minute; preparing takes more.
        server._token = (await server.Call(HttpMethod.Post, "/v1/tokens", new JsonObject
        {
            ["name"] = "timing", ["ceiling"] = "admin", ["expires_in"] = "12h", ["per_minute"] = 1_000_000,
            ["permissions"] = new JsonArray("account:write", "account:read", "recovery:request", "recovery:issue", "recovery:cancel"),
        }))["token"]!.ToString();
        return server;
    }

    /// <summary>A call of the operator, which must succeed.</summary>
    public Task<JsonNode> Call(HttpMethod method, string path, JsonNode? body) => Call(method, path, body, _token);

    /// <summary>A call with a token of its own, which must succeed.</summary>
    public async Task<JsonNode> Call(HttpMethod method, string path, JsonNode? body, string? token)
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        request.Content = body is null ? null : new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        using var response = await _http.SendAsync(request);
        var text = await response.Content.ReadAsStringAsync();
        return response.IsSuccessStatusCode ? JsonNode.Parse(text)! : throw new InvalidOperationException($"{method} {path}: {text}");
    }

    /// <summary>A call of a stranger: how long it took, in milliseconds, and its status.</summary>
    public async Task<(double Milliseconds, int Status)> Measure(string path, JsonNode body)
    {
        using var content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        var began = Stopwatch.GetTimestamp();
        using var response = await _http.PostAsync(path, content);
        await response.Content.ReadAsByteArrayAsync();
        return (Stopwatch.GetElapsedTime(began).TotalMilliseconds, (int)response.StatusCode);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        if (_process.HasExited)
        {
            Console.Error.WriteLine($"The server had ended with {_process.ExitCode}: {_lastWords}");
        }

        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_data, recursive: true);
    }
}
