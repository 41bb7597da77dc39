using System.Collections.Concurrent;
using Sparekey.Core;

namespace Sparekey.Engine.Access;

/// <summary>
/// Counts refusals to strangers by kind and minute. A row per refusal would let anybody fill the disk; a count tells an
/// operator as much. Kept in memory until the next write, so a crash loses a few seconds of counts and nothing else.
/// </summary>
public sealed class SecurityEvents
{
    private readonly Acts _acts;
    private readonly ConcurrentDictionary<(TenantId Tenant, long Minute, RefusalCode Code), long> _counts = new();

    /// <summary>Counts.</summary>
    /// <param name="acts">Writes them.</param>
    public SecurityEvents(Acts acts) => _acts = acts;

    /// <summary>Counts a refusal.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="code">What was refused.</param>
    public void Count(TenantId tenant, RefusalCode code) =>
        _counts.AddOrUpdate((tenant, _acts.Now.ToUnixTimeSeconds() / 60, code), 1, (_, count) => count + 1);

    /// <summary>Writes what was counted since the last call.</summary>
    /// <param name="cancellationToken">Stops between two tenants.</param>
    public async Task Write(CancellationToken cancellationToken)
    {
        foreach (var tenant in _counts.Keys.Select(k => k.Tenant).Distinct().ToList())
        {
            var taken = new List<((TenantId Tenant, long Minute, RefusalCode Code) Key, long Count)>();
            foreach (var key in _counts.Keys.Where(k => k.Tenant == tenant))
            {
                if (_counts.TryRemove(key, out var count))
                {
                    taken.Add((key, count));
                }
            }

            try
            {
                await _acts.Write(tenant, act => Write(act, taken), cancellationToken);
            }
            catch
            {
                // Storage may be away for long; what was counted waits. A commit whose answer was lost counts twice.
                taken.ForEach(t => _counts.AddOrUpdate(t.Key, t.Count, (_, count) => count + t.Count));
                throw;
            }
        }
    }

    private static async Task<int> Write(Act act, List<((TenantId Tenant, long Minute, RefusalCode Code) Key, long Count)> counts)
    {
        foreach (var (key, count) in counts)
        {
            await act.Db.Execute(
                """
                INSERT INTO security_events (tenant_id, minute, event, count) VALUES (@tenant, @minute, @code, @count)
                ON CONFLICT (tenant_id, minute, event) DO UPDATE SET count = security_events.count + excluded.count
                """,
                new { tenant = act.Tenant.ToString(), minute = key.Minute, code = WireName.Of(key.Code), count });
        }

        return counts.Count;
    }
}
