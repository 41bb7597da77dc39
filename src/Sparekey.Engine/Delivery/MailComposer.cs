using System.Text.Json;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Delivery;

/// <summary>A mail that is ready to leave.</summary>
/// <param name="Mail">The mail.</param>
/// <param name="Address">The account's address that it goes to; null when the account does not have it (any more).</param>
internal sealed record ComposedMail(Mail Mail, AddressId? Address);

/// <summary>Writes the mail of a message in the person's language.</summary>
/// <param name="accounts">Knows the person's language.</param>
/// <param name="applications">Knows what the application is called.</param>
/// <param name="pages">Knows where the person's pages are.</param>
/// <param name="templates">The texts.</param>
/// <param name="keys">Opens what the message says.</param>
internal sealed class MailComposer(
    AccountStore accounts, ApplicationStore applications, RecoveryPages pages, MailTemplates templates, KeyRing keys)
{
    /// <summary>Writes the mail of a message with one recipient.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="message">The message.</param>
    /// <returns>The mail; null when what it says cannot be read (any more).</returns>
    public async Task<ComposedMail?> Compose(DbSession db, TenantId tenant, QueuedMessage message)
    {
        if (MessagePayload.Open(keys, tenant, message.Id, message.Sealed) is not { To: [var to, ..], Values: var values })
        {
            return null;
        }

        var account = await accounts.Find(db, tenant, message.Account);
        var application = Ids.TryParse<ApplicationId>(values.GetValueOrDefault("application"), out var id)
            ? await applications.Find(db, tenant, id)
            : null;
        application ??= await applications.FindDefault(db, tenant);
        var language = LanguageOf(account);
        var model = Model(message, values, language, application);
        var (subject, text, html) = templates.Write(message.Kind, language, model);
        var form = Identifier.Normalize(to.Value);
        var address = account?.Addresses.FirstOrDefault(a => form is not null && Identifier.Normalize(a.Value) == form);
        return new ComposedMail(new Mail(message.Id.ToString(), to.Value, language, subject, text, html), address?.Id);
    }

    /// <summary>The language that a person is written to in: the trait <c>locale</c>, where there are texts in it.</summary>
    /// <param name="account">The person; null when they are gone.</param>
    internal static string LanguageOf(Account? account)
    {
        using var traits = JsonDocument.Parse(account?.Traits ?? "{}");
        var locale = traits.RootElement.ValueKind == JsonValueKind.Object
            && traits.RootElement.TryGetProperty("locale", out var value) && value.ValueKind == JsonValueKind.String
                ? value.GetString()!
                : "";
        var language = locale.Split('-', '_')[0].ToLowerInvariant();
        return MailTemplates.Languages.Contains(language, StringComparer.Ordinal) ? language : MailTemplates.DefaultLanguage;
    }

    // Closed names become phrases of the language; what is not among them is left out, never shown raw.
    private Dictionary<string, string?> Model(
        QueuedMessage message, IReadOnlyDictionary<string, string> values, string language, Application? application)
    {
        var phrases = templates.PhrasesOf(language);
        return new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["application"] = pages.NameOf(application),
            ["when"] = phrases.Time(message.CreatedAt),
            ["until"] = message.ExpiresAt is { } expires ? phrases.Time(expires) : null,
            ["page"] = values.GetValueOrDefault("page") ?? pages.Recover(application).AbsoluteUri,
            ["secret"] = values.GetValueOrDefault("secret"),
            ["code"] = values.GetValueOrDefault("code"),
            ["not_me_link"] = values.GetValueOrDefault(MessageAddressing.NotMeLink),
            ["address"] = values.GetValueOrDefault("address"),
            ["left"] = values.GetValueOrDefault("left"),
            ["kept"] = values.GetValueOrDefault("kept"),
            ["session"] = values.GetValueOrDefault("into") == "session" ? "session" : null,
            ["requester"] = phrases.Of("requested_by", values.GetValueOrDefault("requested_by")),
            ["means"] = phrases.Of("means", values.GetValueOrDefault("means")),
            ["credential"] = phrases.Of("credential", values.GetValueOrDefault("credential")),
            ["change"] = phrases.Of("change", values.GetValueOrDefault("change")),
            ["kind"] = phrases.Of("kind", values.GetValueOrDefault("kind")),
        };
    }
}
