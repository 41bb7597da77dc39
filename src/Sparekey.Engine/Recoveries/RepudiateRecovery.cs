using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Recoveries;

/// <summary>What saying "this was not me" did.</summary>
/// <param name="Recovery">The recovery.</param>
/// <param name="State">Where it stands now: cancelled, or how it had ended before. Completed means that the account was taken.</param>
/// <param name="SessionsEnded">How many sessions ended.</param>
public sealed record Repudiation(RecoveryId Recovery, RecoveryState State, int SessionsEnded);

/// <summary>
/// The person says "this was not me" with the token of a notice (SP 800-63B-4 §4.6). An open recovery is cancelled, and its secret
/// and redemption die with it. A completed one cannot be undone: the sessions that were opened since then end, so that whoever took
/// the account has to come back and the person can recover it. The account itself is never frozen: a notice that fell into wrong
/// hands must not lock anybody out. What a saved recovery code opened takes all of that person's saved codes with it.
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

    internal RepudiateRecovery(
        Acts acts, RepudiationTokens tokens, RecoveryStore store, AccountStore accounts, PolicyStore policies, RecoveryAct recoveries,
        SessionStore sessions, CredentialStore credentials)
    {
        _acts = acts;
        _tokens = tokens;
        _store = store;
        _accounts = accounts;
        _policies = policies;
        _recoveries = recoveries;
        _sessions = sessions;
        _credentials = credentials;
    }

    /// <summary>Repudiates. A token that is presented again answers how things stand and does nothing more.</summary>
    /// <param name="visitor">Where it came from.</param>
    /// <param name="token">The token of a notice.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// What it did; or <see cref="RefusalCode.SecretInvalid"/> for every text that is no token, and for tokens of recoveries that
    /// ended more than 7 days ago.
    /// </returns>
    public Task<Result<Repudiation>> Run(Visitor visitor, SecretText token, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => Repudiate(act, visitor, token), cancellationToken);

    private async Task<Result<Repudiation>> Repudiate(Act act, Visitor visitor, SecretText presented)
    {
        if (await _tokens.Find(act.Db, act.Tenant, presented) is not { } token
            || await _store.Find(act.Db, act.Tenant, token.Recovery) is not { } before
            || !RepudiationTokens.IsValidFor(before, act.Now)
            || await _accounts.Find(act.Db, act.Tenant, before.Request.Account) is not { } account)
        {
            return RefusalCode.SecretInvalid;
        }

        var person = Principal.Of(account.Id);
        if (!before.IsClosed)
        {
            // Refused only where its time had passed: then it is closed all the same.
            var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
            await _recoveries.Apply(
                act, new RecoveryAct.Found(before, account, policy), new RecoveryCommand.Cancel(person), visitor);
        }

        // Once: the person who recovered the account afterwards must not lose their sessions to the same link.
        var ended = before is { State: RecoveryState.Completed, ClosedAt: { } completed } && !token.Used
            ? await _sessions.EndOpenedSince(act, account.Id, completed)
            : 0;
        if (!token.Used)
        {
            await _tokens.MarkUsed(act, token);
            await EndSavedCodes(act, visitor, before);
            await act.Record(new LedgerEntry(LedgerEvent.RecoveryRepudiated, person, account.Id, before.Id)
            {
                Facts = SessionLedger.Facts(visitor, ("state", WireName.Of(before.State)), ("sessions_ended", ended)),
                Texts = SessionLedger.Source(visitor),
            });
        }

        var now = await _store.Find(act.Db, act.Tenant, before.Id) ?? before;
        return new Repudiation(before.Id, now.AsSeenBy(person, act.Now).State, ended);
    }

    // Whoever held one saved code of the person holds the list.
    private async Task EndSavedCodes(Act act, Visitor visitor, Recovery repudiated)
    {
        var account = repudiated.Request.Account;
        if (repudiated.Request.Means != Means.SavedCode
            || (await _credentials.List(act.Db, act.Tenant, account)).FirstOrDefault(c => c.Kind == CredentialKind.RecoveryCodes) is not { } codes)
        {
            return;
        }

        await _credentials.Revoke(act, account, codes.Id);
        await act.Record(CredentialLedger.Revoked(visitor, Principal.Of(account), codes, sessionsEnded: 0));
        await act.Send(CredentialNotice.Of(account, CredentialKind.RecoveryCodes, "removed"));
    }
}
