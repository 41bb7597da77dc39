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

    private static readonly Counts Nothing = new(new Row(), NothingOpen);

    private readonly Acts _acts;
    private readonly Housekeeping _housekeeping;
    private readonly TimeProvider _time;
    private readonly ILogger<Backlog> _log;
    private readonly Meter _meter = new(Measures.Name);
    private readonly DateTimeOffset _begun;
    private Counts _last = Nothing;

    /// <summary>Makes the gauges.</summary>
    /// <param name="acts">Reads.</param>
    /// <param name="housekeeping">Says when it last kept house.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">The log.</param>
    public Backlog(Acts acts, Housekeeping housekeeping, TimeProvider time, ILogger<Backlog> log)
    {
        (_acts, _housekeeping, _time, _log, _begun) = (acts, housekeeping, time, log, time.GetUtcNow());
        Gauge("sparekey.outbox.waiting", "{message}", "Messages that have not left.", r => r.Waiting);
        Gauge("sparekey.outbox.dead", "{message}", "Dead letters that are kept.", r => r.Dead);
        Gauge("sparekey.webhook.waiting", "{delivery}", "Deliveries to webhooks that wait.", r => r.Deliveries);
        Gauge("sparekey.ledger.queue", "{entry}", "Ledger entries without a position.", r => r.Unplaced);
        _meter.CreateObservableGauge(
            "sparekey.recovery.open", () => _last.Open.Select(s => new Measurement<long>(s.Value, new KeyValuePair<string, object?>("state", s.Key))),
            "{recovery}", "Recoveries that are not over.");
        _meter.CreateObservableGauge("sparekey.outbox.oldest.age", () => AgeOf(At(_last.Rows.Oldest)), "s", "How long the oldest message waits.");
        _meter.CreateObservableGauge(
            "sparekey.housekeeping.lag", () => AgeOf(_housekeeping.LastRound ?? _begun), "s", "How long ago the last whole round of housekeeping ended.");
    }

    /// <summary>The gauges' own meter.</summary>
    internal Meter Meter => _meter;

    /// <summary>Counts once.</summary>
    /// <param name="cancellationToken">Stops between two tenants.</param>
    public async Task RunOnce(CancellationToken cancellationToken)
    {
        var counts = Nothing;
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

    private void Gauge(string name, string unit, string description, Func<Row, long> count) =>
        _meter.CreateObservableGauge(name, () => count(_last.Rows), unit, description);

    private static DateTimeOffset? At(long? unixMs) => unixMs is { } ms ? DateTimeOffset.FromUnixTimeMilliseconds(ms) : null;

    private double AgeOf(DateTimeOffset? since) => since is { } then ? Math.Max(0, (_time.GetUtcNow() - then).TotalSeconds) : 0;

    private sealed record State
    {
        public string Name { get; init; } = "";

        public long Count { get; init; }
    }

    /// <summary>What waits in a tenant.</summary>
    private sealed record Row
    {
        public long Waiting { get; init; }

        public long? Oldest { get; init; }

        public long Dead { get; init; }

        public long Deliveries { get; init; }

        public long Unplaced { get; init; }

        public Row With(Row other) => new()
        {
            Waiting = Waiting + other.Waiting,
            Oldest = Oldest is null || other.Oldest < Oldest ? other.Oldest ?? Oldest : Oldest,
            Dead = Dead + other.Dead,
            Deliveries = Deliveries + other.Deliveries,
            Unplaced = Unplaced + other.Unplaced,
        };
    }

    /// <summary>What waits in all of them.</summary>
    private sealed record Counts(Row Rows, IReadOnlyDictionary<string, long> Open)
    {
        public Counts With(Row row, IEnumerable<State> states)
        {
            var open = Open.ToDictionary(s => s.Key, s => s.Value, StringComparer.Ordinal);
            foreach (var state in states)
            {
                open[state.Name] = open.GetValueOrDefault(state.Name) + state.Count;
            }

            return new Counts(Rows.With(row), open);
        }
    }
}
