using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.PersonalCodes;

/// <summary>
/// Makes a code that signs a person in once. It is no recovery, for it enrols nothing; but whoever hands it out lets somebody act as
/// the person, so it takes the permission to delegate a session, and policy that demands nothing of a recovery by code.
/// </summary>
public sealed class IssueSignInCode
{
    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly PolicyStore _policies;
    private readonly AccountCodes _codes;
    private readonly AccountFactsReader _facts;

    private readonly VelocityLimits _limits;

    internal IssueSignInCode(
        Acts acts, AccountStore accounts, PolicyStore policies, AccountCodes codes, AccountFactsReader facts, VelocityLimits limits) =>
        (_acts, _accounts, _policies, _codes, _facts, _limits) = (acts, accounts, policies, codes, facts, limits);

    /// <summary>Makes a code.</summary>
    /// <param name="caller">Who; holds <c>session:delegate</c>.</param>
    /// <param name="set">Whose, of which form and for which applications.</param>
    /// <param name="application">The application that the caller acts for, for policy.</param>
    /// <param name="lifetime">How long it lives; 24 hours at most.</param>
    /// <param name="authorized">Whether it can be used before somebody authorises it.</param>
    /// <param name="reason">Why; policy may demand it.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The code; or <see cref="RefusalCode.PermissionMissing"/>, <see cref="RefusalCode.AccountNotFound"/>,
    /// <see cref="RefusalCode.AccountDisabled"/>, <see cref="RefusalCode.OwnAccount"/>, <see cref="RefusalCode.AboveCeiling"/>,
    /// <see cref="RefusalCode.ReasonNotAllowed"/>, <see cref="RefusalCode.PolicyRefuses"/>, <see cref="RefusalCode.TooManyRequests"/>,
    /// <see cref="RefusalCode.VelocityExceeded"/>, <see cref="RefusalCode.RecoveriesStopped"/>.
    /// </returns>
    public Task<Result<IssuedCode>> Run(
        Caller caller, CodeSet set, ApplicationId application, TimeSpan lifetime, bool authorized, Reason? reason,
        CancellationToken cancellationToken) =>
        _acts.Write(caller.Tenant, act => Issue(act, caller, set, application, lifetime, authorized, reason), cancellationToken);

    private async Task<Result<IssuedCode>> Issue(
        Act act, Caller caller, CodeSet set, ApplicationId application, TimeSpan lifetime, bool authorized, Reason? reason)
    {
        if (await _accounts.Find(act.Db, act.Tenant, set.Account) is not { } account)
        {
            return RefusalCode.AccountNotFound;
        }

        var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
        if ((caller.Grant.Demand(Permission.SessionDelegate)
            ?? caller.Grant.MayActOn(account.Id, account.Kind, account.Role, account.Role, policy.Ranks)
            ?? reason?.FaultAt("/reason")) is { } forbidden)
        {
            return forbidden;
        }

        var facts = await _facts.Read(act.Db, act.Tenant, account, policy, Requester.Of(caller), act.Now);
        if (FaultOf(facts, caller, policy, application, reason, act.Now) is { } refused)
        {
            await _limits.Alarm(act, facts.Uses, caller.Principal, caller, account.Id, recovery: null);
            return refused;
        }

        var issued = await _codes.Issue(act, set, lifetime, authorized);
        if (issued.Refusal is null)
        {
            await _limits.Count(act, facts.Uses, caller.Principal, caller, account.Id, recovery: null);
            await act.Record(new LedgerEntry(LedgerEvent.SignInCodeIssued, caller.Principal, account.Id)
            {
                Facts = SessionLedger.Facts(
                    caller, ("format", WireName.Of(set.Format)), ("authorized", authorized), ("application", application.ToString()),
                    ("expires_at", issued.Value.ExpiresAt.ToUnixTimeMilliseconds())),
                Texts = SessionLedger.Source(caller, reason),
            });
            await act.Send(SignInCodeNotice.Of(account.Id, "issued"));
        }

        return issued;
    }

    private static Refusal? FaultOf(
        AccountFacts account, Caller caller, Policy policy, ApplicationId application, Reason? reason, DateTimeOffset now)
    {
        if (account.Status != AccountStatus.Active)
        {
            return RefusalCode.AccountDisabled;
        }

        var answer = policy.Evaluate(
            new PolicyQuestion(Means.Code, Channel.Return, application, caller.Principal.Kind, account)
            {
                How = Circumstances.Of(caller.Principal, caller.Source),
            },
            now);
        if ((policy.IsStopped ? RefusalCode.RecoveriesStopped : answer.Refusal) is { } refused)
        {
            return refused;
        }

        // A code that signs in has no second half.
        var open = answer.Requirements.Where(r => r.Kind == RequirementKind.SplitSecret || (!r.IsMet(now) && !r.IsMetBy(reason))).ToList();
        return open.Find(r => r.Kind is RequirementKind.Reason or RequirementKind.Ticket) is { } unwritten
            ? new Refusal(RefusalCode.ReasonNotAllowed, $"Policy demands a {WireName.Of(unwritten.Kind)}.")
            : open.Count > 0
            ? new Refusal(
                RefusalCode.PolicyRefuses,
                $"Policy demands {string.Join(", ", open.Select(r => WireName.Of(r.Kind)).Distinct(StringComparer.Ordinal))}, which signing in with a code does not have.")
            : null;
    }
}
