using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Credentials.RecoveryCodes;

/// <summary>What ledger and person are told of codes that are used up.</summary>
internal static class RecoveryCodeLedger
{
    /// <summary>A code is used up.</summary>
    /// <param name="visitor">From where; null for Sparekey itself.</param>
    /// <param name="account">Whose.</param>
    /// <param name="set">The set and what is left of it.</param>
    /// <param name="why">How its recovery ended, or <c>tries</c>.</param>
    /// <param name="recovery">The recovery that it opened; null for none.</param>
    public static LedgerEntry Spent(Visitor? visitor, AccountId account, RecoveryCodeSet set, string why, RecoveryId? recovery) =>
        Entry(LedgerEvent.RecoveryCodeSpent, Principal.System, visitor, account, recovery, set, ("why", why));

    /// <summary>A code took the place of one that was used.</summary>
    /// <param name="visitor">From where.</param>
    /// <param name="account">Whose.</param>
    /// <param name="set">The set with the new one.</param>
    /// <param name="recovery">The recovery that the used one completed.</param>
    public static LedgerEntry Replaced(Visitor visitor, AccountId account, RecoveryCodeSet set, RecoveryId recovery) =>
        Entry(LedgerEvent.RecoveryCodeReplaced, Principal.Of(account), visitor, account, recovery, set, ("why", WireName.Of(RecoveryState.Completed)));

    /// <summary>Tells the person that few codes are left; null while there are more.</summary>
    /// <param name="account">Whose.</param>
    /// <param name="set">What is left.</param>
    public static OutboxMessage? NoticeOf(AccountId account, RecoveryCodeSet set) => set.Left > RecoveryLimits.FewSavedCodes
        ? null
        : new OutboxMessage(MessageKind.RecoveryCodesLowNotice, account)
        {
            Values = new Dictionary<string, string>(StringComparer.Ordinal)
            {
                ["left"] = set.Left.ToString(System.Globalization.CultureInfo.InvariantCulture),
            },
        };

    private static LedgerEntry Entry(
        LedgerEvent happened, Principal actor, Visitor? visitor, AccountId account, RecoveryId? recovery, RecoveryCodeSet set,
        (string Name, object? Value) more)
    {
        (string, object?)[] facts = [("credential", set.Credential.ToString()), ("left", set.Left), more];
        return new LedgerEntry(happened, actor, account, recovery)
        {
            Facts = visitor is null
                ? facts.ToDictionary(f => f.Item1, f => f.Item2, StringComparer.Ordinal)
                : SessionLedger.Facts(visitor, facts),
            Texts = visitor is null ? new Dictionary<string, string>(StringComparer.Ordinal) : SessionLedger.Source(visitor),
        };
    }
}
