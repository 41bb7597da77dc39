using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Incidents;

/// <summary>Notes within an act that a person said "this was not me", whichever way they said it.</summary>
/// <param name="incidents">The incidents.</param>
internal sealed class ReportIncident(IncidentStore incidents)
{
    /// <summary>Opens an incident, and the ledger says so; or adds to the one that is open.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">From where it was said.</param>
    /// <param name="account">The account.</param>
    /// <param name="of">What it was said of.</param>
    /// <returns>The incident.</returns>
    public async Task<Incident> Run(Act act, Visitor visitor, AccountId account, IReadOnlyList<IncidentRecovery> of)
    {
        var (incident, isNew) = await incidents.Say(act, account, of);
        if (isNew)
        {
            await act.Record(new LedgerEntry(LedgerEvent.IncidentOpened, Principal.Of(account), account, of is [var only] ? only.Recovery : null)
            {
                Facts = SessionLedger.Facts(
                    visitor, ("incident", incident.Id.ToString()), ("recoveries", of.Select(r => r.Recovery.ToString()).ToList())),
                Texts = SessionLedger.Source(visitor),
            });
        }

        return incident;
    }
}
