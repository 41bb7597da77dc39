using System.Text.Json.Nodes;
using Microsoft.AspNetCore.WebUtilities;
using Sparekey.Core;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>An error as Kratos's clients read it.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Reason">What is wrong here; null to say nothing.</param>
internal sealed record KratosError(int Status, string? Reason = null) : IResult
{
    /// <summary>The stable id; null where it has none.</summary>
    public string? Id { get; init; }

    /// <summary>The sentence; by default that of the status.</summary>
    public string Message { get; init; } = MessageOf(Status);

    /// <summary>More about it; null for nothing.</summary>
    public JsonObject? Details { get; init; }

    /// <summary>Members beside <c>error</c>; null for none.</summary>
    public JsonObject? Beside { get; init; }

    /// <summary>The recovery that waits; null for every other error.</summary>
    public RecoveryId? Recovery { get; init; }

    /// <summary>When to come back; null where that does not help.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>What the path names is not there.</summary>
    public static KratosError NotFound { get; } = new(404) { Message = "Unable to locate the resource" };

    /// <summary>A method is switched off.</summary>
    public static KratosError MethodDisabled { get; } = new(404, "This endpoint was disabled by system administrator. Please check your url or contact the system administrator to enable it.");

    /// <summary>The body cannot be read.</summary>
    /// <param name="why">Why.</param>
    public static KratosError Undecodable(string why) => new(400, $"Unable to decode JSON payload: {why}");

    /// <summary>A flow ran out.</summary>
    /// <param name="at">When.</param>
    /// <param name="now">The time.</param>
    /// <param name="useFlow">The id of the flow in its place; nil where there is none.</param>
    public static KratosError FlowExpired(DateTimeOffset at, DateTimeOffset now, Guid useFlow) => new(410)
    {
        Id = "self_service_flow_expired",
        Message = "self-service flow expired",
        Beside = new JsonObject
        {
            ["expired_at"] = KratosJson.Time(at),
            ["since"] = GoDuration.Of(now - at).Nanoseconds,
            ["use_flow_id"] = useFlow.ToString("D"),
        },
    };

    /// <summary>Another flow stands in the place of this one.</summary>
    /// <param name="useFlow">Its id.</param>
    public static KratosError FlowReplaced(Guid useFlow) => new(410)
    {
        Id = "self_service_flow_replaced",
        Message = "self-service flow replaced",
        Beside = new JsonObject { ["use_flow_id"] = useFlow.ToString("D") },
    };

    /// <summary>The browser must go elsewhere.</summary>
    /// <param name="url">Where.</param>
    public static KratosError BrowserLocationChange(string url) => new(422)
    {
        Id = "browser_location_change_required",
        Message = "browser location change required",
        Beside = new JsonObject { ["redirect_browser_to"] = url },
    };

    /// <summary>The sign-in is too long ago.</summary>
    /// <param name="url">Where the person signs in again.</param>
    public static KratosError SessionRefreshRequired(string url) => new(
        403, "The login session is too old and thus not allowed to update these fields. Please re-authenticate.")
    {
        Id = "session_refresh_required",
        Beside = new JsonObject { ["redirect_browser_to"] = url },
    };

    /// <summary>A second factor is missing.</summary>
    /// <param name="url">Where the person proves it.</param>
    public static KratosError SecondFactorRequired(string url) => new(403)
    {
        Id = "session_aal2_required",
        Message = "Session does not fulfill the requested Authenticator Assurance Level",
        Details = new JsonObject { ["redirect_browser_to"] = url },
        Beside = new JsonObject { ["redirect_browser_to"] = url },
    };

    /// <summary>What stands under <c>error</c>.</summary>
    /// <param name="requestId">The id that the request brought; null for none.</param>
    public JsonObject ToJson(string? requestId)
    {
        var error = new JsonObject();
        Add("id", Id);
        error["code"] = Status;
        Add("status", ReasonPhrases.GetReasonPhrase(Status));
        Add("request", requestId);
        Add("reason", Reason);
        if (Details is { Count: > 0 } details)
        {
            error["details"] = details.DeepClone();
        }

        error["message"] = Message;
        return error;

        void Add(string name, string? text)
        {
            if (!string.IsNullOrEmpty(text))
            {
                error[name] = text;
            }
        }
    }

    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        var headers = httpContext.Response.Headers;
        headers["Ory-Error-Id"] = Id ?? "";
        Problem.SayWhenToComeBack(httpContext.Response, new Refusal(RefusalCode.TooManyRequests) { RetryAfter = RetryAfter });
        if (Recovery is { } waits)
        {
            headers["Sparekey-Recovery"] = waits.ToString();
        }

        var body = Beside is null ? [] : (JsonObject)Beside.DeepClone();

        // Only an id that is safe in a log was taken.
        body["error"] = ToJson(httpContext.Request.Headers["X-Request-ID"] == httpContext.CorrelationId() ? httpContext.CorrelationId() : null);
        return KratosJson.Write(httpContext, Status, KratosJson.Text(body), "application/json");
    }

    private static string MessageOf(int status) => status switch
    {
        400 => "The request was malformed or contained invalid parameters",
        401 => "The request could not be authorized",
        403 => "The requested action was forbidden",
        404 => "The requested resource could not be found",
        405 => "The method is not allowed for the requested resource",
        409 => "The resource could not be created due to a conflict",
        410 => "The requested resource is no longer available because it has expired or is otherwise invalid.",
        413 => "The request is too large",
        415 => "The request is using an unknown content type",
        429 => "Too many requests were made, please try again later",
        503 => "The service is currently unavailable, please try again later",
        _ => "An internal server error occurred, please contact the system administrator",
    };
}

/// <summary>Refusals of ours in Kratos's words.</summary>
internal static class KratosErrors
{
    /// <summary>Writes a refusal, whoever refused.</summary>
    /// <param name="context">The request.</param>
    /// <param name="refusal">The refusal.</param>
    public static Task Write(HttpContext context, Refusal refusal) => Of(refusal).ExecuteAsync(context);

    /// <summary>The error of a refusal.</summary>
    /// <param name="refusal">The refusal.</param>
    public static KratosError Of(Refusal refusal) => refusal.Code switch
    {
        RefusalCode.Unauthenticated => new(401),
        RefusalCode.PermissionMissing => new(403),
        RefusalCode.AccountNotFound or RefusalCode.CredentialNotFound => KratosError.NotFound,
        RefusalCode.RouteNotFound => new(404),
        RefusalCode.SessionInvalid => new(401, "No valid session credentials found in the request."),
        RefusalCode.InvalidJson => KratosError.Undecodable("the body is not valid JSON."),
        RefusalCode.UnsupportedMediaType => new(415),
        RefusalCode.IdentifierTaken => new(409, "This identity conflicts with another identity that already exists.")
        {
            Message = "Unable to insert or update resource because a resource with that value exists already",
        },
        RefusalCode.TooManyRequests or RefusalCode.VelocityExceeded => new(429) { RetryAfter = refusal.RetryAfter ?? TimeSpan.FromMinutes(1) },
        RefusalCode.PasswordRefused => new(400, ProblemKinds.SentenceOf(refusal)),
        RefusalCode.InternalError => new(500),
        RefusalCode.RequirementsOpen => new(
            403, refusal.NotBefore is { } at ? $"The recovery is possible after {KratosJson.Time(at)}." : "The recovery is waiting for approval.")
        {
            Recovery = refusal.Recovery,
        },
        _ => new(ProblemKinds.Of(refusal.Code).Status, ProblemKinds.SentenceOf(refusal)) { RetryAfter = refusal.RetryAfter },
    };
}
