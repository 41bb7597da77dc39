namespace Sparekey.Engine.Delivery.MailTexts;

/// <summary>A text of mail as people write it, in the few words of Handlebars that <see cref="MailTextCheck"/> lets pass.</summary>
/// <param name="Subject">The subject; null for the layout and for phrases.</param>
/// <param name="Text">The plain text; for phrases, a JSON object.</param>
/// <param name="Html">The HTML; null for phrases.</param>
public sealed record MailText(string? Subject, string Text, string? Html);

/// <summary>A tenant's own text, in place of a built-in one.</summary>
/// <param name="Name">Which message it is the text of; or <c>layout</c>, what stands around each, or <c>phrases</c>.</param>
/// <param name="Locale">Its language, a tag of RFC 5646 in lower case: <c>de</c>, <c>pt-br</c>.</param>
/// <param name="Content">The text.</param>
/// <param name="Version">Rises by one with every change.</param>
/// <param name="ChangedAt">When it was changed last.</param>
public sealed record OwnMailText(string Name, string Locale, MailText Content, int Version, DateTimeOffset ChangedAt)
{
    /// <summary>Another one with every change, also when the text was taken away meanwhile.</summary>
    internal string Revision { get; init; } = "";
}

/// <summary>How a tenant's mail presents itself.</summary>
/// <param name="FromName">The name before the address it comes from; null for the server's own.</param>
/// <param name="Locale">The language for people who have named none, or one that there are no texts in.</param>
/// <param name="Version">Rises by one with every change; 0 as long as nobody set anything.</param>
public sealed record MailSettings(string? FromName, string Locale, int Version)
{
    /// <summary>What holds until somebody sets something.</summary>
    public static MailSettings None { get; } = new(null, MailTemplates.DefaultLanguage, 0);
}

/// <summary>A mail as it would leave.</summary>
/// <param name="Subject">Its subject.</param>
/// <param name="Text">Its plain text.</param>
/// <param name="Html">Its HTML.</param>
public sealed record MailPreview(string Subject, string Text, string Html);
