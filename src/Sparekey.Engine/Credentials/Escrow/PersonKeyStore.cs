using Sparekey.Core;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>People's OpenPGP keys.</summary>
internal sealed class PersonKeyStore
{
    private const string Columns =
        """
        id AS Id, account_id AS Account, fingerprint AS Fingerprint, armored AS Armored, algorithm AS Algorithm, bits AS Bits,
        user_name AS UserName, made_at AS MadeAt, expires_at AS ExpiresAt, created_at AS CreatedAt, modified_at AS ModifiedAt,
        deleted_at AS DeletedAt
        """;

    /// <summary>The key an account uses.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">Whose.</param>
    public async Task<PersonKey?> Find(DbSession db, TenantId tenant, AccountId account) => (await db.Find<Row>(
        $"SELECT {Columns} FROM openpgp_keys WHERE tenant_id = @tenant AND account_id = @account AND deleted_at IS NULL",
        new { tenant = tenant.ToString(), account = account.ToString() }))?.Read();

    /// <summary>The key of a fingerprint, in use or not.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="fingerprint">40 upper-case hexadecimal digits.</param>
    public async Task<PersonKey?> Find(DbSession db, TenantId tenant, string fingerprint) => (await db.Find<Row>(
        $"SELECT {Columns} FROM openpgp_keys WHERE tenant_id = @tenant AND fingerprint = @fingerprint",
        new { tenant = tenant.ToString(), fingerprint }))?.Read();

    /// <summary>A key by its id, in use or not.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">Its id.</param>
    public async Task<PersonKey?> Find(DbSession db, TenantId tenant, PersonKeyId id) => (await db.Find<Row>(
        $"SELECT {Columns} FROM openpgp_keys WHERE tenant_id = @tenant AND id = @id", new { tenant = tenant.ToString(), id = id.ToString() }))?.Read();

    /// <summary>The keys in use of the accounts whose ids a query finds.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="ids">A query of one column <c>id</c>.</param>
    /// <param name="parameters">Its parameters, <c>tenant</c> among them.</param>
    public async Task<IReadOnlyDictionary<AccountId, PersonKey>> Of(DbSession db, string ids, object parameters) =>
        (await db.List<Row>(
            $"SELECT {Columns.Replace("id AS Id", "openpgp_keys.id AS Id", StringComparison.Ordinal)} FROM openpgp_keys JOIN ({ids}) q ON q.id = account_id WHERE tenant_id = @tenant AND deleted_at IS NULL",
            parameters)).Select(r => r.Read()).ToDictionary(k => k.Account);

    /// <summary>A page of keys by modification, oldest first, and how many there are in all.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="filter">Which ones.</param>
    public async Task<(IReadOnlyList<PersonKey> Items, int Count)> List(DbSession db, TenantId tenant, PersonKeyFilter filter)
    {
        var parameters = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["tenant"] = tenant.ToString(), ["after"] = filter.ModifiedAfter?.ToUnixTimeMilliseconds(), ["limit"] = filter.Limit, ["offset"] = filter.Offset,
        };
        var where = "tenant_id = @tenant AND " + (filter.ModifiedAfter is null ? "deleted_at IS NULL" : "modified_at > @after")
            + (filter.Accounts is null ? "" : " AND account_id IN " + NamedList.Of(parameters, filter.Accounts));
        return (
            [.. (await db.List<Row>(
                $"SELECT {Columns} FROM openpgp_keys WHERE {where} ORDER BY modified_at, id LIMIT @limit OFFSET @offset", parameters)).Select(r => r.Read())],
            (int)await db.Scalar<long>($"SELECT COUNT(*) FROM openpgp_keys WHERE {where}", parameters));
    }

    /// <summary>Gives an account a key within an act, in place of the one it has. The ledger is the caller's.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <param name="key">The key.</param>
    /// <returns>The key; or <see cref="RefusalCode.CredentialTaken"/> where it is or was somebody else's, or the organisation's.</returns>
    public async Task<Result<PersonKey>> Put(Act act, AccountId account, PgpKey key)
    {
        var row = new { tenant = act.Tenant.ToString(), account = account.ToString(), fingerprint = key.Fingerprint, now = act.NowMs };
        if (await act.Db.Scalar<long>(
                """
                SELECT (SELECT COUNT(*) FROM openpgp_keys WHERE tenant_id = @tenant AND fingerprint = @fingerprint AND account_id <> @account)
                    + (SELECT COUNT(*) FROM escrow_keys WHERE tenant_id = @tenant AND fingerprint = @fingerprint)
                """,
                row) > 0)
        {
            return RefusalCode.CredentialTaken;
        }

        await act.Db.Execute(
            """
            UPDATE openpgp_keys SET deleted_at = @now, modified_at = @now
            WHERE tenant_id = @tenant AND account_id = @account AND deleted_at IS NULL AND fingerprint <> @fingerprint
            """,
            row);
        await act.Db.Execute(
            """
            INSERT INTO openpgp_keys
                (tenant_id, id, account_id, fingerprint, armored, algorithm, bits, user_name, made_at, expires_at, created_at, modified_at)
            VALUES (@tenant, @id, @account, @fingerprint, @armored, @algorithm, @bits, @userName, @madeAt, @expiresAt, @now, @now)
            ON CONFLICT (tenant_id, fingerprint) DO UPDATE SET
                armored = excluded.armored, user_name = excluded.user_name, expires_at = excluded.expires_at, modified_at = excluded.modified_at,
                deleted_at = NULL
            WHERE openpgp_keys.account_id = excluded.account_id
            """,
            new
            {
                row.tenant, id = NewId.Make<PersonKeyId>().ToString(), row.account, row.fingerprint, armored = key.Armored,
                algorithm = WireName.Of(key.Algorithm), bits = key.Bits, userName = key.UserIds.FirstOrDefault() ?? "",
                madeAt = key.CreatedAt.ToUnixTimeMilliseconds(), expiresAt = key.ExpiresAt?.ToUnixTimeMilliseconds(), row.now,
            });
        return (await Find(act.Db, act.Tenant, account))!;
    }

    /// <summary>Deletes every key of an account, with the account.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    public Task<int> DeleteAll(Act act, AccountId account) => act.Db.Execute(
        "DELETE FROM openpgp_keys WHERE tenant_id = @tenant AND account_id = @account",
        new { tenant = act.Tenant.ToString(), account = account.ToString() });

    private sealed record Row(
        string Id, string Account, string Fingerprint, string Armored, string Algorithm, long Bits, string UserName, long MadeAt, long? ExpiresAt,
        long CreatedAt, long ModifiedAt, long? DeletedAt)
    {
        public PersonKey Read() => new(
            Ids.Parse<PersonKeyId>(Id), Ids.Parse<AccountId>(Account), Fingerprint, Armored, At(CreatedAt), At(ModifiedAt))
        {
            Facts = new PersonKeyFacts(WireName.Parse<PgpAlgorithm>(Algorithm), (int)Bits, UserName, At(MadeAt), ExpiresAt is { } ends ? At(ends) : null),
            DeletedAt = DeletedAt is { } at ? At(at) : null,
        };

        private static DateTimeOffset At(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms);
    }
}
