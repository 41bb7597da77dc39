using Sparekey.Core;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Delivery;

/// <summary>
/// Messages waiting to leave. A row is written in the act's own transaction and leaves after commit; its payload may hold a
/// link or code and is therefore sealed, bound to its row, and erased as soon as it has left or may no longer leave.
/// </summary>
/// <param name="keys">Seals the payloads.</param>
public sealed class Outbox(KeyRing keys)
{
    // So many rows in one statement: texts differ by their number, and every text is prepared.
    private const int MostRows = 16;

    /// <summary>Queues messages. If the process dies after this line, they are queued exactly if the act stands.</summary>
    /// <param name="act">The act.</param>
    /// <param name="messages">The messages.</param>
    internal async Task Enqueue(Act act, IReadOnlyList<OutboxMessage> messages)
    {
        foreach (var some in messages.Chunk(MostRows))
        {
            await EnqueueSome(act, some);
        }
    }

    private Task EnqueueSome(Act act, OutboxMessage[] messages)
    {
        var values = new Dictionary<string, object?>(StringComparer.Ordinal) { ["tenant"] = act.Tenant.ToString(), ["now"] = act.NowMs };
        foreach (var (i, message) in messages.Index())
        {
            var id = NewId.Make<MessageId>(act.Now);
            values[$"id{i}"] = id.ToString();
            values[$"kind{i}"] = WireName.Of(message.Kind);
            values[$"account{i}"] = message.Account.ToString();
            values[$"recovery{i}"] = message.Recovery?.ToString();
            values[$"expires{i}"] = NoNumber.Or(message.ExpiresAt?.ToUnixTimeMilliseconds());
            values[$"payload{i}"] = new MessagePayload(message.To, message.Values).Seal(keys, act.Tenant, id);
            values[$"route{i}"] = WireName.Of(RouteOf(message.To));
        }

        return act.Db.Post(
            "INSERT INTO outbox (tenant_id, id, kind, account_id, recovery_id, created_at, due_at, expires_at, attempts, sealed, route) VALUES "
            + Rows.Of(messages.Length, "(@tenant, @id#, @kind#, @account#, @recovery#, @now, @now, @expires#, 0, @payload#, @route#)"),
            values);
    }

    // Recipients of several kinds part when they are addressed, as those do who are not known yet.
    private static MessageRoute RouteOf(IReadOnlyList<Recipient> to) =>
        to.Select(r => r.Route).Distinct().ToList() is [var only] ? only : MessageRoute.Any;

    /// <summary>Erases queued secrets of a recovery: a new generation, a cancel, a completion or the end kills them.</summary>
    /// <param name="act">The act.</param>
    /// <param name="recovery">The recovery.</param>
    internal Task EraseSecrets(Act act, RecoveryId recovery) => act.Db.Post(
        "DELETE FROM outbox WHERE tenant_id = @tenant AND recovery_id = @recovery AND expires_at IS NOT NULL",
        new { tenant = act.Tenant.ToString(), recovery = recovery.ToString() });
}
