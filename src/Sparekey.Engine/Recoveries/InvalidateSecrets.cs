using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Recoveries;

/// <summary>Ends every recovery of an account that has a code of a form out, in the applications of a group.</summary>
public sealed class InvalidateSecrets
{
    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly PolicyStore _policies;
    private readonly ClientCodes _codes;
    private readonly RecoveryAct _recoveries;

    internal InvalidateSecrets(Acts acts, AccountStore accounts, PolicyStore policies, ClientCodes codes, RecoveryAct recoveries)
    {
        _acts = acts;
        _accounts = accounts;
        _policies = policies;
        _codes = codes;
        _recoveries = recoveries;
    }

    /// <summary>Invalidates.</summary>
    /// <param name="caller">Who; holds <c>recovery:cancel</c>.</param>
    /// <param name="account">Whose codes.</param>
    /// <param name="group">The group of applications.</param>
    /// <param name="format">The form of the codes.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// When it was done; or <see cref="RefusalCode.PermissionMissing"/>, <see cref="RefusalCode.AccountNotFound"/>,
    /// <see cref="RefusalCode.OwnAccount"/>, <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public Task<Result<DateTimeOffset>> Run(
        Caller caller, AccountId account, string group, CodeFormat format, CancellationToken cancellationToken) =>
        _acts.Write<Result<DateTimeOffset>>(
            caller.Tenant,
            async act =>
            {
                var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
                if (await _accounts.Find(act.Db, act.Tenant, account) is not { } found)
                {
                    return RefusalCode.AccountNotFound;
                }

                if ((caller.Grant.Demand(Permission.RecoveryCancel)
                    ?? caller.Grant.MayActOn(found.Id, found.Kind, found.Role, found.Role, policy.Ranks)) is { } forbidden)
                {
                    return forbidden;
                }

                foreach (var code in await _codes.Of(act.Db, act.Tenant, found, group, format))
                {
                    await _recoveries.Apply(
                        act, new RecoveryAct.Found(code.Recovery, found, policy),
                        new RecoveryCommand.Cancel(caller.Principal, "codes invalidated"), caller);
                }

                return act.Now;
            },
            cancellationToken);
}
