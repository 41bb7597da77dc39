using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>Deletes what was parked when escrow was disabled, once that cannot be undone any more.</summary>
public sealed class SweepEscrow
{
    private readonly Acts _acts;
    private readonly EscrowPolicyStore _policies;
    private readonly EscrowStore _escrows;

    internal SweepEscrow(Acts acts, EscrowPolicyStore policies, EscrowStore escrows) => (_acts, _policies, _escrows) = (acts, policies, escrows);

    /// <summary>One round of one tenant.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="cancellationToken">Stops between two acts.</param>
    public async Task Run(TenantId tenant, CancellationToken cancellationToken)
    {
        foreach (var over in await _acts.Read(db => _policies.Undoable(db, tenant, _acts.Now, over: true), cancellationToken))
        {
            // If the process dies after this act, they are gone and the ledger says so; before it, the next round finds them again.
            await _acts.Write(
                tenant,
                async act =>
                {
                    if (await _policies.EndUndo(act, over.Id))
                    {
                        var gone = await _escrows.Truncate(act, over.Id);
                        await act.Record(new LedgerEntry(LedgerEvent.EscrowTruncated, Principal.System)
                        {
                            Facts = new Dictionary<string, object?>(StringComparer.Ordinal) { ["policy"] = over.Id.ToString(), ["escrows"] = gone },
                        });
                    }

                    return true;
                },
                cancellationToken);
        }
    }
}
