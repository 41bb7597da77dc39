using Microsoft.Net.Http.Headers;
using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine;
using Sparekey.Engine.Access;
using Sparekey.Engine.Sessions;
using Sparekey.Server.Http;

namespace Sparekey.Server.Pages;

/// <summary>
/// The session of somebody who signed in on our own pages: its token in a cookie that scripts cannot read, that no other site's forms
/// carry, and that ends with the browser. On an origin of https its name binds it to this host.
/// </summary>
/// <param name="sessions">Knows sessions.</param>
/// <param name="operators">Knows who acts on others.</param>
/// <param name="options">The server's origin.</param>
internal sealed class PageSession(SessionAuthentication sessions, OperatorAuthentication operators, EngineOptions options)
{
    private const string Plain = "sparekey";
    private const string Bound = "__Host-sparekey";

    /// <summary>The person who is signed in.</summary>
    /// <param name="context">The request.</param>
    /// <returns>
    /// Who calls; or <see cref="RefusalCode.SessionInvalid"/>, and <see cref="RefusalCode.PasswordChangeRequired"/> where somebody else
    /// chose their password.
    /// </returns>
    public async Task<Result<SessionCaller>> Person(HttpContext context)
    {
        var visitor = context.Visitor();
        var found = await sessions.Authenticate(visitor.Tenant, Token(context), allowed: null, context.RequestAborted);
        return found.Refusal is { } refusal ? refusal
            : new SessionCaller(visitor.Tenant, visitor.Source, visitor.CorrelationId, found.Value) { Host = visitor.Host, Surface = visitor.Surface };
    }

    /// <summary>The operator who is signed in.</summary>
    /// <param name="context">The request.</param>
    /// <returns>As <see cref="OperatorAuthentication.Authenticate"/>.</returns>
    public Task<Result<Caller>> Operator(HttpContext context) =>
        operators.Authenticate(context.Visitor(), Token(context), context.RequestAborted);

    /// <summary>Keeps a session in the browser.</summary>
    /// <param name="context">The request.</param>
    /// <param name="token">Its token.</param>
    public void Keep(HttpContext context, SecretText token) => Write(context, token.Reveal(), maxAge: null);

    /// <summary>Takes it out of the browser.</summary>
    /// <param name="context">The request.</param>
    public void Forget(HttpContext context) => Write(context, "", TimeSpan.Zero);

    /// <summary>
    /// Whether a form comes from our own pages. Browsers say so in a header that no page can set; who sends none is no browser, and
    /// carries no cookie that it did not choose to send. An application's pages may call our API, but no form with this cookie.
    /// </summary>
    /// <param name="context">The request.</param>
    public static bool IsFromHere(HttpContext context) =>
        context.Request.Headers["Sec-Fetch-Site"].ToString() is "" or "same-origin" or "none";

    private SecretText Token(HttpContext context) => new(context.Request.Cookies[NameFor(context)] ?? "");

    private void Write(HttpContext context, string value, TimeSpan? maxAge) => context.Response.Headers.Append(
        HeaderNames.SetCookie,
        new SetCookieHeaderValue(NameFor(context), value)
        {
            HttpOnly = true,
            Path = "/",
            SameSite = Microsoft.Net.Http.Headers.SameSiteMode.Lax,
            Secure = IsSecure(context),
            MaxAge = maxAge,
        }.ToString());

    private string NameFor(HttpContext context) => IsSecure(context) ? Bound : Plain;

    // Behind a proxy that nobody told us of, the request looks like http; the origin of the pages does not.
    private bool IsSecure(HttpContext context) => context.Request.IsHttps || options.Origin.Scheme == Uri.UriSchemeHttps;
}
