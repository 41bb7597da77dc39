namespace Sparekey.Server.Hosting;

/// <summary>
/// A clock that is never set back while the process runs: it follows the machine's clock forwards, and where that one jumps back
/// it goes on by the time that really passes. So no secret, session or token lives longer than its span because somebody, or a
/// time server, turned the clock; and times in the ledger never run backwards. A restart takes the machine's clock as it is.
/// </summary>
/// <param name="machine">The machine's clock.</param>
/// <param name="log">Told when the machine's clock was set back.</param>
internal sealed partial class SteadyClock(TimeProvider machine, ILogger<SteadyClock> log) : TimeProvider
{
    private static readonly TimeSpan WorthSaying = TimeSpan.FromMinutes(1);

    private readonly Lock _turn = new();
    private DateTimeOffset _shown = machine.GetUtcNow();
    private long _shownAt = machine.GetTimestamp();
    private bool _said;

    /// <inheritdoc/>
    public override long TimestampFrequency => machine.TimestampFrequency;

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => machine.LocalTimeZone;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow()
    {
        var behind = TimeSpan.Zero;
        DateTimeOffset time;
        lock (_turn)
        {
            // The date first: a pause between the two lines then makes the steady time late, which the next call makes good,
            // and never early.
            var date = machine.GetUtcNow();
            var at = machine.GetTimestamp();
            var steady = _shown + machine.GetElapsedTime(_shownAt, at);
            if (date >= steady)
            {
                (_shown, _shownAt, _said) = (date, at, false);
                return date;
            }

            time = steady;
            if (steady - date > WorthSaying && !_said)
            {
                (behind, _said) = (steady - date, true);
            }
        }

        if (behind > TimeSpan.Zero)
        {
            LogSetBack(log, (long)behind.TotalSeconds);
        }

        return time;
    }

    /// <inheritdoc/>
    public override long GetTimestamp() => machine.GetTimestamp();

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        machine.CreateTimer(callback, state, dueTime, period);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The machine's clock was set back by {Seconds} seconds: the server keeps its time until it is started again")]
    private static partial void LogSetBack(ILogger logger, long seconds);
}
