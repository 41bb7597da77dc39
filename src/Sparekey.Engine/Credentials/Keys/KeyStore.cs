using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Keys;

/// <summary>What is kept of a key.</summary>
/// <param name="PublicKey">The public key as PEM, exactly as it was given.</param>
/// <param name="EncryptedPrivateKey">The private key as its holder encrypted it, opaque; null for none.</param>
/// <param name="Origin">The origin that it was registered for; null when that is not known.</param>
/// <param name="RpId">The relying party that it was registered for.</param>
internal sealed record KeyBody(string PublicKey, string? EncryptedPrivateKey, string? Origin, string? RpId);

/// <summary>A key with what is known of it.</summary>
/// <param name="Credential">The credential.</param>
/// <param name="Body">What verifies it.</param>
internal sealed record StoredKey(Credential Credential, KeyBody Body);

/// <summary>Keys and recovery keys.</summary>
/// <param name="credentials">Every credential.</param>
internal sealed class KeyStore(CredentialStore credentials)
{
    /// <summary>Binds a key.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">To whom.</param>
    /// <param name="kind">A key or a recovery key.</param>
    /// <param name="made">The key, verified.</param>
    /// <param name="party">The relying party that it was made for.</param>
    /// <param name="name">What the person calls it.</param>
    /// <param name="recovery">The recovery that binds it.</param>
    public async Task<Credential> Add(
        Act act, AccountId account, CredentialKind kind, NewKey made, Passkeys.RelyingParty? party, string? name, RecoveryId? recovery)
    {
        var credential = new Credential(NewId.Make<CredentialId>(), account, kind, act.Now)
        {
            Name = name,
            Recovery = recovery,
            ExternalId = made.CredentialId,
        };
        await credentials.Add(
            act, credential,
            StoredJson.Write(new KeyBody(made.PublicKey, made.EncryptedPrivateKey, party?.Origins is [var first, ..] ? first : null, party?.Id)));
        return credential;
    }

    /// <summary>An account's active key by its name outside; null when it has no such one.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">Whose.</param>
    /// <param name="kind">A key or a recovery key.</param>
    /// <param name="credentialId">Its name, compared exactly.</param>
    public async Task<StoredKey?> Find(DbSession db, TenantId tenant, AccountId account, CredentialKind kind, string credentialId) =>
        await credentials.FindExternal(db, tenant, kind, credentialId) is { State: CredentialState.Active } found && found.Account == account
            ? await Read(db, tenant, found)
            : null;

    /// <summary>An account's active keys of a kind, oldest first.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">Whose.</param>
    /// <param name="kind">Keys or recovery keys.</param>
    public async Task<IReadOnlyList<StoredKey>> List(DbSession db, TenantId tenant, AccountId account, CredentialKind kind)
    {
        var keys = new List<StoredKey>();
        foreach (var credential in (await credentials.List(db, tenant, account)).Where(c => c.Kind == kind && c.State == CredentialState.Active))
        {
            keys.Add(await Read(db, tenant, credential));
        }

        return keys;
    }

    private async Task<StoredKey> Read(DbSession db, TenantId tenant, Credential credential) =>
        new(credential, StoredJson.Read<KeyBody>((await credentials.BodyOf(db, tenant, credential.Id))!));
}
