using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Unicode;

namespace Sparekey.Server.Pages;

/// <summary>
/// HTML that is put together from literals and values: a literal is markup, a value is text and is encoded, unless it is itself
/// such HTML. What a person or a programme wrote can never become markup.
/// </summary>
/// <param name="markup">The markup.</param>
internal sealed class Html(string markup)
{
    /// <summary>Nothing.</summary>
    public static Html Empty { get; } = new("");

    /// <summary>HTML of a literal with values.</summary>
    /// <param name="parts">The literal.</param>
    public static Html Of(HtmlParts parts) => new(parts.ToString());

    /// <summary>One after the other.</summary>
    /// <param name="all">The pieces.</param>
    public static Html Join(IEnumerable<Html> all) => new(string.Concat(all.Select(h => h.ToString())));

    /// <inheritdoc/>
    public override string ToString() => markup;
}

/// <summary>Collects the parts of <see cref="Html.Of"/>.</summary>
/// <param name="literalLength">How long the literals are.</param>
/// <param name="formattedCount">How many values there are.</param>
[InterpolatedStringHandler]
internal ref struct HtmlParts(int literalLength, int formattedCount)
{
    // Letters of every script stay what they are; what could be markup, in text or in a quoted attribute, never does.
    private static readonly HtmlEncoder Encoder = HtmlEncoder.Create(UnicodeRanges.All);

    private readonly StringBuilder _text = new(literalLength + (formattedCount * 16));

    /// <summary>Adds markup.</summary>
    /// <param name="markup">A literal of the program.</param>
    public readonly void AppendLiteral(string markup) => _text.Append(markup);

    /// <summary>Adds HTML.</summary>
    /// <param name="html">The HTML.</param>
    public readonly void AppendFormatted(Html html) => _text.Append(html);

    /// <summary>Adds a value, encoded.</summary>
    /// <param name="text">The value.</param>
    public readonly void AppendFormatted(string? text) => _text.Append(Encoder.Encode(text ?? ""));

    /// <inheritdoc/>
    public override readonly string ToString() => _text.ToString();
}
