using System.Text;

namespace Sparekey.Core.Schemas;

/// <summary>
/// Regular expressions as JSON Schema means them (ECMA 262) in the words of .NET: there the end is the very end and not before a last line
/// break, and digits and word characters are those of ASCII.
/// </summary>
internal static class EcmaExpression
{
    /// <summary>Translates one.</summary>
    /// <param name="text">The expression.</param>
    public static string Translate(string text)
    {
        var translated = new StringBuilder(text.Length + 16);
        var isInClass = false;
        for (var i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '\\' when i + 1 < text.Length:
                    translated.Append(Escape(text[++i], isInClass));
                    break;
                case '$' when !isInClass:
                    translated.Append("\\z");
                    break;
                case '[' when isInClass:
                    translated.Append("\\[");
                    break;
                case var c:
                    isInClass = c == '[' || (isInClass && c != ']');
                    translated.Append(c);
                    break;
            }
        }

        return translated.ToString();
    }

    private static string Escape(char escaped, bool isInClass) => (escaped, isInClass) switch
    {
        ('d', true) => "0-9",
        ('d', false) => "[0-9]",
        ('D', false) => "[^0-9]",
        ('w', true) => "A-Za-z0-9_",
        ('w', false) => "[A-Za-z0-9_]",
        ('W', false) => "[^A-Za-z0-9_]",
        ('/', _) => "/",
        _ => $"\\{escaped}",
    };
}
