using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Accounts;

/// <summary>
/// The one way in which an operator changes an account: it is found, the caller may act on it before the change and after it,
/// nobody else has what it claims, nobody else changed it meanwhile.
/// </summary>
/// <param name="acts">Runs acts.</param>
/// <param name="database">Knows what a taken key looks like.</param>
/// <param name="store">The accounts.</param>
/// <param name="policies">Knows the tenant's roles.</param>
internal sealed class AccountAct(Acts acts, Database database, AccountStore store, PolicyStore policies)
{
    /// <summary>What a change starts from.</summary>
    /// <param name="Account">The account as it is.</param>
    /// <param name="Ranks">The tenant's roles.</param>
    public sealed record Found(Account Account, RankOrder Ranks);

    /// <summary>
    /// Runs an act that may lose a race for an identifier. Where acts run side by side, the loser learns it from the unique key
    /// at its own write, and nothing of the act stands.
    /// </summary>
    /// <param name="caller">Who acts.</param>
    /// <param name="act">What to do.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    public async Task<Result<T>> Run<T>(Caller caller, Func<Act, Task<Result<T>>> act, CancellationToken cancellationToken)
    {
        if (caller.Grant.Demand(Permission.AccountWrite) is { } missing)
        {
            return missing;
        }

        try
        {
            return await acts.Write(caller.Tenant, act, cancellationToken);
        }
        catch (Exception e) when (database.Dialect.IsUniqueViolation(e))
        {
            return RefusalCode.IdentifierTaken;
        }
    }

    /// <summary>Finds an account that the caller may act on.</summary>
    /// <param name="act">The act.</param>
    /// <param name="caller">Who acts.</param>
    /// <param name="id">The account.</param>
    public async Task<Result<Found>> Find(Act act, Caller caller, AccountId id)
    {
        if (await store.Find(act.Db, act.Tenant, id) is not { } account)
        {
            return RefusalCode.AccountNotFound;
        }

        var ranks = await policies.Ranks(act.Db, act.Tenant);
        return caller.Grant.MayActOn(account.Id, account.Kind, account.Role, account.Role, ranks) is { } forbidden
            ? forbidden
            : new Found(account, ranks);
    }

    /// <summary>Writes a change.</summary>
    /// <param name="act">The act.</param>
    /// <param name="caller">Who acts.</param>
    /// <param name="found">What it starts from.</param>
    /// <param name="changed">The account as it shall be, still at its version.</param>
    /// <returns>The account, one version later; nothing was written when it is refused.</returns>
    public async Task<Result<Account>> Write(Act act, Caller caller, Found found, Account changed)
    {
        var (before, next) = (found.Account, changed with
        {
            Version = found.Account.Version + 1,
            UpdatedAt = act.Now,
            StatusSince = changed.Status == found.Account.Status ? found.Account.StatusSince : act.Now,
        });
        if ((caller.Grant.MayActOn(before.Id, before.Kind, before.Role, next.Role, found.Ranks)
            ?? caller.Grant.MayActOn(before.Id, next.Kind, before.Role, next.Role, found.Ranks)) is { } forbidden)
        {
            return forbidden;
        }

        if (await AccountClaims.Taken(act, before, next))
        {
            return RefusalCode.IdentifierTaken;
        }

        return await store.Update(act, before, next) ? next : RefusalCode.VersionConflict;
    }

    /// <summary>Whether a role and a manager are ones that an account of the tenant can have.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">The account as it shall be.</param>
    /// <param name="ranks">The tenant's roles.</param>
    /// <param name="before">The account as it is; what it has already is not asked about again.</param>
    /// <returns>Null, <see cref="RefusalCode.UnknownRole"/> or <see cref="RefusalCode.InvalidRequest"/>.</returns>
    public async Task<Refusal?> CheckPlace(DbSession db, TenantId tenant, Account account, RankOrder ranks, Account? before)
    {
        if (account.Role != before?.Role && !ranks.Knows(account.Role))
        {
            return new Refusal(RefusalCode.UnknownRole) { Faults = [new FieldFault("/role", $"One of: {string.Join(", ", ranks.Roles)}.")] };
        }

        return account.Manager is { } manager && manager != before?.Manager && await store.Find(db, tenant, manager) is null
            ? AccountRules.Invalid([new FieldFault("/manager_id", "There is no such account.")])
            : null;
    }
}
