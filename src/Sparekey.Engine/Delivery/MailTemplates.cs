using System.Globalization;
using System.Text;
using System.Text.Json;
using HandlebarsDotNet;
using Sparekey.Core;

namespace Sparekey.Engine.Delivery;

/// <summary>Words of one language that stand for closed names and times.</summary>
/// <param name="words">The words by set and name, for example <c>requested_by.anonymous</c>.</param>
internal sealed class Phrases(IReadOnlyDictionary<string, string> words)
{
    /// <summary>The phrase of a name.</summary>
    /// <param name="set">The set.</param>
    /// <param name="name">The name; null gives null.</param>
    /// <returns>The phrase; null for a name that has none.</returns>
    public string? Of(string set, string? name) => name is null ? null : words.GetValueOrDefault($"{set}.{name}");

    /// <summary>A time to the minute, in UTC: Sparekey does not know where the person is.</summary>
    /// <param name="time">The time.</param>
    public string Time(DateTimeOffset time)
    {
        var utc = time.UtcDateTime;
        var month = words[$"month.{utc.Month.ToString(CultureInfo.InvariantCulture)}"];
        return string.Format(CultureInfo.InvariantCulture, words["time"], utc.Day, month, utc.Year, utc);
    }
}

/// <summary>
/// The texts of mail, built into the program. Values are data to them: in HTML every value is escaped, in subject and plain text
/// nothing is, because nothing there means anything.
/// </summary>
internal sealed class MailTemplates
{
    /// <summary>The language where a person has named none.</summary>
    public const string DefaultLanguage = "en";

    private readonly Dictionary<string, HandlebarsTemplate<object, object>> _templates = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Phrases> _phrases = new(StringComparer.Ordinal);

    /// <summary>Reads every text: one that is missing or broken stops the start, not a mail.</summary>
    public MailTemplates()
    {
        var plain = Handlebars.Create(new HandlebarsConfiguration { NoEscape = true });
        var escaping = Handlebars.Create();
        foreach (var language in Languages)
        {
            _phrases[language] = new Phrases(JsonSerializer.Deserialize<Dictionary<string, string>>(Read($"{language}/phrases.json"))!);
            foreach (var kind in Enum.GetValues<MessageKind>())
            {
                var name = $"{language}/{WireName.Of(kind)}";
                _templates[$"{name}.subject"] = plain.Compile(Read($"{name}.subject.hbs").Trim());
                _templates[$"{name}.text"] = plain.Compile(Read($"{language}/layout.text.hbs")
                    .Replace("[body]", Read($"{name}.text.hbs").Trim(), StringComparison.Ordinal));
                _templates[$"{name}.html"] = escaping.Compile(Read($"{language}/layout.html.hbs")
                    .Replace("[body]", Read($"{name}.html.hbs").Trim(), StringComparison.Ordinal));
            }
        }
    }

    /// <summary>The languages that there are texts in.</summary>
    public static IReadOnlyList<string> Languages { get; } = ["en", "de"];

    /// <summary>The phrases of a language.</summary>
    /// <param name="language">The language.</param>
    public Phrases PhrasesOf(string language) => _phrases[language];

    /// <summary>Writes a message.</summary>
    /// <param name="kind">What it is for.</param>
    /// <param name="language">In which language.</param>
    /// <param name="model">The values, by name; null or absent where there is none.</param>
    public (string Subject, string Text, string Html) Write(
        MessageKind kind, string language, IReadOnlyDictionary<string, string?> model)
    {
        var name = $"{language}/{WireName.Of(kind)}";
        return (_templates[$"{name}.subject"](model), OneBlankLine(_templates[$"{name}.text"](model)), _templates[$"{name}.html"](model));
    }

    // A paragraph that is left out leaves its blank lines behind.
    private static string OneBlankLine(string text)
    {
        while (text.Contains("\n\n\n", StringComparison.Ordinal))
        {
            text = text.Replace("\n\n\n", "\n\n", StringComparison.Ordinal);
        }

        return text;
    }

    private static string Read(string name)
    {
        using var stream = typeof(MailTemplates).Assembly.GetManifestResourceStream($"mail/{name}")
            ?? throw new InvalidOperationException($"The text mail/{name} is missing.");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
