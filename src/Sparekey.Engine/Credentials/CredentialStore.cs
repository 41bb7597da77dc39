using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials;

/// <summary>
/// Every credential of every kind. It writes rows and nothing else: the use case that calls it writes the ledger and the
/// notice in the same act.
/// </summary>
internal sealed class CredentialStore
{
    private const string Columns =
        """
        id AS Id, account_id AS Account, kind AS Kind, name AS Name, created_at AS CreatedAt, last_used_at AS LastUsedAt,
        provisional_until AS ProvisionalUntil, recovery_id AS Recovery, external_id AS ExternalId, version AS Version, state AS State
        """;

    /// <summary>Binds a credential to its account.</summary>
    /// <param name="act">The act.</param>
    /// <param name="credential">The credential.</param>
    /// <param name="body">What verifies it, as JSON.</param>
    /// <exception cref="System.Data.Common.DbException">
    /// A unique violation: the account's second password, or an external id that another credential has.
    /// </exception>
    public Task<int> Add(Act act, Credential credential, string body) => act.Db.Execute(
        """
        INSERT INTO credentials
            (tenant_id, id, account_id, kind, name, created_at, last_used_at, provisional_until, recovery_id, external_id, version, body)
        VALUES
            (@tenant, @id, @account, @kind, @name, @created, @used, @provisional, @recovery, @external, @version, @body)
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = credential.Id.ToString(),
            account = credential.Account.ToString(),
            kind = WireName.Of(credential.Kind),
            name = credential.Name,
            created = credential.CreatedAt.ToUnixTimeMilliseconds(),
            used = credential.LastUsedAt?.ToUnixTimeMilliseconds(),
            provisional = credential.ProvisionalUntil?.ToUnixTimeMilliseconds(),
            recovery = credential.Recovery?.ToString(),
            external = credential.ExternalId,
            version = credential.Version,
            body,
        });

    /// <summary>All credentials of an account that were not revoked, oldest first.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">Whose.</param>
    public async Task<IReadOnlyList<Credential>> List(DbSession db, TenantId tenant, AccountId account) =>
        [.. (await db.List<Row>(
            $"SELECT {Columns} FROM credentials WHERE tenant_id = @tenant AND account_id = @account AND state <> 'revoked' ORDER BY created_at, id",
            new { tenant = tenant.ToString(), account = account.ToString() })).Select(r => r.Read())];

    /// <summary>One credential of an account; null when the account has no such one, or it was revoked.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">Whose.</param>
    /// <param name="id">Its id.</param>
    public async Task<Credential?> Find(DbSession db, TenantId tenant, AccountId account, CredentialId id) =>
        (await db.Find<Row>(
            $"SELECT {Columns} FROM credentials WHERE tenant_id = @tenant AND id = @id AND account_id = @account AND state <> 'revoked'",
            new { tenant = tenant.ToString(), id = id.ToString(), account = account.ToString() }))?.Read();

    /// <summary>Whether some credential has, or had, a name outside.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="externalId">The name.</param>
    public async Task<bool> IsTaken(DbSession db, TenantId tenant, string externalId) => await db.Scalar<long>(
        """
        SELECT COUNT(*) FROM credentials
        WHERE tenant_id = @tenant AND kind IN ('passkey', 'key', 'recovery_key') AND external_id = @external
        """,
        new { tenant = tenant.ToString(), external = externalId }) > 0;

    /// <summary>The credential of a kind that the outside names so; null when there is none, or it was revoked.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="kind">Its kind.</param>
    /// <param name="externalId">Its name outside.</param>
    public async Task<Credential?> FindExternal(DbSession db, TenantId tenant, CredentialKind kind, string externalId) =>
        (await db.Find<Row>(
            $"SELECT {Columns} FROM credentials WHERE tenant_id = @tenant AND kind = @kind AND external_id = @external AND state <> 'revoked'",
            new { tenant = tenant.ToString(), kind = WireName.Of(kind), external = externalId }))?.Read();

    /// <summary>What verifies a credential, as JSON; null when there is no such credential. For its own kind's code only.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">The credential.</param>
    public Task<string?> BodyOf(DbSession db, TenantId tenant, CredentialId id) => db.Scalar<string>(
        "SELECT body FROM credentials WHERE tenant_id = @tenant AND id = @id",
        new { tenant = tenant.ToString(), id = id.ToString() });

    /// <summary>Changes what verifies a credential, unless somebody else changed the credential first.</summary>
    /// <param name="act">The act.</param>
    /// <param name="id">The credential.</param>
    /// <param name="version">The version that was read.</param>
    /// <param name="body">The new body, as JSON.</param>
    /// <returns>Whether it was changed.</returns>
    public async Task<bool> Rewrite(Act act, CredentialId id, int version, string body) => await act.Db.Execute(
        """
        UPDATE credentials SET body = @body, version = version + 1
        WHERE tenant_id = @tenant AND id = @id AND version = @version
        """,
        new { tenant = act.Tenant.ToString(), id = id.ToString(), version, body }) == 1;

    /// <summary>Notes that a credential proved its owner.</summary>
    /// <param name="act">The act.</param>
    /// <param name="id">The credential.</param>
    public Task<int> MarkUsed(Act act, CredentialId id) => act.Db.Execute(
        "UPDATE credentials SET last_used_at = @now WHERE tenant_id = @tenant AND id = @id",
        new { tenant = act.Tenant.ToString(), id = id.ToString(), now = act.NowMs });

    /// <summary>Gives a credential another name for its person.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <param name="id">The credential.</param>
    /// <param name="name">The name.</param>
    /// <returns>Whether it was there.</returns>
    public async Task<bool> Rename(Act act, AccountId account, CredentialId id, string name) => await act.Db.Execute(
        """
        UPDATE credentials SET name = @name, version = version + 1
        WHERE tenant_id = @tenant AND id = @id AND account_id = @account AND state <> 'revoked'
        """,
        new { tenant = act.Tenant.ToString(), id = id.ToString(), account = account.ToString(), name }) == 1;

    /// <summary>Lets a credential rest, or work again.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <param name="id">The credential.</param>
    /// <param name="state">Active or suspended.</param>
    /// <returns>Whether that was a change.</returns>
    public async Task<bool> SetState(Act act, AccountId account, CredentialId id, CredentialState state) => await act.Db.Execute(
        """
        UPDATE credentials SET state = @state, version = version + 1
        WHERE tenant_id = @tenant AND id = @id AND account_id = @account AND state <> @state AND state <> 'revoked'
        """,
        new { tenant = act.Tenant.ToString(), id = id.ToString(), account = account.ToString(), state = WireName.Of(state) }) == 1;

    /// <summary>Lets every active credential of one kind rest.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <param name="kind">The kind.</param>
    /// <returns>How many there were.</returns>
    public Task<int> SuspendKind(Act act, AccountId account, CredentialKind kind) => act.Db.Execute(
        """
        UPDATE credentials SET state = 'suspended', version = version + 1
        WHERE tenant_id = @tenant AND account_id = @account AND kind = @kind AND state = 'active'
        """,
        new { tenant = act.Tenant.ToString(), account = account.ToString(), kind = WireName.Of(kind) });

    /// <summary>Takes one credential away for good.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <param name="id">The credential.</param>
    /// <returns>Whether it was there.</returns>
    public async Task<bool> Revoke(Act act, AccountId account, CredentialId id) =>
        await Revoke(act, "id = @id", account, id: id.ToString()) == 1;

    /// <summary>Takes every credential of one kind away for good, but for one.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <param name="kind">The kind.</param>
    /// <param name="except">The one that stays, for example the one this act bound; null for none.</param>
    /// <returns>How many there were.</returns>
    public Task<int> RevokeKind(Act act, AccountId account, CredentialKind kind, CredentialId? except = null) =>
        // No id is empty.
        Revoke(act, "kind = @kind AND id <> @id", account, kind, except?.ToString() ?? "");

    // What has a name outside leaves the name behind and nothing that verifies it; what has none leaves nothing.
    private static async Task<int> Revoke(Act act, string which, AccountId account, CredentialKind kind = default, string id = "")
    {
        var row = new { tenant = act.Tenant.ToString(), account = account.ToString(), kind = WireName.Of(kind), id };
        var gone = await act.Db.Execute(
            $"DELETE FROM credentials WHERE tenant_id = @tenant AND account_id = @account AND {which} AND external_id IS NULL", row);
        return gone + await act.Db.Execute(
            $$"""
            UPDATE credentials SET state = 'revoked', body = '{}', version = version + 1
            WHERE tenant_id = @tenant AND account_id = @account AND {{which}} AND external_id IS NOT NULL AND state <> 'revoked'
            """,
            row);
    }

    /// <summary>Unbinds everything, with the account itself.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <returns>How many there were.</returns>
    public async Task<int> DeleteAll(Act act, AccountId account)
    {
        var row = new { tenant = act.Tenant.ToString(), account = account.ToString() };
        await act.Db.Execute("DELETE FROM sign_in_refusals WHERE tenant_id = @tenant AND account_id = @account", row);
        return await act.Db.Execute("DELETE FROM credentials WHERE tenant_id = @tenant AND account_id = @account", row);
    }

    private sealed record Row(
        string Id,
        string Account,
        string Kind,
        string? Name,
        long CreatedAt,
        long? LastUsedAt,
        long? ProvisionalUntil,
        string? Recovery,
        string? ExternalId,
        long Version,
        string State)
    {
        public Credential Read() =>
            new(Ids.Parse<CredentialId>(Id), Ids.Parse<AccountId>(Account), WireName.Parse<CredentialKind>(Kind), At(CreatedAt))
            {
                Name = Name,
                LastUsedAt = LastUsedAt is { } used ? At(used) : null,
                ProvisionalUntil = ProvisionalUntil is { } until ? At(until) : null,
                Recovery = Recovery is null ? null : Ids.Parse<RecoveryId>(Recovery),
                ExternalId = ExternalId,
                Version = (int)Version,
                State = WireName.Parse<CredentialState>(State),
            };

        private static DateTimeOffset At(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms);
    }
}
