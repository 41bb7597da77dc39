using System.Collections.Frozen;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Delivery;

/// <summary>
/// Writes what a text message or a call says, in the person's language. It says less than a mail does: who it is from, what is needed,
/// and where to say "this was not me".
/// </summary>
/// <param name="accounts">Knows the person's language.</param>
/// <param name="applications">Knows what the application is called.</param>
/// <param name="pages">Knows where the person's pages are.</param>
/// <param name="keys">Opens what the message says.</param>
internal sealed class PhoneComposer(AccountStore accounts, ApplicationStore applications, RecoveryPages pages, KeyRing keys)
{
    private const string Notice = "notice";

    private static readonly FrozenDictionary<string, FrozenDictionary<string, string>> Texts = MailTemplates.Languages
        .ToFrozenDictionary(l => l, ReadTexts, StringComparer.Ordinal);

    /// <summary>Writes a message with one recipient.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="message">The message.</param>
    /// <returns>The message; null when what it says cannot be read (any more).</returns>
    public async Task<PhoneText?> Compose(DbSession db, TenantId tenant, QueuedMessage message)
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
        var language = MailComposer.LanguageOf(account);
        var form = Identifier.Normalize(to.Value);
        return new PhoneText(
            message.Id, message.Route, to.Value, language, Write(message, values, pages.NameOf(application), language))
        {
            ExpiresAt = message.ExpiresAt,
            Address = account?.Addresses.FirstOrDefault(a => a.Kind == AddressKind.Phone && Identifier.Normalize(a.Value) == form)?.Id,
        };
    }

    /// <summary>Writes what a message says.</summary>
    /// <param name="message">The message.</param>
    /// <param name="values">Its values.</param>
    /// <param name="application">What the application is called.</param>
    /// <param name="language">In which language.</param>
    internal static string Write(QueuedMessage message, IReadOnlyDictionary<string, string> values, string application, string language)
    {
        var texts = Texts[language];
        var kind = WireName.Of(message.Kind);
        var spoken = message.Route == MessageRoute.Voice;
        var text = (spoken ? texts.GetValueOrDefault("call." + kind) : texts.GetValueOrDefault(kind)) ?? texts[spoken ? "call." + Notice : Notice];
        var said = new StringBuilder(text);
        var link = values.GetValueOrDefault(MessageAddressing.NotMeLink);
        said.Append(link is null || spoken ? "" : texts["not_me"]);
        var secret = values.GetValueOrDefault("secret") ?? values.GetValueOrDefault("code") ?? "";
        var all = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["application"] = application,
            ["secret"] = spoken ? Spell(secret) : secret,
            ["until"] = (message.ExpiresAt ?? message.CreatedAt).UtcDateTime.ToString("HH:mm 'UTC'", CultureInfo.InvariantCulture),
            ["when"] = message.CreatedAt.UtcDateTime.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture),
            ["not_me_link"] = link ?? "",
        };

        // One pass: what a value says is no place for another.
        return Fill(said.ToString(), all);
    }

    private static string Fill(string text, Dictionary<string, string> values)
    {
        var filled = new StringBuilder();
        for (var at = 0; at < text.Length;)
        {
            var (open, close) = (text.IndexOf('{', at), text.IndexOf('}', at));
            if (open < 0 || close < open)
            {
                return filled.Append(text, at, text.Length - at).ToString();
            }

            filled.Append(text, at, open - at).Append(values[text[(open + 1)..close]]);
            at = close + 1;
        }

        return filled.ToString();
    }

    // One after the other, so that 12 is heard as one and two.
    private static string Spell(string code) => string.Join(", ", code.Where(char.IsLetterOrDigit));

    private static FrozenDictionary<string, string> ReadTexts(string language)
    {
        using var stream = typeof(PhoneComposer).Assembly.GetManifestResourceStream($"mail/{language}/phone.json")
            ?? throw new InvalidOperationException($"The texts mail/{language}/phone.json are missing.");
        return JsonSerializer.Deserialize<Dictionary<string, string>>(stream)!.ToFrozenDictionary(StringComparer.Ordinal);
    }
}
