using System.Text.Json;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Passwords;

/// <summary>An account's password as it is stored.</summary>
/// <param name="Id">The credential.</param>
/// <param name="Hash">The slow hash.</param>
/// <param name="ProvisionalUntil">Until when a password that somebody else chose signs in, only to be changed; null for the person's own.</param>
/// <param name="Version">The credential's version.</param>
public sealed record StoredPassword(CredentialId Id, string Hash, DateTimeOffset? ProvisionalUntil, int Version)
{
    /// <summary>Whether it may still sign in.</summary>
    /// <param name="now">The time.</param>
    public bool IsUsable(DateTimeOffset now) => ProvisionalUntil is null || now < ProvisionalUntil;

    /// <summary>Shows nothing of the hash.</summary>
    public override string ToString() => $"password {Id}";
}

/// <summary>
/// The one password of an account. Hashes come in ready-made: hashing takes long and an act must not wait for it. It writes
/// rows and nothing else: the use case that calls it writes the ledger and the notice in the same act.
/// </summary>
/// <param name="credentials">Where all credentials are.</param>
internal sealed class PasswordStore(CredentialStore credentials)
{
    /// <summary>How long a password that an operator chose signs in, only to be changed (ASVS 6.4.1, 6.4.6).</summary>
    public static readonly TimeSpan ProvisionalFor = TimeSpan.FromHours(24);

    /// <summary>An account's password; null when it has none.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">Whose.</param>
    public async Task<StoredPassword?> Find(DbSession db, TenantId tenant, AccountId account) =>
        (await db.Find<Row>(
            """
            SELECT id AS Id, body AS Body, provisional_until AS ProvisionalUntil, version AS Version
            FROM credentials WHERE tenant_id = @tenant AND account_id = @account AND kind = 'password'
            """,
            new { tenant = tenant.ToString(), account = account.ToString() }))?.Read();

    /// <summary>Sets the password that the person chose, in place of every former one.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <param name="hash">The new password's hash.</param>
    /// <param name="recovery">The recovery that binds it; null when the person changes it themselves.</param>
    /// <returns>The new credential.</returns>
    public Task<CredentialId> Set(Act act, AccountId account, string hash, RecoveryId? recovery) =>
        Replace(act, account, hash, recovery, null);

    /// <summary>
    /// Sets a password that somebody else chose. Only the act that creates the account may call this: for an existing account
    /// nobody chooses another's credential.
    /// </summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <param name="hash">The password's hash.</param>
    /// <returns>The new credential.</returns>
    public Task<CredentialId> SetProvisional(Act act, AccountId account, string hash) =>
        Replace(act, account, hash, null, act.Now + ProvisionalFor);

    /// <summary>Takes over the person's own password from another system, as a hash. Only with the account's creation.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <param name="hash">The hash.</param>
    /// <returns>The new credential.</returns>
    public Task<CredentialId> Import(Act act, AccountId account, string hash) => Replace(act, account, hash, null, null);

    /// <summary>Stores the same password under a stronger hash, unless the password changed since it was verified.</summary>
    /// <param name="act">The act.</param>
    /// <param name="verified">The password as it was verified.</param>
    /// <param name="hash">The stronger hash.</param>
    /// <returns>Whether it was stored.</returns>
    public Task<bool> Rehash(Act act, StoredPassword verified, string hash) =>
        credentials.Rewrite(act, verified.Id, verified.Version, BodyOf(hash));

    /// <summary>
    /// Whether the stored password still is the one that was verified outside the act. Every new password is a new
    /// credential, and a stronger hash of the same password keeps it: so the id decides, and two sign-ins that both rehash
    /// do not refuse each other.
    /// </summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <param name="verified">The password as it was verified.</param>
    public async Task<bool> StillIs(Act act, AccountId account, StoredPassword verified) =>
        await Find(act.Db, act.Tenant, account) is { } stored && stored.Id == verified.Id;

    private async Task<CredentialId> Replace(
        Act act, AccountId account, string hash, RecoveryId? recovery, DateTimeOffset? provisionalUntil)
    {
        await credentials.RevokeKind(act, account, CredentialKind.Password);
        var credential = new Credential(NewId.Make<CredentialId>(), account, CredentialKind.Password, act.Now)
        {
            Recovery = recovery,
            ProvisionalUntil = provisionalUntil,
        };
        await credentials.Add(act, credential, BodyOf(hash));
        return credential.Id;
    }

    private static string BodyOf(string hash) => JsonSerializer.Serialize(new Body(hash));

    private sealed record Body(string Hash);

    private sealed record Row(string Id, string Body, long? ProvisionalUntil, long Version)
    {
        public StoredPassword Read() => new(
            Ids.Parse<CredentialId>(Id),
            JsonSerializer.Deserialize<Body>(Body)!.Hash,
            ProvisionalUntil is { } until ? DateTimeOffset.FromUnixTimeMilliseconds(until) : null,
            (int)Version);
    }
}
