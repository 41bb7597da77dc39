using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Passwords;

namespace Sparekey.Engine.Sessions;

/// <summary>
/// Opens a session for who knows an account's password. Unknown account, wrong password, no password, a disabled account and
/// an overdue provisional password look alike and do the same work.
/// </summary>
public sealed class SignIn
{
    private static readonly string[] Amr = ["pwd"];

    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly PasswordStore _passwords;
    private readonly CredentialStore _credentials;
    private readonly SessionStore _sessions;
    private readonly PasswordHashing _hashing;
    private readonly Throttle _throttle;

    internal SignIn(
        Acts acts, AccountStore accounts, PasswordStore passwords, CredentialStore credentials, SessionStore sessions,
        PasswordHashing hashing, Throttle throttle)
    {
        _acts = acts;
        _accounts = accounts;
        _passwords = passwords;
        _credentials = credentials;
        _sessions = sessions;
        _hashing = hashing;
        _throttle = throttle;
    }

    /// <summary>Signs in.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="identifier">A user name, address or telephone number, as it was typed.</param>
    /// <param name="password">The password.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>
    /// The session and its token, restricted to changing the password when somebody else chose it; or
    /// <see cref="RefusalCode.SignInFailed"/>, <see cref="RefusalCode.TooManyRequests"/> (alike for unknown accounts),
    /// <see cref="RefusalCode.Busy"/>.
    /// </returns>
    public async Task<Result<OpenedSession>> Run(
        Visitor visitor, string identifier, SecretText password, CancellationToken cancellationToken)
    {
        var begun = await _acts.Write(visitor.Tenant, act => Begin(act, visitor, identifier), cancellationToken);
        if (begun.Refusal is { } tooMany)
        {
            return tooMany;
        }

        // The hash takes long, so it is checked outside every act; the act that opens the session looks again.
        var attempt = begun.Value;
        var verdict = await _hashing.Verify(attempt.Usable?.Hash, password.Reveal(), cancellationToken);
        if (verdict == PasswordVerdict.Busy)
        {
            return PasswordHashing.Busy;
        }

        var stronger = verdict == PasswordVerdict.MatchRehash ? await _hashing.Hash(password.Reveal(), cancellationToken) : null;
        return await _acts.Write(
            visitor.Tenant,
            act => attempt.Usable is { } verified && verdict is PasswordVerdict.Match or PasswordVerdict.MatchRehash
                ? Open(act, visitor, attempt.Account!.Id, verified, stronger)
                : Refuse(act, visitor, attempt.Account?.Id),
            cancellationToken);
    }

    // The try is counted before anything is looked at. An unknown account costs the same two reads.
    private async Task<Result<Attempt>> Begin(Act act, Visitor visitor, string identifier)
    {
        if (await _throttle.Count(act, ThrottleKind.SignIn, identifier, visitor.Source) is { } tooMany)
        {
            return tooMany;
        }

        var account = await _accounts.FindByIdentifier(act.Db, act.Tenant, identifier);
        var stored = await _passwords.Find(act.Db, act.Tenant, account?.Id ?? default);
        var usable = account is { Status: AccountStatus.Active } && stored?.IsUsable(act.Now) == true;
        return new Attempt(account, usable ? stored : null);
    }

    // If the process dies after this act, the session exists and nobody knows its token.
    private async Task<Result<OpenedSession>> Open(
        Act act, Visitor visitor, AccountId account, StoredPassword verified, string? stronger)
    {
        if (await _accounts.Find(act.Db, act.Tenant, account) is not { Status: AccountStatus.Active }
            || !await _passwords.StillIs(act, account, verified) || !verified.IsUsable(act.Now))
        {
            return await Refuse(act, visitor, account);
        }

        if (stronger is not null)
        {
            await _passwords.Rehash(act, verified, stronger);
        }

        await _credentials.MarkUsed(act, verified.Id);
        var wanted = new NewSession(account, Amr) { Credential = verified.Id };
        var opened = await _sessions.Open(
            act,
            verified.ProvisionalUntil is { } until
                ? wanted with { RestrictedTo = SessionRestriction.PasswordChange, Lifetime = until - act.Now }
                : wanted);
        await act.Record(SessionLedger.Opened(visitor, opened.Session));
        return opened;
    }

    private static async Task<Result<OpenedSession>> Refuse(Act act, Visitor visitor, AccountId? account)
    {
        await RefusedSignIns.Record(act, visitor, account, RefusalCode.SignInFailed);
        return RefusalCode.SignInFailed;
    }

    private sealed record Attempt(Account? Account, StoredPassword? Usable);
}
