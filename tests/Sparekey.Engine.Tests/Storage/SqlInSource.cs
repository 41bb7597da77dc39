using System.Text;
using System.Text.RegularExpressions;

namespace Sparekey.Engine.Tests.Storage;

/// <summary>A statement in the source, or a part of one that stands in a constant.</summary>
/// <param name="Place">The file, and the line where it begins.</param>
/// <param name="Text">Its text, on one line, with the constants and locals of the same file put in where they are used.</param>
internal sealed record SqlText(string Place, string Text);

/// <summary>
/// The SQL in the Engine's source, found by reading it as text: literals that are joined by + are one, and a hole of an interpolated one is filled
/// with the literals that the same file gives that name.
/// </summary>
internal static partial class SqlInSource
{
    /// <summary>All statements that name one of the tables, or one that the source does not tell.</summary>
    /// <param name="folder">The folder of the source.</param>
    /// <param name="tables">The tables.</param>
    public static IEnumerable<SqlText> Of(string folder, IReadOnlyCollection<string> tables)
    {
        var names = new Regex($@"\b(FROM|JOIN|INTO|UPDATE)\s+({string.Join('|', tables)})\b|\b(FROM|INTO|UPDATE) \{{", RegexOptions.ExplicitCapture, TimeSpan.FromSeconds(5));
        return from file in Directory.GetFiles(folder, "*.cs", SearchOption.AllDirectories)
               let relative = Path.GetRelativePath(folder, file)
               where !relative.StartsWith("obj", StringComparison.Ordinal) && !relative.StartsWith("bin", StringComparison.Ordinal)
               from literal in Literals(relative, File.ReadAllText(file))
               where names.IsMatch(literal.Text)
               select literal;
    }

    /// <summary>The literals of one file. One that has a name and stands in another's hole is seen there.</summary>
    /// <param name="file">Its name.</param>
    /// <param name="source">Its text.</param>
    public static IReadOnlyList<SqlText> Literals(string file, string source)
    {
        var found = new List<(string Name, int Line, StringBuilder Text)>();
        var (end, line, counted) = (-1, 1, 0);
        foreach (Match token in Token().Matches(source))
        {
            if (!token.Groups["raw"].Success && !token.Groups["plain"].Success)
            {
                continue;
            }

            var between = end < 0 ? "" : source[end..token.Index];
            var text = token.Groups["raw"].Success ? token.Groups["raw"].Value : token.Groups["plain"].Value;
            line += source.AsSpan(counted, token.Index - counted).Count('\n');
            counted = token.Index;
            if (end >= 0 && Joined().IsMatch(between))
            {
                found[^1].Text.Append(text);
            }
            else
            {
                found.Add((GivenTo().Match(source[..token.Index]).Groups["name"].Value, line, new StringBuilder(text)));
            }

            end = token.Index + token.Length;
        }

        var named = found.Where(f => f.Name.Length > 0).ToLookup(f => f.Name, f => f.Text.ToString(), StringComparer.Ordinal);
        var used = Hole().Matches(source).Select(h => h.Groups["name"].Value).ToHashSet(StringComparer.Ordinal);
        return [.. found.Where(f => !used.Contains(f.Name)).Select(f => new SqlText($"{file}:{f.Line}", Space().Replace(Fill(f.Text.ToString(), named, 3), " ").Trim()))];
    }

    // Several literals under one name (a conditional, two methods' locals) are alternatives: all of them are put in, which only asks for more.
    private static string Fill(string text, ILookup<string, string> named, int depth) => depth == 0 ? text : Hole().Replace(
        text,
        hole => named.Contains(hole.Groups["name"].Value)
            ? Fill(string.Join(' ', named[hole.Groups["name"].Value]), named, depth - 1)
            : hole.Value);

    [GeneratedRegex("""
        //[^\n]* | '(\\.|[^'\\\n])' | \$*"{3}(?<raw>.*?)"{3} | \$?@?"(?<plain>(\\.|[^"\\\n])*)"
        """, RegexOptions.ExplicitCapture | RegexOptions.IgnorePatternWhitespace | RegexOptions.Singleline, 5000)]
    private static partial Regex Token();

    [GeneratedRegex(@"^\s*\+\s*$", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Joined();

    [GeneratedRegex(@"(?<name>\w+)\s*=>?\s*$", RegexOptions.ExplicitCapture | RegexOptions.RightToLeft, 1000)]
    private static partial Regex GivenTo();

    [GeneratedRegex(@"\{(?<name>\w+)\}", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Hole();

    [GeneratedRegex(@"\s+", RegexOptions.ExplicitCapture, 1000)]
    private static partial Regex Space();
}
