using Sparekey.Core;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>Where the server keeps keys that it answers with. Each file may be read by its owner alone.</summary>
/// <param name="Key">The organisation's private key, armored.</param>
/// <param name="Passphrase">Its passphrase; null for a key without.</param>
public sealed record EscrowKeyFiles(string Key, string? Passphrase)
{
    /// <summary>The reviewer's own private key, which signs too; null for none.</summary>
    public string? ReviewerKey { get; init; }

    /// <summary>Its passphrase; null for a key without.</summary>
    public string? ReviewerPassphrase { get; init; }

    /// <summary>Reads them. What was read is wiped where anything is wrong with one of them.</summary>
    /// <returns>The keys, to be disposed; or <see cref="RefusalCode.MeansNotAvailable"/> with the file and what is wrong with it.</returns>
    public Result<HeldEscrowKeys> Read() => Read(Key, Passphrase, ReviewerKey, ReviewerPassphrase);

    /// <summary>Reads the reviewer's key alone, for an organisation key that somebody brings.</summary>
    /// <param name="key">The reviewer's private key, armored.</param>
    /// <param name="passphrase">Its passphrase; null for a key without.</param>
    /// <returns>As <see cref="Read()"/>, without an organisation key.</returns>
    public static Result<HeldEscrowKeys> ReadReviewer(string key, string? passphrase) => Read(null, null, key, passphrase);

    /// <summary>Opens a private key.</summary>
    /// <param name="key">Its file, armored.</param>
    /// <param name="passphrase">The file of its passphrase, whose first line counts; null for a key without one.</param>
    /// <returns>The key, to be disposed.</returns>
    /// <exception cref="SecretFileException">A file cannot be read or may be read by others, or the key cannot be opened with it.</exception>
    /// <exception cref="OpenPgpUnavailableException">The library is missing.</exception>
    public static PgpSecretKey Open(string key, string? passphrase)
    {
        using var armored = SecretFile.Read(key);
        using var secret = SecretFile.Passphrase(passphrase);
        var opened = PgpSecretKey.Open(armored.Bytes, secret.Bytes);
        return opened.Refusal is { } refusal ? throw new SecretFileException($"{key}: {refusal.Detail}") : opened.Value;
    }

    private static Result<HeldEscrowKeys> Read(string? key, string? passphrase, string? reviewerKey, string? reviewerPassphrase)
    {
        var files = new List<SecretFile>(4);
        try
        {
            files.Add(key is null ? SecretFile.Passphrase(null) : SecretFile.Read(key));
            files.Add(SecretFile.Passphrase(passphrase));
            files.Add(reviewerKey is null ? SecretFile.Passphrase(null) : SecretFile.Read(reviewerKey));
            files.Add(SecretFile.Passphrase(reviewerPassphrase));
            return new Held([.. files]);
        }
        catch (SecretFileException e)
        {
            files.ForEach(f => f.Dispose());
            return new Refusal(RefusalCode.MeansNotAvailable, e.Message);
        }
    }

    private sealed class Held(SecretFile[] files) : HeldEscrowKeys
    {
        public override EscrowKeyMaterial Material => new(files[0].Memory, files[1].Memory, files[2].Memory, files[3].Memory);

        public override void Dispose() => Array.ForEach(files, f => f.Dispose());
    }
}
