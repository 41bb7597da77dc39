using System.Diagnostics;

namespace Sparekey.Engine.Telemetry;

/// <summary>
/// Measures one act or read: how long it took, how long of that it waited, how often it ran, and, within a request that is traced, a span.
/// </summary>
internal sealed class ActMeasure : IDisposable
{
    private readonly string _kind;
    private readonly TimeProvider _time;
    private readonly long _begun;
    private readonly Activity? _span;
    private long _ran;
    private int _runs;
    private string? _fault;

    /// <summary>Begins.</summary>
    /// <param name="kind"><c>write</c> or <c>read</c>.</param>
    /// <param name="time">The clock.</param>
    public ActMeasure(string kind, TimeProvider time)
    {
        (_kind, _time, _begun) = (kind, time, time.GetTimestamp());

        // Within a request only: rounds look for work every second, and a trace of each look would tell nothing.
        _span = Activity.Current is null ? null : Measures.Spans.StartActivity($"act {kind}", ActivityKind.Client);
        Measures.ActsInside.Add(1, new KeyValuePair<string, object?>("kind", kind));
    }

    /// <summary>It has its connection and runs, perhaps not for the first time.</summary>
    public void Runs()
    {
        if (_runs++ == 0)
        {
            _ran = _time.GetTimestamp();
        }
    }

    /// <summary>It failed.</summary>
    /// <param name="fault">With what; only its type is told.</param>
    public void Failed(Exception fault) => _fault = fault.GetType().FullName;

    /// <summary>Tells.</summary>
    public void Dispose()
    {
        var kind = new KeyValuePair<string, object?>("kind", _kind);
        Measures.ActsInside.Add(-1, kind);
        var took = _time.GetElapsedTime(_begun).TotalSeconds;
        if (_fault is null)
        {
            Measures.ActDuration.Record(took, kind);
        }
        else
        {
            Measures.ActDuration.Record(took, kind, new("error.type", _fault));
        }

        if (_runs > 0)
        {
            Measures.ActWait.Record(_time.GetElapsedTime(_begun, _ran).TotalSeconds, kind);
        }

        if (_runs > 1)
        {
            Measures.ActRetries.Add(_runs - 1, kind);
        }

        if (_span is not null)
        {
            _span.SetTag("sparekey.runs", _runs).SetTag("error.type", _fault);
            _span.SetStatus(_fault is null ? ActivityStatusCode.Unset : ActivityStatusCode.Error);
            _span.Dispose();
        }
    }
}
