using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.PersonalCodes;

/// <summary>What an operator's programme does with codes that sign in: it authorises one, or ends all of a set.</summary>
public sealed class ManageCodes
{
    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly PolicyStore _policies;
    private readonly AccountCodes _codes;
    private readonly Throttle _throttle;

    internal ManageCodes(Acts acts, AccountStore accounts, PolicyStore policies, AccountCodes codes, Throttle throttle)
    {
        _acts = acts;
        _accounts = accounts;
        _policies = policies;
        _codes = codes;
        _throttle = throttle;
    }

    /// <summary>Authorises a code.</summary>
    /// <param name="caller">Who; holds <c>session:delegate</c>.</param>
    /// <param name="set">Its set.</param>
    /// <param name="text">The code.</param>
    /// <param name="reason">Why, for the ledger.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// When it ends; or <see cref="RefusalCode.InvalidRequest"/> for the reason, <see cref="RefusalCode.SecretInvalid"/>, <see cref="RefusalCode.RecoveryClosed"/>,
    /// <see cref="RefusalCode.RecoveryExpired"/>, <see cref="RefusalCode.TooManyRequests"/>, <see cref="RefusalCode.PermissionMissing"/>,
    /// <see cref="RefusalCode.AccountNotFound"/>, <see cref="RefusalCode.OwnAccount"/>, <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public Task<Result<DateTimeOffset>> Authorize(Caller caller, CodeSet set, SecretText text, Reason? reason, CancellationToken cancellationToken) =>
        _acts.Write<Result<DateTimeOffset>>(
            caller.Tenant,
            async act =>
            {
                if ((await FaultOf(act, caller, set, Permission.SessionDelegate) ?? reason?.FaultAt("/reason")) is { } refused)
                {
                    return refused;
                }

                if ((await _policies.Current(act.Db, act.Tenant)).Policy.IsStopped)
                {
                    return RefusalCode.RecoveriesStopped;
                }

                if (await _throttle.Count(act, ThrottleKind.CodeAuthorization, set.Account.ToString(), caller.Principal.Id) is { } tooMany)
                {
                    return tooMany;
                }

                if (await _codes.Match(act.Db, act.Tenant, set, text, act.Now) is not { } code)
                {
                    await _codes.CountTry(act, set, TryOrigin.Handle);
                    return RefusalCode.SecretInvalid;
                }

                if (code.Over || !code.IsLive(act.Now))
                {
                    return code.Over ? RefusalCode.RecoveryClosed : RefusalCode.RecoveryExpired;
                }

                if (!code.Authorized)
                {
                    await _codes.Authorize(act, set, code.Id);
                    await Record(act, caller, set, LedgerEvent.SignInCodeAuthorized, reason);
                }

                return code.Ends;
            },
            cancellationToken);

    /// <summary>Ends every live code of a set.</summary>
    /// <param name="caller">Who; holds <c>recovery:cancel</c>.</param>
    /// <param name="set">The set.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// When it was done; or <see cref="RefusalCode.PermissionMissing"/>, <see cref="RefusalCode.AccountNotFound"/>,
    /// <see cref="RefusalCode.OwnAccount"/>, <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public Task<Result<DateTimeOffset>> EndAll(Caller caller, CodeSet set, CancellationToken cancellationToken) =>
        _acts.Write<Result<DateTimeOffset>>(
            caller.Tenant,
            async act =>
            {
                if (await FaultOf(act, caller, set, Permission.RecoveryCancel) is { } refused)
                {
                    return refused;
                }

                await _codes.End(act, set, id: null);
                await Record(act, caller, set, LedgerEvent.SignInCodesEnded);
                return act.Now;
            },
            cancellationToken);

    private async Task<Refusal?> FaultOf(Act act, Caller caller, CodeSet set, Permission permission)
    {
        if (caller.Grant.Demand(permission) is { } missing)
        {
            return missing;
        }

        var ranks = await _policies.Ranks(act.Db, act.Tenant);
        return await _accounts.Find(act.Db, act.Tenant, set.Account) is { } account
            ? caller.Grant.MayActOn(account.Id, account.Kind, account.Role, account.Role, ranks)
            : RefusalCode.AccountNotFound;
    }

    private static Task Record(Act act, Caller caller, CodeSet set, LedgerEvent happened, Reason? reason = null) =>
        act.Record(new LedgerEntry(happened, caller.Principal, set.Account)
        {
            Facts = SessionLedger.Facts(caller, ("format", WireName.Of(set.Format)), ("purpose", WireName.Of(set.Purpose))),
            Texts = SessionLedger.Source(caller, reason),
        });
}
