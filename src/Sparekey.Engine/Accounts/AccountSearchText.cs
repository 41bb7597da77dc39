using System.Globalization;
using Sparekey.Core;
using Sparekey.Core.Accounts;

namespace Sparekey.Engine.Accounts;

/// <summary>Writes a search as the condition of a query. Fixed fragments alone become SQL; everything that a caller sent is a value.</summary>
internal static class AccountSearchText
{
    /// <summary>The condition on <c>accounts a</c>, and the values of its parameters with those of the page.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="search">The search.</param>
    public static (string Where, Dictionary<string, object?> Values) Of(TenantId tenant, AccountSearch search)
    {
        var values = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["tenant"] = tenant.ToString(),
            ["limit"] = search.Limit,
            ["offset"] = (search.Page - 1L) * search.Limit,
        };
        List<string> all = ["a.tenant_id = @tenant", "a.deleted_at IS NULL"];
        foreach (var test in search.Emails)
        {
            // Only what names the account is looked at, in the form in which it is compared: an address that nobody vouched for finds nobody.
            var condition = Condition("i.value", test with { Values = [.. test.Values.Select(FormOf)] }, values);
            all.Add(
                $"a.id {(test.Not ? "NOT " : "")}IN (SELECT i.account_id FROM identifiers i WHERE i.tenant_id = @tenant AND i.value LIKE '%@%' AND {condition})");
        }

        foreach (var test in search.Roles)
        {
            all.Add($"{(test.Not ? "NOT " : "")}{Condition("a.role", test, values)}");
        }

        if (search.CreatedFrom is { } from)
        {
            all.Add("a.created_at >= @from");
            values["from"] = from.ToUnixTimeMilliseconds();
        }

        if (search.CreatedBefore is { } before)
        {
            all.Add("a.created_at < @before");
            values["before"] = before.ToUnixTimeMilliseconds();
        }

        return (string.Join(" AND ", all), values);
    }

    // A part of an address is no identifier of its own: what cannot be one at all is in none.
    private static string FormOf(string value) => Identifier.Normalize(value) ?? "\n";

    private static string Condition(string column, TextTest test, Dictionary<string, object?> values)
    {
        if (test.Values.Count == 0)
        {
            return "(1 = 0)";
        }

        return $"({string.Join(" OR ", test.Values.Select(v => test.Comparison == TextComparison.IsOneOf
            ? $"{column} = @{Add(v)}"
            : $"{column} LIKE @{Add(PatternOf(test.Comparison, v))} ESCAPE '!'"))})";

        string Add(string value)
        {
            var name = "v" + values.Count.ToString(CultureInfo.InvariantCulture);
            values[name] = value;
            return name;
        }
    }

    private static string PatternOf(TextComparison comparison, string value)
    {
        var plain = value.Replace("!", "!!", StringComparison.Ordinal).Replace("%", "!%", StringComparison.Ordinal)
            .Replace("_", "!_", StringComparison.Ordinal);
        return comparison switch
        {
            TextComparison.StartsWith => plain + "%",
            TextComparison.EndsWith => "%" + plain,
            TextComparison.Contains => "%" + plain + "%",
            TextComparison.IsOneOf => value,
        };
    }
}
