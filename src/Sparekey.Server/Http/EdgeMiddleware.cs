using System.Security.Cryptography;
using Sparekey.Core;
using Sparekey.Engine.Storage;

namespace Sparekey.Server.Http;

/// <summary>
/// The outermost layer: gives every request an id, every answer its headers, and every failure one clear problem. No message
/// of an exception ever leaves.
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
        var headers = context.Response.Headers;
        headers[CorrelationHeader] = correlationId;
        headers.XContentTypeOptions = "nosniff";
        headers["Referrer-Policy"] = "no-referrer";
        headers.CacheControl = "no-store";
        using var scope = log.BeginScope(new Dictionary<string, object>(StringComparer.Ordinal) { ["correlation_id"] = correlationId });
        try
        {
            await next(context);
            if (!context.Response.HasStarted && context.GetEndpoint() is null && context.Response.StatusCode == 404)
            {
                await new Problem(RefusalCode.RouteNotFound).ExecuteAsync(context);
            }
            else if (!context.Response.HasStarted && context.Response.StatusCode == 405)
            {
                await new Problem(RefusalCode.MethodNotAllowed).ExecuteAsync(context);
            }
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The caller went away. What was committed stays committed.
        }
        catch (BadHttpRequestException e)
        {
            await Answer(context, e.StatusCode == 413 ? RefusalCode.BodyTooLarge : RefusalCode.InvalidRequest);
        }
        catch (StorageUnavailableException e)
        {
            LogStorage(log, e);
            await Answer(context, new Refusal(RefusalCode.StorageUnavailable) { RetryAfter = TimeSpan.FromSeconds(5) });
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogBug(log, e);
            await Answer(context, RefusalCode.InternalError);
        }
    }

    private static async Task Answer(HttpContext context, Refusal refusal)
    {
        if (!context.Response.HasStarted)
        {
            await new Problem(refusal).ExecuteAsync(context);
        }
    }

    // A caller may bring an id of its own, if it cannot do harm in a log.
    private static string CorrelationIdOf(HttpContext context)
    {
        var given = context.Request.Headers[CorrelationHeader].ToString();
        return given is { Length: >= 1 and <= 64 } && given.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-')
            ? given
            : Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(12));
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Storage is not available")]
    private static partial void LogStorage(ILogger logger, Exception exception);

    [LoggerMessage(Level = LogLevel.Error, Message = "A request failed")]
    private static partial void LogBug(ILogger logger, Exception exception);
}
