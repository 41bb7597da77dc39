using Sparekey.Core;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Policies;

/// <summary>All recoveries of a tenant are stopped.</summary>
/// <param name="At">Since when.</param>
/// <param name="By">Who stopped them: a principal's id.</param>
/// <param name="Reason">Why.</param>
public sealed record StoppedRecoveries(DateTimeOffset At, string By, string Reason);

/// <summary>Whether a tenant's recoveries are stopped.</summary>
internal static class RecoveryStops
{
    /// <summary>Who stopped them; null while they go on.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    public static async Task<StoppedRecoveries?> Find(DbSession db, TenantId tenant) =>
        await db.Find<Row>(
            "SELECT stopped_at AS At, stopped_by AS By, reason AS Reason FROM recovery_stops WHERE tenant_id = @tenant",
            new { tenant = tenant.ToString() }) is { } row
            ? new StoppedRecoveries(DateTimeOffset.FromUnixTimeMilliseconds(row.At), row.By, row.Reason)
            : null;

    /// <summary>Stops them. Zero when they were stopped already: the first reason stays.</summary>
    /// <param name="act">The act.</param>
    /// <param name="by">Who stops them.</param>
    /// <param name="reason">Why.</param>
    public static Task<int> Add(Act act, string by, string reason) => act.Db.Execute(
        """
        INSERT INTO recovery_stops (tenant_id, stopped_at, stopped_by, reason) VALUES (@tenant, @now, @by, @reason)
        ON CONFLICT (tenant_id) DO NOTHING
        """,
        new { tenant = act.Tenant.ToString(), now = act.NowMs, by, reason });

    /// <summary>Lets them go on. Zero when they were not stopped.</summary>
    /// <param name="act">The act.</param>
    public static Task<int> Remove(Act act) =>
        act.Db.Execute("DELETE FROM recovery_stops WHERE tenant_id = @tenant", new { tenant = act.Tenant.ToString() });

    private sealed record Row(long At, string By, string Reason);
}
