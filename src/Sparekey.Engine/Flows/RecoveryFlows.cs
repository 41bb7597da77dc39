using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Flows;

/// <summary>Opens recovery flows, finds them again and notes what was wrong with what was submitted to them.</summary>
public sealed class RecoveryFlows
{
    private readonly Acts _acts;
    private readonly RecoveryFlowStore _flows;
    private readonly FlowSecrets _secrets;

    internal RecoveryFlows(Acts acts, RecoveryFlowStore flows, FlowSecrets secrets) => (_acts, _flows, _secrets) = (acts, flows, secrets);

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
    /// <returns>The flow, for an hour after it expired too, an operator's for a day; null when there is none.</returns>
    public async Task<RecoveryFlow?> Find(Visitor visitor, string id, CancellationToken cancellationToken) =>
        (await _acts.Read(db => _flows.Find(db, visitor.Tenant, id, _acts.Now), cancellationToken))?.State;

    /// <summary>
    /// What the token of a link would come to if it were redeemed now. Looking consumes nothing and counts nothing, however often: programmes
    /// look at the links in mail before people do.
    /// </summary>
    /// <param name="visitor">From where.</param>
    /// <param name="id">The flow.</param>
    /// <param name="token">The token.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>
    /// Null where it would open a session; else what the flow in its place tells: <see cref="FlowNoteKind.TokenInvalid"/>,
    /// <see cref="FlowNoteKind.Expired"/> or <see cref="FlowNoteKind.AccountDisabled"/>.
    /// </returns>
    public Task<FlowNote?> LookAt(Visitor visitor, string id, SecretText token, CancellationToken cancellationToken) => _acts.Read(
        async db =>
        {
            var now = _acts.Now;
            if ((await _flows.Find(db, visitor.Tenant, id, now))?.State
                is not { Uses: Means.Link, State: not RecoveryFlowState.PassedChallenge } flow)
            {
                _secrets.CompareWithNothing(visitor.Tenant, token.Reveal());
                return new FlowNote(FlowNoteKind.TokenInvalid);
            }

            var (behind, verdict) = await _secrets.Compare(db, visitor.Tenant, flow, token.Reveal(), now);
            return behind is null || verdict == FlowVerdict.Wrong ? new FlowNote(FlowNoteKind.TokenInvalid)
                : now >= flow.SecretEnds ? new FlowNote(FlowNoteKind.Expired) { At = flow.SecretEnds }
                : verdict == FlowVerdict.Dead ? new FlowNote(FlowNoteKind.TokenInvalid)
                : behind.Account.Status != AccountStatus.Active ? new FlowNote(FlowNoteKind.AccountDisabled)
                : null;
        },
        cancellationToken);

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
