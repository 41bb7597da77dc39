using System.Text.Json;
using HandlebarsDotNet;
using Sparekey.Core;

namespace Sparekey.Engine.Delivery.MailTexts;

/// <summary>
/// Checks a text that a tenant wrote. Of Handlebars it may use values, <c>if</c> and <c>unless</c>: no loop that never ends, no value
/// that is not escaped in HTML, no name that nobody fills. What the built-in text must carry, the link, the code, the way to say
/// "this was not me", it must carry too (SP 800-63B-4 §4.6).
/// </summary>
internal static class MailTextCheck
{
    private const int LongestSubject = 500;
    private const int LongestText = 32 * 1024;
    private const int LongestHtml = 64 * 1024;
    private const int LongestPhrase = 200;
    private const int DeepestNesting = 8;

    private static readonly string[] Carried = ["secret", "code", "not_me_link", "decide_link"];

    /// <summary>Checks.</summary>
    /// <param name="name">Which text it shall be.</param>
    /// <param name="text">The text.</param>
    /// <param name="templates">The built-in texts.</param>
    /// <param name="sample">A value for every name that may stand in it.</param>
    /// <returns>Null, or <see cref="RefusalCode.InvalidRequest"/> with every fault.</returns>
    public static Refusal? Check(string name, MailText text, MailTemplates templates, IReadOnlyDictionary<string, string?> sample)
    {
        var faults = new List<FieldFault>();
        var message = name is not (MailTemplates.Layout or MailTemplates.Phrases);
        CheckMember("/subject", text.Subject, message, LongestSubject, faults);
        CheckMember("/text", text.Text, true, LongestText, faults);
        CheckMember("/html", text.Html, name != MailTemplates.Phrases, LongestHtml, faults);
        if (faults.Count == 0 && name == MailTemplates.Phrases)
        {
            CheckPhrases(text.Text, templates, faults);
        }
        else if (faults.Count == 0)
        {
            CheckTags("/subject", text.Subject ?? "", sample, faults);
            CheckTags("/text", text.Text, sample, faults);
            CheckTags("/html", text.Html!, sample, faults);
            CheckWriting(name, text, templates, sample, faults);
        }

        return faults.Count == 0 ? null : new Refusal(RefusalCode.InvalidRequest) { Faults = faults };
    }

    private static void CheckMember(string pointer, string? value, bool wanted, int longest, List<FieldFault> faults)
    {
        if (wanted == string.IsNullOrWhiteSpace(value))
        {
            faults.Add(new FieldFault(pointer, wanted ? "It must be given." : "There is none of this text."));
        }
        else if (value?.Length > longest)
        {
            faults.Add(new FieldFault(pointer, $"At most {longest} characters."));
        }
    }

    private static void CheckTags(string pointer, string text, IReadOnlyDictionary<string, string?> sample, List<FieldFault> faults)
    {
        var depth = 0;
        for (var at = text.IndexOf("{{", StringComparison.Ordinal); at >= 0 && faults.Count < 20; at = text.IndexOf("{{", at, StringComparison.Ordinal))
        {
            var end = text.IndexOf("}}", at, StringComparison.Ordinal);
            var tag = end < 0 ? "" : text[(at + 2)..end];
            var words = tag.Trim('~').Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            depth += words is ["#if" or "#unless", ..] ? 1 : words is ["/if" or "/unless"] ? -1 : 0;
            if (end < 0 || depth > DeepestNesting || !IsKnown(words, tag, sample))
            {
                var line = text.AsSpan(0, at).Count('\n') + 1;
                faults.Add(new FieldFault(
                    pointer,
                    $"Line {line}: only {{{{name}}}}, {{{{#if name}}}}, {{{{#unless name}}}}, {{{{else}}}} and their ends may stand here, {DeepestNesting} deep, and names that there are."));
            }

            at = end < 0 ? text.Length : end + 2;
        }
    }

    private static bool IsKnown(string[] words, string tag, IReadOnlyDictionary<string, string?> sample) => words switch
    {
        ["else"] or ["/if"] or ["/unless"] => true,
        ["#if" or "#unless", var name] => sample.ContainsKey(name),
        [var name] => sample.ContainsKey(name),
        _ => false,
    } && !tag.Contains('{', StringComparison.Ordinal);

    private static void CheckWriting(
        string name, MailText text, MailTemplates templates, IReadOnlyDictionary<string, string?> sample, List<FieldFault> faults)
    {
        var isLayout = name == MailTemplates.Layout;
        foreach (var (pointer, member) in new[] { ("/text", text.Text), ("/html", text.Html!) })
        {
            if (isLayout != (member.Split(MailTemplates.Body).Length == 2))
            {
                faults.Add(new FieldFault(pointer, isLayout ? "A layout says [body] once." : "[body] stands in a layout only."));
            }
        }

        if (faults.Count > 0)
        {
            return;
        }

        try
        {
            // What every message carries stands for the layout, so that one which hides its text is found out.
            var subject = isLayout ? WireName.Of(MessageKind.RecoveryLink) : name;
            var written = isLayout
                ? new CompiledMail(templates.TextOf(subject, MailTemplates.DefaultLanguage)!, text)
                : new CompiledMail(text, templates.TextOf(MailTemplates.Layout, MailTemplates.DefaultLanguage)!);
            var expected = templates.Compiled(subject, MailTemplates.DefaultLanguage).Write(sample);
            var carried = Carried.Where(c => expected.Text.Contains(sample[c]!, StringComparison.Ordinal)).ToList();
            CheckCarried(written.Write(sample), carried, sample, faults);

            // Nor may it hang on a value that is not always there.
            CheckCarried(written.Write(carried.ToDictionary(c => c, c => sample[c], StringComparer.Ordinal)), carried, sample, faults);
        }
        catch (HandlebarsException e)
        {
            // The library's words name the place and the tag, nothing of ours.
            faults.Add(new FieldFault("/text", $"It cannot be read: {e.Message[..Math.Min(e.Message.Length, 200)]}"));
        }
    }

    private static void CheckCarried(
        MailPreview written, IReadOnlyList<string> carried, IReadOnlyDictionary<string, string?> sample, List<FieldFault> faults)
    {
        foreach (var (pointer, member) in new[] { ("/text", written.Text), ("/html", written.Html) })
        {
            faults.AddRange(carried
                .Where(c => !member.Contains(sample[c]!, StringComparison.Ordinal))
                .Select(c => new FieldFault(pointer, $"It must always say {{{{{c}}}}}."))
                .Where(f => !faults.Contains(f)));
        }
    }

    private static void CheckPhrases(string text, MailTemplates templates, List<FieldFault> faults)
    {
        Dictionary<string, string>? words;
        try
        {
            words = JsonSerializer.Deserialize<Dictionary<string, string>>(text);
        }
        catch (JsonException)
        {
            words = null;
        }

        var builtIn = templates.PhrasesOf(MailTemplates.DefaultLanguage);
        var known = builtIn.Names.ToHashSet(StringComparer.Ordinal);
        if (words is null || words.Any(w => !known.Contains(w.Key) || w.Value is not { Length: > 0 and <= LongestPhrase }))
        {
            faults.Add(new FieldFault("/text", $"A JSON object whose members are among those of the built-in phrases, with texts of at most {LongestPhrase} characters."));
        }
        else if (words.GetValueOrDefault(Phrases.TimeFormat) is { } format && !IsTimeFormat(format))
        {
            faults.Add(new FieldFault("/text", "time takes {0} day, {1} month, {2} year and {3:HH:mm} time, and nothing else."));
        }
    }

    // Widths ({0,999999999}) and formats of a caller's choice could fill the memory.
    private static bool IsTimeFormat(string format) =>
        !format.Replace("{0}", "", StringComparison.Ordinal).Replace("{1}", "", StringComparison.Ordinal).Replace("{2}", "", StringComparison.Ordinal)
            .Replace("{3:HH:mm}", "", StringComparison.Ordinal).AsSpan().ContainsAny('{', '}');
}
