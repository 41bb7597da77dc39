using System.Globalization;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Delivery.MailTexts;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Delivery;

/// <summary>A mail that is ready to leave.</summary>
/// <param name="Mail">The mail.</param>
/// <param name="Address">The account's address that it goes to; null when the account does not have it (any more).</param>
internal sealed record ComposedMail(Mail Mail, AddressId? Address);

/// <summary>Writes the mail of a message in the person's language and in the tenant's words.</summary>
/// <param name="accounts">Knows the person's language.</param>
/// <param name="applications">Knows what the application is called.</param>
/// <param name="pages">Knows where the person's pages are.</param>
/// <param name="texts">The texts.</param>
/// <param name="keys">Opens what the message says.</param>
internal sealed class MailComposer(
    AccountStore accounts, ApplicationStore applications, RecoveryPages pages, TenantMailTexts texts, KeyRing keys)
{
    /// <summary>The value that makes a message a test: the language it is to be written in, whatever the person named.</summary>
    public const string TestLocale = "test_locale";

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
        var test = values.GetValueOrDefault(TestLocale);
        var chosen = await texts.Choose(db, tenant, WireName.Of(message.Kind), test ?? MailLocale.Of(account));
        var model = Model(values, chosen.Phrases, await ApplicationOf(db, tenant, values), message.CreatedAt, message.ExpiresAt);
        var (subject, text, html) = chosen.Mail.Value.Write(model);
        var form = Identifier.Normalize(to.Value);
        var address = account?.Addresses.FirstOrDefault(a => form is not null && Identifier.Normalize(a.Value) == form);
        var mail = new Mail(message.Id.ToString(), to.Value, chosen.Language, test is null ? subject : $"[Test] {subject}", text, html)
        {
            FromName = chosen.Settings.FromName,
        };
        return new ComposedMail(mail, address?.Id);
    }

    /// <summary>A value for every name that may stand in a text. What looks like a secret is none.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="phrases">The words of the language.</param>
    /// <param name="now">The time.</param>
    public async Task<IReadOnlyDictionary<string, string?>> Sample(DbSession db, TenantId tenant, Phrases phrases, DateTimeOffset now) =>
        Model(
            await SampleValues(db, tenant), phrases, await applications.FindDefault(db, tenant), now, now + TimeSpan.FromHours(1));

    /// <summary>What a message says that is only a test.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    public async Task<Dictionary<string, string>> SampleValues(DbSession db, TenantId tenant)
    {
        var page = pages.Recover(await applications.FindDefault(db, tenant));
        return new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["secret"] = $"{page}#sample-link",
            ["code"] = "1234-5678-sample",
            [MessageAddressing.NotMeLink] = $"{page}/not-me#sample-notice",
            ["address"] = "person@example.com",
            ["left"] = "3",
            ["kept"] = "sample passkey",
            ["into"] = "session",
            ["requested_by"] = WireName.Of(PrincipalKind.ServiceAccount),
            ["means"] = WireName.Of(Means.Link),
            ["credential"] = WireName.Of(CredentialKind.Password),
            ["change"] = "added",
            ["kind"] = WireName.Of(AddressKind.Email),
            ["name"] = "sample programme",
            ["whose"] = "somebody",
            ["number"] = "00000000-0000-4000-8000-000000000000",
            ["decide_link"] = new Uri(page, "/operate/recoveries/00000000-0000-4000-8000-000000000000").AbsoluteUri,
            ["ends"] = "1800000000000",
            ["what"] = "token",
            ["step"] = "issued",
            ["news"] = WireName.Of(EscrowNews.RequestMade),
            ["review_link"] = new Uri(page, "/app/account-recovery/requests/review/00000000-0000-4000-8000-000000000000").AbsoluteUri,
            ["request_key"] = "0123456789ABCDEF0123456789ABCDEF01234567",
            ["source"] = "192.0.2.1",
            ["device"] = "sample browser",
        };
    }

    /// <summary>The language of the built-in texts that a person is written to in.</summary>
    /// <param name="account">The person; null when they are gone.</param>
    internal static string LanguageOf(Account? account) =>
        MailLocale.Candidates(MailLocale.Of(account), MailTemplates.DefaultLanguage).First(c => MailTemplates.Languages.Contains(c, StringComparer.Ordinal));

    private async Task<Application?> ApplicationOf(DbSession db, TenantId tenant, IReadOnlyDictionary<string, string> values) =>
        (Ids.TryParse<ApplicationId>(values.GetValueOrDefault("application"), out var id) ? await applications.Find(db, tenant, id) : null)
        ?? await applications.FindDefault(db, tenant);

    // Closed names become phrases of the language; what is not among them is left out, never shown raw.
    private Dictionary<string, string?> Model(
        IReadOnlyDictionary<string, string> values, Phrases phrases, Application? application, DateTimeOffset createdAt, DateTimeOffset? expiresAt) =>
        new(StringComparer.Ordinal)
        {
            ["application"] = pages.NameOf(application),
            ["when"] = phrases.Time(createdAt),
            ["until"] = expiresAt is { } expires ? phrases.Time(expires) : null,
            ["page"] = values.GetValueOrDefault("page") ?? pages.Recover(application).AbsoluteUri,
            ["secret"] = values.GetValueOrDefault("secret"),
            ["code"] = values.GetValueOrDefault("code"),
            ["not_me_link"] = values.GetValueOrDefault(MessageAddressing.NotMeLink),
            ["address"] = values.GetValueOrDefault("address"),
            ["left"] = values.GetValueOrDefault("left"),
            ["kept"] = values.GetValueOrDefault("kept"),
            ["name"] = values.GetValueOrDefault("name"),
            ["whose"] = values.GetValueOrDefault("whose"),
            ["number"] = values.GetValueOrDefault("number"),
            ["decide_link"] = values.GetValueOrDefault("decide_link"),
            ["ends"] = long.TryParse(values.GetValueOrDefault("ends"), NumberStyles.None, CultureInfo.InvariantCulture, out var ends)
                ? phrases.Time(DateTimeOffset.FromUnixTimeMilliseconds(ends)) : null,
            ["what"] = phrases.Of("ends", values.GetValueOrDefault("what")),
            ["step"] = phrases.Of("step", values.GetValueOrDefault("step")),
            ["news"] = phrases.Of("escrow", values.GetValueOrDefault("news")),
            ["review_link"] = values.GetValueOrDefault("review_link"),
            ["request_key"] = values.GetValueOrDefault("request_key"),
            ["source"] = values.GetValueOrDefault("source"),
            ["device"] = values.GetValueOrDefault("device"),
            ["session"] = values.GetValueOrDefault("into") == "session" ? "session" : null,
            ["requester"] = phrases.Of("requested_by", values.GetValueOrDefault("requested_by")),
            ["means"] = phrases.Of("means", values.GetValueOrDefault("means")),
            ["credential"] = phrases.Of("credential", values.GetValueOrDefault("credential")),
            ["change"] = phrases.Of("change", values.GetValueOrDefault("change")),
            ["kind"] = phrases.Of("kind", values.GetValueOrDefault("kind")),
        };
}
