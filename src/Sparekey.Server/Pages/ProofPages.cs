using Sparekey.Core.Secrets;
using Sparekey.Engine.Credentials.Passkeys;

namespace Sparekey.Server.Pages;

/// <summary>What a proof is for.</summary>
/// <param name="Number">The recovery, as its number is written; empty where the person types it.</param>
/// <param name="Carried">The form with the secret that waits for the proof; null where there is none.</param>
internal sealed record ProofForm(string Number, IFormCollection? Carried)
{
    /// <summary>The fields in which a secret travels from form to form.</summary>
    public static readonly string[] SecretFields = ["link_secret", "code", "identifier", "half"];

    /// <summary>Whether a secret waits for the proof.</summary>
    public bool HasSecret => ValueOf("link_secret").Length > 0 || ValueOf("code").Length > 0;

    /// <summary>Whether that is a saved code, so that another of them proves nothing more.</summary>
    public bool IsSavedCode => SavedCode.Read(ValueOf("code")) is not null;

    /// <summary>A field of it.</summary>
    /// <param name="name">Its name.</param>
    public string ValueOf(string name) => Carried?[name].ToString() ?? "";
}

/// <summary>What is asked beside a secret: a second proof, a second half.</summary>
internal static class ProofPages
{
    /// <summary>Asks for a second, different proof.</summary>
    public static Html Ask(Words words, ProofForm form, RelyingParty? party, string? fault) => Html.Of(
        $"""
        {Layout.Fault(words, fault)}
        <h1>{words["prove_heading"]}</h1>
        <p class="quiet">{words[form.HasSecret ? "prove_text" : "prove_text_number"]}</p>
        <form class="card" method="post" action="/recover/prove">
        {(form.HasSecret ? Carried(form) : Number(words, form))}
        {(party is null ? Html.Empty : Passkey(words, party))}
        {(form.IsSavedCode ? Html.Empty : SavedCodeField(words))}
        <label for="proof-password">{words["prove_password"]}</label>
        <input id="proof-password" name="password" type="password" autocomplete="current-password" maxlength="512">
        <button type="submit">{words["prove_button"]}</button>
        <p class="after"><a href="/recover">{words["back"]}</a></p>
        </form>
        """);

    /// <summary>The proof stands.</summary>
    public static Html Proved(Words words) => Html.Of(
        $"""
        <div class="card" role="status"><h1>{words["proved_heading"]}</h1><p>{words["proved_text"]}</p>
        <p class="after"><a href="/recover">{words["asked_code"]}</a></p></div>
        """);

    /// <summary>Asks for the second half of a secret.</summary>
    public static Html Half(Words words, IFormCollection form) => Html.Of(
        $"""
        <h1>{words["half_heading"]}</h1>
        <form class="card" method="post" action="/recover/redeem">
        <p>{words["half_text"]}</p>
        {Hidden(new ProofForm("", form), ["link_secret", "code", "identifier"])}
        {HalfField(words)}
        <button type="submit">{words["code_button"]}</button>
        <p class="after"><a href="/recover">{words["back"]}</a></p>
        </form>
        """);

    /// <summary>The field of a second half.</summary>
    public static Html HalfField(Words words) => Html.Of(
        $"""
        <label for="half">{words["half_label"]}</label>
        <input id="half" name="half" class="code" type="text" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="64">
        """);

    private static Html Carried(ProofForm form) => Html.Of(
        $"""<input type="hidden" name="number" value="{form.Number}">{Hidden(form, ProofForm.SecretFields)}""");

    private static Html Number(Words words, ProofForm form) => Html.Of(
        $"""
        <label for="number">{words["prove_number"]}</label>
        <input id="number" name="number" class="code" type="text" autocomplete="off" autocapitalize="none" spellcheck="false" required maxlength="64" value="{form.Number}">
        """);

    // Hidden until the script finds a browser that can, on an origin where the passkey is known.
    private static Html Passkey(Words words, RelyingParty party) => Html.Of(
        $"""
        <input type="hidden" name="credential" value="">
        <p id="prove-fault" class="wrong" role="alert" hidden></p>
        <button id="prove-passkey" class="second" type="button" hidden data-origins="{string.Join(' ', party.Origins)}" data-wait="{words["passkey_wait"]}" data-declined="{words["prove_declined"]}" data-busy="{words["error_busy"]}" data-failed="{words["prove_failed"]}">{words["prove_passkey"]}</button>
        """);

    private static Html SavedCodeField(Words words) => Html.Of(
        $"""
        <label for="saved-code">{words["prove_saved_code"]}</label>
        <input id="saved-code" name="saved_code" class="code" type="text" autocomplete="off" autocapitalize="none" spellcheck="false" maxlength="64">
        """);

    private static Html Hidden(ProofForm form, string[] names) => Html.Join(names.Where(n => form.ValueOf(n).Length > 0)
        .Select(n => Html.Of($"""<input type="hidden" name="{n}" value="{form.ValueOf(n)}">""")));
}
