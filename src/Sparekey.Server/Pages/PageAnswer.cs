using System.Text;
using Sparekey.Core;
using Sparekey.Engine;
using Sparekey.Engine.Applications;

namespace Sparekey.Server.Pages;

/// <summary>Answers with a page.</summary>
internal static class PageAnswer
{
    // No inline script or style, nobody else's anything, no frame around us. The script asks our own API for a passkey's options.
    private const string Policy =
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    /// <summary>A page.</summary>
    /// <param name="context">The request.</param>
    /// <param name="status">The status.</param>
    /// <param name="words">The texts.</param>
    /// <param name="brand">The look.</param>
    /// <param name="heading">What it is about.</param>
    /// <param name="content">What is on it.</param>
    /// <param name="goesOnTo">Where its forms lead in the end, when that is not here; null for here. Browsers hold a form to it.</param>
    public static IResult Of(
        HttpContext context, int status, Words words, PageBrand brand, string heading, Html content, IReadOnlyList<Uri>? goesOnTo = null)
    {
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy = Policy.Replace(
            "form-action 'self'", string.Join(' ', ["form-action 'self'", .. (goesOnTo ?? []).Select(u => u.GetLeftPart(UriPartial.Authority))]), StringComparison.Ordinal);
        headers.XFrameOptions = "DENY";
        headers.Vary = "Accept-Language";
        return Results.Text(Layout.Page(words, brand, heading, content).ToString(), "text/html; charset=utf-8", Encoding.UTF8, status);
    }

    /// <summary>
    /// The page of a refusal that no page of its own answers: too many calls, a form from elsewhere, storage that is away. It asks
    /// nothing of storage, and has nobody's look.
    /// </summary>
    /// <param name="context">The request.</param>
    /// <param name="code">What was refused.</param>
    /// <param name="status">The status.</param>
    public static Task Refused(HttpContext context, RefusalCode code, int status)
    {
        var words = Words.For(context.Request.Headers.AcceptLanguage);
        var brand = new PageBrand(context.RequestServices.GetRequiredService<EngineOptions>().Origin.Host, Branding.None, null);
        return Of(context, status, words, brand, words["error_heading"], RecoverPages.Refused(words, words[ErrorOf(code)])).ExecuteAsync(context);
    }

    /// <summary>The name of the text that tells a person of a refusal.</summary>
    /// <param name="code">The refusal.</param>
    public static string ErrorOf(RefusalCode code) => code switch
    {
        RefusalCode.SecretInvalid => "error_secret_invalid",
        RefusalCode.RedemptionInvalid => "error_redemption_invalid",
        RefusalCode.TooManyRequests => "error_too_many_requests",
        RefusalCode.PolicyRefuses => "error_policy_refuses",
        RefusalCode.RecoveriesStopped => "error_stopped",
        RefusalCode.Busy or RefusalCode.StorageUnavailable => "error_busy",
        RefusalCode.SecondHalfRequired => "half_text",
        RefusalCode.PasskeyRefused => "error_passkey",
        RefusalCode.OriginNotAllowed => "error_origin",
        _ => "error_unexpected",
    };
}
