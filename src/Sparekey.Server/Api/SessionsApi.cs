using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Sessions;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>Signing in and out, and changing one's own password.</summary>
internal static class SessionsApi
{
    // A body holds an identifier and a password or two; nothing of that is long.
    private const int BodyLimit = 8 * 1024;

    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of <c>/v1</c>.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/sessions").WithTags("sessions");
        group.MapPost("/", Open).Takes<SignInBody>().Public("Whoever signs in has nothing yet that proves them.").CheckOrigin()
            .WithSummary("Signs in with a password; the session token is shown once.");
        group.MapPost("/passkey/options", PasskeyOptions).TakesNothing().Public("Whoever signs in has nothing yet that proves them.")
            .CheckOrigin().AnswerOnTheBeat().WithSummary("What the browser is to prove, for navigator.credentials.get().");
        group.MapPost("/passkey", OpenWithPasskey).Takes<PasskeyBody>().Public("The signature in the body is the proof.")
            .CheckOrigin().AnswerOnTheBeat().WithSummary("Signs in with a passkey; the session token is shown once.");
        group.MapDelete("/", EndOthers).RequireSession().WithSummary("Signs the person out everywhere else.");
        group.MapGet("/current", Read).RequireSession().WithSummary("The session that the token proves.");
        group.MapDelete("/current", End).RequireSession(SessionRestriction.PasswordChange).WithSummary("Signs out.");
        group.MapPut("/current/password", SetPassword).Takes<PasswordBody>().RequireSession(SessionRestriction.PasswordChange)
            .WithSummary("Changes the password; every session ends, and the answer holds a new one.");

        var account = v1.MapGroup("/accounts/{id}/sessions").WithTags("sessions");
        account.MapGet("/", ListOf).RequirePermission(Permission.AccountRead).WithSummary("Where an account is signed in.");
        account.MapDelete("/", EndAllOf).RequirePermission(Permission.AccountWrite).WithSummary("Signs an account out everywhere.");
    }

    /// <summary>Signs in. Refused: <c>sign_in_failed</c> (401) whatever was wrong, <c>too_many_requests</c>, <c>busy</c>.</summary>
    private static async Task<IResult> Open(HttpContext context, SignIn signIn, CancellationToken cancellationToken)
    {
        var body = await StrictBody.Read<SignInBody>(context, BodyLimit);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var opened = await signIn.Run(context.Visitor(), body.Value.Identifier, body.Value.Password, cancellationToken);
        return opened.ToAnswer(View, StatusCodes.Status201Created);
    }

    /// <summary>Options for signing in with a passkey. Refused: <c>means_not_available</c>.</summary>
    private static async Task<IResult> PasskeyOptions(HttpContext context, SignInWithPasskey signIn, CancellationToken cancellationToken) =>
        (await signIn.Begin(context.Visitor(), cancellationToken)).ToAnswer(PasskeyJson.Options);

    /// <summary>Signs in with a passkey. Refused: <c>sign_in_failed</c> (401) whatever was wrong.</summary>
    private static async Task<IResult> OpenWithPasskey(HttpContext context, SignInWithPasskey signIn, CancellationToken cancellationToken)
    {
        var body = await StrictBody.Read<PasskeyBody>(context);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var proof = PasskeyJson.ReadProof(body.Value.Credential);
        return proof.Refusal is { } malformed
            ? new Problem(malformed)
            : (await signIn.Run(context.Visitor(), proof.Value, cancellationToken)).ToAnswer(View, StatusCodes.Status201Created);
    }

    /// <summary>The session that the token proves. Refused: <c>session_invalid</c>, <c>password_change_required</c>.</summary>
    private static IResult Read(HttpContext context) => Answers.Json(View(context.SessionCaller().Session));

    /// <summary>Signs out. Refused: <c>session_invalid</c>.</summary>
    private static async Task<IResult> End(HttpContext context, EndSession end, CancellationToken cancellationToken) =>
        (await end.Run(context.SessionCaller(), cancellationToken)).Refusal.ToAnswer();

    /// <summary>Signs out everywhere else. Refused: <c>session_invalid</c>, <c>password_change_required</c>.</summary>
    private static async Task<IResult> EndOthers(HttpContext context, EndOtherSessions end, CancellationToken cancellationToken) =>
        (await end.Run(context.SessionCaller(), cancellationToken)).ToAnswer(ended => new { ended });

    /// <summary>
    /// Changes the password and answers with the session that replaces the caller's. Refused: <c>password_refused</c>,
    /// <c>current_password_wrong</c>, <c>session_invalid</c>, <c>too_many_requests</c>, <c>busy</c>.
    /// </summary>
    private static async Task<IResult> SetPassword(HttpContext context, ChangePassword change, CancellationToken cancellationToken)
    {
        var body = await StrictBody.Read<PasswordBody>(context, BodyLimit);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var opened = await change.Run(
            context.SessionCaller(), body.Value.CurrentPassword, body.Value.NewPassword, cancellationToken);
        return opened.ToAnswer(View);
    }

    /// <summary>The live sessions of an account, oldest first. Refused: <c>account_not_found</c>.</summary>
    private static async Task<IResult> ListOf(HttpContext context, SessionsOfAccount sessions, CancellationToken cancellationToken) =>
        context.RouteId<AccountId>("id") is { } account
            ? (await sessions.List(context.Caller(), account, cancellationToken)).ToAnswer(all => new { Sessions = all.Select(Seen) })
            : new Problem(RefusalCode.AccountNotFound);

    /// <summary>
    /// Signs an account out everywhere. Refused: <c>account_not_found</c>, <c>own_account</c>, <c>above_ceiling</c>.
    /// </summary>
    private static async Task<IResult> EndAllOf(HttpContext context, SessionsOfAccount sessions, CancellationToken cancellationToken) =>
        context.RouteId<AccountId>("id") is { } account
            ? (await sessions.EndAll(context.Caller(), account, cancellationToken)).ToAnswer(ended => new { ended })
            : new Problem(RefusalCode.AccountNotFound);

    private static object Seen(Session session) => new
    {
        session.Id,
        ApplicationId = session.Application,
        session.CreatedAt,
        session.LastSeenAt,
        session.ExpiresAt,
        session.Amr,
    };

    private static object View(OpenedSession opened) => View(opened.Session, opened.Token.Reveal());

    private static object View(Session session, string? token = null) => new
    {
        session.Id,
        SessionToken = token,
        AccountId = session.Account,
        ApplicationId = session.Application,
        session.CreatedAt,
        session.ExpiresAt,
        session.Amr,
        AssuranceLevel = AssuranceLevels.Of(session.Amr),
        MustChangePassword = session.RestrictedTo == SessionRestriction.PasswordChange,
    };

    private sealed record PasskeyBody(System.Text.Json.JsonElement Credential);

    private sealed record SignInBody(string Identifier, SecretText Password);

    private sealed record PasswordBody(SecretText NewPassword, SecretText? CurrentPassword = null);
}
