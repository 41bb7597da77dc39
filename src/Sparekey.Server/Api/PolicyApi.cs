using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Policies;
using Sparekey.Engine.Policies;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>The tenant's policy, versioned.</summary>
internal static class PolicyApi
{
    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of the native API.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/policy").WithTags("policy");
        group.MapGet("/", async (HttpContext context, ChangePolicy policy) =>
                Answers.Json(View(await policy.Read(context.Caller(), context.RequestAborted))))
            .RequirePermission(Permission.PolicyRead).WithSummary("The policy that holds, and its version.");
        group.MapPut("/", Change).Takes<PolicyBody>().RequirePermission(Permission.PolicyWrite)
            .WithSummary("Puts the next version in force; version is the one the writer saw.");
    }

    private static async Task<IResult> Change(HttpContext context, ChangePolicy policy)
    {
        var body = await StrictBody.Read<PolicyBody>(context, 256 * 1024);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await policy.Run(
                context.Caller(), new PolicyDocument(body.Value.Roles, body.Value.OpenFor, body.Value.Rules), body.Value.Version,
                context.RequestAborted)).ToAnswer(View);
    }

    private static PolicyBody View(VersionedPolicy policy)
    {
        var document = policy.Policy.Document;
        return new PolicyBody(policy.Version, document.Roles, document.Rules, document.OpenFor ?? Duration.Format(policy.Policy.OpenFor));
    }

    private sealed record PolicyBody(
        int Version, IReadOnlyList<string> Roles, IReadOnlyList<RuleDocument> Rules, string? OpenFor = null);
}
