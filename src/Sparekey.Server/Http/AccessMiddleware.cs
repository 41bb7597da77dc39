using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Access;
using Sparekey.Engine.Sessions;
using Sparekey.Engine.Tenants;

namespace Sparekey.Server.Http;

/// <summary>
/// Finds the tenant and the caller of a request and holds the route's declaration against them. Closed by default: a route
/// without a declaration is answered with an error, whoever calls it.
/// </summary>
/// <param name="next">The endpoint.</param>
/// <param name="authentication">Knows access tokens.</param>
/// <param name="sessions">Knows session tokens.</param>
/// <param name="operators">Knows who acts on others with one.</param>
/// <param name="tenants">Knows hosts.</param>
/// <param name="velocity">Counts what tokens do.</param>
/// <param name="limiter">Counts what addresses do.</param>
/// <param name="refusals">Keeps the record of refusals.</param>
/// <param name="events">Counts what strangers are refused.</param>
/// <param name="origins">Knows strangers' pages.</param>
/// <param name="log">The log.</param>
internal sealed partial class AccessMiddleware(
    RequestDelegate next, Authentication authentication, SessionAuthentication sessions, OperatorAuthentication operators, TenantOfHost tenants,
    Velocity velocity, SourceLimiter limiter, RecordRefusal refusals, SecurityEvents events, OriginCheck origins,
    ILogger<AccessMiddleware> log)
{
    private const string TenantHeader = "Sparekey-Tenant";

    /// <summary>Runs the endpoint if the route's declaration allows it.</summary>
    /// <param name="context">The request.</param>
    public async Task InvokeAsync(HttpContext context)
    {
        var refusal = context.GetEndpoint() is { } endpoint && !IsFrameworks(endpoint) ? await Admit(context, endpoint) : NoRoute(context);
        if (refusal is null)
        {
            await next(context);
            return;
        }

        if (context.Features.Get<Caller>() is null && context.Features.Get<Visitor>() is { } stranger)
        {
            events.Count(stranger.Tenant, refusal.Code);
        }

        await new Problem(refusal).ExecuteAsync(context);
    }

    // The framework's own answers to a wrong method and a wrong media type are endpoints too; they do nothing.
    private static bool IsFrameworks(Endpoint endpoint) =>
        endpoint is not RouteEndpoint && endpoint.Metadata.GetMetadata<RouteAccess>() is null
        && endpoint.DisplayName is "405 HTTP Method Not Supported" or "415 HTTP Unsupported Media Type";

    // What is only for the machine's operator does not exist for others, and so has no wrong methods either.
    private Refusal? NoRoute(HttpContext context) =>
        CountSource(context)
        ?? (context.Request.Path.StartsWithSegments("/local", StringComparison.OrdinalIgnoreCase) && !context.IsLocal()
            ? RefusalCode.RouteNotFound
            : (Refusal?)null);

    private Refusal? CountSource(HttpContext context) => context.IsLocal() ? null : limiter.Count(context.Source());

    private async Task<Refusal?> Admit(HttpContext context, Endpoint endpoint)
    {
        var declared = endpoint.Metadata.GetOrderedMetadata<RouteAccess>();
        if (declared is not [var access])
        {
            LogUndeclared(log, endpoint.DisplayName);
            return RefusalCode.InternalError;
        }

        if (endpoint.Metadata.GetMetadata<AnyHost>() is not null && access is RouteAccess.Public)
        {
            return CountSource(context);
        }

        var tenant = await TenantOf(context);
        if (tenant.Refusal is { } unknown)
        {
            return CountSource(context) ?? unknown;
        }

        var visitor = new Visitor(tenant.Value, context.Source(), context.CorrelationId()) 
        {
            Host = context.Request.Host.Value ?? "",
            Surface = context.IsLocal() ? "cli" : endpoint.Metadata.GetMetadata<Surface>()?.Name ?? "native",
        };
        context.Features.Set(visitor);
        if (endpoint.Metadata.GetMetadata<CheckedOrigin>() is not null && await origins.IsForeign(context, visitor.Tenant))
        {
            return CountSource(context) ?? RefusalCode.OriginNotAllowed;
        }

        return access switch
        {
            RouteAccess.Requires required => await AdmitCaller(context, visitor, required.Permission),
            RouteAccess.Local => await AdmitLocalOperator(context, visitor),
            RouteAccess.Session session => await AdmitSession(context, visitor, session.Allowed),
            _ => CountSource(context),
        };
    }

    private async Task<Refusal?> AdmitLocalOperator(HttpContext context, Visitor visitor)
    {
        if (!context.IsLocal())
        {
            return CountSource(context) ?? RefusalCode.RouteNotFound;
        }

        context.Features.Set((await authentication.LocalOperator(visitor, context.RequestAborted)).Value);
        return null;
    }

    private async Task<Refusal?> AdmitSession(HttpContext context, Visitor visitor, SessionRestriction? allowed)
    {
        if (CountSource(context) is { } tooMany)
        {
            return tooMany;
        }

        var found = await sessions.Authenticate(visitor.Tenant, context.BearerToken(), allowed, context.RequestAborted);
        if (found.Refusal is { } refused)
        {
            return refused;
        }

        context.Features.Set(new SessionCaller(visitor.Tenant, visitor.Source, visitor.CorrelationId, found.Value) { Host = visitor.Host, Surface = visitor.Surface });
        return null;
    }

    private async Task<Refusal?> AdmitCaller(HttpContext context, Visitor visitor, Permission permission)
    {
        var found = context.IsLocal()
            ? await authentication.LocalOperator(visitor, context.RequestAborted)
            : OperatorAuthentication.Takes(context.BearerToken())
                ? await operators.Authenticate(visitor, context.BearerToken(), context.RequestAborted)
                : await authentication.Authenticate(visitor, context.BearerToken(), context.RequestAborted);
        if (found.Refusal is { } unauthenticated)
        {
            return CountSource(context) ?? unauthenticated;
        }

        var caller = found.Value;
        context.Features.Set(caller);
        if (caller.Grant.Demand(permission) is { } missing)
        {
            await refusals.Run(caller, missing.Code, Route(context));
            return missing;
        }

        return HttpMethods.IsGet(context.Request.Method)
            ? null
            : await velocity.Spend(caller, context.RequestAborted);
    }

    private async Task<Result<TenantId>> TenantOf(HttpContext context)
    {
        if (!context.IsLocal())
        {
            return await tenants.Resolve(context.Request.Host.Value ?? "", context.RequestAborted);
        }

        var name = context.Request.Headers[TenantHeader].ToString();
        return name.Length == 0
            ? TenantId.Default
            : TenantId.TryParse(name, out var tenant) && await tenants.Exists(tenant, context.RequestAborted)
                ? tenant
                : RefusalCode.TenantNotFound;
    }

    private static string Route(HttpContext context) =>
        $"{context.Request.Method} {(context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText}";

    [LoggerMessage(Level = LogLevel.Critical, Message = "The route {Route} does not declare who may call it, and stays closed")]
    private static partial void LogUndeclared(ILogger logger, string? route);
}
