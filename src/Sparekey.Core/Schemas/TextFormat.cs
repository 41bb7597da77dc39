using System.Globalization;
using Sparekey.Core.Accounts;

namespace Sparekey.Core.Schemas;

/// <summary>Formats of texts that schemas name (draft-07, §7.3). One that is not known says nothing.</summary>
internal static class TextFormat
{
    /// <summary>Whether a text has a format.</summary>
    /// <param name="format">The format.</param>
    /// <param name="text">The text.</param>
    public static bool Fits(string format, string text) => format switch
    {
        "email" or "idn-email" => Identifier.IsEmail(text),
        "tel" => Identifier.IsPhone(text),
        "date-time" => text.Length >= 20 && text[10] is 'T' or 't' && HasZone(text) && IsTime(text, "yyyy-MM-dd'T'HH:mm:ss", text.LastIndexOfAny(['Z', 'z', '+', '-'])),
        "date" => DateOnly.TryParseExact(text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _),
        "time" => text.Length >= 9 && HasZone(text) && IsTime(text, "HH:mm:ss", text.LastIndexOfAny(['Z', 'z', '+', '-'])),
        "uuid" => text.Length == 36 && Guid.TryParseExact(text, "D", out _),
        "ipv4" => text.Split('.') is { Length: 4 } parts && parts.All(IsOctet),
        "ipv6" => text.All(c => char.IsAsciiHexDigit(c) || c is ':' or '.') && Uri.CheckHostName(text) == UriHostNameType.IPv6,
        "hostname" => text.Length is >= 1 and <= 253 && text.Split('.').All(IsLabel),
        "uri" or "iri" => !text.Contains(' ', StringComparison.Ordinal) && Uri.TryCreate(text, UriKind.Absolute, out var uri) && text.StartsWith(uri.Scheme + ":", StringComparison.OrdinalIgnoreCase),
        _ => true,
    };

    private static bool HasZone(string text) =>
        text[^1] is 'Z' or 'z'
        || (text[^6] is '+' or '-' && text[^3] == ':' && int.TryParse(text.AsSpan(text.Length - 5, 2), NumberStyles.None, CultureInfo.InvariantCulture, out var hours)
            && hours < 24 && int.TryParse(text.AsSpan(text.Length - 2, 2), NumberStyles.None, CultureInfo.InvariantCulture, out var minutes) && minutes < 60);

    private static bool IsTime(string text, string form, int zone)
    {
        var moment = text[..zone].ToUpperInvariant();
        var dot = moment.IndexOf('.', StringComparison.Ordinal);
        return (dot < 0 || (moment.Length - dot is > 1 and < 32 && moment[(dot + 1)..].All(char.IsAsciiDigit)))
            && DateTime.TryParseExact(dot < 0 ? moment : moment[..dot], form, CultureInfo.InvariantCulture, DateTimeStyles.None, out _);
    }

    private static bool IsOctet(string part) =>
        part.Length is >= 1 and <= 3 && part.All(char.IsAsciiDigit) && (part.Length == 1 || part[0] != '0') && int.Parse(part, CultureInfo.InvariantCulture) < 256;

    private static bool IsLabel(string label) =>
        label.Length is >= 1 and <= 63 && label[0] != '-' && label[^1] != '-' && label.All(c => char.IsAsciiLetterOrDigit(c) || c == '-');
}
