using System.Globalization;
using Sparekey.Core;
using Sparekey.Engine;

namespace Sparekey.Server.Http;

/// <summary>Answers a refusal as a problem document (RFC 9457): stable code, documented type, nothing an attacker could use.</summary>
/// <param name="refusal">The refusal.</param>
internal sealed class Problem(Refusal refusal) : IResult
{
    /// <summary>The refusal.</summary>
    public RefusalCode Code => refusal.Code;

    /// <summary>The media type (RFC 9457 §3).</summary>
    public const string MediaType = "application/problem+json";

    /// <summary>Says when to come back, where a refusal says it (RFC 9110 §10.2.3).</summary>
    /// <param name="response">The answer.</param>
    /// <param name="refusal">The refusal.</param>
    public static void SayWhenToComeBack(HttpResponse response, Refusal refusal)
    {
        if (refusal.RetryAfter is { } retryAfter)
        {
            response.Headers.RetryAfter = Math.Max(1, (long)Math.Ceiling(retryAfter.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        }
    }

    /// <summary>Writes the document.</summary>
    /// <param name="httpContext">The request.</param>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        var status = ProblemKinds.Of(refusal.Code).Status;
        var response = httpContext.Response;
        response.StatusCode = status;
        response.Headers.CacheControl = "no-store";
        SayWhenToComeBack(response, refusal);
        if (refusal.Recovery is { } waits)
        {
            response.Headers["Sparekey-Recovery"] = waits.ToString();
        }

        if (httpContext.GetEndpoint()?.Metadata.GetMetadata<ProblemForDialect>() is { } dialect)
        {
            return dialect.Write(httpContext, refusal);
        }

        if (refusal.Code is RefusalCode.Unauthenticated or RefusalCode.SessionInvalid or RefusalCode.RedemptionInvalid)
        {
            response.Headers.WWWAuthenticate = "Bearer";
        }

        if (httpContext.GetEndpoint()?.Metadata.GetMetadata<ProblemForPeople>() is { } people)
        {
            return people.Write(httpContext, refusal.Code, status);
        }

        return WriteDocument(httpContext, refusal);
    }

    /// <summary>Writes the document alone; status and headers are already set.</summary>
    /// <param name="context">The request.</param>
    /// <param name="refusal">The refusal.</param>
    public static Task WriteDocument(HttpContext context, Refusal refusal)
    {
        var (code, title) = (WireName.Of(refusal.Code), ProblemKinds.Of(refusal.Code).Title);
        var origin = context.RequestServices.GetRequiredService<EngineOptions>().Origin;
        var document = new ProblemDocument(
            new Uri(origin, $"/problems/{code}").ToString(), title, context.Response.StatusCode, code, context.CorrelationId(),
            refusal.Detail, refusal.Faults.Count == 0 ? null : refusal.Faults);
        return context.Response.WriteAsJsonAsync(document, WireJson.Options, MediaType, context.RequestAborted);
    }
}

/// <summary>Problems of the route are read by people: they are written as a page.</summary>
/// <param name="Write">Writes the page; status and headers are already set.</param>
internal sealed record ProblemForPeople(Func<HttpContext, RefusalCode, int, Task> Write);

/// <summary>
/// Problems of the route are read by clients of another product: they are written in that product's own form, whoever refused, from the
/// missing tenant to the exception that nobody expected.
/// </summary>
/// <param name="Write">Writes the answer, its status too; the headers are already set.</param>
internal sealed record ProblemForDialect(Func<HttpContext, Refusal, Task> Write);

/// <summary>A problem as it stands on the wire (RFC 9457 §3.1).</summary>
internal sealed record ProblemDocument(
    string Type, string Title, int Status, string Code, string CorrelationId, string? Detail = null,
    IReadOnlyList<FieldFault>? Errors = null);
