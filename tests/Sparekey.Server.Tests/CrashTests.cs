using System.Collections.Concurrent;
using System.Diagnostics;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>
/// Kills the server under load again and again. Whatever it had answered is there; whatever it had not is there whole or not
/// at all; no secret works twice.
/// </summary>
public sealed class CrashTests
{
    private const int Kills = 25;
    private const int People = 24;

    [Fact]
    public async Task Survives_25_kills_under_load()
    {
        var data = Directory.CreateTempSubdirectory("sparekey-test-").FullName;
        var history = new History();
        try
        {
            var token = await Prepare(data);
            for (var round = 0; round < Kills; round++)
            {
                await RunAndKill(data, token, history, round);
                var faults = await Faults(data);
                faults.ShouldBeEmpty($"after kill {round + 1}");
            }

            history.Completed.Count.ShouldBeGreaterThanOrEqualTo(Kills, "the load must really complete recoveries");
            await CheckHistory(data, token, history);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    private static async Task<string> Prepare(string data)
    {
        await using var server = await ServerProcess.Start(data);
        var bootstrap = (await File.ReadAllTextAsync(Path.Combine(data, "bootstrap-token"))).Trim();
        var (_, made) = await server.Send(
            HttpMethod.Post, "/v1/tokens",
            new
            {
                name = "load",
                permissions = new[] { "recovery:request", "recovery:issue", "recovery:read", "ledger:read", "account:write" },
                expires_in = "12h",
                per_minute = 1_000_000,
            },
            bootstrap);
        var token = made!["token"]!.ToString();
        for (var i = 0; i < People; i++)
        {
            var (status, _) = await server.Send(HttpMethod.Post, "/v1/accounts", new { email = $"p{i}@example.com" }, token);
            status.ShouldBe(201);
        }

        return token;
    }

    private static async Task RunAndKill(string data, string token, History history, int round)
    {
        await using var server = await ServerProcess.Start(data);
        using var stop = new CancellationTokenSource();
        var load = Enumerable.Range(0, People).Select(person => Load(server, token, person, history, round, stop.Token)).ToArray();
        // The load must have got somewhere in this round, however busy the machine is; then the kill comes at any point.
        var (before, patience) = (history.Completed.Count, Stopwatch.StartNew());
        while (history.Completed.Count == before && patience.Elapsed < TimeSpan.FromSeconds(20))
        {
            await Task.Delay(10);
        }

        await Task.Delay(RandomNumberGenerator.GetInt32(0, 300));
        await server.Kill();
        await stop.CancelAsync();
        await Task.WhenAll(load);
    }

    private static async Task Load(ServerProcess server, string token, int person, History history, int round, CancellationToken stop)
    {
        for (var turn = 0; !stop.IsCancellationRequested; turn++)
        {
            try
            {
                var (opened, recovery) = await server.Send(
                    HttpMethod.Post, "/v1/recoveries", new { account = new { email = $"p{person}@example.com" }, means = "link" }, token);
                opened.ShouldBe(201);
                var id = recovery!["id"]!.ToString();
                history.Opened.Add(id);
                var secret = recovery["secret"]!["link"]!.ToString().Split('#')[1];
                var (redeemed, redemption) = await server.Send(HttpMethod.Post, "/v1/redemptions", new { link_secret = secret }, null);
                redeemed.ShouldBe(201);
                history.Redeemed.Add(id);
                var (set, _) = await server.Send(
                    HttpMethod.Put, "/v1/redemption/password",
                    new { new_password = $"the password of round {round} turn {turn}" }, redemption!["redemption_token"]!.ToString());
                if (set == 200)
                {
                    history.Completed.Add((id, secret));
                }
                else
                {
                    set.ShouldBe(503); // Too many hashes at once: nothing happened.
                }
            }
            catch (Exception e) when (e is HttpRequestException or IOException or TaskCanceledException)
            {
                return; // The server was killed.
            }
        }
    }

    private static async Task<IReadOnlyList<string>> Faults(string data)
    {
        await using var database = SqliteDatabase.Open(Path.Combine(data, "sparekey.db"), NullLogger.Instance);
        return await Consistency.Faults(database);
    }

    private static async Task CheckHistory(string data, string token, History history)
    {
        await using var server = await ServerProcess.Start(data);
        foreach (var id in history.Opened)
        {
            var (status, recovery) = await server.Send(HttpMethod.Get, $"/v1/recoveries/{id}", null, token);
            status.ShouldBe(200, "an answered recovery is there");
            (recovery!["state"]!.ToString() is "issued" or "redeemed" or "completed").ShouldBeTrue(id);
        }

        foreach (var (id, secret) in history.Completed)
        {
            var (_, recovery) = await server.Send(HttpMethod.Get, $"/v1/recoveries/{id}", null, token);
            recovery!["state"]!.ToString().ShouldBe("completed", "an answered completion stands");
            var (again, _) = await server.Send(HttpMethod.Post, "/v1/redemptions", new { link_secret = secret }, null);
            again.ShouldBe(401, "no secret works twice");
        }
    }

    private sealed class History
    {
        public ConcurrentBag<string> Opened { get; } = [];

        public ConcurrentBag<string> Redeemed { get; } = [];

        public ConcurrentBag<(string Id, string Secret)> Completed { get; } = [];
    }
}
