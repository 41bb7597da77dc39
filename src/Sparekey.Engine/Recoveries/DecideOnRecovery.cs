using System.Collections.Immutable;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;

namespace Sparekey.Engine.Recoveries;

/// <summary>
/// What people add to an open recovery: the reason, the person's confirmation, evidence, approval, denial, the end. Everybody
/// who decides sends back the digest of what they saw.
/// </summary>
public sealed class DecideOnRecovery
{
    private readonly Acts _acts;
    private readonly RecoveryAct _recoveries;
    private readonly RecoveryStore _store;
    private readonly AccountStore _accounts;

    internal DecideOnRecovery(Acts acts, RecoveryAct recoveries, RecoveryStore store, AccountStore accounts)
    {
        _acts = acts;
        _recoveries = recoveries;
        _store = store;
        _accounts = accounts;
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
    /// <param name="digest">What they saw.</param>
    /// <param name="over">Over which channel they heard it; null when they name none.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    public Task<Result<Recovery>> Confirm(
        Caller caller, RecoveryId id, string digest, string? over, CancellationToken cancellationToken) =>
        Run(caller, id, new RecoveryCommand.Confirm(caller.Principal, digest) { Over = over }, cancellationToken);

    /// <summary>Notes that somebody saw proof of who the person is.</summary>
    /// <param name="caller">Who saw it.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="digest">What they saw of the request.</param>
    /// <param name="kind">The kind of evidence.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    public Task<Result<Recovery>> GiveEvidence(
        Caller caller, RecoveryId id, string digest, string kind, CancellationToken cancellationToken) =>
        Run(caller, id, new RecoveryCommand.GiveEvidence(caller.Principal, digest, kind), cancellationToken);

    /// <summary>Agrees.</summary>
    /// <param name="caller">Who agrees.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="digest">What they saw.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    public Task<Result<Recovery>> Approve(Caller caller, RecoveryId id, string digest, CancellationToken cancellationToken) =>
        _acts.Write(
            caller.Tenant,
            act => _recoveries.Run(act, caller, id, async found => new RecoveryCommand.Approve(
                caller.Principal, digest, await RecoveredAt(act, caller.Principal))
            {
                Groups = await GroupsOf(act, caller.Principal),
                RequesterGroups = await GroupsOf(act, found.Recovery.RequestedBy),
                ManagerOfTarget = found.Account.Manager,
            }),
            cancellationToken);

    /// <summary>Says no.</summary>
    /// <param name="caller">Who says no.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="digest">What they saw.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    public Task<Result<Recovery>> Deny(Caller caller, RecoveryId id, string digest, CancellationToken cancellationToken) =>
        Run(caller, id, new RecoveryCommand.Deny(caller.Principal, digest), cancellationToken);

    /// <summary>Ends it.</summary>
    /// <param name="caller">Who ends it.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="reason">Why, for the ledger.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    public Task<Result<Recovery>> Cancel(Caller caller, RecoveryId id, string? reason, CancellationToken cancellationToken) =>
        Run(caller, id, new RecoveryCommand.Cancel(caller.Principal, reason), cancellationToken);

    private Task<Result<Recovery>> Run(Caller caller, RecoveryId id, RecoveryCommand command, CancellationToken cancellationToken) =>
        _acts.Write(caller.Tenant, act => _recoveries.Run(act, caller, id, command), cancellationToken);

    private async Task<DateTimeOffset?> RecoveredAt(Act act, Principal principal) =>
        PersonBehind(principal) is { } person ? await _store.LastCompleted(act.Db, act.Tenant, person) : null;

    private async Task<ImmutableArray<string>> GroupsOf(Act act, Principal principal) =>
        PersonBehind(principal) is { } person ? (await _accounts.Find(act.Db, act.Tenant, person))?.Groups ?? [] : [];

    // The account itself, or the owner of the programme.
    private static AccountId? PersonBehind(Principal principal) =>
        Ids.TryParse<AccountId>(principal.Kind == PrincipalKind.Account ? principal.Id : principal.OwnerId, out var person) ? person : null;
}
