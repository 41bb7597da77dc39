using System.Collections.Concurrent;
using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using System.Text.Json;
using HandlebarsDotNet;
using Sparekey.Core;
using Sparekey.Engine.Delivery.MailTexts;

namespace Sparekey.Engine.Delivery;

/// <summary>Words of one language that stand for closed names and times.</summary>
/// <param name="words">The words by set and name, for example <c>requested_by.anonymous</c>.</param>
internal sealed class Phrases(IReadOnlyDictionary<string, string> words)
{
    /// <summary>The word that says how a time is written: day, month, year, and the time itself.</summary>
    public const string TimeFormat = "time";

    /// <summary>What there are words for.</summary>
    public IEnumerable<string> Names => words.Keys;

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
        return string.Format(CultureInfo.InvariantCulture, words[TimeFormat], utc.Day, month, utc.Year, utc);
    }

    /// <summary>These, and others in the place of some.</summary>
    /// <param name="own">The others.</param>
    public Phrases With(IReadOnlyDictionary<string, string> own) =>
        new(words.Concat(own).GroupBy(w => w.Key, StringComparer.Ordinal).ToFrozenDictionary(g => g.Key, g => g.Last().Value, StringComparer.Ordinal));
}

/// <summary>The text of one message within its layout, ready to be filled in.</summary>
internal sealed class CompiledMail
{
    private static readonly IHandlebars Plain = Handlebars.Create(new HandlebarsConfiguration { NoEscape = true });
    private static readonly IHandlebars Escaping = Handlebars.Create();

    private readonly HandlebarsTemplate<object, object> _subject;
    private readonly HandlebarsTemplate<object, object> _text;
    private readonly HandlebarsTemplate<object, object> _html;

    /// <summary>Reads a text.</summary>
    /// <param name="content">The text.</param>
    /// <param name="layout">What stands around it, with <c>[body]</c> in its place.</param>
    /// <exception cref="HandlebarsException">It cannot be read.</exception>
    public CompiledMail(MailText content, MailText layout)
    {
        _subject = Plain.Compile((content.Subject ?? "").Trim());
        _text = Plain.Compile(layout.Text.Replace(MailTemplates.Body, content.Text.Trim(), StringComparison.Ordinal));
        _html = Escaping.Compile((layout.Html ?? MailTemplates.Body).Replace(MailTemplates.Body, (content.Html ?? "").Trim(), StringComparison.Ordinal));
    }

    /// <summary>Writes a message.</summary>
    /// <param name="model">The values, by name; null or absent where there is none.</param>
    public MailPreview Write(IReadOnlyDictionary<string, string?> model) => new(_subject(model), OneBlankLine(_text(model)), _html(model));

    // A paragraph that is left out leaves its blank lines behind.
    private static string OneBlankLine(string text)
    {
        while (text.Contains("\n\n\n", StringComparison.Ordinal))
        {
            text = text.Replace("\n\n\n", "\n\n", StringComparison.Ordinal);
        }

        return text;
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

    /// <summary>The name of what stands around every text.</summary>
    public const string Layout = "layout";

    /// <summary>The name of the words for closed names.</summary>
    public const string Phrases = "phrases";

    /// <summary>Where in a layout the text stands.</summary>
    public const string Body = "[body]";

    // Built into the program, so that they are the same for all of it; compiling them all would be most of a start.
    private static readonly ConcurrentDictionary<(string Name, string Language), CompiledMail> Compilations = new();

    private readonly Dictionary<(string Name, string Language), MailText> _texts = [];
    private readonly Dictionary<string, Phrases> _phrases = new(StringComparer.Ordinal);

    /// <summary>Reads every text: one that is missing stops the start, not a mail.</summary>
    public MailTemplates()
    {
        foreach (var language in Languages)
        {
            var phrases = Read($"{language}/phrases.json");
            _phrases[language] = new Phrases(JsonSerializer.Deserialize<Dictionary<string, string>>(phrases)!);
            _texts[(Phrases, language)] = new MailText(null, phrases, null);
            _texts[(Layout, language)] = new MailText(null, Read($"{language}/layout.text.hbs"), Read($"{language}/layout.html.hbs"));
            foreach (var name in WireName.All<MessageKind>())
            {
                _texts[(name, language)] = new MailText(
                    Read($"{language}/{name}.subject.hbs").Trim(), Read($"{language}/{name}.text.hbs"), Read($"{language}/{name}.html.hbs"));
            }
        }
    }

    /// <summary>The languages that there are texts in.</summary>
    public static IReadOnlyList<string> Languages { get; } = ["en", "de"];

    /// <summary>The names of all texts, in the order in which they are shown.</summary>
    public static IReadOnlyList<string> Names { get; } = [Layout, Phrases, .. WireName.All<MessageKind>()];

    /// <summary>The phrases of a language.</summary>
    /// <param name="language">The language; where there are none in it, the default ones.</param>
    public Phrases PhrasesOf(string language) => _phrases.GetValueOrDefault(language) ?? _phrases[DefaultLanguage];

    /// <summary>A text as it is written.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="language">Its language.</param>
    /// <returns>The text; null where there is none in this language.</returns>
    public MailText? TextOf(string name, string language) => _texts.GetValueOrDefault((name, language));

    /// <summary>A text within its layout.</summary>
    /// <param name="name">The text's name.</param>
    /// <param name="language">One of <see cref="Languages"/>.</param>
    public CompiledMail Compiled(string name, string language) =>
        Compilations.GetOrAdd((name, language), key => new CompiledMail(_texts[key], _texts[(Layout, key.Language)]));

    private static string Read(string name)
    {
        using var stream = typeof(MailTemplates).Assembly.GetManifestResourceStream($"mail/{name}")
            ?? throw new InvalidOperationException($"The text mail/{name} is missing.");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd().ReplaceLineEndings("\n");
    }
}
