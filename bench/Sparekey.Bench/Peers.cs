using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using Sparekey.Testing;

namespace Sparekey.Bench;

/// <summary>Other programmes that do comparable work on the same database, asked by the same clients.</summary>
internal static class Peers
{
    private const int People = 5000;

    /// <summary>Measures both.</summary>
    /// <param name="settings">For how long.</param>
    /// <param name="report">Where it goes.</param>
    /// <param name="postgres">The database.</param>
    public static async Task Measure(Settings settings, Report report, Postgres postgres)
    {
        var folder = Path.Combine(settings.Root, "bench", "peers");
        var identity = await postgres.Create("identity");
        await MeasureOne(
            "ASP.NET Core Identity", port => [Path.Combine(folder, "identity/bin/Release/net10.0/identity-peer"), identity, $"{port}"], settings, report,
            postgres);
        await postgres.Create("better_auth");
        await MeasureOne(
            "better-auth", port => ["node", Path.Combine(folder, "better-auth/server.js"), "127.0.0.1", $"{postgres.Port}", "postgres", "better_auth", $"{port}"],
            settings, report, postgres);
    }

    private static async Task MeasureOne(
        string name, Func<int, IReadOnlyList<string>> line, Settings settings, Report report, Postgres postgres)
    {
        var port = FreePort.Next();
        var words = line(port);
        using var process = Process.Start(new ProcessStartInfo(words[0], words.Skip(1)) { UseShellExecute = false })!;
        try
        {
            await UntilHealthy(port, process);
            var load = new Load(port, () => (Processes.Cpu(process.Id), Processes.CpuOfFamily(postgres.Id)));
            await load.Closed(new Step("account", "/accounts", 201, null, People), 16, TimeSpan.FromHours(1));
            var forgot = new Step("reset token, audited", "/forgot", 201);
            var verify = new Step("verify the token, audited", "/verify", 200, forgot);
            var reset = new Step("password set, audited", "/reset", 200, forgot);
            await load.Closed(forgot, 16, TimeSpan.FromSeconds(3));
            await load.Closed(verify, 16, TimeSpan.FromSeconds(3));
            foreach (var step in new[] { forgot, verify, reset })
            {
                foreach (var clients in Settings.Clients)
                {
                    if (step != forgot && forgot.Made.Count < 20_000)
                    {
                        await load.Closed(forgot, 64, settings.Length);
                    }

                    var run = await load.Closed(step, clients, settings.Length);
                    if (step == verify && forgot.Made.IsEmpty)
                    {
                        await load.Closed(forgot, 64, settings.Length);
                    }

                    Run? open = null;
                    if (clients == 64 && step != reset)
                    {
                        await load.Closed(forgot, 64, settings.Length);
                        open = await load.Open(step, 64, run.Rate / 2, settings.Length);
                    }

                    report.Add(new Line($"{name} (PostgreSQL)", step.Name, clients, run, null, open, Processes.Resident(process.Id)));
                }
            }
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
    }

    private static async Task UntilHealthy(int port, Process process)
    {
        while (true)
        {
            try
            {
                using var connection = await Connection.Open(port);
                if ((await connection.Send(Connection.Request("GET", "/healthz"))).Status == 200)
                {
                    return;
                }
            }
            catch (Exception e) when (e is System.Net.Sockets.SocketException or IOException && !process.HasExited)
            {
                await Task.Delay(50);
            }
        }
    }

    // One step of the way; a later one uses up the tokens that the first made.
    private sealed class Step(string name, string path, int status, Step? after = null, int most = int.MaxValue) : Operation
    {
        private int _next = -1;

        public ConcurrentQueue<(string Email, string Token)> Made { get; } = new();

        public override string Name => name;

        public override int Status => status;

        public override byte[]? Next(int client)
        {
            if (after is null)
            {
                return Interlocked.Increment(ref _next) is var i && i < most ? Request($"{{\"Email\":\"{Accounts.Email(i % People)}\"}}") : null;
            }

            return after.Made.TryDequeue(out var made)
                ? Request($"{{\"Email\":\"{made.Email}\",\"Token\":{JsonSerializer.Serialize(made.Token)},\"Password\":\"Nine green bicycles 1!\"}}")
                : null;
        }

        public override void Keep(Answer answer)
        {
            if (path == "/forgot")
            {
                Made.Enqueue((Json.Text(answer.Body, "email"), Json.Text(answer.Body, "token")));
            }
        }

        private byte[] Request(string json) => Connection.Request("POST", path, null, json);
    }
}
