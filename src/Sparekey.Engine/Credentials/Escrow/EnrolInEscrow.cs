using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>People's decisions about escrow, each for themselves; and the end of one by whoever manages escrow.</summary>
public sealed class EnrolInEscrow
{
    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly SessionStore _sessions;
    private readonly PolicyStore _ranks;
    private readonly EscrowPolicyStore _policies;
    private readonly EnrolmentStore _enrolments;
    private readonly EscrowEnrolling _enrolling;

    internal EnrolInEscrow(
        Acts acts, AccountStore accounts, SessionStore sessions, PolicyStore ranks, EscrowPolicyStore policies, EnrolmentStore enrolments,
        EscrowEnrolling enrolling)
    {
        _acts = acts;
        _accounts = accounts;
        _sessions = sessions;
        _ranks = ranks;
        _policies = policies;
        _enrolments = enrolments;
        _enrolling = enrolling;
    }

    /// <summary>Puts one's private key into escrow. If the process dies afterwards, both halves are there or none.</summary>
    /// <param name="caller">Who.</param>
    /// <param name="escrow">Both halves.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The decision; or <see cref="RefusalCode.InvalidRequest"/> with pointers at <c>/blob</c> and below <c>/passwords</c>,
    /// <see cref="RefusalCode.EscrowDisabled"/>, <see cref="RefusalCode.AlreadyEnrolled"/>, <see cref="RefusalCode.VersionConflict"/>,
    /// <see cref="RefusalCode.OpenpgpUnavailable"/>, <see cref="RefusalCode.SessionInvalid"/>.
    /// </returns>
    public Task<Result<Enrolment>> Enrol(SessionCaller caller, NewEscrow escrow, CancellationToken cancellationToken) =>
        Store(caller, escrow, renew: false, cancellationToken);

    /// <summary>Puts a new escrow in place of one's own, for example because one has another key. Requests that were open end.</summary>
    /// <param name="caller">Who; in their privileged time.</param>
    /// <param name="escrow">Both halves.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>As <see cref="Enrol"/>, and <see cref="RefusalCode.FreshSignInRequired"/>; never that one is enrolled.</returns>
    public Task<Result<Enrolment>> Renew(SessionCaller caller, NewEscrow escrow, CancellationToken cancellationToken) =>
        Store(caller, escrow, renew: true, cancellationToken);

    /// <summary>Says that one does not want an escrow.</summary>
    /// <param name="caller">Who.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The decision; or <see cref="RefusalCode.EscrowDisabled"/>, <see cref="RefusalCode.EscrowMandatory"/>,
    /// <see cref="RefusalCode.AlreadyEnrolled"/>, <see cref="RefusalCode.SessionInvalid"/>.
    /// </returns>
    public Task<Result<Enrolment>> Decline(SessionCaller caller, CancellationToken cancellationToken) => _acts.Write(
        caller.Tenant,
        async act => FaultOf(caller) is { } restricted ? restricted
            : await _sessions.PersonOf(act, _accounts, caller) is { } person ? await _enrolling.Decline(act, caller, person.Id)
            : RefusalCode.SessionInvalid,
        cancellationToken);

    /// <summary>Takes one's private key out of escrow, where policy leaves that to people.</summary>
    /// <param name="caller">Who; in their privileged time.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// Null; or <see cref="RefusalCode.EnrolmentNotFound"/>, <see cref="RefusalCode.EscrowMandatory"/>,
    /// <see cref="RefusalCode.FreshSignInRequired"/>, <see cref="RefusalCode.SessionInvalid"/>.
    /// </returns>
    public async Task<Refusal?> Withdraw(SessionCaller caller, CancellationToken cancellationToken) => (await _acts.Write<Result<Enrolment>>(
        caller.Tenant,
        async act =>
        {
            if (FaultOf(caller) is { } restricted)
            {
                return restricted;
            }

            var person = await _sessions.PrivilegedPersonOf(act, _accounts, caller);
            if (person.Refusal is { } refused)
            {
                return refused;
            }

            if (await _enrolments.Find(act.Db, act.Tenant, person.Value.Id) is not { Status: EnrolmentStatus.Approved } enrolment)
            {
                return RefusalCode.EnrolmentNotFound;
            }

            if ((await _policies.Current(act.Db, act.Tenant)).Mode == EscrowMode.Mandatory)
            {
                return RefusalCode.EscrowMandatory;
            }

            await _enrolling.Withdraw(act, caller, caller.Principal, enrolment, forget: false);
            return enrolment;
        },
        cancellationToken)).Refusal;

    /// <summary>Ends somebody else's enrolment, whatever they said, as if they had never said anything.</summary>
    /// <param name="caller">Who; holds <c>escrow:manage</c> and a ceiling that covers the person's role.</param>
    /// <param name="account">Whose.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// Null; or <see cref="RefusalCode.AccountNotFound"/>, <see cref="RefusalCode.EnrolmentNotFound"/>,
    /// <see cref="RefusalCode.PermissionMissing"/>, <see cref="RefusalCode.OwnAccount"/>, <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public async Task<Refusal?> Remove(Caller caller, AccountId account, CancellationToken cancellationToken) =>
        caller.Grant.Demand(Permission.EscrowManage) ?? (await _acts.Write(caller.Tenant, act => Remove(act, caller, account), cancellationToken)).Refusal;

    private async Task<Result<Enrolment>> Remove(Act act, Caller caller, AccountId id)
    {
        if (await _accounts.Find(act.Db, act.Tenant, id) is not { } account)
        {
            return RefusalCode.AccountNotFound;
        }

        var ranks = await _ranks.Ranks(act.Db, act.Tenant);
        if (caller.Grant.MayActOn(id, account.Kind, account.Role, account.Role, ranks) is { } forbidden)
        {
            return forbidden;
        }

        if (await _enrolments.Find(act.Db, act.Tenant, id) is not { } enrolment)
        {
            return RefusalCode.EnrolmentNotFound;
        }

        await _enrolling.Withdraw(act, caller, caller.Principal, enrolment, forget: true);
        return enrolment;
    }

    private async Task<Result<Enrolment>> Store(SessionCaller caller, NewEscrow escrow, bool renew, CancellationToken cancellationToken)
    {
        if (FaultOf(caller) is { } restricted)
        {
            return restricted;
        }

        var judged = await _enrolling.Check(caller, escrow, cancellationToken);
        return judged.Refusal is { } refused
            ? refused
            : await _acts.Write(
                caller.Tenant,
                async act =>
                {
                    var person = renew
                        ? await _sessions.PrivilegedPersonOf(act, _accounts, caller)
                        : await _sessions.PersonOf(act, _accounts, caller) is { } found ? found : (Result<Account>)RefusalCode.SessionInvalid;
                    return person.Refusal is { } notThem
                        ? notThem
                        : await _enrolling.Enrol(act, caller, person.Value.Id, judged.Value, renew);
                },
                cancellationToken);
    }

    // Whoever recovered may set a credential and nothing else, until they have: an escrow of a key of theirs would outlive the session.
    private static Refusal? FaultOf(SessionCaller caller) => caller.Session.RestrictedTo is null or SessionRestriction.Openpgp
        ? null
        : new Refusal(RefusalCode.PolicyRefuses, "After a recovery a new credential is set first.");
}
