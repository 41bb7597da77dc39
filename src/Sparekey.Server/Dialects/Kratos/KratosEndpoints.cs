using System.Reflection;
using Sparekey.Engine;
using Sparekey.Engine.Storage;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>
/// Kratos's routes, as its own clients call them: at the root, and below the paths that hosted projects have. One listener serves the public
/// ones and those of programmes, which ask for a token.
/// </summary>
internal static class KratosEndpoints
{
    private const string Nothing = "There is nothing behind it.";
    private const string AllowedHeaders = "authorization, content-type, max-age, x-session-token, x-xsrf-token, x-csrf-token";
    private const string AllowedMethods = "POST, GET, PUT, PATCH, DELETE";

    private static readonly KratosMount AtRoot = new("", "");
    private static readonly KratosMount Hosted = new("/api/kratos/public", "/api/kratos");
    private static readonly string[] Folders = ["admin", "self-service", "sessions", "schemas", "health", "recovery"];

    /// <summary>Opens the doors.</summary>
    /// <param name="root">The root of all routes.</param>
    public static void Map(IEndpointRouteBuilder root)
    {
        var options = root.ServiceProvider.GetRequiredService<KratosOptions>();
        if (!options.Enabled)
        {
            return;
        }

        var atRoot = Group(root, "", AtRoot, options);
        MapAll(atRoot);
        foreach (var folder in Folders)
        {
            MapRest(atRoot, $"/{folder}/{{**rest}}");
        }

        foreach (var path in new[] { Hosted.Admin, Hosted.Public })
        {
            var mounted = Group(root, path, Hosted, options);
            MapAll(mounted);
            MapRest(mounted, "/{**rest}");
        }
    }

    private static RouteGroupBuilder Group(IEndpointRouteBuilder root, string path, KratosMount mount, KratosOptions options)
    {
        var group = root.MapGroup(path).AddEndpointFilter<RefusalRecorder>().AddEndpointFilter(KratosGate.FindApplication).ExcludeFromDescription();
        group.WithMetadata(mount, new ProblemForDialect(KratosErrors.Write));
        return options.Cors ? group.WithMetadata(new CrossOrigin(AllowedHeaders, Credentials: true, AllowedMethods)) : group;
    }

    private static void MapAll(RouteGroupBuilder group)
    {
        MapHealth(group);
        MapRedirects(group);
        AdminRecoveryEndpoints.Map(group);
        RecoveryEndpoints.Map(group);
        PersonEndpoints.Map(group);
        ErrorUi.Map(group);
        IdentityEndpoints.Map(group);
        SessionEndpoints.Map(group);
        SchemaEndpoints.Map(group);
        SettingsEndpoints.Map(group);
        DisabledFlows.Map(group);
    }

    private static void MapHealth(RouteGroupBuilder group)
    {
        group.MapGet("/health/alive", () => KratosJson.Answer(new Health("ok"))).Public("A probe has no token and learns nothing.");
        group.MapGet("/health/ready", Ready).Public("A probe has no token and learns nothing.");
        group.MapGet("/version", () => KratosJson.Answer(new Release(
            typeof(KratosEndpoints).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "")))
            .Public("A client asks what it speaks to before it has a token.");
    }

    private static async Task<IResult> Ready(HttpContext context, Acts acts)
    {
        try
        {
            await acts.Read(InstallationStore.Probe, context.RequestAborted);
            return KratosJson.Answer(new Health("ok"));
        }
        catch (StorageUnavailableException)
        {
            return KratosJson.Answer(new NotReady(new Dictionary<string, string>(StringComparer.Ordinal) { ["database"] = "Storage is not available." }), 503);
        }
    }

    // Each of Kratos's two listeners sends on what belongs to the other.
    private static void MapRedirects(RouteGroupBuilder group)
    {
        foreach (var path in new[] { "/recovery/link", "/recovery/code" })
        {
            group.MapPost(path, (HttpContext context) => SendOn(context.Kratos().Admin + "/admin", context)).Public(Nothing).AnswerOnTheBeat();
        }

        foreach (var path in new[] { "/identities", "/identities/{**rest}" })
        {
            group.Map(path, (HttpContext context) => SendOn(context.Kratos().Admin + "/admin", context)).Public(Nothing);
        }

        group.Map("/admin/self-service/recovery/{**rest}", (HttpContext context) => SendOn(context.Kratos().Public, context, "/admin")).Public(Nothing);
    }

    // Only the path and the query of the call go into it, and the path is one of ours.
    private static IResult SendOn(string start, HttpContext context, string without = "")
    {
        var path = context.Request.Path.ToUriComponent();
        var mount = new[] { Hosted.Public, Hosted.Admin, "" }.First(m => path.StartsWith(m + "/", StringComparison.OrdinalIgnoreCase));
        return KratosJson.Redirect(start + path[(mount.Length + without.Length)..] + context.Request.QueryString.ToUriComponent(), StatusCodes.Status307TemporaryRedirect);
    }

    private static void MapRest(RouteGroupBuilder group, string pattern) =>
        group.Map(pattern, () => (IResult)new KratosError(404)).Public(Nothing);

    private sealed record Health(string Status);

    private sealed record NotReady(IReadOnlyDictionary<string, string> Errors);

    private sealed record Release(string Version);
}
