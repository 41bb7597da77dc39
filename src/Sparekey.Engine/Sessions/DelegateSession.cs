using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Sessions;

/// <summary>
/// Opens a session of a person for a programme that the organisation lets do so. It is no recovery: it binds nothing, it reads only what
/// the programme's protocol shows, the ledger says who opened it, and the person is told.
/// </summary>
public sealed class DelegateSession
{
    // RFC 8176 has no name for it: nothing was asked of the person.
    private static readonly string[] Amr = ["delegated"];

    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly PolicyStore _policies;
    private readonly SessionStore _sessions;

    internal DelegateSession(Acts acts, AccountStore accounts, PolicyStore policies, SessionStore sessions)
    {
        _acts = acts;
        _accounts = accounts;
        _policies = policies;
        _sessions = sessions;
    }

    /// <summary>Opens it.</summary>
    /// <param name="caller">The programme; holds <c>session:delegate</c> and a ceiling that covers the account.</param>
    /// <param name="identifier">Whose: a name or address of the account.</param>
    /// <param name="application">For which application.</param>
    /// <param name="lifetime">How long it lives.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The session and its token; or <see cref="RefusalCode.PermissionMissing"/>, <see cref="RefusalCode.AccountNotFound"/>,
    /// <see cref="RefusalCode.OwnAccount"/>, <see cref="RefusalCode.AboveCeiling"/>, <see cref="RefusalCode.AccountDisabled"/>.
    /// </returns>
    public Task<Result<OpenedSession>> Run(
        Caller caller, string identifier, ApplicationId application, TimeSpan lifetime, CancellationToken cancellationToken) =>
        _acts.Write(caller.Tenant, act => Open(act, caller, identifier, application, lifetime), cancellationToken);

    // If the process dies after this act, the session exists and nobody knows its token.
    private async Task<Result<OpenedSession>> Open(Act act, Caller caller, string identifier, ApplicationId application, TimeSpan lifetime)
    {
        if (caller.Grant.Demand(Permission.SessionDelegate) is { } missing)
        {
            return missing;
        }

        if (await _accounts.FindByIdentifier(act.Db, act.Tenant, identifier) is not { } account)
        {
            return RefusalCode.AccountNotFound;
        }

        var ranks = await _policies.Ranks(act.Db, act.Tenant);
        if (caller.Grant.MayActOn(account.Id, account.Kind, account.Role, account.Role, ranks) is { } forbidden)
        {
            return forbidden;
        }

        if (account.Status != AccountStatus.Active)
        {
            return RefusalCode.AccountDisabled;
        }

        var opened = await _sessions.Open(act, new NewSession(account.Id, Amr)
        {
            Application = application,
            Lifetime = lifetime,
            RestrictedTo = SessionRestriction.Delegated,
        });
        await act.Record(new LedgerEntry(LedgerEvent.SessionDelegated, caller.Principal, account.Id)
        {
            Facts = SessionLedger.Facts(caller, ("session", opened.Session.Id.ToString()), ("application", application.ToString())),
            Texts = SessionLedger.Source(caller),
        });
        await act.Send(new OutboxMessage(MessageKind.SessionDelegatedNotice, account.Id)
        {
            Values = new Dictionary<string, string>(StringComparer.Ordinal) { ["application"] = application.ToString() },
        });
        return opened;
    }
}
