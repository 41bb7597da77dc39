using Sparekey.Core;

namespace Sparekey.Engine.Passbolt;

/// <summary>Settings of the companion: which Passbolt server it watches, as whom, and with which keys.</summary>
/// <param name="Server">The server's base URL, perhaps with a path; without a slash at its end it is the domain that escrows name.</param>
/// <param name="UserId">The id of the companion's own user there.</param>
/// <param name="UserKeyFile">The file of that user's private key, armored.</param>
/// <param name="UserPassphraseFile">The file of its passphrase.</param>
public sealed record CompanionOptions(Uri Server, Guid UserId, string UserKeyFile, string UserPassphraseFile)
{
    /// <summary>The tenant whose people use that server.</summary>
    public TenantId Tenant { get; init; } = TenantId.Default;

    /// <summary>Where the server is reached, where its own name leads elsewhere from here; null for that name.</summary>
    public Uri? Address { get; init; }

    /// <summary>The file of the organisation's recovery key, armored; null where every completion brings the key.</summary>
    public string? RecoveryKeyFile { get; init; }

    /// <summary>The file of its passphrase.</summary>
    public string? RecoveryPassphraseFile { get; init; }

    /// <summary>The file of the secret of one-time passwords, in base32; null where the user has no second factor.</summary>
    public string? TotpSecretFile { get; init; }

    /// <summary>How long it waits between two looks.</summary>
    public TimeSpan Poll { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Names that the server had before: escrows that name one of them are answered too. Compared to the letter.</summary>
    public IReadOnlyList<string> DomainAliases { get; init; } = [];

    /// <summary>The name that escrows carry: the base URL without a slash at its end.</summary>
    public string Domain => Server.AbsoluteUri.TrimEnd('/');

    /// <summary>Every name that an escrow may carry.</summary>
    public IReadOnlyList<string> Domains => [Domain, .. DomainAliases];
}
