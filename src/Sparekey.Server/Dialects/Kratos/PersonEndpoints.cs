using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Sessions;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>What a person does with their own sessions: who am I, where else am I signed in, sign out.</summary>
internal static class PersonEndpoints
{
    private const string Proof = "a session token in X-Session-Token, the session's cookie, or a bearer token";

    private static readonly KratosError NoSession = new(401, "No valid session credentials found in the request.");

    private static readonly KratosError Inactive = new(401, "No active session was found in this request.") { Id = "session_inactive" };

    /// <summary>Maps the routes.</summary>
    /// <param name="group">The group.</param>
    public static void Map(RouteGroupBuilder group)
    {
        group.MapMethods("/sessions/whoami", ["GET", "HEAD", "POST", "PUT", "PATCH", "OPTIONS"], WhoAmI).RequireDialectProof(Proof);
        group.MapGet("/sessions", ListOthers).RequireDialectProof(Proof);
        group.MapDelete("/sessions", EndOthers).RequireDialectProof(Proof);
        group.MapDelete("/sessions/{id}", EndOther).RequireDialectProof(Proof);
        group.MapGet("/self-service/logout/browser", BeginLogout).RequireDialectProof(Proof);
        group.MapGet("/self-service/logout", Logout).RequireDialectProof("the session's cookie, and the token that was made for it");
        group.MapDelete("/self-service/logout/api", LogoutNative).RequireDialectProof("the session token, in the body");
    }

    private static async Task<IResult> WhoAmI(HttpContext context, ReadOwnAccount read)
    {
        if (await context.Person() is not { } person || await read.Run(person.Tenant, person.Session.Account, context.RequestAborted) is not { } account)
        {
            return NoSession;
        }

        context.Response.Headers["X-Kratos-Authenticated-Identity-Id"] = account.Id.ToString();
        return KratosJson.Answer(SessionJson.Of(person.Session, await IdentityJson.Of(context, account)));
    }

    private static async Task<IResult> ListOthers(HttpContext context, OwnSessions sessions, ReadOwnAccount read)
    {
        if (await context.Person() is not { } person || await read.Run(person.Tenant, person.Session.Account, context.RequestAborted) is not { } account)
        {
            return NoSession;
        }

        var all = new JsonArray();
        foreach (var session in await sessions.Others(person, context.RequestAborted))
        {
            all.Add((JsonNode)SessionJson.Of(session, await IdentityJson.Of(context, account)));
        }

        return KratosJson.Answer(all);
    }

    private static async Task<IResult> EndOthers(HttpContext context, EndOtherSessions sessions)
    {
        var (person, error) = await Ending(context);
        if (error is not null)
        {
            return error;
        }

        var ended = await sessions.Run(person!, context.RequestAborted);
        return ended.Refusal is { } refused ? KratosErrors.Of(refused) : KratosJson.Answer(new Ended(ended.Value));
    }

    private static async Task<IResult> EndOther(HttpContext context, OwnSessions sessions, string id)
    {
        var (person, error) = await Ending(context);
        if (error is not null)
        {
            return error;
        }

        if (KratosJson.Id<SessionId>(id) == person!.Session.Id)
        {
            return new KratosError(400, "The current session cannot be revoked here: use the logout.");
        }

        var ended = await sessions.End(person, KratosJson.Id<SessionId>(id), context.RequestAborted);
        return ended.Refusal is { } refused ? KratosErrors.Of(refused) : KratosJson.Nothing;
    }

    // A stranger's page must not sign anybody out: what carries a cookie comes from a page of ours or of an application.
    private static async Task<(SessionCaller? Person, KratosError? Error)> Ending(HttpContext context) =>
        await context.Person() is not { } person ? (null, NoSession)
        : await KratosCsrf.CheckOrigin(context) is { } foreign ? (null, foreign)
        : (person, null);

    private static async Task<IResult> BeginLogout(HttpContext context, SessionAuthentication sessions)
    {
        var cookie = KratosPerson.CookieOf(context);
        var found = await sessions.AuthenticateAlias(context.Visitor().Tenant, cookie, SessionRestriction.Recovery, context.RequestAborted);
        if (found.Refusal is not null)
        {
            return Inactive;
        }

        var (returnTo, forbidden) = ReturnUrl.Check(context.Kratos(), context.Request.Query["return_to"]);
        var token = LogoutTokenOf(cookie);
        return forbidden is not null ? forbidden : KratosJson.Answer(new LogoutFlow(
            KratosCall.With(context.Kratos().At("/self-service/logout"), ("token", token), ("return_to", returnTo)), token));
    }

    private static async Task<IResult> Logout(HttpContext context, EndSession end)
    {
        var call = context.Kratos();
        var (returnTo, forbidden) = ReturnUrl.Check(call, context.Request.Query["return_to"]);
        if (forbidden is not null)
        {
            return await ErrorUi.Answer(context, forbidden);
        }

        var (cookie, sent) = (KratosPerson.CookieOf(context), context.Request.Query["token"].ToString());
        if (cookie.Reveal().Length > 0 && await KratosPerson.PersonOf(context, cookie) is { } person)
        {
            if (!CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(LogoutTokenOf(cookie)), Encoding.UTF8.GetBytes(sent)))
            {
                return await ErrorUi.Answer(context, new KratosError(403, "Unable to log out because the logout token in the URL query does not match the session cookie."));
            }

            await end.Run(person, context.RequestAborted);
        }

        KratosPerson.DropCookie(context);
        KratosCsrf.Set(context, KratosCsrf.New());
        return Negotiation.IsJson(context.Request) ? KratosJson.Nothing : KratosJson.Redirect(returnTo ?? call.DefaultReturn);
    }

    private static async Task<IResult> LogoutNative(HttpContext context, EndSession end)
    {
        var (body, unreadable) = await KratosBody.Read<LogoutBody>(context, takesMore: true);
        if (unreadable is not null)
        {
            return unreadable;
        }

        if (await KratosPerson.PersonOf(context, new SecretText(body!.SessionToken)) is not { } person)
        {
            return new KratosError(403, "The provided Ory Session Token could not be found, is invalid, or otherwise malformed.");
        }

        await end.Run(person, context.RequestAborted);
        return KratosJson.Nothing;
    }

    // Whoever knows it knows the cookie, or was told by the page of whoever does; from it nobody learns the cookie.
    private static string LogoutTokenOf(SecretText cookie) =>
        "ory_lo_" + Base64Url.EncodeToString(SHA256.HashData(Encoding.UTF8.GetBytes("logout/" + cookie.Reveal())));

    private sealed record Ended(int Count);

    private sealed record LogoutFlow(string LogoutUrl, string LogoutToken)
    {
        /// <summary>Shows nothing of what it holds.</summary>
        public override string ToString() => "[logout]";
    }

    private sealed record LogoutBody(string SessionToken)
    {
        /// <summary>Shows nothing of what it holds.</summary>
        public override string ToString() => "[logout]";
    }
}
