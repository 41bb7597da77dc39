using Sparekey.Core;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage.Moving;

namespace Sparekey.Engine.Storage;

/// <summary>What a database knows about the installation it belongs to: before any tenant's act, and outside of them.</summary>
public static class InstallationStore
{
    /// <summary>Whether a database, of whatever age, was ever used with a key ring; then it is worthless without it.</summary>
    /// <param name="database">The database; it may be empty.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static Task<bool> KnowsKeys(Database database, CancellationToken cancellationToken) => database.Read(
        async db => await db.Scalar<long>(db.Dialect.CountTables, new { name = "installation" }) > 0
            && await db.Scalar<long>("SELECT COUNT(*) FROM installation WHERE name LIKE 'key_check.%'") > 0,
        cancellationToken);

    /// <summary>
    /// Proves that the key ring is the one the database was written with, and notes the check value of every new version, so
    /// that a start with another file is refused.
    /// </summary>
    /// <param name="database">The database.</param>
    /// <param name="keys">The key ring.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="KeyRingException">A version of the ring is another than the database knows.</exception>
    /// <exception cref="MoveException">The installation was moved away, or is not all there yet.</exception>
    public static Task ProveKeys(Database database, KeyRing keys, CancellationToken cancellationToken) => database.Write(
        async db =>
        {
            await MoveNotes.RefuseToServe(db);
            foreach (var version in keys.Versions)
            {
                var row = new { name = $"key_check.{version}", value = keys.KeyCheckValue(version) };
                await db.Execute("INSERT INTO installation (name, value) VALUES (@name, @value) ON CONFLICT (name) DO NOTHING", row);
                if (await db.Scalar<string>("SELECT value FROM installation WHERE name = @name", row) != row.value)
                {
                    throw new KeyRingException("The key file is not the one this database was written with; restore the right one.");
                }
            }

            return true;
        },
        cancellationToken);

    /// <summary>Whether a key ring is the one that a database was written with.</summary>
    /// <param name="db">A read.</param>
    /// <param name="keys">The key ring.</param>
    internal static async Task<bool> Knows(DbSession db, KeyRing keys)
    {
        var known = (await db.List<string>("SELECT name || ' ' || value FROM installation WHERE name LIKE 'key_check.%'")).ToHashSet(StringComparer.Ordinal);
        return keys.Versions.All(version => known.Contains($"key_check.{version} {keys.KeyCheckValue(version)}"));
    }

    /// <summary>Makes the default tenant on the first start.</summary>
    /// <param name="database">The database.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static Task EnsureDefaultTenant(Database database, TimeProvider time, CancellationToken cancellationToken) => database.Write(
        db => db.Execute(
            "INSERT INTO tenants (id, created_at) VALUES (@id, @now) ON CONFLICT (id) DO NOTHING",
            new { id = TenantId.Default.ToString(), now = time.GetUtcNow().ToUnixTimeMilliseconds() }),
        cancellationToken);

    /// <summary>Reads one row, to see that storage answers.</summary>
    /// <param name="db">A reading transaction.</param>
    /// <returns>How many tenants there are.</returns>
    public static Task<long> Probe(DbSession db) => db.Scalar<long>("SELECT COUNT(*) FROM tenants");
}
