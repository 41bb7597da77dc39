using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Net.Http.Headers;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>
/// What keeps other sites' pages from submitting a browser's flow: a token in a cookie, which the form must bring as well. In the form it
/// stands under a mask that changes, so that compression tells nothing of it.
/// </summary>
internal static class KratosCsrf
{
    private const int Length = 32;
    private const string Refused = "the request was rejected to protect you from Cross-Site-Request-Forgery";

    private static readonly TimeSpan KeptFor = TimeSpan.FromDays(365);
    private static readonly string[] OfTheNetwork = ["__cf", "_cf", "cf_"];

    /// <summary>A new token: the base64 of 32 random bytes.</summary>
    public static string New() => Convert.ToBase64String(RandomNumberGenerator.GetBytes(Length));

    /// <summary>The token of the browser, or a new one where it has none; its cookie goes into the answer.</summary>
    /// <param name="context">The request.</param>
    public static string Keep(HttpContext context)
    {
        var token = Current(context) ?? New();
        Set(context, token);
        return token;
    }

    /// <summary>Gives the browser a token.</summary>
    /// <param name="context">The request.</param>
    /// <param name="token">The token.</param>
    public static void Set(HttpContext context, string token)
    {
        var call = context.Kratos();
        var cookie = new SetCookieHeaderValue(NameOf(call), token)
        {
            HttpOnly = true,
            Path = call.Options.Cookies.Path,
            Domain = call.Options.Cookies.Domain,
            MaxAge = KeptFor,
            SameSite = Microsoft.Net.Http.Headers.SameSiteMode.Lax,
            Secure = call.IsSecure,
        };
        context.Response.Headers.Append(HeaderNames.SetCookie, cookie.ToString());
    }

    /// <summary>The token as a form brings it: 32 bytes of a mask and the token under it, base64.</summary>
    /// <param name="token">The token; null for a programme's flow, whose form brings nothing.</param>
    public static string Mask(string? token)
    {
        if (token is null)
        {
            return "";
        }

        var masked = new byte[2 * Length];
        RandomNumberGenerator.Fill(masked.AsSpan(0, Length));
        Xor(Convert.FromBase64String(token), masked.AsSpan(0, Length), masked.AsSpan(Length));
        return Convert.ToBase64String(masked);
    }

    /// <summary>Whether the browser's cookie holds a token.</summary>
    /// <param name="context">The request.</param>
    /// <param name="token">The token; null is nobody's.</param>
    public static bool IsOf(HttpContext context, string? token) => token is not null && Current(context) is { } own && AreSame(own, token);

    /// <summary>Holds a submission to the browser's token.</summary>
    /// <param name="context">The request.</param>
    /// <param name="sent">What the submission brought.</param>
    /// <returns>Null, or the error to answer.</returns>
    public static async Task<KratosError?> Check(HttpContext context, string sent)
    {
        if (await IsForeign(context))
        {
            return Error(context, "The Origin of the request is neither this server's nor an application's.");
        }

        return context.Request.Headers.Cookie.Count == 0 ? Error(context, "The HTTP Cookie Header was set to an empty value or was not sent.")
            : Current(context) is not { } own ? Error(context, "The Anti-CSRF Cookie was not sent, or holds no token.")
            : sent.Length == 0 ? Error(context, "The Anti-CSRF token was not sent in the body.")
            : Unmask(sent) is { } token && AreSame(own, token) ? null
            : Error(context, "The Anti-CSRF token of the request does not match the one of the Anti-CSRF Cookie.");
    }

    /// <summary>Refuses a stranger's page, where the submission itself is the authority.</summary>
    /// <param name="context">The request.</param>
    /// <returns>Null, or the error to answer.</returns>
    public static async Task<KratosError?> CheckOrigin(HttpContext context) =>
        await IsForeign(context) ? Error(context, "The Origin of the request is neither this server's nor an application's.") : null;

    /// <summary>Refuses a browser that uses a programme's flow: it would be without protection.</summary>
    /// <param name="context">The request.</param>
    /// <returns>Null, or the error to answer.</returns>
    public static KratosError? CheckNative(HttpContext context)
    {
        if (context.Request.Headers.Origin.Count > 0)
        {
            return new KratosError(400, "The HTTP Request Header \"Origin\" was found: the request came from a browser, and the flow is one for API clients.");
        }

        var found = context.Request.Cookies.Keys.Where(n => !OfTheNetwork.Any(p => n.StartsWith(p, StringComparison.Ordinal))).ToList();
        return found.Count == 0 ? null : new KratosError(400, "The HTTP Request Header \"Cookie\" was found: the request came from a browser, and the flow is one for API clients.")
        {
            Details = new JsonObject { ["found cookies"] = new JsonArray([.. found.Select(n => (JsonNode)n)]) },
        };
    }

    /// <summary>The error of a flow that another browser began.</summary>
    /// <param name="context">The request.</param>
    /// <param name="why">What is missing.</param>
    public static KratosError Error(HttpContext context, string why)
    {
        var isScript = context.Request.Headers["Sec-Fetch-Mode"].ToString() is "cors" or "same-origin";
        return new KratosError(403)
        {
            Id = "security_csrf_violation",
            Message = Refused,
            Details = new JsonObject
            {
                ["docs"] = "https://www.ory.sh/kratos/docs/debug/csrf",
                ["hint"] = isScript
                    ? "The request was sent by a script: include credentials and check the CORS configuration."
                    : "Browser flows need the cookie that came with the flow, and its csrf_token in the body.",
                ["reject_reason"] = why,
            },
        };
    }

    private static async Task<bool> IsForeign(HttpContext context) =>
        !string.Equals(context.Request.Headers.Origin, new Uri(context.Kratos().Public).GetLeftPart(UriPartial.Authority), StringComparison.OrdinalIgnoreCase)
        && await context.RequestServices.GetRequiredService<OriginCheck>().IsForeign(context, context.Visitor().Tenant);

    private static string? Current(HttpContext context) =>
        context.Request.Cookies[NameOf(context.Kratos())] is { } text && Bytes(text) is { Length: Length } ? text : null;

    private static string NameOf(KratosCall call) => "csrf_token_" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(call.Public)));

    private static string? Unmask(string sent)
    {
        if (Bytes(sent) is not { Length: Length or 2 * Length } bytes)
        {
            return null;
        }

        if (bytes.Length == Length)
        {
            return sent;
        }

        var token = new byte[Length];
        Xor(bytes.AsSpan(Length), bytes.AsSpan(0, Length), token);
        return Convert.ToBase64String(token);
    }

    private static bool AreSame(string first, string second) =>
        CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(first), Encoding.ASCII.GetBytes(second));

    private static byte[]? Bytes(string text)
    {
        var bytes = new byte[2 * Length];
        return Base64.IsValid(text) && text.Length <= 4 * Length && Convert.TryFromBase64String(text, bytes, out var written) ? bytes[..written] : null;
    }

    private static void Xor(ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, Span<byte> into)
    {
        for (var i = 0; i < into.Length; i++)
        {
            into[i] = (byte)(first[i] ^ second[i]);
        }
    }
}
