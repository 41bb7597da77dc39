using System.Text.Json;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>Applications: what people sign in to, and where links lead.</summary>
internal static class ApplicationsApi
{
    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of <c>/v1</c>.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/applications").WithTags("applications");
        group.MapPost("/", Create).Takes<ApplicationBody>().RequirePermission(Permission.TenantAdmin).WithSummary("Makes an application.");
        group.MapGet("/", List).RequirePermission(Permission.AccountRead).WithSummary("Lists all applications.");
        group.MapGet("/{id}", Read).RequirePermission(Permission.AccountRead).WithSummary("Reads an application.");
        group.MapPatch("/{id}", Change).Takes<ApplicationBody>().RequirePermission(Permission.TenantAdmin).WithSummary("Changes an application.");
        group.MapDelete("/{id}", Delete).RequirePermission(Permission.TenantAdmin)
            .WithSummary("Deletes an application that is neither the default one nor in use.");
    }

    /// <summary>Makes an application. Refused: <c>invalid_request</c> with every fault, <c>above_ceiling</c>.</summary>
    private static async Task<IResult> Create(HttpContext context, ManageApplications manage)
    {
        var body = await StrictBody.Read<ApplicationBody>(context);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var wanted = body.Value.Read();
        if (wanted.Refusal is { } wrong)
        {
            return new Problem(wrong);
        }

        var once = Idempotent.Read<Application>(context, View, [], StatusCodes.Status201Created);
        if (once.Refusal is { } invalidKey)
        {
            return new Problem(invalidKey);
        }

        var made = await manage.Create(context.Caller(), wanted.Value, once.Value.Key, context.RequestAborted);
        if (made is { Refusal: null, Value.Fresh: { } application })
        {
            context.Response.Headers.Location = $"/v1/applications/{application.Id}";
        }

        return made.ToAnswer(View, StatusCodes.Status201Created);
    }

    /// <summary>All applications of the tenant, oldest first.</summary>
    private static async Task<IResult> List(HttpContext context, ManageApplications manage) =>
        Answers.Json(new ApplicationList([.. (await manage.List(context.Caller(), context.RequestAborted)).Select(View)]));

    /// <summary>One application. Refused: <c>application_not_found</c>.</summary>
    private static async Task<IResult> Read(HttpContext context, ManageApplications manage) =>
        context.RouteId<ApplicationId>("id") is { } id
            ? (await manage.Read(context.Caller(), id, context.RequestAborted)).ToAnswer(View)
            : new Problem(RefusalCode.ApplicationNotFound);

    /// <summary>
    /// Changes an application; lists are replaced as a whole. Refused: <c>application_not_found</c>, <c>version_conflict</c>,
    /// <c>invalid_request</c>, <c>above_ceiling</c>.
    /// </summary>
    private static async Task<IResult> Change(HttpContext context, ManageApplications manage)
    {
        var body = await StrictBody.Read<ApplicationBody>(context);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var wanted = body.Value.Read();
        if (wanted.Refusal is { } wrong)
        {
            return new Problem(wrong);
        }

        return context.RouteId<ApplicationId>("id") is { } id
            ? (await manage.Change(context.Caller(), id, wanted.Value, context.RequestAborted)).ToAnswer(View)
            : new Problem(RefusalCode.ApplicationNotFound);
    }

    /// <summary>Deletes an application. Refused: <c>application_not_found</c>, <c>application_in_use</c>, <c>above_ceiling</c>.</summary>
    private static async Task<IResult> Delete(HttpContext context, ManageApplications manage) =>
        context.RouteId<ApplicationId>("id") is { } id
            ? (await manage.Delete(context.Caller(), id, context.RequestAborted)).ToAnswer()
            : new Problem(RefusalCode.ApplicationNotFound);

    private static object View(Application application) => new ApplicationView(
        application.Id,
        application.Name,
        application.RpId,
        [.. application.Origins.Select(o => o.GetLeftPart(UriPartial.Authority))],
        application.LinkHosts,
        [.. application.ReturnUrls.Select(u => u.AbsoluteUri)],
        application.ClientIds,
        application.Group,
        application.Branding,
        application.IsDefault,
        application.CreatedAt,
        application.Version);

    private sealed record ApplicationBody(
        string? Name = null, JsonElement RpId = default, IReadOnlyList<string>? Origins = null, IReadOnlyList<string>? LinkHosts = null,
        IReadOnlyList<string>? ReturnUrls = null, IReadOnlyList<ExternalId>? ClientIds = null, JsonElement Group = default,
        Branding? Branding = null, int? Version = null)
    {
        public Result<ApplicationSettings> Read()
        {
            var faults = new List<FieldFault>();
            var rpId = Wire.Text(RpId, "/rp_id", faults);
            var group = Wire.Text(Group, "/group", faults);
            return faults.Count > 0
                ? new Refusal(RefusalCode.InvalidRequest) { Faults = faults }
                : new ApplicationSettings
                {
                    Version = Version,
                    Name = Name,
                    RpId = rpId,
                    Origins = Origins,
                    LinkHosts = LinkHosts,
                    ReturnUrls = ReturnUrls,
                    ClientIds = ClientIds,
                    Group = group,
                    Branding = Branding,
                };
        }
    }

    private sealed record ApplicationList(IReadOnlyList<object> Applications);

    private sealed record ApplicationView(
        ApplicationId Id, string Name, string? RpId, IReadOnlyList<string> Origins, IReadOnlyList<string> LinkHosts,
        IReadOnlyList<string> ReturnUrls, IReadOnlyList<ExternalId> ClientIds, string? Group, Branding Branding, bool IsDefault, DateTimeOffset CreatedAt, int Version);
}
