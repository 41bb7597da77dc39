using Sparekey.Engine.Tokens;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.LoginId;

/// <summary>
/// The doors for LoginID's clients, at the root and under <c>/api/native</c>, because some of the vendor's clients and pages use the one
/// and some the other. Success is exactly 200, but for deletes; every refusal has the vendor's form.
/// </summary>
internal static class Endpoints
{
    private const string Headers = "content-type, authorization, x-client-id, x-api-key, request-id";

    private static readonly string[] Folders = ["manage", "codes", "credentials", "register", "authenticate", "certs", "tx"];

    /// <summary>Maps the routes.</summary>
    /// <param name="root">The root.</param>
    public static void Map(IEndpointRouteBuilder root)
    {
        if (!root.ServiceProvider.GetRequiredService<LoginIdOptions>().Enabled)
        {
            return;
        }

        SetUp.Map(root);
        var atRoot = Group(root, "");
        MapAll(atRoot);
        foreach (var folder in Folders)
        {
            MapRest(atRoot, $"/{folder}/{{**rest}}");
        }

        MapTransactions(atRoot, "/api/tx");
        MapRest(atRoot, "/api/tx/{**rest}");
        var mounted = Group(root, "/api/native");
        MapAll(mounted);
        MapRest(mounted, "/{**rest}");
    }

    private static RouteGroupBuilder Group(IEndpointRouteBuilder root, string prefix)
    {
        var group = root.MapGroup(prefix).AddEndpointFilter<RefusalRecorder>().ExcludeFromDescription();
        return group.WithMetadata(new ProblemForDialect(Errors.Write), new CrossOrigin(Headers));
    }

    private static void MapAll(RouteGroupBuilder group)
    {
        ManageEndpoints.Map(group);
        CodeEndpoints.Map(group);
        CredentialEndpoints.Map(group);
        RegisterEndpoints.Map(group);
        AuthenticateEndpoints.Map(group);
        PublicKeyEndpoints.Map(group);
        MapTransactions(group, "/tx");
        group.MapGet("/certs", Certificate).Public("Public keys are for everybody.");
    }

    private static void MapTransactions(RouteGroupBuilder group, string at)
    {
        foreach (var path in new[] { "", "/init", "/complete" })
        {
            group.MapPost(at + path, () => (IResult)LoginIdError.TransactionsMissing)
                .Public("It does nothing for anybody.").AnswerOnTheBeat();
        }
    }

    // Whatever else is asked for below these paths is answered in the vendor's form too, and so is a browser's question.
    private static void MapRest(RouteGroupBuilder group, string pattern) =>
        group.Map(pattern, () => (IResult)LoginIdError.NotFound).Public("There is nothing here.");

    private static async Task<IResult> Certificate(HttpContext context, SigningKeys keys)
    {
        var kid = context.Request.Query["kid"].ToString();
        var published = await keys.Published(context.Visitor().Tenant, context.RequestAborted);
        return published.FirstOrDefault(k => k.Kid == kid) is { } key ? Results.Text(key.ToPem(), "text/plain") : LoginIdError.NotFound;
    }
}
