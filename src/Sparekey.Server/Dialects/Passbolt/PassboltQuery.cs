using System.Globalization;
using Sparekey.Core;

namespace Sparekey.Server.Dialects.Passbolt;

/// <summary>Reads what a list call asks for: <c>contain[x]=1</c>, <c>filter[x][]=…</c>, sort, limit, page. What is not known is passed over.</summary>
/// <param name="query">The query.</param>
/// <param name="most">How many an answer to it holds at most, whatever it asks for.</param>
internal sealed class PassboltQuery(IQueryCollection query, int most = PassboltQuery.NoLimit)
{
    /// <summary>The limit of a list that is given whole.</summary>
    public const int NoLimit = 1_000_000;

    /// <summary>Whether the answer shall contain something.</summary>
    /// <param name="name">What.</param>
    public bool Contains(string name) => query[$"contain[{name}]"].ToString() is "1" or "true";

    /// <summary>The ids that a filter names; null where it is not given.</summary>
    /// <param name="name">The filter.</param>
    /// <returns>What is no id names nobody.</returns>
    public IReadOnlyList<AccountId>? Accounts(string name)
    {
        var values = query.Where(p => p.Key == $"filter[{name}]" || p.Key.StartsWith($"filter[{name}][", StringComparison.Ordinal)).SelectMany(p => p.Value).ToList();
        return values.Count == 0
            ? null
            : [.. values.Select(v => Ids.TryParse<AccountId>(v, out var id) ? id : (AccountId?)null).Where(i => i is not null).Select(i => i!.Value)];
    }

    /// <summary>The time that a filter names, in seconds since 1970; null where there is none.</summary>
    /// <param name="name">The filter.</param>
    public DateTimeOffset? Time(string name) =>
        long.TryParse(query[$"filter[{name}]"].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds < 253_402_300_799
            ? DateTimeOffset.FromUnixTimeSeconds(seconds)
            : null;

    /// <summary>The text that a filter names; null where there is none.</summary>
    /// <param name="name">The filter.</param>
    public string? Text(string name) => query[$"filter[{name}]"].ToString() is { Length: > 0 } text ? text : null;

    /// <summary>By what to sort; null where nothing is named.</summary>
    public string? Sort => query["sort"].ToString() is { Length: > 0 } text ? text[(text.LastIndexOf('.') + 1)..].ToLowerInvariant() : null;

    /// <summary>Whether the last comes first.</summary>
    public bool IsDescending => string.Equals(query["direction"].ToString(), "desc", StringComparison.OrdinalIgnoreCase);

    /// <summary>How many at most.</summary>
    public int Limit => Math.Min(Number("limit", most), most);

    /// <summary>Which part of them, from 1.</summary>
    public int Page => Number("page", 1);

    /// <summary>How many are passed over.</summary>
    public int Offset => (int)Math.Min(int.MaxValue, ((long)Page - 1) * Limit);

    /// <summary>The part of a list that is asked for.</summary>
    /// <param name="all">The list.</param>
    public IEnumerable<T> Part<T>(IEnumerable<T> all) => all.Skip(Offset).Take(Limit);

    /// <summary>What the header says of the part.</summary>
    /// <param name="count">How many there are in all.</param>
    public Pagination Of(int count) => new(count, Limit, Page);

    private int Number(string name, int usual) =>
        int.TryParse(query[name].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? Math.Min(number, NoLimit) : usual;
}
