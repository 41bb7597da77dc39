using Sparekey.Core;
using Sparekey.Core.Escrow;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>
/// Rotates the organisation key as a job that can stop anywhere. Every message to the next key is staged by an act of its own beside the
/// one in force; people go on enrolling under the key in force, and what they give is staged too; one act makes the switch, and refuses
/// while anything is missing. So until then nothing has changed, and afterwards nothing is lost. Whoever holds the key does the work, here
/// or elsewhere, in any number of processes: a message that is there already stays.
/// </summary>
public sealed class RotateEscrow
{
    private readonly EscrowActs _acts;
    private readonly EscrowPolicyStore _policies;
    private readonly RotationStore _rotations;
    private readonly EscrowChecks _checks;
    private readonly RotationSteps _steps;

    internal RotateEscrow(EscrowActs acts, EscrowPolicyStore policies, RotationStore rotations, EscrowChecks checks, RotationSteps steps)
    {
        _acts = acts;
        _policies = policies;
        _rotations = rotations;
        _checks = checks;
        _steps = steps;
    }

    /// <summary>Begins; or says which rotation goes on, where it leads to the same key.</summary>
    /// <param name="caller">Who; holds <c>escrow:manage</c> and the highest role as ceiling.</param>
    /// <param name="next">The next organisation key.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The rotation; or <see cref="RefusalCode.OpenpgpRefused"/>, <see cref="RefusalCode.InvalidRequest"/>,
    /// <see cref="RefusalCode.OpenpgpUnavailable"/>, <see cref="RefusalCode.EscrowDisabled"/>, <see cref="RefusalCode.RotationRunning"/>,
    /// <see cref="RefusalCode.PermissionMissing"/>, <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public async Task<Result<Rotation>> Start(Caller caller, GivenKey next, CancellationToken cancellationToken)
    {
        if (caller.Grant.Demand(Core.Access.Permission.EscrowManage) is { } forbidden)
        {
            return forbidden;
        }

        if (OpenPgpLibrary.Missing is { } missing)
        {
            return missing;
        }

        var judged = EscrowChecks.NewKey(next, _acts.Now, EscrowPolicyIntent.NewKeyAt);
        return judged.Refusal is { } refused
            ? refused
            : await _acts.Write(caller, act => Start(act, caller, judged.Value.Given), cancellationToken);
    }

    /// <summary>The rotation that goes on, or else the last one.</summary>
    /// <param name="caller">Who; holds <c>escrow:manage</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The rotation; or <see cref="RefusalCode.RotationNotFound"/>, <see cref="RefusalCode.PermissionMissing"/>.</returns>
    public Task<Result<Rotation>> Read(Caller caller, CancellationToken cancellationToken) => _acts.Read<Rotation>(
        caller,
        async db => await _rotations.Running(db, caller.Tenant) is { } running ? running
            : await _rotations.Last(db, caller.Tenant) is { } last ? last
            : RefusalCode.RotationNotFound,
        cancellationToken);

    /// <summary>A part of what is still to be done.</summary>
    /// <param name="caller">Who; holds <c>escrow:manage</c> and the highest role as ceiling.</param>
    /// <param name="rotation">The rotation.</param>
    /// <param name="after">Only private keys after this one; null from the beginning.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>
    /// The part; or <see cref="RefusalCode.RotationNotFound"/> where it does not go on, <see cref="RefusalCode.PermissionMissing"/>,
    /// <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public Task<Result<RotationPart>> Tasks(
        Caller caller, RotationId rotation, PrivateKeyId? after, int limit, CancellationToken cancellationToken) =>
        _acts.ReadWhole(caller, db => _steps.Tasks(db, caller.Tenant, rotation, after, limit), cancellationToken);

    /// <summary>Takes one message to the next key. It changes nothing for anybody until the switch.</summary>
    /// <param name="caller">Who; holds <c>escrow:manage</c> and the highest role as ceiling.</param>
    /// <param name="rotation">The rotation.</param>
    /// <param name="former">The message to the key in force that it stands for.</param>
    /// <param name="message">The message, armored.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// Null; or <see cref="RefusalCode.OpenpgpRefused"/> with pointers at <c>/data</c>, <see cref="RefusalCode.RotationNotFound"/>,
    /// <see cref="RefusalCode.EnrolmentNotFound"/> where the person withdrew or renewed meanwhile,
    /// <see cref="RefusalCode.PermissionMissing"/>, <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public async Task<Refusal?> Stage(
        Caller caller, RotationId rotation, EscrowPasswordId former, string message, CancellationToken cancellationToken)
    {
        if (OpenPgpLibrary.Missing is { } missing)
        {
            return missing;
        }

        var running = await _acts.ReadWhole<RotationUnderway>(
            caller, async db => await _rotations.Underway(db, caller.Tenant) is { } found && found.Id == rotation ? found : RefusalCode.RotationNotFound,
            cancellationToken);
        if (running.Refusal is { } refused)
        {
            return refused;
        }

        if (PgpMessageShape.ReadPassword(message, PgpKey.Read(running.Value.To.Armored).Value, "/data").Refusal is { } wrong)
        {
            return wrong;
        }

        return (await _acts.Write(caller, act => _steps.Stage(act, rotation, former, message, caller.Principal), cancellationToken)).Refusal;
    }

    /// <summary>Puts the next key in force, unless anything is still to be done. The former one is revoked, and nothing is encrypted to it any more.</summary>
    /// <param name="caller">Who; holds <c>escrow:manage</c> and the highest role as ceiling.</param>
    /// <param name="rotation">The rotation.</param>
    /// <param name="revokedKey">The former key with its revocation.</param>
    /// <param name="mode">Another mode besides; null to leave it. Not disabled.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The policy in force; or <see cref="RefusalCode.RotationUnfinished"/>, <see cref="RefusalCode.OpenpgpRefused"/>,
    /// <see cref="RefusalCode.InvalidRequest"/>, <see cref="RefusalCode.RotationNotFound"/>, <see cref="RefusalCode.PermissionMissing"/>,
    /// <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public async Task<Result<EscrowPolicy>> Finish(
        Caller caller, RotationId rotation, GivenKey revokedKey, EscrowMode? mode, CancellationToken cancellationToken)
    {
        if (OpenPgpLibrary.Missing is { } missing)
        {
            return missing;
        }

        if (mode == EscrowMode.Disabled)
        {
            return EscrowFaults.Refuse(EscrowFault.NotInList, EscrowPolicyIntent.ModeAt);
        }

        var running = await _acts.Read<Rotation>(
            caller, async db => await _rotations.Running(db, caller.Tenant) is { } found && found.Id == rotation ? found : RefusalCode.RotationNotFound,
            cancellationToken);
        return running.Refusal is { } refused ? refused
            : _checks.FaultOfRevokedKey(revokedKey, running.Value.From, _acts.Now, EscrowPolicyIntent.RevokedKeyAt) is { } fault ? fault
            : await _acts.Write(
                caller, act => _steps.Finish(act, caller, caller.Principal, rotation, revokedKey.Armored, mode), cancellationToken);
    }

    /// <summary>Gives a rotation up: nothing has changed.</summary>
    /// <param name="caller">Who; holds <c>escrow:manage</c> and the highest role as ceiling.</param>
    /// <param name="rotation">The rotation.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>Null; or <see cref="RefusalCode.RotationNotFound"/>, <see cref="RefusalCode.PermissionMissing"/>, <see cref="RefusalCode.AboveCeiling"/>.</returns>
    public async Task<Refusal?> Cancel(Caller caller, RotationId rotation, CancellationToken cancellationToken) => (await _acts.Write<Rotation>(
        caller,
        async act =>
        {
            if (await _rotations.Running(act.Db, act.Tenant) is not { } running || running.Id != rotation)
            {
                return RefusalCode.RotationNotFound;
            }

            await _rotations.GiveUp(act, running, caller.Principal);
            await act.Record(EscrowActs.Entry(
                LedgerEvent.EscrowRotationCancelled, caller, caller.Principal, ("rotation", rotation.ToString()), ("to", running.To.Fingerprint)));
            return running;
        },
        cancellationToken)).Refusal;

    private async Task<Result<Rotation>> Start(Act act, Caller caller, GivenKey next)
    {
        var policy = await _policies.Current(act.Db, act.Tenant);
        if (policy.Key is not { } from)
        {
            return RefusalCode.EscrowDisabled;
        }

        if (await _rotations.Running(act.Db, act.Tenant) is { } running)
        {
            return running.To.Fingerprint == next.Fingerprint ? running : RefusalCode.RotationRunning;
        }

        if (await _checks.FaultOfNewKey(act.Db, act.Tenant, next.Fingerprint!, EscrowPolicyIntent.NewKeyAt) is { } fault)
        {
            return fault;
        }

        var to = await _policies.AddKey(act, next, EscrowKeyState.Next, caller.Principal);
        var started = await _rotations.Start(act, from, to, caller.Principal);
        await act.Record(EscrowActs.Entry(
            LedgerEvent.EscrowRotationStarted, caller, caller.Principal, ("rotation", started.Id.ToString()), ("from", from.Fingerprint),
            ("to", to.Fingerprint), ("escrows", started.Total)));
        return started;
    }
}
