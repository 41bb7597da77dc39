using System.Text.RegularExpressions;
using Sparekey.Core;

namespace Sparekey.Engine.Applications;

/// <summary>How the pages of an application look.</summary>
/// <param name="Logo">A picture as a base64 data URI (PNG, JPEG, WebP or SVG), so that pages ask no other server; null for none.</param>
/// <param name="Colour">The colour of buttons, as <c>#rrggbb</c>; null for Sparekey's own.</param>
public sealed partial record Branding(string? Logo = null, string? Colour = null)
{
    /// <summary>The longest logo, in characters of its data URI.</summary>
    public const int LongestLogo = 48_000;

    /// <summary>Nothing of its own.</summary>
    public static Branding None { get; } = new();

    /// <summary>What is wrong with it: it becomes part of pages that take secrets, so nothing else than a picture and a colour passes.</summary>
    /// <param name="at">Where it stands in the request, a JSON pointer.</param>
    internal IEnumerable<FieldFault> Faults(string at)
    {
        if (Logo is { } logo && (logo.Length > LongestLogo || !Picture().IsMatch(logo)))
        {
            yield return new FieldFault($"{at}/logo", $"A base64 data URI of a PNG, JPEG, WebP or SVG picture, at most {LongestLogo} characters.");
        }

        if (Colour is { } colour && !Rgb().IsMatch(colour))
        {
            yield return new FieldFault($"{at}/colour", "A colour as #rrggbb.");
        }
    }

    [GeneratedRegex(@"^data:image/(png|jpeg|webp|svg\+xml);base64,[A-Za-z0-9+/]+={0,2}\z", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex Picture();

    [GeneratedRegex(@"^#[0-9a-fA-F]{6}\z", RegexOptions.NonBacktracking)]
    private static partial Regex Rgb();
}
