using System.Diagnostics;
using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Tokens;

namespace Sparekey.Engine.Keys;

/// <summary>
/// Puts a new key in force, or destroys an old one. Hashes that live long are renewed when they are next used, so a rotation
/// loses nothing; a retirement kills what still hangs on the key.
/// </summary>
/// <param name="acts">Writes the ledger.</param>
/// <param name="keys">The ring in use.</param>
/// <param name="signing">Signing keys, sealed again at once.</param>
/// <param name="uses">Counts what hangs on a key.</param>
/// <param name="time">The clock.</param>
/// <param name="rows">What else is sealed for good, sealed again at once.</param>
/// <param name="others">The processes that use the installation too; null where one process alone does.</param>
public sealed class RotateKeys(
    Acts acts, KeyRing keys, SigningKeys signing, KeysInUse uses, TimeProvider time, IEnumerable<ISealed> rows, LiveProcesses? others = null)
{
    private const int RowsAtATime = 500;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// Adds a key and makes it the active one. Where several processes share the installation, that is once all of them hold it; a call that
    /// gave up waiting leaves the key in the file, and the next call goes on with it.
    /// </summary>
    /// <param name="caller">The local operator.</param>
    /// <param name="file">The key file.</param>
    /// <param name="cancellationToken">Gives up waiting for the ledger.</param>
    /// <returns>The new key's version.</returns>
    /// <exception cref="KeyRingException">The file says something impossible, or a process that lives does not hold the key.</exception>
    public async Task<int> Run(Caller caller, KeyRingFile file, CancellationToken cancellationToken)
    {
        var version = others is null ? file.Add(time.GetUtcNow()) : await Share(others, file, cancellationToken);
        file.Activate(version);
        file.Reload(keys);
        foreach (var tenant in await acts.Read(db => db.List<string>("SELECT id FROM tenants ORDER BY id"), cancellationToken))
        {
            await signing.SealAgain(TenantId.Parse(tenant), cancellationToken);
            foreach (var kind in rows)
            {
                // Many acts: if the process dies between two, the rest still opens under the old key, which is in the ring.
                SealedPlace? at = null;
                do
                {
                    var after = at;
                    at = await acts.Write(TenantId.Parse(tenant), act => kind.SealAgain(act, after, RowsAtATime), cancellationToken);
                }
                while (at is not null);
            }
        }

        await Record(caller, "activated", version, cancellationToken);
        return version;
    }

    /// <summary>Destroys a key.</summary>
    /// <param name="caller">The local operator.</param>
    /// <param name="file">The key file.</param>
    /// <param name="version">The key's version.</param>
    /// <param name="evenInUse">Whether what still hangs on the key may die with it.</param>
    /// <param name="cancellationToken">Gives up waiting for the ledger.</param>
    /// <exception cref="KeyRingException">There is no such key, it is the active one, or something still hangs on it.</exception>
    public async Task Retire(Caller caller, KeyRingFile file, int version, bool evenInUse, CancellationToken cancellationToken)
    {
        var hanging = (await uses.Count(cancellationToken)).GetValueOrDefault(version);
        if (hanging > 0 && !evenInUse)
        {
            throw new KeyRingException($"{hanging} hashes and seals still hang on key {version}; wait, or retire it with --force.");
        }

        if (others is not null && (await others.List(cancellationToken)).FirstOrDefault(p => p.ActiveKey == version) is { } user)
        {
            throw new KeyRingException($"The process {user.Name} still hashes and seals under key {version}: its key file is an older one.");
        }

        file.Retire(version);
        file.Reload(keys);
        await Record(caller, "retired", version, cancellationToken);
    }

    // Whoever dies here leaves a key that is held and not in force, which harms nothing.
    private async Task<int> Share(LiveProcesses processes, KeyRingFile file, CancellationToken cancellationToken)
    {
        file.Reload(keys);
        var version = keys.Versions[^1] > keys.ActiveVersion ? keys.Versions[^1] : file.Add(time.GetUtcNow());
        file.Reload(keys);
        await processes.Prove(cancellationToken);
        await processes.Report(cancellationToken);
        var waited = Stopwatch.StartNew();
        while (true)
        {
            var lacking = await processes.PutInForce(version, cancellationToken);
            if (lacking.Count == 0)
            {
                return version;
            }

            if (waited.Elapsed >= Patience)
            {
                throw new KeyRingException(
                    $"Key {version} is in the file and not in force yet: {string.Join(", ", lacking.Select(p => p.Name))} not having it. "
                    + "Copy the key file there, and rotate again.");
            }

            await Task.Delay(LookAgainAfter, cancellationToken);
        }
    }

    private Task<bool> Record(Caller caller, string what, int version, CancellationToken cancellationToken) => acts.Write(
        caller.Tenant,
        async act =>
        {
            await act.Record(new LedgerEntry(LedgerEvent.KeysRotated, caller.Principal)
            {
                Facts = new Dictionary<string, object?>(StringComparer.Ordinal) { ["what"] = what, ["version"] = version },
            });
            return true;
        },
        cancellationToken);
}
