using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Passwords;

namespace Sparekey.Engine.Sessions;

/// <summary>
/// Sets the password of a person in their privileged time: they have just proved themselves, which is what another product's protocol
/// accepts in place of the former password. Every other session of the account ends; the caller's goes on, and is whole from then on.
/// </summary>
public sealed class SetOwnPassword
{
    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly PasswordStore _passwords;
    private readonly SessionStore _sessions;
    private readonly PasswordHashing _hashing;
    private readonly PasswordOptions _rules;
    private readonly Throttle _throttle;

    internal SetOwnPassword(
        Acts acts, AccountStore accounts, PasswordStore passwords, SessionStore sessions, PasswordHashing hashing,
        PasswordOptions rules, Throttle throttle)
    {
        _acts = acts;
        _accounts = accounts;
        _passwords = passwords;
        _sessions = sessions;
        _hashing = hashing;
        _rules = rules;
        _throttle = throttle;
    }

    /// <summary>Sets the password.</summary>
    /// <param name="caller">Who; in their privileged time.</param>
    /// <param name="wanted">The new password.</param>
    /// <param name="cancellationToken">Gives up before the commit.</param>
    /// <returns>
    /// The new credential; or <see cref="RefusalCode.PasswordRefused"/>, also for the password that it is already;
    /// <see cref="RefusalCode.FreshSignInRequired"/>, <see cref="RefusalCode.SessionInvalid"/>,
    /// <see cref="RefusalCode.TooManyRequests"/>, <see cref="RefusalCode.Busy"/>.
    /// </returns>
    public async Task<Result<CredentialId>> Run(SessionCaller caller, SecretText wanted, CancellationToken cancellationToken)
    {
        var begun = await _acts.Write(caller.Tenant, act => Begin(act, caller, wanted), cancellationToken);
        if (begun.Refusal is { } refusal)
        {
            return refusal;
        }

        // Who sets the password that was lost to somebody else has not changed anything.
        switch (await _hashing.Verify(begun.Value.Stored?.Hash, wanted.Reveal(), cancellationToken))
        {
            case PasswordVerdict.Busy:
                return PasswordHashing.Busy;
            case PasswordVerdict.Match or PasswordVerdict.MatchRehash:
                return new Refusal(RefusalCode.PasswordRefused) { Faults = [new FieldFault("/password", "It is the current one.")] };
        }

        return await _hashing.Hash(wanted.Reveal(), cancellationToken) is { } hash
            ? await _acts.Write(caller.Tenant, act => Set(act, caller, hash), cancellationToken)
            : PasswordHashing.Busy;
    }

    private async Task<Result<Begun>> Begin(Act act, SessionCaller caller, SecretText wanted)
    {
        var person = await _sessions.PrivilegedPersonOf(act, _accounts, caller);
        if (person.Refusal is { } refused)
        {
            return refused;
        }

        var account = person.Value;
        if (PasswordRules.Check(wanted.Reveal(), _rules, account) is { } fault)
        {
            return PasswordRules.Refusal(fault, _rules, "/password");
        }

        // Whether a password is the current one is told below: no oftener than it may be guessed.
        return await _throttle.Count(act, ThrottleKind.PasswordChange, account.Id.ToString(), caller.Source) is { } tooMany
            ? tooMany
            : new Begun(await _passwords.Find(act.Db, act.Tenant, account.Id));
    }

    // If the process dies after this act, the password is set, the other sessions are over and the ledger says so.
    private async Task<Result<CredentialId>> Set(Act act, SessionCaller caller, string hash)
    {
        var person = await _sessions.PrivilegedPersonOf(act, _accounts, caller);
        if (person.Refusal is { } refused)
        {
            return refused;
        }

        var account = caller.Session.Account;
        var credential = await _passwords.Set(act, account, hash, recovery: null);
        await _sessions.LiftRecovery(act, caller.Session, caller.LastsFor);
        var ended = await _sessions.EndAll(act, account, caller.Session.Id);
        await act.Record(new LedgerEntry(LedgerEvent.PasswordChanged, caller.Principal, account)
        {
            Facts = SessionLedger.Facts(caller, ("credential", credential.ToString()), ("sessions_ended", ended)),
            Texts = SessionLedger.Source(caller),
        });
        await act.Send(CredentialNotice.Of(account, CredentialKind.Password, "changed"));
        return credential;
    }

    private sealed record Begun(StoredPassword? Stored);
}
