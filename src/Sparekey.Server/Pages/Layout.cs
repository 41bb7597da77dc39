using System.Text.Json;
using System.Text.RegularExpressions;
using Sparekey.Engine.Applications;

namespace Sparekey.Server.Pages;

/// <summary>How the pages look for one application: its name, and of its branding the logo (a data URI) and the colour.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Logo">A picture as a data URI; null for none.</param>
/// <param name="Colour">A colour as <c>#rrggbb</c>; null for Sparekey's own.</param>
internal sealed partial record Brand(string Name, string? Logo, string? Colour)
{
    /// <summary>The brand of an application. What is not a picture or a colour is left out, never passed on.</summary>
    /// <param name="application">The application.</param>
    public static Brand Of(Application application)
    {
        using var branding = JsonDocument.Parse(application.Branding);
        var (logo, colour) = (Text("logo"), Text("colour"));
        return new Brand(
            Text("name") ?? application.Name,
            logo is not null && Picture().IsMatch(logo) ? logo : null,
            colour is not null && Rgb().IsMatch(colour) ? colour : null);

        string? Text(string name) =>
            branding.RootElement.ValueKind == JsonValueKind.Object && branding.RootElement.TryGetProperty(name, out var value)
            && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
    }

    [GeneratedRegex("^data:image/(png|jpeg|webp|svg\\+xml);base64,[A-Za-z0-9+/=]{1,60000}$", RegexOptions.NonBacktracking | RegexOptions.ExplicitCapture)]
    private static partial Regex Picture();

    [GeneratedRegex("^#[0-9a-fA-F]{6}$", RegexOptions.NonBacktracking)]
    private static partial Regex Rgb();
}

/// <summary>The frame of every page.</summary>
internal static class Layout
{
    /// <summary>A whole page.</summary>
    /// <param name="words">The texts.</param>
    /// <param name="brand">The look.</param>
    /// <param name="heading">What the page is about; also in its title.</param>
    /// <param name="content">What is on it.</param>
    public static Html Page(Words words, Brand brand, string heading, Html content) => Html.Of(
        $"""
        <!doctype html>
        <html lang="{words.Language}">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="robots" content="noindex, nofollow">
        <title>{heading} · {brand.Name}</title>
        <link rel="stylesheet" href="/recover/assets/recover.css">
        {(brand.Colour is null ? Html.Empty : Html.Of($"<link rel=\"stylesheet\" href=\"/recover/assets/colour.css?c={brand.Colour[1..]}\">"))}
        <script src="/recover/assets/recover.js" defer></script>
        </head>
        <body>
        <a class="skip" href="#content">{words["skip"]}</a>
        <div class="page">
        <header class="brand">
        {(brand.Logo is null ? Html.Of($"<span class=\"mark\" aria-hidden=\"true\"></span>") : Html.Of($"<img src=\"{brand.Logo}\" alt=\"\">"))}
        <span>{brand.Name}</span>
        </header>
        <main id="content" tabindex="-1">
        {content}
        </main>
        </div>
        </body>
        </html>
        """);

    /// <summary>A fault, told to eyes and screen readers alike.</summary>
    /// <param name="words">The texts.</param>
    /// <param name="fault">The text; null for none.</param>
    public static Html Fault(Words words, string? fault) => fault is null
        ? Html.Empty
        : Html.Of($"""<div class="card fault" role="alert" tabindex="-1"><h2>{words["error_heading"]}</h2><p>{fault}</p></div>""");
}
