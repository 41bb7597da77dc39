using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;

namespace Sparekey.Core.Recoveries;

/// <content>
/// What a requester may do who was denied and is not told (T16). An attacker who can tell a denial from waiting knows that they
/// were noticed, so every command of theirs has the answer that it would have if nobody had said no.
/// </content>
public static partial class RecoveryMachine
{
    private static bool IsHiddenFrom(RecoveryCommand command, Recovery recovery, DateTimeOffset now) =>
        recovery is { State: RecoveryState.Denied, WithdrawnAt: null } && now < recovery.OpenUntil
        && WhoCommands(command)?.IsSamePersonAs(recovery.RequestedBy) == true;

    private static Principal? WhoCommands(RecoveryCommand command) => command switch
    {
        RecoveryCommand.AddReason c => c.By,
        RecoveryCommand.Confirm c => c.By,
        RecoveryCommand.GiveEvidence c => c.By,
        RecoveryCommand.Prove c => c.By,
        RecoveryCommand.Authorize c => c.By,
        RecoveryCommand.Approve c => c.By,
        RecoveryCommand.Deny c => c.By,
        RecoveryCommand.Issue c => c.By,
        RecoveryCommand.CompleteDirectly c => c.By,
        RecoveryCommand.BindKey c => c.By,
        RecoveryCommand.Cancel c => c.By,
        _ => null,
    };

    // It is decided on the recovery as if it waited. What comes of it is kept, but the recovery stays denied: whatever the command
    // would have led to, no secret is made and nothing is completed.
    private static Decision DecideUnnoticed(Recovery denied, RecoveryCommand command, Policy policy, DateTimeOffset now)
    {
        var decision = DecideOn(denied with { State = RecoveryState.Pending, ClosedAt = null }, command, policy, now);
        if (decision is not Decision.Accepted accepted)
        {
            return decision;
        }

        var next = accepted.Next;
        if (next.State == RecoveryState.Cancelled)
        {
            return accepted with { Next = denied with { WithdrawnAt = now } };
        }

        if (next.State == RecoveryState.Completed || next.Secret is not null)
        {
            // As where policy became stricter: the one reason for which a requester who did everything has to wait.
            return Refuse(new Refusal(RefusalCode.RequirementsOpen, $"Still open: {WireName.Of(RequirementKind.Approvals)}."));
        }

        return accepted with
        {
            Next = denied with { Request = next.Request, Requirements = next.Requirements },
            Events = [.. accepted.Events.Where(e => e.Event != LedgerEvent.RecoveryReady)],
        };
    }
}
