using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Applications;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Finds the application of every call, and holds those of programmes to their token and its permissions before anything else.</summary>
internal static class KratosGate
{
    private const string Proof = "an access token, with or without Bearer";

    /// <summary>What was found out about the call.</summary>
    /// <param name="context">The request.</param>
    public static KratosCall Kratos(this HttpContext context) =>
        context.Features.Get<KratosCall>() ?? throw new InvalidOperationException("This route is none of Kratos's.");

    /// <summary>Needs an access token with permissions.</summary>
    /// <param name="route">The route.</param>
    /// <param name="permissions">All that it must hold.</param>
    public static RouteHandlerBuilder RequireKratosToken(this RouteHandlerBuilder route, params Permission[] permissions) =>
        route.RequireDialectProof(Proof).AddEndpointFilter(
            async (context, next) => await Refuse(context.HttpContext, permissions) is { } refused ? new Problem(refused) : await next(context));

    /// <summary>Notes the application of a call, and the header that every answer bears.</summary>
    /// <param name="context">The call.</param>
    /// <param name="next">The rest.</param>
    public static async ValueTask<object?> FindApplication(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        http.Response.Headers.CacheControl = KratosJson.CacheControl;
        await Note(http, null);
        return await next(context);
    }

    private static async Task Note(HttpContext context, ApplicationId? usual)
    {
        var served = await context.RequestServices.GetRequiredService<ApplicationOfHost>().Run(context.Visitor(), usual, context.RequestAborted);
        var mount = context.GetEndpoint()!.Metadata.GetRequiredMetadata<KratosMount>();
        var origin = served.Origin.GetLeftPart(UriPartial.Authority);
        var options = context.RequestServices.GetRequiredService<KratosOptions>();
        context.Features.Set(new KratosCall(
            served.Application, options, options.PublicUrl ?? origin + mount.Public, options.AdminUrl ?? origin + mount.Admin));
    }

    private static async Task<Refusal?> Refuse(HttpContext context, Permission[] permissions)
    {
        var authentication = context.RequestServices.GetRequiredService<Authentication>();
        var found = context.IsLocal()
            ? await authentication.LocalOperator(context.Visitor(), context.RequestAborted)
            : await authentication.Authenticate(context.Visitor(), TokenOf(context), context.RequestAborted);
        if (found.Refusal is { } unknown)
        {
            return unknown;
        }

        var caller = found.Value;
        context.Features.Set(caller);
        if (permissions.Select(p => caller.Grant.Demand(p)).FirstOrDefault(m => m is not null) is { } missing)
        {
            var route = $"{context.Request.Method} {(context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText}";
            await context.RequestServices.GetRequiredService<RecordRefusal>().Run(caller, missing.Code, route);
            return missing;
        }

        if (caller.Application is { } own)
        {
            await Note(context, own);
        }

        return HttpMethods.IsGet(context.Request.Method)
            ? null
            : await context.RequestServices.GetRequiredService<Velocity>().Spend(caller, context.RequestAborted);
    }

    // One of the vendor's clients can send its key only as the whole header.
    private static SecretText TokenOf(HttpContext context)
    {
        var header = context.Request.Headers.Authorization.ToString().Trim();
        return header.Contains(' ', StringComparison.Ordinal) ? context.BearerToken() : new SecretText(header);
    }
}
