using System.Diagnostics;
using System.Diagnostics.Metrics;
using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;

namespace Sparekey.Engine.Telemetry;

/// <summary>
/// What the engine tells about itself, through the base library alone: who listens, and where it goes, is the host's choice, and
/// while nobody listens nothing is counted. Attributes are closed names, ids and numbers: never an address, a path, or what anybody sent.
/// </summary>
public static class Measures
{
    /// <summary>The name of the meter and of the source of spans.</summary>
    public const string Name = "Sparekey";

    // From half a millisecond, a commit on a good disk, to what a caller no longer waits for.
    private static readonly InstrumentAdvice<double> Durations = new()
    {
        HistogramBucketBoundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    };

    private static readonly Meter Meter = new(Name);

    /// <summary>Spans.</summary>
    internal static ActivitySource Spans { get; } = new(Name);

    /// <summary>What happened to recoveries, by event, means and surface; counted when it is committed.</summary>
    internal static Counter<long> RecoveryEvents { get; } = Meter.CreateCounter<long>(
        "sparekey.recovery.events", "{event}", "What happened to recoveries.");

    /// <summary>How long acts and reads took, from the call to the answer.</summary>
    internal static Histogram<double> ActDuration { get; } = Meter.CreateHistogram(
        "sparekey.act.duration", "s", "How long acts and reads took, waiting included.", tags: null, Durations);

    /// <summary>How long they waited for a connection, or for the writer, before they began.</summary>
    internal static Histogram<double> ActWait { get; } = Meter.CreateHistogram(
        "sparekey.act.wait", "s", "How long acts and reads waited before they began.", tags: null, Durations);

    /// <summary>How often an act was run again, because the database asked for it.</summary>
    internal static Counter<long> ActRetries { get; } = Meter.CreateCounter<long>(
        "sparekey.act.retries", "{retry}", "How often acts were run again.");

    /// <summary>How many acts and reads are inside now, those that wait and those that run.</summary>
    internal static UpDownCounter<long> ActsInside { get; } = Meter.CreateUpDownCounter<long>(
        "sparekey.act.inside", "{act}", "How many acts and reads wait or run.");

    /// <summary>How many passwords wait to be hashed or are being hashed.</summary>
    internal static UpDownCounter<long> PasswordsInside { get; } = Meter.CreateUpDownCounter<long>(
        "sparekey.password.inside", "{password}", "How many passwords wait for their hash.");

    /// <summary>How many were sent away, because too many waited.</summary>
    internal static Counter<long> PasswordsRefused { get; } = Meter.CreateCounter<long>(
        "sparekey.password.refused", "{password}", "How many passwords were not hashed, because too many waited.");

    /// <summary>Messages and webhooks that were tried, by channel and outcome.</summary>
    internal static Counter<long> Deliveries { get; } = Meter.CreateCounter<long>(
        "sparekey.delivery.attempts", "{attempt}", "Messages and webhooks that were tried.");

    /// <summary>How long a round of background work took, by work and outcome.</summary>
    internal static Histogram<double> RoundDuration { get; } = Meter.CreateHistogram(
        "sparekey.round.duration", "s", "How long a round of background work took.", tags: null, Durations);

    /// <summary>Whether anybody wants to know about acts.</summary>
    internal static bool ActsAreWatched => ActDuration.Enabled || RecoveryEvents.Enabled || Spans.HasListeners();

    /// <summary>Counts what happened to a recovery.</summary>
    /// <param name="happened">What.</param>
    internal static void Count(RecoveryHappened happened) => RecoveryEvents.Add(
        1,
        new("event", WireName.Of(happened.Event)), new("means", WireName.Of(happened.Means)), new("surface", happened.Surface));

    /// <summary>A span for something that leaves the server: by a round, so it begins a trace of its own.</summary>
    /// <param name="what">What is done: <c>deliver message</c>.</param>
    internal static Activity? Delivery(string what) => Spans.StartActivity(what, ActivityKind.Client);

    /// <summary>Says how a delivery ended, in the counter and in its span.</summary>
    /// <param name="span">The span, if there is one.</param>
    /// <param name="channel">A closed name: <c>mail</c>, <c>webhook</c>.</param>
    /// <param name="outcome">A closed name: <c>sent</c>, <c>failed</c>.</param>
    /// <param name="code">The code that the other side answered.</param>
    internal static void Delivered(Activity? span, string channel, string outcome, int? code)
    {
        Deliveries.Add(1, new("channel", channel), new KeyValuePair<string, object?>("outcome", outcome));
        span?.SetTag("sparekey.channel", channel).SetTag("sparekey.outcome", outcome).SetTag("sparekey.answer", code);
        if (outcome != "sent")
        {
            span?.SetStatus(ActivityStatusCode.Error);
        }
    }
}

/// <summary>Something that happened to a recovery within an act; it is counted when the act stands.</summary>
/// <param name="Event">What.</param>
/// <param name="Means">The recovery's means.</param>
/// <param name="Surface">Through which surface.</param>
internal readonly record struct RecoveryHappened(LedgerEvent Event, Means Means, string Surface);
