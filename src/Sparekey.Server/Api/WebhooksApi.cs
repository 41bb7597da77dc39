using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Webhooks;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>Webhooks: who is told what happens, and what they were told.</summary>
internal static class WebhooksApi
{
    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of <c>/v1</c>.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/webhooks").WithTags("webhooks");
        group.MapPost("/", Create).Takes<WebhookBody>().RequirePermission(Permission.TenantAdmin)
            .WithSummary("Makes a webhook; its secret is shown once.");
        group.MapGet("/", List).RequirePermission(Permission.TenantAdmin).WithSummary("Lists all webhooks.");
        group.MapGet("/{id}", Read).RequirePermission(Permission.TenantAdmin).WithSummary("Reads a webhook.");
        group.MapPatch("/{id}", Change).Takes<WebhookBody>().RequirePermission(Permission.TenantAdmin).WithSummary("Changes a webhook.");
        group.MapDelete("/{id}", Delete).RequirePermission(Permission.TenantAdmin).WithSummary("Deletes a webhook.");
        group.MapPost("/{id}/rotate-secret", RotateSecret).TakesNothing().RequirePermission(Permission.TenantAdmin)
            .WithSummary("Gives it another secret; the former signs beside it for a day.");
        group.MapPost("/{id}/test", Try).TakesNothing().RequirePermission(Permission.TenantAdmin).WithSummary("Sends it an event that means nothing.");
        group.MapGet("/{id}/deliveries", Deliveries).RequirePermission(Permission.TenantAdmin).WithSummary("What it was told, newest first.");
        group.MapPost("/{id}/deliveries/{delivery}/replay", Replay).TakesNothing().RequirePermission(Permission.TenantAdmin)
            .WithSummary("Tells it once more, under the same webhook-id.");
    }

    /// <summary>Makes a webhook. Refused: <c>invalid_request</c> with every fault, <c>above_ceiling</c>.</summary>
    private static async Task<IResult> Create(HttpContext context, ManageWebhooks manage)
    {
        var body = await StrictBody.Read<WebhookBody>(context);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var made = await manage.Create(context.Caller(), body.Value.ToSettings(), context.RequestAborted);
        if (made.Refusal is null)
        {
            context.Response.Headers.Location = $"/v1/webhooks/{made.Value.Webhook.Id}";
        }

        return made.ToAnswer(n => View(n.Webhook, n.Secret.Reveal()), StatusCodes.Status201Created);
    }

    /// <summary>All webhooks of the tenant, oldest first.</summary>
    private static async Task<IResult> List(HttpContext context, ManageWebhooks manage) =>
        Answers.Json(new WebhookList([.. (await manage.List(context.Caller(), context.RequestAborted)).Select(w => View(w))]));

    /// <summary>One webhook. Refused: <c>webhook_not_found</c>.</summary>
    private static async Task<IResult> Read(HttpContext context, ManageWebhooks manage) =>
        context.RouteId<WebhookId>("id") is { } id
            ? (await manage.Read(context.Caller(), id, context.RequestAborted)).ToAnswer(w => View(w))
            : new Problem(RefusalCode.WebhookNotFound);

    /// <summary>
    /// Changes a webhook; lists are replaced as a whole. Refused: <c>webhook_not_found</c>, <c>version_conflict</c>,
    /// <c>invalid_request</c>, <c>above_ceiling</c>.
    /// </summary>
    private static async Task<IResult> Change(HttpContext context, ManageWebhooks manage)
    {
        var body = await StrictBody.Read<WebhookBody>(context);
        return body.Refusal is { } refusal ? new Problem(refusal)
            : context.RouteId<WebhookId>("id") is { } id
                ? (await manage.Change(context.Caller(), id, body.Value.ToSettings(), context.RequestAborted)).ToAnswer(w => View(w))
                : new Problem(RefusalCode.WebhookNotFound);
    }

    /// <summary>Deletes a webhook and the record of what it was told. Refused: <c>webhook_not_found</c>, <c>above_ceiling</c>.</summary>
    private static async Task<IResult> Delete(HttpContext context, ManageWebhooks manage) =>
        context.RouteId<WebhookId>("id") is { } id
            ? (await manage.Delete(context.Caller(), id, context.RequestAborted)).ToAnswer()
            : new Problem(RefusalCode.WebhookNotFound);

    /// <summary>Another secret, shown once. Refused: <c>webhook_not_found</c>, <c>above_ceiling</c>.</summary>
    private static async Task<IResult> RotateSecret(HttpContext context, ManageWebhooks manage) =>
        context.RouteId<WebhookId>("id") is { } id
            ? (await manage.RotateSecret(context.Caller(), id, context.RequestAborted)).ToAnswer(n => View(n.Webhook, n.Secret.Reveal()))
            : new Problem(RefusalCode.WebhookNotFound);

    /// <summary>An event that means nothing. Refused: <c>webhook_not_found</c>, <c>above_ceiling</c>.</summary>
    private static async Task<IResult> Try(HttpContext context, ManageWebhooks manage) =>
        context.RouteId<WebhookId>("id") is { } id
            ? (await manage.Try(context.Caller(), id, context.RequestAborted)).ToAnswer()
            : new Problem(RefusalCode.WebhookNotFound);

    /// <summary>What it was told. Refused: <c>webhook_not_found</c>, <c>invalid_cursor</c>, <c>invalid_request</c>.</summary>
    private static async Task<IResult> Deliveries(HttpContext context, ManageWebhooks manage)
    {
        var page = Cursor.Read(context);
        if (page.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var state = context.Request.Query["state"].ToString();
        var known = WireName.TryParse<DeliveryState>(state, out var wanted);
        if (state.Length > 0 && !known)
        {
            return new Problem(new Refusal(RefusalCode.InvalidRequest, $"state is one of: {string.Join(", ", WireName.All<DeliveryState>())}."));
        }

        return context.RouteId<WebhookId>("id") is { } id
            ? (await manage.Deliveries(
                context.Caller(), id, known ? wanted : null, page.Value.After, page.Value.Limit, context.RequestAborted)).ToAnswer(
                found => new DeliveryPage(
                    [.. found.Select(View)], found.Length == page.Value.Limit ? Cursor.After(found[^1].CreatedAt, found[^1].Id.Value) : null))
            : new Problem(RefusalCode.WebhookNotFound);
    }

    /// <summary>Once more. Refused: <c>delivery_not_found</c>, <c>wrong_state</c>, <c>above_ceiling</c>.</summary>
    private static async Task<IResult> Replay(HttpContext context, ManageWebhooks manage) =>
        context.RouteId<WebhookId>("id") is { } id && context.RouteId<DeliveryId>("delivery") is { } delivery
            ? (await manage.Replay(context.Caller(), id, delivery, context.RequestAborted)).ToAnswer(View)
            : new Problem(RefusalCode.DeliveryNotFound);

    private static WebhookView View(Webhook webhook, string? secret = null) => new(
        webhook.Id, webhook.Url.AbsoluteUri, webhook.Events, webhook.State, webhook.CreatedAt, webhook.Version, webhook.FormerSecretUntil, secret);

    private static DeliveryView View(WebhookDelivery delivery) => new(
        delivery.Id, delivery.MessageId, delivery.Event, delivery.State, delivery.CreatedAt, delivery.Attempts, delivery.DueAt,
        delivery.TriedAt, delivery.Status, delivery.Fault, delivery.Body);

    private sealed record WebhookBody(string? Url = null, IReadOnlyList<string>? Events = null, bool? Active = null, int? Version = null)
    {
        public WebhookSettings ToSettings() => new() { Url = Url, Events = Events, Active = Active, Version = Version };
    }

    private sealed record WebhookList(IReadOnlyList<WebhookView> Webhooks);

    private sealed record WebhookView(
        WebhookId Id, string Url, IReadOnlyList<string> Events, WebhookState State, DateTimeOffset CreatedAt, int Version,
        DateTimeOffset? FormerSecretUntil, string? Secret);

    private sealed record DeliveryPage(IReadOnlyList<DeliveryView> Deliveries, string? Cursor);

    private sealed record DeliveryView(
        DeliveryId Id, string MessageId, string Event, DeliveryState State, DateTimeOffset CreatedAt, int Attempts, DateTimeOffset? DueAt,
        DateTimeOffset? TriedAt, int? Status, string? Fault, string Body);
}
