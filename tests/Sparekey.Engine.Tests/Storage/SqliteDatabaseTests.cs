using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Storage;

[Trait("runs", "once")]
public sealed class SqliteDatabaseTests : DatabaseContract
{
    private static readonly CancellationToken None = CancellationToken.None;

    private SqliteTestDatabase _files = null!;

    protected override async Task<Database> Open()
    {
        _files = await SqliteTestDatabase.Create();
        return _files.Database;
    }

    protected override ValueTask Close() => _files.DisposeAsync();

    [Fact]
    public async Task The_connections_are_set_as_the_guarantees_need()
    {
        (string Name, string Writer, string Reader)[] settings =
        [
            ("journal_mode", "wal", "wal"), ("synchronous", "2", "2"), ("foreign_keys", "1", "*"), ("secure_delete", "1", "*"),
            ("trusted_schema", "0", "0"), ("temp_store", "2", "2"), ("query_only", "0", "1"), ("busy_timeout", "5000", "5000"),
        ];
        foreach (var (name, writer, reader) in settings)
        {
            (await Database.Write(db => db.Scalar<string>($"PRAGMA {name}"), None)).ShouldBe(writer, name);
            if (reader != "*")
            {
                (await Database.Read(db => db.Scalar<string>($"PRAGMA {name}"), None)).ShouldBe(reader, name);
            }
        }
    }

    [Fact]
    public async Task A_commit_that_fails_fails_every_act_of_its_group_and_none_after()
    {
        // A foreign key that is checked at commit makes the commit itself fail.
        await Database.Write(
            db => db.Execute(
                """
                CREATE TABLE parents (id TEXT PRIMARY KEY);
                CREATE TABLE children (parent TEXT REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);
                """),
            None);
        var gate = new Gate(Database);
        var before = Database.Write(db => Insert(db, "before"), None);
        var culprit = Database.Write(db => db.Execute("INSERT INTO children (parent) VALUES ('nobody')"), None);
        var after = Database.Write(db => Insert(db, "after"), None);
        var own = Database.Write(_ => Task.FromResult(Throw(new InvalidTimeZoneException())), None);
        gate.Open();

        await Should.ThrowAsync<StorageUnavailableException>(gate.Act);
        await Should.ThrowAsync<StorageUnavailableException>(before);
        await Should.ThrowAsync<StorageUnavailableException>(culprit);
        await Should.ThrowAsync<StorageUnavailableException>(after);
        await Should.ThrowAsync<InvalidTimeZoneException>(own);
        (await Count()).ShouldBe(0);
        (await Database.Write(db => Insert(db, "next"), None)).ShouldBe(1);
    }

    [Fact]
    public async Task A_transaction_that_ends_below_an_act_fails_those_who_ran_and_the_rest_go_on()
    {
        var gate = new Gate(Database);
        var ran = Database.Write(db => Insert(db, "ran"), None);
        var culprit = Database.Write(db => db.Execute("ROLLBACK"), None); // As SQLite does itself after some I/O errors.
        var waited = Database.Write(db => Insert(db, "waited"), None);
        gate.Open();

        await Should.ThrowAsync<StorageUnavailableException>(ran);
        await Should.ThrowAsync<StorageUnavailableException>(culprit);
        (await waited).ShouldBe(1);
        (await Database.Read(db => db.List<string>("SELECT id FROM things"), None)).ShouldBe(["waited"]);
    }

    [Fact]
    public async Task A_caller_who_gives_up_in_the_queue_is_dropped_and_the_others_are_not()
    {
        using var source = new CancellationTokenSource();
        var ran = false;
        var gate = new Gate(Database);
        var first = Database.Write(db => Insert(db, "first"), None);
        var dropped = Database.Write(
            db =>
            {
                ran = true;
                return Insert(db, "dropped");
            },
            source.Token);
        var last = Database.Write(db => Insert(db, "last"), None);
        await source.CancelAsync();
        gate.Open();

        (await first).ShouldBe(1);
        (await last).ShouldBe(1);
        await Should.ThrowAsync<OperationCanceledException>(dropped);
        ran.ShouldBeFalse();
        (await Count()).ShouldBe(2);
    }

    [Fact]
    public async Task No_act_is_answered_before_its_group_is_committed()
    {
        var gate = new Gate(Database);
        var first = Database.Write(db => Insert(db, "first"), None);
        var answered = await Database.Write(_ => Task.FromResult(first.IsCompleted), None).AfterOpening(gate);
        answered.ShouldBeFalse();
        (await first).ShouldBe(1);
    }

    [Fact]
    public async Task An_act_inside_an_act_is_refused_instead_of_waiting_for_ever()
    {
        await Should.ThrowAsync<InvalidOperationException>(
            () => Database.Write(_ => Database.Write(db => Insert(db, "inner"), None), None));
        await Should.ThrowAsync<InvalidOperationException>(() => Database.Write(_ => Count(), None));
        (await Count()).ShouldBe(0);
    }

    [Fact]
    public async Task A_caller_goes_on_outside_the_writers_thread()
    {
        var (writer, caller) = await Task.Run(async () =>
        {
            var thread = await Database.Write(_ => Task.FromResult(Environment.CurrentManagedThreadId), None);
            return (thread, Environment.CurrentManagedThreadId);
        });
        caller.ShouldNotBe(writer);
    }

    [Fact]
    public async Task A_full_database_is_an_outage_that_ends_when_there_is_room()
    {
        var pages = await Database.Write(db => db.Scalar<long>("PRAGMA page_count"), None);
        await Database.Write(db => db.Scalar<long>($"PRAGMA max_page_count = {pages + 2}"), None);
        var acts = Enumerable.Range(0, 100).Select(i => Database.Write(
            db => db.Execute("INSERT INTO things (tenant_id, id, n) VALUES ('t', @id, 0)", new { id = i + new string('x', 2000) }), None)).ToList();
        var landed = 0;
        foreach (var act in acts)
        {
            try
            {
                landed += await act;
            }
            catch (StorageUnavailableException)
            {
                // Full.
            }
        }

        landed.ShouldBeInRange(1, 10);
        (await Count()).ShouldBe(landed);
        await Database.Write(db => db.Scalar<long>("PRAGMA max_page_count = 100000"), None);
        (await Database.Write(db => Insert(db, "room"), None)).ShouldBe(1);
    }

    [Fact]
    public async Task A_read_only_file_is_an_outage_for_acts_and_none_for_reads()
    {
        await Database.Write(db => Insert(db, "a"), None);
        await Database.DisposeAsync();

        // A write version above 2 in the header makes SQLite take the file as read-only, whoever runs the test.
        await using (var stream = File.OpenWrite(_files.File))
        {
            stream.Position = 18;
            stream.WriteByte(3);
        }

        await using var readOnly = SqliteDatabase.Open(_files.File, NullLogger.Instance);
        await Should.ThrowAsync<StorageUnavailableException>(() => readOnly.Write(db => Insert(db, "b"), None));
        await Should.ThrowAsync<StorageUnavailableException>(() => readOnly.Write(db => Insert(db, "c"), None));
        (await readOnly.Read(db => db.Scalar<long>("SELECT count(*) FROM things"), None)).ShouldBe(1);
    }

    [Fact]
    public async Task What_is_no_database_or_has_no_directory_cannot_be_opened()
    {
        var garbage = Path.Combine(_files.Folder, "garbage.db");
        await File.WriteAllTextAsync(garbage, new string('g', 5000));
        Should.Throw<StorageUnavailableException>(() => SqliteDatabase.Open(garbage, NullLogger.Instance));
        Should.Throw<StorageUnavailableException>(
            () => SqliteDatabase.Open(Path.Combine(_files.Folder, "none", "x.db"), NullLogger.Instance));
    }

    [Fact]
    public async Task A_damaged_file_is_an_outage()
    {
        await Database.Write(
            async db =>
            {
                for (var i = 0; i < 20_000; i++)
                {
                    await Insert(db, $"{i:D8}");
                }

                return true;
            },
            None);
        await Database.DisposeAsync();
        var bytes = await File.ReadAllBytesAsync(_files.File);
        bytes.AsSpan(bytes.Length / 4 * 3).Fill(0x5A); // The rows; the schema stands at the beginning.
        await File.WriteAllBytesAsync(_files.File, bytes);

        await using var damaged = SqliteDatabase.Open(_files.File, NullLogger.Instance);
        await Should.ThrowAsync<StorageUnavailableException>(() => damaged.Write(db => Insert(db, "b"), None));
        await Should.ThrowAsync<StorageUnavailableException>(
            () => damaged.Read(db => db.Scalar<long>("SELECT sum(n) FROM things"), None));
    }

    [Fact]
    public async Task What_was_erased_is_in_neither_file_nor_log_after_a_checkpoint()
    {
        const string Marker = "MARKER-5d1f0c7e-of-a-secret";
        await Database.Write(db => Insert(db, Marker), None);
        Files().ShouldContain(Marker);
        await _files.Database.Checkpoint(None);
        Files().ShouldContain(Marker);

        await Database.Write(db => db.Execute("DELETE FROM things"), None);
        (await _files.Database.Checkpoint(None)).ShouldBeTrue();
        Files().ShouldNotContain(Marker);

        string Files() => string.Concat(Directory.GetFiles(_files.Folder).Select(f =>
        {
            using var stream = new FileStream(f, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var reader = new StreamReader(stream, Encoding.Latin1);
            return reader.ReadToEnd();
        }));
    }

    [Fact]
    public async Task A_checkpoint_that_a_read_holds_up_loses_nothing()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var read = Database.Read(
            async db =>
            {
                var before = await db.Scalar<long>("SELECT count(*) FROM things");
                begun.SetResult();
                await gate.Task;
                return before;
            },
            None);
        await begun.Task;
        try
        {
            await Database.Write(db => Insert(db, "a"), None);
            var checkpoint = _files.Database.Checkpoint(None);
            (await Database.Write(db => Insert(db, "b"), None)).ShouldBe(1);
            (await checkpoint).ShouldBeFalse();
        }
        finally
        {
            gate.SetResult();
        }

        (await read).ShouldBe(0);
        (await _files.Database.Checkpoint(None)).ShouldBeTrue();
        (await Count()).ShouldBe(2);
    }

    [Fact]
    public async Task The_file_and_its_log_are_readable_by_their_owner_alone()
    {
        await Database.Write(db => Insert(db, "a"), None);
        var files = Directory.GetFiles(_files.Folder);
        files.Length.ShouldBe(3);
        if (!OperatingSystem.IsWindows())
        {
            foreach (var file in files)
            {
                File.GetUnixFileMode(file).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite, file);
            }
        }
    }

    [Fact]
    public async Task Everything_is_there_after_a_restart_and_the_log_is_gone()
    {
        await Database.Write(db => Insert(db, "a"), None);
        await Database.DisposeAsync();
        Directory.GetFiles(_files.Folder).ShouldBe([_files.File]);
        await using var again = SqliteDatabase.Open(_files.File, NullLogger.Instance);
        (await again.Read(db => db.Scalar<long>("SELECT count(*) FROM things"), None)).ShouldBe(1);
    }
}

/// <summary>Holds the writer inside an act, so that what is queued meanwhile forms one group with it.</summary>
internal sealed class Gate
{
    private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Gate(Database database) => Act = database.Write(
        async _ =>
        {
            await _open.Task;
            return true;
        },
        CancellationToken.None);

    public Task<bool> Act { get; }

    public void Open() => _open.SetResult();
}

internal static class GateExtensions
{
    public static Task<T> AfterOpening<T>(this Task<T> queued, Gate gate)
    {
        gate.Open();
        return queued;
    }
}
