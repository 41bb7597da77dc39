using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Sessions;

/// <summary>Looks again, within the act that changes something, whether the person of a session still may.</summary>
internal static class PersonOfSession
{
    /// <summary>The person of a session.</summary>
    /// <param name="sessions">The sessions.</param>
    /// <param name="act">The act.</param>
    /// <param name="accounts">The accounts.</param>
    /// <param name="caller">Whoever proved the session before the act.</param>
    /// <returns>Their account; null when the session is over or the account may not be used.</returns>
    public static async Task<Account?> PersonOf(this SessionStore sessions, Act act, AccountStore accounts, SessionCaller caller) =>
        await sessions.StillIs(act, caller.Session)
        && await accounts.Find(act.Db, act.Tenant, caller.Session.Account) is { Status: AccountStatus.Active } account
            ? account
            : null;

    /// <summary>The person of a session who may add and remove credentials.</summary>
    /// <param name="sessions">The sessions.</param>
    /// <param name="act">The act.</param>
    /// <param name="accounts">The accounts.</param>
    /// <param name="caller">Whoever proved the session before the act.</param>
    /// <returns>Their account; or <see cref="RefusalCode.SessionInvalid"/>, <see cref="RefusalCode.FreshSignInRequired"/>, <see cref="RefusalCode.RecoveriesStopped"/> in the session of a recovery.</returns>
    public static async Task<Result<Account>> PrivilegedPersonOf(this SessionStore sessions, Act act, AccountStore accounts, SessionCaller caller) =>
        await sessions.PersonOf(act, accounts, caller) is not { } account ? RefusalCode.SessionInvalid
        : caller.Session.RestrictedTo == SessionRestriction.Recovery && await RecoveryStops.Find(act.Db, act.Tenant) is not null
            ? RefusalCode.RecoveriesStopped
        : !caller.IsPrivileged(act.Now) ? RefusalCode.FreshSignInRequired
        : account;
}
