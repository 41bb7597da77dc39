using Sparekey.Core.Accounts;
using Sparekey.Engine.Delivery;

namespace Sparekey.Engine.Accounts;

/// <summary>Tells the person that their user name changed (ASVS 6.3.7). It names neither: the mail may be read by others.</summary>
internal static class NameNotice
{
    /// <summary>Tells, where it changed.</summary>
    /// <param name="act">The act.</param>
    /// <param name="before">The account before.</param>
    /// <param name="after">The account afterwards.</param>
    public static Task Tell(Act act, Account before, Account after) => before.Username == after.Username
        ? Task.CompletedTask
        : act.Send(new OutboxMessage(MessageKind.NameChangedNotice, after.Id)
        {
            To = [.. before.AddressesForNotices().Concat(after.AddressesForNotices()).DistinctBy(a => Identifier.Normalize(a.Value)).Select(Recipient.Of)],
            Values = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["change"] = before.Username is null ? "added" : after.Username is null ? "removed" : "changed",
            },
        });
}
