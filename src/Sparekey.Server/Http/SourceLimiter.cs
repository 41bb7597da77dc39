using System.Collections.Concurrent;
using Sparekey.Core;

namespace Sparekey.Server.Http;

/// <summary>
/// Limits the calls of one address a minute, in memory: a shield against a flood, with room for a busy portal. The tight limits
/// are elsewhere, per secret, per account and per token.
/// </summary>
/// <param name="perMinute">How many calls; 0 for no limit.</param>
/// <param name="time">The clock.</param>
internal sealed class SourceLimiter(int perMinute, TimeProvider time)
{
    private const int MostSources = 100_000;

    private readonly ConcurrentDictionary<string, int> _counts = new(StringComparer.Ordinal);
    private readonly Lock _turn = new();
    private long _minute;

    /// <summary>Counts a call.</summary>
    /// <param name="source">Where it came from.</param>
    /// <returns>Null, or <see cref="RefusalCode.TooManyRequests"/>.</returns>
    public Refusal? Count(string source)
    {
        if (perMinute == 0)
        {
            return null;
        }

        var now = time.GetUtcNow().ToUnixTimeSeconds();
        Turn(now / 60);
        // Past the most sources that are remembered, those that are unknown share one count: memory stays bounded.
        var key = _counts.Count < MostSources || _counts.ContainsKey(source) ? source : "others";
        return _counts.AddOrUpdate(key, 1, (_, count) => count + 1) <= perMinute
            ? null
            : new Refusal(RefusalCode.TooManyRequests) { RetryAfter = TimeSpan.FromSeconds(60 - (now % 60)) };
    }

    private void Turn(long minute)
    {
        if (Interlocked.Read(ref _minute) == minute)
        {
            return;
        }

        lock (_turn)
        {
            if (_minute != minute)
            {
                _counts.Clear();
                Interlocked.Exchange(ref _minute, minute);
            }
        }
    }
}
