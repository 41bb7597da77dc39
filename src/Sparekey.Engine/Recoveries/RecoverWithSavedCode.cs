using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Credentials.RecoveryCodes;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Recoveries;

/// <summary>
/// Takes a saved recovery code within an act. It opens a recovery that its person asks for, under the policy that holds for every other;
/// where policy demands more, the recovery waits, and the same code comes back to it. Nothing is consumed: the code is used up with the
/// recovery that it opened, however that ends.
/// </summary>
/// <param name="codes">The codes.</param>
/// <param name="spent">Counts tries.</param>
/// <param name="store">The recoveries.</param>
/// <param name="opening">Writes what is opened.</param>
/// <param name="recoveries">Runs commands.</param>
/// <param name="issuer">Opens the redemption.</param>
/// <param name="redemptions">Opens it again.</param>
/// <param name="applications">The application of the host.</param>
/// <param name="policies">The policy.</param>
/// <param name="facts">What policy asks of accounts.</param>
internal sealed class RecoverWithSavedCode(
    RecoveryCodeStore codes, SpentRecoveryCodes spent, RecoveryStore store, RecoveryOpening opening, RecoveryAct recoveries,
    SecretIssuer issuer, Redemptions redemptions, ApplicationStore applications, PolicyStore policies, AccountFactsReader facts)
{
    /// <summary>Takes a code.</summary>
    /// <param name="act">The act; the try is slowed already.</param>
    /// <param name="visitor">Where it came from.</param>
    /// <param name="account">Whose it is said to be; null for a name that is nobody's.</param>
    /// <param name="typed">What was typed.</param>
    /// <returns>
    /// The redemption; <see cref="RefusalCode.SecretInvalid"/>; and, to who holds a right code alone,
    /// <see cref="RefusalCode.RequirementsOpen"/> with the recovery that waits, and until when where only time is missing, or <see cref="RefusalCode.PolicyRefuses"/>.
    /// </returns>
    public async Task<Result<OpenedRedemption>> Run(Act act, Visitor visitor, Account? account, SavedCodeReading typed)
    {
        var (code, isIt) = await codes.Match(act.Db, act.Tenant, account?.Id, typed);
        if (account is not { Status: AccountStatus.Active } || !isIt || !code!.TakesTries)
        {
            return await Refuse(act, visitor, account, isIt ? null : code);
        }

        var policy = (await policies.Current(act.Db, act.Tenant)).Policy;
        var opened = code.Recovery is { } earlier ? await store.Find(act.Db, act.Tenant, earlier) : null;
        if (opened is { Request.Means: not Means.SavedCode })
        {
            // It was the second proof of another recovery, and is used up by that: it is no secret of it.
            return await Refuse(act, visitor, account, null);
        }

        if (opened is null)
        {
            var first = await Open(act, visitor, account, policy);
            if (first.Refusal is { } refused)
            {
                return refused.Code == RefusalCode.PolicyRefuses ? refused : await Refuse(act, visitor, account, null);
            }

            opened = first.Value;
            await codes.NoteRecovery(act, code, opened.Id);
        }

        var redeemed = await Redeem(act, visitor, account, policy, opened);
        return redeemed.Refusal switch
        {
            null => redeemed,
            { Code: RefusalCode.RequirementsOpen } open => Waits(open, opened, CollectRecovery.OnlyTimeIsMissing(opened, act.Now), act.Now),
            { Code: RefusalCode.PolicyRefuses } refused => refused,
            _ => await Refuse(act, visitor, account, null),
        };
    }

    private static Refusal Waits(Refusal open, Recovery waiting, DateTimeOffset? until, DateTimeOffset now) =>
        open with { Recovery = waiting.Id, NotBefore = until, RetryAfter = until - now };

    private async Task<Result<Recovery>> Open(Act act, Visitor visitor, Account account, Policy policy)
    {
        var application = await applications.OfHost(act.Db, act.Tenant, visitor.Host);
        var person = Principal.Of(account.Id);
        var request = new RecoveryRequest(
            account.Id, account.Version, application.Id, Means.SavedCode, Channel.Return, RecoveryLimits.SavedCodeFor)
        {
            Revoke = [Revocation.Sessions],
        };
        var open = new RecoveryCommand.Open(
            NewId.Make<RecoveryId>(), act.Tenant, request, person, await facts.Read(act.Db, act.Tenant, account, policy, new Requester(person), act.Now), [])
        {
            Source = visitor.Source,
        };
        var longest = RecoveryMachine.Evaluate(open, policy, act.Now).LongestLifetime;
        open = longest < request.Lifetime ? open with { Request = request with { Lifetime = longest } } : open;
        var decision = RecoveryMachine.Decide(null, open, policy, act.Now);
        if (decision is Decision.Refused refused)
        {
            return refused.Refusal;
        }

        // Nobody can write a reason for the person here, so the recovery would wait in vain and cost them the code.
        var accepted = (Decision.Accepted)decision;
        if (accepted.Next.Requirements.FirstOrDefault(
                r => r.Kind is RequirementKind.Reason or RequirementKind.Ticket && !r.IsMet(act.Now)) is { } unwritten)
        {
            return new Refusal(RefusalCode.PolicyRefuses, $"Policy demands a {WireName.Of(unwritten.Kind)}.");
        }

        // Who presents the person's own code says that it is them who asks.
        var opened = await opening.Write(act, open, accepted, visitor);
        var confirmed = opened.Requirements.Any(r => r.Kind == RequirementKind.Confirmation && !r.IsMet(act.Now))
            ? await recoveries.Apply(
                act, new RecoveryAct.Found(opened, account, policy), new RecoveryCommand.Confirm(person, opened.Digest), visitor)
            : opened;
        return confirmed.Refusal is null ? confirmed : opened;
    }

    // A saved code has one generation: after its time, and after its fifth redemption, it is worth nothing.
    private async Task<Result<OpenedRedemption>> Redeem(Act act, Visitor visitor, Account account, Policy policy, Recovery opened)
    {
        if (opened.LastGeneration == 0)
        {
            var issued = await issuer.Issue(act, opened, account, Principal.Of(account.Id), policy, visitor);
            return issued.Refusal is { } open ? open
                : issued.Value.Redemption is { } redemption ? redemption
                : throw new InvalidOperationException("What has no secret is answered with a redemption.");
        }

        var redeemed = await recoveries.Apply(
            act, new RecoveryAct.Found(opened, account, policy),
            new RecoveryCommand.Redeem(Matches: true, TryOrigin.Handle, NewId.Make<RedemptionId>()), visitor);
        return redeemed.Refusal is { } refused ? refused : await redemptions.Open(act, redeemed.Value, account);
    }

    // It writes as much for a name that is nobody's.
    private async Task<Refusal> Refuse(Act act, Visitor visitor, Account? account, StoredRecoveryCode? tried)
    {
        if (account is not null && tried is not null)
        {
            await spent.CountTry(act, account.Id, tried, visitor);
        }

        await RefusedSignIns.Record(act, visitor, account?.Id, RefusalCode.SecretInvalid, LedgerEvent.RecoveryTryRefused);
        return RefusalCode.SecretInvalid;
    }
}
