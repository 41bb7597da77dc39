using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Storage;

namespace Sparekey.Server.Cli;

/// <summary>A private key that lies in a file where the command runs, and that nobody but its owner may read.</summary>
internal static class KeyFile
{
    /// <summary>Opens it.</summary>
    /// <param name="key">The file, armored.</param>
    /// <param name="passphrase">The file of its passphrase, whose first line counts; null for a key without one.</param>
    /// <returns>The key; to be disposed.</returns>
    /// <exception cref="UsageException">A file cannot be read or others may read it; it is no private key, or the passphrase does not open it.</exception>
    public static PgpSecretKey Open(string key, string? passphrase)
    {
        if (OpenPgpLibrary.Missing is { } missing)
        {
            throw new UsageException(missing.Detail!);
        }

        try
        {
            return EscrowKeyFiles.Open(key, passphrase);
        }
        catch (SecretFileException e)
        {
            throw new UsageException(e.Message);
        }
    }
}
