using System.Text.Json;
using System.Text.RegularExpressions;
using Sparekey.Core.Accounts;

namespace Sparekey.Engine.Delivery.MailTexts;

/// <summary>In which language people are written to.</summary>
internal static partial class MailLocale
{
    /// <summary>What a person named: the trait <c>locale</c>.</summary>
    /// <param name="account">The person; null when they are gone.</param>
    /// <returns>The tag in lower case; null when there is none, or what there is is no tag.</returns>
    public static string? Of(Account? account)
    {
        using var traits = JsonDocument.Parse(account?.Traits ?? "{}");
        return traits.RootElement.ValueKind == JsonValueKind.Object
            && traits.RootElement.TryGetProperty("locale", out var value) && value.ValueKind == JsonValueKind.String
                ? Read(value.GetString())
                : null;
    }

    /// <summary>Reads a tag.</summary>
    /// <param name="text">The tag, as RFC 5646 or POSIX write it.</param>
    /// <returns>The tag in lower case; null when it is none.</returns>
    public static string? Read(string? text) =>
        text?.Replace('_', '-').ToLowerInvariant() is { } tag && Tag().IsMatch(tag) ? tag : null;

    /// <summary>The languages to look for texts in, the best first (RFC 4647 §3.4).</summary>
    /// <param name="wanted">What the person named; null for nothing.</param>
    /// <param name="otherwise">The tenant's language.</param>
    public static IReadOnlyList<string> Candidates(string? wanted, string otherwise) =>
        [.. Shortened(wanted).Concat(Shortened(otherwise)).Append(MailTemplates.DefaultLanguage).Distinct(StringComparer.Ordinal)];

    private static IEnumerable<string> Shortened(string? tag)
    {
        for (var rest = tag; rest is { Length: > 0 }; rest = rest.LastIndexOf('-') is > 0 and var end ? rest[..end] : null)
        {
            yield return rest;
        }
    }

    [GeneratedRegex(@"\A[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,4}\z", RegexOptions.NonBacktracking)]
    private static partial Regex Tag();
}
