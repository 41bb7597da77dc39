using Sparekey.Core;

namespace Sparekey.Engine.Credentials;

/// <summary>What a person calls a credential, for who just proved it.</summary>
public sealed class CredentialNamesOf
{
    private readonly Acts _acts;
    private readonly CredentialStore _credentials;

    internal CredentialNamesOf(Acts acts, CredentialStore credentials) => (_acts, _credentials) = (acts, credentials);

    /// <summary>Reads it.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">Whose.</param>
    /// <param name="credential">Which.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The name; null when it has none.</returns>
    public Task<string?> Run(TenantId tenant, AccountId account, CredentialId credential, CancellationToken cancellationToken) =>
        _acts.Read(async db => (await _credentials.Find(db, tenant, account, credential))?.Name, cancellationToken);
}
