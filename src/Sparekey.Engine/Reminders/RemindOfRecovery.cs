using System.Globalization;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Engine.Reminders;

/// <summary>
/// Reminds those who have not answered before a recovery's time is over: its person, and operators who may approve it. Each once: a
/// reminder for every question would teach people to say yes (ASVS 6.6.4).
/// </summary>
internal sealed class RemindOfRecovery(
    ReminderStore store, OperatorStore operators, AccountStore accounts, ApplicationStore applications, RecoveryPages pages)
{
    private const int MostApprovers = 20;
    private const int MostOperators = 500;

    /// <summary>Reminds where it is time to, in the caller's act.</summary>
    /// <param name="act">The act.</param>
    /// <param name="recovery">The recovery.</param>
    /// <param name="account">Its account.</param>
    /// <param name="policy">The policy.</param>
    public async Task Run(Act act, Recovery recovery, Account account, Policy policy)
    {
        if (recovery.State != RecoveryState.Pending || act.Now < recovery.RemindAt() || act.Now >= recovery.OpenUntil)
        {
            return;
        }

        var open = recovery.Requirements.Where(r => !r.IsMet(act.Now)).ToList();
        if (open.Exists(r => r.Kind is RequirementKind.Confirmation or RequirementKind.SecondProof)
            && await store.Once(act, ReminderKind.RecoveryPerson, recovery.Id.ToString()))
        {
            await act.Send(new OutboxMessage(MessageKind.RecoveryReminder, account.Id)
            {
                Recovery = recovery.Id, Values = RecoveryWriter.ValuesOf(recovery, ("ends", Ends(recovery))),
            });
            await Record(act, ReminderKind.RecoveryPerson, recovery, 1);
        }

        var approvals = open.Where(r => r.Kind == RequirementKind.Approvals).ToList();
        if (approvals.Count > 0 && await store.Once(act, ReminderKind.RecoveryApprovers, recovery.Id.ToString()))
        {
            await RemindApprovers(act, recovery, account, policy, approvals);
        }
    }

    private async Task RemindApprovers(Act act, Recovery recovery, Account account, Policy policy, List<Requirement> approvals)
    {
        var link = new Uri(
            pages.OriginOf(await applications.FindDefault(act.Db, act.Tenant)), $"/operate/recoveries/{recovery.Id}").AbsoluteUri;
        var told = 0;
        foreach (var who in await operators.List(act.Db, act.Tenant, null, MostOperators))
        {
            if (told == MostApprovers)
            {
                break;
            }

            if (await MayApprove(act, who, recovery, account, policy, approvals))
            {
                await act.Send(new OutboxMessage(MessageKind.ApprovalReminder, who.Account)
                {
                    Recovery = recovery.Id,
                    Values = RecoveryWriter.ValuesOf(
                        recovery, ("ends", Ends(recovery)), ("number", recovery.Id.ToString()), ("whose", RecoveryWriter.NameOf(account)),
                        ("decide_link", link)),
                });
                told++;
            }
        }

        await Record(act, ReminderKind.RecoveryApprovers, recovery, told);
    }

    // As the state machine counts approvals; who is reminded in vain is refused there.
    private async Task<bool> MayApprove(
        Act act, Operator who, Recovery recovery, Account account, Policy policy, List<Requirement> approvals)
    {
        var principal = who.Grant.Principal;
        return !(who.ExpiresAt <= act.Now) && who.Permissions.Contains(Permission.RecoveryApprove)
            && !principal.IsSamePersonAs(recovery.RequestedBy)
            && who.Grant.MayActOn(account.Id, account.Kind, account.Role, account.Role, policy.Ranks) is null
            && await accounts.Find(act.Db, act.Tenant, who.Account) is { Status: AccountStatus.Active } person
            && approvals.Exists(r => !r.Met.Any(m => m.By.IsSamePersonAs(principal))
                && (r.FromGroups.IsEmpty || r.FromGroups.Any(g => person.Groups.Contains(g, StringComparer.Ordinal)))
                && (!r.ByManager || account.Manager == who.Account));
    }

    private static string Ends(Recovery recovery) => recovery.OpenUntil.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);

    private static Task Record(Act act, ReminderKind kind, Recovery recovery, int told) =>
        act.Record(new LedgerEntry(LedgerEvent.ReminderSent, Principal.System, recovery.Request.Account, recovery.Id)
        {
            Facts = new Dictionary<string, object?>(StringComparer.Ordinal)
            {
                ["kind"] = WireName.Of(kind), ["told"] = told, ["ends_at"] = recovery.OpenUntil.ToUnixTimeMilliseconds(),
            },
        });
}
