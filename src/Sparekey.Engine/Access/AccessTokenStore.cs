using System.Collections.Immutable;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Access;

/// <summary>A programme.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Name">Its name, unique among the tenant's live ones.</param>
/// <param name="OwnerId">The person behind it: an account's id, or <c>local-operator</c>.</param>
/// <param name="CreatedAt">When it was made.</param>
public sealed record ServiceAccount(ServiceAccountId Id, string Name, string OwnerId, DateTimeOffset CreatedAt);

/// <summary>An access token, without its secret.</summary>
/// <param name="Id">Its id.</param>
/// <param name="ServiceAccount">Whose.</param>
/// <param name="Permissions">What it may do.</param>
/// <param name="Ceiling">The highest role it may act on.</param>
/// <param name="PerMinute">How many calls that change something it may make in a minute.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="ExpiresAt">When it ends.</param>
/// <param name="LastUsedAt">When it was last used, to the minute.</param>
/// <param name="RevokedAt">When it was revoked.</param>
public sealed record AccessToken(
    TokenId Id, ServiceAccountId ServiceAccount, PermissionSet Permissions, string Ceiling, int PerMinute, DateTimeOffset CreatedAt,
    DateTimeOffset ExpiresAt, DateTimeOffset? LastUsedAt, DateTimeOffset? RevokedAt)
{
    /// <summary>A key that proves its holder beside the secret, or instead of it; null for none.</summary>
    public ProgrammeKey? Key { get; init; }

    /// <summary>The application it acts for; null for none in particular.</summary>
    public ApplicationId? Application { get; init; }

    /// <summary>Which kinds of accounts it may act on; none named for all.</summary>
    public ImmutableArray<AccountKind> Kinds { get; init; } = [];
}

/// <summary>The public key of a programme.</summary>
/// <param name="Pem">The key as PEM (RFC 7468 §13): P-256, RSA of 2048 bits or more, Ed25519.</param>
/// <param name="Name">What its holder calls it; compared exactly.</param>
public sealed record ProgrammeKey(string Pem, string? Name);

/// <summary>What authentication needs of a token.</summary>
internal sealed record StoredToken(AccessToken Token, string OwnerId, KeyedHash Hash, bool IsOwnerActive)
{
    /// <summary>Whether it opens anything: not revoked, not over, and its owner still is a person here.</summary>
    public bool IsLiveAt(DateTimeOffset now) => IsOwnerActive && Token.RevokedAt is null && Token.ExpiresAt > now;
}

/// <summary>Service accounts and access tokens.</summary>
/// <param name="operators">People who act without one.</param>
internal sealed class AccessTokenStore(OperatorStore operators)
{
    private const string Columns =
        """
        t.id AS Id, t.service_account_id AS ServiceAccount, t.permissions AS Permissions, t.ceiling AS Ceiling,
        t.per_minute AS PerMinute, t.created_at AS CreatedAt, t.expires_at AS ExpiresAt, t.last_used_at AS LastUsedAt,
        t.revoked_at AS RevokedAt, t.public_key AS PublicKey, t.key_name AS KeyName, t.application_id AS Application,
        t.account_kinds AS Kinds
        """;

    public Task<int> AddServiceAccount(Act act, ServiceAccount account, Principal by) => act.Db.Execute(
        """
        INSERT INTO service_accounts (tenant_id, id, name, owner_id, created_at, created_by)
        VALUES (@tenant, @id, @name, @owner, @now, @by)
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = account.Id.ToString(),
            name = account.Name,
            owner = account.OwnerId,
            now = act.NowMs,
            by = by.Id,
        });

    public async Task<ServiceAccount?> FindServiceAccount(DbSession db, TenantId tenant, ServiceAccountId id) =>
        (await db.Find<ServiceAccountRow>(
            $"{SelectServiceAccount} WHERE tenant_id = @tenant AND id = @id AND deleted_at IS NULL",
            new { tenant = tenant.ToString(), id = id.ToString() }))?.Read();

    public async Task<ServiceAccount?> FindServiceAccount(DbSession db, TenantId tenant, string name) =>
        (await db.Find<ServiceAccountRow>(
            $"{SelectServiceAccount} WHERE tenant_id = @tenant AND name = @name AND deleted_at IS NULL",
            new { tenant = tenant.ToString(), name }))?.Read();

    public async Task<IReadOnlyList<ServiceAccount>> ListServiceAccounts(DbSession db, TenantId tenant, long? afterAt, string? afterId, int limit) =>
        [.. (await db.List<ServiceAccountRow>(
            $"""
            {SelectServiceAccount}
            WHERE tenant_id = @tenant AND deleted_at IS NULL
              AND (created_at, id) > (@afterAt, @afterId)
            ORDER BY created_at, id LIMIT @limit
            """,
            new { tenant = tenant.ToString(), afterAt = afterAt ?? -1, afterId = afterId ?? "", limit })).Select(r => r.Read())];

    public async Task<bool> DeleteServiceAccount(Act act, ServiceAccountId id)
    {
        var parameters = new { tenant = act.Tenant.ToString(), id = id.ToString(), now = act.NowMs };
        await act.Db.Execute(
            "UPDATE access_tokens SET revoked_at = @now WHERE tenant_id = @tenant AND service_account_id = @id AND revoked_at IS NULL",
            parameters);
        return await act.Db.Execute(
            "UPDATE service_accounts SET deleted_at = @now WHERE tenant_id = @tenant AND id = @id AND deleted_at IS NULL",
            parameters) == 1;
    }

    public Task<int> AddToken(Act act, AccessToken token, KeyedHash hash, Principal by) => act.Db.Execute(
        """
        INSERT INTO access_tokens
            (tenant_id, id, service_account_id, key_version, mac, permissions, ceiling, per_minute, created_at, created_by, expires_at,
             public_key, key_name, application_id, account_kinds)
        VALUES (@tenant, @id, @serviceAccount, @keyVersion, @mac, @permissions, @ceiling, @perMinute, @now, @by, @expires,
                @publicKey, @keyName, @application, @kinds)
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = token.Id.ToString(),
            serviceAccount = token.ServiceAccount.ToString(),
            keyVersion = hash.KeyVersion,
            mac = hash.Mac,
            permissions = token.Permissions.ToString(),
            ceiling = token.Ceiling,
            perMinute = token.PerMinute,
            now = act.NowMs,
            by = by.Id,
            expires = token.ExpiresAt.ToUnixTimeMilliseconds(),
            publicKey = token.Key?.Pem,
            keyName = token.Key?.Name,
            application = token.Application?.ToString(),
            kinds = string.Join(' ', token.Kinds.Select(WireName.Of)),
        });

    /// <summary>What authentication needs; null when there is no such token or its programme is gone.</summary>
    public async Task<StoredToken?> FindForAuthentication(DbSession db, TenantId tenant, TokenId id)
    {
        var row = await db.Find<AuthenticationRow>(
            $"""
            {SelectForAuthentication} WHERE t.tenant_id = @tenant AND t.id = @id AND s.deleted_at IS NULL
            """,
            new { tenant = tenant.ToString(), id = id.ToString() });
        return row?.ToStored();
    }

    /// <summary>Whether any token acts for an application and is proved by a key, revoked ones among them.</summary>
    public async Task<bool> HasKeys(DbSession db, TenantId tenant, ApplicationId application) => await db.Scalar<long>(
        "SELECT COUNT(*) FROM access_tokens WHERE tenant_id = @tenant AND application_id = @application AND public_key IS NOT NULL",
        new { tenant = tenant.ToString(), application = application.ToString() }) > 0;

    /// <summary>The tokens that act for an application and are proved by a key.</summary>
    public async Task<IReadOnlyList<StoredToken>> KeysOf(DbSession db, TenantId tenant, ApplicationId application) =>
        [.. (await db.List<AuthenticationRow>(
            $"""
            {SelectForAuthentication}
            WHERE t.tenant_id = @tenant AND t.application_id = @application AND t.public_key IS NOT NULL AND s.deleted_at IS NULL
            """,
            new { tenant = tenant.ToString(), application = application.ToString() })).Select(r => r.ToStored())];

    /// <summary>
    /// Whether the caller's token still opens anything as the act sees it. A call that was let in a moment before its token was
    /// revoked must not leave a new token behind, nor take away another's.
    /// </summary>
    public async Task<Refusal?> StillHolds(Act act, Caller caller) =>
        (caller.Token is { } own
            ? (await FindForAuthentication(act.Db, act.Tenant, own))?.IsLiveAt(act.Now) is true
            : caller.Principal.Kind != PrincipalKind.Account
                || (Ids.TryParse<AccountId>(caller.Principal.Id, out var person) && await operators.Find(act.Db, act.Tenant, person, act.Now) is not null))
            ? null
            : RefusalCode.Unauthenticated;

    public async Task<AccessToken?> FindToken(DbSession db, TenantId tenant, TokenId id) =>
        (await db.Find<TokenRow>(
            $"SELECT {Columns} FROM access_tokens t WHERE t.tenant_id = @tenant AND t.id = @id",
            new { tenant = tenant.ToString(), id = id.ToString() }))?.Read();

    public async Task<IReadOnlyList<AccessToken>> ListTokens(DbSession db, TenantId tenant, long? afterAt, string? afterId, int limit) =>
        [.. (await db.List<TokenRow>(
            $"""
            SELECT {Columns} FROM access_tokens t
            WHERE t.tenant_id = @tenant
              AND (t.created_at, t.id) > (@afterAt, @afterId)
            ORDER BY t.created_at, t.id LIMIT @limit
            """,
            new { tenant = tenant.ToString(), afterAt = afterAt ?? -1, afterId = afterId ?? "", limit })).Select(r => r.Read())];

    /// <summary>The tokens not revoked that a person made, or a programme of theirs did.</summary>
    public async Task<IReadOnlyList<AccessToken>> MadeBy(DbSession db, TenantId tenant, AccountId person) =>
        [.. (await db.List<TokenRow>(
            $"""
            SELECT {Columns} FROM access_tokens t
            WHERE t.tenant_id = @tenant AND t.revoked_at IS NULL AND (t.created_by = @person OR t.created_by IN
                (SELECT s.id FROM service_accounts s WHERE s.tenant_id = @tenant AND s.owner_id = @person))
            """,
            new { tenant = tenant.ToString(), person = person.ToString() })).Select(r => r.Read())];

    public async Task<bool> Revoke(Act act, TokenId id) => await act.Db.Execute(
        "UPDATE access_tokens SET revoked_at = @now WHERE tenant_id = @tenant AND id = @id AND revoked_at IS NULL",
        new { tenant = act.Tenant.ToString(), id = id.ToString(), now = act.NowMs }) == 1;

    public Task<int> MarkUsed(Act act, TokenId id, DateTimeOffset at) => act.Db.Execute(
        "UPDATE access_tokens SET last_used_at = @at WHERE tenant_id = @tenant AND id = @id",
        new { tenant = act.Tenant.ToString(), id = id.ToString(), at = at.ToUnixTimeMilliseconds() });

    public Task<int> RenewHash(Act act, TokenId id, KeyedHash before, KeyedHash after) => act.Db.Execute(
        """
        UPDATE access_tokens SET key_version = @keyVersion, mac = @mac
        WHERE tenant_id = @tenant AND id = @id AND key_version = @beforeVersion
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = id.ToString(),
            keyVersion = after.KeyVersion,
            mac = after.Mac,
            beforeVersion = before.KeyVersion,
        });

    public async Task<bool> Any(DbSession db, TenantId tenant) => await db.Scalar<long>(
        "SELECT COUNT(*) FROM access_tokens WHERE tenant_id = @tenant", new { tenant = tenant.ToString() }) > 0;

    // Only columns as they are declared: SQLite gives a computed one no type where there are no rows, and nothing could be mapped. The owner is
    // looked up, not joined: PostgreSQL keeps the plan that it made when there were few accounts, and one that reads all of a tenant's to find
    // this one was as good then.
    private const string SelectForAuthentication =
        $"""
        SELECT {Columns}, t.key_version AS KeyVersion, t.mac AS Mac, s.owner_id AS OwnerId,
               (SELECT a.status FROM accounts a WHERE a.tenant_id = s.tenant_id AND a.id = s.owner_id AND a.deleted_at IS NULL) AS OwnerStatus
        FROM access_tokens t JOIN service_accounts s ON s.tenant_id = t.tenant_id AND s.id = t.service_account_id
        """;

    private const string SelectServiceAccount =
        "SELECT id AS Id, name AS Name, owner_id AS OwnerId, created_at AS CreatedAt FROM service_accounts";

    private sealed record ServiceAccountRow(string Id, string Name, string OwnerId, long CreatedAt)
    {
        public ServiceAccount Read() =>
            new(Ids.Parse<ServiceAccountId>(Id), Name, OwnerId, DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt));
    }

    private record TokenRow(
        string Id, string ServiceAccount, string Permissions, string Ceiling, long PerMinute, long CreatedAt, long ExpiresAt,
        long? LastUsedAt, long? RevokedAt, string? PublicKey, string? KeyName, string? Application, string Kinds)
    {
        public AccessToken Read() =>
            new(
                Ids.Parse<TokenId>(Id), Ids.Parse<ServiceAccountId>(ServiceAccount), ReadPermissions(Permissions), Ceiling, (int)PerMinute,
                DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt), DateTimeOffset.FromUnixTimeMilliseconds(ExpiresAt),
                LastUsedAt is { } used ? DateTimeOffset.FromUnixTimeMilliseconds(used) : null,
                RevokedAt is { } revoked ? DateTimeOffset.FromUnixTimeMilliseconds(revoked) : null)
            {
                Key = PublicKey is null ? null : new ProgrammeKey(PublicKey, KeyName),
                Application = Application is null ? null : Ids.Parse<ApplicationId>(Application),
                Kinds = Kinds.Length == 0 ? [] : [.. Kinds.Split(' ').Select(WireName.Parse<AccountKind>)],
            };
    }

    private sealed record AuthenticationRow(
        string Id, string ServiceAccount, string Permissions, string Ceiling, long PerMinute, long CreatedAt, long ExpiresAt,
        long? LastUsedAt, long? RevokedAt, string? PublicKey, string? KeyName, string? Application, string Kinds, long KeyVersion,
        byte[] Mac, string OwnerId, string? OwnerStatus)
        : TokenRow(
            Id, ServiceAccount, Permissions, Ceiling, PerMinute, CreatedAt, ExpiresAt, LastUsedAt, RevokedAt, PublicKey, KeyName, Application,
            Kinds)
    {
        public StoredToken ToStored() => new(Read(), OwnerId, new KeyedHash((int)KeyVersion, Mac),
            OwnerId == Principal.LocalOperator.Id || OwnerStatus == WireName.Of(AccountStatus.Active));
    }

    private static PermissionSet ReadPermissions(string text) => PermissionSet.Of(
        text.Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(n => Permissions.TryParse(n, out var p) ? p : throw new FormatException($"Unknown permission {n}.")));
}
