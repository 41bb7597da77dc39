using Microsoft.AspNetCore.Http.Features;

namespace Sparekey.Server.Http;

/// <summary>
/// Names the framework's span of a request after its route, and ties it to the log. What a caller wrote (path, query, headers) is never
/// put there: people paste secrets into paths, and some protocols carry theirs in one.
/// </summary>
/// <param name="next">The rest.</param>
internal sealed class RequestSpan(RequestDelegate next)
{
    /// <summary>Runs the request.</summary>
    /// <param name="context">The request.</param>
    public async Task InvokeAsync(HttpContext context)
    {
        var method = MethodOf(context.Request.Method);
        await next(context);
        if (context.Features.Get<IHttpActivityFeature>()?.Activity is not { IsAllDataRequested: true } span)
        {
            return;
        }

        var route = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText;
        span.DisplayName = route is null ? method : $"{method} {route}";
        span.SetTag("http.request.method", method).SetTag("http.route", route)
            .SetTag("http.response.status_code", context.Response.StatusCode).SetTag("sparekey.correlation_id", context.CorrelationId());
        if (context.Response.StatusCode >= StatusCodes.Status500InternalServerError)
        {
            span.SetStatus(System.Diagnostics.ActivityStatusCode.Error);
        }
    }

    // A method is whatever the caller wrote: only known ones are told.
    private static string MethodOf(string method) =>
        HttpMethods.IsGet(method) || HttpMethods.IsHead(method) || HttpMethods.IsPost(method) || HttpMethods.IsPut(method)
        || HttpMethods.IsPatch(method) || HttpMethods.IsDelete(method) || HttpMethods.IsOptions(method)
            ? method.ToUpperInvariant()
            : "_OTHER";
}
