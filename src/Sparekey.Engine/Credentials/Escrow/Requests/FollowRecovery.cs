using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Delivery;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>
/// Lets the request follow its recovery, in the act that moves the recovery, whoever moves it and wherever: completed releases the answer
/// that was kept before; any other end erases it and turns the request down. So a client never sees a request stand otherwise than its
/// recovery does.
/// </summary>
/// <param name="requests">The requests.</param>
/// <param name="answers">Their answers.</param>
/// <param name="tokens">The mailed tokens.</param>
/// <param name="accounts">Know where people are reached.</param>
/// <param name="notices">The mails.</param>
/// <param name="policies">Know the organisation key.</param>
/// <param name="companions">Other servers.</param>
internal sealed class FollowRecovery(
    EscrowRequestStore requests, EscrowAnswerStore answers, EscrowTokens tokens, AccountStore accounts, EscrowNotices notices,
    EscrowPolicyStore policies, IEnumerable<ICompanionServer> companions)
{
    /// <summary>Follows. Part of the decision's act.</summary>
    /// <param name="act">The act.</param>
    /// <param name="before">The recovery as it was; null when it was just opened.</param>
    /// <param name="next">The recovery as it is now.</param>
    /// <param name="events">What happened.</param>
    public async Task Run(Act act, Recovery? before, Recovery next, IReadOnlyList<RecoveryEvent> events)
    {
        if (next.Request.Means != Means.Escrow)
        {
            return;
        }

        if (before is null && next.Request.RequestKeyFingerprint is null)
        {
            await Begin(act, next);
        }
        else if (next.IsClosed && before?.IsClosed == false && await requests.FindOf(act.Db, act.Tenant, next.Id) is { } stored)
        {
            var by = events.LastOrDefault(e => EndsIt(e.Event))?.By ?? Principal.System;
            await (next.State == RecoveryState.Completed ? Release(act, stored, by) : TurnDown(act, stored, next, by));
        }
    }

    /// <summary>Turns a request down that was approved already: the person cannot go on with it.</summary>
    /// <param name="act">The act.</param>
    /// <param name="stored">The request, approved.</param>
    /// <param name="by">Who ended it.</param>
    /// <param name="how">How its token ends.</param>
    public async Task<EscrowRequest> TakeBack(Act act, StoredEscrowRequest stored, Principal by, EscrowTokenState how)
    {
        await answers.Erase(act, stored.Id);
        if (stored.TokenHash is { } hash)
        {
            await tokens.End(act, hash, how);
        }

        return await requests.Move(act, stored.Request, EscrowRequestStatus.Rejected, by);
    }

    private static bool EndsIt(LedgerEvent happened) => happened is LedgerEvent.RecoveryCompleted or LedgerEvent.RecoveryDenied
        or LedgerEvent.RecoveryCancelled or LedgerEvent.RecoveryExpired;

    // Somebody opened it for the person, whose device has no key for it yet: they are sent the link with which they begin.
    private async Task Begin(Act act, Recovery recovery)
    {
        if (await accounts.Find(act.Db, act.Tenant, recovery.Request.Account) is not { } account)
        {
            return;
        }

        foreach (var companion in companions)
        {
            if (await companion.Knows(act.Db, act.Tenant, account.Id))
            {
                await companion.Start(act, recovery);
                return;
            }
        }

        if (account.AddressesForSecrets(AddressKind.Email, act.Now) is [var to, ..])
        {
            var token = await tokens.Mint(act, account.Id, EscrowTokenReason.Default);
            await notices.Begin(act, account, to, token, EscrowTokenReason.Default, recovery.Id);
        }
    }

    private async Task Release(Act act, StoredEscrowRequest stored, Principal by)
    {
        if (await answers.Find(act.Db, act.Tenant, stored.Id) is not { } answer)
        {
            throw new InvalidOperationException($"Recovery {stored.Request.Recovery} was completed without an answer.");
        }

        await answers.Release(act, stored.Id);
        var released = await requests.Move(act, stored.Request, EscrowRequestStatus.Approved, answer.By);
        if (stored.TokenHash is { } hash)
        {
            await tokens.Revive(act, hash);
        }

        if (requests.TokenOf(act.Tenant, stored) is { } token
            && await accounts.Find(act.Db, act.Tenant, released.Account) is { } account
            && account.AddressesForSecrets(AddressKind.Email, act.Now) is [var to, ..])
        {
            await notices.GoOn(act, account, to, token, released.Recovery);
        }

        await TellReviewers(act, released, EscrowNews.RequestApproved, answer.By.Kind == PrincipalKind.Account ? answer.By : by);
    }

    private async Task TurnDown(Act act, StoredEscrowRequest stored, Recovery next, Principal by)
    {
        var how = next.State;
        await answers.Delete(act, stored.Id);
        if (stored.TokenHash is { } hash)
        {
            await tokens.End(act, hash, how == RecoveryState.Expired ? EscrowTokenState.Expired : EscrowTokenState.Rejected);
        }

        var rejected = await requests.Move(act, stored.Request, EscrowRequestStatus.Rejected, by);
        if (how != RecoveryState.Denied)
        {
            return;
        }

        var key = stored.Remote?.ResponderKey ?? (await policies.Current(act.Db, act.Tenant)).Key?.Id.Value;
        if (key is { } responderKey)
        {
            await answers.Put(act, rejected.Id, by, responderKey, data: null, held: false);
        }

        if (stored.Request.Origin == EscrowOrigin.Local)
        {
            await EscrowNotices.Person(act, MessageKind.EscrowRejectedNotice, rejected.Account, rejected.Recovery);
        }

        // Whoever asked for somebody else is not told that it was denied, or they would try another way at once (T16).
        await TellReviewers(act, rejected, EscrowNews.RequestRejected, by, next.RequestedBy);
    }

    private async Task TellReviewers(Act act, EscrowRequest request, EscrowNews news, Principal by, Principal? unnoticed = null)
    {
        await notices.Reviewer(act, EscrowNews.OwnAnswer, request, by);
        await notices.Reviewers(act, news, request, by, unnoticed);
    }
}
