using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Sparekey.Core;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Ceremonies;

/// <summary>A short-lived state of a protocol as it was found.</summary>
/// <typeparam name="TState">The state's type.</typeparam>
/// <param name="Account">Whose.</param>
/// <param name="Recovery">Of which recovery.</param>
/// <param name="State">The state.</param>
/// <param name="Version">Its version, for a guarded change.</param>
public sealed record Ceremony<TState>(AccountId? Account, RecoveryId? Recovery, TState State, int Version);

/// <summary>
/// Keeps short-lived protocol state: a flow, a challenge, a nonce. Its id may itself be a secret, so only a hash of it is
/// stored, and the state is sealed. It is consumed inside the act that it allows: once, or not at all.
/// </summary>
/// <param name="keys">Seals states.</param>
public sealed class CeremonyStore(KeyRing keys)
{
    private const string Table = "ceremonies";

    /// <summary>Begins a ceremony.</summary>
    /// <param name="act">The act.</param>
    /// <param name="kind">What it is, for example <c>kratos.flow</c>.</param>
    /// <param name="id">Its id, unguessable.</param>
    /// <param name="ceremony">The state; its version is not looked at.</param>
    /// <param name="expiresAt">When it ends.</param>
    public Task<int> Begin<TState>(Act act, string kind, string id, Ceremony<TState> ceremony, DateTimeOffset expiresAt) => act.Db.Execute(
        """
        INSERT INTO ceremonies (tenant_id, kind, id_hash, account_id, recovery_id, sealed, version, expires_at)
        VALUES (@tenant, @kind, @hash, @account, @recovery, @state, 1, @expires)
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            kind,
            hash = Hash(id),
            account = ceremony.Account?.ToString(),
            recovery = ceremony.Recovery?.ToString(),
            state = Seal(act.Tenant, kind, id, ceremony.State),
            expires = expiresAt.ToUnixTimeMilliseconds(),
        });

    /// <summary>
    /// Begins a ceremony whose id others choose, or that goes on under the same id: one that ended gives way, one that has not stands.
    /// </summary>
    /// <param name="act">The act.</param>
    /// <param name="kind">What it is.</param>
    /// <param name="id">Its id.</param>
    /// <param name="ceremony">The state; its version is not looked at.</param>
    /// <param name="expiresAt">When it ends.</param>
    /// <returns>Whether it began: of two with one id, one does.</returns>
    public async Task<bool> TryBegin<TState>(Act act, string kind, string id, Ceremony<TState> ceremony, DateTimeOffset expiresAt) =>
        await act.Db.Execute(
            """
            INSERT INTO ceremonies (tenant_id, kind, id_hash, account_id, recovery_id, sealed, version, expires_at)
            VALUES (@tenant, @kind, @hash, @account, @recovery, @state, 1, @expires)
            ON CONFLICT (tenant_id, kind, id_hash) DO UPDATE SET
                account_id = excluded.account_id, recovery_id = excluded.recovery_id, sealed = excluded.sealed, version = 1,
                expires_at = excluded.expires_at
            WHERE ceremonies.expires_at <= @now
            """,
            new
            {
                tenant = act.Tenant.ToString(),
                kind,
                hash = Hash(id),
                account = ceremony.Account?.ToString(),
                recovery = ceremony.Recovery?.ToString(),
                state = Seal(act.Tenant, kind, id, ceremony.State),
                expires = expiresAt.ToUnixTimeMilliseconds(),
                now = act.NowMs,
            }) == 1;

    /// <summary>Finds a ceremony that has not ended.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="kind">What it is.</param>
    /// <param name="id">Its id.</param>
    /// <param name="now">The time.</param>
    public async Task<Ceremony<TState>?> Find<TState>(DbSession db, TenantId tenant, string kind, string id, DateTimeOffset now)
    {
        var row = await db.Find<Row>(
            """
            SELECT account_id AS Account, recovery_id AS Recovery, sealed AS State, version AS Version FROM ceremonies
            WHERE tenant_id = @tenant AND kind = @kind AND id_hash = @hash AND expires_at > @now
            """,
            new { tenant = tenant.ToString(), kind, hash = Hash(id), now = now.ToUnixTimeMilliseconds() });
        return row is null
            ? null
            : new Ceremony<TState>(
                row.Account is null ? null : Ids.Parse<AccountId>(row.Account),
                row.Recovery is null ? null : Ids.Parse<RecoveryId>(row.Recovery),
                JsonSerializer.Deserialize<TState>(keys.Open(KeyPurpose.Ceremony, tenant, Table, RowName(kind, id), row.State))!,
                (int)row.Version);
    }

    /// <summary>Puts the next state in place of the one that was found.</summary>
    /// <param name="act">The act.</param>
    /// <param name="kind">What it is.</param>
    /// <param name="id">Its id.</param>
    /// <param name="found">The version that was found.</param>
    /// <param name="state">The next state.</param>
    /// <returns>False when somebody else moved it first.</returns>
    public async Task<bool> Change<TState>(Act act, string kind, string id, int found, TState state) => await act.Db.Execute(
        """
        UPDATE ceremonies SET sealed = @state, version = version + 1
        WHERE tenant_id = @tenant AND kind = @kind AND id_hash = @hash AND version = @found AND expires_at > @now
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            kind,
            hash = Hash(id),
            found,
            state = Seal(act.Tenant, kind, id, state),
            now = act.NowMs,
        }) == 1;

    /// <summary>Ends a ceremony by using it. True exactly once.</summary>
    /// <param name="act">The act that it allows.</param>
    /// <param name="kind">What it is.</param>
    /// <param name="id">Its id.</param>
    /// <param name="found">The version that was found.</param>
    public async Task<bool> Consume(Act act, string kind, string id, int found) => await act.Db.Execute(
        """
        DELETE FROM ceremonies
        WHERE tenant_id = @tenant AND kind = @kind AND id_hash = @hash AND version = @found AND expires_at > @now
        """,
        new { tenant = act.Tenant.ToString(), kind, hash = Hash(id), found, now = act.NowMs }) == 1;

    /// <summary>Ends whatever is begun for an account.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    public Task<int> EndOf(Act act, AccountId account) => act.Db.Execute(
        "DELETE FROM ceremonies WHERE tenant_id = @tenant AND account_id = @account",
        new { tenant = act.Tenant.ToString(), account = account.ToString() });

    /// <summary>Ends what is begun of one kind for an account.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <param name="kind">The kind.</param>
    public Task<int> EndOf(Act act, AccountId account, string kind) => act.Db.Execute(
        "DELETE FROM ceremonies WHERE tenant_id = @tenant AND account_id = @account AND kind = @kind",
        new { tenant = act.Tenant.ToString(), account = account.ToString(), kind });

    private byte[] Seal<TState>(TenantId tenant, string kind, string id, TState state) =>
        keys.Seal(KeyPurpose.Ceremony, tenant, Table, RowName(kind, id), JsonSerializer.SerializeToUtf8Bytes(state));

    private static string RowName(string kind, string id) => $"{kind}/{Hash(id)}";

    private static string Hash(string id) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(id)));

    private sealed record Row(string? Account, string? Recovery, byte[] State, long Version);
}
