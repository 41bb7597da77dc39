using System.Globalization;
using System.Text.Json;

namespace Sparekey.Server.Dialects.Dfns;

/// <summary>A time as clients write it: ISO 8601, or seconds or milliseconds since 1970.</summary>
internal static class Expiration
{
    private const long FirstMillisecond = 100_000_000_000; // As seconds, the year 5138.

    /// <summary>Reads the member <c>expiration</c>; none is no time.</summary>
    /// <param name="body">The body.</param>
    /// <param name="time">The time; null when there is none.</param>
    /// <returns>False when there is something else.</returns>
    public static bool TryRead(JsonElement body, out DateTimeOffset? time)
    {
        time = null;
        if (!body.TryGetProperty("expiration", out var member) || member.ValueKind == JsonValueKind.Null)
        {
            return true;
        }

        if (member.ValueKind == JsonValueKind.String
            && DateTimeOffset.TryParse(member.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var parsed))
        {
            time = parsed;
        }
        else if ((member.ValueKind == JsonValueKind.Number && member.TryGetInt64(out var number))
            || (member.ValueKind == JsonValueKind.String && long.TryParse(member.GetString(), NumberStyles.None, CultureInfo.InvariantCulture, out number)))
        {
            time = number is < 0 or > 253_402_300_799_000 ? null
                : number >= FirstMillisecond ? DateTimeOffset.FromUnixTimeMilliseconds(number) : DateTimeOffset.FromUnixTimeSeconds(number);
        }

        return time is not null;
    }
}
