using System.Security.Cryptography;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Core;

namespace Sparekey.Server.Dialects.Passbolt;

/// <summary>The name of the action behind a route, which stands in every answer as an id.</summary>
/// <param name="Name">For example <c>AccountRecoveryRequestsIndex.index</c>.</param>
internal sealed record PassboltAction(string Name);

/// <summary>Which part of a list an answer holds.</summary>
/// <param name="Count">How many there are in all.</param>
/// <param name="Limit">How many an answer holds at most.</param>
/// <param name="Page">Which part, from 1.</param>
internal sealed record Pagination(int Count, int Limit, int Page);

/// <summary>An answer in the form of the vendor: a header and a body.</summary>
/// <param name="body">The body; null where there is nothing to say.</param>
internal sealed class PassboltAnswer(JsonNode? body) : IResult
{
    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The HTTP status, which stands in the header too.</summary>
    public int Status { get; init; } = StatusCodes.Status200OK;

    /// <summary>What the header calls it, where that is not what the status says.</summary>
    public bool? IsSuccess { get; init; }

    /// <summary>The sentence in the header.</summary>
    public string Message { get; init; } = "The operation was successful.";

    /// <summary>Which part of a list it is.</summary>
    public Pagination? Pagination { get; init; }

    /// <summary>What clients take for the path, where it is not the request's.</summary>
    public string? Url { get; init; }

    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        var name = httpContext.GetEndpoint()?.Metadata.GetMetadata<PassboltAction>()?.Name ?? "Error.error";
        var header = new JsonObject
        {
            ["id"] = Ids.FromRandom<EntryId>(RandomNumberGenerator.GetBytes(16)).ToString(),
            ["status"] = IsSuccess ?? Status < 400 ? "success" : "error",
            ["servertime"] = httpContext.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow().ToUnixTimeSeconds(),
            ["action"] = PassboltIds.Action(name),
            ["message"] = Message,
            ["url"] = Url ?? WithoutSecrets(httpContext),
            ["code"] = Status,
        };
        if (Pagination is { } part)
        {
            header["pagination"] = new JsonObject { ["count"] = part.Count, ["limit"] = part.Limit, ["page"] = part.Page };
        }

        httpContext.Response.StatusCode = Status;
        httpContext.Response.Headers.CacheControl = "no-store";
        return httpContext.Response.WriteAsJsonAsync(
            new JsonObject { ["header"] = header, ["body"] = body?.DeepClone() }, Json, "application/json", httpContext.RequestAborted);
    }

    // A token that stands in the path need not stand in the answer too.
    private static string WithoutSecrets(HttpContext context)
    {
        var path = context.Request.Path.Value ?? "";
        foreach (var name in new[] { "token", "tokenId" })
        {
            if (context.Request.RouteValues[name] is string { Length: > 0 } token)
            {
                path = path.Replace(token, "…", StringComparison.Ordinal);
            }
        }

        return path;
    }
}

/// <summary>An error in the form of the vendor.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Message">The sentence.</param>
/// <param name="Body">What is wrong with which field; null for nothing to say.</param>
internal sealed record PassboltError(int Status, string Message, JsonNode? Body = null) : IResult
{
    public static readonly PassboltError NotSignedIn = new(403, "You need to login to access this location.");
    public static readonly PassboltError TokenInvalid = new(401, "Authentication is required to continue");
    public static readonly PassboltError NotForGuests = NotSignedIn;
    public static readonly PassboltError GuestsOnly = new(403, "Only guest are allowed to access this location.");
    public static readonly PassboltError NotAllowed = new(403, "You are not allowed to access this location.");
    public static readonly PassboltError CsrfMissing = new(403, "Missing or incorrect CSRF cookie type.");
    public static readonly PassboltError CsrfDiffers = new(403, "CSRF token from either the request body or request headers did not match or is missing.");
    public static readonly PassboltError NotFound = new(404, "The requested address was not found on this server.");
    public static readonly PassboltError NotSetUp = new(404, "This organisation was not set up for Passbolt's clients: passbolt init.");
    public static readonly PassboltError Invalid = new(400, "Could not validate the data.");

    /// <summary>The request says something that cannot be.</summary>
    /// <param name="sentence">What.</param>
    public static PassboltError Malformed(string sentence) => new(400, sentence);

    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext) =>
        new PassboltAnswer(Body ?? JsonValue.Create("")) { Status = Status, Message = Message }.ExecuteAsync(httpContext);
}
