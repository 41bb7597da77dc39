using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Recoveries;
using Sparekey.Server.Api;
using Sparekey.Server.Http;

namespace Sparekey.Server.Pages;

/// <summary>
/// The page behind "did you ask for this?": a link's token stays in the fragment until a click shows what was asked for, and nothing
/// happens before yes or no.
/// </summary>
internal static class ConfirmDoor
{
    /// <summary>Maps the routes.</summary>
    /// <param name="root">The root.</param>
    public static void Map(IEndpointRouteBuilder root)
    {
        const string reason = "The page is for whoever was asked; the token in the form is the proof.";
        var pages = root.MapGroup("/recover/confirm").ExcludeFromDescription().WithMetadata(new ProblemForPeople(PageAnswer.Refused));
        pages.MapGet("/", (HttpContext context, ReadBranding _) => Start(context, 200, null)).Public(reason);
        pages.MapPost("/", Look).Public(reason).CheckOrigin().AnswerOnTheBeat();
        pages.MapPost("/yes", (HttpContext context, ConfirmRecovery confirm) => Answer(context, confirm, isMine: true)).Public(reason).CheckOrigin().AnswerOnTheBeat();
        pages.MapPost("/no", (HttpContext context, ConfirmRecovery confirm) => Answer(context, confirm, isMine: false)).Public(reason).CheckOrigin().AnswerOnTheBeat();
        foreach (var form in (string[])["/yes", "/no"])
        {
            pages.MapGet(form, () => Results.Redirect("/recover/confirm")).Public(reason);
        }
    }

    private static async Task<IResult> Look(HttpContext context, ConfirmRecovery confirm) =>
        await PageForms.Read(context) is { } form && TokenOf(form) is { } token
            ? await Show(context, confirm, token, null)
            : await Start(context, 400, "error_empty");

    private static async Task<IResult> Answer(HttpContext context, ConfirmRecovery confirm, bool isMine)
    {
        if (await PageForms.Read(context) is not { } form || TokenOf(form) is not { } token)
        {
            return await Start(context, 400, "error_empty");
        }

        var answered = await confirm.Answer(context.Visitor(), token, form.Text("digest"), isMine, context.RequestAborted);
        return answered.Refusal switch
        {
            null => await PageForms.Page(
                context, 200, HeadingOf(isMine), (words, _) => ConfirmPages.Answered(words, HeadingOf(isMine), answered.Value)),
            { Code: RefusalCode.DigestMismatch } changed => await Show(context, confirm, token, changed),
            { } refusal => await Start(context, refusal),
        };
    }

    // Looking uses nothing up: the person can read, leave, and come back.
    private static async Task<IResult> Show(HttpContext context, ConfirmRecovery confirm, SecretText token, Refusal? fault)
    {
        var found = await confirm.Look(context.Visitor(), token, context.RequestAborted);
        if (found.Refusal is { } refusal)
        {
            return await Start(context, refusal);
        }

        var words = Words.For(context.Request.Headers.AcceptLanguage);
        var branding = context.RequestServices.GetRequiredService<ReadBranding>();
        var brand = await branding.Run(context.Visitor(), found.Value.Recovery.Request.Application, context.RequestAborted);
        return PageAnswer.Of(
            context, fault is null ? 200 : PageForms.StatusOf(fault), words, brand, words["confirm_heading"],
            ConfirmPages.Question(
                words, found.Value.Recovery, RedemptionsApi.Mask(found.Value.Account), token, fault is null ? null : PageForms.Say(words, fault)));
    }

    private static Task<IResult> Start(HttpContext context, Refusal refusal) => Start(
        context, PageForms.StatusOf(refusal),
        refusal.Code switch
        {
            RefusalCode.SecretInvalid => "error_notice_invalid",
            RefusalCode.AlreadyDecided or RefusalCode.NotRequired or RefusalCode.WrongState => "confirm_answered",
            _ => PageAnswer.ErrorOf(refusal.Code),
        });

    private static Task<IResult> Start(HttpContext context, int status, string? fault) =>
        PageForms.Page(context, status, "confirm_heading", (words, _) => ConfirmPages.Start(words, fault is null ? null : words[fault]));

    private static string HeadingOf(bool isMine) => isMine ? "confirm_done_heading" : "not_me_done_heading";

    // People paste whole links, and their browser hands over the fragment alone.
    private static SecretText? TokenOf(IFormCollection form)
    {
        var text = form.Text("confirm_token").Trim();
        return text.Length == 0 ? null : new SecretText(text[(text.IndexOf('#', StringComparison.Ordinal) + 1)..]);
    }
}
