using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Delivery;

namespace Sparekey.Engine.Recoveries;

/// <summary>
/// Tells those whom policy names beside the person what happens to a recovery. They can look, and have no say by it: their mail carries
/// no link that takes anything back. A denial is told to nobody, for a requester may be among them (T16).
/// </summary>
/// <param name="accounts">Knows who is in a group.</param>
/// <param name="applications">Knows where the operators' pages are.</param>
/// <param name="pages">Makes links to them.</param>
internal sealed class TellWatchers(AccountStore accounts, ApplicationStore applications, RecoveryPages pages)
{
    /// <summary>How many people of its groups are told of one recovery.</summary>
    public const int Most = 50;

    /// <summary>Tells, in the act in which it happened.</summary>
    /// <param name="act">The act.</param>
    /// <param name="happened">What happened.</param>
    /// <param name="recovery">The recovery afterwards.</param>
    public async Task Run(Act act, LedgerEvent happened, Recovery recovery)
    {
        if (recovery.Watchers is not { } watchers || StepOf(happened) is not { } step
            || await accounts.Find(act.Db, act.Tenant, recovery.Request.Account) is not { } account)
        {
            return;
        }

        var link = new Uri(pages.OriginOf(await applications.FindDefault(act.Db, act.Tenant)), $"/operate/recoveries/{recovery.Id}");
        var values = RecoveryWriter.ValuesOf(
            recovery, ("step", step), ("number", recovery.Id.ToString()), ("whose", RecoveryWriter.NameOf(account)), ("decide_link", link.AbsoluteUri));
        if (!watchers.Groups.IsEmpty)
        {
            foreach (var member in await accounts.InGroups(act.Db, act.Tenant, watchers.Groups, Most))
            {
                if (member != account.Id)
                {
                    await act.Send(Message(member, recovery, values));
                }
            }
        }

        foreach (var address in watchers.Addresses)
        {
            await act.Send(Message(account.Id, recovery, values) with { To = [new Recipient(WireName.Of(AddressKind.Email), address)] });
        }
    }

    private static OutboxMessage Message(AccountId to, Recovery recovery, Dictionary<string, string> values) =>
        new(MessageKind.RecoveryWatchNotice, to) { Recovery = recovery.Id, Values = values };

    private static string? StepOf(LedgerEvent happened) => happened switch
    {
        LedgerEvent.RecoveryOpened => "opened",
        LedgerEvent.RecoveryIssued => "issued",
        LedgerEvent.RecoveryCompleted => "completed",
        LedgerEvent.RecoveryCancelled => "cancelled",
        _ => null,
    };
}
