using Sparekey.Engine;
using Sparekey.Engine.Delivery;
using Sparekey.Engine.Storage;

namespace Sparekey.Server.Http;

/// <summary>The route answers whatever host it is called by: a probe knows only an address.</summary>
internal sealed record AnyHost;

/// <summary>Whether the server lives, and whether it can serve.</summary>
internal static class HealthApi
{
    /// <summary>Maps the routes.</summary>
    /// <param name="root">The root.</param>
    public static void Map(IEndpointRouteBuilder root)
    {
        root.MapGet("/healthz", () => Answers.Json(new Health("ok")))
            .Public("A probe has no token and learns nothing.").WithMetadata(new AnyHost()).WithTags("operations")
            .WithSummary("200 as long as the process serves.");
        root.MapGet("/readyz", async (HttpContext context, Acts acts, DeliverMessages mail) =>
            {
                await acts.Read(InstallationStore.Probe, context.RequestAborted);
                return Answers.Json(new Readiness("ready", mail.State));
            })
            .Public("A probe has no token and learns nothing.").WithMetadata(new AnyHost()).WithTags("operations")
            .WithSummary("200 when storage answers, else 503; says whether mail leaves.");
    }

    private sealed record Health(string Status);

    // A mail server that fails must not take the server out of traffic: messages wait.
    private sealed record Readiness(string Status, MailState Mail);
}
