using System.Security.Cryptography;

namespace Sparekey.Engine.Webhooks;

/// <summary>When an event that an endpoint did not take is told again: ten times in all, over about three days (Standard Webhooks 1.0.0).</summary>
internal static class WebhookRetries
{
    private static readonly TimeSpan[] Pauses =
    [
        TimeSpan.FromSeconds(5), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(30), TimeSpan.FromHours(2), TimeSpan.FromHours(5),
        TimeSpan.FromHours(10), TimeSpan.FromHours(14), TimeSpan.FromHours(20), TimeSpan.FromHours(24),
    ];

    /// <summary>How often an event is told at most.</summary>
    public static int MostAttempts => Pauses.Length + 1;

    /// <summary>When to try again.</summary>
    /// <param name="attempts">How often it was tried, at least once.</param>
    /// <param name="asked">When the endpoint wants to be asked again; no longer than a day counts.</param>
    /// <param name="now">The time.</param>
    /// <returns>The time, or null when it was tried often enough.</returns>
    public static DateTimeOffset? Next(int attempts, TimeSpan? asked, DateTimeOffset now)
    {
        if (attempts >= MostAttempts)
        {
            return null;
        }

        // Up to a fifth more, so that what failed together does not come back together.
        var pause = Pauses[attempts - 1];
        pause += pause * (RandomNumberGenerator.GetInt32(200) / 1000.0);
        var wanted = asked > TimeSpan.FromDays(1) ? TimeSpan.FromDays(1) : asked ?? TimeSpan.Zero;
        return now + (pause > wanted ? pause : wanted);
    }
}
