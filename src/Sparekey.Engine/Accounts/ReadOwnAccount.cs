using Sparekey.Core;
using Sparekey.Core.Accounts;

namespace Sparekey.Engine.Accounts;

/// <summary>Reads the account of somebody who proved that it is theirs. It asks for no permission: the caller holds the proof.</summary>
public sealed class ReadOwnAccount
{
    private readonly Acts _acts;
    private readonly AccountStore _accounts;

    internal ReadOwnAccount(Acts acts, AccountStore accounts) => (_acts, _accounts) = (acts, accounts);

    /// <summary>Reads it.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">The account of their session.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The account; null when it is gone or disabled.</returns>
    public async Task<Account?> Run(TenantId tenant, AccountId account, CancellationToken cancellationToken) =>
        await _acts.Read(db => _accounts.Find(db, tenant, account), cancellationToken) is { Status: AccountStatus.Active } found ? found : null;
}
