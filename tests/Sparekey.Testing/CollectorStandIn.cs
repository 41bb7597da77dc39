using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Sparekey.Testing;

/// <summary>A span that was received.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Trace">Its trace, in hexadecimal.</param>
/// <param name="Id">Its id, in hexadecimal.</param>
/// <param name="Parent">The span above it; empty for none.</param>
/// <param name="Attributes">Its attributes, values as text.</param>
public sealed record ReceivedSpan(string Name, string Trace, string Id, string Parent, IReadOnlyDictionary<string, string> Attributes);

/// <summary>A point of a metric that was received.</summary>
/// <param name="Metric">The metric's name.</param>
/// <param name="Attributes">Its attributes, values as text.</param>
/// <param name="Value">Its value; of a histogram, how many were recorded.</param>
public sealed record ReceivedPoint(string Metric, IReadOnlyDictionary<string, string> Attributes, double Value);

/// <summary>
/// Stands in for an OpenTelemetry collector: takes OTLP, protobuf over HTTP or gRPC, and reads of it what tests look at. Field numbers are
/// those of opentelemetry-proto 1.
/// </summary>
public sealed class CollectorStandIn : IAsyncDisposable
{
    private readonly WebApplication _app;

    private CollectorStandIn(HttpProtocols protocols)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = protocols));
        _app = builder.Build();
        _app.Run(Take);
    }

    /// <summary>Where it listens.</summary>
    public Uri Url => new(_app.Urls.Single());

    /// <summary>What it answers.</summary>
    public int Status { get; set; } = 200;

    /// <summary>Every body that came, with the path it came to.</summary>
    public ConcurrentQueue<(string Path, byte[] Body)> Bodies { get; } = new();

    /// <summary>The headers of every call.</summary>
    public ConcurrentQueue<IReadOnlyDictionary<string, string>> Headers { get; } = new();

    /// <summary>Every span that came.</summary>
    public IReadOnlyList<ReceivedSpan> Spans =>
    [
        .. Of("trace").SelectMany(body => Under(body, 1, 2, 2)).Select(span => new ReceivedSpan(
            Text(span, 5), Hex(span, 1), Hex(span, 2), Hex(span, 4), Attributes(span, 9))),
    ];

    /// <summary>Every point of every metric that came, in the order it came.</summary>
    public IReadOnlyList<ReceivedPoint> Points =>
    [
        .. from body in Of("metrics")
           from metric in Under(body, 1, 2, 2)
           from kind in new[] { (Data: 5, Attributes: 7), (Data: 7, Attributes: 7), (Data: 9, Attributes: 9) }
           from point in Under(metric, kind.Data, 1)
           select new ReceivedPoint(Text(metric, 1), Attributes(point, kind.Attributes), Value(point, isHistogram: kind.Data == 9)),
    ];

    /// <summary>Starts one.</summary>
    /// <param name="grpc">Whether it takes gRPC; else protobuf over HTTP.</param>
    public static async Task<CollectorStandIn> Start(bool grpc = false)
    {
        var collector = new CollectorStandIn(grpc ? HttpProtocols.Http2 : HttpProtocols.Http1);
        await collector._app.StartAsync();
        return collector;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _app.DisposeAsync();

    private async Task Take(HttpContext context)
    {
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body);
        var isGrpc = context.Request.ContentType == "application/grpc";
        Headers.Enqueue(context.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString(), StringComparer.OrdinalIgnoreCase));
        Bodies.Enqueue((context.Request.Path, isGrpc ? body.ToArray()[5..] : body.ToArray()));
        context.Response.StatusCode = Status;
        context.Response.ContentType = isGrpc ? "application/grpc" : "application/x-protobuf";
        if (isGrpc)
        {
            context.Response.AppendTrailer("grpc-status", "0");
            await context.Response.Body.WriteAsync(new byte[5]);
        }
    }

    private IEnumerable<ReadOnlyMemory<byte>> Of(string what) =>
        Bodies.Where(b => b.Path.Contains(what, StringComparison.OrdinalIgnoreCase)).Select(b => (ReadOnlyMemory<byte>)b.Body);

    private static IEnumerable<ReadOnlyMemory<byte>> Under(ReadOnlyMemory<byte> message, params int[] path) =>
        path.Aggregate(
            (IEnumerable<ReadOnlyMemory<byte>>)[message],
            (messages, field) => messages.SelectMany(m => Fields(m).Where(f => f.Number == field).Select(f => f.Bytes)));

    private static Dictionary<string, string> Attributes(ReadOnlyMemory<byte> message, int field) =>
        Under(message, field).ToDictionary(pair => Text(pair, 1), pair => Fields(Under(pair, 2).Single()).Select(Shown).SingleOrDefault(""), StringComparer.Ordinal);

    private static string Shown(Field value) => value.Number == 1 ? Encoding.UTF8.GetString(value.Bytes.Span) : $"{value.Scalar}";

    private static string Text(ReadOnlyMemory<byte> message, int field) => Encoding.UTF8.GetString(Under(message, field).FirstOrDefault().Span);

    private static string Hex(ReadOnlyMemory<byte> message, int field) => Convert.ToHexStringLower(Under(message, field).FirstOrDefault().Span);

    private static double Value(ReadOnlyMemory<byte> point, bool isHistogram) =>
        isHistogram ? Fields(point).Single(f => f.Number == 4).Scalar
        : Fields(point).Single(f => f.Number is 4 or 6) is { Number: 4 } real ? BitConverter.UInt64BitsToDouble(real.Scalar)
        : (long)Fields(point).Single(f => f.Number == 6).Scalar;

    private static List<Field> Fields(ReadOnlyMemory<byte> message)
    {
        var fields = new List<Field>();
        while (message.Length > 0)
        {
            var tag = Varint(ref message);
            var number = (int)(tag >> 3);
            switch (tag & 7)
            {
                case 0:
                    fields.Add(new Field(number, Varint(ref message), default));
                    break;
                case 1:
                    fields.Add(new Field(number, BinaryPrimitives.ReadUInt64LittleEndian(message.Span), default));
                    message = message[8..];
                    break;
                case 2:
                    var length = (int)Varint(ref message);
                    fields.Add(new Field(number, 0, message[..length]));
                    message = message[length..];
                    break;
                case 5:
                    fields.Add(new Field(number, BinaryPrimitives.ReadUInt32LittleEndian(message.Span), default));
                    message = message[4..];
                    break;
                default:
                    throw new InvalidDataException($"No protobuf: wire type {tag & 7}.");
            }
        }

        return fields;
    }

    private static ulong Varint(ref ReadOnlyMemory<byte> message)
    {
        var (value, shift) = (0UL, 0);
        while (true)
        {
            var next = message.Span[0];
            message = message[1..];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }

            shift += 7;
        }
    }

    private readonly record struct Field(int Number, ulong Scalar, ReadOnlyMemory<byte> Bytes);
}
