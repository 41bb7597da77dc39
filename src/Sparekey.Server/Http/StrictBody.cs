using System.Buffers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;
using Sparekey.Core;

namespace Sparekey.Server.Http;

/// <summary>
/// Reads JSON bodies that are exactly what a route asks for. Everything else is told apart clearly: not JSON, too large, of
/// the wrong type, unknown members, duplicate names, control characters. Nothing of the parser's own text reaches the caller.
/// </summary>
internal static class StrictBody
{
    /// <summary>The largest body of a route that says nothing else, in bytes.</summary>
    public const int DefaultLimit = 64 * 1024;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 16, AllowDuplicateProperties = false };

    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads the body.</summary>
    /// <typeparam name="T">What the route asks for.</typeparam>
    /// <param name="context">The request.</param>
    /// <param name="limit">The largest body, in bytes.</param>
    /// <param name="takesMore">
    /// Whether members that the route does not ask for are passed over: other products' clients send some. All else stays as strict.
    /// </param>
    /// <returns>
    /// The body; or <see cref="RefusalCode.UnsupportedMediaType"/>, <see cref="RefusalCode.BodyTooLarge"/>,
    /// <see cref="RefusalCode.InvalidJson"/>, <see cref="RefusalCode.InvalidRequest"/> with everything that is wrong and where.
    /// </returns>
    public static async Task<Result<T>> Read<T>(HttpContext context, int limit = DefaultLimit, bool takesMore = false)
        where T : class
    {
        if (!IsPlainJson(context.Request))
        {
            return RefusalCode.UnsupportedMediaType;
        }

        var read = await ReadBytes(context, limit);
        if (read.Refusal is { } refusal)
        {
            return refusal;
        }

        context.Features.Set(new RawBody(read.Value));
        return Parse<T>(read.Value, takesMore);
    }

    /// <summary>Reads a body of whatever shape, as strictly as any other. No body is an empty object.</summary>
    /// <param name="context">The request.</param>
    /// <param name="limit">The largest body, in bytes.</param>
    /// <returns>
    /// The JSON object and its bytes; or <see cref="RefusalCode.UnsupportedMediaType"/>, <see cref="RefusalCode.BodyTooLarge"/>,
    /// <see cref="RefusalCode.InvalidJson"/>, <see cref="RefusalCode.InvalidRequest"/>.
    /// </returns>
    public static async Task<Result<(JsonElement Json, byte[] Bytes)>> ReadJson(HttpContext context, int limit)
    {
        var read = await ReadBytes(context, limit);
        if (read.Refusal is { } refusal)
        {
            return refusal;
        }

        var bytes = read.Value;
        if (bytes.Length == 0)
        {
            return (JsonDocument.Parse("{}").RootElement, bytes);
        }

        if (!IsPlainJson(context.Request))
        {
            return RefusalCode.UnsupportedMediaType;
        }

        try
        {
            Utf8.GetCharCount(bytes);
            var root = JsonDocument.Parse(bytes, Strict).RootElement;
            BodyFaults.IsSuspicious(root); // Throws where half a surrogate pair stands.
            return root.ValueKind == JsonValueKind.Object ? (root, bytes) : NotAnObject();
        }
        catch (Exception e) when (e is JsonException or DecoderFallbackException or InvalidOperationException)
        {
            return RefusalCode.InvalidJson;
        }
    }

    /// <summary>Parses a body.</summary>
    /// <typeparam name="T">What is asked for.</typeparam>
    /// <param name="body">The bytes.</param>
    /// <param name="takesMore">Whether members that nobody asked for are passed over.</param>
    public static Result<T> Parse<T>(byte[] body, bool takesMore = false)
        where T : class
    {
        JsonDocument document;
        bool suspicious;
        try
        {
            Utf8.GetCharCount(body);
            document = JsonDocument.Parse(body, Strict);
        }
        catch (Exception e) when (e is JsonException or DecoderFallbackException or InvalidOperationException)
        {
            return RefusalCode.InvalidJson;
        }

        using (document)
        {
            try
            {
                suspicious = BodyFaults.IsSuspicious(document.RootElement);
            }
            catch (InvalidOperationException)
            {
                return RefusalCode.InvalidJson; // An unpaired surrogate in an escape.
            }

            if (suspicious && BodyFaults.Find<T>(document.RootElement, takesMore) is { Count: > 0 } faults)
            {
                return new Refusal(RefusalCode.InvalidRequest) { Faults = faults };
            }

            try
            {
                return document.Deserialize<T>(takesMore ? WireJson.TakingMore : WireJson.Options) is { } value ? value : NotAnObject();
            }
            catch (JsonException)
            {
                var found = BodyFaults.Find<T>(document.RootElement, takesMore);
                return found.Count > 0 ? new Refusal(RefusalCode.InvalidRequest) { Faults = found } : RefusalCode.InvalidRequest;
            }
        }
    }

    // One spelling of JSON: no other charset, no compression that could unfold beyond the limit, no "+json" of another meaning.
    internal static bool IsPlainJson(HttpRequest request) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
        && type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
        && (!type.Charset.HasValue || HeaderUtilities.RemoveQuotes(type.Charset).Equals("utf-8", StringComparison.OrdinalIgnoreCase))
        && request.Headers.ContentEncoding.Count == 0;

    private static async Task<Result<byte[]>> ReadBytes(HttpContext context, int limit)
    {
        if (context.Request.ContentLength > limit)
        {
            return TooLarge(limit);
        }

        // What counts is the body, below. The server counts the wire, where every chunk adds its own lines: it gets room for them,
        // and still stops a body that never ends.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = (2L * limit) + (64 * 1024);
        }

        var body = new ArrayBufferWriter<byte>(1024);
        while (true)
        {
            var read = await context.Request.Body.ReadAsync(body.GetMemory(1024), context.RequestAborted);
            if (read == 0)
            {
                return body.WrittenSpan.ToArray();
            }

            body.Advance(read);
            if (body.WrittenCount > limit)
            {
                return TooLarge(limit);
            }
        }
    }

    private static Refusal TooLarge(int limit) => new(RefusalCode.BodyTooLarge, $"This route takes {limit} bytes at most.");

    private static Refusal NotAnObject() =>
        new(RefusalCode.InvalidRequest) { Faults = [new FieldFault("", "This is a JSON object.")] };
}

/// <summary>The bytes of the body as they came, for the fingerprint of an idempotent call.</summary>
/// <param name="Bytes">The bytes.</param>
internal sealed record RawBody(byte[] Bytes);
