using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Policies;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Credentials;

/// <summary>
/// Removes a credential of somebody else at once. That is a recovery of means force in all but name, so it is refused wherever
/// policy demands anything of one; only a password that an operator chose, and the person never took over, goes without asking.
/// </summary>
public sealed class RevokeCredential
{
    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly ApplicationStore _applications;
    private readonly PolicyStore _policies;
    private readonly CredentialStore _credentials;
    private readonly SessionStore _sessions;
    private readonly AccountFactsReader _facts;
    private readonly VelocityLimits _limits;
    private readonly EnrolmentStore _enrolments;
    private readonly EscrowEnrolling _enrolling;

    internal RevokeCredential(
        Acts acts, AccountStore accounts, ApplicationStore applications, PolicyStore policies, CredentialStore credentials,
        SessionStore sessions, AccountFactsReader facts, VelocityLimits limits, EnrolmentStore enrolments, EscrowEnrolling enrolling)
    {
        _acts = acts;
        _accounts = accounts;
        _applications = applications;
        _policies = policies;
        _credentials = credentials;
        _sessions = sessions;
        _facts = facts;
        _limits = limits;
        _enrolments = enrolments;
        _enrolling = enrolling;
    }

    /// <summary>Removes a credential; the sessions it opened end with it.</summary>
    /// <param name="caller">Who; holds <c>credential:revoke</c>.</param>
    /// <param name="account">Whose.</param>
    /// <param name="credential">Which.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// What was removed; or <see cref="RefusalCode.AccountNotFound"/>, <see cref="RefusalCode.CredentialNotFound"/>,
    /// <see cref="RefusalCode.OwnAccount"/>, <see cref="RefusalCode.AboveCeiling"/>, <see cref="RefusalCode.PolicyRefuses"/>,
    /// <see cref="RefusalCode.VelocityExceeded"/>, <see cref="RefusalCode.RecoveriesStopped"/>.
    /// </returns>
    public Task<Result<Credential>> Run(
        Caller caller, AccountId account, CredentialId credential, CancellationToken cancellationToken) =>
        _acts.Write(caller.Tenant, act => Revoke(act, caller, account, credential), cancellationToken);

    /// <summary>
    /// Removes a credential for an application's programme. What it may do by a recovery by code, which can end in the same, it may do
    /// here: policy is asked about that means.
    /// </summary>
    /// <param name="caller">Who; holds <c>credential:revoke</c> and <c>recovery:issue</c>.</param>
    /// <param name="application">The application that it acts for.</param>
    /// <param name="account">Whose.</param>
    /// <param name="credential">Which.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>As the other one, and <see cref="RefusalCode.PermissionMissing"/>.</returns>
    public Task<Result<Credential>> RunInApplication(
        Caller caller, ApplicationId application, AccountId account, CredentialId credential, CancellationToken cancellationToken) =>
        caller.Grant.Demand(Permission.RecoveryIssue) is { } missing
            ? Task.FromResult<Result<Credential>>(missing)
            : _acts.Write(caller.Tenant, act => Revoke(act, caller, account, credential, application), cancellationToken);

    private async Task<Result<Credential>> Revoke(
        Act act, Caller caller, AccountId id, CredentialId credentialId, ApplicationId? application = null)
    {
        if (await _accounts.Find(act.Db, act.Tenant, id) is not { } account)
        {
            return RefusalCode.AccountNotFound;
        }

        var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
        if ((caller.Grant.Demand(Permission.CredentialRevoke)
            ?? caller.Grant.MayActOn(id, account.Kind, account.Role, account.Role, policy.Ranks)) is { } forbidden)
        {
            return forbidden;
        }

        if (await _credentials.Find(act.Db, act.Tenant, id, credentialId) is not { } credential)
        {
            return RefusalCode.CredentialNotFound;
        }

        if (credential.ProvisionalUntil is null && await FaultOf(act, caller, account, policy, application) is { } refused)
        {
            return refused;
        }

        // An escrow has two halves and a decision behind it; all of it goes.
        if (credential.Kind == CredentialKind.Escrow && await _enrolments.Find(act.Db, act.Tenant, id) is { } enrolment)
        {
            await _enrolling.Withdraw(act, caller, caller.Principal, enrolment, forget: true);
            return credential;
        }

        await _credentials.Revoke(act, id, credentialId);
        var ended = await _sessions.EndOpenedBy(act, id, credentialId);
        await act.Record(CredentialLedger.Revoked(caller, caller.Principal, credential, ended));
        await act.Send(CredentialNotice.Of(id, credential.Kind, "removed"));
        return credential;
    }

    private async Task<Refusal?> FaultOf(Act act, Caller caller, Account account, Policy policy, ApplicationId? application)
    {
        var facts = await _facts.Read(act.Db, act.Tenant, account, policy, Requester.Of(caller), act.Now);
        var refused = application is { } known
            ? DirectAction.Check(policy, facts, caller.Principal, caller.Source, [known], act.Now, Means.Code)
            : DirectAction.Check(
                policy, facts, caller.Principal, caller.Source, await _applications.Ids(act.Db, act.Tenant), act.Now);
        await (refused is null
            ? _limits.Count(act, facts.Uses, caller.Principal, caller, account.Id, recovery: null)
            : _limits.Alarm(act, facts.Uses, caller.Principal, caller, account.Id, recovery: null));
        return refused;
    }
}
