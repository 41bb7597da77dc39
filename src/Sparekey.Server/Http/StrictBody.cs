using System.Buffers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
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
    /// <returns>
    /// The body; or <see cref="RefusalCode.UnsupportedMediaType"/>, <see cref="RefusalCode.BodyTooLarge"/>,
    /// <see cref="RefusalCode.InvalidJson"/>, <see cref="RefusalCode.InvalidRequest"/> with where it is wrong.
    /// </returns>
    public static async Task<Result<T>> Read<T>(HttpContext context, int limit = DefaultLimit)
        where T : class
    {
        if (!context.Request.HasJsonContentType())
        {
            return RefusalCode.UnsupportedMediaType;
        }

        var read = await ReadBytes(context, limit);
        if (read.Refusal is { } refusal)
        {
            return refusal;
        }

        context.Features.Set(new RawBody(read.Value));
        return Parse<T>(read.Value);
    }

    /// <summary>Parses a body.</summary>
    /// <typeparam name="T">What is asked for.</typeparam>
    /// <param name="body">The bytes.</param>
    public static Result<T> Parse<T>(byte[] body)
        where T : class
    {
        try
        {
            Utf8.GetCharCount(body);
            using var document = JsonDocument.Parse(body, Strict);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                return Wrong("", "The body is a JSON object.");
            }

            if (FindControlCharacter(document.RootElement, "") is { } pointer)
            {
                return Wrong(pointer, "Control characters are not accepted.");
            }
        }
        catch (Exception e) when (e is JsonException or DecoderFallbackException or InvalidOperationException)
        {
            return RefusalCode.InvalidJson;
        }

        try
        {
            return JsonSerializer.Deserialize<T>(body, WireJson.Options) is { } value ? value : Wrong("", "The body is a JSON object.");
        }
        catch (JsonException e)
        {
            return Wrong(PointerOf(e.Path), "Unknown, missing or of the wrong type.");
        }
        catch (InvalidOperationException)
        {
            return RefusalCode.InvalidJson; // An unpaired surrogate in an escape.
        }
    }

    private static async Task<Result<byte[]>> ReadBytes(HttpContext context, int limit)
    {
        if (context.Request.ContentLength > limit)
        {
            return TooLarge(limit);
        }

        // The server's own limit stops a chunked body that never ends.
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = limit + 1;
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

    private static Refusal Wrong(string pointer, string detail) =>
        new(RefusalCode.InvalidRequest) { Faults = [new FieldFault(pointer, detail)] };

    private static string? FindControlCharacter(JsonElement element, string pointer) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject()
            .Select(p => HasControlCharacter(p.Name) ? pointer : FindControlCharacter(p.Value, $"{pointer}/{Escape(p.Name)}"))
            .FirstOrDefault(p => p is not null),
        JsonValueKind.Array => element.EnumerateArray()
            .Select((e, i) => FindControlCharacter(e, $"{pointer}/{i}")).FirstOrDefault(p => p is not null),
        JsonValueKind.String => HasControlCharacter(element.GetString()!) ? pointer : null,
        _ => null,
    };

    private static bool HasControlCharacter(string text) => text.Any(c => char.IsControl(c) && c is not ('\n' or '\r' or '\t'));

    private static string Escape(string name) => name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);

    // "$.reason.code" and "$.revoke[1]" become RFC 6901 pointers.
    private static string PointerOf(string? path) =>
        path is null or "$" ? "" : path.TrimStart('$').Replace('.', '/').Replace("[", "/", StringComparison.Ordinal).Replace("]", "", StringComparison.Ordinal);
}

/// <summary>The bytes of the body as they came, for the fingerprint of an idempotent call.</summary>
/// <param name="Bytes">The bytes.</param>
internal sealed record RawBody(byte[] Bytes);
