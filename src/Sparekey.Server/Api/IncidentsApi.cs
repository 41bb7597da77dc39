using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Incidents;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>Incidents: what people said was not their doing, for the team to look into.</summary>
internal static class IncidentsApi
{
    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of the native API.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/incidents").WithTags("incidents");
        group.MapGet("/", List).RequirePermission(Permission.RecoveryRead).WithSummary("Lists incidents, newest first.");
        group.MapGet("/{id}", Read).RequirePermission(Permission.RecoveryRead).WithSummary("Reads an incident.");
        group.MapPost("/{id}/close", Close).Takes<CloseBody>().RequirePermission(Permission.RecoveryCancel)
            .WithSummary("Says that it was looked into, and what was found.");
    }

    /// <summary>A page of incidents. Refused: <c>invalid_cursor</c>, <c>invalid_request</c>.</summary>
    private static async Task<IResult> List(HttpContext context, ManageIncidents manage)
    {
        var page = Cursor.Read(context);
        if (page.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var (state, account) = (context.Request.Query["state"].ToString(), context.Request.Query["account"].ToString());
        var states = WireName.TryParse<IncidentState>(state, out var wanted);
        var accounts = Ids.TryParse<AccountId>(account, out var whose);
        if ((state.Length > 0 && !states) || (account.Length > 0 && !accounts))
        {
            return new Problem(new Refusal(RefusalCode.InvalidRequest, "state is open or closed, account an id."));
        }

        var filter = new IncidentFilter(states ? wanted : null, accounts ? whose : null);
        var found = await manage.Page(context.Caller(), filter, page.Value.After, page.Value.Limit, context.RequestAborted);
        return Answers.Json(new IncidentPage(
            [.. found.Select(View)], found.Count == page.Value.Limit ? Cursor.After(found[^1].OpenedAt, found[^1].Id.Value) : null));
    }

    /// <summary>One incident. Refused: <c>incident_not_found</c>.</summary>
    private static async Task<IResult> Read(HttpContext context, ManageIncidents manage) =>
        context.RouteId<IncidentId>("id") is { } id
            ? (await manage.One(context.Caller(), id, context.RequestAborted)).ToAnswer(View)
            : new Problem(RefusalCode.IncidentNotFound);

    /// <summary>
    /// Closes an incident. Refused: <c>incident_not_found</c>, <c>already_decided</c>, <c>own_account</c>, <c>above_ceiling</c>,
    /// <c>invalid_request</c>.
    /// </summary>
    private static async Task<IResult> Close(HttpContext context, ManageIncidents manage)
    {
        var body = await StrictBody.Read<CloseBody>(context);
        return body.Refusal is { } refusal ? new Problem(refusal)
            : context.RouteId<IncidentId>("id") is { } id
                ? (await manage.Close(context.Caller(), id, body.Value.Comment, context.RequestAborted)).ToAnswer(View)
                : new Problem(RefusalCode.IncidentNotFound);
    }

    private static IncidentView View(Incident incident) => new(
        incident.Id, incident.Account, incident.State, incident.OpenedAt, incident.SaidAt, incident.Times,
        [.. incident.Recoveries.Select(r => new IncidentRecoveryView(r.Recovery, r.State))], incident.ClosedAt, incident.ClosedBy,
        incident.Comment);

    private sealed record CloseBody([property: FreeText] string Comment);

    private sealed record IncidentPage(IReadOnlyList<IncidentView> Incidents, string? Cursor);

    private sealed record IncidentView(
        IncidentId Id, AccountId AccountId, IncidentState State, DateTimeOffset OpenedAt, DateTimeOffset SaidAt, int Times,
        IReadOnlyList<IncidentRecoveryView> Recoveries, DateTimeOffset? ClosedAt, string? ClosedBy, string? Comment);

    private sealed record IncidentRecoveryView(RecoveryId Id, RecoveryState State);
}
