using System.Collections.Immutable;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Access;

/// <summary>
/// Counts recoveries against the limits of a tenant's policy. Where policy has none nothing is read and nothing is written. One row is
/// written for each thing that is counted and none is changed, so that callers do not wait for each other; two that come at once on two
/// machines may both be the last that fits.
/// </summary>
internal sealed class VelocityLimits
{
    /// <summary>How a new recovery stands with the limits.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="subjects">What it is counted for.</param>
    /// <param name="now">The time.</param>
    public Task<ImmutableArray<LimitUse>> OfNew(
        DbSession db, TenantId tenant, Policy policy, ImmutableArray<VelocitySubject> subjects, DateTimeOffset now) =>
        Uses(db, tenant, policy, subjects, fits: limit => limit.Count - 1, now);

    /// <summary>How a recovery that was opened and counted stands with the limits now.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="recovery">The recovery.</param>
    /// <param name="now">The time.</param>
    public async Task<ImmutableArray<LimitUse>> OfOpened(
        DbSession db, TenantId tenant, Policy policy, RecoveryId recovery, DateTimeOffset now)
    {
        if (policy.Velocity.IsEmpty)
        {
            return [];
        }

        var rows = await db.List<SubjectRow>(
            "SELECT scope AS Scope, subject AS Subject FROM velocity_uses WHERE tenant_id = @tenant AND id = @id",
            new { tenant = tenant.ToString(), id = recovery.ToString() });
        var subjects = rows.Select(r => new VelocitySubject(WireName.Parse<VelocityScope>(r.Scope), r.Subject)).ToImmutableArray();
        return await Uses(db, tenant, policy, subjects, fits: limit => limit.Count, now);
    }

    /// <summary>Counts what was opened, or done at once, and says in the ledger which limits it exceeds.</summary>
    /// <param name="act">The act.</param>
    /// <param name="uses">How it stood with the limits.</param>
    /// <param name="by">Who did it.</param>
    /// <param name="visitor">Where it came from.</param>
    /// <param name="account">On whose account.</param>
    /// <param name="recovery">The recovery; null for what is done at once.</param>
    public async Task Count(
        Act act, ImmutableArray<LimitUse> uses, Principal by, Visitor visitor, AccountId account, RecoveryId? recovery)
    {
        var id = (recovery ?? NewId.Make<RecoveryId>()).ToString();
        foreach (var subject in uses.Select(u => u.Subject).Distinct())
        {
            await act.Db.Execute(
                "INSERT INTO velocity_uses (tenant_id, scope, subject, used_at, id) VALUES (@tenant, @scope, @subject, @now, @id)",
                new
                {
                    tenant = act.Tenant.ToString(),
                    scope = WireName.Of(subject.Per),
                    subject = subject.Id,
                    now = act.NowMs,
                    id,
                });
        }

        await Alarm(act, uses, by, visitor, account, recovery);
    }

    /// <summary>
    /// Says in the ledger which limits are exceeded, once for each in the time that it looks back: who goes on does not fill it.
    /// </summary>
    /// <param name="act">The act.</param>
    /// <param name="uses">How it stands with the limits.</param>
    /// <param name="by">Who exceeds them.</param>
    /// <param name="visitor">Where it came from.</param>
    /// <param name="account">On whose account.</param>
    /// <param name="recovery">The recovery; null for what was refused, or is done at once.</param>
    public async Task Alarm(
        Act act, ImmutableArray<LimitUse> uses, Principal by, Visitor visitor, AccountId account, RecoveryId? recovery)
    {
        foreach (var (limit, subject, _) in uses.Where(u => u.IsExceeded))
        {
            var news = await act.Db.Execute(
                """
                INSERT INTO velocity_alarms (tenant_id, limit_name, subject, known_until) VALUES (@tenant, @limit, @subject, @until)
                ON CONFLICT (tenant_id, limit_name, subject) DO UPDATE SET known_until = excluded.known_until
                WHERE velocity_alarms.known_until <= @now
                """,
                new
                {
                    tenant = act.Tenant.ToString(),
                    limit = limit.Name,
                    subject = subject.Id,
                    until = (act.Now + limit.Within).ToUnixTimeMilliseconds(),
                    now = act.NowMs,
                });
            if (news > 0)
            {
                await act.Record(new LedgerEntry(LedgerEvent.VelocityExceeded, by, account, recovery)
                {
                    Facts = new Dictionary<string, object?>(StringComparer.Ordinal)
                    {
                        ["limit"] = limit.Name,
                        ["per"] = WireName.Of(limit.Per),
                        ["subject"] = subject.Id,
                        ["count"] = limit.Count,
                        ["within"] = (long)limit.Within.TotalSeconds,
                        ["then"] = limit.Refuses ? "refuse" : "approval",
                        ["correlation_id"] = visitor.CorrelationId,
                    },
                    Texts = new Dictionary<string, string>(StringComparer.Ordinal) { ["source"] = visitor.Source },
                });
            }
        }
    }

    // The one that makes it one too many: when that is out of sight there is room again. One step in the index, however many there are.
    private static async Task<ImmutableArray<LimitUse>> Uses(
        DbSession db, TenantId tenant, Policy policy, ImmutableArray<VelocitySubject> subjects, Func<VelocityLimit, int> fits, DateTimeOffset now)
    {
        var uses = ImmutableArray.CreateBuilder<LimitUse>();
        foreach (var (limit, subject) in policy.Velocity.SelectMany(l => subjects.Where(l.Counts).Select(s => (l, s))))
        {
            var at = await db.Scalar<long?>(
                """
                SELECT used_at FROM velocity_uses
                WHERE tenant_id = @tenant AND scope = @scope AND subject = @subject AND used_at > @since
                ORDER BY used_at DESC LIMIT 1 OFFSET @fits
                """,
                new
                {
                    tenant = tenant.ToString(),
                    scope = WireName.Of(limit.Per),
                    subject = subject.Id,
                    since = (now - limit.Within).ToUnixTimeMilliseconds(),
                    fits = fits(limit),
                });
            uses.Add(new LimitUse(limit, subject, at is { } ms ? DateTimeOffset.FromUnixTimeMilliseconds(ms) + limit.Within - now : null));
        }

        return uses.ToImmutable();
    }

    private sealed record SubjectRow(string Scope, string Subject);
}
