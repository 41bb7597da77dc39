using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using Sparekey.Core;
using Sparekey.Engine.Keys;

namespace Sparekey.Engine.Tokens;

/// <summary>The keys with which a tenant signs proofs. The first is made when it is first needed.</summary>
public sealed class SigningKeys
{
    private const string Table = "signing_keys";

    private readonly Acts _acts;
    private readonly KeyRing _keys;
    private readonly ConcurrentDictionary<TenantId, SigningKey> _current = new();

    /// <summary>Signing keys.</summary>
    /// <param name="acts">Runs acts.</param>
    /// <param name="keys">Seals private keys.</param>
    public SigningKeys(Acts acts, KeyRing keys)
    {
        _acts = acts;
        _keys = keys;
    }

    /// <summary>The key that signs now.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<SigningKey> Current(TenantId tenant, CancellationToken cancellationToken)
    {
        if (_current.TryGetValue(tenant, out var known))
        {
            return known;
        }

        var key = await _acts.Read(db => Newest(db, tenant), cancellationToken)
            ?? await _acts.Write(tenant, FindOrMake, cancellationToken);
        return _current.GetOrAdd(tenant, key);
    }

    /// <summary>The public keys by which a proof of the last days can be checked.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyList<PublicJwk>> Published(TenantId tenant, CancellationToken cancellationToken)
    {
        await Current(tenant, cancellationToken);
        var keys = await _acts.Read(
            db => db.List<string>(
                "SELECT public_jwk FROM signing_keys WHERE tenant_id = @tenant AND retired_at IS NULL ORDER BY created_at DESC",
                new { tenant = tenant.ToString() }),
            cancellationToken);
        return [.. keys.Select(k => JsonSerializer.Deserialize<PublicJwk>(k)!)];
    }

    /// <summary>Seals a tenant's private keys again under the active version of the key ring, so that an older one can go.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    public Task<int> SealAgain(TenantId tenant, CancellationToken cancellationToken) => _acts.Write(
        tenant,
        async act =>
        {
            var rows = await act.Db.List<Row>(
                "SELECT id AS Id, sealed AS PrivateKey FROM signing_keys WHERE tenant_id = @tenant", new { tenant = tenant.ToString() });
            foreach (var row in rows.Where(r => KeyRing.VersionOf(r.PrivateKey) != _keys.ActiveVersion))
            {
                var key = _keys.Open(KeyPurpose.SigningKey, tenant, Table, row.Id, row.PrivateKey);
                await act.Db.Execute(
                    "UPDATE signing_keys SET sealed = @key WHERE tenant_id = @tenant AND id = @id",
                    new { tenant = tenant.ToString(), id = row.Id, key = _keys.Seal(KeyPurpose.SigningKey, tenant, Table, row.Id, key) });
            }

            return rows.Count;
        },
        cancellationToken);

    // Two that make the first key at once: the second act sees the first one's key.
    private async Task<SigningKey> FindOrMake(Act act)
    {
        if (await Newest(act.Db, act.Tenant) is { } found)
        {
            return found;
        }

        using var made = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var id = NewId.Make<EntryId>().ToString();
        var privateKey = made.ExportPkcs8PrivateKey();
        await act.Db.Execute(
            """
            INSERT INTO signing_keys (tenant_id, id, public_jwk, sealed, created_at)
            VALUES (@tenant, @id, @jwk, @key, @now)
            """,
            new
            {
                tenant = act.Tenant.ToString(),
                id,
                jwk = JsonSerializer.Serialize(PublicJwk.Of(made, id)),
                key = _keys.Seal(KeyPurpose.SigningKey, act.Tenant, Table, id, privateKey),
                now = act.NowMs,
            });
        return new SigningKey(id, privateKey);
    }

    private async Task<SigningKey?> Newest(Storage.DbSession db, TenantId tenant)
    {
        var row = await db.Find<Row>(
            """
            SELECT id AS Id, sealed AS PrivateKey FROM signing_keys
            WHERE tenant_id = @tenant AND retired_at IS NULL ORDER BY created_at DESC, id LIMIT 1
            """,
            new { tenant = tenant.ToString() });
        return row is null
            ? null
            : new SigningKey(row.Id, _keys.Open(KeyPurpose.SigningKey, tenant, Table, row.Id, row.PrivateKey));
    }

    private sealed record Row(string Id, byte[] PrivateKey);
}
