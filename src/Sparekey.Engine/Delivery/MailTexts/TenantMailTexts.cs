using System.Collections.Concurrent;
using System.Text.Json;
using Sparekey.Core;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Delivery.MailTexts;

/// <summary>The text of a message for one person of one tenant.</summary>
/// <param name="Language">In which language.</param>
/// <param name="Mail">The text, read when it is asked for.</param>
/// <param name="Phrases">Its words for closed names.</param>
/// <param name="Settings">How the tenant's mail presents itself.</param>
internal sealed record ChosenMailText(string Language, Lazy<CompiledMail> Mail, Phrases Phrases, MailSettings Settings);

/// <summary>Chooses texts: a tenant's own before a built-in one, in the best language that there is one in.</summary>
/// <param name="store">The tenants' own texts.</param>
/// <param name="templates">The built-in ones.</param>
internal sealed class TenantMailTexts(MailTextStore store, MailTemplates templates)
{
    private const int MostCompiled = 1000;

    // By revision: what was compiled stays right for ever. It is dropped as a whole when there are too many.
    private readonly ConcurrentDictionary<(string Text, string Layout), CompiledMail> _compiled = new();

    /// <summary>Chooses the text of a message.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="name">The message.</param>
    /// <param name="locale">What the person named; null for nothing.</param>
    /// <param name="trial">A text to try in the place of the one that holds.</param>
    public async Task<ChosenMailText> Choose(DbSession db, TenantId tenant, string name, string? locale, MailText? trial = null)
    {
        var settings = await store.Settings(db, tenant);
        var own = await store.For(db, tenant, name);
        var candidates = MailLocale.Candidates(locale, settings.Locale);
        var text = trial is null ? Find(own, name, candidates) : new OwnMailText(name, locale!, trial, 0, default);

        // The layout and the words are those of the text's own language, where there are any.
        var around = MailLocale.Candidates(text.Locale, settings.Locale);
        var layout = Find(own, MailTemplates.Layout, around);
        var mail = new Lazy<CompiledMail>(() =>
            trial is not null ? new CompiledMail(trial, layout.Content)
            : text.Revision.Length == 0 && layout.Revision.Length == 0 && text.Locale == layout.Locale ? templates.Compiled(name, text.Locale)
            : Compiled(text, layout));
        return new ChosenMailText(text.Locale, mail, PhrasesOf(own, around), settings);
    }

    private OwnMailText Find(IReadOnlyList<OwnMailText> own, string name, IReadOnlyList<string> candidates) =>
        candidates
            .Select(locale => own.FirstOrDefault(t => t.Name == name && t.Locale == locale)
                ?? (templates.TextOf(name, locale) is { } builtIn ? new OwnMailText(name, locale, builtIn, 0, default) : null))
            .OfType<OwnMailText>()
            .First();

    private Phrases PhrasesOf(IReadOnlyList<OwnMailText> own, IReadOnlyList<string> candidates)
    {
        var builtIn = templates.PhrasesOf(candidates.FirstOrDefault(c => MailTemplates.Languages.Contains(c, StringComparer.Ordinal)) ?? MailTemplates.DefaultLanguage);
        var found = own.FirstOrDefault(t => t.Name == MailTemplates.Phrases && t.Locale == candidates[0])
            ?? own.FirstOrDefault(t => t.Name == MailTemplates.Phrases && candidates[0].StartsWith($"{t.Locale}-", StringComparison.Ordinal));
        return found is null ? builtIn : builtIn.With(JsonSerializer.Deserialize<Dictionary<string, string>>(found.Content.Text)!);
    }

    private CompiledMail Compiled(OwnMailText text, OwnMailText layout)
    {
        if (_compiled.Count >= MostCompiled)
        {
            _compiled.Clear();
        }

        return _compiled.GetOrAdd((KeyOf(text), KeyOf(layout)), _ => new CompiledMail(text.Content, layout.Content));
    }

    private static string KeyOf(OwnMailText text) => text.Revision.Length > 0 ? text.Revision : $"{text.Name}/{text.Locale}";
}
