using Sparekey.Core;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>
/// Changes the policy of escrow. What a change means follows from what is sent. Keys and messages are judged before the act, and the act
/// refuses if the policy changed meanwhile: so it never waits for OpenPGP, and nothing lands on a policy that nobody judged it against.
/// </summary>
public sealed class ChangeEscrowPolicy
{
    private readonly EscrowActs _acts;
    private readonly EscrowPolicyStore _policies;
    private readonly EscrowStore _escrows;
    private readonly RotationStore _rotations;
    private readonly EscrowChecks _checks;
    private readonly EscrowPolicyMoves _moves;

    internal ChangeEscrowPolicy(
        EscrowActs acts, EscrowPolicyStore policies, EscrowStore escrows, RotationStore rotations, EscrowChecks checks, EscrowPolicyMoves moves)
    {
        _acts = acts;
        _policies = policies;
        _escrows = escrows;
        _rotations = rotations;
        _checks = checks;
        _moves = moves;
    }

    /// <summary>Changes the policy: enables, disables, changes the mode, or puts another key in force with every message that it needs.</summary>
    /// <param name="caller">Who; holds <c>escrow:manage</c> and the highest role as ceiling.</param>
    /// <param name="change">What it shall be.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The policy in force; or <see cref="RefusalCode.InvalidRequest"/> and <see cref="RefusalCode.OpenpgpRefused"/> with every fault,
    /// <see cref="RefusalCode.OpenpgpUnavailable"/>, <see cref="RefusalCode.RotationRunning"/>, <see cref="RefusalCode.PermissionMissing"/>,
    /// <see cref="RefusalCode.AboveCeiling"/>, <see cref="RefusalCode.VersionConflict"/> when somebody else was faster.
    /// </returns>
    public async Task<Result<EscrowPolicy>> Run(Caller caller, EscrowPolicyChange change, CancellationToken cancellationToken)
    {
        var seen = await _acts.Read<EscrowPolicy>(caller, async db => await _policies.Current(db, caller.Tenant), cancellationToken);
        if (seen.Refusal is { } refused)
        {
            return refused;
        }

        var judged = Judge(seen.Value, change);
        return judged.Refusal is { } wrong
            ? wrong
            : await _acts.Write(caller, act => Land(act, caller, seen.Value, judged.Value), cancellationToken);
    }

    /// <summary>Takes back that escrow was disabled: the policy before, its key and every escrow are there again.</summary>
    /// <param name="caller">Who; holds <c>escrow:manage</c> and the highest role as ceiling.</param>
    /// <param name="which">The policy that disabled escrow; null for the last one.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The policy in force; or <see cref="RefusalCode.WrongState"/> where escrow is enabled or there is nothing to undo any more,
    /// <see cref="RefusalCode.PermissionMissing"/>, <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public Task<Result<EscrowPolicy>> Undo(Caller caller, EscrowPolicyId? which, CancellationToken cancellationToken) =>
        _acts.Write<EscrowPolicy>(
            caller,
            async act =>
            {
                var current = await _policies.Current(act.Db, act.Tenant);
                var undoable = await _policies.Undoable(act.Db, act.Tenant, act.Now);
                return current.IsEnabled ? new Refusal(RefusalCode.WrongState, "Escrow is enabled: disable it before what was there can come back.")
                    : undoable.FirstOrDefault(u => which is null || u.Id == which) is not { } found
                        ? new Refusal(RefusalCode.WrongState, "There is nothing to undo any more.")
                    : await _moves.Undo(act, caller, caller.Principal, current, found);
            },
            cancellationToken);

    private Result<Judged> Judge(EscrowPolicy seen, EscrowPolicyChange change)
    {
        var intent = EscrowPolicyIntent.Of(seen, change);
        if (intent.Refusal is { } refused)
        {
            return refused;
        }

        if ((change.NewKey ?? change.RevokedKey) is not null && OpenPgpLibrary.Missing is { } missing)
        {
            return missing;
        }

        if (change.RevokedKey is { } revoked
            && _checks.FaultOfRevokedKey(revoked, seen.Key!, _acts.Now, EscrowPolicyIntent.RevokedKeyAt) is { } notRevoked)
        {
            return notRevoked;
        }

        if (change.NewKey is null)
        {
            return new Judged(intent.Value, change, null, []);
        }

        var key = EscrowChecks.NewKey(change.NewKey, _acts.Now, EscrowPolicyIntent.NewKeyAt);
        if (key.Refusal is { } wrongKey)
        {
            return wrongKey;
        }

        var passwords = EscrowChecks.Passwords(change.Passwords ?? [], key.Value.Key);
        return passwords.Refusal is { } wrongMessage ? wrongMessage : new Judged(intent.Value, change, key.Value.Given, passwords.Value);
    }

    // If the process dies after this act, the new policy is in force with all that belongs to it; before it, nothing happened.
    private async Task<Result<EscrowPolicy>> Land(Act act, Caller caller, EscrowPolicy seen, Judged judged)
    {
        var current = await _policies.Current(act.Db, act.Tenant);
        if (current.Id != seen.Id)
        {
            return RefusalCode.VersionConflict;
        }

        // Disabling ends a rotation; everything else would cross it.
        if (judged.Move is EscrowMove.Rotated or EscrowMove.Changed && await _rotations.Running(act.Db, act.Tenant) is not null)
        {
            return RefusalCode.RotationRunning;
        }

        if (judged.NewKey is { } key
            && await _checks.FaultOfNewKey(act.Db, act.Tenant, key.Fingerprint!, EscrowPolicyIntent.NewKeyAt) is { } fault)
        {
            return fault;
        }

        return judged.Move switch
        {
            EscrowMove.Enabled => await _moves.Enable(act, caller, caller.Principal, current, judged.Change.Mode, judged.NewKey!),
            EscrowMove.Changed => await _moves.Change(act, caller, caller.Principal, current, judged.Change.Mode),
            EscrowMove.Disabled => await _moves.Disable(act, caller, caller.Principal, current, judged.Change.RevokedKey?.Armored),
            EscrowMove.Rotated when await FaultOf(act, judged.Passwords) is { } incomplete => incomplete,
            EscrowMove.Rotated => await Rotate(act, caller, current, judged),
            EscrowMove.Undone => throw new InvalidOperationException("Nothing that is sent means to undo."),
        };
    }

    private async Task<Refusal?> FaultOf(Act act, IReadOnlyList<CheckedPassword> passwords)
    {
        var held = (await _escrows.PrivateKeys(act.Db, act.Tenant)).ToHashSet();
        var faults = new List<FieldFault>();
        if (passwords.Count != held.Count)
        {
            faults.Add(EscrowFaults.At(EscrowFault.InvalidPasswordCount, EscrowPolicyIntent.PasswordsAt));
        }

        for (var i = 0; i < passwords.Count; i++)
        {
            if (!held.Remove(passwords[i].PrivateKey))
            {
                faults.Add(EscrowFaults.At(
                    EscrowFault.PrivateKeyUnknown, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{EscrowPolicyIntent.PasswordsAt}/{i}/private_key_id")));
            }
        }

        if (held.Count > 0)
        {
            faults.Add(EscrowFaults.At(EscrowFault.MissingPassword, EscrowPolicyIntent.PasswordsAt));
        }

        return faults.Count == 0 ? null : new Refusal(RefusalCode.InvalidRequest) { Faults = faults };
    }

    private async Task<EscrowPolicy> Rotate(Act act, Caller caller, EscrowPolicy current, Judged judged)
    {
        var next = await _policies.AddKey(act, judged.NewKey!, EscrowKeyState.Next, caller.Principal);
        foreach (var password in judged.Passwords)
        {
            await _escrows.AddPassword(act, password.PrivateKey, next.Id, next.Fingerprint, password.Armored, caller.Principal);
        }

        return await _moves.Switch(act, caller, caller.Principal, current, judged.Change.Mode, next, judged.Change.RevokedKey!.Armored);
    }

    private sealed record Judged(EscrowMove Move, EscrowPolicyChange Change, GivenKey? NewKey, IReadOnlyList<CheckedPassword> Passwords);
}
