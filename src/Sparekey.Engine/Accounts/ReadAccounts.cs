using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Accounts;

/// <summary>Which accounts to list.</summary>
/// <param name="Email">The one with this usable address.</param>
/// <param name="Username">The one with this user name.</param>
/// <param name="After">After this one; null for the first page.</param>
/// <param name="Limit">How many at most.</param>
public sealed record AccountFilter(string? Email, string? Username, AccountPosition? After, int Limit);

/// <summary>A page of accounts.</summary>
/// <param name="Accounts">The accounts, oldest first.</param>
/// <param name="Next">Where the next page begins; null when there is none.</param>
public sealed record AccountPage(IReadOnlyList<Account> Accounts, AccountPosition? Next);

/// <summary>Reads accounts. Reading knows no ceiling: whoever helps people must see who stands above them.</summary>
public sealed class ReadAccounts
{
    private readonly Acts _acts;
    private readonly AccountStore _store;

    internal ReadAccounts(Acts acts, AccountStore store)
    {
        _acts = acts;
        _store = store;
    }

    /// <summary>One account.</summary>
    /// <param name="caller">Who reads; holds <c>account:read</c>.</param>
    /// <param name="id">The account.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The account, or <see cref="RefusalCode.AccountNotFound"/>.</returns>
    public async Task<Result<Account>> One(Caller caller, AccountId id, CancellationToken cancellationToken) =>
        caller.Grant.Demand(Permission.AccountRead) is { } missing ? missing
        : await _acts.Read(db => _store.Find(db, caller.Tenant, id), cancellationToken) is { } found ? found
        : RefusalCode.AccountNotFound;

    /// <summary>The account that is called or reached so.</summary>
    /// <param name="caller">Who reads; holds <c>account:read</c>.</param>
    /// <param name="identifier">A user name or a usable address.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The account, or <see cref="RefusalCode.AccountNotFound"/>.</returns>
    public async Task<Result<Account>> Called(Caller caller, string identifier, CancellationToken cancellationToken) =>
        caller.Grant.Demand(Permission.AccountRead) is { } missing ? missing
        : await _acts.Read(db => _store.FindByIdentifier(db, caller.Tenant, identifier), cancellationToken) is { } found ? found
        : RefusalCode.AccountNotFound;

    /// <summary>The account that another product calls so.</summary>
    /// <param name="caller">Who reads; holds <c>account:read</c>.</param>
    /// <param name="external">Its id there.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The account, or <see cref="RefusalCode.AccountNotFound"/>.</returns>
    public async Task<Result<Account>> CalledElsewhere(Caller caller, ExternalId external, CancellationToken cancellationToken) =>
        caller.Grant.Demand(Permission.AccountRead) is { } missing ? missing
        : await _acts.Read(db => _store.FindByExternalId(db, caller.Tenant, external), cancellationToken) is { } found ? found
        : RefusalCode.AccountNotFound;

    /// <summary>Those of some accounts that there are, in the order asked for.</summary>
    /// <param name="caller">Who reads; holds <c>account:read</c>.</param>
    /// <param name="ids">Their ids.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Result<IReadOnlyList<Account>>> Some(Caller caller, IReadOnlyList<AccountId> ids, CancellationToken cancellationToken) =>
        caller.Grant.Demand(Permission.AccountRead) is { } missing ? missing : await _acts.Read<Result<IReadOnlyList<Account>>>(
            async db =>
            {
                var all = new List<Account>();
                foreach (var id in ids.Distinct())
                {
                    if (await _store.Find(db, caller.Tenant, id) is { } found)
                    {
                        all.Add(found);
                    }
                }

                return all;
            },
            cancellationToken);

    /// <summary>A page of accounts in the order of their making. Accounts made meanwhile come at the end and move nobody.</summary>
    /// <param name="caller">Who reads; holds <c>account:read</c>.</param>
    /// <param name="filter">Which.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<Result<AccountPage>> Page(Caller caller, AccountFilter filter, CancellationToken cancellationToken)
    {
        if (caller.Grant.Demand(Permission.AccountRead) is { } missing)
        {
            return missing;
        }

        if (filter.Email is null && filter.Username is null)
        {
            var accounts = await _acts.Read(
                db => _store.List(db, caller.Tenant, filter.After, filter.Limit), cancellationToken);
            return new AccountPage(
                accounts,
                accounts.Count < filter.Limit ? null : new AccountPosition(accounts[^1].CreatedAt.ToUnixTimeMilliseconds(), accounts[^1].Id));
        }

        var name = filter.Email ?? filter.Username!;
        var found = await _acts.Read(db => _store.FindByIdentifier(db, caller.Tenant, name), cancellationToken);
        return new AccountPage(found is not null && Matches(found, filter) ? [found] : [], null);
    }

    private static bool Matches(Account account, AccountFilter filter) =>
        (filter.Email is null || account.Addresses.Any(a => a.Kind == AddressKind.Email && a.IsUsable && Same(a.Value, filter.Email)))
        && (filter.Username is null || Same(account.Username, filter.Username));

    private static bool Same(string? one, string? other) =>
        one is not null && Identifier.Normalize(one) is { } form && form == Identifier.Normalize(other);
}
