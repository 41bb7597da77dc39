using Sparekey.Core;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.LoginId;

/// <summary>An error as LoginID's clients read it: a status, a code that some of them have a text for, and a sentence.</summary>
/// <param name="Status">The HTTP status.</param>
/// <param name="Code">The code.</param>
/// <param name="Message">The sentence.</param>
internal sealed record LoginIdError(int Status, string Code, string Message) : IResult
{
    public static readonly LoginIdError Unauthorized = new(401, "unauthorized", "Failed to verify authorization token");
    public static readonly LoginIdError UserNotFound = new(404, "user_not_found", "User not found");
    public static readonly LoginIdError ClientNotFound = new(404, "client_not_found", "Client not found");
    public static readonly LoginIdError CodeNotFound = new(404, "verification_code_not_found", "Verification code not found");
    public static readonly LoginIdError CodeInvalid = new(400, "invalid_verification_code", "Invalid verification code");
    public static readonly LoginIdError CodeExpired = new(400, "verification_code_expired", "Verification code has expired");
    public static readonly LoginIdError CodeNotAuthorized = new(401, "failed_to_authenticate", "The code is not authorized yet");
    public static readonly LoginIdError CredentialRefused = new(400, "invalid_credential", "Invalid credential");
    public static readonly LoginIdError TransactionsMissing =
        new(501, "transaction_confirmation_not_supported", "Transaction confirmation is not part of this server");
    public static readonly LoginIdError DocumentsMissing =
        new(501, "document_scans_not_supported", "Document scans are not part of this server");
    public static readonly LoginIdError NotFound = new(404, "not_found", "Not found");
    public static readonly LoginIdError PasswordChangeRequired =
        new(403, "operation_not_allowed", "The password was chosen by somebody else and must be changed first");

    /// <summary>A member of the request is missing.</summary>
    /// <param name="name">Which.</param>
    public static LoginIdError Missing(string name) => new(400, "missing_parameter", $"Missing parameter: {name}");

    /// <summary>A member of the request is none of what it may be.</summary>
    /// <param name="name">Which.</param>
    public static LoginIdError Invalid(string name) => new(400, "request_validation_error", $"Invalid parameter: {name}");

    /// <inheritdoc/>
    public Task ExecuteAsync(HttpContext httpContext)
    {
        httpContext.Response.StatusCode = Status;
        httpContext.Response.Headers.CacheControl = "no-store";
        return httpContext.Response.WriteAsJsonAsync(new Body(Code, Message), WireJson.Options, httpContext.RequestAborted);
    }

    private sealed record Body(string Code, string Message);
}

/// <summary>Refusals of ours in LoginID's words.</summary>
internal static class Errors
{
    /// <summary>Writes a refusal, whoever refused.</summary>
    /// <param name="context">The request.</param>
    /// <param name="refusal">The refusal.</param>
    public static Task Write(HttpContext context, Refusal refusal)
    {
        if (refusal.Recovery is { } recovery)
        {
            context.Response.Headers["Sparekey-Recovery"] = recovery.ToString();
        }

        return Of(refusal).ExecuteAsync(context);
    }

    /// <summary>The refusal of a code, told to a caller who vouched for the try, or to a stranger who learns nothing from it.</summary>
    /// <param name="refusal">The refusal.</param>
    /// <param name="isVouchedFor">Whether a service token vouched.</param>
    public static IResult OfCode(Refusal refusal, bool isVouchedFor) => refusal.Code switch
    {
        RefusalCode.TooManyRequests => new Problem(refusal),
        _ when !isVouchedFor => LoginIdError.CodeNotFound,
        RefusalCode.RecoveryClosed => LoginIdError.CodeInvalid,
        RefusalCode.RecoveryExpired => LoginIdError.CodeExpired,
        RefusalCode.RequirementsOpen when refusal.Recovery is null => LoginIdError.CodeNotAuthorized,
        RefusalCode.SecretInvalid => LoginIdError.CodeNotFound,
        _ => new Problem(refusal),
    };

    private static LoginIdError Of(Refusal refusal) => refusal.Code switch
    {
        // The request itself.
        RefusalCode.InvalidJson or RefusalCode.BodyTooLarge or RefusalCode.UnsupportedMediaType => new(Status(refusal), "bad_request", Title(refusal)),
        RefusalCode.InvalidRequest => refusal.Faults.Any(f => f.Pointer == "/username")
            ? new(400, "username_invalid", "Username invalid")
            : new(400, "request_validation_error", ProblemKinds.SentenceOf(refusal)),
        RefusalCode.RouteNotFound or RefusalCode.UnknownHost or RefusalCode.TenantNotFound => LoginIdError.NotFound,
        RefusalCode.MethodNotAllowed => new(405, "not_found", "The route has no such method"),
        RefusalCode.OriginNotAllowed => new(403, "forbidden", Title(refusal)),
        RefusalCode.TooManyRequests or RefusalCode.VelocityExceeded => new(429, "remote_session_maximum_retry_attempts", "Too many attempts"),
        RefusalCode.StorageUnavailable or RefusalCode.Busy => new(503, "internal_server_error", Title(refusal)),
        RefusalCode.InternalError => new(500, "internal_server_error", "An internal error has occurred"),

        // Who asks.
        RefusalCode.Unauthenticated => LoginIdError.Unauthorized,
        RefusalCode.RequirementsOpen => new(403, "operation_not_allowed", Waiting(refusal)),
        RefusalCode.PolicyRefuses => new(403, "operation_not_allowed", ProblemKinds.SentenceOf(refusal)),
        RefusalCode.ReasonNotAllowed => new(400, "missing_parameter", refusal.Detail ?? "Missing parameter: reason"),

        // Things.
        RefusalCode.AccountNotFound => LoginIdError.UserNotFound,
        RefusalCode.AccountDisabled => new(403, "account_deactivated", "Account is deactivated"),
        RefusalCode.ApplicationNotFound => LoginIdError.ClientNotFound,
        RefusalCode.CredentialNotFound => new(404, "credential_not_found", "Credential not found"),
        RefusalCode.IdentifierTaken => new(400, "user_already_registered", "Username unavailable"),
        RefusalCode.MeansNotAvailable => new(400, "missing_authentication_method", "This client has no relying-party id"),

        // Secrets and credentials.
        RefusalCode.SecretInvalid => LoginIdError.CodeNotFound,
        RefusalCode.RecoveryExpired => LoginIdError.CodeExpired,
        RefusalCode.RecoveryClosed or RefusalCode.WrongState => LoginIdError.CodeInvalid,
        RefusalCode.RedemptionInvalid or RefusalCode.PasskeyRefused or RefusalCode.KeyRefused or RefusalCode.ChallengeRefused
            or RefusalCode.CredentialTaken => LoginIdError.CredentialRefused,
        RefusalCode.SignInFailed or RefusalCode.SessionInvalid => new(401, "failed_to_authenticate", "Failed to authenticate"),
        RefusalCode.PasswordRefused => new(400, "request_validation_error", refusal.Detail ?? "The password is not accepted"),

        // What a client may not do on this account, and all that no call of these comes to.
        _ => Status(refusal) switch
        {
            403 => new(403, "operation_not_allowed", ProblemKinds.SentenceOf(refusal)),
            404 => new(404, "not_found", Title(refusal)),
            401 => LoginIdError.Unauthorized,
            _ => new(400, "bad_request", ProblemKinds.SentenceOf(refusal)),
        },
    };

    private static string Waiting(Refusal refusal)
    {
        var id = refusal.Recovery is { } recovery ? $" Recovery {recovery}." : "";
        var until = refusal.NotBefore is { } notBefore ? $" Not before {WireJson.Time(notBefore)}." : "";
        return $"This operation waits for what policy demands. {refusal.Detail}{id}{until}".Replace("  ", " ", StringComparison.Ordinal);
    }

    private static int Status(Refusal refusal) => ProblemKinds.Of(refusal.Code).Status;

    private static string Title(Refusal refusal) => ProblemKinds.Of(refusal.Code).Title;
}
