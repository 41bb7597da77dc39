using System.Security.Cryptography;
using Sparekey.Core;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Passbolt;

/// <summary>
/// The companion's keys, in files that only its own user may read. They are read for each use and wiped after it, so that a file that is
/// replaced counts at once and nothing lies in memory meanwhile.
/// </summary>
/// <param name="options">Where the files are; null where no companion is configured.</param>
internal sealed class CompanionKeys(CompanionOptions? options) : IEscrowKeySource
{
    private volatile Known? _known;

    /// <inheritdoc/>
    public EscrowOrigin Origin => EscrowOrigin.Companion;

    /// <inheritdoc/>
    public bool IsHeld(TenantId tenant) => options is { RecoveryKeyFile: not null } && options.Tenant == tenant;

    /// <inheritdoc/>
    public Task<Result<HeldEscrowKeys>> Read(TenantId tenant, CancellationToken cancellationToken)
    {
        if (!IsHeld(tenant))
        {
            return Task.FromResult<Result<HeldEscrowKeys>>(new Refusal(RefusalCode.MeansNotAvailable, "The organisation's key is not held here."));
        }

        var files = new EscrowKeyFiles(options!.RecoveryKeyFile!, options.RecoveryPassphraseFile)
        {
            ReviewerKey = options.UserKeyFile, ReviewerPassphrase = options.UserPassphraseFile,
        };
        return Task.FromResult(files.Read());
    }

    /// <inheritdoc/>
    public Task<Result<HeldEscrowKeys>?> ReadReviewer(TenantId tenant, CancellationToken cancellationToken) => Task.FromResult(
        options?.Tenant == tenant ? EscrowKeyFiles.ReadReviewer(options.UserKeyFile, options.UserPassphraseFile) : (Result<HeldEscrowKeys>?)null);

    /// <summary>Opens the key of the companion's own user.</summary>
    /// <exception cref="SecretFileException">A file cannot be read, or the key cannot be opened with it.</exception>
    public PgpSecretKey OpenUserKey() => EscrowKeyFiles.Open(options!.UserKeyFile, options.UserPassphraseFile);

    /// <summary>The fingerprint of the organisation's key that is held here; null where none is.</summary>
    /// <exception cref="SecretFileException">A file cannot be read, or the key cannot be opened with it.</exception>
    public string? RecoveryFingerprint()
    {
        if (options is not { RecoveryKeyFile: { } file })
        {
            return null;
        }

        // Every look asks; the key is opened once for each state of its file.
        var found = new FileInfo(file);
        var state = found.Exists ? (found.LastWriteTimeUtc, found.Length) : default;
        if (_known is { } known && known.State == state && found.Exists)
        {
            return known.Fingerprint;
        }

        using var key = EscrowKeyFiles.Open(file, options.RecoveryPassphraseFile);
        _known = new Known(state, key.Public.Fingerprint);
        return key.Public.Fingerprint;
    }

    /// <summary>The one-time password of a step; null where the user has no second factor.</summary>
    /// <param name="step">The step's number.</param>
    /// <exception cref="SecretFileException">The file cannot be read, or holds no base32.</exception>
    public string? OneTimePasswordAt(long step)
    {
        if (options is not { TotpSecretFile: { } path })
        {
            return null;
        }

        using var file = SecretFile.Read(path, firstLine: true);
        Span<byte> secret = stackalloc byte[256];
        try
        {
            return file.Bytes.Length <= secret.Length && OneTimePassword.TryRead(file.Bytes, secret, out var length)
                ? OneTimePassword.At(secret[..length], step)
                : throw new SecretFileException($"{path}: it is no secret of one-time passwords in base32.");
        }
        finally
        {
            CryptographicOperations.ZeroMemory(secret);
        }
    }

    private sealed record Known((DateTime WrittenAt, long Length) State, string Fingerprint);
}
