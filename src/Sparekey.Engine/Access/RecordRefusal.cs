using System.Collections.Concurrent;
using Sparekey.Core;
using Sparekey.Core.Ledger;

namespace Sparekey.Engine.Access;

/// <summary>
/// Writes the refusal of a known caller into the ledger: who tries what they may not is what an auditor looks for (ASVS
/// 16.3.2). Beyond a number a minute it is only counted, so that a broken programme does not fill the disk.
/// </summary>
/// <param name="acts">Writes entries.</param>
/// <param name="events">Counts the rest.</param>
public sealed class RecordRefusal(Acts acts, SecurityEvents events)
{
    private const int PerMinute = 60;

    private readonly ConcurrentDictionary<(TenantId, string), (long Minute, int Count)> _written = new();

    /// <summary>Records a refusal, also of a caller who hangs up: nobody escapes the record by not waiting for the answer.</summary>
    /// <param name="caller">Who was refused.</param>
    /// <param name="code">Why.</param>
    /// <param name="route">Method and route pattern; holds no values.</param>
    public async Task Run(Caller caller, RefusalCode code, string route)
    {
        var minute = acts.Now.ToUnixTimeSeconds() / 60;
        var written = _written.AddOrUpdate(
            (caller.Tenant, caller.Principal.Id), (minute, 1), (_, w) => w.Minute == minute ? (minute, w.Count + 1) : (minute, 1));
        if (written.Count > PerMinute)
        {
            events.Count(caller.Tenant, code);
            return;
        }

        await acts.Write(
            caller.Tenant,
            async act =>
            {
                await act.Record(new LedgerEntry(LedgerEvent.Refused, caller.Principal)
                {
                    Facts = new Dictionary<string, object?>(StringComparer.Ordinal)
                    {
                        ["code"] = WireName.Of(code),
                        ["route"] = route,
                        ["token"] = caller.Token?.ToString(),
                        ["correlation_id"] = caller.CorrelationId,
                    },
                    Texts = new Dictionary<string, string>(StringComparer.Ordinal) { ["source"] = caller.Source },
                });
                return true;
            },
            CancellationToken.None);
    }
}
