using System.Collections.Concurrent;
using System.Text;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Access;

/// <summary>
/// Tells who holds an access token. A token is read on every call, so that a revocation holds at once in every process. What
/// use leaves behind (last used, a hash under a newer key) is noted here and written later, out of the caller's way.
/// </summary>
public sealed class Authentication
{
    private readonly Acts _acts;
    private readonly AccessTokenStore _tokens;
    private readonly PolicyStore _policies;
    private readonly KeyRing _keys;
    private readonly ConcurrentDictionary<(TenantId Tenant, TokenId Token), Use> _uses = new();
    private readonly ConcurrentDictionary<(TenantId Tenant, TokenId Token), DateTimeOffset> _noted = new();

    internal Authentication(Acts acts, AccessTokenStore tokens, PolicyStore policies, KeyRing keys)
    {
        _acts = acts;
        _tokens = tokens;
        _policies = policies;
        _keys = keys;
    }

    /// <summary>Who holds a token.</summary>
    /// <param name="visitor">Where the call came from, with the tenant of its host.</param>
    /// <param name="presented">The token as it was presented.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The caller, or <see cref="RefusalCode.Unauthenticated"/> whatever is wrong.</returns>
    public async Task<Result<Caller>> Authenticate(Visitor visitor, SecretText presented, CancellationToken cancellationToken)
    {
        if (!TokenText.TryParse(presented.Reveal(), TokenPrefix.Access, out var text) || text.Tenant != visitor.Tenant)
        {
            return RefusalCode.Unauthenticated;
        }

        var id = new TokenId(text.Id);
        var stored = await _acts.ReadOne(db => _tokens.FindForAuthentication(db, visitor.Tenant, id), cancellationToken);
        var secret = Encoding.UTF8.GetBytes(text.Secret.Reveal());
        var now = _acts.Now;
        var genuine = _keys.Verify(
            stored?.Hash ?? new KeyedHash(0, new byte[32]), KeyPurpose.AccessToken, Context(visitor.Tenant, id), secret);
        if (!genuine || stored is null || !stored.IsLiveAt(now))
        {
            return RefusalCode.Unauthenticated;
        }

        NoteUse(visitor.Tenant, stored, secret, now);
        return CallerOf(visitor, stored);
    }

    /// <summary>Who signed something with the key of a token that acts for an application.</summary>
    /// <param name="visitor">Where the call came from, with the tenant of its host.</param>
    /// <param name="application">The application that the caller says it acts for.</param>
    /// <param name="signed">Whether a key's holder signed it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The caller, or <see cref="RefusalCode.Unauthenticated"/> whatever is wrong.</returns>
    public async Task<Result<Caller>> AuthenticateByKey(
        Visitor visitor, ApplicationId application, Func<SigningPublicKey, bool> signed, CancellationToken cancellationToken)
    {
        var now = _acts.Now;
        var keys = await _acts.ReadOne(db => _tokens.KeysOf(db, visitor.Tenant, application), cancellationToken);
        var stored = keys.FirstOrDefault(
            k => k.IsLiveAt(now) && SigningPublicKey.Parse(k.Token.Key!.Pem) is { } key && signed(key));
        if (stored is null)
        {
            return RefusalCode.Unauthenticated;
        }

        NoteUse(visitor.Tenant, stored, secret: null, now);
        return CallerOf(visitor, stored);
    }

    private static Caller CallerOf(Visitor visitor, StoredToken stored)
    {
        var token = stored.Token;
        var principal = new Principal(PrincipalKind.ServiceAccount, token.ServiceAccount.ToString(), stored.OwnerId);
        var grant = new Grant(principal, token.Permissions, token.Ceiling, token.ExpiresAt) { Kinds = token.Kinds };
        return new Caller(visitor.Tenant, visitor.Source, visitor.CorrelationId, grant, token.Id)
        {
            PerMinute = token.PerMinute,
            Key = token.Key,
            Application = token.Application,
            Host = visitor.Host,
            Surface = visitor.Surface,
        };
    }

    /// <summary>Whoever may open the socket on the server's machine.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Result<Caller>> LocalOperator(Visitor visitor, CancellationToken cancellationToken)
    {
        var ranks = await _acts.Read(db => _policies.Ranks(db, visitor.Tenant), cancellationToken);
        return new Caller(
            visitor.Tenant, visitor.Source, visitor.CorrelationId,
            new Grant(Principal.LocalOperator, PermissionSet.All, ranks.Highest, ExpiresAt: null))
        {
            Surface = visitor.Surface,
        };
    }

    /// <summary>Writes what the use of tokens left behind since the last call.</summary>
    /// <param name="cancellationToken">Stops between two tenants.</param>
    public async Task WriteUses(CancellationToken cancellationToken)
    {
        foreach (var tenant in _uses.Keys.Select(k => k.Tenant).Distinct().ToList())
        {
            var uses = _uses.Where(u => u.Key.Tenant == tenant).ToList();
            await _acts.Write(tenant, act => WriteUses(act, uses), cancellationToken);
            foreach (var use in uses)
            {
                _uses.TryRemove(use);
            }
        }
    }

    internal static string Context(TenantId tenant, TokenId id) => $"{tenant}/{id}";

    private async Task<int> WriteUses(Act act, List<KeyValuePair<(TenantId Tenant, TokenId Token), Use>> uses)
    {
        foreach (var ((_, id), use) in uses)
        {
            await _tokens.MarkUsed(act, id, use.At);
            if (use.Renewed is { } renewed)
            {
                await _tokens.RenewHash(act, id, use.Before, renewed);
            }
        }

        return uses.Count;
    }

    private void NoteUse(TenantId tenant, StoredToken stored, byte[]? secret, DateTimeOffset now)
    {
        var key = (tenant, stored.Token.Id);
        var stale = secret is not null && stored.Hash.KeyVersion != _keys.ActiveVersion;
        if (!stale && _noted.TryGetValue(key, out var noted) && now - noted < TimeSpan.FromMinutes(1) && now >= noted)
        {
            return;
        }

        KeyedHash? renewed = stale ? _keys.Hash(KeyPurpose.AccessToken, Context(tenant, stored.Token.Id), secret!) : null;
        _uses[key] = new Use(now, stored.Hash, renewed);
        _noted[key] = now;
    }

    private sealed record Use(DateTimeOffset At, KeyedHash Before, KeyedHash? Renewed);
}
