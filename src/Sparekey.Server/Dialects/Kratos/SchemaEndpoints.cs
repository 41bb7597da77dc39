using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.WebUtilities;
using Sparekey.Engine.Schemas;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>The schemas of traits, for everybody who builds a form from them.</summary>
internal static class SchemaEndpoints
{
    private const string Why = "A schema says what may be asked of people, and of nobody what they answered.";

    /// <summary>Maps the routes.</summary>
    /// <param name="group">The group that they stand in.</param>
    public static void Map(RouteGroupBuilder group)
    {
        group.MapGet("/schemas", List).Public(Why);
        group.MapGet("/schemas/{id}", Read).Public(Why);
    }

    private static async Task<IResult> List(HttpContext context, IdentitySchemas schemas)
    {
        var all = await schemas.List(context.Visitor().Tenant, context.RequestAborted);
        return KratosJson.Answer(new JsonArray(
            [.. all.Select(s => new JsonObject { ["id"] = s.Id, ["schema"] = JsonNode.Parse(s.Schema.Text) })]));
    }

    private static async Task<IResult> Read(HttpContext context, IdentitySchemas schemas, string id)
    {
        var tenant = context.Visitor().Tenant;
        var found = await schemas.Find(tenant, id, context.RequestAborted)
            ?? (Decode(id) is { } name ? await schemas.Find(tenant, name, context.RequestAborted) : null);
        return found is null ? KratosError.NotFound : KratosJson.Answer(JsonNode.Parse(found.Schema.Text)!);
    }

    // Identities name their schema by its encoded name.
    private static string? Decode(string id)
    {
        try
        {
            return id.Length <= 256 ? Encoding.UTF8.GetString(WebEncoders.Base64UrlDecode(id)) : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }
}
