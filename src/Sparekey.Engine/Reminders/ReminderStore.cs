using Sparekey.Core;
using Sparekey.Core.Accounts;

namespace Sparekey.Engine.Reminders;

/// <summary>What people are reminded of, each once.</summary>
internal enum ReminderKind
{
    /// <summary>A recovery waits for its person.</summary>
    RecoveryPerson,

    /// <summary>A recovery waits for approvals.</summary>
    RecoveryApprovers,

    /// <summary>An access token ends.</summary>
    Token,

    /// <summary>What an operator may do ends.</summary>
    Operator,

    /// <summary>A provisional password ends.</summary>
    Password,
}

/// <summary>Something of a person's that is about to end.</summary>
/// <param name="Kind">What.</param>
/// <param name="Subject">Which one: it is reminded of once.</param>
/// <param name="Account">Who is reminded.</param>
/// <param name="Name">What it is called; null for nothing.</param>
/// <param name="EndsAt">When it ends.</param>
internal sealed record Ending(ReminderKind Kind, string Subject, AccountId Account, string? Name, DateTimeOffset EndsAt);

/// <summary>What was reminded of, and what is about to end. It writes rows and nothing else.</summary>
internal sealed class ReminderStore
{
    /// <summary>How long before its end a token, or what an operator may do, is reminded of; where it lasted twice as long at least.</summary>
    public static readonly TimeSpan Before = TimeSpan.FromDays(7);

    /// <summary>How long before its end a provisional password is reminded of: it lives a day.</summary>
    public static readonly TimeSpan PasswordBefore = TimeSpan.FromHours(6);

    private static readonly (ReminderKind Kind, string Sql)[] Endings =
    [
        (ReminderKind.Token,
            """
            SELECT t.id AS Subject, a.id AS Account, s.name AS Name, t.expires_at AS EndsAt
            FROM access_tokens t
            JOIN service_accounts s ON s.tenant_id = t.tenant_id AND s.id = t.service_account_id
            JOIN accounts a ON a.tenant_id = t.tenant_id AND a.id = s.owner_id
            WHERE t.tenant_id = @tenant AND t.revoked_at IS NULL AND t.expires_at > @now AND t.expires_at <= @soon
              AND t.expires_at - t.created_at >= @long AND s.deleted_at IS NULL AND a.status = @active
              AND NOT EXISTS (SELECT 1 FROM reminders r WHERE r.tenant_id = t.tenant_id AND r.kind = @kind AND r.subject = t.id)
            ORDER BY t.expires_at, t.id LIMIT @limit
            """),
        (ReminderKind.Operator,
            """
            SELECT a.id || '/' || o.expires_at AS Subject, a.id AS Account, NULL AS Name, o.expires_at AS EndsAt
            FROM operators o JOIN accounts a ON a.tenant_id = o.tenant_id AND a.id = o.account_id
            WHERE o.tenant_id = @tenant AND o.expires_at > @now AND o.expires_at <= @soon
              AND o.expires_at - o.granted_at >= @long AND a.status = @active
              AND NOT EXISTS (
                  SELECT 1 FROM reminders r
                  WHERE r.tenant_id = o.tenant_id AND r.kind = @kind AND r.subject = a.id || '/' || o.expires_at)
            ORDER BY o.expires_at, a.id LIMIT @limit
            """),
        (ReminderKind.Password,
            """
            SELECT c.id AS Subject, a.id AS Account, NULL AS Name, c.provisional_until AS EndsAt
            FROM credentials c JOIN accounts a ON a.tenant_id = c.tenant_id AND a.id = c.account_id
            WHERE c.tenant_id = @tenant AND c.provisional_until > @now AND c.provisional_until <= @soonPassword AND a.status = @active
              AND NOT EXISTS (SELECT 1 FROM reminders r WHERE r.tenant_id = c.tenant_id AND r.kind = @kind AND r.subject = c.id)
            ORDER BY c.provisional_until, c.id LIMIT @limit
            """),
    ];

    /// <summary>What is about to end and was not reminded of.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="now">The time.</param>
    /// <param name="limit">How many of each kind at most.</param>
    public async Task<IReadOnlyList<Ending>> Ending(Storage.DbSession db, TenantId tenant, DateTimeOffset now, int limit)
    {
        var found = new List<Ending>();
        foreach (var (kind, sql) in Endings)
        {
            var rows = await db.List<Row>(sql, new
            {
                tenant = tenant.ToString(),
                kind = WireName.Of(kind),
                now = now.ToUnixTimeMilliseconds(),
                soon = (now + Before).ToUnixTimeMilliseconds(),
                soonPassword = (now + PasswordBefore).ToUnixTimeMilliseconds(),
                @long = (long)(2 * Before).TotalMilliseconds,
                active = WireName.Of(AccountStatus.Active),
                limit,
            });
            found.AddRange(rows.Select(r => new Ending(
                kind, r.Subject, Ids.Parse<AccountId>(r.Account), r.Name, DateTimeOffset.FromUnixTimeMilliseconds(r.EndsAt))));
        }

        return found;
    }

    /// <summary>Notes that it is reminded of in this act.</summary>
    /// <param name="act">The act.</param>
    /// <param name="kind">What kind of thing.</param>
    /// <param name="subject">Which one.</param>
    /// <returns>False when it was before: then nobody is reminded.</returns>
    public async Task<bool> Once(Act act, ReminderKind kind, string subject) => await act.Db.Execute(
        """
        INSERT INTO reminders (tenant_id, kind, subject, sent_at) VALUES (@tenant, @kind, @subject, @now)
        ON CONFLICT (tenant_id, kind, subject) DO NOTHING
        """,
        new { tenant = act.Tenant.ToString(), kind = WireName.Of(kind), subject, now = act.NowMs }) == 1;

    // Not a record: a column that is always NULL has no type, which a constructor could not be matched to.
    private sealed class Row
    {
        public string Subject { get; init; } = "";

        public string Account { get; init; } = "";

        public string? Name { get; init; }

        public long EndsAt { get; init; }
    }
}
