using Sparekey.Core;
using Sparekey.Engine.Slack;
using Sparekey.Server.Http;

namespace Sparekey.Server.Slack;

/// <summary>Where Slack says which button somebody pressed.</summary>
internal static class SlackDoor
{
    // A payload repeats its whole message.
    private const int Limit = 256 * 1024;

    /// <summary>Maps the route.</summary>
    /// <param name="root">The root.</param>
    public static void Map(IEndpointRouteBuilder root) => root.MapPost("/slack/interactions", Interactions).ExcludeFromDescription()
        .RequireDialectProof("Slack's signature over the request");

    /// <summary>Takes a press. Refused: <c>unauthenticated</c>, <c>unsupported_media_type</c>, <c>body_too_large</c>.</summary>
    private static async Task<IResult> Interactions(HttpContext context, ReceiveSlackPress receive)
    {
        if (context.Request.ContentType?.StartsWith("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase) != true
            || context.Request.Headers.ContentEncoding.Count > 0)
        {
            return new Problem(RefusalCode.UnsupportedMediaType);
        }

        if (await BodyOf(context) is not { } body)
        {
            return new Problem(RefusalCode.BodyTooLarge);
        }

        var headers = context.Request.Headers;
        var refusal = await receive.Run(
            context.Visitor(), headers["X-Slack-Request-Timestamp"].ToString(), headers["X-Slack-Signature"].ToString(), body,
            context.RequestAborted);

        // Slack shows a body to whoever pressed, so a yes has none.
        return refusal.ToAnswer(StatusCodes.Status200OK);
    }

    // As it came, to the byte: the signature is over it.
    private static async Task<byte[]?> BodyOf(HttpContext context)
    {
        using var body = new MemoryStream();
        var part = new byte[16 * 1024];
        while (await context.Request.Body.ReadAsync(part, context.RequestAborted) is > 0 and var read)
        {
            if (body.Length + read > Limit)
            {
                return null;
            }

            body.Write(part, 0, read);
        }

        return body.ToArray();
    }
}
