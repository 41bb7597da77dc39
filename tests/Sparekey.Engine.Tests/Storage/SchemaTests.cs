using Microsoft.Extensions.Logging.Abstractions;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Storage.Postgres;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Storage;

/// <summary>Both engines, each with the program's schema.</summary>
[Trait("runs", "once")]
public sealed class BothEngines : IAsyncLifetime
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sparekey-test-").FullName;
    private string _connection = null!;

    internal SqliteDatabase Sqlite { get; private set; } = null!;

    internal PostgresDatabase Postgres { get; private set; } = null!;

    internal Database[] All => [Sqlite, Postgres];

    public async ValueTask InitializeAsync()
    {
        Sqlite = SqliteDatabase.Open(Path.Combine(_folder, "x.db"), NullLogger.Instance);
        _connection = await (await PostgresServer.Shared).CreateDatabase();
        Postgres = PostgresDatabase.Open(PostgresConnections.Parse(_connection), NullLogger.Instance);
        foreach (var database in All)
        {
            await new Migrator(database.Dialect, new FakeTimeProvider()).Apply(database, CancellationToken.None);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Sqlite.DisposeAsync();
        await Postgres.DisposeAsync();
        await (await PostgresServer.Shared).DropDatabase(_connection);
        Directory.Delete(_folder, recursive: true);
    }
}

/// <summary>
/// The schema suits a database that is spread over machines by tenant: nothing reaches over a tenant's edge, and nothing is shared by all of them
/// but a few small tables of the installation. Both engines have the same one.
/// </summary>
public sealed class SchemaTests(BothEngines engines) : IClassFixture<BothEngines>
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task Both_engines_have_the_same_tables_columns_keys_and_indexes()
    {
        var (sqlite, postgres) = (await Schema.Of(engines.Sqlite), await Schema.Of(engines.Postgres));
        sqlite.Tables.Count.ShouldBeGreaterThan(60);
        postgres.Tables.Select(t => t.Name).ShouldBe(sqlite.Tables.Select(t => t.Name));
        foreach (var (here, there) in sqlite.Tables.Zip(postgres.Tables))
        {
            there.Columns.ShouldBe(here.Columns, here.Name);
            there.Indexes.ShouldBe(here.Indexes, here.Name);

            // PostgreSQL's check of a foreign key takes the right to UPDATE, which nobody has on the ledger, and locks the row that it finds:
            // where every recovery writes, that would be the tenant's.
            there.ForeignKeys.ShouldBe(
                here.Name switch
                {
                    "ledger_positions" => [],
                    "recoveries" or "ledger_entries" or "outbox" => [.. here.ForeignKeys.Where(k => k.Target != "tenants")],
                    _ => here.ForeignKeys,
                },
                here.Name);
        }
    }

    [Fact]
    public async Task The_tenant_leads_every_primary_key_and_every_unique_index()
    {
        foreach (var schema in await Schemas())
        {
            foreach (var table in schema.OfTenants)
            {
                table.Columns.ShouldContain(c => c.Name == "tenant_id" && !c.MayBeNull, table.Name);
                table.Indexes.ShouldContain(i => i.IsPrimary, table.Name);
                table.Indexes.Where(i => i.IsUnique).ShouldAllBe(i => i.Columns[0] == "tenant_id", table.Name);
            }
        }
    }

    [Fact]
    public async Task No_index_of_a_tenants_table_begins_with_anything_but_the_tenant()
    {
        foreach (var schema in await Schemas())
        {
            schema.OfTenants.SelectMany(t => t.Indexes).ShouldAllBe(i => i.Columns[0] == "tenant_id");
        }
    }

    [Fact]
    public async Task No_foreign_key_crosses_tenants()
    {
        foreach (var schema in await Schemas())
        {
            var keys = schema.OfTenants.SelectMany(t => t.ForeignKeys).ToList();
            keys.Count.ShouldBeGreaterThan(60);
            foreach (var key in keys)
            {
                var at = key.Columns.ToList().IndexOf("tenant_id");
                at.ShouldBeGreaterThanOrEqualTo(0, key.ToString());
                key.TargetColumns[at].ShouldBe(key.Target == "tenants" ? "id" : "tenant_id", key.ToString());
            }
        }
    }

    [Fact]
    public async Task Tables_without_a_tenant_are_the_few_of_the_installation()
    {
        foreach (var schema in await Schemas())
        {
            schema.Tables.Where(t => t.Columns.All(c => c.Name != "tenant_id")).Select(t => t.Name)
                .ShouldBe(Schema.OfInstallation.Keys.Where(t => t != "tenant_hosts").Order(StringComparer.Ordinal));
        }
    }

    [Fact]
    public async Task No_sequence_counts_for_all_tenants()
    {
        (await engines.Postgres.Read(
            db => db.Scalar<long>("SELECT COUNT(*) FROM pg_class c WHERE c.relkind = 'S' AND c.relnamespace = current_schema()::regnamespace"), None)).ShouldBe(0);
        (await engines.Postgres.Read(
            db => db.Scalar<long>(
                """
                SELECT COUNT(*) FROM information_schema.columns
                WHERE table_schema = current_schema() AND (is_identity = 'YES' OR column_default LIKE 'nextval%')
                """),
            None)).ShouldBe(0);

        // SQLite keeps what AUTOINCREMENT counted in a table of its own, which stays when the last such table goes.
        (await engines.Sqlite.Read(db => db.Scalar<long>("SELECT COUNT(*) FROM sqlite_master WHERE sql LIKE '%AUTOINCREMENT%'"), None)).ShouldBe(0);
    }

    [Fact]
    public async Task PostgreSQL_sorts_every_text_by_its_bytes_as_SQLite_does_and_has_no_trigger_of_its_own()
    {
        (await engines.Postgres.Read(
            db => db.List<string>(
                """
                SELECT table_name || '.' || column_name FROM information_schema.columns
                WHERE table_schema = current_schema() AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'
                    AND table_name NOT IN ('schema_migrations', 'schema_turn')
                """),
            None)).ShouldBeEmpty();
        (await engines.Postgres.Read(db => db.Scalar<long>("SELECT COUNT(*) FROM pg_trigger WHERE NOT tgisinternal"), None)).ShouldBe(0);
    }

    [Fact]
    public async Task The_ledger_refuses_what_would_change_it_on_both_engines()
    {
        string[] attacks =
        [
            "UPDATE ledger_entries SET event = 'x'", "UPDATE ledger_positions SET position = 2", "DELETE FROM ledger_entries", "DELETE FROM ledger_positions",
        ];
        foreach (var database in engines.All)
        {
            await database.Write(
                async db =>
                {
                    await db.Execute("INSERT INTO tenants (id, created_at) VALUES ('t', 0)");
                    await db.Execute(
                        """
                        INSERT INTO ledger_entries (tenant_id, id, at, event, actor_id, body, leaf_hash)
                        VALUES ('t', 'e', 0, 'refused', 'anonymous', @body, @body)
                        """,
                        new { body = new byte[] { 1 } });
                    return await db.Execute("INSERT INTO ledger_positions (tenant_id, position, entry_id) VALUES ('t', 1, 'e')");
                },
                None);
            foreach (var attack in attacks)
            {
                var refused = await Should.ThrowAsync<Exception>(() => database.Write(db => db.Execute(attack), None), attack);
                refused.Message.ShouldContain(database is SqliteDatabase ? "append-only" : "permission denied", customMessage: attack);
            }
        }
    }

    [Fact]
    public async Task PostgreSQL_lets_nobody_empty_the_ledger_at_once_either()
    {
        foreach (var table in new[] { "ledger_entries", "ledger_positions" })
        {
            (await Should.ThrowAsync<Exception>(() => engines.Postgres.Write(db => db.Execute($"TRUNCATE {table}"), None))).Message
                .ShouldContain("permission denied");
        }
    }

    private async Task<Schema[]> Schemas() => [await Schema.Of(engines.Sqlite), await Schema.Of(engines.Postgres)];
}
