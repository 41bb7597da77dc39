using Microsoft.Extensions.Logging.Abstractions;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Storage;

[Trait("runs", "once")]
public sealed class SqliteBackupTests : IAsyncLifetime
{
    private static readonly CancellationToken None = CancellationToken.None;

    private SqliteTestDatabase _files = null!;

    private string Target => Path.Combine(_files.Folder, "backup.db");

    public async ValueTask InitializeAsync()
    {
        _files = await SqliteTestDatabase.Create();
        await _files.Database.Write(
            db => db.Execute("CREATE TABLE pairs (n INTEGER PRIMARY KEY, filler BLOB); CREATE TABLE mirror (n INTEGER PRIMARY KEY)"), None);
    }

    public ValueTask DisposeAsync() => _files.DisposeAsync();

    [Fact]
    public async Task Holds_one_state_although_acts_go_on()
    {
        using var stop = new CancellationTokenSource();
        await Insert(0, 500);
        var writing = Task.Run(async () =>
        {
            for (var i = 500; !stop.IsCancellationRequested; i++)
            {
                await Insert(i, 1);
            }
        });
        await _files.Database.Backup(Target, None);
        await stop.CancelAsync();
        await writing;

        await using var copy = SqliteDatabase.Open(Target, NullLogger.Instance);
        var (pairs, mirror, last) = await copy.Read(
            async db => (
                await db.Scalar<long>("SELECT count(*) FROM pairs"),
                await db.Scalar<long>("SELECT count(*) FROM mirror"),
                await db.Scalar<long>("SELECT max(n) FROM mirror")),
            None);
        mirror.ShouldBe(pairs);
        last.ShouldBe(pairs - 1);
        pairs.ShouldBeGreaterThanOrEqualTo(500);
        (await new Migrator(copy.Dialect, new FakeTimeProvider()).Apply(copy, None)).ShouldBe(0);
    }

    [Fact]
    public async Task Is_private_and_leaves_nothing_beside_it()
    {
        await _files.Database.Backup(Target, None);
        Directory.GetFiles(_files.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal)
            .ShouldBe(["backup.db", "sparekey.db", "sparekey.db-shm", "sparekey.db-wal"]);
        if (!OperatingSystem.IsWindows())
        {
            File.GetUnixFileMode(Target).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
    }

    [Fact]
    public async Task Never_replaces_a_file()
    {
        await File.WriteAllTextAsync(Target, "precious");
        await Should.ThrowAsync<BackupException>(() => _files.Database.Backup(Target, None));
        (await File.ReadAllTextAsync(Target)).ShouldBe("precious");
    }

    [Fact]
    public async Task Into_a_directory_that_is_missing_is_refused_and_leaves_nothing()
    {
        await Should.ThrowAsync<BackupException>(
            () => _files.Database.Backup(Path.Combine(_files.Folder, "none", "backup.db"), None));
        Directory.Exists(Path.Combine(_files.Folder, "none")).ShouldBeFalse();
    }

    [Fact]
    public async Task One_that_is_stopped_leaves_nothing()
    {
        using var source = new CancellationTokenSource();
        await source.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(() => _files.Database.Backup(Target, source.Token));

        // A copy may be done before it can be stopped; then it is made again.
        await Insert(0, 20_000);
        var stopped = false;
        for (var tries = 0; tries < 100 && !stopped; tries++)
        {
            File.Delete(Target);
            using var soon = new CancellationTokenSource();
            var backup = Task.Run(() => _files.Database.Backup(Target, soon.Token), CancellationToken.None);
            while (!backup.IsCompleted && Directory.GetFiles(_files.Folder, "*.partial").Length == 0)
            {
                await Task.Yield();
            }

            await soon.CancelAsync();
            stopped = await backup.ContinueWith(t => t.IsCanceled || t.Exception?.InnerException is OperationCanceledException, TaskScheduler.Default);
        }

        stopped.ShouldBeTrue();
        Directory.GetFiles(_files.Folder).ShouldNotContain(f => f.Contains("backup"));
    }

    [Fact]
    public async Task Of_a_damaged_database_leaves_nothing()
    {
        await Insert(0, 2000);
        await _files.Database.Checkpoint(None);
        await using (var stream = new FileStream(_files.File, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            stream.Position = stream.Length / 2;
            await stream.WriteAsync(Enumerable.Repeat((byte)0x5A, (int)(stream.Length / 2)).ToArray());
        }

        await Should.ThrowAsync<BackupException>(() => _files.Database.Backup(Target, None));
        Directory.GetFiles(_files.Folder).ShouldNotContain(f => f.Contains("backup"));
    }

    [Fact]
    public async Task Does_not_hold_what_was_erased()
    {
        const string Marker = "MARKER-77aa-of-a-secret";
        await _files.Database.Write(
            db => db.Execute("INSERT INTO installation (name, value) VALUES ('x', @Marker)", new { Marker }), None);
        await _files.Database.Write(db => db.Execute("DELETE FROM installation"), None);
        await _files.Database.Backup(Target, None);
        (await File.ReadAllBytesAsync(Target)).AsSpan().IndexOf("MARKER-77aa"u8).ShouldBe(-1);
    }

    private Task<bool> Insert(int from, int count) => _files.Database.Write(
        async db =>
        {
            for (var i = from; i < from + count; i++)
            {
                await db.Execute("INSERT INTO pairs (n, filler) VALUES (@i, @filler)", new { i, filler = new byte[1000] });
                await db.Execute("INSERT INTO mirror (n) VALUES (@i)", new { i });
            }

            return true;
        },
        None);
}
