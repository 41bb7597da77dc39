using Sparekey.Engine.Keys;

namespace Sparekey.Engine.Storage.Moving;

/// <summary>The key ring goes with an installation, into the file that every host of the new one is given.</summary>
public static class MovedKeys
{
    /// <summary>Copies the key file, with mode 0600, or finds that a file which is there holds the same keys.</summary>
    /// <param name="from">The old installation's database.</param>
    /// <param name="keyFile">Its key file.</param>
    /// <param name="target">The new installation's key file.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="KeyRingException">The old key file is not the database's, or the new one holds other keys.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public static async Task Give(Database from, string keyFile, string target, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(from);
        var ring = new KeyRingFile(keyFile).Load();
        if (!await from.Read(db => InstallationStore.Knows(db, ring), cancellationToken))
        {
            throw new KeyRingException($"The key file {keyFile} is not the one its database was written with; restore the right one.");
        }

        if (!File.Exists(target))
        {
            PrivateFile.Replace(target, await File.ReadAllBytesAsync(keyFile, cancellationToken));
        }

        var given = new KeyRingFile(target).Load();
        if (!given.Versions.Order().SequenceEqual(ring.Versions.Order()) || given.ActiveVersion != ring.ActiveVersion
            || ring.Versions.Any(v => given.KeyCheckValue(v) != ring.KeyCheckValue(v)))
        {
            throw new KeyRingException($"The key file {target} holds other keys than {keyFile}; move it away, or name another file.");
        }
    }
}
