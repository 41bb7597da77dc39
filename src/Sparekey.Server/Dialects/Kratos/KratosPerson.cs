using Microsoft.Net.Http.Headers;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Sessions;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>The person of a call, by their session: from the header, else from the cookie, else from the bearer token.</summary>
internal static class KratosPerson
{
    /// <summary>What session tokens of programmes begin with. Those in cookies begin with nothing.</summary>
    public const string TokenPrefix = "ory_st_";

    private const string TokenHeader = "X-Session-Token";

    /// <summary>Finds the person. The session of a recovery counts, for as long as it lasts.</summary>
    /// <param name="context">The request.</param>
    /// <returns>The person and their session; null where nothing proves a live one.</returns>
    public static async Task<SessionCaller?> Person(this HttpContext context)
    {
        var offered = TokenOf(context);
        return offered.Reveal().Length == 0 ? null : await PersonOf(context, offered);
    }

    /// <summary>The person of a session token.</summary>
    /// <param name="context">The request.</param>
    /// <param name="token">The token.</param>
    /// <returns>The person and their session; null where it proves no live one.</returns>
    public static async Task<SessionCaller?> PersonOf(HttpContext context, SecretText token)
    {
        var (visitor, sessions) = (context.Visitor(), context.RequestServices.GetRequiredService<SessionAuthentication>());
        var found = await sessions.AuthenticateAlias(visitor.Tenant, token, SessionRestriction.Recovery, context.RequestAborted);
        return found.Refusal is not null ? null : new SessionCaller(visitor.Tenant, visitor.Source, visitor.CorrelationId, found.Value)
        {
            Host = visitor.Host,
            Surface = visitor.Surface,
            PrivilegedFor = context.Kratos().Options.Settings.PrivilegedSession,
            LastsFor = context.Kratos().Options.Session.Lifespan,
        };
    }

    /// <summary>The token in the session's cookie; empty where there is none.</summary>
    /// <param name="context">The request.</param>
    public static SecretText CookieOf(HttpContext context) => new(context.Request.Cookies[context.Kratos().Options.Session.CookieName] ?? "");

    /// <summary>Gives the browser a session.</summary>
    /// <param name="context">The request.</param>
    /// <param name="token">Its token.</param>
    public static void SetCookie(HttpContext context, SecretText token)
    {
        var session = context.Kratos().Options.Session;
        Write(context, token.Reveal(), session.IsPersistent ? session.Lifespan : null);
    }

    /// <summary>Takes the session's cookie back.</summary>
    /// <param name="context">The request.</param>
    public static void DropCookie(HttpContext context) => Write(context, "", TimeSpan.Zero);

    private static SecretText TokenOf(HttpContext context)
    {
        var header = context.Request.Headers[TokenHeader].ToString();
        return header.Length > 0 ? new SecretText(header)
            : CookieOf(context) is var cookie && cookie.Reveal().Length > 0 ? cookie
            : context.BearerToken();
    }

    private static void Write(HttpContext context, string value, TimeSpan? maxAge)
    {
        var call = context.Kratos();
        var cookie = new SetCookieHeaderValue(call.Options.Session.CookieName, value)
        {
            HttpOnly = true,
            Path = call.Options.Cookies.Path,
            Domain = call.Options.Session.CookieDomain ?? call.Options.Cookies.Domain,
            MaxAge = maxAge,
            SameSite = Microsoft.Net.Http.Headers.SameSiteMode.Lax,
            Secure = call.IsSecure,
        };
        context.Response.Headers.Append(HeaderNames.SetCookie, cookie.ToString());
    }
}
