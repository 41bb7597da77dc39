using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Recoveries;
using Sparekey.Server.Api;
using Sparekey.Server.Http;

namespace Sparekey.Server.Pages;

/// <summary>
/// The page on which a person proves themselves in a second way: they come from a link or code that waits for it, and go on with it
/// afterwards; or they come with the number of a recovery that somebody opened for them.
/// </summary>
internal static class ProofDoor
{
    /// <summary>Maps the routes.</summary>
    /// <param name="pages">The group of the person's pages.</param>
    /// <param name="reason">Why they are public.</param>
    public static void Map(RouteGroupBuilder pages, string reason)
    {
        pages.MapGet("/prove", (HttpContext context, ReadBranding branding) => Ask(context, branding, new ProofForm("", null), 200, null)).Public(reason);
        pages.MapPost("/prove", Prove).Public(reason).CheckOrigin().AnswerOnTheBeat();
    }

    /// <summary>Asks for the proof.</summary>
    public static Task<IResult> Ask(HttpContext context, ReadBranding branding, ProofForm form, int status, string? fault) =>
        RecoverDoor.Page(
            context, branding, null, status, "prove_heading",
            (words, brand) => ProofPages.Ask(words, form, brand.Party, fault is null ? null : words[fault]));

    private static async Task<IResult> Prove(
        HttpContext context, ProveRecovery prove, RedeemSecret redeem, ReadBranding branding, EngineOptions options)
    {
        if (await RecoverDoor.ReadForm(context, RecoverDoor.PasskeyFormLimit) is not { } form)
        {
            return await RecoverDoor.StartAgain(context, branding, 400, "error_empty");
        }

        var carried = new ProofForm(RecoverDoor.Text(form, "number").Trim(), form);
        if (ProofIn(form) is not { } proof)
        {
            return await Ask(context, branding, carried, 400, "error_empty");
        }

        Refusal? refused = Ids.TryParse<RecoveryId>(carried.Number, out var id)
            ? (await prove.Run(context.Visitor(), id, proof, context.RequestAborted)).Refusal
            : RefusalCode.SecretInvalid;
        if (refused is not null)
        {
            Problem.SayWhenToComeBack(context.Response, refused);
            var fault = refused.Code == RefusalCode.SecretInvalid ? "error_proof_invalid" : PageAnswer.ErrorOf(refused.Code);
            return await Ask(context, branding, carried, ProblemKinds.Of(refused.Code).Status, fault);
        }

        // The proof stands, whatever becomes of the secret beside it.
        return carried.HasSecret
            ? await RecoverDoor.GoOn(context, form, redeem, prove, branding, options)
            : await RecoverDoor.Page(context, branding, null, 200, "proved_heading", (words, _) => ProofPages.Proved(words));
    }

    private static PresentedProof? ProofIn(IFormCollection form)
    {
        var (credential, code, password) =
            (RecoverDoor.Text(form, "credential"), RecoverDoor.Text(form, "saved_code").Trim(), RecoverDoor.Text(form, "password"));
        if (credential.Length > 0)
        {
            return PasskeyJson.ReadProof(credential) is { Refusal: null } read ? new PresentedProof.Passkey(read.Value) : null;
        }

        return code.Length > 0 ? new PresentedProof.SavedCode(new SecretText(code))
            : password.Length > 0 ? new PresentedProof.Password(new SecretText(password))
            : null;
    }
}
