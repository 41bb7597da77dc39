using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow.Identity;

/// <summary>
/// The people that clients of the product know: who was made for it, and whoever else has a key and so may sign in. Who has nothing to do
/// with it is not even read.
/// </summary>
/// <param name="accounts">The accounts.</param>
/// <param name="operators">What they may do.</param>
/// <param name="keys">Their keys.</param>
internal sealed class OpenPgpPeopleStore(AccountStore accounts, OperatorStore operators, PersonKeyStore keys)
{
    private const string WithKey = "SELECT k.account_id FROM openpgp_keys k WHERE k.tenant_id = @tenant AND k.deleted_at IS NULL";

    private const string MadeForIt =
        "SELECT e.account_id FROM account_external_ids e WHERE e.tenant_id = @tenant AND e.dialect = @dialect AND e.id = e.account_id";

    private const string Username =
        """
        LOWER(COALESCE(
            (SELECT d.value FROM addresses d WHERE d.tenant_id = a.tenant_id AND d.account_id = a.id AND d.kind = @email ORDER BY d.ordinal LIMIT 1),
            a.username, a.id))
        """;

    /// <summary>A page of them.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="filter">Which ones, and in which order; its predicate is the caller's.</param>
    /// <param name="now">The time.</param>
    /// <returns>The page, and how many there are in all.</returns>
    public async Task<(IReadOnlyList<OpenPgpPerson> Items, int Count)> List(DbSession db, TenantId tenant, OpenPgpPeopleFilter filter, DateTimeOffset now)
    {
        var parameters = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["tenant"] = tenant.ToString(), ["dialect"] = ImportOpenPgpPerson.Dialect, ["email"] = WireName.Of(AddressKind.Email),
            ["active"] = WireName.Of(AccountStatus.Active), ["now"] = now.ToUnixTimeMilliseconds(), ["limit"] = filter.Limit, ["offset"] = filter.Offset,
        };
        var where = $"a.tenant_id = @tenant AND a.deleted_at IS NULL AND a.id IN ({(filter.MaySignIn ? WithKey : $"{MadeForIt} UNION {WithKey}")})"
            + (filter.MaySignIn ? " AND a.status = @active" : "")
            + (filter.Accounts is null ? "" : " AND a.id IN " + NamedList.Of(parameters, filter.Accounts));
        var order = filter.OrderBy switch
        {
            OpenPgpPeopleOrder.Created => "a.created_at",
            OpenPgpPeopleOrder.Modified => "COALESCE(a.updated_at, a.created_at)",
            OpenPgpPeopleOrder.Username => Username,
        };
        var way = filter.Descending ? "DESC" : "ASC";
        var page = $"SELECT a.id FROM accounts a WHERE {where} ORDER BY {order} {way}, a.id {way} LIMIT @limit OFFSET @offset";
        var ids = await db.List<string>(page, parameters);
        if (ids.Count == 0)
        {
            return ([], (int)await Count());
        }

        var (people, granted, held) = (await accounts.Of(db, page, parameters), await operators.Of(db, page, parameters), await keys.Of(db, page, parameters));
        return (
            [.. ids.Select(Ids.Parse<AccountId>).Select(id => new OpenPgpPerson(people[id], OpenPgpRoles.Of(granted.GetValueOrDefault(id)), held.GetValueOrDefault(id)))],
            ids.Count < filter.Limit && filter.Offset == 0 ? ids.Count : (int)await Count());

        Task<long> Count() => db.Scalar<long>($"SELECT COUNT(*) FROM accounts a WHERE {where}", parameters);
    }

    /// <summary>One of them.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">Who.</param>
    /// <param name="now">The time.</param>
    public async Task<OpenPgpPerson?> Find(DbSession db, TenantId tenant, AccountId id, DateTimeOffset now) =>
        await accounts.Find(db, tenant, id) is { } account && await keys.Find(db, tenant, id) is var key
        && (key is not null || account.ExternalIds.Any(e => e.Dialect == ImportOpenPgpPerson.Dialect && e.Id == id.ToString()))
            ? new OpenPgpPerson(account, OpenPgpRoles.Of(await operators.Find(db, tenant, id, now)), key)
            : null;
}
