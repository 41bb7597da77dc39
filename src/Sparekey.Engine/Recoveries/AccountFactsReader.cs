using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Recoveries;

/// <summary>Reads what policy may ask of an account beyond what the account tells itself; what no rule asks is not looked up.</summary>
/// <param name="recoveries">Knows how often it was to be recovered.</param>
/// <param name="passkeys">Know how well it can sign in.</param>
internal sealed class AccountFactsReader(RecoveryStore recoveries, PasskeyStore passkeys)
{
    /// <summary>Reads.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">The account.</param>
    /// <param name="policy">The policy that asks.</param>
    /// <param name="now">The time.</param>
    /// <param name="without">The recovery that is decided on; null for a new one.</param>
    public async Task<AccountFacts> Read(
        DbSession db, TenantId tenant, Account account, Policy policy, DateTimeOffset now, RecoveryId? without = null) =>
        AccountFacts.Of(account) with
        {
            Opened = policy.LooksBack is { } back ? [.. await recoveries.OpenedSince(db, tenant, account.Id, now - back, without)] : [],
            Level = policy.LooksAtLevel
                ? (await passkeys.List(db, tenant, account.Id, activeOnly: true))
                    .Select(p => AssuranceLevels.Of([.. p.Amr])).Append(AssuranceLevel.Aal1).Max()
                : AssuranceLevel.Aal1,
        };
}
