using System.Text.Json;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Credentials.Passkeys;

namespace Sparekey.Server.Pages;

/// <summary>
/// The part of a page that makes a passkey. It is hidden until the script finds a browser that can, on an origin where the passkey would
/// be taken: a passkey that nobody takes would stay behind on the person's device. Who runs no script never sees it.
/// </summary>
internal static class PasskeyForm
{
    /// <summary>The form.</summary>
    /// <param name="words">The texts.</param>
    /// <param name="recovery">The recovery.</param>
    /// <param name="form">What every form of the redemption carries.</param>
    /// <param name="party">Who asks for the passkey.</param>
    public static Html Of(Words words, Recovery recovery, RedemptionForm form, RelyingParty party) => Html.Of(
        $"""
        <form id="passkey" class="card" method="post" action="/recover/passkey" hidden data-origins="{string.Join(' ', party.Origins)}" data-wait="{words["passkey_wait"]}" data-declined="{words["passkey_declined"]}" data-exists="{words["passkey_exists"]}" data-over="{words["error_redemption_invalid"]}" data-busy="{words["error_busy"]}" data-failed="{words["passkey_failed"]}">
        <h2>{words["passkey_heading"]}</h2>
        <p>{words["passkey_text"]}</p>
        <p class="quiet">{words[recovery.Request.Revoke.Contains(Revocation.Passwords) ? "change_passwords" : "passkey_keeps_password"]}</p>
        <input type="hidden" name="redemption_token" value="{form.Token.Reveal()}">
        <input type="hidden" name="identifier" value="{form.Identifier}">
        <input type="hidden" name="credential" value="">
        <p id="passkey-fault" class="wrong" role="alert" hidden></p>
        <button type="submit">{words["passkey_button"]}</button>
        </form>
        """);

    /// <summary>Tells the browser which passkeys the account has.</summary>
    /// <param name="signal">What <c>signalAllAcceptedCredentials</c> takes.</param>
    public static Html Accepted(IReadOnlyDictionary<string, object> signal) =>
        Html.Of($"""<div id="passkey-signal" hidden data-accepted="{JsonSerializer.Serialize(signal)}"></div>""");

    /// <summary>Tells the browser of a passkey that was made and not taken, so that the device does not keep it.</summary>
    /// <param name="party">Who asked for it.</param>
    /// <param name="credentialId">Its id, as the browser said it.</param>
    public static Html Forget(RelyingParty party, string credentialId) => Html.Of(
        $"""<div id="passkey-signal" hidden data-unknown="{JsonSerializer.Serialize(new { rpId = party.Id, credentialId })}"></div>""");
}
