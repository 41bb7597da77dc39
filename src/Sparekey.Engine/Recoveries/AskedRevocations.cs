using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Recoveries;

/// <summary>Ends what a recovery was asked to end with its completion, within that act.</summary>
/// <param name="credentials">The credentials.</param>
/// <param name="sessions">The sessions.</param>
internal sealed class AskedRevocations(CredentialStore credentials, SessionStore sessions)
{
    /// <summary>Ends it.</summary>
    /// <param name="act">The act.</param>
    /// <param name="recovery">The recovery that completes.</param>
    public async Task Run(Act act, Recovery recovery)
    {
        foreach (var revocation in recovery.Request.Revoke)
        {
            await Revoke(act, recovery.Request.Account, revocation);
        }
    }

    private Task<int> Revoke(Act act, AccountId account, Revocation revocation) => revocation switch
    {
        Revocation.Sessions => sessions.EndAll(act, account),
        Revocation.Passwords => credentials.RevokeKind(act, account, CredentialKind.Password),
        Revocation.Passkeys => credentials.RevokeKind(act, account, CredentialKind.Passkey),
        Revocation.Keys => credentials.RevokeKind(act, account, CredentialKind.Key),
        Revocation.RecoveryKeys => credentials.RevokeKind(act, account, CredentialKind.RecoveryKey),
        Revocation.RecoveryCodes => credentials.RevokeKind(act, account, CredentialKind.RecoveryCodes),
        Revocation.ExternalLogins => credentials.RevokeKind(act, account, CredentialKind.ExternalLogin),
        Revocation.PasskeysForNow => credentials.SuspendKind(act, account, CredentialKind.Passkey),
    };
}
