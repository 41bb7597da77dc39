using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Sparekey.Core;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>
/// JSON as Kratos writes it: snake_case members, what is null left out, <c>&lt; &gt; &amp;</c> escaped, a line break at the end. A member
/// that is null on the wire says so itself (<see cref="JsonIgnoreCondition.Never"/>): its clients refuse every other null.
/// </summary>
internal static class KratosJson
{
    /// <summary>The header that every answer bears.</summary>
    public const string CacheControl = "private, no-cache, no-store, must-revalidate";

    /// <summary>The options of every body that is written.</summary>
    public static JsonSerializerOptions Options { get; } = WriteOptions();

    /// <summary>An answer.</summary>
    /// <param name="body">The body.</param>
    /// <param name="status">The status: clients compare it exactly.</param>
    /// <param name="isPlain">Whether <c>&lt; &gt; &amp;</c> stay as they are, for links that people copy.</param>
    public static IResult Answer(object body, int status = StatusCodes.Status200OK, bool isPlain = false) => new Written(body, status, isPlain);

    /// <summary>An answer that sends the client elsewhere.</summary>
    /// <param name="url">Where.</param>
    /// <param name="status">The status.</param>
    public static IResult Redirect(string url, int status = StatusCodes.Status303SeeOther) => new SentOn(url, status);

    /// <summary>An answer without a body.</summary>
    public static IResult Nothing { get; } = new Empty();

    /// <summary>The text of a body, with its line break.</summary>
    /// <param name="body">The body.</param>
    /// <param name="isPlain">Whether <c>&lt; &gt; &amp;</c> stay as they are.</param>
    public static string Text(object body, bool isPlain = false)
    {
        var text = JsonSerializer.Serialize(body, body.GetType(), Options) + "\n";

        // They stand in strings alone.
        return isPlain ? text
            : text.Replace("<", "\\u003c", StringComparison.Ordinal).Replace(">", "\\u003e", StringComparison.Ordinal)
                .Replace("&", "\\u0026", StringComparison.Ordinal);
    }

    /// <summary>A time as it stands on the wire: RFC 3339 in UTC, without zeros at the end of the fraction.</summary>
    /// <param name="time">The time.</param>
    public static string Time(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.FFF'Z'", CultureInfo.InvariantCulture);

    /// <summary>Reads an id. A malformed one is the nil UUID, which nothing has.</summary>
    /// <param name="text">The text.</param>
    public static TId Id<TId>(string? text)
        where TId : struct, IId<TId> => Guid.TryParseExact(text, "D", out var id) ? TId.From(id) : TId.From(Guid.Empty);

    internal static Task Write(HttpContext context, int status, string text, string contentType)
    {
        var response = context.Response;
        response.StatusCode = status;
        response.Headers.CacheControl = CacheControl;
        response.ContentType = contentType;
        var bytes = Encoding.UTF8.GetBytes(text);
        response.ContentLength = bytes.Length;
        return response.Body.WriteAsync(bytes, context.RequestAborted).AsTask();
    }

    private static JsonSerializerOptions WriteOptions()
    {
        var options = new JsonSerializerOptions(WireJson.Options);
        options.Converters.Insert(0, new Rfc3339());
        return options;
    }

    private sealed record Written(object Body, int Status, bool IsPlain) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext) =>
            Write(httpContext, Status, Text(Body, IsPlain), "application/json; charset=utf-8");
    }

    private sealed record SentOn(string Url, int Status) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.StatusCode = Status;
            httpContext.Response.Headers.Location = Url;
            httpContext.Response.Headers.CacheControl = CacheControl;
            return Task.CompletedTask;
        }
    }

    private sealed record Empty : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.StatusCode = StatusCodes.Status204NoContent;
            httpContext.Response.Headers.CacheControl = CacheControl;
            return Task.CompletedTask;
        }
    }

    private sealed class Rfc3339 : JsonConverter<DateTimeOffset>
    {
        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDateTimeOffset();

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) => writer.WriteStringValue(Time(value));
    }
}
