using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.PersonalCodes;

/// <summary>A try to use a code.</summary>
/// <param name="Name">What the account was called; tries without a service token are counted by it, also of names that nobody has.</param>
/// <param name="Account">The account that is called so; null when there is none.</param>
/// <param name="Application">The application at which it is tried.</param>
/// <param name="Group">The group of that application.</param>
/// <param name="Format">The form of the code.</param>
/// <param name="Text">What was typed.</param>
public sealed record CodeTry(string Name, AccountId? Account, ApplicationId Application, string Group, CodeFormat Format, SecretText Text)
{
    /// <summary>
    /// Whether a service token vouches for the try: then it may use codes up, and is told what is wrong with one. Without it all that is
    /// wrong looks alike.
    /// </summary>
    public bool IsVouchedFor { get; init; }

    internal TryOrigin Origin => IsVouchedFor ? TryOrigin.Handle : TryOrigin.Account;

    internal CodeSet Of(AccountId account, CodePurpose purpose) => new(account, purpose, Format, Group);
}

/// <summary>Opens a session for who presents a code that signs in, and ends the code with it.</summary>
public sealed class SignInWithCode
{
    // RFC 8176: a one-time password.
    private static readonly string[] Amr = ["otp"];

    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly AccountCodes _codes;
    private readonly SessionStore _sessions;
    private readonly Throttle _throttle;

    internal SignInWithCode(Acts acts, AccountStore accounts, AccountCodes codes, SessionStore sessions, Throttle throttle)
    {
        _acts = acts;
        _accounts = accounts;
        _codes = codes;
        _sessions = sessions;
        _throttle = throttle;
    }

    /// <summary>Signs in.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="attempt">The try.</param>
    /// <param name="isAgain">Whether the same caller only looks whether the code was authorised meanwhile; such a look counts nothing.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The session; or <see cref="RefusalCode.SecretInvalid"/>, <see cref="RefusalCode.TooManyRequests"/> and
    /// <see cref="RefusalCode.RequirementsOpen"/> while the code waits for its authorisation; where the try is vouched for also
    /// <see cref="RefusalCode.RecoveryClosed"/> (used, ended) and <see cref="RefusalCode.RecoveryExpired"/>.
    /// </returns>
    public Task<Result<OpenedSession>> Run(Visitor visitor, CodeTry attempt, bool isAgain, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => Open(act, visitor, attempt, isAgain), cancellationToken);

    private async Task<Result<OpenedSession>> Open(Act act, Visitor visitor, CodeTry attempt, bool isAgain)
    {
        if (!attempt.IsVouchedFor && !isAgain
            && await _throttle.Count(act, ThrottleKind.SignIn, attempt.Name, visitor.Source) is { } tooMany)
        {
            return tooMany;
        }

        var account = attempt.Account is { } id ? await _accounts.Find(act.Db, act.Tenant, id) : null;
        var set = attempt.Of(account?.Id ?? default, CodePurpose.SignIn);
        var code = await _codes.Match(act.Db, act.Tenant, set, attempt.Text, act.Now);
        if (account is not { Status: AccountStatus.Active } || code is null)
        {
            if (account is not null)
            {
                await _codes.CountTry(act, set, attempt.Origin);
            }

            await RefusedSignIns.Record(act, visitor, account?.Id, RefusalCode.SecretInvalid);
            return RefusalCode.SecretInvalid;
        }

        if (code.Over || !code.IsLive(act.Now))
        {
            return !attempt.IsVouchedFor ? RefusalCode.SecretInvalid : code.Over ? RefusalCode.RecoveryClosed : RefusalCode.RecoveryExpired;
        }

        if (!code.Authorized)
        {
            return RefusalCode.RequirementsOpen;
        }

        // If the process dies after this act, the code is used, and the session exists and nobody knows its token.
        await _codes.End(act, set, code.Id);
        var opened = await _sessions.Open(act, new NewSession(account.Id, Amr) { Application = attempt.Application });
        await act.Record(SessionLedger.Opened(visitor, opened.Session));
        await act.Send(SignInCodeNotice.Of(account.Id, "used"));
        return opened;
    }
}
