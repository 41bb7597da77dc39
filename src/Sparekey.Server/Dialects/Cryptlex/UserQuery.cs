using System.Globalization;
using Microsoft.Extensions.Primitives;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Accounts;

namespace Sparekey.Server.Dialects.Cryptlex;

/// <summary>
/// Reads which users a list is about: <c>email=…</c> and <c>email[eq]=…</c> are one. A filter that is not known here is refused and never
/// passed over: clients take the first user of the answer for the one they asked for.
/// </summary>
internal static class UserQuery
{
    /// <summary>How many users a page has when nobody says.</summary>
    public const int UsualLimit = 10;

    private const int MaxLimit = 100;
    private const int MaxPage = 1_000_000;
    private const int MaxValues = 50;

    /// <summary>Reads a query.</summary>
    /// <param name="query">The query.</param>
    /// <param name="roles">The vendor's names of roles.</param>
    /// <param name="ranks">The tenant's roles.</param>
    /// <returns>The search, or <see cref="RefusalCode.InvalidRequest"/> with the parameter that is wrong.</returns>
    public static Result<AccountSearch> Read(IQueryCollection query, RoleNames roles, RankOrder ranks)
    {
        var search = new AccountSearch(1, UsualLimit);
        foreach (var (name, values) in query)
        {
            var (field, comparison) = Split(name);
            var read = (field, comparison) switch
            {
                ("page", "eq") => Number(values, MaxPage) is { } page ? search with { Page = page } : Wrong(name),
                ("limit", "eq") => Number(values, MaxLimit) is { } limit ? search with { Limit = limit } : Wrong(name),
                ("sort", "eq") => values.ToString() switch
                {
                    "" or "createdAt" => search,
                    "-createdAt" => search with { NewestFirst = true },
                    _ => Wrong(name),
                },
                ("email", _) => Test(comparison, values) is { } test ? search with { Emails = [.. search.Emails, test] } : Wrong(name),
                ("role", "eq" or "ne" or "in" or "nin") => Test(comparison, values) is { } test
                    ? search with { Roles = [.. search.Roles, test with { Values = [.. test.Values.Select(v => roles.Known(v, ranks) ?? "")] }] }
                    : Wrong(name),
                ("userType", "eq") => values.ToString() switch
                {
                    "user" => search with { Roles = [.. search.Roles, new TextTest(TextComparison.IsOneOf, [ranks.Lowest])] },
                    "admin" => search with { Roles = [.. search.Roles, new TextTest(TextComparison.IsOneOf, [ranks.Lowest], Not: true)] },
                    _ => Wrong(name),
                },
                ("createdAt", _) => Time(values) is { } at && Between(search, comparison, at) is { } bounded ? bounded : Wrong(name),
                _ => Wrong(name),
            };
            if (read.Refusal is not null)
            {
                return read;
            }

            search = read.Value;
        }

        return search;
    }

    private static (string Field, string Comparison) Split(string name) =>
        name.EndsWith(']') && name.IndexOf('[', StringComparison.Ordinal) is > 0 and var at
            ? (name[..at], name[(at + 1)..^1])
            : (name, "eq");

    // An empty value is one that nobody has, and never "any": a portal whose variable is empty must not get its first user.
    private static TextTest? Test(string comparison, StringValues values)
    {
        string[] all = [.. values.Select(v => v ?? "")];
        string[] listed = [.. all.SelectMany(v => v.Split(',', StringSplitOptions.TrimEntries)).Distinct(StringComparer.Ordinal)];
        return (comparison, all) switch
        {
            ("eq", [var one]) => new(TextComparison.IsOneOf, [one]),
            ("ne", [var one]) => new(TextComparison.IsOneOf, [one], Not: true),
            ("in", _) when listed.Length <= MaxValues => new(TextComparison.IsOneOf, listed),
            ("nin", _) when listed.Length <= MaxValues => new(TextComparison.IsOneOf, listed, Not: true),
            ("sw", [{ Length: > 0 } one]) => new(TextComparison.StartsWith, [one]),
            ("ew", [{ Length: > 0 } one]) => new(TextComparison.EndsWith, [one]),
            ("cn", [{ Length: > 0 } one]) => new(TextComparison.Contains, [one]),
            ("nc", [{ Length: > 0 } one]) => new(TextComparison.Contains, [one], Not: true),
            _ => null,
        };
    }

    private static AccountSearch? Between(AccountSearch search, string comparison, DateTimeOffset at)
    {
        // Times are whole milliseconds here: after one is from the next one on.
        var next = at.AddMilliseconds(1);
        return comparison switch
        {
            "gte" => search with { CreatedFrom = Latest(search.CreatedFrom, at) },
            "gt" => search with { CreatedFrom = Latest(search.CreatedFrom, next) },
            "lt" => search with { CreatedBefore = Earliest(search.CreatedBefore, at) },
            "lte" => search with { CreatedBefore = Earliest(search.CreatedBefore, next) },
            "eq" => search with { CreatedFrom = Latest(search.CreatedFrom, at), CreatedBefore = Earliest(search.CreatedBefore, next) },
            _ => null,
        };
    }

    private static DateTimeOffset Latest(DateTimeOffset? one, DateTimeOffset other) => one > other ? one.Value : other;

    private static DateTimeOffset Earliest(DateTimeOffset? one, DateTimeOffset other) => one < other ? one.Value : other;

    private static DateTimeOffset? Time(StringValues values) =>
        DateTimeOffset.TryParse(
            values.ToString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)
        && time.Year is > 1 and < 9999
            ? time
            : null;

    private static int? Number(StringValues values, int most) =>
        int.TryParse(values.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= most
            ? number
            : null;

    private static Result<AccountSearch> Wrong(string name) => Faults.At(
        "/" + (name.Length > 64 ? name[..64] : name), "This query parameter is not known here, or holds none of what it may.");
}
