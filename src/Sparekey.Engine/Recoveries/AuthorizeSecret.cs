using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Recoveries;

/// <summary>Makes a code usable that was made ahead of its authorisation; who authorises it names it by its text.</summary>
public sealed class AuthorizeSecret
{
    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly PolicyStore _policies;
    private readonly ClientCodes _codes;
    private readonly SpentCodes _spent;
    private readonly RecoveryAct _recoveries;
    private readonly Throttle _throttle;

    internal AuthorizeSecret(
        Acts acts, AccountStore accounts, PolicyStore policies, ClientCodes codes, SpentCodes spent, RecoveryAct recoveries, Throttle throttle)
    {
        _acts = acts;
        _accounts = accounts;
        _policies = policies;
        _codes = codes;
        _spent = spent;
        _recoveries = recoveries;
        _throttle = throttle;
    }

    /// <summary>Authorises.</summary>
    /// <param name="caller">Who; holds <c>recovery:issue</c>.</param>
    /// <param name="account">Whose code.</param>
    /// <param name="group">The group of applications that it is for.</param>
    /// <param name="format">Its form.</param>
    /// <param name="text">The code.</param>
    /// <param name="reason">Why; written down where the recovery has none.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// When the code ends, also where it was authorised before; or <see cref="RefusalCode.SecretInvalid"/>,
    /// <see cref="RefusalCode.RecoveryExpired"/>, <see cref="RefusalCode.RecoveryClosed"/>, <see cref="RefusalCode.RequirementsOpen"/> with
    /// the recovery's id where policy demands more, <see cref="RefusalCode.TooManyRequests"/>,
    /// <see cref="RefusalCode.PermissionMissing"/>, <see cref="RefusalCode.AccountNotFound"/>, <see cref="RefusalCode.OwnAccount"/>,
    /// <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public Task<Result<DateTimeOffset>> Run(
        Caller caller, AccountId account, string group, CodeFormat format, SecretText text, Reason? reason, CancellationToken cancellationToken) =>
        _acts.Write(caller.Tenant, act => Authorize(act, caller, account, group, format, text, reason), cancellationToken);

    private async Task<Result<DateTimeOffset>> Authorize(
        Act act, Caller caller, AccountId id, string group, CodeFormat format, SecretText text, Reason? reason)
    {
        var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
        if (await _accounts.Find(act.Db, act.Tenant, id) is not { } account)
        {
            return RefusalCode.AccountNotFound;
        }

        if ((caller.Grant.Demand(Permission.RecoveryIssue)
            ?? caller.Grant.MayActOn(account.Id, account.Kind, account.Role, account.Role, policy.Ranks)) is { } forbidden)
        {
            return forbidden;
        }

        // A programme that authorises whatever it is told must not be a way to find a code out.
        if (await _throttle.Count(act, ThrottleKind.CodeAuthorization, id.ToString(), caller.Principal.Id) is { } tooMany)
        {
            return tooMany;
        }

        var normal = CodeText.Normalize(format, text.Reveal()) ?? "";
        var codes = await _codes.Of(act.Db, act.Tenant, account, group, format);
        if (_codes.Match(act.Tenant, codes, normal) is not { Recovery: { Secret: { } secret } recovery })
        {
            return await _spent.EndOf(act.Db, act.Tenant, id, format, normal, act.Now);
        }

        if (!secret.IsAlive(act.Now))
        {
            return RefusalCode.RecoveryExpired;
        }

        if (secret.Usable)
        {
            return secret.ExpiresAt;
        }

        var found = new RecoveryAct.Found(recovery, account, policy);
        if (reason is not null && recovery.Request.Reason is null)
        {
            var explained = await _recoveries.Apply(act, found, new RecoveryCommand.AddReason(caller.Principal, reason), caller);
            if (explained.Refusal is { } unexplained)
            {
                return unexplained;
            }

            found = found with { Recovery = explained.Value };
        }

        var authorized = await _recoveries.Apply(act, found, new RecoveryCommand.Authorize(caller.Principal), caller);
        return authorized.Refusal is { } refused ? refused
            : authorized.Value.Secret is { Usable: true } usable ? usable.ExpiresAt
            : new Refusal(RefusalCode.RequirementsOpen) { Recovery = recovery.Id };
    }
}
