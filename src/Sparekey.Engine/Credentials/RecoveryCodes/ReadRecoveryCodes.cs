using Sparekey.Core;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Credentials.RecoveryCodes;

/// <summary>How a person's saved recovery codes stand. No code is in it.</summary>
/// <param name="Id">The credential that the set is; null when the person has none.</param>
/// <param name="Left">How many can still be used.</param>
/// <param name="MadeAt">When the set was made.</param>
/// <param name="LastUsedAt">When one of it last recovered the account; null for never.</param>
public sealed record RecoveryCodesStatus(CredentialId? Id, int Left, DateTimeOffset? MadeAt, DateTimeOffset? LastUsedAt);

/// <summary>Tells a signed-in person how many of their saved recovery codes are left.</summary>
public sealed class ReadRecoveryCodes
{
    private readonly Acts _acts;
    private readonly CredentialStore _credentials;
    private readonly RecoveryCodeStore _codes;

    internal ReadRecoveryCodes(Acts acts, CredentialStore credentials, RecoveryCodeStore codes) =>
        (_acts, _credentials, _codes) = (acts, credentials, codes);

    /// <summary>Reads.</summary>
    /// <param name="caller">The person.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<RecoveryCodesStatus> Run(SessionCaller caller, CancellationToken cancellationToken) => _acts.Read(
        async db => await _codes.Find(db, caller.Tenant, caller.Session.Account) is { } set
            && await _credentials.Find(db, caller.Tenant, caller.Session.Account, set.Credential) is { } credential
                ? new RecoveryCodesStatus(credential.Id, set.Left, credential.CreatedAt, credential.LastUsedAt)
                : new RecoveryCodesStatus(null, 0, null, null),
        cancellationToken);
}
