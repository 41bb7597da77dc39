using Sparekey.Engine.Applications;

namespace Sparekey.Server.Pages;

/// <summary>The frame of every page.</summary>
internal static class Layout
{
    private static readonly Html Key = Html.Of(
        $"""<svg class="mark" viewBox="0 0 24 24" aria-hidden="true"><circle cx="7.5" cy="16.5" r="4.5"/><path d="M11 13 21 3M17 7l3 3M13.5 10.5l2.5 2.5"/></svg>""");

    /// <summary>A whole page.</summary>
    /// <param name="words">The texts.</param>
    /// <param name="brand">The look.</param>
    /// <param name="heading">What the page is about; also in its title.</param>
    /// <param name="content">What is on it.</param>
    public static Html Page(Words words, PageBrand brand, string heading, Html content) => Html.Of(
        $"""
        <!doctype html>
        <html lang="{words.Language}">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="robots" content="noindex, nofollow">
        <title>{heading} · {brand.Name}</title>
        <link rel="stylesheet" href="/recover/assets/recover.css">
        {(brand.Branding.Colour is { } colour ? Html.Of($"<link rel=\"stylesheet\" href=\"/recover/assets/colour.css?c={colour[1..]}\">") : Html.Empty)}
        <script src="/recover/assets/recover.js" defer></script>
        </head>
        <body>
        <a class="skip" href="#content">{words["skip"]}</a>
        <div class="page">
        <header class="brand">
        {(brand.Branding.Logo is { } logo ? Html.Of($"<img src=\"{logo}\" alt=\"\">") : Key)}
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
        : Html.Of($"""<div class="card fault" role="alert" tabindex="-1"><h2>{words["error_heading"]}</h2><p id="fault">{fault}</p></div>""");
}
