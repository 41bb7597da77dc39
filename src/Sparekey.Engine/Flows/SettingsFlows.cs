using Sparekey.Engine.Access;

namespace Sparekey.Engine.Flows;

/// <summary>Opens settings flows, finds them again and notes what they came to.</summary>
public sealed class SettingsFlows
{
    private readonly Acts _acts;
    private readonly SettingsFlowStore _flows;

    internal SettingsFlows(Acts acts, SettingsFlowStore flows) => (_acts, _flows) = (acts, flows);

    /// <summary>Opens a flow.</summary>
    /// <param name="visitor">From where.</param>
    /// <param name="wanted">What to open, for an account whose session the caller proved.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    public Task<SettingsFlow> Open(Visitor visitor, NewSettingsFlow wanted, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => _flows.Open(act, wanted), cancellationToken);

    /// <summary>Finds a flow.</summary>
    /// <param name="visitor">From where.</param>
    /// <param name="id">Its id.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The flow, for an hour after it expired too; null when there is none.</returns>
    public async Task<SettingsFlow?> Find(Visitor visitor, string id, CancellationToken cancellationToken) =>
        (await _acts.Read(db => _flows.Find(db, visitor.Tenant, id, _acts.Now), cancellationToken))?.State;

    /// <summary>Notes what a submission came to.</summary>
    /// <param name="visitor">From where.</param>
    /// <param name="flow">The flow as it shall be.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The flow.</returns>
    public async Task<SettingsFlow> Write(Visitor visitor, SettingsFlow flow, CancellationToken cancellationToken)
    {
        await _acts.Write<bool>(
            visitor.Tenant,
            async act =>
            {
                await _flows.Write(act, flow);
                return true;
            },
            cancellationToken);
        return flow;
    }
}
