using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Delivery;

namespace Sparekey.Engine.Accounts;

/// <summary>
/// Tells the person that where they are reached changed (ASVS 6.3.7). It goes to the addresses of before and of after: whoever
/// changes an address must not be able to keep it from the person. It names no address in full, for a new one may be a stranger's.
/// </summary>
internal static class AddressNotice
{
    /// <summary>The message.</summary>
    /// <param name="before">The account before.</param>
    /// <param name="changed">The address it is about.</param>
    /// <param name="change">What happened to it: <c>added</c>, <c>removed</c> or <c>confirmed</c>.</param>
    public static OutboxMessage Of(Account before, Address changed, string change) =>
        new(MessageKind.AddressChangedNotice, before.Id)
        {
            To = [.. before.AddressesForNotices().Append(changed)
                .Where(a => a.Id != changed.Id || change != "removed" || a.IsUsable)
                .DistinctBy(a => Identifier.Normalize(a.Value))
                .Select(Recipient.Of)],
            Values = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["change"] = change,
                ["kind"] = WireName.Of(changed.Kind),
                ["address"] = changed.Masked(),
            },
        };
}
