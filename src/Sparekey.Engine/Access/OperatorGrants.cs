using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Access;

/// <summary>What a person may do to others as an operator.</summary>
/// <param name="operators">Who the operators are.</param>
/// <param name="accounts">Which roles they have.</param>
/// <param name="policies">How roles are ranked.</param>
internal sealed class OperatorGrants(OperatorStore operators, AccountStore accounts, PolicyStore policies)
{
    /// <summary>What they may do.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="person">The person.</param>
    /// <param name="now">The time.</param>
    /// <returns>
    /// The grant; null for no operator, and where the account's role was lowered so far that whoever recovers it needs less than it may do.
    /// </returns>
    public async Task<Grant?> Of(DbSession db, TenantId tenant, AccountId person, DateTimeOffset now) =>
        await operators.Find(db, tenant, person, now) is { } found
            && await accounts.Find(db, tenant, person) is { } account
            && (await policies.Ranks(db, tenant)).MayOperate(account.Role, found.Ceiling)
            ? found.Grant
            : null;
}
