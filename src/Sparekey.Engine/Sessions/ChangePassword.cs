using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Passwords;

namespace Sparekey.Engine.Sessions;

/// <summary>
/// Changes the password of a signed-in person who knows the current one. Every session of the account ends with the change,
/// the caller's too, and a new one takes its place: a token that was taken before is worth nothing after.
/// </summary>
public sealed class ChangePassword
{
    private static readonly string[] ForgottenAmr = ["pwd"];

    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly PasswordStore _passwords;
    private readonly SessionStore _sessions;
    private readonly PasswordHashing _hashing;
    private readonly PasswordOptions _rules;
    private readonly Throttle _throttle;

    internal ChangePassword(
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

    /// <summary>Changes the password.</summary>
    /// <param name="caller">Who; a session restricted to this may.</param>
    /// <param name="current">
    /// The current password: a session alone is no proof of the person (ASVS 7.5.1). Null where it is forgotten, and a key or passkey opened
    /// the session within the last minutes: replacing it is binding then, and no recovery (SP 800-63B-4 §4.2).
    /// </param>
    /// <param name="wanted">The new password.</param>
    /// <param name="cancellationToken">Gives up before the commit.</param>
    /// <returns>
    /// The session that replaces the caller's, unrestricted; or <see cref="RefusalCode.PasswordRefused"/>,
    /// <see cref="RefusalCode.CurrentPasswordWrong"/>, <see cref="RefusalCode.TooManyRequests"/>,
    /// <see cref="RefusalCode.SessionInvalid"/>, <see cref="RefusalCode.Busy"/>, <see cref="RefusalCode.FreshSignInRequired"/>.
    /// </returns>
    public async Task<Result<OpenedSession>> Run(
        SessionCaller caller, SecretText? current, SecretText wanted, CancellationToken cancellationToken)
    {
        var begun = await _acts.Write(caller.Tenant, act => Begin(act, caller, wanted), cancellationToken);
        if (begun.Refusal is { } refusal)
        {
            return refusal;
        }

        if (current is null)
        {
            return !caller.Session.IsFresh(_acts.Now) || !caller.Session.Amr.Contains(AssuranceLevels.Possession) ? RefusalCode.FreshSignInRequired
                : await _hashing.Hash(wanted.Reveal(), cancellationToken) is { } replaced
                    ? await _acts.Write(caller.Tenant, act => Change(act, caller, null, replaced), cancellationToken)
                    : PasswordHashing.Busy;
        }

        var stored = begun.Value.Stored;
        var verdict = await _hashing.Verify(stored?.Hash, current.Reveal(), cancellationToken);
        if (verdict == PasswordVerdict.Busy)
        {
            return PasswordHashing.Busy;
        }

        if (stored is null || verdict == PasswordVerdict.Mismatch)
        {
            return await _acts.Write(caller.Tenant, act => Refuse(act, caller), cancellationToken);
        }

        // Who keeps a password that somebody else chose has not changed it.
        if (wanted.Reveal() == current.Reveal())
        {
            return new Refusal(RefusalCode.PasswordRefused)
            {
                Faults = [new FieldFault("/new_password", "It is the current one.")],
            };
        }

        return await _hashing.Hash(wanted.Reveal(), cancellationToken) is { } hash
            ? await _acts.Write(caller.Tenant, act => Change(act, caller, stored, hash), cancellationToken)
            : PasswordHashing.Busy;
    }

    private async Task<Result<Attempt>> Begin(Act act, SessionCaller caller, SecretText wanted)
    {
        if (await _sessions.PersonOf(act, _accounts, caller) is not { } account)
        {
            return RefusalCode.SessionInvalid;
        }

        if (PasswordRules.Check(wanted.Reveal(), _rules, account) is { } fault)
        {
            return PasswordRules.Refusal(fault, _rules, "/new_password");
        }

        return await _throttle.Count(act, ThrottleKind.PasswordChange, account.Id.ToString(), caller.Source) is { } tooMany
            ? tooMany
            : new Attempt(await _passwords.Find(act.Db, act.Tenant, account.Id));
    }

    // If the process dies after this act, the password is changed, every session is over and the person signs in again.
    private async Task<Result<OpenedSession>> Change(Act act, SessionCaller caller, StoredPassword? verified, string hash)
    {
        var account = caller.Session.Account;
        if (await _sessions.PersonOf(act, _accounts, caller) is null)
        {
            return RefusalCode.SessionInvalid;
        }

        if (verified is not null && !await _passwords.StillIs(act, account, verified))
        {
            return await Refuse(act, caller);
        }

        var credential = await _passwords.Set(act, account, hash, recovery: null);
        var ended = await _sessions.EndAll(act, account);
        var opened = await _sessions.Open(
            act,
            // What replaced a forgotten password proved no more than a password does from now on.
            new NewSession(account, verified is null ? ForgottenAmr : caller.Session.Amr) { Application = caller.Session.Application, Credential = credential });
        await act.Record(new LedgerEntry(LedgerEvent.PasswordChanged, caller.Principal, account)
        {
            Facts = SessionLedger.Facts(
                caller,
                ("credential", credential.ToString()),
                ("sessions_ended", ended),
                ("forgotten", verified is null ? true : null),
                ("was_provisional", verified?.ProvisionalUntil is not null)),
            Texts = SessionLedger.Source(caller),
        });
        await act.Record(SessionLedger.Opened(caller, opened.Session));
        await act.Send(CredentialNotice.Of(account, CredentialKind.Password, "changed"));
        return opened;
    }

    private static async Task<Result<OpenedSession>> Refuse(Act act, SessionCaller caller)
    {
        await RefusedSignIns.Record(act, caller, caller.Session.Account, RefusalCode.CurrentPasswordWrong);
        return RefusalCode.CurrentPasswordWrong;
    }

    private sealed record Attempt(StoredPassword? Stored);
}
