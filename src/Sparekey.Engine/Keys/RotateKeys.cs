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
public sealed class RotateKeys(Acts acts, KeyRing keys, SigningKeys signing, KeysInUse uses, TimeProvider time, IEnumerable<ISealed> rows)
{
    private const int RowsAtATime = 500;

    /// <summary>Adds a key and makes it the active one.</summary>
    /// <param name="caller">The local operator.</param>
    /// <param name="file">The key file.</param>
    /// <param name="cancellationToken">Gives up waiting for the ledger.</param>
    /// <returns>The new key's version.</returns>
    /// <exception cref="KeyRingException">The file says something impossible.</exception>
    public async Task<int> Run(Caller caller, KeyRingFile file, CancellationToken cancellationToken)
    {
        var version = file.Add(time.GetUtcNow());
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

        file.Retire(version);
        file.Reload(keys);
        await Record(caller, "retired", version, cancellationToken);
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
