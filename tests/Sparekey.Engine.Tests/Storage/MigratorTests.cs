using Microsoft.Extensions.Logging.Abstractions;
using Sparekey.Engine.Storage;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Storage;

[Trait("runs", "once")]
public sealed class MigratorTests : IAsyncLifetime
{
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly Migration First = new(1, "first", "CREATE TABLE a (x TEXT); CREATE TRIGGER t BEFORE DELETE ON a BEGIN SELECT RAISE(ABORT, 'no; never'); END;");
    private static readonly Migration Second = new(7, "second", "INSERT INTO a VALUES ('from second');");

    private readonly FakeTimeProvider _time = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("sparekey-test-").FullName;
    private SqliteDatabase _database = null!;

    public ValueTask InitializeAsync()
    {
        _database = SqliteDatabase.Open(Path.Combine(_folder, "x.db"), NullLogger.Instance);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _database.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task The_programs_own_migrations_apply_once_and_give_a_sound_schema()
    {
        var migrator = new Migrator(_database.Dialect, _time);
        (await migrator.Apply(_database, None)).ShouldBeGreaterThanOrEqualTo(2);
        (await migrator.Apply(_database, None)).ShouldBe(0);
        (await _database.Write(db => db.List<object>("PRAGMA foreign_key_check"), None)).ShouldBeEmpty();

        var tables = await _database.Read(
            db => db.List<string>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"), None);
        tables.ShouldContain("tenants");
        tables.ShouldContain("outbox");
    }

    [Fact]
    public async Task Applies_in_the_order_of_the_numbers_and_records_when()
    {
        await new Migrator([Second, First], _time).Apply(_database, None);
        (await _database.Read(db => db.Scalar<string>("SELECT x FROM a"), None)).ShouldBe("from second");
        var rows = await _database.Read(
            db => db.List<string>("SELECT number || ' ' || name || ' ' || applied_at FROM schema_migrations ORDER BY number"), None);
        var now = _time.GetUtcNow().ToUnixTimeMilliseconds();
        rows.ShouldBe([$"1 first {now}", $"7 second {now}"]);
    }

    [Fact]
    public async Task Applies_only_what_is_missing_also_in_a_gap()
    {
        await new Migrator([First, Second], _time).Apply(_database, None);
        var between = new Migration(3, "between", "CREATE TABLE b (x TEXT)");
        (await new Migrator([First, between, Second], _time).Apply(_database, None)).ShouldBe(1);
        (await _database.Read(db => db.Scalar<long>("SELECT count(*) FROM a"), None)).ShouldBe(1);
    }

    [Fact]
    public async Task Refuses_a_migration_that_was_edited_after_it_was_applied()
    {
        await new Migrator([First], _time).Apply(_database, None);
        var edited = First with { };
        edited = new Migration(edited.Number, edited.Name, edited.Sql + " ");
        var refused = await Should.ThrowAsync<MigrationException>(() => new Migrator([edited, Second], _time).Apply(_database, None));
        refused.Message.ShouldContain("first");
        (await _database.Read(db => db.Scalar<long>("SELECT count(*) FROM a"), None)).ShouldBe(0, "nothing of Second was applied");
    }

    [Fact]
    public async Task Refuses_a_database_that_a_newer_program_used()
    {
        await new Migrator([First, Second], _time).Apply(_database, None);
        var refused = await Should.ThrowAsync<MigrationException>(() => new Migrator([First], _time).Apply(_database, None));
        refused.Message.ShouldContain("newer");
    }

    [Fact]
    public void Refuses_a_program_with_two_migrations_of_one_number() => Should.Throw<MigrationException>(
        () => new Migrator([First, Second, new Migration(7, "other", "SELECT 1")], _time)).Message.ShouldContain("7");

    [Fact]
    public async Task A_migration_that_fails_half_way_leaves_nothing_and_can_be_repeated()
    {
        var broken = new Migration(2, "broken", "CREATE TABLE b (x TEXT); INSERT INTO nowhere VALUES (1);");
        await Should.ThrowAsync<Exception>(() => new Migrator([First, broken, Second], _time).Apply(_database, None));
        (await _database.Read(db => db.List<long>("SELECT number FROM schema_migrations"), None)).ShouldBeEmpty("an empty database is made whole at once");

        await new Migrator([First], _time).Apply(_database, None);
        await Should.ThrowAsync<Exception>(() => new Migrator([First, broken, Second], _time).Apply(_database, None));
        (await _database.Read(db => db.List<long>("SELECT number FROM schema_migrations"), None)).ShouldBe([1]);
        (await _database.Read(db => db.Scalar<long>("SELECT count(*) FROM sqlite_master WHERE name = 'b'"), None)).ShouldBe(0);

        var mended = new Migration(2, "mended", "CREATE TABLE b (x TEXT);");
        (await new Migrator([First, mended, Second], _time).Apply(_database, None)).ShouldBe(2);
    }

    [Fact]
    public async Task A_commit_lost_or_kept_during_migration_is_made_good_by_the_next_start()
    {
        foreach (var fault in new[] { Fault.Lost, Fault.Kept })
        {
            for (var n = 1; n <= 2; n++)
            {
                await using var fresh = SqliteDatabase.Open(Path.Combine(_folder, $"{fault}{n}.db"), NullLogger.Instance);
                var faulty = new FaultyDatabase(fresh);
                faulty.FailNth(n, fault);
                await Should.ThrowAsync<StorageUnavailableException>(() => new Migrator([First, Second], _time).Apply(faulty, None));
                await new Migrator([First, Second], _time).Apply(faulty, None);
                (await fresh.Read(db => db.Scalar<long>("SELECT count(*) FROM a"), None)).ShouldBe(1);

                var (third, fourth) = (new Migration(8, "third", "INSERT INTO a VALUES ('third')"), new Migration(9, "fourth", "INSERT INTO a VALUES ('fourth')"));
                faulty.FailNth(n, fault);
                await Should.ThrowAsync<StorageUnavailableException>(() => new Migrator([First, Second, third, fourth], _time).Apply(faulty, None));
                await new Migrator([First, Second, third, fourth], _time).Apply(faulty, None);
                (await fresh.Read(db => db.Scalar<long>("SELECT count(*) FROM a"), None)).ShouldBe(3);
            }
        }
    }

    [Fact]
    public async Task Entries_that_waited_for_a_position_before_the_queue_was_rebuilt_keep_their_order()
    {
        var all = Migration.Of(_database.Dialect);
        await new Migrator([.. all.Where(m => m.Number < 32)], _time).Apply(_database, None);
        await _database.Write(
            db => db.Execute("INSERT INTO ledger_queue (tenant_id, entry_id) VALUES ('t', 'z'), ('t', 'a'), ('u', 'z'), ('t', 'm')"), None);
        await new Migrator(all, _time).Apply(_database, None);
        (await _database.Read(db => db.List<string>("SELECT tenant_id || entry_id FROM ledger_queue ORDER BY seq"), None))
            .ShouldBe(["tz", "ta", "uz", "tm"]);
    }
}
