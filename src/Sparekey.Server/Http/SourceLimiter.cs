using Sparekey.Core;

namespace Sparekey.Server.Http;

/// <summary>
/// Limits the calls of one address a minute, in memory: a shield against a flood, with room for a busy portal. The tight limits
/// are elsewhere, per secret, per account and per token.
/// </summary>
/// <remarks>
/// Two rows of counters, found by two halves of a hash with a key of this process; a call passes while either has room. Memory
/// is the same whoever calls, a stranger with many addresses cannot crowd others out, and nobody can aim at another's counters.
/// </remarks>
/// <param name="perMinute">How many calls; 0 for no limit.</param>
/// <param name="time">The clock.</param>
internal sealed class SourceLimiter(int perMinute, TimeProvider time)
{
    private readonly int[] _low = new int[1 << 16];
    private readonly int[] _high = new int[1 << 16];
    private readonly Lock _turn = new();
    private long _minute;

    /// <summary>Counts a call.</summary>
    /// <param name="source">Where it came from.</param>
    /// <returns>Null, or <see cref="RefusalCode.TooManyRequests"/> with when the minute is over.</returns>
    public Refusal? Count(string source)
    {
        if (perMinute == 0)
        {
            return null;
        }

        var now = time.GetUtcNow().ToUnixTimeSeconds();
        Turn(now / 60);
        // The hash of a string is keyed per process.
        var hash = (uint)StringComparer.Ordinal.GetHashCode(source);
        var calls = Math.Min(Increment(ref _low[hash & 0xFFFF]), Increment(ref _high[hash >> 16]));
        return calls <= perMinute ? null : new Refusal(RefusalCode.TooManyRequests) { RetryAfter = TimeSpan.FromSeconds(60 - (now % 60)) };
    }

    // Stops at the limit: a flood of a whole minute cannot wrap the counter around.
    private int Increment(ref int counter) => Volatile.Read(ref counter) > perMinute ? perMinute + 1 : Interlocked.Increment(ref counter);

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
                Array.Clear(_low);
                Array.Clear(_high);
                Interlocked.Exchange(ref _minute, minute);
            }
        }
    }
}
