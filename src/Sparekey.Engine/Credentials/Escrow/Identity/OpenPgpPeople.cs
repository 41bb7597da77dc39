using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow.Identity;

/// <summary>A person who may sign in with a key.</summary>
/// <param name="Account">Who.</param>
/// <param name="Key">Their key.</param>
internal sealed record KeyHolder(Account Account, PersonKey Key);

/// <summary>Finds people who may sign in with an OpenPGP key: active accounts, and their keys.</summary>
/// <param name="accounts">The accounts.</param>
/// <param name="keys">Their keys.</param>
internal sealed class OpenPgpPeople(AccountStore accounts, PersonKeyStore keys)
{
    /// <summary>The person of an id.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">The account.</param>
    /// <returns>Null where there is none, it may not be used, or it has no key.</returns>
    public async Task<KeyHolder?> Find(DbSession db, TenantId tenant, AccountId id) =>
        await accounts.Find(db, tenant, id) is { Status: AccountStatus.Active } account && await keys.Find(db, tenant, id) is { DeletedAt: null } key
            ? new KeyHolder(account, key)
            : null;

    /// <summary>The person of a key.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="fingerprint">The key's fingerprint, as it was sent.</param>
    /// <returns>Null where nobody uses it, or its person may not sign in.</returns>
    public async Task<KeyHolder?> Find(DbSession db, TenantId tenant, string? fingerprint) =>
        PgpKeyRules.NormalFingerprint(fingerprint) is { } normal && await keys.Find(db, tenant, normal) is { DeletedAt: null } key
            ? await Find(db, tenant, key.Account)
            : null;
}
