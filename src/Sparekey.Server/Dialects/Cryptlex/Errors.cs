using Sparekey.Core;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Cryptlex;

/// <summary>
/// Refusals as Cryptlex's clients read them: <c>{"message","code"}</c>. The codes are those of the whole server, each with its page in
/// <c>docs/problems</c>; the statuses are those that the vendor documents. Who asks for a problem document gets one.
/// </summary>
internal static class Errors
{
    /// <summary>Writes a refusal, whoever refused.</summary>
    /// <param name="context">The request.</param>
    /// <param name="refusal">The refusal.</param>
    public static Task Write(HttpContext context, Refusal refusal)
    {
        var response = context.Response;
        if (refusal.Recovery is { } recovery)
        {
            response.Headers["Sparekey-Recovery"] = recovery.ToString();
        }

        if (refusal.Code == RefusalCode.Unauthenticated)
        {
            response.Headers.WWWAuthenticate = "Bearer";
        }

        response.StatusCode = StatusOf(refusal.Code);
        return AsksForProblem(context.Request)
            ? Problem.WriteDocument(context, refusal)
            : response.WriteAsJsonAsync(new Body(MessageOf(refusal), WireName.Of(refusal.Code)), CryptlexJson.Options, context.RequestAborted);
    }

    // The vendor's client tries anything from 500 on again after half a minute, and 429 when it is told to.
    private static int StatusOf(RefusalCode code) => code switch
    {
        RefusalCode.BodyTooLarge or RefusalCode.UnsupportedMediaType or RefusalCode.PasswordRefused or RefusalCode.SecretInvalid => 400,
        RefusalCode.RequirementsOpen or RefusalCode.RecentlyRecovered => 403,
        RefusalCode.UnknownHost => 404,
        RefusalCode.Busy => 429,
        _ => ProblemKinds.Of(code).Status,
    };

    private static string MessageOf(Refusal refusal) => refusal.Code switch
    {
        RefusalCode.AccountNotFound => "There is no such user.",
        RefusalCode.RoleNotAllowed => "Reset tokens are made for users with the role user only.",
        RefusalCode.SecretInvalid => "The reset token is not valid.",
        RefusalCode.IdentifierTaken => "Another user has this email.",
        RefusalCode.RequirementsOpen => Waiting(refusal),
        RefusalCode.ReasonNotAllowed =>
            $"{refusal.Detail ?? "A reason is missing."} It comes in the headers {ReasonHeaders.Text}, {ReasonHeaders.Code} and {ReasonHeaders.Ticket}.",
        _ => ProblemKinds.SentenceOf(refusal),
    };

    private static string Waiting(Refusal refusal)
    {
        var until = refusal.NotBefore is { } notBefore ? $" Not before {WireJson.Time(notBefore)}." : "";
        return $"The token waits for what policy demands; call again then. {refusal.Detail}{until} Recovery {refusal.Recovery}."
            .Replace("  ", " ", StringComparison.Ordinal);
    }

    private static bool AsksForProblem(HttpRequest request) => request.GetTypedHeaders().Accept.Any(
        a => a.Quality is null or > 0 && a.MediaType.Equals(Problem.MediaType, StringComparison.OrdinalIgnoreCase));

    private sealed record Body(string Message, string Code);
}
