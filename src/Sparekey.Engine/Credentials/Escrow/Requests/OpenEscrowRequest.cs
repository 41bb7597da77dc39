using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Escrow;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>What somebody with a mailed token asks for. Nothing in it was checked.</summary>
/// <param name="Account">The person's id.</param>
/// <param name="Token">The mailed token.</param>
/// <param name="Fingerprint">The fingerprint of the key that their device made.</param>
/// <param name="RequestKey">That key, armored.</param>
public sealed record EscrowAsked(string? Account, string? Token, string? Fingerprint, string? RequestKey);

/// <summary>
/// Opens a request, and the recovery behind it: the person asks, and the token of their own mailbox is their confirmation over the channel
/// <c>email</c> where policy takes that one. Where somebody opened a recovery for them that waits for a key, the request becomes that one's.
/// What of the person's is still pending gives way.
/// </summary>
public sealed class OpenEscrowRequest
{
    private static readonly ThrottleLimit PerPerson = new(10, TimeSpan.FromHours(1));

    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly PolicyStore _policies;
    private readonly EscrowPolicyStore _escrowPolicies;
    private readonly EnrolmentStore _enrolments;
    private readonly PersonKeyStore _keys;
    private readonly EscrowTokens _tokens;
    private readonly EscrowRequestStore _requests;
    private readonly RecoveryStore _store;
    private readonly RecoveryAct _recoveries;
    private readonly EscrowOpening _opening;
    private readonly EscrowNotices _notices;
    private readonly Throttle _throttle;

    internal OpenEscrowRequest(
        Acts acts, AccountStore accounts, PolicyStore policies, EscrowPolicyStore escrowPolicies, EnrolmentStore enrolments, PersonKeyStore keys,
        EscrowTokens tokens, EscrowRequestStore requests, RecoveryStore store, RecoveryAct recoveries, EscrowOpening opening,
        EscrowNotices notices, Throttle throttle)
    {
        _acts = acts;
        _accounts = accounts;
        _policies = policies;
        _escrowPolicies = escrowPolicies;
        _enrolments = enrolments;
        _keys = keys;
        _tokens = tokens;
        _requests = requests;
        _store = store;
        _recoveries = recoveries;
        _opening = opening;
        _notices = notices;
        _throttle = throttle;
    }

    /// <summary>
    /// Opens. The key is looked at between two transactions. If the process dies after the second, request, recovery, confirmation and mails
    /// stand together, and what was pending before is turned down; before it, nothing happened.
    /// </summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="asked">What for.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The request; or, in this order: a fault at <c>/account</c>, <see cref="RefusalCode.EscrowDisabled"/>, <c>not_enrolled</c>, a fault at
    /// <c>/token</c>, one at <c>/fingerprint</c> or <c>/request_key</c>, <see cref="RefusalCode.AccountDisabled"/>, and what policy refuses.
    /// </returns>
    public async Task<Result<EscrowRequest>> Run(Visitor visitor, EscrowAsked asked, CancellationToken cancellationToken)
    {
        if (OpenPgpLibrary.Missing is { } missing)
        {
            return missing;
        }

        var looked = await _acts.Read(db => Look(db, visitor.Tenant, asked), cancellationToken);
        if (looked.Refusal is { } refusal)
        {
            return refusal;
        }

        if (asked.Fingerprint is null || asked.RequestKey is null)
        {
            return EscrowFaults.Refuse(EscrowFault.Required, asked.Fingerprint is null ? "/fingerprint" : "/request_key");
        }

        var key = PgpKeyRules.ReadRequestKey(asked.RequestKey, asked.Fingerprint, _acts.Now, "/request_key");
        return key.Refusal is { } unusable
            ? unusable
            : await _acts.Write(visitor.Tenant, act => Open(act, visitor, asked, key.Value), cancellationToken);
    }

    private async Task<Result<EscrowHolders.Found>> Look(DbSession db, TenantId tenant, EscrowAsked asked)
    {
        if (!Ids.TryParse<AccountId>(asked.Account, out var account))
        {
            return EscrowFaults.Refuse(asked.Account is null ? EscrowFault.Required : EscrowFault.NotAUuid, "/account");
        }

        if (!(await _escrowPolicies.Current(db, tenant)).IsEnabled)
        {
            return RefusalCode.EscrowDisabled;
        }

        if (await _enrolments.Find(db, tenant, account) is not { Status: EnrolmentStatus.Approved })
        {
            return EscrowFaults.Refuse(EscrowFault.NotEnrolled, "/account");
        }

        if (asked.Token is null)
        {
            return EscrowFaults.Refuse(EscrowFault.Required, "/token");
        }

        if (!Ids.TryParse<EntryId>(asked.Token, out _))
        {
            return EscrowFaults.Refuse(EscrowFault.NotAUuid, "/token");
        }

        return await _tokens.Find(db, tenant, asked.Token) is not { } token || token.Account != account
            ? EscrowFaults.Refuse(EscrowFault.TokenUnknown, "/token")
            : token.FaultAt(_acts.Now) is { } fault ? EscrowFaults.Refuse(fault, "/token")
            : await _accounts.Find(db, tenant, account) is not { } person ? EscrowFaults.Refuse(EscrowFault.PersonUnknown, "/account")
            : new EscrowHolders.Found(person, token);
    }

    private async Task<Result<EscrowRequest>> Open(Act act, Visitor visitor, EscrowAsked asked, PgpKey key)
    {
        // Everything may have changed while the key was looked at.
        var looked = await Look(act.Db, act.Tenant, asked);
        if (looked.Refusal is { } refusal)
        {
            return refusal;
        }

        var (account, token) = looked.Value;
        if (await _keys.Find(act.Db, act.Tenant, key.Fingerprint) is not null)
        {
            return EscrowFaults.Refuse(EscrowFault.KeyIsAPersons, "/request_key");
        }

        if (account.Status != AccountStatus.Active)
        {
            return RefusalCode.AccountDisabled;
        }

        if (await _throttle.Count(act, ThrottleKind.RecoveryRequest, account.Id.ToString(), "escrow_request", PerPerson) is { } tooMany)
        {
            return tooMany;
        }

        var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
        var waiting = (await _store.Open(act.Db, act.Tenant, account.Id))
            .Where(r => r.Request.Means == Means.Escrow && act.Now < r.OpenUntil).ToList();
        var keyless = waiting.Find(r => r.Request.RequestKeyFingerprint is null && r.State is RecoveryState.Pending or RecoveryState.Ready);
        var opened = keyless is null
            ? await _opening.Open(act, visitor, account, policy, key.Fingerprint, confirmed: true)
            : await _opening.Bind(act, visitor, keyless, policy, key.Fingerprint, Principal.Of(account.Id), confirmed: true);
        if (opened.Refusal is { } refused)
        {
            return refused;
        }

        // What they asked of another server's escrow stands on its own.
        foreach (var former in waiting.Where(r => r.Request.RequestKeyFingerprint is not null))
        {
            if (await _requests.FindOf(act.Db, act.Tenant, former.Id) is { Request.Origin: EscrowOrigin.Companion })
            {
                continue;
            }

            await _recoveries.Apply(
                act, new RecoveryAct.Found(former, account, policy),
                new RecoveryCommand.Cancel(Principal.Of(account.Id), EscrowOpening.Superseded), visitor, quietly: true);
        }

        await _tokens.GoOn(act, token.Hash);
        await _tokens.EndOthers(act, token);
        var request = new EscrowRequest(
            NewId.Make<EscrowRequestId>(), opened.Value.Id, account.Id, EscrowOrigin.Local, EscrowRequestStatus.Pending, asked.RequestKey!,
            key.Fingerprint, act.Now, act.Now, account.Id.ToString());
        await _requests.Insert(act, request, token, asked.Token!);
        await _notices.Reviewers(act, EscrowNews.RequestMade, request, without: null);
        return request;
    }
}
