using System.Text.Json.Nodes;
using Microsoft.OpenApi;
using Sparekey.Core.Access;

namespace Sparekey.Server.Http;

/// <summary>The description of the native API, <c>/openapi/v1.json</c>: every operation says who may call it.</summary>
internal static class OpenApi
{
    /// <summary>Registers the description.</summary>
    /// <param name="services">The services.</param>
    public static IServiceCollection AddSparekeyOpenApi(this IServiceCollection services) => services.AddOpenApi("v1", options =>
    {
        options.AddDocumentTransformer((document, _, _) =>
        {
            document.Info = new OpenApiInfo { Title = "Sparekey", Version = "v1", Description = "One audited API for account recovery." };
            return Task.CompletedTask;
        });
        options.AddOperationTransformer((operation, context, _) =>
        {
            var access = context.Description.ActionDescriptor.EndpointMetadata.OfType<RouteAccess>().FirstOrDefault();
            operation.Extensions ??= new Dictionary<string, IOpenApiExtension>(StringComparer.Ordinal);
            operation.Extensions["x-access"] = new JsonNodeExtension(JsonValue.Create(Describe(access)));
            return Task.CompletedTask;
        });
    });

    /// <summary>Maps the description.</summary>
    /// <param name="root">The root.</param>
    public static void MapSparekeyOpenApi(this IEndpointRouteBuilder root) =>
        root.MapOpenApi("/openapi/{documentName}.json").Public("Documentation is for everybody.").WithMetadata(new AnyHost());

    private static string Describe(RouteAccess? access) => access switch
    {
        RouteAccess.Requires required => required.Permission.Name(),
        RouteAccess.Public open => $"public: {open.Reason}",
        RouteAccess.Local => "local operator",
        RouteAccess.Session => "session",
        RouteAccess.Redemption => "redemption",
        _ => "closed",
    };
}
