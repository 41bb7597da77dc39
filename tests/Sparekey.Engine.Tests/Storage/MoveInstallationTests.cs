using System.Data;
using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Storage.Moving;
using Sparekey.Engine.Storage.Postgres;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Storage;

[Trait("runs", "once")]
public sealed class MoveInstallationTests : IAsyncLifetime
{
    private const int Rows = 12;
    private const int Many = 700;

    private static readonly CancellationToken None = CancellationToken.None;

    // Sorted by their bytes these stand otherwise than by UTF-16 or by a language.
    private static readonly string[] Beginnings = ["b", "A", "é", "\uff5e", "\U0001f600"];

    private readonly string _folder = Directory.CreateTempSubdirectory("sparekey-test-").FullName;
    private readonly List<string> _databases = [];
    private readonly List<Database> _open = [];
    private SqliteDatabase _old = null!;
    private PostgresDatabase _new = null!;
    private string _connection = null!;

    public async ValueTask InitializeAsync()
    {
        _old = SqliteDatabase.Open(Path.Combine(_folder, "x.db"), NullLogger.Instance);
        await new Migrator(_old.Dialect, TimeProvider.System).Apply(_old, None);
        await Fill(_old);
        (_new, _connection) = await Fresh();
    }

    public async ValueTask DisposeAsync()
    {
        await _old.DisposeAsync();
        foreach (var database in _open)
        {
            await database.DisposeAsync();
        }

        foreach (var database in _databases)
        {
            await (await PostgresServer.Shared).DropDatabase(database);
        }

        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task Every_row_of_every_table_arrives_as_it_was()
    {
        var seen = new Seen();
        var outcome = await new MoveInstallation(_old, _new).Run(seen, None);
        outcome.WasDone.ShouldBeFalse();
        outcome.Rows.ShouldBeGreaterThan(2 * Many);
        await ShouldBeWhole(_new);
        foreach (var verifies in new[] { false, true })
        {
            var reports = seen.Reports.Where(r => r.Verifies == verifies).ToList();
            reports.Select(r => r.Rows).ShouldBeInOrder(SortDirection.Ascending);
            reports[^1].Rows.ShouldBe(outcome.Rows);
            reports.ShouldAllBe(r => r.Total == outcome.Rows);
        }

        (await new MoveInstallation(_old, _new).Run(seen, None)).ShouldBe(outcome with { WasDone = true });
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Goes_on_where_it_stopped_whichever_commit_of_either_side_was_lost_or_was_kept_and_reported_lost(uint seed)
    {
        var (from, to) = (new FaultyDatabase(_old), new FaultyDatabase(_new));
        from.FailRandomly(oneIn: 3, seed);
        to.FailRandomly(oneIn: 20, seed);
        var stops = 0;
        MoveOutcome? outcome = null;
        while (outcome is null)
        {
            try
            {
                outcome = await new MoveInstallation(from, to).Run(new Seen(), None);
            }
            catch (StorageUnavailableException)
            {
                (++stops).ShouldBeLessThan(500);
            }
        }

        stops.ShouldBeGreaterThan(2);
        await ShouldBeWhole(_new);
    }

    [Fact]
    public async Task Goes_on_where_it_was_stopped_and_copies_nothing_again()
    {
        var before = -1L;
        for (var stopAfter = 40; ; stopAfter += 40)
        {
            using var stop = new CancellationTokenSource();
            var seen = new Seen(reports => reports == stopAfter ? stop : null);
            try
            {
                await new MoveInstallation(_old, _new).Run(seen, stop.Token);
                break;
            }
            catch (OperationCanceledException)
            {
                var copied = await _new.Read(db => db.Scalar<long>("SELECT COUNT(*) FROM accounts"), None);
                copied.ShouldBeGreaterThanOrEqualTo(before);
                before = copied;
            }
        }

        before.ShouldBe(Many);
        await ShouldBeWhole(_new);
    }

    [Theory]
    [InlineData("UPDATE ledger_entries SET body = '\\x00' WHERE at = (SELECT MAX(at) FROM ledger_entries)", "ledger_entries")]
    [InlineData("UPDATE accounts SET role = role || ' ' WHERE version = (SELECT MAX(version) FROM accounts)", "accounts")]
    [InlineData("UPDATE accounts SET manager_id = NULL WHERE version = (SELECT MAX(version) FROM accounts)", "accounts")]
    [InlineData("DELETE FROM throttles WHERE tries = (SELECT MIN(tries) FROM throttles)", "throttles")]
    [InlineData("INSERT INTO leases (tenant_id, name, holder, held_until) VALUES ('t1', 'zzz', 'h', 1)", "leases")]
    [InlineData("UPDATE installation SET value = 'other' WHERE name LIKE 'A%'", "installation")]
    public async Task A_row_that_is_not_the_same_is_found_and_the_new_database_is_never_served(string change, string table)
    {
        await CopyOnly();
        await (await PostgresServer.Shared).Execute(change, _connection);
        var refused = await Should.ThrowAsync<MoveException>(() => new MoveInstallation(_old, _new).Run(new Seen(), None));
        refused.Message.ShouldContain(table);
        await Should.ThrowAsync<MoveException>(() => InstallationStore.ProveKeys(_new, Ring(1), None));

        // The old installation can be served again, or moved into a fresh database.
        var (other, _) = await Fresh();
        await new MoveInstallation(_old, other).Run(new Seen(), None);
        await ShouldBeWhole(other);
    }

    [Fact]
    public async Task From_its_beginning_the_old_installation_is_not_served_and_to_its_end_the_new_one_is_not()
    {
        await InstallationStore.ProveKeys(_old, Ring(1), None);
        await CopyOnly();
        foreach (var database in new Database[] { _old, _new })
        {
            await Should.ThrowAsync<MoveException>(() => InstallationStore.ProveKeys(database, Ring(1), None));
        }

        await new MoveInstallation(_old, _new).Run(new Seen(), None);
        await InstallationStore.ProveKeys(_new, Ring(1), None);
        await Should.ThrowAsync<MoveException>(() => InstallationStore.ProveKeys(_old, Ring(1), None));
        await Should.ThrowAsync<MoveException>(() => MoveInstallation.Cancel(_old, None));
    }

    [Fact]
    public async Task A_move_that_is_not_done_can_be_taken_back_and_its_database_takes_no_other()
    {
        (await MoveInstallation.Cancel(_old, None)).ShouldBeFalse();
        await CopyOnly();
        (await MoveInstallation.Cancel(_old, None)).ShouldBeTrue();
        await InstallationStore.ProveKeys(_old, Ring(1), None);
        (await Should.ThrowAsync<MoveException>(() => new MoveInstallation(_old, _new).Run(new Seen(), None))).Message.ShouldContain("another move");
    }

    [Fact]
    public async Task A_database_that_holds_an_installation_is_left_alone()
    {
        await InstallationStore.ProveKeys(_new, Ring(2), None);
        (await Should.ThrowAsync<MoveException>(() => new MoveInstallation(_old, _new).Run(new Seen(), None))).Message.ShouldContain("in use");
        (await _new.Read(db => db.Scalar<long>("SELECT COUNT(*) FROM installation"), None)).ShouldBe(1);
    }

    [Fact]
    public async Task Of_two_processes_that_move_into_one_database_one_gives_up_and_it_is_whole()
    {
        var runs = await Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Task.Run(async () =>
        {
            try
            {
                return (await new MoveInstallation(_old, _new).Run(new Seen(), None)).Rows > 0;
            }
            catch (MoveException)
            {
                return false;
            }
        })));
        runs.ShouldContain(true);
        await ShouldBeWhole(_new);
    }

    [Fact]
    public async Task The_key_file_is_copied_for_its_owner_alone_or_must_hold_the_same_keys()
    {
        var (source, target, other) = (Path.Combine(_folder, "keyring.json"), Path.Combine(_folder, "keys"), Path.Combine(_folder, "other"));
        new KeyRingFile(source).CreateWhenMissing(DateTimeOffset.UnixEpoch);
        await Should.ThrowAsync<KeyRingException>(() => MovedKeys.Give(_old, source, target, None));
        File.Exists(target).ShouldBeFalse("keys that are not the database's are copied nowhere");

        await InstallationStore.ProveKeys(_old, new KeyRingFile(source).Load(), None);
        await MovedKeys.Give(_old, source, target, None);
        File.GetUnixFileMode(target).ShouldBe(UnixFileMode.UserRead | UnixFileMode.UserWrite);
        (await File.ReadAllBytesAsync(target)).ShouldBe(await File.ReadAllBytesAsync(source));
        await MovedKeys.Give(_old, source, target, None);

        new KeyRingFile(other).CreateWhenMissing(DateTimeOffset.UnixEpoch);
        await Should.ThrowAsync<KeyRingException>(() => MovedKeys.Give(_old, source, other, None));
    }

    private static KeyRing Ring(byte key) =>
        new(new Dictionary<int, byte[]> { [1] = [.. Enumerable.Repeat(key, 32)] }, active: 1);

    private async Task CopyOnly()
    {
        using var stop = new CancellationTokenSource();
        await Should.ThrowAsync<OperationCanceledException>(
            () => new MoveInstallation(_old, _new).Run(new Seen(verifies: stop), stop.Token));
    }

    private async Task<(PostgresDatabase Database, string Connection)> Fresh()
    {
        var connection = await PostgresTestDatabase.NewDatabase();
        _databases.Add(connection);
        var database = PostgresDatabase.Open(PostgresConnections.Parse(connection), NullLogger.Instance);
        _open.Add(database);
        return (database, connection);
    }

    // Rows of one number refer to each other through all tables, because a text is the same wherever it stands.
    private static async Task Fill(Database database)
    {
        foreach (var table in await database.Read(MovedTable.All, None))
        {
            var rows = table.Key is ["tenant_id"] || table.Name == "tenants" ? 2 : table.Name is "accounts" or "ledger_entries" ? Many : Rows;
            var names = string.Join(", ", table.Columns.Select(c => MovedTable.Quoted(c.Name)));
            var values = string.Join(", ", table.Columns.Select((_, c) => $"@c{c}"));
            var optional = (await database.Read(
                db => db.List<string>("SELECT name FROM pragma_table_info(@name) WHERE \"notnull\" = 0", new { name = table.Name }), None)).ToHashSet();
            await database.Write(
                async db =>
                {
                    for (var row = 0; row < rows; row++)
                    {
                        await db.Execute(
                            $"INSERT INTO {MovedTable.Quoted(table.Name)} ({names}) VALUES ({values})",
                            table.Columns.Select((column, c) => (column, c)).ToDictionary(p => $"c{p.c}", p => Value(table, p.column, row, rows, optional)));
                    }

                    return true;
                },
                None);

            // Nobody is their own manager: the one of a row comes later, and that of the last ones first.
            foreach (var reference in table.OwnReferences)
            {
                await database.Write(
                    async db =>
                    {
                        for (var row = 6; row < rows; row++)
                        {
                            await db.Execute(
                                $"UPDATE {MovedTable.Quoted(table.Name)} SET {reference} = @other WHERE tenant_id = @tenant AND id = @id",
                                new { tenant = Tenant(row), id = Text(row), other = Text((row + 2) % rows) });
                        }

                        return true;
                    },
                    None);
            }
        }
    }

    private static object? Value(MovedTable table, MovedColumn column, int row, int rows, HashSet<string> optional) => column.Name switch
    {
        "tenant_id" => Tenant(row),
        "id" when table.Name == "tenants" => Tenant(row),
        _ when table.OwnReferences.Contains(column.Name) => null,
        _ when row is 4 or 5 && rows > 2 && optional.Contains(column.Name) => null,
        _ => column.Type switch
        {
            DbType.String => Text(row),
            DbType.Int64 => (row * 7L) + long.MaxValue / 1000,
            _ => Enumerable.Range(0, row % 300).Select(b => (byte)b).ToArray(),
        },
    };

    private static string Tenant(int row) => row % 2 == 0 ? "t0" : "t1";

    private static string Text(int row) => string.Create(CultureInfo.InvariantCulture, $"{Beginnings[row % 5]}'{row}");

    // By other means than those that are tested: all rows of a table at once, as JSON.
    private async Task ShouldBeWhole(Database moved)
    {
        foreach (var table in (await Schema.Of(_old)).Tables.Where(t => !t.Name.StartsWith("schema_", StringComparison.Ordinal) && t.Name != "processes"))
        {
            var sql = $"SELECT * FROM {table.Name}{(table.Name == "installation" ? " WHERE name NOT LIKE 'move%'" : "")}";
            var (here, there) = (await Lines(_old, sql), await Lines(moved, sql));
            here.Count.ShouldBeGreaterThanOrEqualTo(2, table.Name);
            there.ShouldBe(here, table.Name);
        }
    }

    private static async Task<List<string>> Lines(Database database, string sql) =>
    [
        .. (await database.Read(db => db.List<object>(sql), None)).Cast<IDictionary<string, object?>>()
            .Select(r => JsonSerializer.Serialize(r.OrderBy(c => c.Key, StringComparer.Ordinal).ToDictionary())).Order(StringComparer.Ordinal),
    ];

    private sealed class Seen(Func<int, CancellationTokenSource?>? stop = null, CancellationTokenSource? verifies = null) : IProgress<MoveProgress>
    {
        public List<MoveProgress> Reports { get; } = [];

        public void Report(MoveProgress value)
        {
            Reports.Add(value);
            stop?.Invoke(Reports.Count)?.Cancel();
            if (value.Verifies)
            {
                verifies?.Cancel();
            }
        }
    }
}
