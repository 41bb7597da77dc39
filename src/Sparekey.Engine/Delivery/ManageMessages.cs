using System.Collections.Immutable;
using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Slack;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Delivery;

/// <summary>How a message stands.</summary>
public enum MessageState
{
    /// <summary>It is still to leave, or to leave again.</summary>
    Waiting,

    /// <summary>It will not leave by itself.</summary>
    Dead,
}

/// <summary>A message that has not left, without what it says.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Route">Which way it takes.</param>
/// <param name="Kind">What it is for.</param>
/// <param name="State">How it stands.</param>
/// <param name="Account">Whose account it is about.</param>
/// <param name="CreatedAt">When it was made.</param>
/// <param name="Attempts">How often it was tried.</param>
public sealed record MessageInfo(
    MessageId Id, MessageRoute Route, string Kind, MessageState State, AccountId Account, DateTimeOffset CreatedAt, int Attempts)
{
    /// <summary>The recovery it belongs to.</summary>
    public RecoveryId? Recovery { get; init; }

    /// <summary>When it is tried next.</summary>
    public DateTimeOffset? DueAt { get; init; }

    /// <summary>When it died.</summary>
    public DateTimeOffset? DiedAt { get; init; }

    /// <summary>Why it did not leave.</summary>
    public string? Why { get; init; }

    /// <summary>What whoever should have taken it answered last.</summary>
    public int? Code { get; init; }

    /// <summary>Whether a dead one can be sent again: what carried a secret was erased.</summary>
    public bool CanRetry { get; init; }
}

/// <summary>Shows the messages that have not left (mail, text messages, calls, Slack) and has dead ones sent again.</summary>
public sealed class ManageMessages
{
    private readonly Acts _acts;
    private readonly OutboxQueue _queue;
    private readonly SlackMessageStore _slack;
    private readonly TenantActs _tenant;

    internal ManageMessages(Acts acts, OutboxQueue queue, SlackMessageStore slack, TenantActs tenant) =>
        (_acts, _queue, _slack, _tenant) = (acts, queue, slack, tenant);

    /// <summary>A page of messages, newest first.</summary>
    /// <param name="caller">Who reads; holds <c>tenant:admin</c>.</param>
    /// <param name="state">How they stand; null for all.</param>
    /// <param name="after">After which one: when it was made, and its id.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<ImmutableArray<MessageInfo>> List(
        Caller caller, MessageState? state, PagePosition? after, int limit, CancellationToken cancellationToken) =>
        _acts.Read(db => Read(db, caller.Tenant, null, state, after, limit), cancellationToken);

    /// <summary>Has a dead message sent again, under its own id.</summary>
    /// <param name="caller">Who does it; holds <c>tenant:admin</c> and the highest role as ceiling.</param>
    /// <param name="id">Which.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The message, which waits again; or <see cref="RefusalCode.MessageNotFound"/>, <see cref="RefusalCode.WrongState"/> while it waits or
    /// when its secret was erased, <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public Task<Result<MessageInfo>> Retry(Caller caller, MessageId id, CancellationToken cancellationToken) =>
        _tenant.Write(caller, act => Retry(act, caller, id), cancellationToken);

    // If the process dies after this act, the message waits as any other does.
    private async Task<Result<MessageInfo>> Retry(Act act, Caller caller, MessageId id)
    {
        if (await Find(act.Db, act.Tenant, id) is not { } found)
        {
            return RefusalCode.MessageNotFound;
        }

        if (found.State != MessageState.Dead)
        {
            return new Refusal(RefusalCode.WrongState, "It is still being sent.");
        }

        if (!found.CanRetry || await (found.Route == MessageRoute.Slack ? _slack.Revive(act, id) : _queue.Revive(act, id)) == 0)
        {
            return new Refusal(RefusalCode.WrongState, "Its secret was erased. Issue the recovery again.");
        }

        await act.Record(new LedgerEntry(LedgerEvent.MessageRetried, caller.Principal, found.Account, found.Recovery)
        {
            Facts = new Dictionary<string, object?>(StringComparer.Ordinal)
            {
                ["message"] = id.ToString(),
                ["kind"] = found.Kind,
                ["route"] = WireName.Of(found.Route),
                ["correlation_id"] = caller.CorrelationId,
            },
        });
        return (await Find(act.Db, act.Tenant, id))!;
    }

    private static async Task<MessageInfo?> Find(DbSession db, TenantId tenant, MessageId id) =>
        (await Read(db, tenant, id, null, null, 1)).FirstOrDefault();

    private static async Task<ImmutableArray<MessageInfo>> Read(
        DbSession db, TenantId tenant, MessageId? id, MessageState? state, PagePosition? after, int limit) =>
        [.. (await db.List<Row>(
            """
            SELECT id AS Id, route AS Route, kind AS Kind, state AS State, account_id AS Account, recovery_id AS Recovery,
                created_at AS CreatedAt, attempts AS Attempts, due_at AS DueAt, died_at AS DiedAt, why AS Why, code AS Code, kept AS Kept
            FROM (
                SELECT id, route, kind, 'waiting' AS state, account_id, COALESCE(recovery_id, '') AS recovery_id, created_at, attempts, due_at,
                    0 AS died_at, '' AS why, 0 AS code, 0 AS kept
                FROM outbox WHERE tenant_id = @tenant
                UNION ALL
                SELECT id, route, kind, 'dead', account_id, COALESCE(recovery_id, ''), created_at, attempts, 0, died_at, why,
                    COALESCE(smtp_code, 0), CASE WHEN sealed IS NULL THEN 0 ELSE 1 END
                FROM dead_letters WHERE tenant_id = @tenant
                UNION ALL
                SELECT id, 'slack', CASE role WHEN 'person' THEN 'slack_confirmation' ELSE 'slack_approval' END,
                    CASE state WHEN 'dead' THEN 'dead' ELSE 'waiting' END, account_id, recovery_id, created_at, attempts, COALESCE(due_at, 0),
                    COALESCE(ended_at, 0), COALESCE(fault, ''), 0, 1
                FROM slack_messages WHERE tenant_id = @tenant AND (state = 'dead' OR due_at IS NOT NULL)
            ) AS messages
            WHERE (CAST(@id AS TEXT) IS NULL OR id = @id) AND (CAST(@state AS TEXT) IS NULL OR state = @state)
              AND (CAST(@afterAt AS BIGINT) IS NULL OR created_at < @afterAt OR (created_at = @afterAt AND id < @afterId))
            ORDER BY created_at DESC, id DESC LIMIT @limit
            """,
            new
            {
                tenant = tenant.ToString(),
                id = id?.ToString(),
                state = state is { } wanted ? WireName.Of(wanted) : null,
                afterAt = after?.At,
                afterId = after?.Id.ToString("D"),
                limit,
            })).Select(r => r.Read())];

    // Not a record: what a query puts together has no type as long as it has no row, which a constructor could not be matched to.
    private sealed class Row
    {
        public string Id { get; init; } = "";

        public string Route { get; init; } = "";

        public string Kind { get; init; } = "";

        public string State { get; init; } = "";

        public string Account { get; init; } = "";

        public string Recovery { get; init; } = "";

        public long CreatedAt { get; init; }

        public long Attempts { get; init; }

        public long DueAt { get; init; }

        public long DiedAt { get; init; }

        public string Why { get; init; } = "";

        public long Code { get; init; }

        public long Kept { get; init; }

        public MessageInfo Read() => new(
            Ids.Parse<MessageId>(Id), WireName.Parse<MessageRoute>(Route), Kind, WireName.Parse<MessageState>(State), Ids.Parse<AccountId>(Account),
            DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt), (int)Attempts)
        {
            Recovery = Recovery.Length == 0 ? null : Ids.Parse<RecoveryId>(Recovery),
            DueAt = At(DueAt),
            DiedAt = At(DiedAt),
            Why = Why.Length == 0 ? null : Why,
            Code = Code == 0 ? null : (int)Code,
            CanRetry = State == "dead" && Kept != 0,
        };

        private static DateTimeOffset? At(long ms) => ms == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(ms);
    }
}
