using System.Diagnostics;
using System.Diagnostics.Tracing;
using System.Reflection;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Sparekey.Engine.Telemetry;

namespace Sparekey.Server.Hosting;

/// <summary>
/// Sends the framework's metrics and traces, and ours, to a collector. It stands apart so that a server without one never loads the
/// library. A collector that is slow or gone slows nobody: what does not fit into the queue is dropped.
/// </summary>
internal sealed partial class TelemetryExport : IDisposable
{
    private const int PatienceMs = 5000;

    private readonly TracerProvider? _traces;
    private readonly MeterProvider? _metrics;
    private readonly Troubles _troubles;

    private TelemetryExport(TelemetryOptions options, TimeProvider time, ILogger log)
    {
        _troubles = new Troubles(time, log);
        var resource = ResourceBuilder.CreateDefault().AddService(
            "sparekey", serviceVersion: typeof(TelemetryExport).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion);
        _metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource)
            .AddMeter(Measures.Name, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel", "System.Runtime", "Npgsql")
            .AddOtlpExporter(exporter => Configure(exporter, options, "v1/metrics"))
            .Build();
        _traces = options.Traces == 0 ? null : Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource)
            .AddSource(Measures.Name, "Microsoft.AspNetCore")
            .SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler(options.Traces)))
            .AddProcessor(new OnlyKnownAttributes())
            .AddOtlpExporter(exporter => Configure(exporter, options, "v1/traces"))
            .Build();
    }

    /// <summary>Begins to listen.</summary>
    /// <param name="options">Where it goes.</param>
    /// <param name="services">The host's.</param>
    public static TelemetryExport Start(TelemetryOptions options, IServiceProvider services) => new(
        options, services.GetRequiredService<TimeProvider>(), services.GetRequiredService<ILogger<TelemetryExport>>());

    /// <summary>Sends what is not sent yet.</summary>
    public void Flush()
    {
        _traces?.ForceFlush(PatienceMs);
        _metrics?.ForceFlush(PatienceMs);
    }

    /// <summary>Sends what is not sent yet and ends. A collector that says nothing is waited for a few seconds.</summary>
    public void Dispose()
    {
        _traces?.Dispose();
        _metrics?.Dispose();
        _troubles.Dispose();
    }

    private static void Configure(OtlpExporterOptions exporter, TelemetryOptions options, string path)
    {
        exporter.Protocol = options.Protocol == TelemetryProtocol.Grpc ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf;
        exporter.Endpoint = options.Protocol == TelemetryProtocol.Grpc
            ? options.Endpoint
            : new Uri($"{options.Endpoint.AbsoluteUri.TrimEnd('/')}/{path}");
        exporter.Headers = options.Headers?.Reveal();
        exporter.TimeoutMilliseconds = PatienceMs;

        // The collector is the operator's own choice, as a mail server is, and may stand in a private network.
        exporter.HttpClientFactory = () => new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            UseProxy = false,
            ActivityHeadersPropagator = null,
        })
        {
            Timeout = TimeSpan.FromMilliseconds(PatienceMs),
        };
    }

    /// <summary>
    /// Takes everything else out of a span before it leaves: the framework tells the path and the query of a request, and its next
    /// version may tell more.
    /// </summary>
    private sealed class OnlyKnownAttributes : BaseProcessor<Activity>
    {
        private static readonly HashSet<string> Known = new(StringComparer.Ordinal)
        {
            "http.request.method", "http.route", "http.response.status_code", "url.scheme", "network.protocol.version", "error.type",
        };

        /// <inheritdoc/>
        public override void OnEnd(Activity data)
        {
            foreach (var (name, _) in data.TagObjects.ToList())
            {
                if (!Known.Contains(name) && !name.StartsWith("sparekey.", StringComparison.Ordinal))
                {
                    data.SetTag(name, null);
                }
            }

            // Whatever a caller wrote there.
            data.TraceStateString = null;
        }
    }

    /// <summary>Says in the log, once a minute at most, that telemetry is lost; the library itself tells nobody.</summary>
    private sealed partial class Troubles : EventListener
    {
        private static readonly TimeSpan Quiet = TimeSpan.FromMinutes(1);

        private readonly TimeProvider? _time;
        private readonly ILogger? _log;
        private readonly Lock _gate = new();
        private long? _said;

        public Troubles(TimeProvider time, ILogger log) => (_time, _log) = (time, log);

        /// <inheritdoc/>
        protected override void OnEventSourceCreated(EventSource eventSource)
        {
            if (eventSource.Name.StartsWith("OpenTelemetry-", StringComparison.Ordinal))
            {
                EnableEvents(eventSource, EventLevel.Error);
            }
        }

        /// <inheritdoc/>
        protected override void OnEventWritten(EventWrittenEventArgs eventData)
        {
            // The base class begins to listen before this one is made.
            if (_time is null || _log is null)
            {
                return;
            }

            lock (_gate)
            {
                var now = _time.GetTimestamp();
                if (_said is { } then && _time.GetElapsedTime(then, now) < Quiet)
                {
                    return;
                }

                _said = now;
            }

            // Its name only: its texts quote addresses and answers.
            LogLost(_log, eventData.EventName);
        }

        [LoggerMessage(Level = LogLevel.Warning, Message = "Telemetry does not reach its collector ({Event})")]
        private static partial void LogLost(ILogger logger, string? @event);
    }
}
