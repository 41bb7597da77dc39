using System.Globalization;
using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Credentials.Passwords;
using Sparekey.Engine.Incidents;
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
    internal const int PasskeyFormLimit = 64 * 1024;

    /// <summary>Maps the routes.</summary>
    /// <param name="root">The root.</param>
    public static void Map(IEndpointRouteBuilder root)
    {
        const string reason = "The page is for whoever is locked out; the secret in the form is the proof.";
        var group = root.MapGroup("/recover").ExcludeFromDescription();
        var pages = group.MapGroup("").WithMetadata(new ProblemForPeople(PageAnswer.Refused));
        pages.MapGet("/", (HttpContext context, ReadBranding branding) => StartAgain(context, branding, 200, null)).Public(reason);
        pages.MapGet("/not-me", (HttpContext context, ReadBranding branding) => AskNotMe(context, branding, 200, null)).Public(reason);
        pages.MapPost("/ask", Ask).Public(reason).CheckOrigin().AnswerOnTheBeat();
        pages.MapPost("/redeem", Redeem).Public(reason).CheckOrigin().AnswerOnTheBeat();
        pages.MapPost("/password", SetPassword).Public(reason).CheckOrigin();
        pages.MapPost("/passkey", SetPasskey).Public(reason).CheckOrigin().AnswerOnTheBeat();
        pages.MapPost("/stop", Stop).Public(reason).CheckOrigin().AnswerOnTheBeat();
        pages.MapPost("/not-me", NotMe).Public(reason).CheckOrigin().AnswerOnTheBeat();
        pages.MapPost("/freeze", Freeze).Public(reason).CheckOrigin().AnswerOnTheBeat();

        ProofDoor.Map(pages, reason);

        // Who opens the address of a form anew begins anew.
        foreach (var form in (string[])["/ask", "/redeem", "/password", "/passkey", "/stop"])
        {
            pages.MapGet(form, () => Results.Redirect("/recover")).Public(reason);
        }

        pages.MapGet("/freeze", () => Results.Redirect("/recover/not-me")).Public(reason);

        group.MapGet("/assets/{name}", Assets.Get).Public("Style and script hold nothing of anybody.").WithMetadata(new AnyHost());
    }

    private static async Task<IResult> Ask(HttpContext context, RequestRecovery request, ReadBranding branding)
    {
        if (await ReadForm(context) is not { } form || Text(form, "identifier").Length == 0)
        {
            return await StartAgain(context, branding, 400, "error_empty");
        }

        var refused = await request.Run(context.Visitor(), Text(form, "identifier"), context.RequestAborted);
        return refused is null
            ? await Page(context, branding, null, 200, "asked_heading", (words, _) => RecoverPages.Asked(words))
            : await StartAgain(context, branding, refused);
    }

    private static async Task<IResult> Redeem(
        HttpContext context, RedeemSecret redeem, ProveRecovery prove, ReadBranding branding, EngineOptions options) =>
        await ReadForm(context) is { } form
            ? await GoOn(context, form, redeem, prove, branding, options)
            : await StartAgain(context, branding, 400, "error_empty");

    /// <summary>Redeems what a form carries, or asks for what is missing beside it.</summary>
    internal static async Task<IResult> GoOn(
        HttpContext context, IFormCollection form, RedeemSecret redeem, ProveRecovery prove, ReadBranding branding, EngineOptions options)
    {
        var redeemed = await redeem.Run(context.Visitor(), Presented(form), context.RequestAborted);
        return redeemed.Refusal switch
        {
            null => await Choose(
                context, branding, options, redeemed.Value.View, redeemed.Value.Token, Text(form, "identifier"), 200, null),
            { Code: RefusalCode.RequirementsOpen, Recovery: { } id }
                when await prove.Awaits(context.Visitor().Tenant, id, context.RequestAborted) =>
                await ProofDoor.Ask(context, branding, new ProofForm(id.ToString(), form), 200, null),
            { Code: RefusalCode.RequirementsOpen } open => await Waiting(context, branding, open),
            { Code: RefusalCode.SecondHalfRequired } => await Page(
                context, branding, null, 200, "half_heading", (words, _) => ProofPages.Half(words, form)),
            { } refusal => await StartAgain(context, branding, refusal, Text(form, "identifier")),
        };
    }

    // A link or a reset token can also be pasted where a code is asked for: then no script is needed.
    private static PresentedSecret Presented(IFormCollection form) => PresentedIn(form) with
    {
        Half = Text(form, "half").Trim() is { Length: > 0 } half ? new SecretText(half) : null,
    };

    private static PresentedSecret PresentedIn(IFormCollection form)
    {
        var text = Text(form, "link_secret") is { Length: > 0 } fragment ? fragment : Text(form, "code").Trim();
        text = FragmentOf(text);
        return TokenText.TryParse(text, TokenPrefix.Link, out _) ? new PresentedSecret.Long(Means.Link, new SecretText(text))
            : TokenText.TryParse(text, TokenPrefix.Reset, out _) ? new PresentedSecret.Long(Means.Token, new SecretText(text))
            : Text(form, "identifier").Length == 0 ? new PresentedSecret.Long(Means.Link, new SecretText(text))
            : new PresentedSecret.Code(new SecretText(text), Text(form, "identifier"));
    }

    private static async Task<IResult> SetPassword(
        HttpContext context, SetNewPassword set, ReadRedemption read, ReadBranding branding, EngineOptions options)
    {
        if (await ReadForm(context) is not { } form)
        {
            return await StartAgain(context, branding, 400, "error_redemption_invalid");
        }

        var (token, identifier, password) =
            (new SecretText(Text(form, "redemption_token")), Text(form, "identifier"), new SecretText(Text(form, "password")));
        var view = await read.Run(context.Visitor(), token, context.RequestAborted);
        if (view.Refusal is { } over)
        {
            return await StartAgain(context, branding, over);
        }

        if (password.Reveal() != Text(form, "again"))
        {
            return await Choose(context, branding, options, view.Value, token, identifier, 422, "error_mismatch");
        }

        var done = await set.Run(context.Visitor(), token, password, context.RequestAborted);
        return done.Refusal switch
        {
            null => await Page(
                context, branding, view.Value.Recovery.Request.Application, 200, "done_heading",
                (words, brand) => RecoverPages.Done(words, brand, done.Value.RecoveryCode)),
            { Code: RefusalCode.PasswordRefused } => await Choose(
                context, branding, options, view.Value, token, identifier, 422, FaultOf(password, view.Value, options)),
            { Code: RefusalCode.Busy } => await Choose(context, branding, options, view.Value, token, identifier, 503, "error_busy"),
            { } refusal => await StartAgain(context, branding, refusal),
        };
    }

    // The script of the page puts what the browser made into the form. Whatever is refused, the person can try again.
    private static async Task<IResult> SetPasskey(
        HttpContext context, SetNewPasskey set, ReadRedemption read, ReadBranding branding, EngineOptions options)
    {
        if (await ReadForm(context, PasskeyFormLimit) is not { } form)
        {
            return await StartAgain(context, branding, 400, "error_redemption_invalid");
        }

        var (token, identifier) = (new SecretText(Text(form, "redemption_token")), Text(form, "identifier"));
        var view = await read.Run(context.Visitor(), token, context.RequestAborted);
        if (view.Refusal is { } over)
        {
            return await StartAgain(context, branding, over);
        }

        if (PasskeyJson.ReadNew(Text(form, "credential")) is not { Refusal: null } made)
        {
            return await Choose(context, branding, options, view.Value, token, identifier, 422, "error_passkey");
        }

        var done = await set.Run(context.Visitor(), token, made.Value, name: null, context.RequestAborted);
        return done.Refusal switch
        {
            null => await Page(
                context, branding, view.Value.Recovery.Request.Application, 200, "passkey_done_heading",
                (words, brand) => RecoverPages.DonePasskey(words, brand, PasskeyJson.Signal(done.Value.Signal), done.Value.Completed.RecoveryCode)),
            { Code: RefusalCode.PasskeyRefused or RefusalCode.MeansNotAvailable } => await Choose(
                context, branding, options, view.Value, token, identifier, 422, "error_passkey", made.Value.Id),
            { } refusal => await StartAgain(context, branding, refusal),
        };
    }

    private static async Task<IResult> Stop(HttpContext context, StopRecovery stop, ReadBranding branding)
    {
        if (await ReadForm(context) is not { } form)
        {
            return await StartAgain(context, branding, 400, "error_redemption_invalid");
        }

        var refused = await stop.Run(context.Visitor(), new SecretText(Text(form, "redemption_token")), context.RequestAborted);
        return refused is null
            ? await Page(context, branding, null, 200, "not_me_done_heading", (words, _) => RecoverPages.Stopped(words))
            : await StartAgain(context, branding, refused);
    }

    private static async Task<IResult> NotMe(HttpContext context, RepudiateRecovery repudiate, ReadBranding branding)
    {
        if (await ReadForm(context) is not { } form)
        {
            return await AskNotMe(context, branding, 400, "error_empty");
        }

        var token = new SecretText(FragmentOf(Text(form, "notice_token").Trim()));
        var done = await repudiate.Run(context.Visitor(), token, context.RequestAborted);
        if (done.Refusal is { } refusal)
        {
            return await AskNotMe(context, branding, refusal);
        }

        var (heading, text) = NotMeOutcome(done.Value);
        return await Page(
            context, branding, null, 200, heading, (words, _) => RecoverPages.TakenBack(words, done.Value, heading, text, token));
    }

    private static (string Heading, string Text) NotMeOutcome(Repudiation done) =>
        done.Recovery is null ? ("not_me_change_heading", "not_me_change_text")
        : done.State == RecoveryState.Completed ? ("not_me_late_heading", "not_me_late_text")
        : ("not_me_done_heading", "not_me_done_text");

    // A second step after "this was not me": it keeps out the person, too, so it is asked for by itself.
    private static async Task<IResult> Freeze(HttpContext context, FreezeAccount freeze, ReadBranding branding)
    {
        if (await ReadForm(context) is not { } form)
        {
            return await AskNotMe(context, branding, 400, "error_empty");
        }

        var done = await freeze.ByPerson(context.Visitor(), new SecretText(FragmentOf(Text(form, "notice_token").Trim())), context.RequestAborted);
        return done.Refusal is { } refusal
            ? await AskNotMe(context, branding, refusal)
            : await Page(context, branding, null, 200, "freeze_done_heading", (words, _) => RecoverPages.Frozen(words));
    }

    private static Task<IResult> AskNotMe(HttpContext context, ReadBranding branding, Refusal refusal) => AskNotMe(
        context, branding, ProblemKinds.Of(refusal.Code).Status,
        refusal.Code switch
        {
            RefusalCode.SecretInvalid => "error_notice_invalid",
            RefusalCode.AddressTooNew => "error_address_too_new",
            _ => PageAnswer.ErrorOf(refusal.Code),
        });

    private static Task<IResult> Choose(
        HttpContext context, ReadBranding branding, EngineOptions options, RedemptionView view, SecretText token, string identifier,
        int status, string? fault, string? unknownPasskey = null) =>
        Page(
            context, branding, view.Recovery.Request.Application, status, RecoverPages.ChooseHeading(view),
            (words, brand) => RecoverPages.Choose(
                words, view, new RedemptionForm(RedemptionsApi.Mask(view.Account), identifier, token), options.Passwords, brand.Party,
                fault is null ? null : words.Fill(fault, options.Passwords.MinLength.ToString(CultureInfo.InvariantCulture)), unknownPasskey));

    private static Task<IResult> StartAgain(HttpContext context, ReadBranding branding, Refusal refusal, string identifier = "")
    {
        Problem.SayWhenToComeBack(context.Response, refusal);
        return StartAgain(context, branding, ProblemKinds.Of(refusal.Code).Status, PageAnswer.ErrorOf(refusal.Code), identifier);
    }

    internal static Task<IResult> StartAgain(
        HttpContext context, ReadBranding branding, int status, string? fault, string identifier = "") =>
        Page(
            context, branding, null, status, "start_heading",
            (words, _) => RecoverPages.Start(words, fault is null ? null : words[fault], identifier));

    // Only who holds a right saved code comes here.
    private static Task<IResult> Waiting(HttpContext context, ReadBranding branding, Refusal open)
    {
        Problem.SayWhenToComeBack(context.Response, open);
        return Page(
            context, branding, null, ProblemKinds.Of(open.Code).Status, RecoverPages.WaitingHeading(open),
            (words, _) => RecoverPages.Waiting(words, open));
    }

    private static Task<IResult> AskNotMe(HttpContext context, ReadBranding branding, int status, string? fault) =>
        Page(
            context, branding, null, status, "not_me_heading",
            (words, _) => RecoverPages.NotMe(words, fault is null ? null : words[fault]));

    internal static async Task<IResult> Page(
        HttpContext context, ReadBranding branding, ApplicationId? application, int status, string heading,
        Func<Words, PageBrand, Html> content)
    {
        var words = Words.For(context.Request.Headers.AcceptLanguage);
        var brand = await branding.Run(context.Visitor(), application, context.RequestAborted);
        return PageAnswer.Of(context, status, words, brand, words[heading], content(words, brand));
    }

    // A form of a person: a few short fields. What is larger, or no form, is none.
    internal static async Task<IFormCollection?> ReadForm(HttpContext context, int limit = FormLimit)
    {
        if (!context.Request.HasFormContentType || context.Request.ContentLength is not { } length || length > limit)
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

    // People paste whole links, and their browser hands over the fragment alone.
    private static string FragmentOf(string pasted) => pasted[(pasted.IndexOf('#', StringComparison.Ordinal) + 1)..];

    internal static string Text(IFormCollection form, string name) => form[name].ToString();

    private static string FaultOf(SecretText password, RedemptionView view, EngineOptions options) =>
        PasswordRules.Check(password.Reveal(), options.Passwords, view.Account) is { } fault
            ? $"error_{WireName.Of(fault)}"
            : "error_unexpected";
}
