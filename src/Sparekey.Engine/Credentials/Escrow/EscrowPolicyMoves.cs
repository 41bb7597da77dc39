using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>What follows from each change of policy, within the act that decided it. Everything was checked before.</summary>
/// <param name="policies">Policies and keys.</param>
/// <param name="escrows">Escrows.</param>
/// <param name="enrolments">Decisions.</param>
/// <param name="rotations">Rotations.</param>
/// <param name="options">How long disabling can be undone.</param>
/// <param name="steps">What others do about it.</param>
internal sealed class EscrowPolicyMoves(
    EscrowPolicyStore policies, EscrowStore escrows, EnrolmentStore enrolments, RotationStore rotations, EscrowOptions options,
    IEnumerable<IEscrowPolicyStep> steps)
{
    /// <summary>There is an escrow from now on.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">From where.</param>
    /// <param name="by">Who.</param>
    /// <param name="before">The policy before.</param>
    /// <param name="mode">The mode.</param>
    /// <param name="given">The organisation key.</param>
    public async Task<EscrowPolicy> Enable(Act act, Visitor visitor, Principal by, EscrowPolicy before, EscrowMode mode, GivenKey given)
    {
        var key = await policies.AddKey(act, given, EscrowKeyState.Active, by);
        return await Tell(act, visitor, by, EscrowMove.Enabled, before, await policies.Put(act, mode, key, by));
    }

    /// <summary>Another mode. Where everybody shall enrol, whoever declined is asked again.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">From where.</param>
    /// <param name="by">Who.</param>
    /// <param name="before">The policy before.</param>
    /// <param name="mode">The mode.</param>
    public async Task<EscrowPolicy> Change(Act act, Visitor visitor, Principal by, EscrowPolicy before, EscrowMode mode)
    {
        var asked = await AskAgain(act, mode);
        return await Tell(act, visitor, by, EscrowMove.Changed, before, await policies.Put(act, mode, before.Key, by), ("asked_again", asked));
    }

    /// <summary>The next key takes the place of the one in force. Every private key has a message to it.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">From where.</param>
    /// <param name="by">Who.</param>
    /// <param name="before">The policy before.</param>
    /// <param name="mode">The mode.</param>
    /// <param name="next">The next key.</param>
    /// <param name="revoked">The former key with its revocation.</param>
    public async Task<EscrowPolicy> Switch(Act act, Visitor visitor, Principal by, EscrowPolicy before, EscrowMode mode, EscrowKey next, string revoked)
    {
        var gone = await escrows.DeletePasswordsTo(act, before.Key!.Id);
        await policies.SetKey(act, before.Key.Id, EscrowKeyState.Revoked, by, revoked);
        await policies.SetKey(act, next.Id, EscrowKeyState.Active, by);
        var asked = await AskAgain(act, mode);
        var after = await policies.Put(act, mode, next with { State = EscrowKeyState.Active }, by);
        await act.Record(EscrowActs.Entry(
            LedgerEvent.EscrowRotated, visitor, by, ("from", before.Key.Fingerprint), ("to", next.Fingerprint), ("escrows", gone)));
        return await Tell(act, visitor, by, EscrowMove.Rotated, before, after, ("asked_again", asked));
    }

    /// <summary>There is no escrow any more. What there was is out of everybody's reach, and is deleted when it cannot be undone any more.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">From where.</param>
    /// <param name="by">Who.</param>
    /// <param name="before">The policy before.</param>
    /// <param name="revoked">The key with its revocation; null for none.</param>
    public async Task<EscrowPolicy> Disable(Act act, Visitor visitor, Principal by, EscrowPolicy before, string? revoked)
    {
        if (await rotations.Running(act.Db, act.Tenant) is { } rotation)
        {
            await rotations.GiveUp(act, rotation, by);
            await act.Record(EscrowActs.Entry(
                LedgerEvent.EscrowRotationCancelled, visitor, by, ("rotation", rotation.Id.ToString()), ("to", rotation.To.Fingerprint)));
        }

        await policies.SetKey(
            act, before.Key!.Id, revoked is null ? EscrowKeyState.Retired : EscrowKeyState.Revoked, by, revoked);
        var after = await policies.Put(act, EscrowMode.Disabled, null, by, before.Id, act.Now + options.UndoFor);
        var parked = await escrows.Park(act, after.Id!.Value);
        return await Tell(
            act, visitor, by, EscrowMove.Disabled, before, after, ("escrows", parked), ("undo_until", after.UndoUntil!.Value.ToUnixTimeMilliseconds()));
    }

    /// <summary>What was disabled is there again. The key is in force as it was before: whoever revoked it should rotate.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">From where.</param>
    /// <param name="by">Who.</param>
    /// <param name="current">The policy in force.</param>
    /// <param name="undone">What is undone.</param>
    public async Task<EscrowPolicy> Undo(Act act, Visitor visitor, Principal by, EscrowPolicy current, UndoableDisabling undone)
    {
        var before = await policies.Find(act.Db, act.Tenant, undone.Before)
            ?? throw new InvalidOperationException("A policy that can come back is gone.");
        await policies.EndUndo(act, undone.Id);
        await policies.SetKey(act, before.Key!.Id, EscrowKeyState.Active, by);
        var back = await escrows.Unpark(act, undone.Id);
        var after = await policies.Put(act, before.Mode, before.Key with { State = EscrowKeyState.Active }, by);
        await act.Record(EscrowActs.Entry(
            LedgerEvent.EscrowDisableUndone, visitor, by, ("mode", WireName.Of(after.Mode)), ("key", after.Key!.Fingerprint), ("escrows", back)));
        foreach (var step in steps)
        {
            await step.Run(act, visitor, by, EscrowMove.Undone, current, after);
        }

        return after;
    }

    private async Task<int?> AskAgain(Act act, EscrowMode mode) => mode == EscrowMode.Mandatory ? await enrolments.DeleteRejected(act) : null;

    private async Task<EscrowPolicy> Tell(
        Act act, Visitor visitor, Principal by, EscrowMove move, EscrowPolicy before, EscrowPolicy after, params (string Name, object? Value)[] facts)
    {
        await act.Record(EscrowActs.Entry(
            LedgerEvent.EscrowPolicyChanged, visitor, by,
            [
                ("move", WireName.Of(move)), ("before", WireName.Of(before.Mode)), ("mode", WireName.Of(after.Mode)), ("policy", after.Id.ToString()),
                ("key", after.Key?.Fingerprint), .. facts,
            ]));
        foreach (var step in steps)
        {
            await step.Run(act, visitor, by, move, before, after);
        }

        return after;
    }
}
