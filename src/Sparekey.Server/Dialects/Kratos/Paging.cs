using System.Globalization;
using Sparekey.Core;
using Sparekey.Engine.Accounts;
using Sparekey.Server.Api;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Which page of a list a client asks for, and how it is told where the others are (RFC 8288).</summary>
internal static class Paging
{
    private const int Usual = 250;
    private const int Most = 500;

    /// <summary>How many items a page has at most.</summary>
    /// <param name="context">The call.</param>
    /// <param name="name">The name of the parameter.</param>
    public static int Size(HttpContext context, string name = "page_size") =>
        int.TryParse(context.Request.Query[name].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var size) && size > 0
            ? Math.Min(size, Most)
            : Usual;

    /// <summary>Where the last page ended. False when the token is none of ours.</summary>
    /// <param name="context">The call.</param>
    /// <param name="after">Where; null for the first page.</param>
    public static bool TryPosition(HttpContext context, out AccountPosition? after)
    {
        after = null;
        var token = context.Request.Query["page_token"].ToString();

        // Old clients begin with a number.
        return token is "" or "1" or "00000000-0000-0000-0000-000000000000"
            || (Cursor.TryParse(token) is { } position && (after = new AccountPosition(position.At, new AccountId(position.Id))) is not null);
    }

    /// <summary>Says where the first and the next page are.</summary>
    /// <param name="context">The call.</param>
    /// <param name="path">The path of the list.</param>
    /// <param name="pages">The relations and the query of each; those that are null are left out.</param>
    public static void Link(HttpContext context, string path, params ReadOnlySpan<(string Relation, string? Query)> pages)
    {
        var links = new List<string>();
        foreach (var (relation, query) in pages)
        {
            if (query is not null)
            {
                links.Add($"<{context.Kratos().Admin}{path}?{query}>; rel=\"{relation}\"");
            }
        }

        context.Response.Headers.Link = string.Join(",", links);
    }
}
