using System.Text.Json.Nodes;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Operations;

/// <summary>An embedded installation is moved into PostgreSQL, at the command line.</summary>
[Trait("runs", "once")]
public sealed class MigrateTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sparekey-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Moves_what_a_stopped_server_left_and_leaves_one_installation_that_can_be_served()
    {
        var (data, keys) = (Path.Combine(_folder, "data"), Path.Combine(_folder, "keys.json"));
        var server = await PostgresServer.Shared;
        var database = await server.CreateDatabase();
        string[] migrate = ["migrate", "--from", $"sqlite:{data}", "--to", $"postgres:{database}", "--keys", keys, "--json"];
        for (var i = 0; i < 3; i++)
        {
            (await ServerProcess.RunToEnd("account", "create", "--email", $"person{i}@example.com", $"--data={data}")).ExitCode.ShouldBe(0);
        }

        using (DataDirectory.Open(data))
        {
            var held = await ServerProcess.RunToEnd(migrate);
            held.ExitCode.ShouldBe(78);
            held.Errors.ShouldContain("in use", customMessage: "nothing is moved under a server that runs");
        }

        var moved = await ServerProcess.RunToEnd(migrate);
        moved.ExitCode.ShouldBe(0, moved.Errors);
        JsonNode.Parse(moved.Out)!["verified"]!.GetValue<bool>().ShouldBeTrue();
        JsonNode.Parse(moved.Out)!["rows"]!.GetValue<long>().ShouldBeGreaterThan(10);
        (await File.ReadAllBytesAsync(keys)).ShouldBe(await File.ReadAllBytesAsync(Path.Combine(data, "keyring.json")));
        var again = await ServerProcess.RunToEnd(migrate);
        again.ExitCode.ShouldBe(0, again.Errors);
        JsonNode.Parse(again.Out)!["was_done"]!.GetValue<bool>().ShouldBeTrue();

        var refused = await ServerProcess.RunToEnd("serve", $"--data={data}", "--urls", $"http://127.0.0.1:{FreePort.Next()}");
        refused.ExitCode.ShouldBe(78);
        refused.Errors.ShouldContain("was moved");
        (await ServerProcess.RunToEnd("migrate", "--from", $"sqlite:{data}", "--cancel")).ExitCode.ShouldBe(78);

        var list = await ServerProcess.RunToEnd("account", "list", "--database", database, "--keys", keys, "--json");
        list.ExitCode.ShouldBe(0, list.Errors);
        JsonNode.Parse(list.Out)!["accounts"]!.AsArray().Count.ShouldBe(3);
        (await ServerProcess.RunToEnd("recover", "person1@example.com", "--database", database, "--keys", keys)).ExitCode.ShouldBe(0);
        await server.DropDatabase(database);
    }

    [Fact]
    public async Task Says_what_is_missing_before_it_touches_anything()
    {
        var data = Path.Combine(_folder, "data");
        (await ServerProcess.RunToEnd("token", "list", $"--data={data}")).ExitCode.ShouldBe(0);
        string[][] wrong =
        [
            ["--from", data, "--to", "postgres:Host=x;Database=y", "--keys", "k"],
            ["--from", $"sqlite:{data}", "--to", "Host=x;Database=y", "--keys", "k"],
            ["--from", $"sqlite:{data}", "--to", "postgres:Host=x;Database=y"],
            ["--from", $"sqlite:{data}", "--to", "postgres:Database=y", "--keys", "k"],
            ["--from", $"sqlite:{_folder}/nowhere", "--to", "postgres:Host=x;Database=y", "--keys", "k"],
        ];
        foreach (var line in wrong)
        {
            var refused = await ServerProcess.RunToEnd(["migrate", .. line]);
            refused.ExitCode.ShouldBe(78, string.Join(' ', line));
            refused.Errors.Trim().ShouldNotBeEmpty();
        }

        Directory.Exists(Path.Combine(_folder, "nowhere")).ShouldBeFalse();
        (await ServerProcess.RunToEnd("migrate", "--from", $"sqlite:{data}", "--cancel", "--json")).Out.ShouldContain("false");
        (await ServerProcess.RunToEnd("token", "list", $"--data={data}")).ExitCode.ShouldBe(0);
    }
}
