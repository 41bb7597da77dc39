using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Secrets;

namespace Sparekey.Server.Http;

/// <summary>What the body of a route holds; null when it takes none. Describes; <see cref="StrictBody"/> reads.</summary>
/// <param name="Type">The type that is read.</param>
internal sealed record RequestBody(Type? Type);

/// <summary>The description of the native API, <c>/openapi/v1.json</c>: who may call each operation, and what it takes.</summary>
internal static class OpenApi
{
    private const string Bearer = "bearer";

    /// <summary>Describes the body of a route.</summary>
    /// <typeparam name="TBody">What <see cref="StrictBody"/> reads there.</typeparam>
    /// <param name="route">The route.</param>
    public static RouteHandlerBuilder Takes<TBody>(this RouteHandlerBuilder route)
        where TBody : class => route.WithMetadata(new RequestBody(typeof(TBody)));

    /// <summary>Says that a route which could have a body takes none.</summary>
    /// <param name="route">The route.</param>
    public static RouteHandlerBuilder TakesNothing(this RouteHandlerBuilder route) => route.WithMetadata(new RequestBody(Type: null));

    /// <summary>Registers the description.</summary>
    /// <param name="services">The services.</param>
    public static IServiceCollection AddSparekeyOpenApi(this IServiceCollection services) => services.AddOpenApi("v1", options =>
    {
        // Bodies of different routes have the same short names; each stands where it is used.
        options.CreateSchemaReferenceId = _ => null;
        options.AddDocumentTransformer((document, _, _) =>
        {
            // Paths are relative to wherever it was read: an origin that a request names is none to hand on.
            document.Servers = [];
            document.Info = new OpenApiInfo { Title = "Sparekey", Version = "v1", Description = "One audited API for account recovery." };
            return Task.CompletedTask;
        });
        options.AddSchemaTransformer((schema, context, _) =>
        {
            Describe(schema, context.JsonTypeInfo);
            return Task.CompletedTask;
        });
        options.AddOperationTransformer(Describe);
    });

    /// <summary>Maps the description. It is made when it is asked for first, and once: anybody may ask, and it costs half a second.</summary>
    /// <param name="root">The root.</param>
    public static void MapSparekeyOpenApi(this IEndpointRouteBuilder root)
    {
        var document = new Lazy<Task<byte[]>>(() => Make(root.ServiceProvider));
        root.MapGet("/openapi/v1.json", async () => Results.Bytes(await document.Value, "application/json;charset=utf-8"))
            .ExcludeFromDescription().Public("Documentation is for everybody.").WithMetadata(new AnyHost());
    }

    private static async Task<byte[]> Make(IServiceProvider services)
    {
        var document = await services.GetRequiredKeyedService<IOpenApiDocumentProvider>("v1").GetOpenApiDocumentAsync();
        using var bytes = new MemoryStream();
        await document.SerializeAsync(bytes, OpenApiSpecVersion.OpenApi3_1, "json", CancellationToken.None);
        return bytes.ToArray();
    }

    private static async Task Describe(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        var access = metadata.OfType<RouteAccess>().FirstOrDefault();
        operation.Extensions ??= new Dictionary<string, IOpenApiExtension>(StringComparer.Ordinal);
        operation.Extensions["x-access"] = new JsonNodeExtension(JsonValue.Create(Describe(access)));
        operation.Responses ??= [];
        if (operation.Responses.Remove("200"))
        {
            operation.Responses["2XX"] = new OpenApiResponse { Description = "Done." };
        }

        operation.Responses["default"] = new OpenApiResponse
        {
            Description = "A problem (RFC 9457); its code is stable.",
            Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal)
            {
                [Problem.MediaType] = new() { Schema = await context.GetOrCreateSchemaAsync(typeof(ProblemDocument), null, cancellationToken) },
            },
        };
        if (metadata.OfType<RequestBody>().FirstOrDefault()?.Type is { } body)
        {
            operation.RequestBody = new OpenApiRequestBody
            {
                Required = true,
                Content = new Dictionary<string, OpenApiMediaType>(StringComparer.Ordinal)
                {
                    ["application/json"] = new() { Schema = await context.GetOrCreateSchemaAsync(body, null, cancellationToken) },
                },
            };
        }

        if (access is RouteAccess.Requires or RouteAccess.Session or RouteAccess.Redemption && context.Document is { } document)
        {
            document.AddComponent(Bearer, new OpenApiSecurityScheme { Type = SecuritySchemeType.Http, Scheme = Bearer });
            operation.Security = [new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(Bearer, document)] = [] }];
        }
    }

    private static string Describe(RouteAccess? access) => access switch
    {
        RouteAccess.Requires required => required.Permission.Name(),
        RouteAccess.Public open => $"public: {open.Reason}",
        RouteAccess.Local => "local operator",
        RouteAccess.Session => "session",
        RouteAccess.Redemption => "redemption",
        RouteAccess.Dialect dialect => dialect.Proof,
        _ => "closed",
    };

    // What the wire's own converters write is unknown to the framework.
    private static void Describe(OpenApiSchema schema, JsonTypeInfo type)
    {
        if (type.Kind == JsonTypeInfoKind.Enumerable && schema.Items is null)
        {
            var item = new OpenApiSchema();
            Describe(item, WireJson.Options.GetTypeInfo(type.ElementType!));
            schema.Items = item;
            return;
        }

        var actual = Nullable.GetUnderlyingType(type.Type) ?? type.Type;
        var isId = actual.IsValueType && actual.GetInterfaces().Any(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IId<>));
        if (!actual.IsEnum && !isId && actual != typeof(DateTimeOffset) && actual != typeof(SecretText))
        {
            return;
        }

        schema.Type = actual == type.Type ? JsonSchemaType.String : JsonSchemaType.String | JsonSchemaType.Null;
        schema.Format = isId ? "uuid" : actual == typeof(DateTimeOffset) ? "date-time" : null;
        schema.Enum = actual.IsEnum ? [.. WireJson.NamesOf(actual).Select(n => (JsonNode)JsonValue.Create(n))] : null;
        schema.Properties?.Clear();
        schema.Description = actual == typeof(SecretText) ? "A secret in clear." : schema.Description;
    }
}
