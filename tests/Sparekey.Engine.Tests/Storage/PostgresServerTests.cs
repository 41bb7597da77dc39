using Npgsql;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Storage;

[Trait("runs", "once")]
public sealed class PostgresServerTests
{
    [Fact]
    public async Task Databases_are_apart_and_belong_to_a_role_that_is_no_superuser()
    {
        var server = await PostgresServer.Shared;
        var (first, second) = (await server.CreateDatabase(), await server.CreateDatabase());
        await Do(first, "CREATE TABLE a (x TEXT)");
        (await Ask(second, "SELECT count(*) FROM pg_tables WHERE tablename = 'a'")).ShouldBe(0L);
        (await Ask(first, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user")).ShouldBe(false);
        await server.DropDatabase(first);
        await Should.ThrowAsync<NpgsqlException>(() => Ask(first, "SELECT 1"));
        await server.DropDatabase(second);
    }

    [Fact]
    public async Task A_database_can_be_a_copy_of_another()
    {
        var server = await PostgresServer.Shared;
        var template = await server.CreateDatabase();
        await Do(template, "CREATE TABLE a (x BIGINT); INSERT INTO a VALUES (7)");
        var copy = await server.CreateDatabase(template);
        (await Ask(copy, "SELECT x FROM a")).ShouldBe(7L);
        (await Ask(server.OverSocket(copy), "SELECT x FROM a")).ShouldBe(7L);
        await server.DropDatabase(template);
        await server.DropDatabase(copy);
    }

    [Fact]
    public async Task What_was_committed_survives_a_restart_and_a_death_and_nothing_of_the_server_survives_its_end()
    {
        var server = await PostgresServer.Start(durable: true, "work_mem = 5MB");
        var database = await server.CreateDatabase();
        await Do(database, "CREATE TABLE a (x BIGINT); INSERT INTO a VALUES (1)");
        var port = server.Port;
        await server.Restart();
        await Do(database, "INSERT INTO a VALUES (2)");
        await server.Kill();
        await Should.ThrowAsync<NpgsqlException>(() => Ask(database, "SELECT 1"));
        await server.Start();
        server.Port.ShouldBe(port);
        (await Ask(database, "SELECT count(*) FROM a")).ShouldBe(2L);
        (await Ask(database, "SELECT current_setting('fsync') || current_setting('work_mem')")).ShouldBe("on5MB");
        server.Log.ShouldContain("automatic recovery");

        await server.DisposeAsync();
        Directory.Exists(server.Folder).ShouldBeFalse();
        await Should.ThrowAsync<NpgsqlException>(() => Ask(database, "SELECT 1"));
    }

    private static async Task Do(string database, string sql) => await Ask(database, sql);

    private static async Task<object?> Ask(string database, string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(database) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }
}
