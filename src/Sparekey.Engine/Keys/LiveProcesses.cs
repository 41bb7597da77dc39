using System.Globalization;
using Sparekey.Core;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Keys;

/// <summary>A process that uses a shared installation.</summary>
/// <param name="Name">Its host and number.</param>
/// <param name="KeyVersions">The keys that it holds.</param>
/// <param name="ActiveKey">The key that it hashes and seals under.</param>
public sealed record LiveProcess(string Name, IReadOnlyList<int> KeyVersions, int ActiveKey);

/// <summary>
/// Who uses a shared installation now, and which keys each holds. A key is put in force when all hold it, and who lacks the key in force does
/// not begin: so whatever one process hashes or seals, every other can verify and open.
/// </summary>
/// <param name="database">Storage.</param>
/// <param name="keys">This process's ring.</param>
/// <param name="time">The clock.</param>
public sealed class LiveProcesses(Database database, KeyRing keys, TimeProvider time)
{
    /// <summary>How long a process that says nothing counts as alive.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(15);

    private readonly string _id = NewId.Make<EntryId>().ToString();
    private readonly string _name = $"{Environment.MachineName}:{Environment.ProcessId}";

    /// <summary>Says that this process lives, and which keys it holds.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="KeyRingException">The key in force is not among them.</exception>
    public async Task Report(CancellationToken cancellationToken)
    {
        // One transaction: either this row is seen by whoever puts a key in force, or that key is seen here.
        var inForce = await database.Write(
            async db =>
            {
                await db.Execute(
                    """
                    INSERT INTO processes (id, name, seen_at, key_versions, active_key) VALUES (@id, @name, @now, @versions, @active)
                    ON CONFLICT (id) DO UPDATE SET
                        seen_at = excluded.seen_at, key_versions = excluded.key_versions, active_key = excluded.active_key
                    """,
                    new { id = _id, name = _name, now = Now, versions = string.Join(',', keys.Versions), active = (long)keys.ActiveVersion });
                await db.Execute("DELETE FROM processes WHERE seen_at <= @silent", new { silent = Now - (10 * (long)Silence.TotalMilliseconds) });
                return await InForce(db);
            },
            cancellationToken);
        if (inForce is { } version && !keys.Versions.Contains(version))
        {
            throw new KeyRingException($"The key file has no key {version}, which is in force. Put the present key file in its place.");
        }
    }

    /// <summary>Proves that the keys are the installation's, and lets no other have the number of a new one.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="KeyRingException">A version of the ring is another than the database knows.</exception>
    internal Task Prove(CancellationToken cancellationToken) => InstallationStore.ProveKeys(database, keys, cancellationToken);

    /// <summary>Says that this process ends.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    public Task Leave(CancellationToken cancellationToken) =>
        database.Write(db => db.Execute("DELETE FROM processes WHERE id = @id", new { id = _id }), cancellationToken);

    /// <summary>Who was heard of lately, this process too.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<LiveProcess>> List(CancellationToken cancellationToken) => database.Read(List, cancellationToken);

    /// <summary>Notes which key is in force from now on, if everybody holds it.</summary>
    /// <param name="version">Its version.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Who lacks it; nobody when it is in force.</returns>
    internal Task<IReadOnlyList<LiveProcess>> PutInForce(int version, CancellationToken cancellationToken) => database.Write(
        async db =>
        {
            IReadOnlyList<LiveProcess> lacking = [.. (await List(db)).Where(p => !p.KeyVersions.Contains(version))];
            if (lacking.Count == 0)
            {
                await db.Execute(
                    """
                    INSERT INTO installation (name, value) VALUES ('key_in_force', @version)
                    ON CONFLICT (name) DO UPDATE SET value = excluded.value
                    """,
                    new { version = version.ToString(CultureInfo.InvariantCulture) });
            }

            return lacking;
        },
        cancellationToken);

    private long Now => time.GetUtcNow().ToUnixTimeMilliseconds();

    private static async Task<int?> InForce(DbSession db) =>
        await db.Scalar<string>("SELECT value FROM installation WHERE name = 'key_in_force'") is { } value
            ? int.Parse(value, CultureInfo.InvariantCulture)
            : null;

    private async Task<IReadOnlyList<LiveProcess>> List(DbSession db) =>
    [
        .. (await db.List<Row>(
                "SELECT name AS Name, key_versions AS Versions, active_key AS Active FROM processes WHERE seen_at > @silent ORDER BY name",
                new { silent = Now - (long)Silence.TotalMilliseconds }))
            .Select(r => new LiveProcess(
                r.Name, [.. r.Versions.Split(',').Select(v => int.Parse(v, CultureInfo.InvariantCulture))], (int)r.Active)),
    ];

    private sealed record Row(string Name, string Versions, long Active);
}
