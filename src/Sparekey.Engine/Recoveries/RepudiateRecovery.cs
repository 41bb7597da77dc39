using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Incidents;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Recoveries;

/// <summary>What saying "this was not me" did.</summary>
/// <param name="Recovery">The recovery that the notice told of; null where it told of a change of the account itself.</param>
/// <param name="State">Where it stands now: cancelled, or how it had ended before. Completed means that the account was taken.</param>
/// <param name="SessionsEnded">How many sessions ended.</param>
/// <param name="MayFreeze">Whether the same token can freeze the account.</param>
/// <param name="IsFrozen">Whether the account is frozen.</param>
public sealed record Repudiation(RecoveryId? Recovery, RecoveryState? State, int SessionsEnded, bool MayFreeze, bool IsFrozen);

/// <summary>
/// The person says "this was not me" with the token of a notice (SP 800-63B-4 §4.6). Every open recovery of the account is cancelled, and
/// secrets and redemptions die with them; an escrowed key that was released is taken back while nobody has fetched it to the end. What else
/// is completed cannot be undone: the sessions that were opened since then end, so that
/// whoever took the account has to come back and the person can recover it. An incident is opened for the organisation to look into, and
/// for 24 hours the account's recoveries need one approval more. Signing in is never blocked by it: a notice that fell into wrong hands
/// must not lock anybody out. What a saved recovery code opened takes all of that person's saved codes with it.
/// </summary>
public sealed class RepudiateRecovery
{
    private readonly Acts _acts;
    private readonly RepudiationTokens _tokens;
    private readonly RecoveryStore _store;
    private readonly AccountStore _accounts;
    private readonly PolicyStore _policies;
    private readonly RecoveryAct _recoveries;
    private readonly SessionStore _sessions;
    private readonly CredentialStore _credentials;
    private readonly ReportIncident _incidents;
    private readonly EndEscrowRequests _escrow;

    internal RepudiateRecovery(
        Acts acts, RepudiationTokens tokens, RecoveryStore store, AccountStore accounts, PolicyStore policies, RecoveryAct recoveries,
        SessionStore sessions, CredentialStore credentials, ReportIncident incidents, EndEscrowRequests escrow)
    {
        _acts = acts;
        _tokens = tokens;
        _store = store;
        _accounts = accounts;
        _policies = policies;
        _recoveries = recoveries;
        _sessions = sessions;
        _credentials = credentials;
        _incidents = incidents;
        _escrow = escrow;
    }

    /// <summary>Repudiates. A token that is presented again answers how things stand and does nothing more.</summary>
    /// <param name="visitor">Where it came from.</param>
    /// <param name="token">The token of a notice.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// What it did; or <see cref="RefusalCode.SecretInvalid"/> for every text that is no token, and for those whose 240 hours are over.
    /// </returns>
    public Task<Result<Repudiation>> Run(Visitor visitor, SecretText token, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => Repudiate(act, visitor, token), cancellationToken);

    private async Task<Result<Repudiation>> Repudiate(Act act, Visitor visitor, SecretText presented)
    {
        if (await _tokens.FindValid(act, presented) is not { } token
            || await _accounts.Find(act.Db, act.Tenant, token.Account) is not { } account)
        {
            return RefusalCode.SecretInvalid;
        }

        // Once: the person who recovered the account afterwards must not lose their sessions, or a recovery of their own, to the same link.
        var ended = token.Used ? 0 : await TakeBack(act, visitor, token, account);
        var told = token.Recovery is { } id ? await _store.Find(act.Db, act.Tenant, id) : null;
        return new Repudiation(
            token.Recovery, told?.AsSeenBy(Principal.Of(account.Id), act.Now).State, ended, token.MayFreeze, account.Status == AccountStatus.Frozen);
    }

    // If the process dies after this act, all of it stands; before it, the same link does it all the next time.
    private async Task<int> TakeBack(Act act, Visitor visitor, RepudiationToken token, Account account)
    {
        var person = Principal.Of(account.Id);
        var told = token.Recovery is { } id ? await _store.Find(act.Db, act.Tenant, id) : null;
        await _tokens.MarkUsed(act, token);
        var cancelled = await CancelOpen(act, visitor, account);
        var takenBack = await _escrow.TakeBack(act, visitor, person, account.Id);
        var ended = await EndSessions(act, account.Id, told, token);

        var of = cancelled.Append(told).OfType<Recovery>().DistinctBy(r => r.Id).ToList();
        foreach (var taken in takenBack.Where(t => !of.Exists(r => r.Id == t)))
        {
            of.Add((await _store.Find(act.Db, act.Tenant, taken))!);
        }

        var recoveries = new List<IncidentRecovery>(of.Count);
        foreach (var recovery in of)
        {
            recoveries.Add(new IncidentRecovery(recovery.Id, (await _store.Find(act.Db, act.Tenant, recovery.Id) ?? recovery).State));
        }

        if (of.Exists(r => r.Request.Means == Means.SavedCode))
        {
            await EndSavedCodes(act, visitor, account.Id);
        }

        var incident = await _incidents.Run(act, visitor, account.Id, recoveries);
        await act.Record(new LedgerEntry(LedgerEvent.RecoveryRepudiated, person, account.Id, token.Recovery)
        {
            Facts = SessionLedger.Facts(
                visitor, ("incident", incident.Id.ToString()), ("state", told is null ? null : WireName.Of(told.State)),
                ("sessions_ended", ended), ("cancelled", cancelled.Select(r => r.Id.ToString()).ToList()),
                ("taken_back", takenBack.Count == 0 ? null : takenBack.Select(r => r.ToString()).ToList())),
            Texts = SessionLedger.Source(visitor),
        });
        // A cancelled recovery is told of by its own notice. Whatever else was said is told to every address, too: one of them may be
        // in other hands.
        if (cancelled.Count == 0)
        {
            await act.Send(new OutboxMessage(MessageKind.IncidentNotice, account.Id));
        }

        return ended;
    }

    private async Task<IReadOnlyList<Recovery>> CancelOpen(Act act, Visitor visitor, Account account)
    {
        var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
        var cancelled = new List<Recovery>();
        foreach (var open in await _store.Open(act.Db, act.Tenant, account.Id))
        {
            // Refused only where its time had passed: then it is closed all the same.
            var done = await _recoveries.Apply(
                act, new RecoveryAct.Found(open, account, policy), new RecoveryCommand.Cancel(Principal.Of(account.Id)), visitor);
            if (done.Refusal is null)
            {
                cancelled.Add(open);
            }
        }

        return cancelled;
    }

    // What was completed since the recovery began that the notice told of, that one or another, opened sessions since then. Whoever
    // changed the account itself did so in a session.
    private async Task<int> EndSessions(Act act, AccountId account, Recovery? told, RepudiationToken token) =>
        token.Recovery is null ? await _sessions.EndAll(act, account)
        : await _store.FirstCompletedSince(act.Db, act.Tenant, account, told?.CreatedAt ?? token.CreatedAt) is { } completed
            ? await _sessions.EndOpenedSince(act, account, completed)
            : 0;

    // Whoever held one saved code of the person holds the list.
    private async Task EndSavedCodes(Act act, Visitor visitor, AccountId account)
    {
        if ((await _credentials.List(act.Db, act.Tenant, account)).FirstOrDefault(c => c.Kind == CredentialKind.RecoveryCodes) is not { } codes)
        {
            return;
        }

        await _credentials.Revoke(act, account, codes.Id);
        await act.Record(CredentialLedger.Revoked(visitor, Principal.Of(account), codes, sessionsEnded: 0));
        await act.Send(CredentialNotice.Of(account, CredentialKind.RecoveryCodes, "removed"));
    }
}
