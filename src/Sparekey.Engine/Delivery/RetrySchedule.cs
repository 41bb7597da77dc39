using System.Security.Cryptography;

namespace Sparekey.Engine.Delivery;

/// <summary>When a message that could not leave is tried again: soon at first, then every hour, for a day.</summary>
internal static class RetrySchedule
{
    /// <summary>How long a message is tried, from the first time that it failed.</summary>
    public static readonly TimeSpan GiveUpAfter = TimeSpan.FromHours(24);

    private static readonly TimeSpan[] Pauses =
    [
        TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2), TimeSpan.FromMinutes(10), TimeSpan.FromHours(1),
    ];

    /// <summary>When to try again.</summary>
    /// <param name="failures">How often it failed, at least once.</param>
    /// <param name="since">When it failed first.</param>
    /// <param name="now">The time.</param>
    /// <returns>The time, or null when it was tried long enough.</returns>
    public static DateTimeOffset? Next(int failures, DateTimeOffset since, DateTimeOffset now)
    {
        var last = since + GiveUpAfter;
        if (now >= last)
        {
            return null;
        }

        // Up to a fifth more, so that what failed together does not come back together.
        var pause = Pauses[Math.Clamp(failures, 1, Pauses.Length) - 1];
        var next = now + pause + (pause * (RandomNumberGenerator.GetInt32(200) / 1000.0));
        return next < last ? next : last;
    }
}
