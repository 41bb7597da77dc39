using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.PersonalCodes;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Recoveries;

/// <summary>What a code that adds a credential opened: exactly one of the two.</summary>
/// <param name="Redemption">The redemption of a recovery.</param>
/// <param name="Device">The code of a person who adds a device.</param>
public sealed record RedeemedClientCode(OpenedRedemption? Redemption, DeviceTicket? Device);

/// <summary>
/// Redeems a code at an application of another product, whose codes are bound to the group of its applications and to their form. A
/// code may be that of a recovery, or one that the person made to add a device. It consumes nothing.
/// </summary>
public sealed class RedeemClientCode
{
    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly PolicyStore _policies;
    private readonly ClientCodes _codes;
    private readonly SpentCodes _spent;
    private readonly AccountCodes _own;
    private readonly RecoveryAct _recoveries;
    private readonly Redemptions _redemptions;
    private readonly Throttle _throttle;

    internal RedeemClientCode(
        Acts acts, AccountStore accounts, PolicyStore policies, ClientCodes codes, SpentCodes spent, AccountCodes own, RecoveryAct recoveries,
        Redemptions redemptions, Throttle throttle)
    {
        _acts = acts;
        _accounts = accounts;
        _policies = policies;
        _codes = codes;
        _spent = spent;
        _own = own;
        _recoveries = recoveries;
        _redemptions = redemptions;
        _throttle = throttle;
    }

    /// <summary>Redeems.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="attempt">The try.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// What the code opened; or <see cref="RefusalCode.SecretInvalid"/>, <see cref="RefusalCode.TooManyRequests"/>; where the try is
    /// vouched for also <see cref="RefusalCode.RequirementsOpen"/> (not authorised yet), <see cref="RefusalCode.RecoveryExpired"/>,
    /// <see cref="RefusalCode.RecoveriesStopped"/> and <see cref="RefusalCode.RecoveryClosed"/> (used, ended, used up by tries).
    /// </returns>
    public Task<Result<RedeemedClientCode>> Run(Visitor visitor, CodeTry attempt, CancellationToken cancellationToken) =>
        _acts.Write(
            visitor.Tenant,
            async act =>
            {
                if (!attempt.IsVouchedFor
                    && await _throttle.Count(act, ThrottleKind.Redemption, attempt.Name, visitor.Source) is { } tooMany)
                {
                    return tooMany;
                }

                var redeemed = await Redeem(act, visitor, attempt);
                return redeemed.Refusal is { } refused && !attempt.IsVouchedFor ? RefusalCode.SecretInvalid : redeemed;
            },
            cancellationToken);

    private async Task<Result<RedeemedClientCode>> Redeem(Act act, Visitor visitor, CodeTry attempt)
    {
        // An unknown account and a text that is no code do the same work.
        var normal = CodeText.Normalize(attempt.Format, attempt.Text.Reveal()) ?? "";
        var account = attempt.Account is { } id ? await _accounts.Find(act.Db, act.Tenant, id) : null;
        var codes = account is null ? [] : await _codes.Of(act.Db, act.Tenant, account, attempt.Group, attempt.Format);
        var fitting = _codes.Match(act.Tenant, codes, normal);
        var set = attempt.Of(account?.Id ?? default, CodePurpose.AddDevice);
        var own = await _own.Match(act.Db, act.Tenant, set, attempt.Text, act.Now);
        if (account is not { Status: AccountStatus.Active })
        {
            return RefusalCode.SecretInvalid;
        }

        var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
        if (fitting is not null)
        {
            return await Open(act, visitor, new RecoveryAct.Found(fitting.Recovery, account, policy), attempt.Origin);
        }

        if (own is not null)
        {
            return own.Over ? RefusalCode.RecoveryClosed
                : !own.IsLive(act.Now) ? RefusalCode.RecoveryExpired
                : new RedeemedClientCode(null, new DeviceTicket(set, own.Id));
        }

        // It fits none: it is counted against each before anybody learns the result.
        foreach (var code in codes)
        {
            await _recoveries.Apply(
                act, new RecoveryAct.Found(code.Recovery, account, policy),
                new RecoveryCommand.Redeem(Matches: false, attempt.Origin, NewId.Make<RedemptionId>()), visitor);
        }

        await _own.CountTry(act, set, attempt.Origin);
        return await _spent.EndOf(act.Db, act.Tenant, account.Id, attempt.Format, normal, act.Now);
    }

    private async Task<Result<RedeemedClientCode>> Open(Act act, Visitor visitor, RecoveryAct.Found found, TryOrigin origin)
    {
        if (found.Policy.IsStopped)
        {
            return RefusalCode.RecoveriesStopped;
        }

        if (found.Recovery.Secret is { Usable: false } waiting && waiting.IsAlive(act.Now))
        {
            return RefusalCode.RequirementsOpen;
        }

        if (found.Recovery.Secret is { } secret && !secret.IsAlive(act.Now))
        {
            return RefusalCode.RecoveryExpired;
        }

        var redeemed = await _recoveries.Apply(
            act, found, new RecoveryCommand.Redeem(Matches: true, origin, NewId.Make<RedemptionId>()), visitor);
        return redeemed.Refusal is not null
            ? RefusalCode.RecoveryClosed
            : new RedeemedClientCode(await _redemptions.Open(act, redeemed.Value, found.Account), null);
    }
}
