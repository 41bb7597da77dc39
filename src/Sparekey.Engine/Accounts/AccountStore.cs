using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Accounts;

/// <summary>
/// People with their addresses, identifiers and external ids. A deleted account is found nowhere. It writes rows and nothing
/// else: the use case that calls it checks who may, and writes the ledger and the notices in the same act.
/// </summary>
internal sealed class AccountStore
{
    /// <summary>An account by its id; null when the tenant has none.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">Its id.</param>
    public Task<Account?> Find(DbSession db, TenantId tenant, AccountId id) =>
        Load(db, "@id", new { tenant = tenant.ToString(), id = id.ToString() });

    /// <summary>The account that is called or reached so. Only a user name or a usable address names an account.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="typed">What somebody typed.</param>
    public async Task<Account?> FindByIdentifier(DbSession db, TenantId tenant, string typed)
    {
        if (Identifier.Normalize(typed) is not { } value)
        {
            return null;
        }

        return await Load(
            db,
            "(SELECT i.account_id FROM identifiers i WHERE i.tenant_id = @tenant AND i.value = @value)",
            new { tenant = tenant.ToString(), value });
    }

    /// <summary>The account that another product calls so.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="external">Its id there.</param>
    public Task<Account?> FindByExternalId(DbSession db, TenantId tenant, ExternalId external) => Load(
        db,
        "(SELECT x.account_id FROM account_external_ids x WHERE x.tenant_id = @tenant AND x.dialect = @dialect AND x.id = @external)",
        new { tenant = tenant.ToString(), dialect = external.Dialect, external = external.Id });

    /// <summary>The active accounts that are in one of some groups, in the order of their ids.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="groups">The groups.</param>
    /// <param name="limit">How many at most.</param>
    public async Task<IReadOnlyList<AccountId>> InGroups(DbSession db, TenantId tenant, IReadOnlyCollection<string> groups, int limit)
    {
        var found = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var group in groups)
        {
            // The column is a JSON array of names. LIKE narrows down, whatever it makes of letters and wildcards; what was read decides.
            var rows = await db.List<GroupRow>(
                """
                SELECT id AS Id, group_names AS GroupNames FROM accounts
                WHERE tenant_id = @tenant AND deleted_at IS NULL AND status = @active AND group_names LIKE @pattern ORDER BY id LIMIT @limit
                """,
                new { tenant = tenant.ToString(), active = WireName.Of(AccountStatus.Active), pattern = $"%\"{group}\"%", limit = 4 * limit });
            found.UnionWith(rows.Where(r => StoredJson.Read<string[]>(r.GroupNames).Contains(group, StringComparer.Ordinal)).Select(r => r.Id));
        }

        return [.. found.Take(limit).Select(Core.Ids.Parse<AccountId>)];
    }

    /// <summary>A page of accounts in the order of their making.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="after">Where the last page ended; null for the first.</param>
    /// <param name="limit">How many at most.</param>
    public async Task<IReadOnlyList<Account>> List(DbSession db, TenantId tenant, AccountPosition? after, int limit)
    {
        const string page =
            """
            SELECT p.id FROM accounts p
            WHERE p.tenant_id = @tenant AND (p.created_at, p.id) > (@afterAt, @afterId) AND p.deleted_at IS NULL
            ORDER BY p.created_at, p.id LIMIT @limit
            """;
        var which = new { tenant = tenant.ToString(), afterAt = after?.At ?? -1, afterId = after?.Id.ToString() ?? "", limit };
        var rows = await db.List<AccountRow>(
            $"""
            SELECT {AccountRow.Columns} FROM accounts a
            WHERE a.tenant_id = @tenant AND (a.created_at, a.id) > (@afterAt, @afterId) AND a.deleted_at IS NULL
            ORDER BY a.created_at, a.id LIMIT @limit
            """,
            which);
        var addresses = await db.List<AddressRow>(
            $"""
            SELECT {AddressRow.Columns} FROM addresses d JOIN ({page}) q ON q.id = d.account_id
            WHERE d.tenant_id = @tenant ORDER BY d.account_id, d.ordinal
            """,
            which);
        var externalIds = await db.List<ExternalIdRow>(
            $"""
            SELECT {ExternalIdRow.Columns} FROM account_external_ids e JOIN ({page}) q ON q.id = e.account_id
            WHERE e.tenant_id = @tenant ORDER BY e.account_id, e.dialect, e.id
            """,
            which);
        var addressesOf = addresses.ToLookup(a => a.Account, StringComparer.Ordinal);
        var externalIdsOf = externalIds.ToLookup(e => e.Account, StringComparer.Ordinal);
        return [.. rows.Select(r => r.Read(addressesOf[r.Id], externalIdsOf[r.Id]))];
    }

    /// <summary>The accounts whose ids a query finds, by their ids.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="ids">A query of one column <c>id</c>, of accounts that are not deleted.</param>
    /// <param name="parameters">Its parameters, <c>tenant</c> among them.</param>
    public async Task<IReadOnlyDictionary<AccountId, Account>> Of(DbSession db, string ids, object parameters)
    {
        var rows = await db.List<AccountRow>(
            $"SELECT {AccountRow.Columns} FROM accounts a JOIN ({ids}) q ON q.id = a.id WHERE a.tenant_id = @tenant", parameters);
        var addresses = (await db.List<AddressRow>(
            $"SELECT {AddressRow.Columns} FROM addresses d JOIN ({ids}) q ON q.id = d.account_id WHERE d.tenant_id = @tenant ORDER BY d.account_id, d.ordinal",
            parameters)).ToLookup(a => a.Account, StringComparer.Ordinal);
        var externalIds = (await db.List<ExternalIdRow>(
            $"""
            SELECT {ExternalIdRow.Columns} FROM account_external_ids e JOIN ({ids}) q ON q.id = e.account_id
            WHERE e.tenant_id = @tenant ORDER BY e.account_id, e.dialect, e.id
            """,
            parameters)).ToLookup(e => e.Account, StringComparer.Ordinal);
        return rows.Select(r => r.Read(addresses[r.Id], externalIds[r.Id])).ToDictionary(a => a.Id);
    }

    /// <summary>A numbered page of the accounts that a search is for.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="search">The search.</param>
    public async Task<NumberedPage> Search(DbSession db, TenantId tenant, AccountSearch search)
    {
        var (where, values) = AccountSearchText.Of(tenant, search);
        var total = await db.Scalar<long>($"SELECT COUNT(*) FROM accounts a WHERE {where}", values);
        var direction = search.NewestFirst ? "DESC" : "ASC";
        var ids = await db.List<string>(
            $"SELECT a.id FROM accounts a WHERE {where} ORDER BY a.created_at {direction}, a.id {direction} LIMIT @limit OFFSET @offset", values);
        var found = new List<Account>(ids.Count);
        foreach (var id in ids)
        {
            found.Add((await Find(db, tenant, Core.Ids.Parse<AccountId>(id)))!);
        }

        return new NumberedPage(found, total);
    }

    /// <summary>Writes a new account.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">The account, at version 1.</param>
    /// <exception cref="System.Data.Common.DbException">
    /// A unique violation: an identifier or external id was taken since <see cref="AccountClaims.Taken"/> was asked.
    /// </exception>
    public async Task Insert(Act act, Account account)
    {
        await act.Db.Execute(
            """
            INSERT INTO accounts
                (tenant_id, id, username, role, kind, status, group_names, manager_id, traits, metadata_public, metadata_admin,
                 created_at, version, updated_at, status_since, schema_id)
            VALUES
                (@tenant, @id, @username, @role, @kind, @status, @groups, @manager, @traits, @metadataPublic, @metadataAdmin,
                 @created, @version, @now, @now, @schema)
            """,
            Parameters(act, account));
        await AccountClaims.Write(act, null, account);
        await AddressStore.Write(act, null, account);
    }

    /// <summary>Writes what changed of an account, unless somebody else changed it first.</summary>
    /// <param name="act">The act.</param>
    /// <param name="before">The account as it was read.</param>
    /// <param name="next">The account as it shall be, one version later.</param>
    /// <returns>Whether it was written; nothing was when not.</returns>
    /// <exception cref="System.Data.Common.DbException">A unique violation, as with <see cref="Insert"/>.</exception>
    public async Task<bool> Update(Act act, Account before, Account next)
    {
        var written = await act.Db.Execute(
            """
            UPDATE accounts SET username = @username, role = @role, kind = @kind, status = @status, group_names = @groups,
                manager_id = @manager, traits = @traits, metadata_public = @metadataPublic, metadata_admin = @metadataAdmin,
                status_since = CASE WHEN status = @status THEN status_since ELSE @now END, updated_at = @now, schema_id = @schema,
                version = @version
            WHERE tenant_id = @tenant AND id = @id AND version = @version - 1 AND deleted_at IS NULL
            """,
            Parameters(act, next));
        if (written != 1)
        {
            return false;
        }

        await AccountClaims.Write(act, before, next);
        await AddressStore.Write(act, before, next);
        return true;
    }

    /// <summary>
    /// Empties an account: its names, addresses, attributes and the personal texts of its ledger entries are gone; what stays
    /// is a row that recoveries and ledger entries refer to.
    /// </summary>
    /// <param name="act">The act.</param>
    /// <param name="account">The account as it was read.</param>
    /// <returns>Whether it was there at that version.</returns>
    public async Task<bool> Erase(Act act, Account account)
    {
        var row = new { tenant = act.Tenant.ToString(), account = account.Id.ToString(), now = act.NowMs, version = account.Version };
        var erased = await act.Db.Execute(
            """
            UPDATE accounts SET username = NULL, status = 'disabled', group_names = '[]', manager_id = NULL, traits = '{}',
                metadata_public = '{}', metadata_admin = '{}', version = version + 1, deleted_at = @now
            WHERE tenant_id = @tenant AND id = @account AND version = @version AND deleted_at IS NULL
            """,
            row);
        if (erased != 1)
        {
            return false;
        }

        await act.Db.Execute("DELETE FROM addresses WHERE tenant_id = @tenant AND account_id = @account", row);
        await act.Db.Execute("DELETE FROM identifiers WHERE tenant_id = @tenant AND account_id = @account", row);
        await act.Db.Execute("DELETE FROM account_external_ids WHERE tenant_id = @tenant AND account_id = @account", row);
        await act.Db.Execute(
            "UPDATE accounts SET manager_id = NULL, version = version + 1 WHERE tenant_id = @tenant AND manager_id = @account", row);

        // What this act itself says of the person goes too.
        await act.WriteOut();
        await act.Db.Execute(
            """
            DELETE FROM ledger_texts WHERE tenant_id = @tenant AND entry_id IN (
                SELECT p.entry_id FROM ledger_positions p WHERE p.tenant_id = @tenant AND p.account_id = @account
                UNION ALL
                SELECT e.id FROM ledger_queue q JOIN ledger_entries e ON e.tenant_id = q.tenant_id AND e.id = q.entry_id
                WHERE q.tenant_id = @tenant AND e.account_id = @account)
            """,
            row);
        await act.Db.Execute(
            "DELETE FROM outbox WHERE tenant_id = @tenant AND account_id = @account AND expires_at IS NOT NULL", row);
        return true;
    }

    private sealed record GroupRow(string Id, string GroupNames);

    // All that belongs to an account comes at once: nearly every act begins with one.
    private static async Task<Account?> Load(DbSession db, string id, object parameters)
    {
        var (row, addresses, externalIds) = await db.Together<AccountRow, AddressRow, ExternalIdRow>(
            $"""
            SELECT {AccountRow.Columns} FROM accounts a WHERE a.tenant_id = @tenant AND a.id = {id} AND a.deleted_at IS NULL;
            SELECT {AddressRow.Columns} FROM addresses d WHERE d.tenant_id = @tenant AND d.account_id = {id} ORDER BY d.ordinal;
            SELECT {ExternalIdRow.Columns} FROM account_external_ids e
            WHERE e.tenant_id = @tenant AND e.account_id = {id} ORDER BY e.dialect, e.id
            """,
            parameters);
        return row?.Read(addresses, externalIds);
    }

    private static object Parameters(Act act, Account account) => new
    {
        tenant = act.Tenant.ToString(),
        id = account.Id.ToString(),
        username = account.Username,
        role = account.Role,
        kind = WireName.Of(account.Kind),
        status = WireName.Of(account.Status),
        groups = StoredJson.Write(account.Groups),
        manager = account.Manager?.ToString(),
        traits = account.Traits,
        metadataPublic = account.MetadataPublic,
        metadataAdmin = account.MetadataAdmin,
        created = account.CreatedAt.ToUnixTimeMilliseconds(),
        version = account.Version,
        schema = account.Schema,
        now = act.NowMs,
    };
}

/// <summary>Where a page of accounts ended.</summary>
/// <param name="At">The last account's making, milliseconds since 1970.</param>
/// <param name="Id">Its id.</param>
public sealed record AccountPosition(long At, AccountId Id);
