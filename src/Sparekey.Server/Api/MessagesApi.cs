using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Delivery;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>Messages that have not left: by mail, text message, call and Slack. What webhooks were told is listed with them.</summary>
internal static class MessagesApi
{
    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of <c>/v1</c>.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/messages").WithTags("messages");
        group.MapGet("/", List).RequirePermission(Permission.TenantAdmin).WithSummary("Messages that have not left, newest first.");
        group.MapPost("/{id}/retry", Retry).TakesNothing().RequirePermission(Permission.TenantAdmin)
            .WithSummary("Sends a dead message again, under its own id.");
    }

    /// <summary>Messages that have not left. Refused: <c>invalid_cursor</c>, <c>invalid_request</c>.</summary>
    private static async Task<IResult> List(HttpContext context, ManageMessages manage)
    {
        var page = Cursor.Read(context);
        if (page.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var state = context.Request.Query["state"].ToString();
        var known = WireName.TryParse<MessageState>(state, out var wanted);
        if (state.Length > 0 && !known)
        {
            return new Problem(new Refusal(RefusalCode.InvalidRequest, $"state is one of: {string.Join(", ", WireName.All<MessageState>())}."));
        }

        var found = await manage.List(context.Caller(), known ? wanted : null, page.Value.After, page.Value.Limit, context.RequestAborted);
        return Answers.Json(new MessagePage(
            [.. found.Select(View)], found.Length == page.Value.Limit ? Cursor.After(found[^1].CreatedAt, found[^1].Id.Value) : null));
    }

    /// <summary>Once more. Refused: <c>message_not_found</c>, <c>wrong_state</c> (it waits, or its secret was erased), <c>above_ceiling</c>.</summary>
    private static async Task<IResult> Retry(HttpContext context, ManageMessages manage) =>
        context.RouteId<MessageId>("id") is { } id
            ? (await manage.Retry(context.Caller(), id, context.RequestAborted)).ToAnswer(View)
            : new Problem(RefusalCode.MessageNotFound);

    private static MessageView View(MessageInfo message) => new(
        message.Id, message.Route, message.Kind, message.State, message.Account, message.Recovery, message.CreatedAt, message.Attempts,
        message.DueAt, message.DiedAt, message.Why, message.Code, message.State == MessageState.Dead ? message.CanRetry : null);

    private sealed record MessagePage(IReadOnlyList<MessageView> Messages, string? Cursor);

    private sealed record MessageView(
        MessageId Id, MessageRoute Route, string Kind, MessageState State, AccountId Account, RecoveryId? Recovery, DateTimeOffset CreatedAt,
        int Attempts, DateTimeOffset? DueAt, DateTimeOffset? DiedAt, string? Why, int? Code, bool? CanRetry);
}
