using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Passbolt;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>The companion of a Passbolt server.</summary>
internal static class CompanionApi
{
    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of <c>/v1</c>.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/passbolt/companion").WithTags("passbolt");
        group.MapGet("/", Read).RequirePermission(Permission.EscrowManage).WithSummary("Reads how the companion of a Passbolt server stands.");
        group.MapPost("/look", Look).TakesNothing().RequirePermission(Permission.EscrowManage).WithSummary("Has the companion look now.");
        group.MapPut("/server-key", Trust).Takes<TrustBody>().RequirePermission(Permission.TenantAdmin)
            .WithSummary("Takes another key for that server's own from now on.");
    }

    /// <summary>How it stands. Refused: <c>companion_not_found</c>.</summary>
    private static async Task<IResult> Read(HttpContext context, ManageCompanion manage) =>
        (await manage.Read(context.Caller(), context.RequestAborted)).ToAnswer(View);

    /// <summary>Looks, and says how it stands then. Refused: <c>companion_not_found</c>.</summary>
    private static async Task<IResult> Look(HttpContext context, ManageCompanion manage) =>
        (await manage.Look(context.Caller(), context.RequestAborted)).ToAnswer(View);

    /// <summary>Takes another key. Refused: <c>companion_not_found</c>, <c>invalid_request</c>, <c>above_ceiling</c>.</summary>
    private static async Task<IResult> Trust(HttpContext context, ManageCompanion manage)
    {
        var body = await StrictBody.Read<TrustBody>(context);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await manage.Trust(context.Caller(), body.Value.Fingerprint, context.RequestAborted)).ToAnswer(View);
    }

    private static CompanionView View(CompanionStatus status) => new(
        status.Options.Domain, status.Options.UserId.ToString("D"), status.State?.ServerKey, status.State?.OrganisationKey,
        status.Options.RecoveryKeyFile is not null, status.State?.Alarm is { } alarm ? WireName.Of(alarm) : null, status.State?.AlarmAt,
        status.State?.Fault, status.State?.FaultSince, status.State?.LookedAt, status.State?.PeopleAt, status.People);

    private sealed record TrustBody(string Fingerprint);

    private sealed record CompanionView(
        string Server, string UserId, string? ServerKey, string? OrganisationKey, bool HoldsRecoveryKey, string? Alarm, DateTimeOffset? AlarmAt,
        string? Fault, DateTimeOffset? FaultSince, DateTimeOffset? LookedAt, DateTimeOffset? PeopleAt, int People);
}
