using System.Buffers.Text;
using System.Globalization;
using System.Text;
using Sparekey.Core;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Server.Api;

/// <summary>Cursors and limits of lists. A cursor is opaque to callers: where the last page ended.</summary>
internal static class Cursor
{
    private const int DefaultLimit = 50;
    private const int MostAtOnce = 500;

    /// <summary>The cursor after a row of a list by time and id.</summary>
    /// <param name="at">The last row's time.</param>
    /// <param name="id">Its id.</param>
    public static string After(DateTimeOffset at, Guid id) =>
        Base64Url.EncodeToString(Encoding.ASCII.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"{at.ToUnixTimeMilliseconds()}.{id:N}")));

    /// <summary>Reads the cursor of a request.</summary>
    /// <param name="context">The request.</param>
    /// <returns>Where the last page ended; a null position for the first page; or <see cref="RefusalCode.InvalidCursor"/>.</returns>
    public static Result<Page> Read(HttpContext context)
    {
        var limit = DefaultLimit;
        var wanted = context.Request.Query["limit"].ToString();
        if (wanted.Length > 0
            && (!int.TryParse(wanted, NumberStyles.None, CultureInfo.InvariantCulture, out limit) || limit is < 1 or > MostAtOnce))
        {
            return new Refusal(RefusalCode.InvalidRequest, $"limit is a number from 1 to {MostAtOnce}.");
        }

        var text = context.Request.Query["cursor"].ToString();
        if (text.Length == 0)
        {
            return new Page(null, limit);
        }

        return TryParse(text) is { } after ? new Page(after, limit) : RefusalCode.InvalidCursor;
    }

    /// <summary>Reads a cursor; null when it is none.</summary>
    /// <param name="text">The cursor.</param>
    public static PagePosition? TryParse(string text) =>
        Base64Url.IsValid(text) && text.Length <= 100
        && Encoding.ASCII.GetString(Base64Url.DecodeFromChars(text)).Split('.') is [var at, var id]
        && long.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out var time)
        && Guid.TryParseExact(id, "N", out var row)
            ? new PagePosition(time, row)
            : null;
}

/// <summary>Which page of a list.</summary>
/// <param name="After">Where the last page ended.</param>
/// <param name="Limit">How many at most.</param>
internal sealed record Page(PagePosition? After, int Limit);
