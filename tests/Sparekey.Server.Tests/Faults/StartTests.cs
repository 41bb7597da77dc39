using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;
using Sparekey.Server.Hosting;
using Sparekey.Testing;

namespace Sparekey.Server.Tests.Faults;

/// <summary>
/// A start over a data directory in which something is wrong: exit code 78 and one sentence that says what, and the directory is
/// afterwards as it was, so that putting the right file back is all the cure there is to it.
/// </summary>
[Trait("runs", "once")]
public sealed class StartTests : IAsyncLifetime
{
    private readonly string _data = Directory.CreateTempSubdirectory("sparekey-test-").FullName;

    private string DatabaseFile => Path.Combine(_data, "sparekey.db");

    private string KeyFile => Path.Combine(_data, "keyring.json");

    public async ValueTask InitializeAsync()
    {
        await using var server = await Start(_data);
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_data, recursive: true);
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData("missing", "is missing")]
    [InlineData("empty", "holds no installation")]
    [InlineData("cut", "damaged")]
    [InlineData("header", "damaged")]
    [InlineData("garbage", "damaged")]
    [InlineData("read-only", "read-only")]
    [InlineData("directory", "cannot be opened")]
    public async Task A_database_that_is_gone_or_broken_stops_the_start_and_is_left_as_it_is(string what, string sentence)
    {
        var right = await File.ReadAllBytesAsync(DatabaseFile);
        Break(right, what);
        var before = Listing();
        await Refused(sentence);
        Listing().ShouldBe(before);
        await Heals(() =>
        {
            if (what == "directory")
            {
                Directory.Delete(DatabaseFile);
            }

            File.WriteAllBytes(DatabaseFile, right);
        });
    }

    [Theory]
    [InlineData("missing", "is missing")]
    [InlineData("truncated", "truncated")]
    [InlineData("empty", "truncated")]
    [InlineData("garbage", "truncated")]
    [InlineData("exposed", "readable by others")]
    [InlineData("foreign", "not the one this database was written with")]
    public async Task A_key_ring_that_is_gone_broken_exposed_or_foreign_stops_the_start(string what, string sentence)
    {
        var right = await File.ReadAllBytesAsync(KeyFile);
        switch (what)
        {
            case "missing":
                File.Delete(KeyFile);
                break;
            case "truncated":
                await File.WriteAllBytesAsync(KeyFile, right[..(right.Length / 2)]);
                break;
            case "empty":
                await File.WriteAllBytesAsync(KeyFile, []);
                break;
            case "garbage":
                await File.WriteAllTextAsync(KeyFile, "no key ring");
                break;
            case "exposed":
                File.SetUnixFileMode(KeyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
                break;
            default:
                await File.WriteAllBytesAsync(KeyFile, await AnothersKeys());
                break;
        }

        var said = await Refused(sentence);
        said.ShouldNotContain(JsonNode.Parse(right)!["keys"]![0]!["secret"]!.ToString());
        await Heals(() =>
        {
            File.WriteAllBytes(KeyFile, right);
            File.SetUnixFileMode(KeyFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        });
    }

    [Theory]
    [InlineData("sparekey.db")]
    [InlineData("keyring.json")]
    public async Task A_refused_start_is_exit_code_78_and_one_sentence(string broken)
    {
        await File.WriteAllTextAsync(Path.Combine(_data, broken), new string('g', 5000));
        foreach (var command in new[] { new[] { "serve", "--urls", $"http://127.0.0.1:{FreePort.Next()}" }, ["account", "list"] })
        {
            var (exitCode, output, errors) = await ServerProcess.RunToEnd([.. command, "--data", _data]);
            exitCode.ShouldBe(78, errors);
            output.ShouldBeEmpty();
            errors.TrimEnd().Split('\n')[^1].ShouldContain(broken);
            errors.ShouldNotContain("   at ", customMessage: "a sentence, not a stack");
        }
    }

    [Theory]
    [InlineData("after the database")]
    [InlineData("after the key ring")]
    public async Task A_first_start_that_died_is_finished_by_the_next(string where)
    {
        var fresh = Path.Combine(_data, "fresh");
        Directory.CreateDirectory(fresh, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await using (var database = SqliteDatabase.Open(Path.Combine(fresh, "sparekey.db"), NullLogger.Instance))
        {
            await new Migrator(database.Dialect, TimeProvider.System).Apply(database, CancellationToken.None);
        }

        if (where == "after the key ring")
        {
            new KeyRingFile(Path.Combine(fresh, "keyring.json")).CreateWhenMissing(DateTimeOffset.UnixEpoch);
        }

        await using var server = await Start(fresh);
        File.Exists(Path.Combine(fresh, "bootstrap-token")).ShouldBeTrue();
    }

    private void Break(byte[] right, string what)
    {
        File.Delete(DatabaseFile);
        switch (what)
        {
            case "missing":
                break;
            case "empty":
                File.WriteAllBytes(DatabaseFile, []);
                break;
            case "cut":
                File.WriteAllBytes(DatabaseFile, right[..(right.Length / 3)]);
                break;
            case "header":
                File.WriteAllBytes(DatabaseFile, [.. new byte[100], .. right[100..]]);
                break;
            case "garbage":
                File.WriteAllText(DatabaseFile, new string('g', 50_000));
                break;
            case "read-only":
                // A write version above 2 makes SQLite take the file as read-only, whoever runs the test.
                File.WriteAllBytes(DatabaseFile, [.. right[..18], 3, .. right[19..]]);
                break;
            default:
                Directory.CreateDirectory(DatabaseFile);
                break;
        }
    }

    private async Task<string> Refused(string sentence)
    {
        var refused = await Should.ThrowAsync<Exception>(() => Start(_data));
        (refused is DataDirectoryException or KeyRingException).ShouldBeTrue($"what the command line answers with 78, not {refused.GetType()}");
        refused.Message.ShouldContain(sentence);
        return refused.Message;
    }

    private async Task Heals(Action cure)
    {
        cure();
        await using var server = await Start(_data);
        var tokens = await server.App.Services.GetRequiredService<Database>().Read(
            db => db.Scalar<long>("SELECT COUNT(*) FROM access_tokens"), CancellationToken.None);
        tokens.ShouldBe(1, "what was there before is there");
    }

    private static Task<SparekeyServer> Start(string data) => SparekeyServer.Start(
        new ServerOptions(data, []) { Time = new FakeTimeProvider() }, CancellationToken.None);

    private async Task<byte[]> AnothersKeys()
    {
        var other = Path.Combine(_data, "other");
        await using var server = await Start(other);
        return await File.ReadAllBytesAsync(Path.Combine(other, "keyring.json"));
    }

    // What is there and how long it is; the log of a damaged database is empty, and goes with the next start.
    private string[] Listing() =>
        [.. Directory.EnumerateFileSystemEntries(_data).Where(f => Path.GetFileName(f) is not ("lock" or "sparekey.db-shm" or "sparekey.db-wal"))
            .Select(f => $"{Path.GetFileName(f)} {(File.Exists(f) ? new FileInfo(f).Length : 0)}").Order(StringComparer.Ordinal)];
}
