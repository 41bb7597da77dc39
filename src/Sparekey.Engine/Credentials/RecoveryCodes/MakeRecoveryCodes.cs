using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Credentials.RecoveryCodes;

/// <summary>A new set of saved recovery codes.</summary>
/// <param name="Credential">The credential that it is.</param>
/// <param name="Codes">The codes, shown once.</param>
public sealed record MadeRecoveryCodes(Credential Credential, IReadOnlyList<SecretText> Codes);

/// <summary>
/// Makes a person's saved recovery codes, soon after they signed in, in place of all that they had: what an old code opened and did not
/// complete ends with it, so that making new ones is what to do when the old ones may be in wrong hands.
/// </summary>
public sealed class MakeRecoveryCodes
{
    private readonly Acts _acts;
    private readonly AccountStore _accounts;
    private readonly SessionStore _sessions;
    private readonly CredentialStore _credentials;
    private readonly RecoveryCodeStore _codes;
    private readonly PolicyStore _policies;
    private readonly RecoveryStore _recoveries;
    private readonly RecoveryAct _act;

    internal MakeRecoveryCodes(
        Acts acts, AccountStore accounts, SessionStore sessions, CredentialStore credentials, RecoveryCodeStore codes, PolicyStore policies,
        RecoveryStore recoveries, RecoveryAct act)
    {
        _acts = acts;
        _accounts = accounts;
        _sessions = sessions;
        _credentials = credentials;
        _codes = codes;
        _policies = policies;
        _recoveries = recoveries;
        _act = act;
    }

    /// <summary>Makes twelve.</summary>
    /// <param name="caller">The person.</param>
    /// <param name="cancellationToken">Gives up before the commit.</param>
    /// <returns>
    /// The codes; or <see cref="RefusalCode.FreshSignInRequired"/>, also for a session that is restricted to something else;
    /// <see cref="RefusalCode.SessionInvalid"/>.
    /// </returns>
    public Task<Result<MadeRecoveryCodes>> Run(SessionCaller caller, CancellationToken cancellationToken) =>
        _acts.Write(caller.Tenant, act => Make(act, caller), cancellationToken);

    // If the process dies after this act, the old codes are worth nothing and nobody saw the new ones: the person makes them again.
    private async Task<Result<MadeRecoveryCodes>> Make(Act act, SessionCaller caller)
    {
        var person = await _sessions.PrivilegedPersonOf(act, _accounts, caller);
        if (person.Refusal is { } refused)
        {
            return refused;
        }

        if (caller.Session.RestrictedTo is not null)
        {
            return RefusalCode.FreshSignInRequired;
        }

        var account = person.Value;
        var before = (await _credentials.List(act.Db, act.Tenant, account.Id)).FirstOrDefault(c => c.Kind == CredentialKind.RecoveryCodes);
        if (before is not null)
        {
            await _credentials.Revoke(act, account.Id, before.Id);
            await act.Record(CredentialLedger.Revoked(caller, caller.Principal, before, sessionsEnded: 0));
            await EndWhatTheyOpened(act, caller, account);
        }

        var credential = new Credential(NewId.Make<CredentialId>(), account.Id, CredentialKind.RecoveryCodes, act.Now);
        await _credentials.Add(act, credential, "{}");
        var codes = await _codes.Make(act, account.Id, credential.Id, RecoveryLimits.SavedCodes);
        await act.Record(CredentialLedger.Added(caller, credential));
        await act.Send(CredentialNotice.Of(account.Id, CredentialKind.RecoveryCodes, before is null ? "added" : "changed"));
        return new MadeRecoveryCodes(credential, codes);
    }

    private async Task EndWhatTheyOpened(Act act, SessionCaller caller, Account account)
    {
        var policy = (await _policies.Current(act.Db, act.Tenant)).Policy;
        foreach (var opened in await _recoveries.Open(act.Db, act.Tenant, account.Id))
        {
            if (opened.Request.Means == Means.SavedCode)
            {
                await _act.Apply(
                    act, new RecoveryAct.Found(opened, account, policy),
                    new RecoveryCommand.Cancel(caller.Principal, "new recovery codes were made"), caller);
            }
        }
    }
}
