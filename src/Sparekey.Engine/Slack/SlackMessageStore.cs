using Sparekey.Core;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Slack;

/// <summary>The questions that are put to people in Slack, row by row. A row is claimed for a while before it is sent.</summary>
internal sealed class SlackMessageStore
{
    private const string Columns =
        """
        id AS Id, recovery_id AS Recovery, account_id AS Account, role AS Role, target AS Target, conversation AS Conversation, ts AS Ts,
        shown AS Shown, state AS State, revision AS Revision, due_at AS DueAt, attempts AS Attempts, failing_since AS FailingSince,
        fault AS Fault
        """;

    /// <summary>Adds a question, once for each recovery and target.</summary>
    public Task<int> Ask(Act act, RecoveryId recovery, AccountId account, SlackRole role, string target) => act.Db.Execute(
        """
        INSERT INTO slack_messages (tenant_id, id, recovery_id, account_id, role, target, state, created_at, due_at)
        VALUES (@tenant, @id, @recovery, @account, @role, @target, 'waiting', @now, @now)
        ON CONFLICT (tenant_id, recovery_id, role, target) DO NOTHING
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = NewId.Make<MessageId>().ToString(),
            recovery = recovery.ToString(),
            account = account.ToString(),
            role = WireName.Of(role),
            target,
            now = act.NowMs,
        });

    /// <summary>How often a person was asked since a time.</summary>
    public Task<long> CountAsked(Act act, AccountId account, DateTimeOffset since) => act.Db.Scalar<long>(
        """
        SELECT COUNT(*) FROM slack_messages
        WHERE tenant_id = @tenant AND account_id = @account AND role = 'person' AND created_at > @since
        """,
        new { tenant = act.Tenant.ToString(), account = account.ToString(), since = since.ToUnixTimeMilliseconds() });

    /// <summary>Notes that something happened that the questions of a recovery show. What waits for its next try goes on waiting for it.</summary>
    public Task<int> Touch(Act act, RecoveryId recovery) => act.Db.Execute(
        """
        UPDATE slack_messages SET revision = revision + 1, due_at = COALESCE(due_at, @now)
        WHERE tenant_id = @tenant AND recovery_id = @recovery AND state IN ('waiting', 'sent')
        """,
        new { tenant = act.Tenant.ToString(), recovery = recovery.ToString(), now = act.NowMs });

    /// <summary>Has questions asked again that nothing was left to ask of when they would have been sent.</summary>
    public Task<int> AskAgain(Act act, RecoveryId recovery, SlackRole role) => act.Db.Execute(
        """
        UPDATE slack_messages SET state = 'waiting', due_at = @now, ended_at = NULL
        WHERE tenant_id = @tenant AND recovery_id = @recovery AND role = @role AND state = 'dropped'
        """,
        new { tenant = act.Tenant.ToString(), recovery = recovery.ToString(), role = WireName.Of(role), now = act.NowMs });

    /// <summary>Whether anything is to be sent now.</summary>
    public async Task<bool> AnyDue(DbSession db, TenantId tenant, DateTimeOffset now) => await db.Scalar<string>(
        "SELECT id FROM slack_messages WHERE tenant_id = @tenant AND due_at <= @now AND claimed_until <= @now LIMIT 1",
        new { tenant = tenant.ToString(), now = now.ToUnixTimeMilliseconds() }) is not null;

    /// <summary>Claims what is to be sent, the longest due first.</summary>
    public async Task<IReadOnlyList<SlackMessage>> Claim(Act act, DateTimeOffset until, int limit)
    {
        var tenant = act.Tenant.ToString();
        var rows = await act.Db.List<Row>(
            $"""
            SELECT {Columns} FROM slack_messages
            WHERE tenant_id = @tenant AND due_at <= @now AND claimed_until <= @now
            ORDER BY due_at, id LIMIT @limit
            """,
            new { tenant, now = act.NowMs, limit });
        var (claim, mine) = await RowClaims.Take(act, "slack_messages", rows, r => r.Id, until);
        return [.. mine.Select(r => r.Read() with { Claim = claim })];
    }

    /// <summary>Notes what came of a try. What happened since the row was claimed has it tried again at once.</summary>
    /// <param name="act">The act.</param>
    /// <param name="message">The row as it was claimed, with what came of it.</param>
    /// <returns>Zero when the claim was lost meanwhile.</returns>
    public Task<int> Settle(Act act, SlackMessage message) => act.Db.Execute(
        """
        UPDATE slack_messages
        SET conversation = @conversation, ts = @ts, shown = @shown,
            state = CASE WHEN @state = 'dropped' AND revision <> @revision THEN 'waiting' ELSE @state END, attempts = @attempts, failing_since = @failing,
            fault = @fault, due_at = CASE WHEN @done = 1 AND revision <> @revision THEN CAST(@now AS BIGINT) ELSE @due END,
            ended_at = CASE WHEN @state = 'dead' OR (@state = 'dropped' AND revision = @revision) THEN CAST(@now AS BIGINT) ELSE NULL END, claimed_by = NULL, claimed_until = 0
        WHERE tenant_id = @tenant AND id = @id AND claimed_by = @claim
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = message.Id.ToString(),
            conversation = message.Conversation,
            ts = message.Ts,
            shown = message.Shown,
            state = WireName.Of(message.State),
            attempts = message.Attempts,
            failing = message.FailingSince?.ToUnixTimeMilliseconds(),
            fault = message.Fault,
            due = message.DueAt?.ToUnixTimeMilliseconds(),
            done = message.State is SlackMessageState.Sent or SlackMessageState.Dropped && message.DueAt is null ? 1 : 0,
            revision = message.Revision,
            now = act.NowMs,
            claim = message.Claim,
        });

    /// <summary>Gives back what was claimed and not tried.</summary>
    public Task<int> Release(Act act, SlackMessage message) => RowClaims.Release(act, "slack_messages", message.Id.ToString(), message.Claim);

    /// <summary>Has a dead message tried again, under the same id. Zero when it is not dead.</summary>
    public Task<int> Revive(Act act, MessageId id) => act.Db.Execute(
        """
        UPDATE slack_messages
        SET state = CASE WHEN ts IS NULL THEN 'waiting' ELSE 'sent' END, due_at = @now, attempts = 0, failing_since = NULL, fault = NULL,
            ended_at = NULL
        WHERE tenant_id = @tenant AND id = @id AND state = 'dead'
        """,
        new { tenant = act.Tenant.ToString(), id = id.ToString(), now = act.NowMs });

    /// <summary>One question.</summary>
    public async Task<SlackMessage?> Find(DbSession db, TenantId tenant, MessageId id) => (await db.Find<Row>(
        $"SELECT {Columns} FROM slack_messages WHERE tenant_id = @tenant AND id = @id",
        new { tenant = tenant.ToString(), id = id.ToString() }))?.Read();

    private sealed record Row(
        string Id, string Recovery, string Account, string Role, string Target, string? Conversation, string? Ts, string? Shown, string State,
        long Revision, long? DueAt, long Attempts, long? FailingSince, string? Fault)
    {
        public SlackMessage Read() => new(
            Ids.Parse<MessageId>(Id), Ids.Parse<RecoveryId>(Recovery), Ids.Parse<AccountId>(Account), WireName.Parse<SlackRole>(Role), Target,
            WireName.Parse<SlackMessageState>(State), (int)Revision)
        {
            Conversation = Conversation,
            Ts = Ts,
            Shown = Shown,
            Attempts = (int)Attempts,
            FailingSince = At(FailingSince),
            Fault = Fault,
            DueAt = At(DueAt),
        };

        private static DateTimeOffset? At(long? ms) => ms is { } known ? DateTimeOffset.FromUnixTimeMilliseconds(known) : null;
    }
}
