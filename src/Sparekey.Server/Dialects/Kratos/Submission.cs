using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>
/// What was submitted to a flow: JSON, a form or a form with parts, all alike. A dot in a form's name leads into an object. What stands in
/// the query wins, as it does in Kratos.
/// </summary>
internal sealed class Submission
{
    /// <summary>The largest submission, in bytes.</summary>
    public const int Limit = 256 * 1024;

    private const int MostFields = 256;
    private const int Deepest = 8;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 16, AllowDuplicateProperties = false };

    private readonly JsonObject _all;

    private Submission(JsonObject all, bool isForm) => (_all, IsForm) = (all, isForm);

    /// <summary>Whether it was a form, in which every value is a text.</summary>
    public bool IsForm { get; }

    /// <summary>What protects a browser's form; empty where it was not sent.</summary>
    public string CsrfToken => Text("csrf_token") ?? "";

    /// <summary>The id of the flow, from the query or the body; null where it is none.</summary>
    public string? Flow => Guid.TryParseExact(Text("flow"), "D", out var id) ? id.ToString("D") : null;

    /// <summary>What comes back unread with the answer; null for nothing.</summary>
    public JsonObject? TransientPayload => _all["transient_payload"] as JsonObject;

    /// <summary>Reads it.</summary>
    /// <param name="context">The request.</param>
    /// <returns>The submission, or the error to answer.</returns>
    public static async Task<(Submission? Read, KratosError? Error)> Read(HttpContext context)
    {
        var request = context.Request;
        if (request.ContentLength > Limit)
        {
            return (null, new KratosError(413));
        }

        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = 2 * Limit;
        }

        var (all, isForm, error) = request.HasFormContentType ? await ReadForm(request) : await ReadJson(context);
        if (error is not null)
        {
            return (null, error);
        }

        foreach (var (name, values) in request.Query)
        {
            if (values.Count > 0 && !Put(all!, name, values[^1] ?? ""))
            {
                return (null, KratosError.Undecodable("the query cannot be read."));
            }
        }

        return (new Submission(all!, isForm), null);
    }

    /// <summary>A text; null where there is none, or something else.</summary>
    /// <param name="name">Its name.</param>
    public string? Text(string name) => _all[name] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    /// <summary>Anything.</summary>
    /// <param name="name">Its name.</param>
    public JsonNode? Value(string name) => _all[name];

    /// <summary>Whether there is something of the name: not missing, not null, not empty.</summary>
    /// <param name="name">The name.</param>
    public bool Has(string name) => _all[name] is { } value && !(value is JsonValue text && text.TryGetValue<string>(out var t) && t.Length == 0);

    /// <summary>Shows nothing: a password may be in it.</summary>
    public override string ToString() => "[submission]";

    private static async Task<(JsonObject? All, bool IsForm, KratosError? Error)> ReadForm(HttpRequest request)
    {
        try
        {
            var options = new FormOptions
            {
                KeyLengthLimit = 256, ValueLengthLimit = Limit, ValueCountLimit = MostFields, MultipartBodyLengthLimit = Limit,
                BufferBodyLengthLimit = Limit, MemoryBufferThreshold = Limit,
            };
            var all = new JsonObject();
            foreach (var (name, values) in await request.ReadFormAsync(options, request.HttpContext.RequestAborted))
            {
                // Of a box that is ticked, its default comes first.
                if (values.Count > 0 && !Put(all, name, values[^1] ?? ""))
                {
                    return (null, true, KratosError.Undecodable("the form cannot be read."));
                }
            }

            return (all, true, null);
        }
        catch (Exception e) when (e is InvalidDataException or DecoderFallbackException or NotSupportedException)
        {
            return (null, true, KratosError.Undecodable("the form cannot be read."));
        }
    }

    // Who sends nothing at all sends an empty object: the query may say everything.
    private static async Task<(JsonObject? All, bool IsForm, KratosError? Error)> ReadJson(HttpContext context)
    {
        var body = new ArrayBufferWriter<byte>(1024);
        while (true)
        {
            var read = await context.Request.Body.ReadAsync(body.GetMemory(1024), context.RequestAborted);
            if (read == 0)
            {
                break;
            }

            body.Advance(read);
            if (body.WrittenCount > Limit)
            {
                return (null, false, new KratosError(413));
            }
        }

        if (body.WrittenCount == 0)
        {
            return ([], false, null);
        }

        var isJson = MediaTypeHeaderValue.TryParse(context.Request.ContentType, out var type)
            && type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase);
        return !isJson ? (null, false, new KratosError(415))
            : Parse(body.WrittenSpan) is { } all ? (all, false, null)
            : (null, false, KratosError.Undecodable("the body is not one JSON object."));
    }

    private static JsonObject? Parse(ReadOnlySpan<byte> body)
    {
        try
        {
            // Written once more: a text that is half a character would fail wherever it is used first.
            return JsonNode.Parse(body, documentOptions: Strict) is JsonObject all && all.ToJsonString().Length > 0 ? all : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            return null;
        }
    }

    private static bool Put(JsonObject all, string name, string value)
    {
        var path = name.Split('.');
        if (path.Length > Deepest || path.Any(p => p.Length == 0))
        {
            return false;
        }

        var into = all;
        foreach (var part in path[..^1])
        {
            if (into[part] is not JsonObject next)
            {
                into[part] = next = [];
            }

            into = next;
        }

        into[path[^1]] = value;
        return true;
    }
}
