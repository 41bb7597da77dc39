using System.Diagnostics;
using System.Security.Cryptography;
using Sparekey.Engine.Keys;

namespace Sparekey.Server.Tests;

/// <summary>
/// Four processes over one database behind a client that asks each in turn: killed at random, started again, and given a new key meanwhile.
/// Whatever one of them answered holds for all.
/// </summary>
[Trait("runs", "once")]
public sealed class FourProcessTests : IAsyncLifetime
{
    private const int Kills = 6;

    private readonly string _data = TestPlaces.NewOnPostgres();
    private readonly ServerProcess[] _servers = new ServerProcess[4];
    private int _next;

    public async ValueTask InitializeAsync()
    {
        // At once: one of them makes the tables, the key file and the first token.
        var starting = await Task.WhenAll(_servers.Select(_ => ServerProcess.Start(_data)));
        starting.CopyTo(_servers, 0);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }

        Directory.Delete(_data, recursive: true);
    }

    [Fact]
    public async Task Whatever_one_of_them_answered_holds_for_all_however_many_are_killed()
    {
        var load = new RecoveryLoad(_data, people: _servers.Length);
        await load.Prepare(_servers[0]);
        using var stop = new CancellationTokenSource();
        var running = load.Run(Next, stop.Token);
        for (var kill = 0; kill < Kills; kill++)
        {
            await Until(load, load.Completed + 3);
            await Task.Delay(RandomNumberGenerator.GetInt32(0, 200));
            var which = RandomNumberGenerator.GetInt32(_servers.Length);
            await _servers[which].Kill();
            (await load.Faults()).ShouldBeEmpty($"after kill {kill + 1}");
            _servers[which] = await ServerProcess.Start(_data);
        }

        await stop.CancelAsync();
        await running;
        load.Completed.ShouldBeGreaterThanOrEqualTo(3 * Kills);
        (await load.Faults()).ShouldBeEmpty();
        await load.Check(Next);
    }

    [Fact]
    public async Task A_new_key_is_in_force_when_all_hold_it_and_nobody_is_refused_meanwhile()
    {
        var load = new RecoveryLoad(_data, people: _servers.Length);
        await load.Prepare(_servers[0]);
        using var stop = new CancellationTokenSource();
        var running = load.Run(Next, stop.Token);
        await Until(load, 10);

        var (exitCode, output, errors) = await ServerProcess.RunToEnd("keys", "rotate", "--data", _data, "--json");
        exitCode.ShouldBe(0, output + errors);
        new KeyRingFile(Path.Combine(_data, "keyring.json")).Load().ActiveVersion.ShouldBe(2);
        await Until(load, load.Completed + 20);

        await stop.CancelAsync();
        await running;
        await load.Check(Next);
    }

    // The client in front of them: it asks each in turn, and does not know which one lives.
    private ServerProcess Next() => _servers[(uint)Interlocked.Increment(ref _next) % _servers.Length];

    private static async Task Until(RecoveryLoad load, int completed)
    {
        var patience = Stopwatch.StartNew();
        while (load.Completed < completed)
        {
            patience.Elapsed.ShouldBeLessThan(TimeSpan.FromMinutes(2), "the load must go on");
            await Task.Delay(10);
        }
    }
}
