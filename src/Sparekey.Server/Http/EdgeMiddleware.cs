using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Sparekey.Core;
using Sparekey.Engine.Storage;

namespace Sparekey.Server.Http;

/// <summary>
/// The outermost layer: gives every request an id, every answer its headers, and every failure one clear problem. No message
/// of an exception ever leaves, and none of an unexpected one is logged: it may quote what a caller sent.
/// </summary>
/// <param name="next">The rest.</param>
/// <param name="log">The log.</param>
internal sealed partial class EdgeMiddleware(RequestDelegate next, ILogger<EdgeMiddleware> log)
{
    private const string CorrelationHeader = "X-Request-Id";

    /// <summary>Runs the request.</summary>
    /// <param name="context">The request.</param>
    public async Task InvokeAsync(HttpContext context)
    {
        var correlationId = CorrelationIdOf(context);
        context.SetCorrelationId(correlationId);
        SetHeaders(context);
        if (HttpMethods.IsHead(context.Request.Method))
        {
            // HEAD is GET without the body (RFC 9110 §9.3.2), which the server itself leaves out.
            context.Request.Method = HttpMethods.Get;
        }

        using var scope = log.BeginScope(new Dictionary<string, object>(StringComparer.Ordinal) { ["correlation_id"] = correlationId });
        if (await Run(context) is not { } refusal)
        {
            return;
        }

        if (context.Response.HasStarted)
        {
            // Half an answer must not look like a whole one.
            context.Abort();
            return;
        }

        var allow = context.Response.Headers.Allow;
        context.Response.Clear();
        SetHeaders(context);
        context.Response.Headers.Allow = allow;
        await new Problem(refusal).ExecuteAsync(context);
    }

    [SuppressMessage("Design", "CA1031", Justification = "The edge is where every exception is answered, whatever it is.")]
    private async Task<Refusal?> Run(HttpContext context)
    {
        try
        {
            await next(context);
            return LeftUnanswered(context);
        }
        catch (BadHttpRequestException e)
        {
            return e.StatusCode switch
            {
                StatusCodes.Status413PayloadTooLarge => RefusalCode.BodyTooLarge,
                StatusCodes.Status415UnsupportedMediaType => RefusalCode.UnsupportedMediaType,
                _ => RefusalCode.InvalidRequest,
            };
        }
        catch (StorageUnavailableException e)
        {
            LogStorage(log, e);
            return new Refusal(RefusalCode.StorageUnavailable) { RetryAfter = TimeSpan.FromSeconds(5) };
        }
        catch (UnstorableTextException)
        {
            return RefusalCode.InvalidRequest;
        }
        catch (Exception e) when (context.RequestAborted.IsCancellationRequested || e is ConnectionResetException)
        {
            return null; // The caller went away. What was committed stays committed.
        }
        catch (Exception e)
        {
            LogBug(log, (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText, Outline(e));
            return RefusalCode.InternalError;
        }
    }

    // The framework answers unknown routes, wrong methods and wrong media types with a bare status.
    private static Refusal? LeftUnanswered(HttpContext context) =>
        context.Response.HasStarted || context.GetEndpoint() is RouteEndpoint
            ? null
            : context.Response.StatusCode switch
            {
                StatusCodes.Status404NotFound => RefusalCode.RouteNotFound,
                StatusCodes.Status405MethodNotAllowed => RefusalCode.MethodNotAllowed,
                StatusCodes.Status415UnsupportedMediaType => RefusalCode.UnsupportedMediaType,
                _ => (Refusal?)null,
            };

    private static void SetHeaders(HttpContext context)
    {
        var headers = context.Response.Headers;
        headers[CorrelationHeader] = context.CorrelationId();
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers.CacheControl = "no-store";
    }

    // A caller may bring an id of its own, if it cannot do harm in a log.
    private static string CorrelationIdOf(HttpContext context)
    {
        var given = context.Request.Headers[CorrelationHeader].ToString();
        return given is { Length: >= 1 and <= 64 } && given.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-')
            ? given
            : Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(12));
    }

    // Types and places, without messages.
    private static string Outline(Exception exception)
    {
        var text = new StringBuilder();
        for (var e = exception; e is not null; e = e.InnerException)
        {
            text.Append(e.GetType().FullName).Append('\n').Append(e.StackTrace).Append('\n');
        }

        return text.ToString();
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Storage is not available")]
    private static partial void LogStorage(ILogger logger, Exception exception);

    [LoggerMessage(Level = LogLevel.Error, Message = "A request of {Route} failed: {Outline}")]
    private static partial void LogBug(ILogger logger, string? route, string outline);
}
