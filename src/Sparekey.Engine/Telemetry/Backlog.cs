using System.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Sparekey.Core;
using Sparekey.Core.Recoveries;

namespace Sparekey.Engine.Telemetry;

/// <summary>
/// Counts what waits, every few seconds, and tells it to whoever reads the meter: over all tenants, tenant by tenant. The host runs it
/// only where somebody reads. Every process over one database counts the same rows: take the highest, not the sum.
/// </summary>
public sealed class Backlog : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(15);

    // Every open state, those that nothing is in too: a series that ends would stand where it was.
    private static readonly Dictionary<string, long> NothingOpen =
        new[] { RecoveryState.Pending, RecoveryState.Ready, RecoveryState.Issued, RecoveryState.Redeemed }
            .ToDictionary(WireName.Of, _ => 0L, StringComparer.Ordinal);

    private readonly Acts _acts;
    private readonly Housekeeping _housekeeping;
    private readonly TimeProvider _time;
    private readonly ILogger<Backlog> _log;
    private readonly Meter _meter = new(Measures.Name);
    private readonly DateTimeOffset _begun;
    private Counts _last = new();

    /// <summary>Makes the gauges.</summary>
    /// <param name="acts">Reads.</param>
    /// <param name="housekeeping">Says when it last kept house.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">The log.</param>
    public Backlog(Acts acts, Housekeeping housekeeping, TimeProvider time, ILogger<Backlog> log)
    {
        (_acts, _housekeeping, _time, _log, _begun) = (acts, housekeeping, time, log, time.GetUtcNow());
        Gauge("sparekey.outbox.waiting", "{message}", "Messages that have not left.", c => c.Waiting);
        Gauge("sparekey.outbox.dead", "{message}", "Dead letters that are kept.", c => c.Dead);
        Gauge("sparekey.webhook.waiting", "{delivery}", "Deliveries to webhooks that wait.", c => c.Deliveries);
        Gauge("sparekey.ledger.queue", "{entry}", "Ledger entries without a position.", c => c.Unplaced);
        _meter.CreateObservableGauge(
            "sparekey.recovery.open", () => _last.Open.Select(s => new Measurement<long>(s.Value, new KeyValuePair<string, object?>("state", s.Key))),
            "{recovery}", "Recoveries that are not over.");
        _meter.CreateObservableGauge("sparekey.outbox.oldest.age", () => AgeOf(_last.Oldest), "s", "How long the oldest message waits.");
        _meter.CreateObservableGauge(
            "sparekey.housekeeping.lag", () => AgeOf(_housekeeping.LastRound ?? _begun), "s", "How long ago the last whole round of housekeeping ended.");
    }

    /// <summary>The gauges' own meter.</summary>
    internal Meter Meter => _meter;

    /// <summary>Counts once.</summary>
    /// <param name="cancellationToken">Stops between two tenants.</param>
    public async Task RunOnce(CancellationToken cancellationToken)
    {
        var counts = new Counts();
        foreach (var tenant in await _acts.Read(db => db.List<string>("SELECT id FROM tenants ORDER BY id"), cancellationToken))
        {
            counts = await _acts.Read(
                async db => counts.With(
                    await db.Find<Row>(
                        """
                        SELECT (SELECT COUNT(*) FROM outbox WHERE tenant_id = @tenant) AS Waiting,
                               (SELECT MIN(created_at) FROM outbox WHERE tenant_id = @tenant) AS Oldest,
                               (SELECT COUNT(*) FROM dead_letters WHERE tenant_id = @tenant) AS Dead,
                               (SELECT COUNT(*) FROM webhook_deliveries WHERE tenant_id = @tenant AND due_at IS NOT NULL) AS Deliveries,
                               (SELECT COUNT(*) FROM ledger_queue WHERE tenant_id = @tenant) AS Unplaced
                        """,
                        new { tenant }) ?? new Row(),
                    await db.List<State>(
                        "SELECT state AS Name, COUNT(*) AS Count FROM recoveries WHERE tenant_id = @tenant AND due_at IS NOT NULL GROUP BY state",
                        new { tenant })),
                cancellationToken);
        }

        _last = counts;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _meter.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Rounds.Run("Counting of what waits", RunOnce, Pause, _time, _log, stoppingToken);

    private void Gauge(string name, string unit, string description, Func<Counts, long> count) =>
        _meter.CreateObservableGauge(name, () => count(_last), unit, description);

    private double AgeOf(DateTimeOffset? since) => since is { } then ? Math.Max(0, (_time.GetUtcNow() - then).TotalSeconds) : 0;

    private sealed record Row
    {
        public long Waiting { get; init; }

        public long? Oldest { get; init; }

        public long Dead { get; init; }

        public long Deliveries { get; init; }

        public long Unplaced { get; init; }
    }

    private sealed record State
    {
        public string Name { get; init; } = "";

        public long Count { get; init; }
    }

    private sealed record Counts
    {
        public long Waiting { get; init; }

        public DateTimeOffset? Oldest { get; init; }

        public long Dead { get; init; }

        public long Deliveries { get; init; }

        public long Unplaced { get; init; }

        public IReadOnlyDictionary<string, long> Open { get; init; } = NothingOpen;

        public Counts With(Row row, IEnumerable<State> states)
        {
            var open = Open.ToDictionary(s => s.Key, s => s.Value, StringComparer.Ordinal);
            foreach (var state in states)
            {
                open[state.Name] = open.GetValueOrDefault(state.Name) + state.Count;
            }

            var oldest = row.Oldest is { } at ? DateTimeOffset.FromUnixTimeMilliseconds(at) : (DateTimeOffset?)null;
            return this with
            {
                Waiting = Waiting + row.Waiting,
                Oldest = Oldest is null || oldest < Oldest ? oldest ?? Oldest : Oldest,
                Dead = Dead + row.Dead,
                Deliveries = Deliveries + row.Deliveries,
                Unplaced = Unplaced + row.Unplaced,
                Open = open,
            };
        }
    }
}
