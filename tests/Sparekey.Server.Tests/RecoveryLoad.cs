using System.Collections.Concurrent;
using System.Net.Sockets;
using Sparekey.Testing;

namespace Sparekey.Server.Tests;

/// <summary>
/// People who are recovered again and again, each step at whichever server is next, and what was answered to them: so that it can be
/// compared with what stands, after servers were killed.
/// </summary>
/// <param name="data">The installation's folder.</param>
/// <param name="people">
/// How many. Enough to have acts of every kind on their way at any moment; more only hash passwords, and keep the next server from starting.
/// </param>
internal sealed class RecoveryLoad(string data, int people = 8)
{
    private readonly ConcurrentBag<string> _opened = [];
    private readonly ConcurrentBag<(string Id, string Secret)> _completed = [];
    private string _token = "";

    /// <summary>How many recoveries were answered to be complete.</summary>
    public int Completed => _completed.Count;

    /// <summary>Makes the people and the programme's token.</summary>
    /// <param name="server">Any server.</param>
    public async Task Prepare(ServerProcess server)
    {
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
        _token = made!["token"]!.ToString();
        for (var i = 0; i < people; i++)
        {
            var (status, _) = await server.Send(HttpMethod.Post, "/v1/accounts", new { email = $"p{i}@example.com" }, _token);
            status.ShouldBe(201);
        }
    }

    /// <summary>Recovers everybody again and again until it is stopped. Calls that nobody answered are forgotten, and the next server is asked.</summary>
    /// <param name="next">The server for the next step.</param>
    /// <param name="stop">Stops it.</param>
    public Task Run(Func<ServerProcess> next, CancellationToken stop) => Task.WhenAll(Enumerable.Range(0, people).Select(async person =>
    {
        for (var turn = 0; !stop.IsCancellationRequested; turn++)
        {
            try
            {
                await Recover(next, person, turn);
            }
            catch (Exception e) when (e is HttpRequestException or SocketException or IOException or TaskCanceledException)
            {
                await Task.Delay(5, CancellationToken.None); // The server was killed.
            }
        }
    }));

    /// <summary>What is stored and cannot be true together.</summary>
    public async Task<IReadOnlyList<string>> Faults()
    {
        await using var database = await TestPlaces.Open(data);
        return await Consistency.Faults(database);
    }

    /// <summary>Whatever was answered stands, and no secret works twice.</summary>
    /// <param name="next">The server for the next question.</param>
    public async Task Check(Func<ServerProcess> next)
    {
        _completed.Select(c => c.Id).ShouldBeUnique();
        await Parallel.ForEachAsync(_opened, async (id, _) =>
        {
            var (status, recovery) = await next().Send(HttpMethod.Get, $"/v1/recoveries/{id}", null, _token);
            status.ShouldBe(200, "an answered recovery is there");
            (recovery!["state"]!.ToString() is "issued" or "redeemed" or "completed").ShouldBeTrue(id);
        });

        // Every answer to a stranger waits for its beat: many at once.
        await Parallel.ForEachAsync(_completed, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (one, _) =>
        {
            var (_, recovery) = await next().Send(HttpMethod.Get, $"/v1/recoveries/{one.Id}", null, _token);
            recovery!["state"]!.ToString().ShouldBe("completed", "an answered completion stands");
            var (again, _) = await next().Send(HttpMethod.Post, "/v1/redemptions", new { link_secret = one.Secret }, null);
            again.ShouldBe(401, "no secret works twice");
        });
    }

    private async Task Recover(Func<ServerProcess> next, int person, int turn)
    {
        var (opened, recovery) = await next().Send(
            HttpMethod.Post, "/v1/recoveries", new { account = new { email = $"p{person}@example.com" }, means = "link" }, _token);
        if (opened == 503)
        {
            return; // Nothing happened.
        }

        opened.ShouldBe(201);
        var id = recovery!["id"]!.ToString();
        _opened.Add(id);
        var secret = recovery["secret"]!["link"]!.ToString().Split('#')[1];

        // Now and then two have the link, and go to two servers.
        await Task.WhenAll(Enumerable.Range(0, turn % 4 == 3 ? 2 : 1).Select(one => Redeem(next, id, secret, $"the password of turn {turn} and {one}")));
    }

    private async Task Redeem(Func<ServerProcess> next, string id, string secret, string password)
    {
        var (redeemed, redemption) = await next().Send(HttpMethod.Post, "/v1/redemptions", new { link_secret = secret }, null);
        if (redeemed == 201)
        {
            var (set, _) = await next().Send(
                HttpMethod.Put, "/v1/redemption/password", new { new_password = password }, redemption!["redemption_token"]!.ToString());
            if (set == 200)
            {
                _completed.Add((id, secret));
                return;
            }

            // The other one was first, or there were too many hashes at once: nothing happened.
            set.ShouldBeOneOf(401, 503);
        }
        else
        {
            redeemed.ShouldBeOneOf(401, 503);
        }
    }
}
