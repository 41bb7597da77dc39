using System.Text;

namespace Sparekey.Core.Secrets;

/// <summary>One way in which a typed text can be read.</summary>
/// <param name="Format">As a code of this format.</param>
/// <param name="Text">In the form to compare.</param>
public sealed record CodeReading(CodeFormat Format, string Text);

/// <summary>
/// Codes as they are shown and as they are compared. People type what they hear: case, spaces and hyphens do not matter where
/// they carry nothing, and letters that look like digits are read as those.
/// </summary>
public static class CodeText
{
    /// <summary>How many words a phrase has: 6 of 2 048 are 66 bits (N2 asks 64).</summary>
    public const int PhraseLength = 6;

    private const string Crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    private const string Base64UrlAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    private const int LettersLength = 10;
    private const int LongLength = 32;
    private const int GroupsLength = 16;
    private const int GroupLength = 4;
    private const int MaxTyped = 256;
    private const string Separators = " \t\r\n\u00a0-\u2010\u2011";

    /// <summary>Makes a code as it is shown.</summary>
    /// <param name="format">Its format.</param>
    /// <param name="digits">For digits: how many, 6 to 10.</param>
    /// <param name="words">For a phrase: the list, at least 2 048 words.</param>
    /// <param name="next">A uniform number from 0 up to, and without, its argument, from a cryptographic generator.</param>
    /// <exception cref="ArgumentOutOfRangeException">Digits, or words, out of range.</exception>
    public static SecretText Make(CodeFormat format, int digits, IReadOnlyList<string> words, Func<int, int> next)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(digits, 6);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(digits, 10);
        ArgumentOutOfRangeException.ThrowIfLessThan(words.Count, 2048, nameof(words));
        return new SecretText(format switch
        {
            CodeFormat.Digits => Draw("0123456789", digits, next),
            CodeFormat.Letters => Draw(Crockford, 5, next) + "-" + Draw(Crockford, 5, next),
            CodeFormat.Long => Draw(Base64UrlAlphabet, LongLength, next),
            CodeFormat.Grouped => string.Join('-', Enumerable.Range(0, GroupsLength / GroupLength).Select(_ => Draw("0123456789", GroupLength, next))),
            CodeFormat.Phrase => string.Join('-', Enumerable.Range(0, PhraseLength).Select(_ => words[next(words.Count)])),
        });
    }

    /// <summary>The form to compare, or null when a text cannot be a code of a format.</summary>
    /// <param name="format">The format.</param>
    /// <param name="typed">What was typed.</param>
    public static string? Normalize(CodeFormat format, string typed) =>
        typed.Length > MaxTyped ? null : format switch
        {
            CodeFormat.Digits => Digits(typed),
            CodeFormat.Letters => Letters(typed),
            CodeFormat.Long => Long(typed),
            CodeFormat.Grouped => Grouped(typed),
            CodeFormat.Phrase => Phrase(typed),
        };

    /// <summary>Every way in which a typed text can be read: whoever types a code is not asked for its format.</summary>
    /// <param name="typed">What was typed; longer than 256 characters has no reading.</param>
    public static IReadOnlyList<CodeReading> Candidates(string typed) =>
        [.. Enum.GetValues<CodeFormat>()
            .Select(f => (Format: f, Text: Normalize(f, typed)))
            .Where(r => r.Text is not null)
            .Select(r => new CodeReading(r.Format, r.Text!))];

    private static string? Digits(string typed)
    {
        var bare = Bare(typed);
        return bare.Length is >= 6 and <= 10 && bare.All(char.IsAsciiDigit) ? bare : null;
    }

    private static string? Grouped(string typed)
    {
        var bare = Bare(typed);
        return bare.Length == GroupsLength && bare.All(char.IsAsciiDigit) ? bare : null;
    }

    private static string? Letters(string typed) => Base32(typed, LettersLength);

    /// <summary>Crockford's base 32 as it is compared: O is read as 0, I and L as 1; U is no character of it.</summary>
    /// <param name="typed">What was typed.</param>
    /// <param name="length">How many characters it has.</param>
    /// <returns>Upper case without separators; null when it is no such text.</returns>
    internal static string? Base32(string typed, int length)
    {
        var bare = typed.Length > MaxTyped ? "" : Bare(typed).ToUpperInvariant().Replace('O', '0').Replace('I', '1').Replace('L', '1');
        return bare.Length == length && bare.All(c => Crockford.Contains(c, StringComparison.Ordinal)) ? bare : null;
    }

    /// <summary>Draws characters of Crockford's base 32.</summary>
    /// <param name="length">How many.</param>
    /// <param name="next">A uniform number from 0 up to, and without, its argument, from a cryptographic generator.</param>
    internal static string DrawBase32(int length, Func<int, int> next) => Draw(Crockford, length, next);

    private static string? Long(string typed)
    {
        var bare = typed.Trim();
        return bare.Length == LongLength && bare.All(c => Base64UrlAlphabet.Contains(c, StringComparison.Ordinal)) ? bare : null;
    }

    private static string? Phrase(string typed)
    {
        // Letters first, then lower case: the sign of the unit kelvin would become a k.
        var words = typed.Split([.. Separators, '_', '.', ','], StringSplitOptions.RemoveEmptyEntries);
        return words.Length == PhraseLength && words.All(w => w.All(char.IsAsciiLetter)) ? string.Join('-', words).ToLowerInvariant() : null;
    }

    private static string Bare(string typed) =>
        string.Concat(typed.Where(c => !Separators.Contains(c, StringComparison.Ordinal)));

    private static string Draw(string alphabet, int length, Func<int, int> next)
    {
        var text = new StringBuilder(length);
        for (var i = 0; i < length; i++)
        {
            text.Append(alphabet[next(alphabet.Length)]);
        }

        return text.ToString();
    }
}
