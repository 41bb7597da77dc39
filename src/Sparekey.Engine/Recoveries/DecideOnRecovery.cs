using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Delivery;

namespace Sparekey.Engine.Recoveries;

/// <summary>
/// What people add to an open recovery: the reason, the person's confirmation, evidence, approval, denial, the end. Everybody
/// who decides sends back the digest of what they saw, and may sign it with a passkey.
/// </summary>
public sealed class DecideOnRecovery
{
    private readonly Acts _acts;
    private readonly RecoveryAct _recoveries;
    private readonly SignDecisions _signatures;
    private readonly ApprovalReader _approvals;
    private readonly EscrowRequestStore _escrows;
    private readonly EndEscrowRequests _released;

    internal DecideOnRecovery(
        Acts acts, RecoveryAct recoveries, SignDecisions signatures, ApprovalReader approvals, EscrowRequestStore escrows, EndEscrowRequests released)
    {
        _acts = acts;
        _recoveries = recoveries;
        _signatures = signatures;
        _approvals = approvals;
        _escrows = escrows;
        _released = released;
    }

    /// <summary>Writes the reason down, or another one; decisions on the older digest fall.</summary>
    /// <param name="caller">The requester; for a request that was pulled from another server, whoever holds <c>recovery:request</c>.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="reason">The reason.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    public Task<Result<Recovery>> AddReason(Caller caller, RecoveryId id, Reason reason, CancellationToken cancellationToken) =>
        _acts.Write(
            caller.Tenant,
            async act =>
            {
                // Who asked on another server could give no reason there: whoever may ask for recoveries writes it down for them.
                var pulled = await _escrows.FindOf(act.Db, act.Tenant, id) is { Request.Origin: EscrowOrigin.Companion };
                return await _recoveries.Run(act, caller, id, new RecoveryCommand.AddReason(caller.Principal, reason) { ForPerson = pulled });
            },
            cancellationToken);

    /// <summary>Notes that the person says it is them who asks.</summary>
    /// <param name="caller">Who witnessed it.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="given">What they saw and say.</param>
    /// <param name="over">Over which channel they heard it; null when they name none.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The recovery afterwards; or what <see cref="SignDecisions.Verify"/> and the state machine refuse.</returns>
    public Task<Result<Recovery>> Confirm(
        Caller caller, RecoveryId id, GivenDecision given, string? over, CancellationToken cancellationToken) =>
        Decide(
            caller, id, new DecisionToSign(DecisionKind.Confirmation, given, over),
            (_, _, note) => Task.FromResult<RecoveryCommand>(new RecoveryCommand.Confirm(caller.Principal, given.Digest) { Over = over, Note = note }),
            cancellationToken);

    /// <summary>Notes that somebody saw proof of who the person is.</summary>
    /// <param name="caller">Who saw it.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="given">What they saw of the request, and say.</param>
    /// <param name="kind">The kind of evidence.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>As <see cref="Confirm"/>.</returns>
    public Task<Result<Recovery>> GiveEvidence(
        Caller caller, RecoveryId id, GivenDecision given, string kind, CancellationToken cancellationToken) =>
        Decide(
            caller, id, new DecisionToSign(DecisionKind.Evidence, given, kind),
            (_, _, note) => Task.FromResult<RecoveryCommand>(new RecoveryCommand.GiveEvidence(caller.Principal, given.Digest, kind) { Note = note }),
            cancellationToken);

    /// <summary>Agrees.</summary>
    /// <param name="caller">Who agrees.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="given">What they saw and say.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>As <see cref="Confirm"/>.</returns>
    public Task<Result<Recovery>> Approve(Caller caller, RecoveryId id, GivenDecision given, CancellationToken cancellationToken) =>
        Decide(
            caller, id, new DecisionToSign(DecisionKind.Approval, given),
            async (act, found, note) => await _approvals.Read(act, caller.Principal, found, given.Digest, note),
            cancellationToken);

    /// <summary>Says no.</summary>
    /// <param name="caller">Who says no.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="given">What they saw and say.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>As <see cref="Confirm"/>.</returns>
    public Task<Result<Recovery>> Deny(Caller caller, RecoveryId id, GivenDecision given, CancellationToken cancellationToken) =>
        Decide(
            caller, id, new DecisionToSign(DecisionKind.Denial, given),
            (_, _, note) => Task.FromResult<RecoveryCommand>(new RecoveryCommand.Deny(caller.Principal, given.Digest) { Note = note }),
            cancellationToken);

    /// <summary>
    /// Ends it. Of an escrow recovery that is completed the released answer is taken back: what nobody has fetched by then nobody fetches.
    /// </summary>
    /// <param name="caller">Who ends it.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="reason">Why, for the ledger.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    public Task<Result<Recovery>> Cancel(Caller caller, RecoveryId id, string? reason, CancellationToken cancellationToken) =>
        _acts.Write(
            caller.Tenant,
            async act =>
            {
                var found = await _recoveries.Find(act, caller, id);
                return found.Refusal is { } refusal ? refusal
                    : found.Value.Recovery is { State: RecoveryState.Completed, Request.Means: Means.Escrow } completed
                        && await TakeBack(act, caller, completed)
                    ? completed.AsSeenBy(caller.Principal, act.Now)
                    : await _recoveries.Run(act, caller, found.Value, new RecoveryCommand.Cancel(caller.Principal, reason));
            },
            cancellationToken);

    private async Task<bool> TakeBack(Act act, Caller caller, Recovery completed)
    {
        var account = completed.Request.Account;
        if ((await _released.TakeBack(act, caller, caller.Principal, account, completed.Id)).Count == 0)
        {
            return false;
        }

        await EscrowNotices.Person(act, MessageKind.EscrowRejectedNotice, account, completed.Id);
        return true;
    }

    // A signature is looked at before the state machine is asked: who signs wrongly learns nothing of the recovery's state.
    private Task<Result<Recovery>> Decide(
        Caller caller, RecoveryId id, DecisionToSign decision, Func<Act, RecoveryAct.Found, DecisionNote, Task<RecoveryCommand>> command,
        CancellationToken cancellationToken) =>
        _acts.Write<Result<Recovery>>(
            caller.Tenant,
            async act =>
            {
                var found = await _recoveries.Find(act, caller, id);
                if (found.Refusal is { } refusal)
                {
                    return refusal;
                }

                var (signature, refused) = await _signatures.Verify(act, caller, found.Value.Recovery, decision);
                return refused is not null ? refused : await _recoveries.Run(
                    act, caller, found.Value, await command(act, found.Value, new DecisionNote(decision.Given.Comment, signature) { RequestKey = decision.Given.RequestKey }));
            },
            cancellationToken);
}
