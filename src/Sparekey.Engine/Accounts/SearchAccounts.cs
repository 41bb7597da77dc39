using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Accounts;

/// <summary>How a text is compared.</summary>
public enum TextComparison
{
    /// <summary>It is one of the values.</summary>
    IsOneOf,

    /// <summary>It begins with the value.</summary>
    StartsWith,

    /// <summary>It ends with the value.</summary>
    EndsWith,

    /// <summary>It holds the value.</summary>
    Contains,
}

/// <summary>What a text of an account must be.</summary>
/// <param name="Comparison">How it is compared.</param>
/// <param name="Values">With what: any number where it is one of them, else one.</param>
/// <param name="Not">Whether it must not be so.</param>
public sealed record TextTest(TextComparison Comparison, IReadOnlyList<string> Values, bool Not = false);

/// <summary>Which accounts to find, page by page as numbered pages.</summary>
/// <param name="Page">Which page, from 1.</param>
/// <param name="Limit">How many on one.</param>
public sealed record AccountSearch(int Page, int Limit)
{
    /// <summary>What one of its usable e-mail addresses must be; with <see cref="TextTest.Not"/>, none of them.</summary>
    public IReadOnlyList<TextTest> Emails { get; init; } = [];

    /// <summary>What its role must be.</summary>
    public IReadOnlyList<TextTest> Roles { get; init; } = [];

    /// <summary>Made at this time or later.</summary>
    public DateTimeOffset? CreatedFrom { get; init; }

    /// <summary>Made before this time.</summary>
    public DateTimeOffset? CreatedBefore { get; init; }

    /// <summary>Whether the newest come first.</summary>
    public bool NewestFirst { get; init; }
}

/// <summary>A numbered page of accounts.</summary>
/// <param name="Accounts">The accounts.</param>
/// <param name="Total">How many there are on all pages.</param>
public sealed record NumberedPage(IReadOnlyList<Account> Accounts, long Total);

/// <summary>
/// Finds accounts by what they are called, for other products' protocols: those have numbered pages, whose cost grows with the number,
/// and on which accounts move when others are deleted. Our own lists go by position.
/// </summary>
public sealed class SearchAccounts
{
    private readonly Acts _acts;
    private readonly AccountStore _store;

    internal SearchAccounts(Acts acts, AccountStore store) => (_acts, _store) = (acts, store);

    /// <summary>Finds.</summary>
    /// <param name="caller">Who reads; holds <c>account:read</c>.</param>
    /// <param name="search">Which.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The page, or <see cref="RefusalCode.PermissionMissing"/>.</returns>
    public async Task<Result<NumberedPage>> Run(Caller caller, AccountSearch search, CancellationToken cancellationToken) =>
        caller.Grant.Demand(Permission.AccountRead) is { } missing
            ? missing
            : await _acts.Read(db => _store.Search(db, caller.Tenant, search), cancellationToken);
}
