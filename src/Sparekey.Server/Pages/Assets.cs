using System.Globalization;
using System.Text;
using Sparekey.Core;
using Sparekey.Server.Http;

namespace Sparekey.Server.Pages;

/// <summary>Style and script of the pages, and the colour of an application as a style of its own: pages carry no inline style.</summary>
internal static class Assets
{
    /// <summary>Answers with one of them.</summary>
    /// <param name="context">The request.</param>
    public static IResult Get(HttpContext context)
    {
        var name = context.Request.RouteValues["name"] as string;
        if (name == "colour.css" && context.Request.Query["c"].ToString() is { Length: 6 } colour && colour.All(char.IsAsciiHexDigit))
        {
            return Results.Text($":root {{ --accent: #{colour}; --accent-text: {TextOn(colour)}; }}\n", "text/css", Encoding.UTF8);
        }

        var type = name switch { "recover.css" => "text/css", "recover.js" or "sign.js" => "text/javascript", _ => null };
        if (type is null)
        {
            return new Problem(RefusalCode.RouteNotFound);
        }

        return Results.Text(Read(name!), type, Encoding.UTF8);
    }

    /// <summary>The text of one of them.</summary>
    /// <param name="name">Its name.</param>
    public static string Read(string name)
    {
        using var stream = typeof(Assets).Assembly.GetManifestResourceStream($"assets/{name}")!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    // Black or white, whichever can be read on it: one of the two always has a contrast of 4.5 (WCAG 2.2, relative luminance).
    private static string TextOn(string colour)
    {
        var luminance = (0.2126 * Channel(0)) + (0.7152 * Channel(2)) + (0.0722 * Channel(4));
        return 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 ? "#ffffff" : "#000000";

        double Channel(int at)
        {
            var value = int.Parse(colour.AsSpan(at, 2), NumberStyles.HexNumber, CultureInfo.InvariantCulture) / 255.0;
            return value <= 0.04045 ? value / 12.92 : Math.Pow((value + 0.055) / 1.055, 2.4);
        }
    }
}
