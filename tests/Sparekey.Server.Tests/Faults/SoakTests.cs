using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Faults;

/// <summary>
/// Mixed traffic of many clients, some of whom hang up in the middle: nothing fails, nothing is used twice, nothing grows that should not. It
/// takes a quarter of a minute; <c>SPAREKEY_SOAK_SECONDS</c> makes it longer.
/// </summary>
[Collection(WholeMachine.Name)]
public sealed class SoakTests : IDisposable
{
    private const int Clients = 12;

    private readonly string _data = Directory.CreateTempSubdirectory("sparekey-test-").FullName;
    private readonly ConcurrentDictionary<string, int> _answers = new(StringComparer.Ordinal);
    private readonly ConcurrentBag<string> _faults = [];
    private int _minted;
    private int _completed;

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Fact]
    public async Task Mixed_traffic_ends_with_everything_in_its_place_and_nothing_that_grew()
    {
        var time = TimeSpan.FromSeconds(int.Parse(Environment.GetEnvironmentVariable("SPAREKEY_SOAK_SECONDS") ?? "15", CultureInfo.InvariantCulture));
        await using (var server = await ServerProcess.Start(_data))
        {
            var token = await Prepare(server);
            var begun = Stopwatch.StartNew();
            using var stop = new CancellationTokenSource();
            var clients = Enumerable.Range(0, Clients).Select(i => Task.Run(() => Client(server, token, i, stop.Token))).ToList();
            await Task.Delay(time / 3);
            var early = Held(server);
            await Task.Delay(time - (time / 3));
            await stop.CancelAsync();
            await Task.WhenAll(clients);
            var late = Held(server);

            TestContext.Current.TestOutputHelper?.WriteLine(
                $"{begun.Elapsed.TotalSeconds:F0} s, {_minted} recoveries, {_completed} completed; early {early}, late {late}; "
                + string.Join(", ", _answers.OrderBy(a => a.Key, StringComparer.Ordinal).Select(a => $"{a.Key} {a.Value}")));
            _faults.ShouldBeEmpty();
            _completed.ShouldBeGreaterThan(0);
            late.Descriptors.ShouldBeLessThan(early.Descriptors + 50);
            late.Threads.ShouldBeLessThan(early.Threads + 50);
            late.Megabytes.ShouldBeLessThan(Math.Max(300, early.Megabytes * 2), "memory follows what is done at once, and not what was done");
            (await server.Send(HttpMethod.Get, "/readyz", null, null)).Status.ShouldBe(200);
            (await server.Terminate()).ExitCode.ShouldBe(0);
            server.Log.ShouldNotContain(l => l.Contains("\"Error\"") || l.Contains("\"Critical\""));
        }

        await using var database = await TestPlaces.Open(_data);
        (await Consistency.Faults(database)).ShouldBeEmpty();
        (await database.Read(db => db.Scalar<long>("SELECT COUNT(*) FROM recoveries WHERE state = 'completed'"), CancellationToken.None)).ShouldBe(_completed);
        (await database.Read(db => db.Scalar<long>("SELECT COUNT(*) FROM recoveries"), CancellationToken.None)).ShouldBeGreaterThanOrEqualTo(_minted);
    }

    private static (int Descriptors, int Threads, long Megabytes) Held(ServerProcess server)
    {
        using var process = Process.GetProcessById(server.Id);
        return (Directory.GetFileSystemEntries($"/proc/{server.Id}/fd").Length, process.Threads.Count, process.WorkingSet64 >> 20);
    }

    private async Task<string> Prepare(ServerProcess server)
    {
        var bootstrap = (await File.ReadAllTextAsync(Path.Combine(_data, "bootstrap-token"))).Trim();
        var (_, made) = await server.Send(
            HttpMethod.Post, "/v1/tokens",
            new
            {
                name = "soak", per_minute = 1_000_000,
                permissions = new[] { "recovery:request", "recovery:issue", "recovery:read", "recovery:cancel", "account:write", "account:read", "ledger:read" },
            },
            bootstrap);
        return made!["token"]!.ToString();
    }

    private async Task Client(ServerProcess server, string token, int number, CancellationToken stop)
    {
        var email = $"person{number}@example.com";
        await Call(HttpMethod.Post, "/v1/accounts", new { email }, 201);
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            switch ((i + number) % 8)
            {
                case 0:
                    await Complete();
                    break;
                case 1:
                    var cancelled = await Mint("link");
                    await Call(HttpMethod.Post, $"/v1/recoveries/{cancelled["id"]}/cancel", new { }, 200);
                    await Call(HttpMethod.Post, "/v1/redemptions", new { link_secret = LinkOf(cancelled) }, 401, authorized: false);
                    break;
                case 2:
                    await Call(HttpMethod.Get, "/v1/recoveries?limit=20", null, 200);
                    await Call(HttpMethod.Get, "/v1/ledger?limit=100", null, 200);
                    break;
                case 3:
                    await Mint("code");
                    await Call(HttpMethod.Post, "/v1/redemptions", new { link_secret = $"spl_default_{i}" }, 401, authorized: false);
                    break;
                case 4:
                    await Call(HttpMethod.Post, "/v1/recovery-requests", new { identifier = $"nobody{number}-{i}@example.com" }, 202, authorized: false);
                    break;
                case 5:
                    await HangUp(server, token);
                    break;
                case 6:
                    await Call(HttpMethod.Get, "/recover", null, 200, authorized: false);
                    await Call(HttpMethod.Get, $"/nowhere/{i}", null, 404);
                    break;
                default:
                    await Mint("token");
                    break;
            }
        }

        async Task<JsonNode> Mint(string means)
        {
            var recovery = await Call(HttpMethod.Post, "/v1/recoveries", new { account = new { email }, means }, 201);
            Interlocked.Increment(ref _minted);
            return recovery!;
        }

        // The whole way, and the same secret once more.
        async Task Complete()
        {
            var secret = LinkOf(await Mint("link"));
            var redeemed = await Call(HttpMethod.Post, "/v1/redemptions", new { link_secret = secret }, 201, authorized: false);
            var (status, _) = await server.Send(
                HttpMethod.Put, "/v1/redemption/password", new { new_password = $"a password that nobody else has {number}" }, redeemed!["redemption_token"]!.ToString());
            Note("PUT /v1/redemption/password", status);
            if (status == 200)
            {
                Interlocked.Increment(ref _completed);
                await Call(HttpMethod.Post, "/v1/redemptions", new { link_secret = secret }, 401, authorized: false);
                await Call(HttpMethod.Post, "/v1/sessions", new { identifier = email, password = $"a password that nobody else has {number}" }, 201, authorized: false);
            }
            else if (status != 503)
            {
                _faults.Add($"setting a password: {status}");
            }
        }

        async Task<JsonNode?> Call(HttpMethod method, string path, object? body, int expected, bool authorized = true)
        {
            var (status, json) = await server.Send(method, path, body, authorized ? token : null);
            Note($"{method} {path.Split('?')[0].Split('/') switch { var p => string.Join('/', p.Take(3)) }}", status);
            if (status != expected && !(status == 503 && json?["code"]?.ToString() == "busy"))
            {
                _faults.Add($"{method} {path}: {status} instead of {expected} {json?["code"]}");
            }

            return json;
        }
    }

    private static string LinkOf(JsonNode recovery) => recovery["secret"]!["link"]!.ToString().Split('#')[1];

    // Asks, and does not wait for the answer.
    private static async Task HangUp(ServerProcess server, string token)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", server.Http.BaseAddress!.Port);
        client.LingerState = new LingerOption(enable: true, 0);
        await client.GetStream().WriteAsync(System.Text.Encoding.ASCII.GetBytes(
            $"POST /v1/recoveries HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: 63\r\n\r\n"
            + """{"account":{"email":"person0@example.com"},"means":"link"      }"""[..63]));
    }

    private void Note(string what, int status) => _answers.AddOrUpdate($"{what} {status}", 1, (_, n) => n + 1);
}
