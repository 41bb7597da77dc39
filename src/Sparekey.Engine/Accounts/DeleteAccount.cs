using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Accounts;

/// <summary>Something that ends with an account, in the same act; the account still stands when it runs.</summary>
internal interface IAccountDeletionStep
{
    /// <summary>Ends it.</summary>
    /// <param name="act">The act.</param>
    /// <param name="caller">Who deletes the account.</param>
    /// <param name="account">The account.</param>
    Task Run(Act act, Caller caller, Account account);
}

/// <summary>
/// Deletes an account and everything personal about it. What stays is what the ledger's commitments and the recoveries refer
/// to: an id without a name.
/// </summary>
public sealed class DeleteAccount
{
    private readonly AccountAct _act;
    private readonly AccountStore _store;
    private readonly CredentialStore _credentials;
    private readonly SessionStore _sessions;
    private readonly IEnumerable<IAccountDeletionStep> _steps;

    internal DeleteAccount(
        AccountAct act, AccountStore store, CredentialStore credentials, SessionStore sessions, IEnumerable<IAccountDeletionStep> steps)
    {
        _act = act;
        _store = store;
        _credentials = credentials;
        _sessions = sessions;
        _steps = steps;
    }

    /// <summary>Deletes an account.</summary>
    /// <param name="caller">Who deletes it; holds <c>account:write</c> and a ceiling that covers its role.</param>
    /// <param name="id">The account.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// Null; or <see cref="RefusalCode.AccountNotFound"/>, <see cref="RefusalCode.OwnAccount"/>, <see cref="RefusalCode.AboveCeiling"/>,
    /// <see cref="RefusalCode.VersionConflict"/> when it changed at the same moment.
    /// </returns>
    public async Task<Refusal?> Run(Caller caller, AccountId id, CancellationToken cancellationToken) =>
        (await _act.Run(caller, act => Delete(act, caller, id), cancellationToken)).Refusal;

    private async Task<Result<Account>> Delete(Act act, Caller caller, AccountId id)
    {
        var found = await _act.Find(act, caller, id);
        if (found.Refusal is { } refusal)
        {
            return refusal;
        }

        var account = found.Value.Account;
        foreach (var step in _steps)
        {
            await step.Run(act, caller, account);
        }

        await _sessions.EndAll(act, id);
        await _credentials.DeleteAll(act, id);

        // After the steps, so that what they wrote into the ledger about the person is erased too.
        if (!await _store.Erase(act, account))
        {
            throw new InvalidOperationException("The account changed within its own deletion.");
        }

        await act.Record(AccountLedger.Entry(
            LedgerEvent.AccountDeleted, caller, account with { Version = account.Version + 1 }, ("role", account.Role)));
        return account;
    }
}
