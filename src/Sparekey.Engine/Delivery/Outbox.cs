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
    /// <summary>Queues messages. If the process dies after this line, they are queued exactly if the act stands.</summary>
    /// <param name="act">The act.</param>
    /// <param name="messages">The messages.</param>
    internal Task Enqueue(Act act, IReadOnlyList<OutboxMessage> messages) => Rows.Post(
        act.Db,
        "INSERT INTO outbox (tenant_id, id, kind, account_id, recovery_id, created_at, due_at, expires_at, attempts, sealed, route) VALUES",
        "(@tenant, @id#, @kind#, @account#, @recovery#, @now, @now, @expires#, 0, @payload#, @route#)",
        [("tenant", act.Tenant.ToString()), ("now", act.NowMs)],
        messages, message =>
        {
            var id = NewId.Make<MessageId>(act.Now);
            return
            [
                ("id", id.ToString()), ("kind", WireName.Of(message.Kind)), ("account", message.Account.ToString()),
                ("recovery", message.Recovery?.ToString()), ("expires", NoNumber.Or(message.ExpiresAt?.ToUnixTimeMilliseconds())),
                ("payload", new MessagePayload(message.To, message.Values).Seal(keys, act.Tenant, id)), ("route", WireName.Of(RouteOf(message.To))),
            ];
        });

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
