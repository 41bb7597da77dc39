using Sparekey.Core;
using Sparekey.Core.Escrow;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>
/// What somebody means who sends a policy of escrow: the order of things tells, nothing says so by name. Pure.
/// </summary>
internal static class EscrowPolicyIntent
{
    /// <summary>Where the parts of a change stand.</summary>
    public const string ModeAt = "/mode", KeyAt = "/key_id", NewKeyAt = "/new_key", RevokedKeyAt = "/revoked_key", PasswordsAt = "/passwords";

    /// <summary>Tells what a change means.</summary>
    /// <param name="current">The policy in force.</param>
    /// <param name="change">What is sent.</param>
    /// <returns>The move; or <see cref="RefusalCode.InvalidRequest"/> with everything that is missing or too much.</returns>
    public static Result<EscrowMove> Of(EscrowPolicy current, EscrowPolicyChange change)
    {
        var enables = change.Mode != EscrowMode.Disabled;
        var move = (current.IsEnabled, enables, change.NewKey) switch
        {
            (false, true, _) => EscrowMove.Enabled,
            (true, false, _) => EscrowMove.Disabled,
            (true, true, not null) => EscrowMove.Rotated,
            (true, true, null) => EscrowMove.Changed,
            (false, false, _) => (EscrowMove?)null,
        };
        var faults = move switch
        {
            EscrowMove.Enabled => Faults(change, newKey: true, revokedKey: false, passwords: false),
            EscrowMove.Disabled => Faults(change, newKey: false, revokedKey: change.WithoutRevocation ? null : true, passwords: false),
            EscrowMove.Rotated => Faults(change, newKey: true, revokedKey: true, passwords: null),
            EscrowMove.Changed => [.. Faults(change, newKey: false, revokedKey: false, passwords: false), .. Kept(current, change)],
            _ => [EscrowFaults.At(EscrowFault.NothingChanges, ModeAt)],
        };
        return faults.Count == 0 ? move!.Value : new Refusal(RefusalCode.InvalidRequest) { Faults = faults };
    }

    private static List<FieldFault> Kept(EscrowPolicy current, EscrowPolicyChange change) =>
        change.KeyId is null ? [EscrowFaults.At(EscrowFault.Required, KeyAt)]
        : change.KeyId != current.Key!.Id.ToString() ? [EscrowFaults.At(EscrowFault.NotTheActiveKey, KeyAt)]
        : change.Mode == current.Mode ? [EscrowFaults.At(EscrowFault.NothingChanges, ModeAt)]
        : [];

    // True: must be given. False: must not. Null: may.
    private static List<FieldFault> Faults(EscrowPolicyChange change, bool newKey, bool? revokedKey, bool? passwords)
    {
        var faults = new List<FieldFault>();
        Check(newKey, change.NewKey is not null, NewKeyAt);
        Check(revokedKey, change.RevokedKey is not null, RevokedKeyAt);
        Check(passwords, change.Passwords is { Count: > 0 }, PasswordsAt);
        return faults;

        void Check(bool? wanted, bool given, string pointer)
        {
            if (wanted is { } must && must != given)
            {
                faults.Add(EscrowFaults.At(must ? EscrowFault.Required : EscrowFault.Forbidden, pointer));
            }
        }
    }
}
