using Sparekey.Core.Access;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Slack;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>The tenant's app in Slack.</summary>
internal static class SlackApi
{
    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of <c>/v1</c>.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/slack").WithTags("slack");
        group.MapGet("/", Read).RequirePermission(Permission.TenantAdmin).WithSummary("Reads by which app of Slack people are asked.");
        group.MapPut("/", Put).Takes<SlackBody>().RequirePermission(Permission.TenantAdmin).WithSummary("Makes or changes it.");
        group.MapDelete("/", Remove).RequirePermission(Permission.TenantAdmin).WithSummary("Ends it.");
        group.MapPost("/test", Test).TakesNothing().RequirePermission(Permission.TenantAdmin).WithSummary("Asks Slack whether it takes the token.");
    }

    /// <summary>The app without its secrets. Refused: <c>slack_not_found</c>.</summary>
    private static async Task<IResult> Read(HttpContext context, ManageSlack manage) =>
        (await manage.Read(context.Caller(), context.RequestAborted)).ToAnswer(View);

    /// <summary>Makes or changes it. Refused: <c>invalid_request</c> with every fault, <c>above_ceiling</c>, <c>version_conflict</c>.</summary>
    private static async Task<IResult> Put(HttpContext context, ManageSlack manage)
    {
        var body = await StrictBody.Read<SlackBody>(context);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await manage.Put(context.Caller(), body.Value.ToOrder(), context.RequestAborted)).ToAnswer(View);
    }

    /// <summary>Ends it. Refused: <c>slack_not_found</c>, <c>above_ceiling</c>.</summary>
    private static async Task<IResult> Remove(HttpContext context, ManageSlack manage) =>
        (await manage.Remove(context.Caller(), context.RequestAborted)).ToAnswer();

    /// <summary>What Slack says. Refused: <c>slack_not_found</c>.</summary>
    private static async Task<IResult> Test(HttpContext context, ManageSlack manage) =>
        (await manage.Test(context.Caller(), context.RequestAborted)).ToAnswer(c => new CheckView(c.Ok, c.Fault, c.Team, c.Bot));

    private static SlackView View(SlackApp app) =>
        new(app.BaseUrl.AbsoluteUri, app.Channel, app.ApproverGroup, app.ApproveInChat, app.Team, app.ChangedAt, app.Version);

    private sealed record SlackBody(
        string? BaseUrl = null, string? BotToken = null, string? SigningSecret = null, string? Channel = null, string? ApproverGroup = null,
        bool? ApproveInChat = null)
    {
        public SlackOrder ToOrder() => new()
        {
            BaseUrl = BaseUrl,
            BotToken = BotToken is null ? null : new SecretText(BotToken),
            SigningSecret = SigningSecret is null ? null : new SecretText(SigningSecret),
            Channel = Channel,
            ApproverGroup = ApproverGroup,
            ApproveInChat = ApproveInChat,
        };
    }

    private sealed record SlackView(
        string BaseUrl, string? Channel, string? ApproverGroup, bool ApproveInChat, string? Team, DateTimeOffset ChangedAt, int Version);

    private sealed record CheckView(bool Ok, string? Fault, string? Team, string? Bot);
}
