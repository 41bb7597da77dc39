using Sparekey.Core;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Slack;

/// <summary>Buttons that were pressed, until what they say was done.</summary>
internal sealed class SlackPressStore
{
    private const string Columns =
        """
        id AS Id, message_id AS Message, recovery_id AS Recovery, digest AS Digest, action AS Action, user_id AS UserId,
        conversation AS Conversation, ts AS Ts, pressed_at AS PressedAt
        """;

    /// <summary>Notes a press. Zero when its request was seen before.</summary>
    public Task<int> Add(Act act, SlackPress press) => act.Db.Execute(
        """
        INSERT INTO slack_presses (tenant_id, id, message_id, recovery_id, digest, action, user_id, conversation, ts, pressed_at, due_at)
        VALUES (@tenant, @id, @message, @recovery, @digest, @action, @user, @conversation, @ts, @now, @now)
        ON CONFLICT (tenant_id, id) DO NOTHING
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = press.Id,
            message = press.Message.ToString(),
            recovery = press.Recovery.ToString(),
            digest = press.Digest,
            action = WireName.Of(press.Action),
            user = press.User,
            conversation = press.Conversation,
            ts = press.Ts,
            now = act.NowMs,
        });

    /// <summary>Whether any waits to be answered.</summary>
    public async Task<bool> AnyDue(DbSession db, TenantId tenant, DateTimeOffset now) => await db.Scalar<string>(
        "SELECT id FROM slack_presses WHERE tenant_id = @tenant AND due_at <= @now AND claimed_until <= @now LIMIT 1",
        new { tenant = tenant.ToString(), now = now.ToUnixTimeMilliseconds() }) is not null;

    /// <summary>Claims what waits, in the order in which it was pressed.</summary>
    public async Task<IReadOnlyList<SlackPress>> Claim(Act act, DateTimeOffset until, int limit)
    {
        var tenant = act.Tenant.ToString();
        var rows = await act.Db.List<Row>(
            $"""
            SELECT {Columns} FROM slack_presses
            WHERE tenant_id = @tenant AND due_at <= @now AND claimed_until <= @now
            ORDER BY pressed_at, id LIMIT @limit
            """,
            new { tenant, now = act.NowMs, limit });
        var (claim, mine) = await RowClaims.Take(act, "slack_presses", rows, r => r.Id, until);
        return [.. mine.Select(r => r.Read() with { Claim = claim })];
    }

    /// <summary>Notes what came of a press.</summary>
    /// <param name="act">The act.</param>
    /// <param name="press">The press as it was claimed.</param>
    /// <param name="outcome">What came of it, or why it has to wait.</param>
    /// <param name="next">When to try again; null when it is over.</param>
    public Task<int> Settle(Act act, SlackPress press, string outcome, DateTimeOffset? next) => act.Db.Execute(
        """
        UPDATE slack_presses SET outcome = @outcome, due_at = @due, claimed_by = NULL, claimed_until = 0
        WHERE tenant_id = @tenant AND id = @id AND claimed_by = @claim
        """,
        new { tenant = act.Tenant.ToString(), id = press.Id, outcome, due = next?.ToUnixTimeMilliseconds(), claim = press.Claim });

    private sealed record Row(
        string Id, string Message, string Recovery, string Digest, string Action, string UserId, string Conversation, string Ts, long PressedAt)
    {
        public SlackPress Read() => new(
            Id, Ids.Parse<MessageId>(Message), Ids.Parse<RecoveryId>(Recovery), Digest, WireName.Parse<SlackAction>(Action), UserId, Conversation,
            Ts, DateTimeOffset.FromUnixTimeMilliseconds(PressedAt));
    }
}
