using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Keys;

/// <summary>
/// Puts a new key in force, or destroys an old one. Hashes that live long are renewed when they are next used, so a rotation
/// loses nothing; a retirement kills what still hangs on the key.
/// </summary>
/// <param name="acts">Writes the ledger.</param>
/// <param name="keys">The ring in use.</param>
/// <param name="time">The clock.</param>
public sealed class RotateKeys(Acts acts, KeyRing keys, TimeProvider time)
{
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
        await Record(caller, "activated", version, cancellationToken);
        return version;
    }

    /// <summary>Destroys a key.</summary>
    /// <param name="caller">The local operator.</param>
    /// <param name="file">The key file.</param>
    /// <param name="version">The key's version.</param>
    /// <param name="cancellationToken">Gives up waiting for the ledger.</param>
    /// <exception cref="KeyRingException">There is no such key, or it is the active one.</exception>
    public async Task Retire(Caller caller, KeyRingFile file, int version, CancellationToken cancellationToken)
    {
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
