using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Logging.Abstractions;
using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Telemetry;
using Sparekey.Testing;

namespace Sparekey.Engine.Tests.Telemetry;

/// <summary>What is told about acts: each once, when it is over, and of what happened only what stands.</summary>
public sealed class MeasureTests : IAsyncLifetime
{
    private TestEngine _engine = null!;

    public async ValueTask InitializeAsync() => _engine = await TestEngine.Create();

    public ValueTask DisposeAsync() => _engine.DisposeAsync();

    [Fact]
    public async Task What_happened_within_an_act_is_counted_when_it_stands_and_not_when_it_was_lost()
    {
        using var heard = new Heard("sparekey.recovery.events");
        var surface = Guid("surface");
        _engine.Faults.FailNext(Fault.Lost);
        await Should.ThrowAsync<StorageUnavailableException>(() => Write(surface));
        heard.Of("surface", surface).ShouldBeEmpty();
        await Write(surface);
        var told = heard.Of("surface", surface).Single();
        (told["event"], told["means"]).ShouldBe(("recovery_opened", "link"));
    }

    [Fact]
    public async Task Acts_and_reads_are_measured_with_how_they_ended_and_nothing_stays_inside()
    {
        using var inside = new Heard("sparekey.act.inside");
        using var took = new Heard("sparekey.act.duration");
        await _engine.Acts.Read(db => db.Scalar<long>("SELECT 1"), CancellationToken.None);
        await Should.ThrowAsync<MarkedException>(() => _engine.Acts.Write<int>(TenantId.Default, _ => throw new MarkedException(), CancellationToken.None));
        took.Of("kind", "read").ShouldNotBeEmpty();
        took.Of("error.type", typeof(MarkedException).FullName!).Single()["kind"].ShouldBe("write");
        inside.Of("kind", "write").Count.ShouldBeGreaterThanOrEqualTo(2);
    }

    [Fact]
    public async Task An_act_within_a_request_that_is_traced_is_a_span_below_it_and_a_round_leaves_none()
    {
        var spans = new System.Collections.Concurrent.ConcurrentQueue<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = s => s.Name == Measures.Name,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = spans.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        await Write("quiet");
        using var request = new Activity("request").SetIdFormat(ActivityIdFormat.W3C).Start();
        await Write("traced");
        spans.Where(s => s.TraceId == request.TraceId).ShouldHaveSingleItem().DisplayName.ShouldBe("act write");
        spans.ShouldAllBe(s => s.ParentSpanId != default || s.DisplayName.StartsWith("deliver", StringComparison.Ordinal));
    }

    [Fact]
    public async Task What_waits_is_told_with_its_age_and_every_state_that_is_open()
    {
        await _engine.AddTenant(TenantId.Parse("another"));
        await Queue(TenantId.Default, "first");
        _engine.Time.Advance(TimeSpan.FromMinutes(5));
        await Queue(TenantId.Parse("another"), "second");
        await Write("an entry without a position", record: true);
        using var backlog = new Backlog(_engine.Acts, KeepsHouse(), _engine.Time, NullLogger<Backlog>.Instance);
        await backlog.RunOnce(CancellationToken.None);
        _engine.Time.Advance(TimeSpan.FromSeconds(7));
        var gauges = Heard.Gauges(backlog);
        gauges["sparekey.outbox.waiting"].Single().Value.ShouldBe(2);
        gauges["sparekey.outbox.oldest.age"].Single().Value.ShouldBe(307);
        gauges["sparekey.outbox.dead"].Single().Value.ShouldBe(0);
        gauges["sparekey.ledger.queue"].Single().Value.ShouldBe(_engine.Database.Dialect.HasOneWriter ? 0 : 1);
        gauges["sparekey.housekeeping.lag"].Single().Value.ShouldBe(7);
        gauges["sparekey.recovery.open"].Select(o => (o.Tags["state"], o.Value)).ShouldBe([("pending", 0), ("ready", 0), ("issued", 0), ("redeemed", 0)]);
    }

    private static string Guid(string what) => $"{what}-{Convert.ToHexString(System.Security.Cryptography.RandomNumberGenerator.GetBytes(8))}";

    // It never runs here: only when it last did is asked.
    private Housekeeping KeepsHouse() => new(_engine.Acts, _engine.Database, null!, null!, null!, null!, null!, null!, _engine.Time, NullLogger<Housekeeping>.Instance);

    private Task<int> Write(string surface, bool record = false) => _engine.Acts.Write(
        TenantId.Default,
        async act =>
        {
            act.Count(new RecoveryHappened(LedgerEvent.RecoveryOpened, Means.Link, surface));
            if (record)
            {
                await act.Record(new LedgerEntry(LedgerEvent.KeysRotated, Core.Access.Principal.System));
            }

            return 1;
        },
        CancellationToken.None);

    private Task Queue(TenantId tenant, string id) => _engine.Acts.Write(
        tenant,
        act => act.Db.Execute(
            """
            INSERT INTO outbox (tenant_id, id, kind, account_id, created_at, due_at, attempts, sealed)
            VALUES (@tenant, @id, 'x', 'x', @now, @now, 0, @payload)
            """,
            new { tenant = tenant.ToString(), id, now = act.NowMs, payload = Array.Empty<byte>() }),
        CancellationToken.None);

    private sealed class MarkedException : Exception;

    /// <summary>Everything that one instrument told, in this whole process: other tests run beside this one.</summary>
    private sealed class Heard : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly System.Collections.Concurrent.ConcurrentQueue<Dictionary<string, string>> _told = new();

        public Heard(string instrument)
        {
            _listener.InstrumentPublished = (published, listener) =>
            {
                if (published.Meter.Name == Measures.Name && published.Name == instrument)
                {
                    listener.EnableMeasurementEvents(published);
                }
            };
            _listener.SetMeasurementEventCallback<long>((_, _, tags, _) => _told.Enqueue(Tags(tags)));
            _listener.SetMeasurementEventCallback<double>((_, _, tags, _) => _told.Enqueue(Tags(tags)));
            _listener.Start();
        }

        public List<Dictionary<string, string>> Of(string tag, string value) => [.. _told.Where(t => t.GetValueOrDefault(tag) == value)];

        public static Dictionary<string, List<(double Value, Dictionary<string, string> Tags)>> Gauges(Backlog backlog)
        {
            var gauges = new Dictionary<string, List<(double, Dictionary<string, string>)>>(StringComparer.Ordinal);
            using var listener = new MeterListener();
            listener.InstrumentPublished = (published, l) =>
            {
                if (published.Meter == backlog.Meter)
                {
                    l.EnableMeasurementEvents(published);
                }
            };
            listener.SetMeasurementEventCallback<long>((i, value, tags, _) => Add(i, value, tags));
            listener.SetMeasurementEventCallback<double>((i, value, tags, _) => Add(i, value, tags));
            listener.Start();
            listener.RecordObservableInstruments();
            return gauges;

            void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
            {
                if (!gauges.TryGetValue(instrument.Name, out var told))
                {
                    gauges[instrument.Name] = told = [];
                }

                told.Add((value, Tags(tags)));
            }
        }

        public void Dispose() => _listener.Dispose();

        private static Dictionary<string, string> Tags(ReadOnlySpan<KeyValuePair<string, object?>> tags) =>
            tags.ToArray().ToDictionary(t => t.Key, t => t.Value?.ToString() ?? "", StringComparer.Ordinal);
    }
}
