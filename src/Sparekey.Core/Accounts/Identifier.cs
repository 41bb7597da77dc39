using System.Globalization;
using System.Text;

namespace Sparekey.Core.Accounts;

/// <summary>
/// The one form in which user names, e-mail addresses and telephone numbers are compared. All of a tenant's identifiers share
/// one namespace: what is one person's address can never be another's user name.
/// </summary>
public static class Identifier
{
    /// <summary>The longest identifier, in UTF-16 code units (RFC 5321 §4.5.3.1.3 allows 254 octets in an address).</summary>
    public const int MaxLength = 254;

    /// <summary>The form to compare: trimmed, normalised (NFC), lower case. Null when it cannot be an identifier at all.</summary>
    /// <param name="text">What somebody typed.</param>
    public static string? Normalize(string? text)
    {
        if (text is null)
        {
            return null;
        }

        var trimmed = text.Trim();
        if (trimmed.Length is 0 or > MaxLength || !IsPlainText(trimmed))
        {
            return null;
        }

        // Composed twice: a capital letter may have no composed form where its small letter has one.
        var form = NormalText.Compose(NormalText.Compose(trimmed).ToLowerInvariant());
        return LooksLikePhone(form) ? Digits(form) : form;
    }

    /// <summary>Whether a text can be a user name: 2 to 64 characters, no white space, no <c>@</c>.</summary>
    /// <param name="text">The text, trimmed.</param>
    public static bool IsUsername(string text) =>
        text.Length is >= 2 and <= 64 && IsPlainText(text) && !text.Any(c => char.IsWhiteSpace(c) || IsAtSign(c)) && !LooksLikePhone(text);

    /// <summary>
    /// Whether a text can be an e-mail address we can send to: one <c>@</c>, a local part of at most 64 characters, a domain
    /// name with a dot. Quoted local parts and address literals are refused: no mailbox of a person has them.
    /// </summary>
    /// <param name="text">The text, trimmed.</param>
    public static bool IsEmail(string text)
    {
        var at = text.IndexOf('@', StringComparison.Ordinal);
        if (text.Length > MaxLength || at is <= 0 or > 64 || text.Count(IsAtSign) > 1 || !IsPlainText(text)
            || text.Any(c => char.IsWhiteSpace(c) || c is '"' or '<' or '>' or '(' or ')' or ',' or ';' or ':' or '\\' or '[' or ']'))
        {
            return false;
        }

        var local = text[..at];
        var domain = text[(at + 1)..];
        return !local.StartsWith('.') && !local.EndsWith('.') && !local.Contains("..", StringComparison.Ordinal)
            && domain.Contains('.', StringComparison.Ordinal)
            && domain.Split('.').All(l => l.Length is >= 1 and <= 63 && !l.StartsWith('-') && !l.EndsWith('-'));
    }

    /// <summary>Whether a text can be an international telephone number: a plus sign and 7 to 15 digits (E.164).</summary>
    /// <param name="text">The text, trimmed.</param>
    public static bool IsPhone(string text) =>
        text.Length <= MaxLength && LooksLikePhone(text) && Digits(text).Length is >= 8 and <= 16;

    /// <summary>Whether a text is free of control characters, unpaired surrogates, and invisible marks and tags.</summary>
    /// <param name="text">The text.</param>
    public static bool IsPlainText(string text)
    {
        for (var i = 0; i < text.Length;)
        {
            if (!Rune.TryGetRuneAt(text, i, out var rune)
                || Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format
                    or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator)
            {
                return false;
            }

            i += rune.Utf16SequenceLength;
        }

        return true;
    }

    // The at sign, and those that look like it: a name must not pass for somebody's address.
    private static bool IsAtSign(char c) => c is '@' or '\uFE6B' or '\uFF20';

    private static bool LooksLikePhone(string text) =>
        text.StartsWith('+') && text.Skip(1).All(c => char.IsAsciiDigit(c) || c is ' ' or '-' or '(' or ')' or '.' or '/');

    private static string Digits(string text) => "+" + string.Concat(text.Where(char.IsAsciiDigit));
}
