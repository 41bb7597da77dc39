using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging.Abstractions;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Storage.Postgres;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Storage;

[Trait("runs", "once")]
public sealed class PostgresDatabaseTests : DatabaseContract
{
    private static readonly CancellationToken None = CancellationToken.None;

    private PostgresTestDatabase _files = null!;

    protected override async Task<Database> Open()
    {
        _files = await PostgresTestDatabase.Create();
        return _files.Database;
    }

    protected override ValueTask Close() => _files.DisposeAsync();

    [Fact]
    public async Task The_connections_are_set_as_the_guarantees_need()
    {
        (string Name, string Writer, string Reader)[] settings =
        [
            ("transaction_isolation", "serializable", "repeatable read"), ("transaction_read_only", "off", "on"),
            ("synchronous_commit", "on", "on"), ("enable_seqscan", "off", "off"),
        ];
        foreach (var (name, writer, reader) in settings)
        {
            (await Database.Write(db => db.Scalar<string>($"SHOW {name}"), None)).ShouldBe(writer, name);
            (await Database.Read(db => db.Scalar<string>($"SHOW {name}"), None)).ShouldBe(reader, name);
        }
    }

    [Fact]
    public async Task A_table_that_grew_is_analyzed_once_so_that_one_row_is_found_by_its_key()
    {
        await using var database = PostgresDatabase.Open(PostgresConnections.Parse(await (await PostgresServer.Shared).CreateDatabase()), NullLogger.Instance);
        await database.Write(db => db.Execute("CREATE TABLE grown (tenant_id TEXT, id TEXT, ends BIGINT, PRIMARY KEY (tenant_id, id))"), None);
        await database.Write(db => db.Execute("CREATE INDEX grown_ends ON grown (tenant_id, ends)"), None);
        await database.FollowGrowth(None);
        (await Known()).ShouldBe(-1, "nothing grew");
        (await Plan()).ShouldContain("grown_ends", customMessage: "of an empty table any index will do");

        await database.Write(db => db.Execute("INSERT INTO grown SELECT 't', 'row ' || n, n FROM generate_series(1, 1000) n"), None);
        for (var waited = Stopwatch.StartNew(); await Known() != 1000; await Task.Delay(50))
        {
            await database.FollowGrowth(None); // What a connection changed is counted within a second after it.
            waited.Elapsed.ShouldBeLessThan(TimeSpan.FromSeconds(30));
        }

        (await Plan()).ShouldContain("grown_pkey");
        await database.FollowGrowth(None);
        (await database.Read(db => db.Scalar<long>("SELECT analyze_count FROM pg_stat_user_tables WHERE relname = 'grown'"), None)).ShouldBe(1);

        Task<double> Known() => database.Read(db => db.Scalar<double>("SELECT reltuples FROM pg_class WHERE relname = 'grown'"), None);
        async Task<string> Plan() => string.Join('\n', await database.Read(
            db => db.List<string>("EXPLAIN SELECT * FROM grown WHERE tenant_id = 't' AND id = 'row 7' AND ends > 0"), None));
    }

    [Fact]
    public async Task What_two_acts_must_not_do_together_only_one_of_them_does()
    {
        // Each takes itself off duty if another stays: write skew, which snapshots alone would let through.
        await Database.Write(db => Insert(db, "a", 1), None);
        await Database.Write(db => Insert(db, "b", 1), None);
        await using var other = PostgresDatabase.Open(PostgresConnections.Parse(_files.ConnectionString), NullLogger.Instance);
        for (var round = 0; round < 20; round++)
        {
            await Task.WhenAll(Leave(Database, "a"), Leave(other, "b"));
            (await Database.Read(db => db.Scalar<long>("SELECT COUNT(*) FROM things WHERE tenant_id = 't' AND n = 1"), None)).ShouldBe(1);
            await Database.Write(db => db.Execute("UPDATE things SET n = 1 WHERE tenant_id = 't'"), None);
        }

        static Task<int> Leave(Database database, string who) => database.Write(
            async db => await db.Scalar<long>("SELECT COUNT(*) FROM things WHERE tenant_id = 't' AND n = 1") == 2
                ? await db.Execute("UPDATE things SET n = 0 WHERE tenant_id = 't' AND id = @who", new { who })
                : 0,
            None);
    }

    [Fact]
    public async Task A_thousand_acts_of_four_processes_on_one_row_all_count()
    {
        await Database.Write(db => Insert(db, "counter", 0), None);
        var processes = Enumerable.Range(0, 4)
            .Select(_ => PostgresDatabase.Open(PostgresConnections.Parse(_files.ConnectionString + ";Maximum Pool Size=8"), NullLogger.Instance)).ToList();
        await Task.WhenAll(Enumerable.Range(0, 1000).Select(i => processes[i % 4].Write(
            async db =>
            {
                var n = await db.Scalar<long>("SELECT n FROM things WHERE tenant_id = 't' AND id = 'counter'");
                return await db.Execute("UPDATE things SET n = @n WHERE tenant_id = 't' AND id = 'counter'", new { n = n + 1 });
            },
            None)));
        (await Database.Read(db => db.Scalar<long>("SELECT n FROM things WHERE id = 'counter'"), None)).ShouldBe(1000);
        foreach (var process in processes)
        {
            await process.DisposeAsync();
        }
    }

    [Fact]
    public async Task An_act_inside_an_act_is_refused_and_does_not_wait_for_ever()
    {
        await Should.ThrowAsync<InvalidOperationException>(() => Database.Write(_ => Database.Write(db => Insert(db, "a"), None), None));
        await Should.ThrowAsync<InvalidOperationException>(() => Database.Read(_ => Count(), None));
        (await Count()).ShouldBe(0);
    }

    [Fact]
    public async Task Processes_that_start_at_once_make_every_step_of_the_schema_once()
    {
        var empty = await (await PostgresServer.Shared).CreateDatabase();
        var processes = Enumerable.Range(0, 4).Select(_ => PostgresDatabase.Open(PostgresConnections.Parse(empty), NullLogger.Instance)).ToList();
        var made = await Task.WhenAll(processes.Select(p => new Migrator(p.Dialect, new FakeTimeProvider()).Apply(p, None)));
        made.Sum().ShouldBe(Migration.Of(Database.Dialect).Count);
        (await new Migrator(Database.Dialect, new FakeTimeProvider()).Apply(processes[0], None)).ShouldBe(0);
        foreach (var process in processes)
        {
            await process.DisposeAsync();
        }
    }

    [Fact]
    public async Task A_step_of_the_schema_that_fails_leaves_nothing_and_can_be_repeated()
    {
        var empty = await (await PostgresServer.Shared).CreateDatabase();
        await using var database = PostgresDatabase.Open(PostgresConnections.Parse(empty), NullLogger.Instance);
        var first = new Migration(1, "first", "CREATE TABLE a (x TEXT)");
        var broken = new Migration(2, "broken", "CREATE TABLE b (x TEXT); INSERT INTO nowhere VALUES (1);");
        await Should.ThrowAsync<Exception>(() => new Migrator([first, broken], new FakeTimeProvider()).Apply(database, None));
        (await database.Read(db => db.List<long>("SELECT number FROM schema_migrations"), None)).ShouldBeEmpty("an empty database is made whole at once");

        await new Migrator([first], new FakeTimeProvider()).Apply(database, None);
        await Should.ThrowAsync<Exception>(() => new Migrator([first, broken], new FakeTimeProvider()).Apply(database, None));
        (await database.Read(db => db.List<long>("SELECT number FROM schema_migrations"), None)).ShouldBe([1]);
        (await database.Read(db => db.Scalar<long>(db.Dialect.CountTables, new { name = "b" }), None)).ShouldBe(0);
        (await new Migrator([first, new Migration(2, "mended", "CREATE TABLE b (x TEXT)")], new FakeTimeProvider()).Apply(database, None)).ShouldBe(1);
    }

    [Theory]
    [InlineData("")]
    [InlineData("nonsense")]
    [InlineData("Host=127.0.0.1")]
    [InlineData("Database=x")]
    [InlineData("Host=127.0.0.1;Database=x;Colour=red;Password=hidden")]
    public void A_connection_string_that_is_none_is_refused_without_being_repeated(string text) =>
        Should.Throw<PostgresConnectionException>(() => PostgresConnections.Parse(text)).Message.ShouldNotContain("hidden");

    [Fact]
    public async Task Nobody_there_no_such_database_and_a_wrong_password_are_outages_that_say_so()
    {
        foreach (var wrong in new[] { "Port=1", "Database=nowhere", "Password=wrong" })
        {
            await using var database = PostgresDatabase.Open(PostgresConnections.Parse($"{_files.ConnectionString};{wrong}"), NullLogger.Instance);
            var outage = await Should.ThrowAsync<StorageUnavailableException>(() => database.Write(db => Insert(db, "a"), None), wrong);
            outage.Message.ShouldNotContain("wrong");
            await Should.ThrowAsync<StorageUnavailableException>(() => database.Read(db => db.Scalar<long>("SELECT 1"), None), wrong);
        }
    }
}

/// <summary>The server goes away in the middle of acts and comes back: what was answered stands, and nobody has to start anything again.</summary>
[Trait("runs", "once")]
public sealed class PostgresOutageTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Theory]
    [InlineData("restart")]
    [InlineData("kill")]
    public async Task What_was_answered_stands_and_acts_go_on_when_the_server_is_back(string how)
    {
        await using var server = await PostgresServer.Start(durable: true);
        await using var database = PostgresDatabase.Open(PostgresConnections.Parse(await server.CreateDatabase()), NullLogger.Instance);
        await database.Write(db => db.Execute("CREATE TABLE things (id TEXT NOT NULL PRIMARY KEY)"), None);
        var (answered, refused) = (new ConcurrentBag<string>(), 0);
        using var stop = new CancellationTokenSource();
        var load = Task.WhenAll(Enumerable.Range(0, 16).Select(async worker =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                var id = $"{worker}-{i}";
                try
                {
                    await database.Write(db => db.Execute("INSERT INTO things (id) VALUES (@id)", new { id }), None);
                    answered.Add(id);
                }
                catch (StorageUnavailableException)
                {
                    Interlocked.Increment(ref refused);
                    await Task.Delay(10, None);
                }
            }
        }));
        for (var round = 0; round < 3; round++)
        {
            await Until(answered.Count + 50);
            await (how == "kill" ? server.Kill() : server.Stop());
            await Should.ThrowAsync<StorageUnavailableException>(() => database.Read(db => db.Scalar<long>("SELECT COUNT(*) FROM things"), None));
            await server.Start();
        }

        await Until(answered.Count + 50);
        await stop.CancelAsync();
        await load;
        var stored = await database.Read(db => db.List<string>("SELECT id FROM things"), None);
        answered.Except(stored).ShouldBeEmpty("what was answered is on the disk");
        (stored.Count - answered.Count).ShouldBeLessThanOrEqualTo(refused, "what was not answered stands whole or not at all");

        async Task Until(int count)
        {
            var patience = System.Diagnostics.Stopwatch.StartNew();
            while (answered.Count < count)
            {
                patience.Elapsed.ShouldBeLessThan(TimeSpan.FromMinutes(1));
                await Task.Delay(10, None);
            }
        }
    }
}
