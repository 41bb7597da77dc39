using System.Collections.Immutable;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;

namespace Sparekey.Engine.Recoveries;

/// <summary>
/// What people add to an open recovery: the reason, the person's confirmation, evidence, approval, denial, the end. Everybody
/// who decides sends back the digest of what they saw, and may sign it with a passkey.
/// </summary>
public sealed class DecideOnRecovery
{
    private readonly Acts _acts;
    private readonly RecoveryAct _recoveries;
    private readonly AccountStore _accounts;
    private readonly SignDecisions _signatures;
    private readonly SecondPeople _people;

    internal DecideOnRecovery(
        Acts acts, RecoveryAct recoveries, AccountStore accounts, SignDecisions signatures, SecondPeople people)
    {
        _acts = acts;
        _recoveries = recoveries;
        _accounts = accounts;
        _signatures = signatures;
        _people = people;
    }

    /// <summary>Writes the reason down, or another one; decisions on the older digest fall.</summary>
    /// <param name="caller">The requester.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="reason">The reason.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    public Task<Result<Recovery>> AddReason(Caller caller, RecoveryId id, Reason reason, CancellationToken cancellationToken) =>
        Run(caller, id, new RecoveryCommand.AddReason(caller.Principal, reason), cancellationToken);

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
            async (act, found, note) =>
            {
                var person = await _people.Of(act, caller.Principal);
                return new RecoveryCommand.Approve(caller.Principal, given.Digest, person.RecoveredAt)
                {
                    Groups = await GroupsOf(act, caller.Principal),
                    RequesterGroups = await GroupsOf(act, found.Recovery.RequestedBy),
                    ManagerOfTarget = found.Account.Manager,
                    GrantedBy = person.GrantedBy,
                    Note = note,
                };
            },
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

    /// <summary>Ends it.</summary>
    /// <param name="caller">Who ends it.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="reason">Why, for the ledger.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    public Task<Result<Recovery>> Cancel(Caller caller, RecoveryId id, string? reason, CancellationToken cancellationToken) =>
        Run(caller, id, new RecoveryCommand.Cancel(caller.Principal, reason), cancellationToken);

    private Task<Result<Recovery>> Run(Caller caller, RecoveryId id, RecoveryCommand command, CancellationToken cancellationToken) =>
        _acts.Write(caller.Tenant, act => _recoveries.Run(act, caller, id, command), cancellationToken);

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
                    act, caller, found.Value, await command(act, found.Value, new DecisionNote(decision.Given.Comment, signature)));
            },
            cancellationToken);

    private async Task<ImmutableArray<string>> GroupsOf(Act act, Principal principal) =>
        PersonBehind.Of(principal) is { } person ? (await _accounts.Find(act.Db, act.Tenant, person))?.Groups ?? [] : [];
}
