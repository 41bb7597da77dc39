using System.Globalization;

namespace Sparekey.Core;

/// <summary>Times as they go over the wire: RFC 3339, in UTC, to the millisecond.</summary>
public static class WireTime
{
    /// <summary>Writes a time, <c>2026-11-21T08:00:00.000Z</c>.</summary>
    /// <param name="time">The time.</param>
    public static string Of(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
