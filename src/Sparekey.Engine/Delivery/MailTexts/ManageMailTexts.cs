using System.Buffers;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Delivery.MailTexts;

/// <summary>
/// Reads and changes what a tenant's mail says. Every person's way back passes through these texts, so the caller's ceiling must be the
/// highest role.
/// </summary>
public sealed class ManageMailTexts
{
    private const int MostTexts = 500;
    private const int LongestFromName = 64;

    private static readonly SearchValues<char> NotInNames = SearchValues.Create("@<>\"\\,;:");

    // Like a secret, it is worth nothing when it comes late.
    private static readonly TimeSpan TestLifetime = TimeSpan.FromHours(1);

    private readonly Acts _acts;
    private readonly MailTextStore _store;
    private readonly MailTemplates _templates;
    private readonly TenantMailTexts _texts;
    private readonly MailComposer _composer;
    private readonly AccountStore _accounts;
    private readonly TenantActs _tenant;

    internal ManageMailTexts(
        Acts acts, MailTextStore store, MailTemplates templates, TenantMailTexts texts, MailComposer composer, AccountStore accounts,
        TenantActs tenant)
    {
        _acts = acts;
        _store = store;
        _templates = templates;
        _texts = texts;
        _composer = composer;
        _accounts = accounts;
        _tenant = tenant;
    }

    /// <summary>Every text that there is: the tenant's own, and the built-in ones in whose place none stands. Built-in texts have version 0.</summary>
    /// <param name="caller">Who reads; holds <c>tenant:admin</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<ImmutableArray<OwnMailText>> List(Caller caller, CancellationToken cancellationToken)
    {
        var own = await _acts.Read(db => _store.List(db, caller.Tenant), cancellationToken);
        return
        [
            .. own.Concat(
                    from name in MailTemplates.Names
                    from language in MailTemplates.Languages
                    where !own.Any(t => t.Name == name && t.Locale == language)
                    select BuiltIn(name, language))
                .OrderBy(t => t.Name, StringComparer.Ordinal)
                .ThenBy(t => t.Locale, StringComparer.Ordinal),
        ];
    }

    /// <summary>One text, the tenant's own before the built-in one.</summary>
    /// <param name="caller">Who reads; holds <c>tenant:admin</c>.</param>
    /// <param name="name">Its name.</param>
    /// <param name="locale">Its language.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The text, or <see cref="RefusalCode.MailTextNotFound"/>.</returns>
    public async Task<Result<OwnMailText>> Read(Caller caller, string name, string locale, CancellationToken cancellationToken) =>
        await _acts.Read(db => Find(db, caller.Tenant, name, locale), cancellationToken) is { } found ? found : RefusalCode.MailTextNotFound;

    /// <summary>The names that may stand in texts.</summary>
    /// <param name="caller">Who reads.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<ImmutableArray<string>> Variables(Caller caller, CancellationToken cancellationToken) =>
        [.. (await _acts.Read(db => Sample(db, caller.Tenant, MailTemplates.DefaultLanguage), cancellationToken)).Keys.Order(StringComparer.Ordinal)];

    /// <summary>Puts a text in the place of the built-in one, or of the tenant's former one. What waits in the outbox leaves with it.</summary>
    /// <param name="caller">Who changes it.</param>
    /// <param name="name">Its name.</param>
    /// <param name="locale">Its language.</param>
    /// <param name="text">The text.</param>
    /// <param name="expected">The version that the writer saw; 0 for the built-in text, or none.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The text; or <see cref="RefusalCode.MailTextNotFound"/> for a name that there is not, <see cref="RefusalCode.InvalidRequest"/> with
    /// every fault, <see cref="RefusalCode.VersionConflict"/>, <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public Task<Result<OwnMailText>> Put(
        Caller caller, string name, string locale, MailText text, int expected, CancellationToken cancellationToken) =>
        _tenant.Write<OwnMailText>(
            caller,
            async act =>
            {
                if (Misnamed(name, locale) is { } misnamed)
                {
                    return misnamed;
                }

                var before = await _store.Find(act.Db, act.Tenant, name, locale);
                var refusal = (before?.Version ?? 0) != expected
                    ? new Refusal(RefusalCode.VersionConflict, $"The text is at version {before?.Version ?? 0}.")
                    : before is null && await _store.Count(act.Db, act.Tenant) >= MostTexts
                        ? new Refusal(RefusalCode.InvalidRequest, $"A tenant has at most {MostTexts} texts of its own.")
                        : MailTextCheck.Check(name, text, _templates, await Sample(act.Db, act.Tenant, locale));
                if (refusal is not null)
                {
                    return refusal;
                }

                var next = new OwnMailText(name, locale, text, expected + 1, act.Now) { Revision = NewId.Make<EntryId>().ToString() };
                await _store.Put(act, next, caller.Principal);
                await Record(act, LedgerEvent.MailTextChanged, caller, ("name", name), ("locale", locale), ("version", next.Version), ("sha256", DigestOf(text)));
                return next;
            },
            cancellationToken);

    /// <summary>Takes the tenant's own text away; the built-in one holds again.</summary>
    /// <param name="caller">Who does it.</param>
    /// <param name="name">Its name.</param>
    /// <param name="locale">Its language.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>Null; or <see cref="RefusalCode.MailTextNotFound"/>, <see cref="RefusalCode.AboveCeiling"/>.</returns>
    public async Task<Refusal?> Remove(Caller caller, string name, string locale, CancellationToken cancellationToken) =>
        (await _tenant.Write<string>(
            caller,
            async act =>
            {
                if (await _store.Remove(act, name, locale) == 0)
                {
                    return RefusalCode.MailTextNotFound;
                }

                await Record(act, LedgerEvent.MailTextRemoved, caller, ("name", name), ("locale", locale));
                return name;
            },
            cancellationToken)).Refusal;

    /// <summary>Shows how a message would look. Nothing is kept and nothing is sent.</summary>
    /// <param name="caller">Who looks; holds <c>tenant:admin</c>.</param>
    /// <param name="name">Which message.</param>
    /// <param name="locale">In which language.</param>
    /// <param name="text">The text to try; null for the one that holds.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>
    /// The mail, with values that mean nothing; or <see cref="RefusalCode.MailTextNotFound"/>, <see cref="RefusalCode.InvalidRequest"/> with
    /// every fault.
    /// </returns>
    public Task<Result<MailPreview>> Preview(
        Caller caller, string name, string locale, MailText? text, CancellationToken cancellationToken) =>
        _acts.Read<Result<MailPreview>>(
            async db =>
            {
                if ((Misnamed(name, locale) ?? NoMessage(name)) is { } misnamed)
                {
                    return misnamed;
                }

                var chosen = await _texts.Choose(db, caller.Tenant, name, locale, text);
                var sample = await _composer.Sample(db, caller.Tenant, chosen.Phrases, _acts.Now);
                return text is not null && MailTextCheck.Check(name, text, _templates, sample) is { } wrong
                    ? wrong
                    : chosen.Mail.Value.Write(sample);
            },
            cancellationToken);

    /// <summary>Sends a message that means nothing to the addresses of an account, so that somebody sees how it arrives.</summary>
    /// <param name="caller">Who does it.</param>
    /// <param name="name">Which message.</param>
    /// <param name="locale">In which language.</param>
    /// <param name="account">Whose addresses: those that take notices. Others would make the server anybody's mailer.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>Null; or <see cref="RefusalCode.MailTextNotFound"/>, <see cref="RefusalCode.AccountNotFound"/>, <see cref="RefusalCode.AboveCeiling"/>.</returns>
    public async Task<Refusal?> SendTest(
        Caller caller, string name, string locale, AccountId account, CancellationToken cancellationToken) =>
        (await _tenant.Write<string>(
            caller,
            async act =>
            {
                if ((Misnamed(name, locale) ?? NoMessage(name)) is { } misnamed)
                {
                    return misnamed;
                }

                if (await _accounts.Find(act.Db, act.Tenant, account) is null)
                {
                    return RefusalCode.AccountNotFound;
                }

                var values = await _composer.SampleValues(act.Db, act.Tenant);
                values[MailComposer.TestLocale] = locale;
                await act.Send(new OutboxMessage(WireName.Parse<MessageKind>(name), account)
                {
                    Values = values,
                    ExpiresAt = act.Now + TestLifetime,
                });
                await Record(act, LedgerEvent.MailTestSent, caller, ("name", name), ("locale", locale), ("account", account.ToString()));
                return name;
            },
            cancellationToken)).Refusal;

    /// <summary>How the tenant's mail presents itself.</summary>
    /// <param name="caller">Who reads; holds <c>tenant:admin</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<MailSettings> ReadSettings(Caller caller, CancellationToken cancellationToken) =>
        _acts.Read(db => _store.Settings(db, caller.Tenant), cancellationToken);

    /// <summary>Changes how the tenant's mail presents itself.</summary>
    /// <param name="caller">Who changes it.</param>
    /// <param name="wanted">What shall hold; its version is the one that the writer saw.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// What holds now; or <see cref="RefusalCode.InvalidRequest"/>, <see cref="RefusalCode.VersionConflict"/>,
    /// <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public Task<Result<MailSettings>> PutSettings(Caller caller, MailSettings wanted, CancellationToken cancellationToken) =>
        _tenant.Write<MailSettings>(
            caller,
            async act =>
            {
                var before = await _store.Settings(act.Db, act.Tenant);
                if (before.Version != wanted.Version)
                {
                    return new Refusal(RefusalCode.VersionConflict, $"The settings are at version {before.Version}.");
                }

                var faults = new List<FieldFault>();
                if (wanted.FromName is { } name && !IsFromName(name))
                {
                    faults.Add(new FieldFault("/from_name", $"A name of at most {LongestFromName} characters, without an address."));
                }

                if (MailLocale.Read(wanted.Locale) != wanted.Locale)
                {
                    faults.Add(new FieldFault("/locale", "A language: de, pt-br."));
                }

                if (faults.Count > 0)
                {
                    return new Refusal(RefusalCode.InvalidRequest) { Faults = faults };
                }

                var next = wanted with { Version = before.Version + 1 };
                await _store.PutSettings(act, next);
                await Record(act, LedgerEvent.MailSettingsChanged, caller, ("version", next.Version), ("locale", next.Locale));
                return next;
            },
            cancellationToken);

    // It stands in a header, and before the eyes of somebody who asks themselves whether to trust it: nothing that ends a line, nothing
    // that looks like another sender.
    private static bool IsFromName(string name) =>
        name.Trim().Length == name.Length && name.Length is > 0 and <= LongestFromName
        && name.All(c => !char.IsControl(c) && !char.IsSurrogate(c) && char.GetUnicodeCategory(c) is not (
            System.Globalization.UnicodeCategory.Format or System.Globalization.UnicodeCategory.LineSeparator or System.Globalization.UnicodeCategory.ParagraphSeparator))
        && !name.AsSpan().ContainsAny(NotInNames);

    private static Refusal? Misnamed(string name, string locale) =>
        !MailTemplates.Names.Contains(name, StringComparer.Ordinal) ? RefusalCode.MailTextNotFound
        : MailLocale.Read(locale) != locale
            ? new Refusal(RefusalCode.InvalidRequest, "A language is a tag in lower case: de, pt-br.")
            : null;

    private static Refusal? NoMessage(string name) =>
        name is MailTemplates.Layout or MailTemplates.Phrases
            ? new Refusal(RefusalCode.InvalidRequest, "Look at a message: the layout and the phrases are part of each.")
            : null;

    private OwnMailText BuiltIn(string name, string language) =>
        new(name, language, _templates.TextOf(name, language)!, 0, DateTimeOffset.UnixEpoch);

    private async Task<OwnMailText?> Find(Storage.DbSession db, TenantId tenant, string name, string locale) =>
        await _store.Find(db, tenant, name, locale) ?? (_templates.TextOf(name, locale) is null ? null : BuiltIn(name, locale));

    private Task<IReadOnlyDictionary<string, string?>> Sample(Storage.DbSession db, TenantId tenant, string language) =>
        _composer.Sample(db, tenant, _templates.PhrasesOf(language), _acts.Now);

    private static string DigestOf(MailText text) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{text.Subject}\0{text.Text}\0{text.Html}")));

    private static Task Record(Act act, LedgerEvent happened, Caller caller, params ReadOnlySpan<(string Name, object? Value)> facts) =>
        act.Record(new LedgerEntry(happened, caller.Principal) { Facts = SessionLedger.Facts(caller, facts) });
}
