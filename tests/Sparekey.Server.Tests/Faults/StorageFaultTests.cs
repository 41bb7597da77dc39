using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Sparekey.Engine;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Faults;

/// <summary>
/// Storage that takes no more: callers get <c>storage_unavailable</c> and nothing is half done, what was answered stays, reads go
/// on, and when the fault is over the server works again without a hand on it.
/// </summary>
[Trait("runs", "once")]
public sealed class StorageFaultTests
{
    [Fact]
    public async Task A_full_database_refuses_acts_answers_reads_and_works_again_when_there_is_room()
    {
        await using var server = await RunningServer.Start();
        await server.Account("person@example.com");
        var before = await server.Recover("person@example.com", "link");
        before.Status.ShouldBe(201);
        var database = server.Get<Database>();
        var pages = await database.Write(db => db.Scalar<long>("PRAGMA page_count"), CancellationToken.None);
        await database.Write(db => db.Scalar<long>($"PRAGMA max_page_count = {pages + 8}"), CancellationToken.None);

        var answered = new List<Answer> { before };
        var refused = 0;
        for (var i = 0; refused < 10 && i < 500; i++)
        {
            var answer = await server.Recover("person@example.com", "link");
            if (answer.Status == 201)
            {
                answered.Add(answer);
                continue;
            }

            (answer.Status, answer.Code).ShouldBe((503, "storage_unavailable"), answer.Text);
            answer.Headers.RetryAfter.ShouldNotBeNull();
            refused++;
        }

        refused.ShouldBe(10);
        await Task.WhenAll(answered.Select(async a => (await server.Get($"/v1/recoveries/{a["id"]}", server.AdminToken)).Status.ShouldBe(200)));
        (await server.Get("/healthz")).Status.ShouldBe(200);
        (await server.Get("/v1/recoveries", server.AdminToken)).Status.ShouldBe(200);
        (await server.Get("/v1/ledger", server.AdminToken)).Status.ShouldBeOneOf(200, 503);
        await Rounds(server); // Housekeeping meets the same fault and outlives it.

        await database.Write(db => db.Scalar<long>("PRAGMA max_page_count = 1000000"), CancellationToken.None);
        var after = await server.Recover("person@example.com", "link");
        after.Status.ShouldBe(201, after.Text);
        answered.Add(after);
        foreach (var answer in new[] { before, after })
        {
            await server.RedeemLink(answer);
        }

        (await database.Read(db => db.Scalar<long>("SELECT COUNT(*) FROM recoveries"), CancellationToken.None)).ShouldBe(answered.Count);
        await Rounds(server);
        (await Consistency.Faults(database)).ShouldBeEmpty();
        server.LogLines.ShouldContain(l => l.Contains("Storage is not available"));
        server.LogLines.ShouldNotContain(l => l.Contains("A request of") || l.Contains("Housekeeping failed") || l.Contains("Mail failed"));
    }

    [Fact]
    public async Task A_disk_that_takes_no_byte_refuses_acts_and_loses_none_that_was_answered()
    {
        var data = Directory.CreateTempSubdirectory("sparekey-test-").FullName;
        try
        {
            // Ignoring the signal is inherited: a write past the limit then fails, as on a disk that fails.
            await using (var server = await ServerProcess.Start(data, wrapper: ["/bin/sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh"]))
            {
                var token = (await File.ReadAllTextAsync(Path.Combine(data, "bootstrap-token"))).Trim();
                (await server.Send(HttpMethod.Post, "/v1/accounts", new { email = "person@example.com" }, token)).Status.ShouldBe(201);
                var (_, first) = await Mint();
                await Limit("0");
                for (var i = 0; i < 5; i++)
                {
                    var (status, problem) = await Mint();
                    status.ShouldBe(503);
                    problem!["code"]!.ToString().ShouldBe("storage_unavailable");
                    (await server.Send(HttpMethod.Get, $"/v1/recoveries/{first!["id"]}", null, token)).Status.ShouldBe(200);
                    (await server.Send(HttpMethod.Get, "/readyz", null, null)).Status.ShouldBe(200);
                }

                await Limit("unlimited");
                var (again, second) = await Mint();
                again.ShouldBe(201);
                foreach (var recovery in new[] { first, second })
                {
                    var secret = recovery!["secret"]!["link"]!.ToString().Split('#')[1];
                    (await server.Send(HttpMethod.Post, "/v1/redemptions", new { link_secret = secret }, null)).Status.ShouldBe(201);
                }

                (await server.Terminate()).ExitCode.ShouldBe(0);
                Task<(int Status, System.Text.Json.Nodes.JsonNode? Json)> Mint() => server.Send(
                    HttpMethod.Post, "/v1/recoveries", new { account = new { email = "person@example.com" }, means = "link" }, token);

                async Task Limit(string bytes)
                {
                    using var prlimit = Process.Start("prlimit", ["--pid", $"{server.Id}", $"--fsize={bytes}:unlimited"]);
                    await prlimit.WaitForExitAsync();
                    prlimit.ExitCode.ShouldBe(0);
                }
            }

            await using var database = SqliteDatabase.Open(Path.Combine(data, "sparekey.db"), NullLogger.Instance);
            (await database.Read(db => db.Scalar<long>("SELECT COUNT(*) FROM recoveries"), CancellationToken.None)).ShouldBe(2);
            (await Consistency.Faults(database)).ShouldBeEmpty();
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    // Each is a round of its own, whatever the one before met.
    private static async Task Rounds(RunningServer server)
    {
        for (var i = 0; i < 3; i++)
        {
            server.Time.Advance(TimeSpan.FromSeconds(3));
            await Task.Delay(50);
        }

        try
        {
            await server.Get<Housekeeping>().RunOnce(CancellationToken.None);
        }
        catch (StorageUnavailableException)
        {
            // Full: the round after finds the same work.
        }
    }
}
