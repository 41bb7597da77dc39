using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Credentials;

/// <summary>Calls a credential something else: what it can do stays the same, so nobody need be told.</summary>
public sealed class RenameCredential
{
    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly PolicyStore _policies;
    private readonly CredentialStore _credentials;
    private readonly SessionStore _sessions;

    internal RenameCredential(
        Acts acts, AccountStore accounts, PolicyStore policies, CredentialStore credentials, SessionStore sessions)
    {
        _acts = acts;
        _accounts = accounts;
        _policies = policies;
        _credentials = credentials;
        _sessions = sessions;
    }

    /// <summary>Renames a credential of one's own.</summary>
    /// <param name="caller">Who.</param>
    /// <param name="credential">Which.</param>
    /// <param name="name">What it shall be called, 1 to 64 characters.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// It; or <see cref="RefusalCode.CredentialNotFound"/>, <see cref="RefusalCode.InvalidRequest"/>,
    /// <see cref="RefusalCode.SessionInvalid"/>.
    /// </returns>
    public Task<Result<Credential>> Run(SessionCaller caller, CredentialId credential, string name, CancellationToken cancellationToken) =>
        _acts.Write<Result<Credential>>(
            caller.Tenant,
            async act => await _sessions.PersonOf(act, _accounts, caller) is null
                ? RefusalCode.SessionInvalid
                : await Rename(act, caller, caller.Principal, caller.Session.Account, credential, name),
            cancellationToken);

    /// <summary>Renames a credential of somebody else.</summary>
    /// <param name="caller">Who; holds <c>account:write</c>.</param>
    /// <param name="account">Whose.</param>
    /// <param name="credential">Which.</param>
    /// <param name="name">What it shall be called, 1 to 64 characters.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// It; or <see cref="RefusalCode.AccountNotFound"/>, <see cref="RefusalCode.CredentialNotFound"/>, <see cref="RefusalCode.OwnAccount"/>,
    /// <see cref="RefusalCode.AboveCeiling"/>, <see cref="RefusalCode.InvalidRequest"/>.
    /// </returns>
    public Task<Result<Credential>> Run(
        Caller caller, AccountId account, CredentialId credential, string name, CancellationToken cancellationToken) => _acts.Write(
        caller.Tenant,
        async act =>
        {
            if (await _accounts.Find(act.Db, act.Tenant, account) is not { } found)
            {
                return RefusalCode.AccountNotFound;
            }

            var ranks = (await _policies.Current(act.Db, act.Tenant)).Policy.Ranks;
            return (caller.Grant.Demand(Permission.AccountWrite) ?? caller.Grant.MayActOn(account, found.Kind, found.Role, found.Role, ranks)) is { } forbidden
                ? forbidden
                : await Rename(act, caller, caller.Principal, account, credential, name);
        },
        cancellationToken);

    private async Task<Result<Credential>> Rename(
        Act act, Visitor visitor, Principal actor, AccountId account, CredentialId id, string name)
    {
        if (CredentialName.Check(name) is { } wrong)
        {
            return wrong;
        }

        if (!await _credentials.Rename(act, account, id, name))
        {
            return RefusalCode.CredentialNotFound;
        }

        var credential = (await _credentials.Find(act.Db, act.Tenant, account, id))!;
        await act.Record(CredentialLedger.Renamed(visitor, actor, credential));
        return credential;
    }
}
