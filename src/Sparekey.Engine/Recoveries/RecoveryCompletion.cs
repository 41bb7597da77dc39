using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Recoveries;

/// <summary>
/// The one commit that ends a recovery well: it consumes the secret, revokes what was asked for and binds the new credential, all of
/// it or nothing. Of two at once one wins.
/// </summary>
/// <param name="redemptions">The redemptions.</param>
/// <param name="recoveries">The recoveries.</param>
/// <param name="policies">The policy.</param>
/// <param name="revocations">End what shall end with it.</param>
internal sealed class RecoveryCompletion(
    Redemptions redemptions, RecoveryAct recoveries, PolicyStore policies, AskedRevocations revocations)
{
    /// <summary>Completes the recovery of a redemption.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="token">The redemption's token, looked at again in this act.</param>
    /// <param name="check">Whether the credential can be bound; a refusal leaves everything as it was.</param>
    /// <param name="bind">Binds the new credential, after the old ones are gone. It cannot refuse.</param>
    /// <returns>The completed recovery; or <see cref="RefusalCode.RedemptionInvalid"/>, or what <paramref name="check"/> refuses.</returns>
    public async Task<Result<Recovery>> Run(
        Act act, Visitor visitor, SecretText token, Func<LiveRedemption, Task<Refusal?>> check, Func<Recovery, Account, Task> bind)
    {
        var live = await redemptions.Find(act.Db, act.Tenant, token, act.Now);
        if (live.Refusal is { } refusal)
        {
            return refusal;
        }

        return await check(live.Value) is { } unbindable ? unbindable : await Commit(act, visitor, live.Value, bind, byRecoveryKey: false);
    }

    /// <summary>The commit itself, where everything was checked in this act.</summary>
    /// <param name="act">The act.</param>
    /// <param name="visitor">Where it comes from.</param>
    /// <param name="live">The redemption.</param>
    /// <param name="bind">Binds the credential.</param>
    /// <param name="byRecoveryKey">Whether the person's recovery key signed what is bound.</param>
    /// <param name="intoSession">Whether a session is opened instead of binding anything.</param>
    /// <returns>The completed recovery, or <see cref="RefusalCode.RedemptionInvalid"/>.</returns>
    public async Task<Result<Recovery>> Commit(
        Act act, Visitor visitor, LiveRedemption live, Func<Recovery, Account, Task> bind, bool byRecoveryKey, bool intoSession = false)
    {
        var (recovery, account, _) = live;
        var policy = (await policies.Current(act.Db, act.Tenant)).Policy;
        var completed = await recoveries.Apply(
            act, new RecoveryAct.Found(recovery, account, policy),
            new RecoveryCommand.Complete(recovery.Redemption!.Id, AccountFacts.Of(account), byRecoveryKey, intoSession), visitor);
        if (completed.Refusal is { } refused)
        {
            return refused;
        }

        await revocations.Run(act, recovery);
        await bind(recovery, account);
        return completed;
    }
}
