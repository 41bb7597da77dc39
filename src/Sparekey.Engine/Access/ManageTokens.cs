using System.Text;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Secrets;

namespace Sparekey.Engine.Access;

/// <summary>What a token shall be.</summary>
/// <param name="ServiceAccount">Whose; null to name it.</param>
/// <param name="Name">The name of the service account, made if there is none.</param>
/// <param name="Permissions">What it may do.</param>
public sealed record TokenOrder(ServiceAccountId? ServiceAccount, string? Name, PermissionSet Permissions)
{
    /// <summary>The person behind a service account that is made; null for the caller's own person.</summary>
    public string? Owner { get; init; }

    /// <summary>The highest role it may act on; null for the lowest role.</summary>
    public string? Ceiling { get; init; }

    /// <summary>How long it lives; null for 90 days or as long as its creator, whichever is shorter.</summary>
    public TimeSpan? ExpiresIn { get; init; }

    /// <summary>How many calls that change something it may make in a minute.</summary>
    public int PerMinute { get; init; } = 600;

    /// <summary>A key that proves its holder beside the secret, or instead of it.</summary>
    public ProgrammeKey? Key { get; init; }

    /// <summary>The application it acts for.</summary>
    public ApplicationId? Application { get; init; }

    /// <summary>Which kinds of accounts it may act on; none named for all.</summary>
    public IReadOnlyList<AccountKind> Kinds { get; init; } = [];
}

/// <summary>What proves a token: its id and its secret.</summary>
/// <param name="Id">The id.</param>
/// <param name="Secret">43 characters of base64url.</param>
internal sealed record TokenProof(TokenId Id, SecretText Secret)
{
    public static TokenProof New() => new(NewId.Make<TokenId>(), SecretMint.NewToken32());

    /// <summary>The token as its holder presents it.</summary>
    public SecretText TextIn(TenantId tenant) => TokenText.Format(TokenPrefix.Access, tenant, Id.Value, Secret.Reveal());
}

/// <summary>A token that was just made.</summary>
/// <param name="Token">The token.</param>
/// <param name="Secret">Its text, shown once.</param>
public sealed record MintedToken(AccessToken Token, SecretText Secret);

/// <summary>
/// Makes, lists and revokes access tokens. A token never exceeds its creator's permissions, ceiling or expiry, and is made for
/// one's own programmes: otherwise one person could be two for the separation of duties.
/// </summary>
public sealed class ManageTokens
{
    private static readonly TimeSpan DefaultLife = TimeSpan.FromDays(90);
    private static readonly TimeSpan LongestLife = TimeSpan.FromDays(366);

    // A key never travels, so that what it proves may live as long as the programme.
    private static readonly TimeSpan LongestLifeOfKey = TimeSpan.FromDays(3660);

    private readonly Acts _acts;
    private readonly AccessTokenStore _store;
    private readonly ManageServiceAccounts _serviceAccounts;
    private readonly PolicyStore _policies;
    private readonly Idempotency _idempotency;
    private readonly KeyRing _keys;

    internal ManageTokens(
        Acts acts, AccessTokenStore store, ManageServiceAccounts serviceAccounts, PolicyStore policies, Idempotency idempotency, KeyRing keys)
    {
        _acts = acts;
        _store = store;
        _serviceAccounts = serviceAccounts;
        _policies = policies;
        _idempotency = idempotency;
        _keys = keys;
    }

    /// <summary>Makes a token.</summary>
    /// <param name="caller">Who makes it; holds <c>token:write</c>.</param>
    /// <param name="order">What it shall be.</param>
    /// <param name="once">The idempotency key of the call, if it carries one.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The token with its text; or <see cref="RefusalCode.StrongerThanCreator"/>, <see cref="RefusalCode.UnknownRole"/>,
    /// <see cref="RefusalCode.SeparationOfDuties"/>, <see cref="RefusalCode.ServiceAccountNotFound"/>,
    /// <see cref="RefusalCode.InvalidRequest"/>.
    /// </returns>
    public Task<Result<Happened<MintedToken>>> Create(
        Caller caller, TokenOrder order, OnceKey<MintedToken>? once, CancellationToken cancellationToken) =>
        _acts.Write(
            caller.Tenant, act => _idempotency.Run(act, caller, once, () => Create(act, caller, order, TokenProof.New())), cancellationToken);

    /// <summary>One token, without its text.</summary>
    /// <param name="caller">Who reads.</param>
    /// <param name="id">Which.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Result<AccessToken>> Read(Caller caller, TokenId id, CancellationToken cancellationToken) =>
        await _acts.Read(db => _store.FindToken(db, caller.Tenant, id), cancellationToken) is { } found
            ? found
            : RefusalCode.TokenNotFound;

    /// <summary>A page of tokens in the order of their making.</summary>
    /// <param name="caller">Who reads.</param>
    /// <param name="afterAt">After this time, milliseconds.</param>
    /// <param name="afterId">After this id.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<IReadOnlyList<AccessToken>> Page(
        Caller caller, long? afterAt, string? afterId, int limit, CancellationToken cancellationToken) =>
        _acts.Read(db => _store.ListTokens(db, caller.Tenant, afterAt, afterId, limit), cancellationToken);

    /// <summary>Revokes a token, at once and for good.</summary>
    /// <param name="caller">Who revokes it: its own person or the machine's operator.</param>
    /// <param name="id">Which.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>Null, also when it was revoked before; or <see cref="RefusalCode.TokenNotFound"/>, <see cref="RefusalCode.SeparationOfDuties"/>.</returns>
    public Task<Refusal?> Revoke(Caller caller, TokenId id, CancellationToken cancellationToken) =>
        _acts.Write<Refusal?>(
            caller.Tenant,
            async act =>
            {
                if (await _store.StillHolds(act, caller) is { } over)
                {
                    return over;
                }

                if (await _store.FindToken(act.Db, act.Tenant, id) is not { } token)
                {
                    return RefusalCode.TokenNotFound;
                }

                var owner = await _store.FindServiceAccount(act.Db, act.Tenant, token.ServiceAccount);
                if (owner is not null && caller.Grant.MayActForOwner(owner.OwnerId) is { } forbidden)
                {
                    return forbidden;
                }

                if (await _store.Revoke(act, id))
                {
                    await TokenLedger.Record(act, caller, LedgerEvent.TokenRevoked, token);
                }

                return null;
            },
            cancellationToken);

    /// <summary>Makes the first token of an installation, within an act, when there is none.</summary>
    /// <param name="act">The act.</param>
    /// <param name="operatorCaller">The local operator.</param>
    /// <param name="proof">The token's id and secret, which stand in the file already.</param>
    /// <returns>False when there was a token before.</returns>
    internal async Task<bool> Bootstrap(Act act, Caller operatorCaller, TokenProof proof)
    {
        if (await _store.Any(act.Db, act.Tenant))
        {
            return false;
        }

        var order = new TokenOrder(null, "bootstrap", PermissionSet.All)
        {
            Ceiling = operatorCaller.Grant.Ceiling,
            ExpiresIn = TimeSpan.FromHours(24),
        };
        return (await Create(act, operatorCaller, order, proof)).Value is not null;
    }

    private async Task<Result<MintedToken>> Create(Act act, Caller caller, TokenOrder order, TokenProof proof)
    {
        if (FaultOf(order) is { } fault)
        {
            return fault;
        }

        if (await _store.StillHolds(act, caller) is { } over)
        {
            return over;
        }

        var ranks = await _policies.Ranks(act.Db, act.Tenant);
        var ceiling = order.Ceiling ?? ranks.Lowest;
        var latest = caller.Grant.ExpiresAt ?? DateTimeOffset.MaxValue;
        var wanted = act.Now + (order.ExpiresIn ?? DefaultLife);
        var expiresAt = order.ExpiresIn is null && wanted > latest ? latest : wanted;
        if (caller.Grant.MayMint(order.Permissions, ceiling, expiresAt, ranks, order.Kinds) is { } forbidden)
        {
            return forbidden;
        }

        var owner = await ServiceAccountOf(act, caller, order);
        if (owner.Refusal is { } refusal)
        {
            return refusal;
        }

        var token = new AccessToken(
            proof.Id, owner.Value.Id, order.Permissions, ceiling, order.PerMinute, act.Now, expiresAt, LastUsedAt: null, RevokedAt: null)
        {
            Key = order.Key,
            Application = order.Application,
            Kinds = [.. order.Kinds.Distinct()],
        };
        var hash = _keys.Hash(
            KeyPurpose.AccessToken, Authentication.Context(act.Tenant, proof.Id), Encoding.UTF8.GetBytes(proof.Secret.Reveal()));
        await _store.AddToken(act, token, hash, caller.Principal);
        await TokenLedger.Record(act, caller, LedgerEvent.TokenCreated, token);
        return new MintedToken(token, proof.TextIn(act.Tenant));
    }

    private static Refusal? FaultOf(TokenOrder order)
    {
        var faults = new List<FieldFault>();
        if (order.Permissions.Count == 0)
        {
            faults.Add(new FieldFault("/permissions", "At least one."));
        }

        if (order.PerMinute is < 1 or > 10_000_000)
        {
            faults.Add(new FieldFault("/per_minute", "1 to 10000000."));
        }

        var longest = order.Key is null ? LongestLife : LongestLifeOfKey;
        if (order.ExpiresIn is { } life && (life <= TimeSpan.Zero || life > longest))
        {
            faults.Add(new FieldFault("/expires_in", $"More than nothing, {longest.TotalDays} days at most."));
        }

        if (order.Key is { } key && (SigningPublicKey.Parse(key.Pem) is null || key.Name is { Length: 0 or > SigningPublicKey.LongestName }))
        {
            faults.Add(new FieldFault("/public_key", "A public key as PEM: P-256, RSA of 2048 to 4096 bits, or Ed25519."));
        }

        if (order.ServiceAccount is null == order.Name is null)
        {
            faults.Add(new FieldFault("/service_account_id", "Either service_account_id or name."));
        }

        return faults.Count == 0 ? null : new Refusal(RefusalCode.InvalidRequest) { Faults = faults };
    }

    private async Task<Result<ServiceAccount>> ServiceAccountOf(Act act, Caller caller, TokenOrder order)
    {
        var found = order.ServiceAccount is { } id
            ? await _store.FindServiceAccount(act.Db, act.Tenant, id)
            : await _store.FindServiceAccount(act.Db, act.Tenant, order.Name!);
        if (found is null)
        {
            return order.Name is { } name ? await _serviceAccounts.Create(act, caller, name, order.Owner) : RefusalCode.ServiceAccountNotFound;
        }

        if (order.Owner is { } owner && owner != found.OwnerId)
        {
            return new Refusal(RefusalCode.NameTaken, "A service account of this name belongs to somebody else.");
        }

        return caller.Grant.MayActForOwner(found.OwnerId) is { } forbidden ? forbidden : found;
    }
}
