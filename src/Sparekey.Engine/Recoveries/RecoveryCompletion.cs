using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Recoveries;

/// <summary>
/// The one commit that ends a recovery well: it consumes the secret, revokes what was asked for and binds the new credential, all of
/// it or nothing. Of two at once one wins.
/// </summary>
/// <param name="redemptions">The redemptions.</param>
/// <param name="recoveries">The recoveries.</param>
/// <param name="policies">The policy.</param>
/// <param name="credentials">The credentials.</param>
/// <param name="sessions">The sessions.</param>
internal sealed class RecoveryCompletion(
    Redemptions redemptions, RecoveryAct recoveries, PolicyStore policies, CredentialStore credentials, SessionStore sessions)
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

        if (await check(live.Value) is { } unbindable)
        {
            return unbindable;
        }

        var (recovery, account, _) = live.Value;
        var policy = (await policies.Current(act.Db, act.Tenant)).Policy;
        var completed = await recoveries.Apply(
            act, new RecoveryAct.Found(recovery, account, policy),
            new RecoveryCommand.Complete(recovery.Redemption!.Id, AccountFacts.Of(account)), visitor);
        if (completed.Refusal is { } refused)
        {
            return refused;
        }

        foreach (var revocation in recovery.Request.Revoke)
        {
            await Revoke(act, account.Id, revocation);
        }

        await bind(recovery, account);
        return completed;
    }

    private Task<int> Revoke(Act act, AccountId account, Revocation revocation) => revocation switch
    {
        Revocation.Sessions => sessions.EndAll(act, account),
        Revocation.Passwords => credentials.DeleteOfKind(act, account, CredentialKind.Password),
        Revocation.Passkeys => credentials.DeleteOfKind(act, account, CredentialKind.Passkey),
        Revocation.Keys => credentials.DeleteOfKind(act, account, CredentialKind.Key),
        Revocation.RecoveryKeys => credentials.DeleteOfKind(act, account, CredentialKind.RecoveryKey),
        Revocation.RecoveryCodes => credentials.DeleteOfKind(act, account, CredentialKind.RecoveryCodes),
        Revocation.ExternalLogins => credentials.DeleteOfKind(act, account, CredentialKind.ExternalLogin),
    };
}
