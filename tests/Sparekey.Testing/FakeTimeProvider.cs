namespace Sparekey.Testing;

/// <summary>A clock that a test moves. Timers fire inside <see cref="Advance"/>, on the test's own thread, in order of time.</summary>
/// <param name="now">The time it shows first; by default a whole hour, so that expected values are easy to write.</param>
public sealed class FakeTimeProvider(DateTimeOffset? now = null) : TimeProvider
{
    private readonly Lock _lock = new();
    private readonly List<FakeTimer> _timers = [];
    private TimeSpan _step;
    private DateTimeOffset _now = now ?? new DateTimeOffset(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow()
    {
        lock (_lock)
        {
            return _now + _step;
        }
    }

    /// <inheritdoc/>
    public override long GetTimestamp()
    {
        lock (_lock)
        {
            return _now.UtcTicks;
        }
    }

    /// <summary>Somebody sets the clock: the date jumps, no time passes, no timer fires.</summary>
    /// <param name="span">By how much.</param>
    public void Step(TimeSpan span)
    {
        lock (_lock)
        {
            _step += span;
        }
    }

    /// <summary>Lets time pass.</summary>
    /// <param name="span">How much; negative is a clock that was set back, and fires nothing.</param>
    public void Advance(TimeSpan span) => SetUtcNow(GetUtcNow() + span);

    /// <summary>Sets the clock.</summary>
    /// <param name="value">The time it shows.</param>
    public void SetUtcNow(DateTimeOffset value)
    {
        DateTimeOffset until;
        lock (_lock)
        {
            until = value - _step;
        }

        while (NextDue(until) is { } timer)
        {
            timer.Fire();
        }

        lock (_lock)
        {
            _now = until;
        }
    }

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new FakeTimer(this, () => callback(state));
        timer.Change(dueTime, period);
        return timer;
    }

    private FakeTimer? NextDue(DateTimeOffset until)
    {
        lock (_lock)
        {
            var timer = _timers.Where(t => t.Due <= until).MinBy(t => t.Due);
            if (timer is null)
            {
                return null;
            }

            _now = timer.Due > _now ? timer.Due : _now;
            if (timer.Period > TimeSpan.Zero)
            {
                timer.Due += timer.Period;
            }
            else
            {
                _timers.Remove(timer);
            }

            return timer;
        }
    }

    private sealed class FakeTimer(FakeTimeProvider clock, Action fire) : ITimer
    {
        public DateTimeOffset Due { get; set; }

        public TimeSpan Period { get; private set; }

        public void Fire() => fire();

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (clock._lock)
            {
                clock._timers.Remove(this);
                if (dueTime != Timeout.InfiniteTimeSpan)
                {
                    Due = clock._now + dueTime;
                    Period = period;
                    clock._timers.Add(this);
                }
            }

            return true;
        }

        public void Dispose() => Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
