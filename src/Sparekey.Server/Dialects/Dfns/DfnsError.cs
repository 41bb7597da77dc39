using System.Text.Json;
using Sparekey.Core;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Dfns;

/// <summary>An error as Dfns's clients read it.</summary>
/// <param name="Status">The HTTP status; never 202, which they take for a policy of theirs.</param>
/// <param name="Message">The sentence.</param>
internal sealed record DfnsError(int Status, string Message) : IResult
{
    public static readonly DfnsError NotAuthorized = new(401, "Not Authorized.");
    public static readonly DfnsError UserNotFound = new(401, "User not found");
    public static readonly DfnsError UserExists = new(401, "User already exists.");
    public static readonly DfnsError NoCredential = new(401, "User does not have a credential that can be used for the application.");
    public static readonly DfnsError NotARecoveryCredential = new(401, "Credential cannot be used as a recovery factor.");
    public static readonly DfnsError ChallengeTokenInvalid = new(400, "Challenge token is not valid.");
    public static readonly DfnsError ActionMissing = new(403, "user action signature is missing or invalid");
    public static readonly DfnsError ActionUsed = new(400, "user action has already been used");
    public static readonly DfnsError NonceInvalid = new(400, "request nonce is missing or invalid");
    public static readonly DfnsError NonceUsed = new(400, "request nonce has already been used");
    public static readonly DfnsError CodeInvalid = new(403, "Invalid code");
    public static readonly DfnsError AttestationInvalid = new(400, "Attestation is not valid.");
    public static readonly DfnsError NotFound = new(404, "Not found");

    /// <summary>The recovery that waits; null for every other error.</summary>
    public RecoveryId? Recovery { get; init; }

    /// <summary>When to come back; null where that does not help.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>A member of the body is wrong.</summary>
    /// <param name="what">Which, and what it must be.</param>
    public static DfnsError Malformed(string what) => new(400, what);

    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = Status;
        response.Headers.CacheControl = "no-store";
        Problem.SayWhenToComeBack(response, new Refusal(RefusalCode.TooManyRequests) { RetryAfter = RetryAfter });
        if (Recovery is { } waits)
        {
            response.Headers["Sparekey-Recovery"] = waits.ToString();
        }

        return response.WriteAsJsonAsync(
            new Body(Message, new Detail(Message, Status, Recovery)), DfnsJson.Options, httpContext.RequestAborted);
    }

    private sealed record Body(string Message, Detail Error);

    private sealed record Detail(string Message, int Status, RecoveryId? Id);
}

/// <summary>Refusals of ours in Dfns's words.</summary>
internal static class Errors
{
    /// <summary>Writes a refusal, whoever refused.</summary>
    /// <param name="context">The request.</param>
    /// <param name="refusal">The refusal.</param>
    public static Task Write(HttpContext context, Refusal refusal) => Of(refusal).ExecuteAsync(context);

    /// <summary>The error of a refusal.</summary>
    /// <param name="refusal">The refusal.</param>
    public static DfnsError Of(Refusal refusal) => refusal.Code switch
    {
        RefusalCode.ReasonNotAllowed => new(400, ProblemKinds.SentenceOf(refusal)),
        RefusalCode.TooManyRequests or RefusalCode.VelocityExceeded => new(429, "Too many attempts.") { RetryAfter = refusal.RetryAfter ?? TimeSpan.FromMinutes(1) },
        RefusalCode.InternalError => new(500, "Internal Server Error"),
        RefusalCode.StorageUnavailable or RefusalCode.Busy => new(503, ProblemKinds.Of(refusal.Code).Title) { RetryAfter = refusal.RetryAfter },
        RefusalCode.RouteNotFound => DfnsError.NotFound,

        RefusalCode.Unauthenticated or RefusalCode.SessionInvalid or RefusalCode.RedemptionInvalid or RefusalCode.PasswordChangeRequired
            or RefusalCode.SignInFailed => DfnsError.NotAuthorized,
        RefusalCode.ActionSignatureInvalid => DfnsError.ActionMissing,
        RefusalCode.ActionSignatureUsed => DfnsError.ActionUsed,
        RefusalCode.AccountNotFound => DfnsError.UserNotFound,
        RefusalCode.AccountDisabled => new(400, "User account has been deactivated."),
        RefusalCode.IdentifierTaken => DfnsError.UserExists,
        RefusalCode.SecretInvalid => DfnsError.CodeInvalid,

        RefusalCode.ChallengeRefused => new(400, "Challenge is not valid."),
        RefusalCode.PasskeyRefused or RefusalCode.KeyRefused => DfnsError.AttestationInvalid,
        RefusalCode.CredentialTaken => new(409, "Credential already exists."),
        RefusalCode.RecoveryKeyRefused => new(401, "Recovery signature is not valid."),
        RefusalCode.SignedCredentialsDiffer => new(400, "Signed credentials do not match newCredentials."),
        RefusalCode.RequirementsOpen => new(403, refusal.NotBefore is { } at ? $"Recovery is possible after {WireJson.Time(at)}." : "Recovery is waiting for approval.")
        {
            Recovery = refusal.Recovery,
        },
        _ => new(ProblemKinds.Of(refusal.Code).Status, ProblemKinds.SentenceOf(refusal)),
    };
}

/// <summary>JSON as Dfns writes it.</summary>
internal static class DfnsJson
{
    /// <summary>camelCase, nulls left out, ids and times as everywhere here.</summary>
    public static JsonSerializerOptions Options { get; } = new(WireJson.Options) { PropertyNamingPolicy = JsonNamingPolicy.CamelCase };

    /// <summary>An answer; every one is 200 and has a body.</summary>
    /// <param name="body">The body.</param>
    public static IResult Ok(object body) => Results.Json(body, Options);

    /// <summary>"Done", where there is nothing else to say.</summary>
    public static IResult Success { get; } = Ok(new { message = "success" });
}
