using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;

namespace Sparekey.Server.Tests.Faults;

/// <summary>Tests that take the whole machine: each runs alone, when the others are done.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class WholeMachine
{
    public const string Name = "whole machine";
}

/// <summary>Many at once, and those who mean harm: whoever comes with a proper call is answered meanwhile, and what was held is let go.</summary>
[Collection(WholeMachine.Name)]
public sealed class LoadTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly string _data = Directory.CreateTempSubdirectory("sparekey-test-").FullName;

    private ServerProcess _server = null!;

    private string _token = "";

    public async ValueTask InitializeAsync()
    {
        _server = await ServerProcess.Start(_data);
        var bootstrap = (await File.ReadAllTextAsync(Path.Combine(_data, "bootstrap-token"))).Trim();
        var (_, made) = await _server.Send(
            HttpMethod.Post, "/v1/tokens",
            new { name = "load", permissions = new[] { "recovery:request", "recovery:issue", "account:write" }, per_minute = 1_000_000 }, bootstrap);
        _token = made!["token"]!.ToString();
        (await _server.Send(HttpMethod.Post, "/v1/accounts", new { email = "person@example.com" }, _token)).Status.ShouldBe(201);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_data, recursive: true);
    }

    [Fact]
    public async Task A_flood_of_sign_ins_is_held_back_and_mints_are_answered_before_it_is_over()
    {
        var answers = new ConcurrentBag<string>();
        using var patient = new HttpClient { BaseAddress = _server.Http.BaseAddress, Timeout = TimeSpan.FromMinutes(5) };
        var flood = Enumerable.Range(0, 200).Select(async i =>
        {
            using var answer = await patient.PostAsJsonAsync(
                "/v1/sessions", new { identifier = $"nobody{i}@example.com", password = "a password of nobody at all" });
            answers.Add(JsonNode.Parse(await answer.Content.ReadAsStringAsync())!["code"]!.ToString());
        }).ToList();
        await Until(() => answers.Contains("busy"), "a sign-in that is sent away");
        for (var i = 0; i < 20; i++)
        {
            await Mint();
        }

        flood.Count(f => !f.IsCompleted).ShouldBeGreaterThan(0, "mints do not wait until every password is hashed");
        await Task.WhenAll(flood);
        answers.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ShouldBe(["busy", "sign_in_failed"]);
        await Mint();
    }

    [Fact]
    public async Task Who_sends_a_byte_at_a_time_or_stops_halfway_is_hung_up_on_and_who_never_reads_holds_up_nobody()
    {
        var before = Descriptors();
        var clients = new List<Task<bool>>();
        for (var i = 0; i < 50; i++)
        {
            clients.Add(Slow("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ", "a", trickles: true));
            clients.Add(Slow("POST /v1/sessions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{", " ", trickles: true));
            clients.Add(Slow("POST /v1/sessions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{", "", trickles: false));
            clients.Add(Slow("GET /v1/sessions HT", "", trickles: false));
        }

        var deaf = await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ =>
        {
            var socket = await Connect(receives: 4096);
            await socket.SendAsync(Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("GET /recover HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 500))));
            return socket;
        }));
        await Until(() => Descriptors() > before + 100, "slow connections");
        var minted = 0;
        while (clients.Any(c => !c.IsCompleted))
        {
            await Mint();
            minted++;
            await Task.WhenAny(Task.WhenAll(clients), Task.Delay(100));
        }

        minted.ShouldBeGreaterThan(3, "they were answered while the others were held");
        (await Task.WhenAll(clients)).ShouldAllBe(hungUp => hungUp);
        Array.ForEach(deaf, s => s.Dispose());
        await Until(() => Descriptors() < before + 20, "what was held is let go");
        _server.Log.ShouldNotContain(l => l.Contains("\"Error\"") || l.Contains("\"Critical\""));
    }

    [Fact]
    public async Task Ten_thousand_idle_connections_keep_nobody_from_being_answered()
    {
        // Each is a descriptor here and one in the server, which may have as many.
        var limit = (await File.ReadAllLinesAsync("/proc/self/limits")).Single(l => l.StartsWith("Max open files", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[4];
        var count = limit == "unlimited" ? 10_000 : Math.Min(10_000, int.Parse(limit, System.Globalization.CultureInfo.InvariantCulture) - 1000);
        TestContext.Current.TestOutputHelper?.WriteLine($"{count} connections, of {limit} descriptors");
        count.ShouldBeGreaterThan(1000, "raise the limit of open files (ulimit -n)");
        var before = Descriptors();
        var idle = new List<Socket>(count);
        try
        {
            while (idle.Count < count)
            {
                idle.AddRange(await Task.WhenAll(Enumerable.Range(0, Math.Min(250, count - idle.Count)).Select(_ => Connect())));
            }

            // Half of them were answered once before.
            var asked = idle.Where((_, i) => i % 2 == 0).ToList();
            await Task.WhenAll(asked.Select(async socket => await socket.SendAsync("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"u8.ToArray())));
            await Until(() => asked.All(s => s.Available > 0), "answers");
            await Until(() => Descriptors() >= before + count, "connections");
            for (var i = 0; i < 50; i++)
            {
                await Mint();
                using var another = new HttpClient { BaseAddress = _server.Http.BaseAddress };
                (await another.GetAsync("/readyz")).StatusCode.ShouldBe(HttpStatusCode.OK);
            }

            idle.ShouldAllBe(s => !s.Poll(0, SelectMode.SelectRead) || s.Available > 0, "none was hung up on");
        }
        finally
        {
            idle.ForEach(s => s.Dispose());
        }

        await Until(() => Descriptors() < before + 50, "what was held is let go");
        await Mint();
    }

    [Theory]
    [InlineData(1, 30_000, 200)]
    [InlineData(1, 33_000, 431)]
    [InlineData(1, 1_000_000, 431)]
    [InlineData(90, 10, 200)]
    [InlineData(101, 10, 431)]
    [InlineData(90, 10_000, 431)]
    public async Task Headers_have_a_size_and_a_number(int count, int length, int status)
    {
        var headers = string.Concat(Enumerable.Range(0, count).Select(i => $"X-{i}: {new string('a', length)}\r\n"));
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(async _ =>
        {
            using var socket = await Connect();
            await using var stream = new NetworkStream(socket);
            try
            {
                await stream.WriteAsync(Encoding.ASCII.GetBytes($"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n{headers}\r\n"));
            }
            catch (IOException)
            {
                return status == 200 ? "" : "HTTP/1.1 431"; // It hung up before it heard everything.
            }

            var answer = new byte[12];
            try
            {
                await stream.ReadExactlyAsync(answer).AsTask().WaitAsync(Patience);
            }
            catch (IOException)
            {
                return status == 200 ? "" : "HTTP/1.1 431";
            }

            return Encoding.ASCII.GetString(answer);
        }));
        answers.ShouldAllBe(a => a == $"HTTP/1.1 {status}");
        await Mint();
    }

    private async Task Mint() => (await _server.Send(
        HttpMethod.Post, "/v1/recoveries", new { account = new { email = "person@example.com" }, means = "link" }, _token)).Status.ShouldBe(201);

    private int Descriptors() => Directory.GetFileSystemEntries($"/proc/{_server.Id}/fd").Length;

    private async Task<Socket> Connect(int receives = 65536)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveBufferSize = receives };
        await socket.ConnectAsync(IPAddress.Loopback, _server.Http.BaseAddress!.Port);
        return socket;
    }

    // Whether the server ended it.
    private async Task<bool> Slow(string begin, string more, bool trickles)
    {
        using var socket = await Connect();
        await using var stream = new NetworkStream(socket);
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            await stream.WriteAsync(Encoding.ASCII.GetBytes(begin), patience.Token);
            var ended = ReadToEnd(stream, patience.Token);
            while (trickles && !ended.IsCompleted)
            {
                await stream.WriteAsync(Encoding.ASCII.GetBytes(more), patience.Token);
                await Task.WhenAny(ended, Task.Delay(100, patience.Token));
            }

            await ended;
            return true;
        }
        catch (IOException)
        {
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private static async Task ReadToEnd(NetworkStream stream, CancellationToken cancellationToken)
    {
        var buffer = new byte[4096];
        while (await stream.ReadAsync(buffer, cancellationToken) > 0)
        {
            // Whatever it says before it hangs up.
        }
    }

    private static async Task Until(Func<bool> condition, string what)
    {
        var waited = Stopwatch.StartNew();
        while (!condition())
        {
            waited.Elapsed.ShouldBeLessThan(Patience, what);
            await Task.Delay(20);
        }
    }
}
