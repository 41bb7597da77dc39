using System.Buffers.Text;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Passkeys;

/// <summary>A passkey that an account has.</summary>
/// <param name="Credential">What everybody may know of it.</param>
/// <param name="Passkey">What verifies it.</param>
internal sealed record StoredPasskey(Credential Credential, Passkey Passkey);

/// <summary>The passkeys of accounts. It writes rows and nothing else.</summary>
/// <param name="credentials">Where they are kept.</param>
internal sealed class PasskeyStore(CredentialStore credentials)
{
    /// <summary>Whether an id is some account's already (WebAuthn §7.1 step 26).</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="credentialId">The id.</param>
    public async Task<bool> IsTaken(DbSession db, TenantId tenant, byte[] credentialId) =>
        await credentials.IsTaken(db, tenant, NameOf(credentialId));

    /// <summary>Binds a passkey; its id must not be taken.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose it becomes.</param>
    /// <param name="passkey">The passkey.</param>
    /// <param name="name">What the person calls it.</param>
    /// <param name="recovery">The recovery that binds it; null for none.</param>
    /// <param name="id">The credential's id, where it was said before; null for a new one.</param>
    public async Task<Credential> Add(Act act, AccountId account, Passkey passkey, string? name, RecoveryId? recovery, CredentialId? id = null)
    {
        var credential = new Credential(id ?? NewId.Make<CredentialId>(), account, CredentialKind.Passkey, act.Now)
        {
            Name = name,
            Recovery = recovery,
            ExternalId = NameOf(passkey.CredentialId),
        };
        await credentials.Add(act, credential, StoredJson.Write(passkey));
        return credential;
    }

    /// <summary>The passkey of an id; null when nobody has it.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="credentialId">The id.</param>
    public async Task<StoredPasskey?> Find(DbSession db, TenantId tenant, byte[] credentialId) =>
        await credentials.FindExternal(db, tenant, CredentialKind.Passkey, NameOf(credentialId)) is { State: CredentialState.Active } credential
        && await credentials.BodyOf(db, tenant, credential.Id) is { } body
            ? new StoredPasskey(credential, StoredJson.Read<Passkey>(body))
            : null;

    /// <summary>The passkeys of an account, oldest first.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">Whose.</param>
    /// <param name="activeOnly">Without those that rest.</param>
    public async Task<IReadOnlyList<Passkey>> List(DbSession db, TenantId tenant, AccountId account, bool activeOnly = false)
    {
        var passkeys = new List<Passkey>();
        foreach (var credential in (await credentials.List(db, tenant, account))
            .Where(c => c.Kind == CredentialKind.Passkey && (!activeOnly || c.State == CredentialState.Active)))
        {
            passkeys.Add(StoredJson.Read<Passkey>((await credentials.BodyOf(db, tenant, credential.Id))!));
        }

        return passkeys;
    }

    /// <summary>What a browser is told of an account's passkeys.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">Whose.</param>
    /// <param name="party">The relying party.</param>
    public async Task<PasskeySignal> Signal(DbSession db, TenantId tenant, AccountId account, RelyingParty party) => new(
        party.Id, Base64Url.EncodeToString(PasskeyChallenge.HandleOf(account)),
        [.. (await List(db, tenant, account)).Select(p => NameOf(p.CredentialId))]);

    /// <summary>Writes what an assertion changed, unless another one came first.</summary>
    /// <param name="act">The act.</param>
    /// <param name="before">The passkey as it was verified against.</param>
    /// <param name="after">As it is now.</param>
    /// <returns>Whether it was written: two assertions with one counter have one winner.</returns>
    public async Task<bool> MarkUsed(Act act, StoredPasskey before, Passkey after)
    {
        if (!await credentials.Rewrite(act, before.Credential.Id, before.Credential.Version, StoredJson.Write(after)))
        {
            return false;
        }

        await credentials.MarkUsed(act, before.Credential.Id);
        return true;
    }

    private static string NameOf(byte[] credentialId) => Base64Url.EncodeToString(credentialId);
}
