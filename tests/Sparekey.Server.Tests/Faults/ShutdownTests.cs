using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Faults;

/// <summary>SIGTERM, as an init system sends it: what was answered is there afterwards, and the process ends in good order.</summary>
public sealed class ShutdownTests : IDisposable
{
    private readonly string _data = Directory.CreateTempSubdirectory("sparekey-test-").FullName;

    public void Dispose() => Directory.Delete(_data, recursive: true);

    [Fact]
    public async Task In_the_middle_of_many_acts_everybody_is_answered_or_hung_up_on_and_nothing_answered_is_lost()
    {
        var answered = new ConcurrentBag<JsonNode>();
        var statuses = new ConcurrentBag<int>();
        string token;
        await using (var server = await ServerProcess.Start(_data))
        {
            token = await Prepare(server);
            var load = Enumerable.Range(0, 16).Select(_ => Task.Run(() => Load(server, token, answered, statuses))).ToArray();
            var patience = Stopwatch.StartNew();
            while (answered.Count < 50 && patience.Elapsed < TimeSpan.FromMinutes(1))
            {
                await Task.Delay(10);
            }

            var (exitCode, took) = await server.Terminate();
            await Task.WhenAll(load);
            exitCode.ShouldBe(0, string.Join('\n', server.Log));
            took.ShouldBeLessThan(TimeSpan.FromSeconds(30));
            server.Log.ShouldNotContain(l => l.Contains("\"Error\"") || l.Contains("\"Critical\""));
        }

        statuses.Distinct().ShouldBe([201], "an answer is a whole one");
        File.Exists(Path.Combine(_data, "sparekey.sock")).ShouldBeFalse();
        File.Exists(Path.Combine(_data, "sparekey.db-wal")).ShouldBeFalse("the log went into the file");
        await using (var database = await TestPlaces.Open(_data))
        {
            (await Consistency.Faults(database)).ShouldBeEmpty();
        }

        await using var again = await ServerProcess.Start(_data);
        foreach (var recovery in answered)
        {
            (await again.Send(HttpMethod.Get, $"/v1/recoveries/{recovery["id"]}", null, token)).Status.ShouldBe(200);
        }

        var link = answered.First()["secret"]!["link"]!.ToString();
        (await again.Send(HttpMethod.Post, "/v1/redemptions", new { link_secret = link.Split('#')[1] }, null)).Status.ShouldBe(201);
    }

    [Fact]
    public async Task A_mail_server_that_says_nothing_slows_no_call_and_no_shutdown_and_every_mail_arrives_once_afterwards()
    {
        await using (var silent = new BrokenSmtpServer(SmtpFault.Silent))
        await using (var server = await ServerProcess.Start(_data, environment: Mail(silent.Port)))
        {
            await Prepare(server);
            (await server.Send(HttpMethod.Post, "/v1/recovery-requests", new { identifier = "person@example.com" }, null)).Status.ShouldBe(202);
            var patience = Stopwatch.StartNew();
            while (silent.Connections == 0 && patience.Elapsed < TimeSpan.FromSeconds(30))
            {
                await Task.Delay(20);
            }

            silent.Connections.ShouldBeGreaterThan(0);
            for (var i = 0; i < 20; i++)
            {
                var call = Stopwatch.StartNew();
                (await server.Send(HttpMethod.Post, "/v1/recovery-requests", new { identifier = $"nobody{i}@example.com" }, null)).Status.ShouldBe(202);
                call.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(4), "no call waits for mail, which waits for 5 seconds");
            }

            var (exitCode, took) = await server.Terminate();
            exitCode.ShouldBe(0, string.Join('\n', server.Log));
            took.ShouldBeLessThan(TimeSpan.FromSeconds(30));
        }

        await using var smtp = await SmtpServer.Start();
        await using var back = await ServerProcess.Start(_data, environment: Mail(smtp.Port));
        var waiting = Stopwatch.StartNew();
        while ((await smtp.Received()).Count < 3 && waiting.Elapsed < TimeSpan.FromMinutes(2))
        {
            await Task.Delay(100);
        }

        await Task.Delay(1500); // A round more: nothing comes twice.
        var mails = await smtp.Received();
        mails.Count.ShouldBe(3);
        mails.Select(m => m["Message-ID"]).ShouldBeUnique();
    }

    private static Dictionary<string, string> Mail(int port) => new()
    {
        ["SPAREKEY_MAIL__HOST"] = "127.0.0.1",
        ["SPAREKEY_MAIL__PORT"] = $"{port}",
        ["SPAREKEY_MAIL__FROM"] = "recovery@example.com",
        ["SPAREKEY_MAIL__TLS"] = "none",
        ["SPAREKEY_MAIL__TIMEOUT"] = "5s",
    };

    private async Task<string> Prepare(ServerProcess server)
    {
        var bootstrap = (await File.ReadAllTextAsync(Path.Combine(_data, "bootstrap-token"))).Trim();
        var (_, made) = await server.Send(
            HttpMethod.Post, "/v1/tokens",
            new { name = "load", permissions = new[] { "recovery:request", "recovery:issue", "recovery:read", "account:write" }, per_minute = 1_000_000 },
            bootstrap);
        var token = made!["token"]!.ToString();
        (await server.Send(HttpMethod.Post, "/v1/accounts", new { email = "person@example.com" }, token)).Status.ShouldBe(201);
        return token;
    }

    private static async Task Load(ServerProcess server, string token, ConcurrentBag<JsonNode> answered, ConcurrentBag<int> statuses)
    {
        try
        {
            while (true)
            {
                var (status, recovery) = await server.Send(
                    HttpMethod.Post, "/v1/recoveries", new { account = new { email = "person@example.com" }, means = "link" }, token);
                statuses.Add(status);
                if (status == 201)
                {
                    answered.Add(recovery!);
                }
            }
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or IOException)
        {
            // The server ended.
        }
    }
}
