using System.Collections.Concurrent;
using System.Text.Json;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Policies;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Policies;

/// <summary>A tenant's policy and its version; version 0 is the default that nobody wrote.</summary>
/// <param name="Version">The version.</param>
/// <param name="Policy">The policy.</param>
public sealed record VersionedPolicy(int Version, Policy Policy);

/// <summary>Keeps every version of every tenant's policy. The newest holds.</summary>
public sealed class PolicyStore
{
    // A version never changes once written, so what was read stays true; only its number is asked for every time.
    private readonly ConcurrentDictionary<(TenantId, int), Policy> _read = new();

    /// <summary>The policy that holds in this transaction.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    public async Task<VersionedPolicy> Current(DbSession db, TenantId tenant)
    {
        var version = await db.Scalar<long?>(
            "SELECT MAX(version) FROM policies WHERE tenant_id = @tenant", new { tenant = tenant.ToString() });
        if (version is not { } newest)
        {
            return new VersionedPolicy(0, Policy.Default);
        }

        if (!_read.TryGetValue((tenant, (int)newest), out var policy))
        {
            var document = await db.Scalar<string>(
                "SELECT document FROM policies WHERE tenant_id = @tenant AND version = @newest",
                new { tenant = tenant.ToString(), newest });
            policy = Policy.From(JsonSerializer.Deserialize<PolicyDocument>(document!)!).Value;
            _read[(tenant, (int)newest)] = policy;
        }

        return new VersionedPolicy((int)newest, policy);
    }

    /// <summary>The tenant's roles as they are in this transaction.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    public async Task<RankOrder> Ranks(DbSession db, TenantId tenant) => (await Current(db, tenant)).Policy.Ranks;

    /// <summary>Writes the next version.</summary>
    /// <param name="act">The act.</param>
    /// <param name="version">The version that is written; somebody else's same number is a conflict.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="by">Who wrote it.</param>
    internal Task<int> Add(Act act, int version, Policy policy, Principal by) => act.Db.Execute(
        """
        INSERT INTO policies (tenant_id, version, document, created_at, created_by)
        VALUES (@tenant, @version, @document, @now, @by)
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            version,
            document = JsonSerializer.Serialize(policy.Document),
            now = act.NowMs,
            by = by.Id,
        });
}
