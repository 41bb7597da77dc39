using System.Globalization;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>
/// Which of two kinds of answer a client wants. Kratos asks in two ways that differ, and browsers' integrations depend on both.
/// </summary>
internal static class Negotiation
{
    private const string Json = "application/json";
    private const string Html = "text/html";

    private static readonly string[] PlainOffers = [Html, Json];
    private static readonly string[] RequestOffers = [Html, "text/*", "*/*", Json];

    /// <summary>Rule N: whether the client wants a page, by its <c>Accept</c> alone. One that says nothing, or everything, wants a page.</summary>
    /// <param name="request">The request.</param>
    public static bool WantsPage(HttpRequest request) => Winner(request.Headers.Accept, PlainOffers, Html) == Html;

    /// <summary>Rule J: whether it is a JSON client, by its <c>Accept</c> or because its <c>Content-Type</c> is JSON, letter by letter.</summary>
    /// <param name="request">The request.</param>
    public static bool IsJson(HttpRequest request) =>
        string.Equals(request.ContentType, Json, StringComparison.Ordinal) || Winner(request.Headers.Accept, RequestOffers, Html) == Json;

    /// <summary>
    /// The offer that wins: the first of the highest quality; of equal quality the one that is named most exactly (<c>*/*</c>, then
    /// <c>type/*</c>, then the type).
    /// </summary>
    /// <param name="accept">The values of the header.</param>
    /// <param name="offers">What there is, the preferred first.</param>
    /// <param name="usual">What it is when nothing fits.</param>
    public static string Winner(IEnumerable<string?> accept, IReadOnlyList<string> offers, string usual)
    {
        var ranges = accept.SelectMany(v => Ranges(v ?? "")).ToList();
        var (best, bestQuality, bestLooseness) = (usual, -1.0, 3);
        foreach (var offer in offers)
        {
            foreach (var (range, quality) in ranges)
            {
                if (quality > 0 && quality >= bestQuality && LoosenessOf(range, offer) is { } looseness
                    && (quality > bestQuality || looseness < bestLooseness))
                {
                    (best, bestQuality, bestLooseness) = (offer, quality, looseness);
                }
            }
        }

        return best;
    }

    private static int? LoosenessOf(string range, string offer) =>
        range == "*/*" ? 2
        : range.EndsWith("/*", StringComparison.Ordinal) ? offer.StartsWith(range[..^1], StringComparison.Ordinal) ? 1 : null
        : range == offer ? 0
        : null;

    // What is not understood ends the reading of its header line, as it does there: a range with parameters other than its quality.
    private static IEnumerable<(string Range, double Quality)> Ranges(string value)
    {
        foreach (var part in value.Split(','))
        {
            var (range, parameters) = part.IndexOf(';', StringComparison.Ordinal) is var at and >= 0 ? (part[..at], part[(at + 1)..].Trim(' ', '\t')) : (part, null);
            range = range.Trim(' ', '\t');
            var quality = parameters is null ? 1 : QualityOf(parameters);
            if (quality < 0 || range.Length == 0 || range.Any(c => c <= ' ' || c > '~'))
            {
                yield break;
            }

            yield return (range, quality);
        }
    }

    private static double QualityOf(string text) =>
        text is ['q', '=', '0' or '1', .. var rest] && (rest.Length == 0 || (rest is ['.', .. var digits] && digits.All(char.IsAsciiDigit)))
            ? double.Parse(text.AsSpan(2).TrimEnd('.'), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture)
            : -1;
}
