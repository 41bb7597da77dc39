using System.Globalization;
using System.Text;

namespace Sparekey.Core;

/// <summary>
/// Writes JSON in the one canonical form of RFC 8785, so that the same content always has the same bytes and therefore the
/// same hash. Takes what this project signs and hashes: null, booleans, whole numbers that a double holds exactly, strings,
/// lists and objects. Everything else is a bug and throws.
/// </summary>
public static class CanonicalJson
{
    private const long LargestExactInteger = 9007199254740991;

    /// <summary>The canonical UTF-8 bytes of an object.</summary>
    /// <param name="members">Names and values; a value may be null, bool, int, long, string, a list or such a map.</param>
    /// <exception cref="ArgumentException">A value of another type, a number out of range, or an unpaired surrogate.</exception>
    public static byte[] Write(IReadOnlyDictionary<string, object?> members)
    {
        var text = new StringBuilder();
        WriteObject(text, members);
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>Whether a text can be written, and stored by every engine: no unpaired surrogate, no U+0000.</summary>
    /// <param name="text">The text; null can.</param>
    public static bool CanWrite(string? text)
    {
        for (var i = 0; i < text?.Length;)
        {
            if (!Rune.TryGetRuneAt(text, i, out var rune) || rune.Value == 0)
            {
                return false;
            }

            i += rune.Utf16SequenceLength;
        }

        return true;
    }

    private static void WriteValue(StringBuilder text, object? value)
    {
        switch (value)
        {
            case null: text.Append("null"); break;
            case bool b: text.Append(b ? "true" : "false"); break;
            case int i: text.Append(CultureInfo.InvariantCulture, $"{i}"); break;
            case long l and >= -LargestExactInteger and <= LargestExactInteger: text.Append(CultureInfo.InvariantCulture, $"{l}"); break;
            case string s: WriteString(text, s); break;
            case IReadOnlyDictionary<string, object?> members: WriteObject(text, members); break;
            case IEnumerable<string> strings: WriteList(text, strings); break;
            case IEnumerable<object?> list: WriteList(text, list); break;
            default: throw new ArgumentException($"Canonical JSON has no form for {value.GetType()}.", nameof(value));
        }
    }

    // RFC 8785 §3.2.3: members sorted by the UTF-16 code units of their names.
    private static void WriteObject(StringBuilder text, IReadOnlyDictionary<string, object?> members)
    {
        text.Append('{');
        var first = true;
        foreach (var (name, value) in members.OrderBy(m => m.Key, StringComparer.Ordinal))
        {
            text.Append(first ? "" : ",");
            first = false;
            WriteString(text, name);
            text.Append(':');
            WriteValue(text, value);
        }

        text.Append('}');
    }

    private static void WriteList(StringBuilder text, IEnumerable<object?> list)
    {
        text.Append('[');
        var first = true;
        foreach (var value in list)
        {
            text.Append(first ? "" : ",");
            first = false;
            WriteValue(text, value);
        }

        text.Append(']');
    }

    // RFC 8785 §3.2.2.2: the short escapes where JSON has one, \u00xx in lower case for other controls, nothing else.
    private static void WriteString(StringBuilder text, string value)
    {
        text.Append('"');
        for (var i = 0; i < value.Length; i++)
        {
            var c = value[i];
            switch (c)
            {
                case '"': text.Append("\\\""); break;
                case '\\': text.Append("\\\\"); break;
                case '\b': text.Append("\\b"); break;
                case '\f': text.Append("\\f"); break;
                case '\n': text.Append("\\n"); break;
                case '\r': text.Append("\\r"); break;
                case '\t': text.Append("\\t"); break;
                case < ' ': text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"); break;
                default:
                    if (char.IsHighSurrogate(c) && i + 1 < value.Length && char.IsLowSurrogate(value[i + 1]))
                    {
                        text.Append(c).Append(value[++i]);
                        break;
                    }

                    if (char.IsSurrogate(c))
                    {
                        throw new ArgumentException("Canonical JSON has no form for an unpaired surrogate.", nameof(value));
                    }

                    text.Append(c);
                    break;
            }
        }

        text.Append('"');
    }
}
