using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Recoveries;

/// <summary>Ends the open recoveries of an account that is deleted, and forgets what was written about the person in all of them.</summary>
/// <param name="store">The recoveries.</param>
/// <param name="recoveries">Runs commands on them.</param>
/// <param name="policies">The policies.</param>
internal sealed class EndRecoveriesOfAccount(RecoveryStore store, RecoveryAct recoveries, PolicyStore policies) : IAccountDeletionStep
{
    /// <inheritdoc/>
    public async Task Run(Act act, Caller caller, Account account)
    {
        var policy = (await policies.Current(act.Db, act.Tenant)).Policy;
        foreach (var recovery in await store.Open(act.Db, act.Tenant, account.Id))
        {
            await recoveries.Apply(
                act, new RecoveryAct.Found(recovery, account, policy), new RecoveryCommand.Cancel(caller.Principal), caller);
        }

        await store.ForgetReasons(act, account.Id);
    }
}
