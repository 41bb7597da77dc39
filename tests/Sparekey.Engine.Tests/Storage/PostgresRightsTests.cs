using System.Security.Cryptography;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Storage.Postgres;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Storage;

/// <summary>The statements of docs/operations.md, run: the role that serves owns no table.</summary>
[Trait("runs", "once")]
public sealed class PostgresRightsTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task A_role_that_owns_nothing_serves_with_the_rights_that_the_documents_give_it_and_cannot_change_the_ledger()
    {
        var text = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs", "operations.md"));
        var statements = text.Split("### Rights in the database")[1].Split("```sql")[1].Split("```")[0];
        var server = await PostgresServer.Shared;
        var connection = await PostgresTestDatabase.NewDatabase();
        var password = RandomNumberGenerator.GetHexString(32);
        await server.Execute($"{statements} ALTER ROLE sparekey_app PASSWORD '{password}'", connection);
        var served = new NpgsqlConnectionStringBuilder(connection) { Username = "sparekey_app", Password = password }.ConnectionString;
        await using (var database = PostgresDatabase.Open(PostgresConnections.Parse(served), NullLogger.Instance))
        {
            (await new Migrator(database.Dialect, TimeProvider.System).Apply(database, None)).ShouldBe(0, "there is nothing to make");
            await InstallationStore.EnsureDefaultTenant(database, TimeProvider.System, None);
            await database.Write(
                async db =>
                {
                    await db.Execute(
                        """
                        INSERT INTO ledger_entries (tenant_id, id, at, event, actor_id, body, leaf_hash)
                        VALUES ('default', 'e', 0, 'refused', 'anonymous', @body, @body)
                        """,
                        new { body = new byte[] { 1 } });
                    return await db.Execute("INSERT INTO ledger_positions (tenant_id, position, entry_id) VALUES ('default', 1, 'e')");
                },
                None);

            // PostgreSQL answers this with a warning, and gives nothing.
            await database.Write(db => db.Execute("GRANT UPDATE, DELETE ON ledger_entries TO sparekey_app"), None);
            (await database.CanChangeLedger(None)).ShouldBeFalse();
            string[] attacks =
            [
                "UPDATE ledger_entries SET event = 'x'", "DELETE FROM ledger_entries", "UPDATE ledger_positions SET position = 2", "DELETE FROM ledger_positions",
                "TRUNCATE ledger_entries", "DROP TABLE ledger_positions", "CREATE TABLE mine (x BIGINT)",
            ];
            foreach (var attack in attacks)
            {
                var refused = await Should.ThrowAsync<PostgresException>(() => database.Write(db => db.Execute(attack), None), attack);
                refused.SqlState.ShouldBe(PostgresErrorCodes.InsufficientPrivilege, attack);
            }
        }

        // The owner neither, until somebody gives the right back; then a start says so.
        await using (var owned = PostgresDatabase.Open(PostgresConnections.Parse(connection), NullLogger.Instance))
        {
            (await owned.CanChangeLedger(None)).ShouldBeFalse();
            await owned.Write(db => db.Execute("GRANT UPDATE ON ledger_entries TO CURRENT_USER"), None);
            (await owned.CanChangeLedger(None)).ShouldBeTrue();
        }

        await server.DropDatabase(connection);
        await server.Execute("DROP ROLE sparekey_app");
    }
}
