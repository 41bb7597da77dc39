using System.Text;
using Sparekey.Core;

namespace Sparekey.Server.Http;

/// <summary>The documentation of every refusal, where its type URI points (RFC 9457 §3.1.1).</summary>
internal static class ProblemsApi
{
    /// <summary>Maps the route.</summary>
    /// <param name="root">The root.</param>
    public static void Map(IEndpointRouteBuilder root) =>
        root.MapGet("/problems/{code}", Read)
            .Public("Documentation is for everybody.").WithMetadata(new AnyHost()).WithTags("problems")
            .WithSummary("What a problem means and what to do about it.");

    /// <summary>The page of a refusal; null when there is none.</summary>
    /// <param name="code">The refusal.</param>
    public static string? PageOf(RefusalCode code)
    {
        using var stream = typeof(ProblemsApi).Assembly.GetManifestResourceStream($"problems/{WireName.Of(code)}.md");
        if (stream is null)
        {
            return null;
        }

        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    private static IResult Read(HttpContext context) =>
        WireName.TryParse<RefusalCode>(context.Request.RouteValues["code"] as string, out var code) && PageOf(code) is { } page
            ? Results.Text(page, "text/markdown", Encoding.UTF8)
            : new Problem(RefusalCode.ProblemNotFound);
}
