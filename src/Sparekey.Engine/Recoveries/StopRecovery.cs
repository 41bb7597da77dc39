using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Incidents;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Recoveries;

/// <summary>
/// "This was not me", said by whoever holds the redemption: the recovery ends, nothing about the account changes, and the organisation
/// has an incident to look into.
/// </summary>
public sealed class StopRecovery
{
    private readonly Acts _acts;
    private readonly Redemptions _redemptions;
    private readonly RecoveryAct _recoveries;
    private readonly PolicyStore _policies;
    private readonly ReportIncident _incidents;

    internal StopRecovery(Acts acts, Redemptions redemptions, RecoveryAct recoveries, PolicyStore policies, ReportIncident incidents)
    {
        _acts = acts;
        _redemptions = redemptions;
        _recoveries = recoveries;
        _policies = policies;
        _incidents = incidents;
    }

    /// <summary>Stops the recovery of a redemption.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="token">The redemption's token.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>Null, or <see cref="RefusalCode.RedemptionInvalid"/>.</returns>
    public Task<Refusal?> Run(Visitor visitor, SecretText token, CancellationToken cancellationToken) =>
        _acts.Write<Refusal?>(
            visitor.Tenant,
            async act =>
            {
                var live = await _redemptions.Find(act.Db, act.Tenant, token, act.Now);
                if (live.Refusal is { } refusal)
                {
                    return refusal;
                }

                var (recovery, account, _) = live.Value;
                var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
                var stopped = await _recoveries.Apply(
                    act, new RecoveryAct.Found(recovery, account, policy),
                    new RecoveryCommand.Cancel(Principal.Of(account.Id), "not me"), visitor);
                if (stopped.Refusal is { } refused)
                {
                    return refused;
                }

                // Who opened it with a code of their own only thought better of it.
                if (recovery.RequestedBy == Principal.Of(account.Id))
                {
                    return null;
                }

                await _incidents.Run(act, visitor, account.Id, [new IncidentRecovery(recovery.Id, stopped.Value.State)]);
                return null;
            },
            cancellationToken);
}
