using System.Diagnostics;
using System.Security.Cryptography;

namespace Sparekey.Server.Tests;

/// <summary>
/// Kills the server under load again and again. Whatever it had answered is there; whatever it had not is there whole or not
/// at all; no secret works twice.
/// </summary>
[Trait("runs", "once")]
public sealed class CrashTests
{
    // bench/long kills more often.
    private static readonly int Kills = int.Parse(
        Environment.GetEnvironmentVariable("SPAREKEY_KILLS") ?? "25", System.Globalization.CultureInfo.InvariantCulture);

    [Theory]
    [InlineData("sqlite")]
    [InlineData("postgres")]
    public async Task Survives_kills_under_load(string engine)
    {
        var data = engine == "postgres" ? TestPlaces.NewOnPostgres() : Directory.CreateTempSubdirectory("sparekey-test-").FullName;
        var load = new RecoveryLoad(data);
        try
        {
            await using (var server = await ServerProcess.Start(data))
            {
                await load.Prepare(server);
            }

            for (var round = 0; round < Kills; round++)
            {
                await RunAndKill(data, load);
                (await load.Faults()).ShouldBeEmpty($"after kill {round + 1}");
            }

            load.Completed.ShouldBeGreaterThanOrEqualTo(Kills, "the load must really complete recoveries");
            await using var last = await ServerProcess.Start(data);
            await load.Check(() => last);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    private static async Task RunAndKill(string data, RecoveryLoad load)
    {
        await using var server = await ServerProcess.Start(data);
        using var stop = new CancellationTokenSource();
        var running = load.Run(() => server, stop.Token);

        // The load must have got somewhere in this round, however busy the machine is; then the kill comes at any point.
        var (before, patience) = (load.Completed, Stopwatch.StartNew());
        while (load.Completed == before && patience.Elapsed < TimeSpan.FromSeconds(20))
        {
            await Task.Delay(10);
        }

        await Task.Delay(RandomNumberGenerator.GetInt32(0, 300));
        await server.Kill();
        await stop.CancelAsync();
        await running;
    }
}
