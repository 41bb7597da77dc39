using System.Text.Json;
using Sparekey.Core.Access;
using Sparekey.Engine.Schemas;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>Schemas of accounts' traits.</summary>
internal static class IdentitySchemasApi
{
    private const int BodyLimit = 80 * 1024;

    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of <c>/v1</c>.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/identity-schemas").WithTags("identity schemas");
        group.MapGet("/", List).RequirePermission(Permission.AccountRead).WithSummary("Lists the schemas that traits keep to.");
        group.MapPut("/{id}", Set).Takes<SchemaBody>().RequirePermission(Permission.TenantAdmin)
            .WithSummary("Sets a schema: draft-07 of JSON Schema, with ory.sh/kratos beside identifiers and addresses.");
    }

    /// <summary>All schemas by name; there is always <c>default</c>.</summary>
    private static async Task<IResult> List(HttpContext context, IdentitySchemas schemas) =>
        Answers.Json(new SchemaList([.. (await schemas.List(context.Caller().Tenant, context.RequestAborted)).Select(View)]));

    /// <summary>Sets a schema. Refused: <c>invalid_request</c> with everything that is wrong with the document, <c>above_ceiling</c>.</summary>
    private static async Task<IResult> Set(HttpContext context, IdentitySchemas schemas)
    {
        var body = await StrictBody.Read<SchemaBody>(context, BodyLimit);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await schemas.Set(context.Caller(), context.Request.RouteValues["id"] as string ?? "", body.Value.Document.GetRawText(), context.RequestAborted))
                .ToAnswer(View);
    }

    private static object View(NamedSchema named) => new SchemaView(named.Id, named.Schema.Document);

    private sealed record SchemaBody(JsonElement Document);

    private sealed record SchemaView(string Id, JsonElement Document);

    private sealed record SchemaList(IReadOnlyList<object> IdentitySchemas);
}
