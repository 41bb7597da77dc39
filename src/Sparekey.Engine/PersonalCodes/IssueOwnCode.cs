using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.PersonalCodes;

/// <summary>
/// Makes a code for a person who is signed in: to sign in on another device, or to add it. Nobody else takes part, so policy has nothing
/// to demand; the person is told.
/// </summary>
public sealed class IssueOwnCode
{
    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly AccountCodes _codes;

    internal IssueOwnCode(Acts acts, AccountStore accounts, AccountCodes codes) => (_acts, _accounts, _codes) = (acts, accounts, codes);

    /// <summary>Makes a code.</summary>
    /// <param name="caller">The person.</param>
    /// <param name="set">What for, of which form; it must be their own.</param>
    /// <param name="lifetime">How long it lives.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The code; or <see cref="RefusalCode.AccountDisabled"/>, <see cref="RefusalCode.TooManyRequests"/>.</returns>
    public Task<Result<IssuedCode>> Run(SessionCaller caller, CodeSet set, TimeSpan lifetime, CancellationToken cancellationToken) =>
        _acts.Write<Result<IssuedCode>>(
            caller.Tenant,
            async act =>
            {
                if (set.Account != caller.Session.Account || caller.Session.RestrictedTo is not null
                    || await _accounts.Find(act.Db, act.Tenant, set.Account) is not { Status: Core.Accounts.AccountStatus.Active })
                {
                    return RefusalCode.AccountDisabled;
                }

                var issued = await _codes.Issue(act, set, lifetime, authorized: true);
                if (issued.Refusal is null)
                {
                    await act.Record(new LedgerEntry(LedgerEvent.SignInCodeIssued, caller.Principal, set.Account)
                    {
                        Facts = SessionLedger.Facts(
                            caller, ("format", WireName.Of(set.Format)), ("purpose", WireName.Of(set.Purpose)), ("authorized", true),
                            ("session", caller.Session.Id.ToString()), ("expires_at", issued.Value.ExpiresAt.ToUnixTimeMilliseconds())),
                        Texts = SessionLedger.Source(caller),
                    });
                    await act.Send(SignInCodeNotice.Of(set.Account, "issued"));
                }

                return issued;
            },
            cancellationToken);
}
