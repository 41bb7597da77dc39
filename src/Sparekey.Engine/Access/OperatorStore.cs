using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Access;

/// <summary>A person who acts on others.</summary>
/// <param name="Account">Who.</param>
/// <param name="Permissions">What they may do.</param>
/// <param name="Ceiling">The highest role they may act on.</param>
/// <param name="ExpiresAt">When it ends; null for never.</param>
/// <param name="GrantedAt">Since when.</param>
/// <param name="GrantedBy">Who granted it: the id of the principal, of its owner where it is a programme.</param>
public sealed record Operator(
    AccountId Account, PermissionSet Permissions, string Ceiling, DateTimeOffset? ExpiresAt, DateTimeOffset GrantedAt, string GrantedBy)
{
    /// <summary>What they may do as a caller.</summary>
    internal Grant Grant => new(Principal.Of(Account), Permissions, Ceiling, ExpiresAt);
}

/// <summary>Who the tenant's operators are.</summary>
internal sealed class OperatorStore
{
    private const string Columns =
        """
        account_id AS Account, permissions AS Permissions, ceiling AS Ceiling, expires_at AS ExpiresAt, granted_at AS GrantedAt,
        granted_by AS GrantedBy
        """;

    /// <summary>An operator whose time is not over.</summary>
    public async Task<Operator?> Find(DbSession db, TenantId tenant, AccountId account, DateTimeOffset now) =>
        (await db.Find<Row>(
            $"""
            SELECT {Columns} FROM operators
            WHERE tenant_id = @tenant AND account_id = @account AND (expires_at IS NULL OR expires_at > @now)
            """,
            new { tenant = tenant.ToString(), account = account.ToString(), now = now.ToUnixTimeMilliseconds() }))?.Read();

    /// <summary>The operators whose time is not over among the accounts whose ids a query finds.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="ids">A query of one column <c>id</c>.</param>
    /// <param name="parameters">Its parameters, <c>tenant</c> and <c>now</c> among them.</param>
    public async Task<IReadOnlyDictionary<AccountId, Operator>> Of(DbSession db, string ids, object parameters) =>
        (await db.List<Row>(
            $"SELECT {Columns} FROM operators JOIN ({ids}) q ON q.id = account_id WHERE tenant_id = @tenant AND (expires_at IS NULL OR expires_at > @now)",
            parameters)).Select(r => r.Read()).ToDictionary(o => o.Account);

    /// <summary>All operators, in the order of their accounts' ids.</summary>
    public async Task<IReadOnlyList<Operator>> List(DbSession db, TenantId tenant, string? after, int limit) =>
        [.. (await db.List<Row>(
            $"SELECT {Columns} FROM operators WHERE tenant_id = @tenant AND account_id > @after ORDER BY account_id LIMIT @limit",
            new { tenant = tenant.ToString(), after = after ?? "", limit })).Select(r => r.Read())];

    /// <summary>Makes somebody an operator, or changes what they may do.</summary>
    public Task<int> Put(Act act, Operator granted) => act.Db.Execute(
        """
        INSERT INTO operators (tenant_id, account_id, permissions, ceiling, expires_at, granted_at, granted_by)
        VALUES (@tenant, @account, @permissions, @ceiling, @expires, @granted, @by)
        ON CONFLICT (tenant_id, account_id) DO UPDATE SET
            permissions = excluded.permissions, ceiling = excluded.ceiling, expires_at = excluded.expires_at,
            granted_at = excluded.granted_at, granted_by = excluded.granted_by
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            account = granted.Account.ToString(),
            permissions = granted.Permissions.ToString(),
            ceiling = granted.Ceiling,
            expires = granted.ExpiresAt?.ToUnixTimeMilliseconds(),
            granted = granted.GrantedAt.ToUnixTimeMilliseconds(),
            by = granted.GrantedBy,
        });

    /// <summary>Ends it. Zero when they were none.</summary>
    public Task<int> Remove(Act act, AccountId account) => act.Db.Execute(
        "DELETE FROM operators WHERE tenant_id = @tenant AND account_id = @account",
        new { tenant = act.Tenant.ToString(), account = account.ToString() });

    private sealed record Row(string Account, string Permissions, string Ceiling, long? ExpiresAt, long GrantedAt, string GrantedBy)
    {
        public Operator Read() => new(
            Ids.Parse<AccountId>(Account),
            PermissionSet.Of(Permissions.Split(' ').Select(p => Core.Access.Permissions.TryParse(p, out var known)
                ? known
                : throw new InvalidOperationException($"{p} is no permission."))),
            Ceiling,
            ExpiresAt is { } expires ? DateTimeOffset.FromUnixTimeMilliseconds(expires) : null,
            DateTimeOffset.FromUnixTimeMilliseconds(GrantedAt),
            GrantedBy);
    }
}
