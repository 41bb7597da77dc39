using System.Collections.Frozen;
using System.Text.Json;

namespace Sparekey.Server.Pages;

/// <summary>
/// The texts of the pages in one language: <c>Texts/&lt;language&gt;.json</c>, one object of names and texts. A further language is a
/// further file; a test holds every file to the same names.
/// </summary>
internal sealed class Words
{
    private static readonly FrozenDictionary<string, Words> All = ReadAll();

    private readonly FrozenDictionary<string, string> _texts;

    private Words(string language, FrozenDictionary<string, string> texts)
    {
        Language = language;
        _texts = texts;
    }

    /// <summary>The languages there are.</summary>
    public static IReadOnlyCollection<string> Languages => All.Keys;

    /// <summary>The language, as <c>lang</c> says it.</summary>
    public string Language { get; }

    /// <summary>The names of all texts.</summary>
    public IReadOnlyCollection<string> Names => _texts.Keys;

    /// <summary>A text.</summary>
    /// <param name="name">Its name.</param>
    public string this[string name] => _texts[name];

    /// <summary>A text that there may be.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The text; null where there is none of the name.</returns>
    public string? Find(string name) => _texts.GetValueOrDefault(name);

    /// <summary>The texts a browser asks for (RFC 9110 §12.5.4), else English.</summary>
    /// <param name="acceptLanguage">The header.</param>
    public static Words For(string? acceptLanguage)
    {
        var wanted = (acceptLanguage ?? "").Split(',')
            .Select(part => part.Split(';'))
            .Select(part => (Language: part[0].Trim().Split('-')[0].ToLowerInvariant(), Weight: WeightOf(part)))
            .Where(part => part.Weight > 0 && All.ContainsKey(part.Language))
            .OrderByDescending(part => part.Weight)
            .Select(part => part.Language)
            .FirstOrDefault();
        return All[wanted ?? "en"];
    }

    /// <summary>A text with values in its places <c>{0}</c>, <c>{1}</c>.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="values">The values.</param>
    public string Fill(string name, params ReadOnlySpan<string> values)
    {
        var text = this[name];
        for (var i = 0; i < values.Length; i++)
        {
            text = text.Replace($"{{{i}}}", values[i], StringComparison.Ordinal);
        }

        return text;
    }

    private static double WeightOf(string[] part) =>
        part.Length < 2 ? 1
        : part[1].Trim() is ['q', '=', .. var weight]
            && double.TryParse(weight, System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture, out var q) ? q
        : 0;

    private static FrozenDictionary<string, Words> ReadAll()
    {
        const string prefix = "texts/";
        var assembly = typeof(Words).Assembly;
        return assembly.GetManifestResourceNames()
            .Where(n => n.StartsWith(prefix, StringComparison.Ordinal))
            .Select(n =>
            {
                using var stream = assembly.GetManifestResourceStream(n)!;
                var texts = JsonSerializer.Deserialize<Dictionary<string, string>>(stream)!;
                return new Words(n[prefix.Length..^".json".Length], texts.ToFrozenDictionary(StringComparer.Ordinal));
            })
            .ToFrozenDictionary(w => w.Language, StringComparer.Ordinal);
    }
}
