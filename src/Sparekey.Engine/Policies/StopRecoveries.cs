using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Engine.Policies;

/// <summary>
/// Stops all recoveries of a tenant, and lets them go on. While they are stopped nothing is opened, issued, redeemed or completed, by any
/// protocol and for nobody; denials, cancellations and "this was not me" work, people sign in, and the time of secrets runs.
/// </summary>
public sealed class StopRecoveries
{
    private const int LongestReason = 1000;

    private readonly Acts _acts;
    private readonly PolicyStore _policies;
    private readonly RecoveryStore _recoveries;

    internal StopRecoveries(Acts acts, PolicyStore policies, RecoveryStore recoveries) =>
        (_acts, _policies, _recoveries) = (acts, policies, recoveries);

    /// <summary>Who stopped them.</summary>
    /// <param name="caller">Who reads; holds <c>policy:read</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null while they go on.</returns>
    public Task<StoppedRecoveries?> Read(Caller caller, CancellationToken cancellationToken) =>
        _acts.Read(db => RecoveryStops.Find(db, caller.Tenant), cancellationToken);

    /// <summary>Stops them. Stopping what is stopped changes nothing: the first reason stays.</summary>
    /// <param name="caller">Who; holds <c>policy:write</c> and the highest role as ceiling.</param>
    /// <param name="reason">Why, 1 to 1000 characters.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The stop; or <see cref="RefusalCode.InvalidRequest"/>, <see cref="RefusalCode.AboveCeiling"/>.</returns>
    public async Task<Result<StoppedRecoveries>> Stop(Caller caller, string reason, CancellationToken cancellationToken) =>
        string.IsNullOrWhiteSpace(reason) || reason.Length > LongestReason || !CanonicalJson.CanWrite(reason)
            ? new Refusal(RefusalCode.InvalidRequest) { Faults = [new FieldFault("/reason", $"1 to {LongestReason} characters.")] }
            : await _acts.Write<Result<StoppedRecoveries>>(
                caller.Tenant,
                async act =>
                {
                    if (PolicyWriting.FaultOf(caller, (await _policies.Current(act.Db, act.Tenant)).Policy) is { } refused)
                    {
                        return refused;
                    }

                    if (await RecoveryStops.Add(act, caller.Principal.Id, reason) > 0)
                    {
                        await Record(act, LedgerEvent.RecoveriesStopped, caller, ("reason", reason));
                    }

                    return (await RecoveryStops.Find(act.Db, act.Tenant))!;
                },
                cancellationToken);

    /// <summary>
    /// Lets them go on. Secrets whose time ran out meanwhile stay dead. What became ready for the person's own channel is sent soon. Where
    /// they were not stopped nothing changes.
    /// </summary>
    /// <param name="caller">Who; holds <c>policy:write</c> and the highest role as ceiling.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>Null, or <see cref="RefusalCode.AboveCeiling"/>.</returns>
    public Task<Refusal?> Resume(Caller caller, CancellationToken cancellationToken) => _acts.Write(
        caller.Tenant,
        async act =>
        {
            if (PolicyWriting.FaultOf(caller, (await _policies.Current(act.Db, act.Tenant)).Policy) is { } refused)
            {
                return refused;
            }

            // If the process dies after this act, housekeeping finds what became ready.
            if (await RecoveryStops.Remove(act) > 0)
            {
                await _recoveries.LookAtReady(act);
                await Record(act, LedgerEvent.RecoveriesResumed, caller);
            }

            return (Refusal?)null;
        },
        cancellationToken);

    private static Task Record(Act act, LedgerEvent happened, Caller caller, params (string Name, string Text)[] texts) =>
        act.Record(new LedgerEntry(happened, caller.Principal)
        {
            Facts = new Dictionary<string, object?>(StringComparer.Ordinal) { ["correlation_id"] = caller.CorrelationId },
            Texts = texts.Append(("source", caller.Source)).ToDictionary(t => t.Item1, t => t.Item2, StringComparer.Ordinal),
        });
}
