using System.Security.Cryptography;
using System.Text.Json;

namespace Sparekey.Engine.Storage.Moving;

/// <summary>How far a move is.</summary>
/// <param name="Id">Which move.</param>
/// <param name="Phase">What is done at the moment.</param>
/// <param name="Table">With which table.</param>
/// <param name="After">The key of the last row that is done; null for none of the table.</param>
internal sealed record MovePoint(string Id, MovePhase Phase, string Table, IReadOnlyList<JsonElement>? After);

/// <summary>What a move does, in this order.</summary>
internal enum MovePhase
{
    /// <summary>Rows are copied.</summary>
    Copy,

    /// <summary>References within a table are filled in.</summary>
    Link,

    /// <summary>Every row is read on both sides and compared.</summary>
    Verify,
}

/// <summary>
/// What both databases note of a move, in the installation's table. From its first note on neither of the two is served: the old one is not any
/// more, the new one not yet. So no state ever has two installations that go on from it.
/// </summary>
internal static class MoveNotes
{
    /// <summary>What the names of all notes begin with. They are not moved themselves.</summary>
    public const string Prefix = "move";

    private const string To = "move.to";
    private const string From = "move.from";
    private const string Moved = "moved.from";
    private const string Done = "done";

    /// <summary>Refuses to serve a database that is being moved.</summary>
    /// <param name="db">Its first act.</param>
    /// <exception cref="MoveException">It is, or it was moved away.</exception>
    public static async Task RefuseToServe(DbSession db)
    {
        var notes = await db.List<string>("SELECT name FROM installation WHERE name IN (@to, @from)", new { to = To, from = From });
        if (notes.Count > 0)
        {
            throw new MoveException(
                notes.Contains(From, StringComparer.Ordinal)
                    ? "An installation is being moved into this database and is not all there. Run 'sparekey migrate' again; it goes on where it stopped."
                    : "This installation was moved to another database, or is being moved. Serve that one; 'sparekey migrate --cancel' takes a move back that is not done.");
        }
    }

    /// <summary>Notes in the old database that it is being moved.</summary>
    /// <param name="db">An act of the old database.</param>
    /// <returns>The move's id: that of before, if it was begun already.</returns>
    public static async Task<string> Leave(DbSession db)
    {
        if (await Find(db, To) is not { } id)
        {
            id = RandomNumberGenerator.GetHexString(32, lowercase: true);
            await Insert(db, To, id);
        }

        return id.Split(' ')[0];
    }

    /// <summary>Notes in the old database that it was moved for good.</summary>
    /// <param name="db">An act of the old database.</param>
    /// <param name="id">The move.</param>
    public static Task<int> Left(DbSession db, string id) =>
        db.Execute("UPDATE installation SET value = @value WHERE name = @name", new { name = To, value = $"{id} {Done}" });

    /// <summary>Lets the old database serve again.</summary>
    /// <param name="db">An act of the old database.</param>
    /// <exception cref="MoveException">It was moved for good: two installations would go on from one.</exception>
    public static async Task<bool> Stay(DbSession db)
    {
        if (await Find(db, To) is not { } id)
        {
            return false;
        }

        if (id.EndsWith(Done, StringComparison.Ordinal))
        {
            throw new MoveException("The move is done: the other database is the installation now. To go back to this copy would forget what happened since.");
        }

        return await db.Execute("DELETE FROM installation WHERE name = @name", new { name = To }) == 1;
    }

    /// <summary>Takes a fresh database for a move, or finds out how far the move is.</summary>
    /// <param name="db">An act of the new database.</param>
    /// <param name="tables">All tables.</param>
    /// <param name="id">The move.</param>
    /// <returns>How far it is; null when it is done.</returns>
    /// <exception cref="MoveException">The database holds something else.</exception>
    public static async Task<MovePoint?> Arrive(DbSession db, IReadOnlyList<MovedTable> tables, string id)
    {
        if (await Find(db, From) is { } going)
        {
            var point = JsonSerializer.Deserialize<MovePoint>(going)!;
            return point.Id == id ? point : throw new MoveException("The database holds a part of another move. Make a fresh one.");
        }

        if (await Find(db, Moved) == id)
        {
            return null;
        }

        foreach (var table in tables)
        {
            if ((await table.Next(db, after: null, limit: 1)).Count > 0)
            {
                throw new MoveException($"The database is in use: it has rows in {table.Name}. A move takes a fresh one.");
            }
        }

        var first = new MovePoint(id, MovePhase.Copy, tables[0].Name, After: null);
        await Insert(db, From, JsonSerializer.Serialize(first));
        return first;
    }

    /// <summary>Notes how far a move is, in the transaction that made it so.</summary>
    /// <param name="db">An act of the new database.</param>
    /// <param name="before">How far it was.</param>
    /// <param name="now">How far it is; null when it is done.</param>
    /// <exception cref="MoveException">Somebody else went on with it meanwhile.</exception>
    public static async Task Advance(DbSession db, MovePoint before, MovePoint? now)
    {
        var changed = await db.Execute(
            "UPDATE installation SET name = @next, value = @value WHERE name = @name AND value = @before",
            new
            {
                name = From,
                before = JsonSerializer.Serialize(before),
                next = now is null ? Moved : From,
                value = now is null ? before.Id : JsonSerializer.Serialize(now),
            });
        if (changed != 1)
        {
            throw new MoveException("Another process moves an installation into this database.");
        }
    }

    private static Task<string?> Find(DbSession db, string name) =>
        db.Find<string>("SELECT value FROM installation WHERE name = @name", new { name });

    private static Task<int> Insert(DbSession db, string name, string value) =>
        db.Execute("INSERT INTO installation (name, value) VALUES (@name, @value)", new { name, value });
}
