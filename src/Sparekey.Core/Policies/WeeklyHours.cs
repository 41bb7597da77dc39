using System.Collections.Immutable;

namespace Sparekey.Core.Policies;

/// <summary>Hours of the week in a time zone.</summary>
/// <param name="Days">On which days they begin.</param>
/// <param name="From">When they begin.</param>
/// <param name="To">When they end; not after the beginning for hours that pass midnight.</param>
/// <param name="Zone">Whose clock is meant.</param>
internal sealed record WeeklyHours(ImmutableArray<DayOfWeek> Days, TimeOnly From, TimeOnly To, TimeZoneInfo Zone)
{
    /// <summary>Whether a time is within them.</summary>
    /// <param name="at">The time.</param>
    public bool Include(DateTimeOffset at)
    {
        var local = TimeZoneInfo.ConvertTime(at, Zone);
        var time = TimeOnly.FromTimeSpan(local.TimeOfDay);
        var beganToday = time >= From && Days.Contains(local.DayOfWeek);
        return From < To
            ? beganToday && time < To
            : beganToday || (time < To && Days.Contains(local.AddDays(-1).DayOfWeek));
    }
}
