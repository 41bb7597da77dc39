using System.Collections.Immutable;
using System.Security.Cryptography;
using Sparekey.Core;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow.Identity;

/// <summary>What a key of a server is for.</summary>
internal enum ServerKeyPurpose
{
    /// <summary>Signs and decrypts messages.</summary>
    Openpgp,

    /// <summary>Signs access tokens.</summary>
    Access,
}

/// <summary>A key of a server that is new.</summary>
/// <param name="Purpose">What it is for.</param>
/// <param name="Fingerprint">What names it.</param>
/// <param name="PublicKey">Its public half.</param>
/// <param name="SecretKey">Its secret half; the caller wipes it.</param>
internal sealed record NewServerKey(ServerKeyPurpose Purpose, string Fingerprint, string PublicKey, byte[] SecretKey)
{
    /// <summary>Shows nothing of the secret half.</summary>
    public override string ToString() => $"{WireName.Of(Purpose)} key {Fingerprint}";
}

/// <summary>The tenants' own OpenPGP keys and what they are called. The secret halves are sealed.</summary>
/// <param name="keys">Seals them.</param>
internal sealed class OpenPgpServerStore(KeyRing keys) : ISealed
{
    private const string Table = "openpgp_server_keys";

    /// <summary>What a tenant is; null until it was set up.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    public async Task<OpenPgpServer?> Find(DbSession db, TenantId tenant)
    {
        var row = await db.Find<Row>(
            """
            SELECT s.domain AS Domain, s.aliases AS Aliases, o.fingerprint AS Fingerprint, o.public_key AS ArmoredKey, a.public_key AS AccessKey
            FROM openpgp_servers s
            JOIN openpgp_server_keys o ON o.tenant_id = s.tenant_id AND o.purpose = @openpgp
            JOIN openpgp_server_keys a ON a.tenant_id = s.tenant_id AND a.purpose = @access
            WHERE s.tenant_id = @tenant
            """,
            new
            {
                tenant = tenant.ToString(),
                openpgp = WireName.Of(ServerKeyPurpose.Openpgp),
                access = WireName.Of(ServerKeyPurpose.Access),
            });
        return row is null
            ? null
            : new OpenPgpServer(row.Domain, StoredJson.Read<ImmutableArray<string>>(row.Aliases), row.Fingerprint, row.ArmoredKey, row.AccessKey);
    }

    /// <summary>The secret half of a key; the caller wipes it.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant, which was set up.</param>
    /// <param name="purpose">Which key.</param>
    public async Task<byte[]> SecretOf(DbSession db, TenantId tenant, ServerKeyPurpose purpose)
    {
        var envelope = await db.Scalar<byte[]>(
            "SELECT sealed FROM openpgp_server_keys WHERE tenant_id = @tenant AND purpose = @purpose",
            new { tenant = tenant.ToString(), purpose = WireName.Of(purpose) });
        return keys.Open(KeyPurpose.OpenpgpServer, tenant, Table, WireName.Of(purpose), envelope);
    }

    /// <summary>Sets what the tenant is called.</summary>
    /// <param name="act">The act.</param>
    /// <param name="domain">The URL.</param>
    /// <param name="aliases">Those it was called by before.</param>
    public Task<int> SetDomain(Act act, string domain, ImmutableArray<string> aliases) => act.Db.Execute(
        """
        INSERT INTO openpgp_servers (tenant_id, domain, aliases, changed_at) VALUES (@tenant, @domain, @aliases, @now)
        ON CONFLICT (tenant_id) DO UPDATE SET domain = excluded.domain, aliases = excluded.aliases, changed_at = excluded.changed_at
        """,
        new { tenant = act.Tenant.ToString(), domain, aliases = StoredJson.Write(aliases), now = act.NowMs });

    /// <summary>Keeps a key.</summary>
    /// <param name="act">The act.</param>
    /// <param name="key">The key.</param>
    public Task<int> Insert(Act act, NewServerKey key) => act.Db.Execute(
        """
        INSERT INTO openpgp_server_keys (tenant_id, purpose, fingerprint, public_key, sealed, created_at)
        VALUES (@tenant, @purpose, @fingerprint, @publicKey, @envelope, @now)
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            purpose = WireName.Of(key.Purpose),
            fingerprint = key.Fingerprint,
            publicKey = key.PublicKey,
            envelope = keys.Seal(KeyPurpose.OpenpgpServer, act.Tenant, Table, WireName.Of(key.Purpose), key.SecretKey),
            now = act.NowMs,
        });

    /// <inheritdoc/>
    public async Task<SealedPlace?> SealAgain(Act act, SealedPlace? after, int limit)
    {
        // Two rows at most.
        var rows = await act.Db.List<SealedRow>(
            "SELECT purpose AS Purpose, sealed AS Envelope FROM openpgp_server_keys WHERE tenant_id = @tenant", new { tenant = act.Tenant.ToString() });
        foreach (var row in rows.Where(r => KeyRing.VersionOf(r.Envelope) != keys.ActiveVersion))
        {
            var clear = keys.Open(KeyPurpose.OpenpgpServer, act.Tenant, Table, row.Purpose, row.Envelope);
            try
            {
                await act.Db.Execute(
                    "UPDATE openpgp_server_keys SET sealed = @envelope WHERE tenant_id = @tenant AND purpose = @purpose",
                    new
                    {
                        tenant = act.Tenant.ToString(),
                        purpose = row.Purpose,
                        envelope = keys.Seal(KeyPurpose.OpenpgpServer, act.Tenant, Table, row.Purpose, clear),
                    });
            }
            finally
            {
                CryptographicOperations.ZeroMemory(clear);
            }
        }

        return null;
    }

    private sealed record Row(string Domain, string Aliases, string Fingerprint, string ArmoredKey, string AccessKey);

    private sealed record SealedRow(string Purpose, byte[] Envelope);
}
