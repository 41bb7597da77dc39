using Sparekey.Engine.Tenants;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>The organisations on this server, for the operator of the machine.</summary>
internal static class TenantsApi
{
    /// <summary>Maps the routes.</summary>
    /// <param name="local">The group of <c>/local</c>.</param>
    public static void MapLocal(IEndpointRouteBuilder local)
    {
        local.MapPost("/tenants", Create);
        local.MapGet("/tenants", List);
    }

    private static async Task<IResult> Create(HttpContext context, ManageTenants manage)
    {
        var body = await StrictBody.Read<TenantBody>(context);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await manage.Create(context.Caller(), body.Value.Name, body.Value.Origin ?? "", context.RequestAborted))
                .ToAnswer(View, StatusCodes.Status201Created);
    }

    private static async Task<IResult> List(HttpContext context, ManageTenants manage) =>
        (await manage.List(context.Caller(), context.RequestAborted)).ToAnswer(all => new TenantList([.. all.Select(View)]));

    private static object View(Tenant tenant) => new TenantView(tenant.Name.ToString(), tenant.CreatedAt);

    private sealed record TenantBody(string Name, string? Origin = null);

    private sealed record TenantList(IReadOnlyList<object> Tenants);

    private sealed record TenantView(string Name, DateTimeOffset CreatedAt);
}
