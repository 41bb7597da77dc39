using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Engine.Access;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>The <c>Idempotency-Key</c> header: a quoted string (RFC 9651 §3.3.3) or the bare key, 1 to 255 printable characters.</summary>
internal static class Idempotent
{
    /// <summary>Reads the header of a call whose body was read.</summary>
    /// <typeparam name="T">What the use case answers.</typeparam>
    /// <param name="context">The request.</param>
    /// <param name="view">The answer as it stands on the wire.</param>
    /// <param name="secrets">The members of the answer that a replay withholds.</param>
    /// <param name="status">The status of success.</param>
    /// <returns>The key, null when there is none, or <see cref="RefusalCode.IdempotencyKeyInvalid"/>.</returns>
    public static Result<Once<T>> Read<T>(HttpContext context, Func<T, object> view, string[] secrets, int status)
        where T : class
    {
        var values = context.Request.Headers["Idempotency-Key"];
        if (values.Count == 0)
        {
            return new Once<T>(null);
        }

        var key = values.Count == 1 ? Unquote(values[0]!.Trim()) : null;
        if (key is not { Length: >= 1 and <= 255 } || key.Any(c => c is < ' ' or > '~'))
        {
            return RefusalCode.IdempotencyKeyInvalid;
        }

        var route = $"{context.Request.Method} {(context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText}";
        var payload = new ArrayBufferWriter<byte>();
        payload.Write(Encoding.UTF8.GetBytes($"{context.Request.Path}{context.Request.QueryString}\n"));
        payload.Write(context.Features.Get<RawBody>()?.Bytes ?? []);
        return new Once<T>(new OnceKey<T>(
            key, route, payload.WrittenSpan.ToArray(), value => new StoredAnswer(status, Withhold(view(value), secrets))));
    }

    /// <summary>What happened, now or before, as an answer.</summary>
    /// <param name="result">What the use case answered.</param>
    /// <param name="view">The answer as it stands on the wire.</param>
    /// <param name="status">The status of success.</param>
    public static IResult ToAnswer<T>(this Result<Happened<T>> result, Func<T, object> view, int status)
        where T : class =>
        result switch
        {
            { Refusal: { } refusal } => new Problem(refusal),
            { Value.Replay: { } replay } => Results.Text(replay.Body, "application/json", Encoding.UTF8, replay.Status),
            _ => Answers.Json(view(result.Value.Fresh!), status),
        };

    private static string? Unquote(string value)
    {
        if (!value.StartsWith('"'))
        {
            return value.Contains('"', StringComparison.Ordinal) ? null : value;
        }

        return value.Length >= 2 && value.EndsWith('"') && !value[1..^1].Contains('"', StringComparison.Ordinal)
            && !value.Contains('\\', StringComparison.Ordinal)
            ? value[1..^1]
            : null;
    }

    private static string Withhold(object view, string[] secrets)
    {
        var body = JsonSerializer.SerializeToNode(view, WireJson.Options)!.AsObject();
        var withheld = secrets.Where(s => body.Remove(s)).ToList();
        if (withheld.Count > 0)
        {
            body["secret_withheld"] = JsonValue.Create(true);
        }

        return body.ToJsonString(WireJson.Options);
    }
}

/// <summary>The idempotency key of a call, or none.</summary>
/// <typeparam name="T">What the use case answers.</typeparam>
/// <param name="Key">The key.</param>
internal sealed record Once<T>(OnceKey<T>? Key)
    where T : class;
