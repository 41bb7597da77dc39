using System.Globalization;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Delivery;

namespace Sparekey.Engine.Reminders;

/// <summary>
/// Reminds people, once, of what of theirs is about to end (ASVS 6.4.5): access tokens of their programmes, what they may do as an
/// operator, a first password that is to be changed.
/// </summary>
public sealed class RemindOfExpiry
{
    private const int AtOnce = 100;
    private const string Work = "reminders";

    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(2);

    private readonly Acts _acts;
    private readonly ReminderStore _store;
    private readonly Leases _leases;

    internal RemindOfExpiry(Acts acts, ReminderStore store, Leases leases) => (_acts, _store, _leases) = (acts, store, leases);

    /// <summary>Reminds in one tenant.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>How many were reminded.</returns>
    public async Task<int> Run(TenantId tenant, CancellationToken cancellationToken) =>
        (await _acts.Read(db => _store.Ending(db, tenant, _acts.Now, 1), cancellationToken)).Count == 0
            ? 0
            : await _acts.Write(tenant, Remind, cancellationToken);

    // If the process dies after this act, the reminders are queued and never made again; before it, the next round makes them.
    private async Task<int> Remind(Act act)
    {
        if (!await _leases.Take(act, Work, Lease))
        {
            return 0;
        }

        var reminded = 0;
        foreach (var ending in await _store.Ending(act.Db, act.Tenant, act.Now, AtOnce))
        {
            if (!await _store.Once(act, ending.Kind, ending.Subject))
            {
                continue;
            }

            var values = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["what"] = WireName.Of(ending.Kind),
                ["ends"] = ending.EndsAt.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture),
            };
            if (ending.Name is { } name)
            {
                values["name"] = name;
            }

            await act.Send(new OutboxMessage(MessageKind.ExpiryReminder, ending.Account) { Values = values });
            await act.Record(new LedgerEntry(LedgerEvent.ReminderSent, Principal.System, ending.Account)
            {
                Facts = new Dictionary<string, object?>(StringComparer.Ordinal)
                {
                    ["kind"] = WireName.Of(ending.Kind),
                    ["ends_at"] = ending.EndsAt.ToUnixTimeMilliseconds(),
                },
            });
            reminded++;
        }

        return reminded;
    }
}
