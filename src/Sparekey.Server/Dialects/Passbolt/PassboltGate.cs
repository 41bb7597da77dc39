using System.Security.Cryptography;
using System.Text;
using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials.Escrow.Identity;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Passbolt;

/// <summary>
/// Finds out who calls, by cookie or access token, and holds the call to what its route asks for. A cookie alone moves nothing: what changes
/// something brings the token of another cookie in a header as well, guests too.
/// </summary>
internal sealed class PassboltGate(
    ReadOpenPgpServer servers, OpenPgpAuthentication authentication, OriginCheck origins, RecordRefusal refusals, Velocity velocity)
{
    /// <summary>The cookie of a session.</summary>
    public const string SessionCookie = "passbolt_session";

    /// <summary>The cookie whose value the header repeats.</summary>
    public const string CsrfCookie = "csrfToken";

    private const string CsrfHeader = "X-CSRF-Token";
    private const int CsrfLength = 64;

    /// <summary>Admits a call, or answers it.</summary>
    /// <param name="context">The call.</param>
    /// <param name="next">The route.</param>
    public static ValueTask<object?> Admit(EndpointFilterInvocationContext context, EndpointFilterDelegate next) =>
        context.HttpContext.RequestServices.GetRequiredService<PassboltGate>().Run(context, next);

    /// <summary>Gives the client the cookie of its session.</summary>
    /// <param name="context">The request.</param>
    /// <param name="token">The session's token; null ends the cookie.</param>
    public static void SetSession(HttpContext context, SecretText? token) =>
        SetCookie(context, SessionCookie, token?.Reveal(), httpOnly: true);

    /// <summary>Sets a cookie.</summary>
    /// <param name="context">The request.</param>
    /// <param name="name">Its name.</param>
    /// <param name="value">Its value; null ends it.</param>
    /// <param name="httpOnly">Whether scripts of pages cannot read it.</param>
    /// <param name="keptFor">How long it is kept; null for as long as the browser runs.</param>
    public static void SetCookie(HttpContext context, string name, string? value, bool httpOnly, TimeSpan? keptFor = null)
    {
        var options = new CookieOptions
        {
            HttpOnly = httpOnly,
            Path = "/",
            SameSite = SameSiteMode.Lax,
            Secure = context.Passbolt().Server.Domain.StartsWith("https:", StringComparison.OrdinalIgnoreCase),
            MaxAge = keptFor,
        };
        if (value is null)
        {
            context.Response.Cookies.Delete(name, options);
        }
        else
        {
            context.Response.Cookies.Append(name, value, options);
        }
    }

    private async ValueTask<object?> Run(EndpointFilterInvocationContext filter, EndpointFilterDelegate next)
    {
        var context = filter.HttpContext;
        if (await servers.Run(context.Visitor().Tenant, context.RequestAborted) is not { } server)
        {
            return PassboltError.NotSetUp;
        }

        var isBearer = context.Request.Headers.Authorization.Count > 0;
        var found = isBearer
            ? await authentication.ByAccessToken(context.Visitor(), context.BearerToken(), context.RequestAborted)
            : context.Request.Cookies[SessionCookie] is { Length: > 0 } cookie
                ? await authentication.ByToken(context.Visitor(), new SecretText(cookie), context.RequestAborted)
                : RefusalCode.SessionInvalid;
        var call = new PassboltCall(server, found.Refusal is null ? found.Value : null);
        context.Features.Set(call);
        if (isBearer && call.Who is null && context.GetEndpoint()!.Metadata.GetRequiredMetadata<PassboltDoor>().Door != DoorFor.Anybody)
        {
            return PassboltError.TokenInvalid;
        }

        var own = KeepCsrf(context);
        if (!isBearer && IsChange(context) && context.GetEndpoint()!.Metadata.GetMetadata<WithoutCsrf>() is null
            && await FaultOfForgery(context, own) is { } forged)
        {
            return forged;
        }

        return await Refuse(context, call) ?? await next(filter);
    }

    private async Task<IResult?> Refuse(HttpContext context, PassboltCall call)
    {
        var door = context.GetEndpoint()!.Metadata.GetRequiredMetadata<PassboltDoor>();
        if (door.Door == DoorFor.Guests && call.Who is not null)
        {
            return PassboltError.GuestsOnly;
        }

        if (door.Door == DoorFor.People && call.Who is null)
        {
            return PassboltError.NotSignedIn;
        }

        if (door.Needs is not { } needed)
        {
            return null;
        }

        if (call.Person.Operator is not { } caller)
        {
            return call.Person.Hindrance is { } hindered ? new Problem(hindered) : PassboltError.NotAllowed;
        }

        context.Features.Set(caller);
        if (caller.Grant.Demand(needed) is { } missing)
        {
            await refusals.Run(caller, missing.Code, $"{context.Request.Method} {(context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText}");
            return PassboltError.NotAllowed;
        }

        return IsChange(context) && await velocity.Spend(caller, context.RequestAborted) is { } spent ? new Problem(spent) : null;
    }

    /// <summary>Holds a call whose authority is a cookie to the token in the header.</summary>
    /// <param name="context">The request.</param>
    /// <returns>Null, or the error to answer.</returns>
    public Task<IResult?> FaultOfForgery(HttpContext context) => FaultOfForgery(context, OwnCsrf(context));

    private async Task<IResult?> FaultOfForgery(HttpContext context, string? own)
    {
        // The vendor's client is an extension, whose requests name its own origin; no page can name such a one.
        var origin = context.Request.Headers.Origin.ToString();
        if (!IsExtension(origin) && !string.Equals(origin, new Uri(context.Passbolt().Server.Domain).GetLeftPart(UriPartial.Authority), StringComparison.OrdinalIgnoreCase)
            && await origins.IsForeign(context, context.Visitor().Tenant))
        {
            return new Problem(RefusalCode.OriginNotAllowed);
        }

        var sent = context.Request.Headers[CsrfHeader].ToString();
        return own is null ? PassboltError.CsrfMissing
            : CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(own), Encoding.UTF8.GetBytes(sent)) ? null
            : PassboltError.CsrfDiffers;
    }

    private static bool IsExtension(string origin) =>
        Uri.TryCreate(origin, UriKind.Absolute, out var uri) && uri.Scheme is "chrome-extension" or "moz-extension" or "safari-web-extension";

    private static bool IsChange(HttpContext context) => !HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method);

    // What the browser has, or a new one for its next call.
    private static string? KeepCsrf(HttpContext context)
    {
        if (OwnCsrf(context) is { } kept)
        {
            return kept;
        }

        SetCookie(context, CsrfCookie, RandomNumberGenerator.GetHexString(CsrfLength, lowercase: true), httpOnly: false);
        return null;
    }

    private static string? OwnCsrf(HttpContext context) =>
        context.Request.Cookies[CsrfCookie] is { Length: CsrfLength } kept && kept.All(char.IsAsciiHexDigitLower) ? kept : null;
}
