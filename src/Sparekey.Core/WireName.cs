using System.Collections.Frozen;
using System.Text;

namespace Sparekey.Core;

/// <summary>How the members of a closed set are written in JSON, tables and the ledger: snake_case of their names.</summary>
public static class WireName
{
    /// <summary>The name of a member.</summary>
    /// <param name="value">A member of the set.</param>
    public static string Of<TEnum>(TEnum value)
        where TEnum : struct, Enum => Names<TEnum>.ByValue[value];

    /// <summary>Reads a name. False when the set has no such member; case matters.</summary>
    /// <param name="text">The name.</param>
    /// <param name="value">The member.</param>
    public static bool TryParse<TEnum>(string? text, out TEnum value)
        where TEnum : struct, Enum
    {
        value = default;
        return text is not null && Names<TEnum>.ByName.TryGetValue(text, out value);
    }

    /// <summary>Reads a name that the program itself wrote.</summary>
    /// <param name="text">The name.</param>
    public static TEnum Parse<TEnum>(string text)
        where TEnum : struct, Enum => Names<TEnum>.ByName[text];

    /// <summary>All names of a set, in the order of its members.</summary>
    public static IReadOnlyList<string> All<TEnum>()
        where TEnum : struct, Enum => Enum.GetValues<TEnum>().Select(Of).ToList();

    private static string SnakeCase(string name)
    {
        var text = new StringBuilder(name.Length + 4);
        foreach (var c in name)
        {
            if (char.IsAsciiLetterUpper(c) && text.Length > 0)
            {
                text.Append('_');
            }

            text.Append(char.ToLowerInvariant(c));
        }

        return text.ToString();
    }

    private static class Names<TEnum>
        where TEnum : struct, Enum
    {
        public static readonly FrozenDictionary<TEnum, string> ByValue =
            Enum.GetValues<TEnum>().ToFrozenDictionary(v => v, v => SnakeCase(v.ToString()));

        public static readonly FrozenDictionary<string, TEnum> ByName =
            ByValue.ToFrozenDictionary(p => p.Value, p => p.Key, StringComparer.Ordinal);
    }
}
