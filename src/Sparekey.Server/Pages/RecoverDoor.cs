using System.Text;
using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Credentials.Passwords;
using Sparekey.Engine.Recoveries;
using Sparekey.Server.Api;
using Sparekey.Server.Http;

namespace Sparekey.Server.Pages;

/// <summary>
/// The pages of the person who is locked out, at <c>/recover</c>. They decide nothing and keep nothing: a redemption's token
/// travels from form to form, so there is no cookie, and nothing is consumed by looking.
/// </summary>
internal static class RecoverDoor
{
    private const int FormLimit = 8 * 1024;

    // No inline script or style, nobody else's anything, no frame around us.
    private const string Policy =
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    /// <summary>Maps the routes.</summary>
    /// <param name="root">The root.</param>
    public static void Map(IEndpointRouteBuilder root)
    {
        var group = root.MapGroup("/recover").ExcludeFromDescription();
        const string reason = "The page is for whoever is locked out; the secret in the form is the proof.";
        group.MapGet("/", (HttpContext context, ReadBranding branding) =>
            Page(context, branding, 200, w => w["start_heading"], w => RecoverPages.Start(w, null, ""))).Public(reason);
        group.MapPost("/ask", Ask).Public(reason).CheckOrigin();
        group.MapPost("/redeem", Redeem).Public(reason).CheckOrigin();
        group.MapPost("/password", SetPassword).Public(reason).CheckOrigin();
        group.MapPost("/not-me", NotMe).Public(reason).CheckOrigin();
        group.MapGet("/assets/{name}", Asset).Public("Style and script hold nothing of anybody.").WithMetadata(new AnyHost());
    }

    private static async Task<IResult> Ask(HttpContext context, RequestRecovery request, ReadBranding branding)
    {
        if (await ReadForm(context) is not { } form)
        {
            return await StartAgain(context, branding, 400, "error_empty");
        }

        var refused = await request.Run(context.Visitor(), Text(form, "identifier"), context.RequestAborted);
        return refused is null
            ? await Page(context, branding, 200, w => w["asked_heading"], RecoverPages.Asked)
            : await StartAgain(context, branding, ProblemKinds.Of(refused.Code).Status, ErrorOf(refused.Code));
    }

    private static async Task<IResult> Redeem(HttpContext context, RedeemSecret redeem, ReadBranding branding, EngineOptions options)
    {
        if (await ReadForm(context) is not { } form)
        {
            return await StartAgain(context, branding, 400, "error_empty");
        }

        PresentedSecret presented = Text(form, "link_secret") is { Length: > 0 } secret
            ? new PresentedSecret.Long(Means.Link, new SecretText(secret))
            : new PresentedSecret.Code(new SecretText(Text(form, "code")), Text(form, "identifier"));
        var redeemed = await redeem.Run(context.Visitor(), presented, context.RequestAborted);
        return redeemed.Refusal is { } refusal
            ? await StartAgain(context, branding, ProblemKinds.Of(refusal.Code).Status, ErrorOf(refusal.Code), Text(form, "identifier"))
            : await Choose(context, branding, options, redeemed.Value.View, redeemed.Value.Token.Reveal(), 200, null);
    }

    private static async Task<IResult> SetPassword(
        HttpContext context, SetNewPassword set, ReadRedemption read, ReadBranding branding, EngineOptions options)
    {
        if (await ReadForm(context) is not { } form)
        {
            return await StartAgain(context, branding, 400, "error_redemption_invalid");
        }

        var token = new SecretText(Text(form, "redemption_token"));
        var view = await read.Run(context.Visitor(), token, context.RequestAborted);
        if (view.Refusal is { } over)
        {
            return await StartAgain(context, branding, ProblemKinds.Of(over.Code).Status, ErrorOf(over.Code));
        }

        if (Text(form, "password") != Text(form, "again"))
        {
            return await Choose(context, branding, options, view.Value, token.Reveal(), 422, "error_mismatch");
        }

        var done = await set.Run(context.Visitor(), token, new SecretText(Text(form, "password")), context.RequestAborted);
        return done.Refusal switch
        {
            null => await Page(context, branding, 200, w => w["done_heading"], RecoverPages.Done),
            { Code: RefusalCode.PasswordRefused } => await Choose(
                context, branding, options, view.Value, token.Reveal(), 422, FaultOf(Text(form, "password"), view.Value, options)),
            { Code: RefusalCode.Busy } => await Choose(context, branding, options, view.Value, token.Reveal(), 503, "error_busy"),
            { } refusal => await StartAgain(context, branding, ProblemKinds.Of(refusal.Code).Status, ErrorOf(refusal.Code)),
        };
    }

    private static async Task<IResult> NotMe(HttpContext context, StopRecovery stop, ReadBranding branding)
    {
        if (await ReadForm(context) is not { } form)
        {
            return await StartAgain(context, branding, 400, "error_redemption_invalid");
        }

        var stopped = await stop.Run(context.Visitor(), new SecretText(Text(form, "redemption_token")), context.RequestAborted);
        return stopped is null
            ? await Page(context, branding, 200, w => w["not_me_done_heading"], RecoverPages.Stopped)
            : await StartAgain(context, branding, ProblemKinds.Of(stopped.Code).Status, ErrorOf(stopped.Code));
    }

    private static Task<IResult> Choose(
        HttpContext context, ReadBranding branding, EngineOptions options, RedemptionView view, string token, int status, string? fault) =>
        Page(
            context, branding, status, w => w["redeemed_heading"],
            w => RecoverPages.Choose(
                w, view, RedemptionsApi.Mask(view.Account), token,
                fault is null ? null : w.Fill(fault, options.Passwords.MinLength.ToString(System.Globalization.CultureInfo.InvariantCulture)),
                options.Passwords));

    private static Task<IResult> StartAgain(
        HttpContext context, ReadBranding branding, int status, string fault, string identifier = "") =>
        Page(context, branding, status, w => w["start_heading"], w => RecoverPages.Start(w, w[fault], identifier));

    private static async Task<IResult> Page(
        HttpContext context, ReadBranding branding, int status, Func<Words, string> heading, Func<Words, Html> content)
    {
        var words = Words.For(context.Request.Headers.AcceptLanguage);
        var brand = Brand.Of(await branding.Run(context.Visitor(), context.RequestAborted));
        var headers = context.Response.Headers;
        headers.ContentSecurityPolicy = Policy;
        headers.XFrameOptions = "DENY";
        headers.Vary = "Accept-Language";
        return Results.Text(
            Layout.Page(words, brand, heading(words), content(words)).ToString(), "text/html; charset=utf-8", Encoding.UTF8, status);
    }

    private static IResult Asset(HttpContext context)
    {
        var name = context.Request.RouteValues["name"] as string;
        if (name == "colour.css" && context.Request.Query["c"].ToString() is { Length: 6 } colour && colour.All(char.IsAsciiHexDigit))
        {
            return Results.Text($":root {{ --accent: #{colour}; }}\n", "text/css", Encoding.UTF8);
        }

        var type = name switch { "recover.css" => "text/css", "recover.js" => "text/javascript", _ => null };
        if (type is null)
        {
            return new Problem(RefusalCode.RouteNotFound);
        }

        using var stream = typeof(RecoverDoor).Assembly.GetManifestResourceStream($"assets/{name}")!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return Results.Text(reader.ReadToEnd(), type, Encoding.UTF8);
    }

    // A form of a person: a few short fields. What is larger, or no form, is none.
    private static async Task<IFormCollection?> ReadForm(HttpContext context)
    {
        if (!context.Request.HasFormContentType || context.Request.ContentLength is null or > FormLimit)
        {
            return null;
        }

        try
        {
            return await context.Request.ReadFormAsync(context.RequestAborted);
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    private static string Text(IFormCollection form, string name) => form[name].ToString();

    private static string ErrorOf(RefusalCode code) => code switch
    {
        RefusalCode.SecretInvalid => "error_secret_invalid",
        RefusalCode.RedemptionInvalid => "error_redemption_invalid",
        RefusalCode.TooManyRequests => "error_too_many_requests",
        RefusalCode.Busy => "error_busy",
        _ => "error_unexpected",
    };

    private static string FaultOf(string password, RedemptionView view, EngineOptions options) =>
        PasswordRules.Check(password, options.Passwords, view.Account.Addresses.Select(a => a.Value).Append(view.Account.Username ?? "")) is { } fault
            ? $"error_{WireName.Of(fault)}"
            : "error_unexpected";
}
