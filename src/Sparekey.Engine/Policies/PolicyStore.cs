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
        // One question for both, because every act asks it.
        var row = await db.Find<CurrentRow>(
            """
            SELECT CAST(COALESCE((SELECT MAX(version) FROM policies WHERE tenant_id = @tenant), 0) AS BIGINT) AS Version,
                   (SELECT COUNT(*) FROM recovery_stops WHERE tenant_id = @tenant) AS Stops
            """,
            new { tenant = tenant.ToString() });
        var version = (int)row!.Version;
        var policy = version == 0 ? Policy.Default : await Read(db, tenant, version);
        return new VersionedPolicy(version, row.Stops == 0 ? policy : policy.WhileStopped());
    }

    private async Task<Policy> Read(DbSession db, TenantId tenant, int version)
    {
        if (!_read.TryGetValue((tenant, version), out var policy))
        {
            policy = Policy.From(Parse(await db.Scalar<string>(
                "SELECT document FROM policies WHERE tenant_id = @tenant AND version = @version",
                new { tenant = tenant.ToString(), version }) ?? throw new InvalidOperationException("The policy is gone."))).Value;
            _read[(tenant, version)] = policy;
        }

        return policy;
    }

    /// <summary>A policy as it is stored.</summary>
    /// <param name="document">The policy.</param>
    internal static string Write(PolicyDocument document) => JsonSerializer.Serialize(document);

    /// <summary>A stored policy.</summary>
    /// <param name="text">What <see cref="Write"/> made of it.</param>
    internal static PolicyDocument Parse(string text) => JsonSerializer.Deserialize<PolicyDocument>(text)!;

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
            document = Write(policy.Document),
            now = act.NowMs,
            by = by.Id,
        });

    private sealed record CurrentRow(long Version, long Stops);
}
