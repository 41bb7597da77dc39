using Sparekey.Core;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Flows;

/// <summary>Opens recovery flows, finds them again and notes what was wrong with what was submitted to them.</summary>
public sealed class RecoveryFlows
{
    private readonly Acts _acts;
    private readonly RecoveryFlowStore _flows;

    internal RecoveryFlows(Acts acts, RecoveryFlowStore flows) => (_acts, _flows) = (acts, flows);

    /// <summary>Opens a flow.</summary>
    /// <param name="visitor">From where.</param>
    /// <param name="wanted">What to open.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    public Task<RecoveryFlow> Open(Visitor visitor, NewRecoveryFlow wanted, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => _flows.Open(act, wanted), cancellationToken);

    /// <summary>Finds a flow. Looking at one changes nothing, however often.</summary>
    /// <param name="visitor">From where.</param>
    /// <param name="id">Its id.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The flow, for a day after it expired too; null when there is none.</returns>
    public async Task<RecoveryFlow?> Find(Visitor visitor, string id, CancellationToken cancellationToken) =>
        (await _acts.Read(db => _flows.Find(db, visitor.Tenant, id, _acts.Now), cancellationToken))?.State;

    /// <summary>Notes what was wrong with what was submitted.</summary>
    /// <param name="visitor">From where.</param>
    /// <param name="id">The flow.</param>
    /// <param name="note">What it tells from now on.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The flow; or <see cref="RefusalCode.RecoveryNotFound"/>.</returns>
    public Task<Result<RecoveryFlow>> Note(Visitor visitor, string id, FlowNote note, CancellationToken cancellationToken) =>
        _acts.Write<Result<RecoveryFlow>>(
            visitor.Tenant,
            async act => await _flows.Find(act.Db, act.Tenant, id, act.Now) is { } found
                ? await _flows.Write(act, found, found.State with { Note = note })
                : RefusalCode.RecoveryNotFound,
            cancellationToken);
}
