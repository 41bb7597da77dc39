using Sparekey.Engine.Applications;
using Sparekey.Engine.Tenants;

namespace Sparekey.Server.Http;

/// <summary>
/// Pages of a tenant's applications may call the route from their own origin (Fetch §3.3). No route has this unless it says so.
/// </summary>
/// <param name="Headers">The request headers they may send, in lower case.</param>
/// <param name="Credentials">Whether browsers send cookies along, as far as those let them.</param>
/// <param name="Methods">The methods they may use.</param>
internal sealed record CrossOrigin(string Headers, bool Credentials = false, string Methods = "GET, POST, PUT, DELETE");

/// <summary>Tells browsers which pages may call routes that declare <see cref="CrossOrigin"/>, and answers their question before the call.</summary>
/// <param name="next">The rest.</param>
/// <param name="tenants">Knows hosts.</param>
/// <param name="origins">Knows where pages of applications come from.</param>
internal sealed class CrossOriginMiddleware(RequestDelegate next, TenantOfHost tenants, ApplicationOrigins origins)
{
    /// <summary>Runs the request.</summary>
    /// <param name="context">The request.</param>
    public async Task InvokeAsync(HttpContext context)
    {
        var origin = context.Request.Headers.Origin.ToString();
        if (context.GetEndpoint()?.Metadata.GetMetadata<CrossOrigin>() is { } allowed)
        {
            var isOurs = origin.Length > 0 && await IsOfTenant(context, origin);

            // Last of all, so that a refusal that is written anew says it too: a page must be able to read why.
            context.Response.OnStarting(() =>
            {
                context.Response.Headers.Append("Vary", "Origin");
                if (isOurs)
                {
                    context.Response.Headers.AccessControlAllowOrigin = origin;
                    if (allowed.Credentials)
                    {
                        context.Response.Headers.AccessControlAllowCredentials = "true";
                    }
                }

                return Task.CompletedTask;
            });
            if (HttpMethods.IsOptions(context.Request.Method) && context.Request.Headers.AccessControlRequestMethod.Count > 0)
            {
                AnswerQuestion(context, isOurs, allowed);
                return;
            }
        }

        await next(context);
    }

    private static void AnswerQuestion(HttpContext context, bool isOurs, CrossOrigin allowed)
    {
        context.Response.StatusCode = StatusCodes.Status204NoContent;
        if (isOurs)
        {
            context.Response.Headers.AccessControlAllowMethods = allowed.Methods;
            context.Response.Headers.AccessControlAllowHeaders = allowed.Headers;
            context.Response.Headers.AccessControlMaxAge = "600";
        }
    }

    private async Task<bool> IsOfTenant(HttpContext context, string origin)
    {
        var tenant = await tenants.Resolve(context.Request.Host.Value ?? "", context.RequestAborted);
        return tenant.Refusal is null && await origins.Contain(tenant.Value, origin, context.RequestAborted);
    }
}
