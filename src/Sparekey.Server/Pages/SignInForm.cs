using Sparekey.Engine.Credentials.Passkeys;

namespace Sparekey.Server.Pages;

/// <summary>
/// Forms that a passkey answers. They are hidden until the script finds a browser that can, on an origin where the passkey is taken; what
/// stands in their place says so to everybody else.
/// </summary>
internal static class SignInForm
{
    /// <summary>The script of these forms.</summary>
    public static Html Script { get; } = Html.Of($"""<script src="/recover/assets/sign.js" defer></script>""");

    /// <summary>Signs in with a passkey.</summary>
    /// <param name="words">The texts.</param>
    /// <param name="party">Who asks for it; null where passkeys cannot be used.</param>
    /// <param name="action">Where the form goes.</param>
    /// <param name="next">The recovery whose page comes next; empty for none.</param>
    public static Html Of(Words words, RelyingParty? party, string action, string next = "") => party is null
        ? Html.Of($"""<p class="card">{words["sign_in_no_party"]}</p>""")
        : Html.Of(
            $"""
            <form class="card" method="post" action="{action}" hidden data-options="/v1/sessions/passkey/options" data-bare{Attributes(words, party)}>
            <h2>{words["sign_in_passkey_heading"]}</h2>
            <p class="quiet">{words["sign_in_passkey_text"]}</p>
            <input type="hidden" name="next" value="{next}">
            <input type="hidden" name="credential" value="">
            <p class="wrong" role="alert" hidden></p>
            <button type="submit">{words["sign_in_passkey_button"]}</button>
            </form>
            {Instead(words)}
            {Script}
            """);

    /// <summary>What the script needs to know of a form.</summary>
    /// <param name="words">The texts.</param>
    /// <param name="party">Who asks for the passkey.</param>
    public static Html Attributes(Words words, RelyingParty party) => Html.Of(
        $""" data-origins="{string.Join(' ', party.Origins)}" data-wait="{words["passkey_wait"]}" data-declined="{words["sign_declined"]}" data-failed="{words["sign_failed"]}" data-busy="{words["error_busy"]}" data-over="{words["refused_session_invalid"]}" data-changed="{words["refused_digest_mismatch"]}" data-none="{words["refused_credential_not_found"]}" """);

    /// <summary>What stands in the place of a form that cannot work.</summary>
    /// <param name="words">The texts.</param>
    public static Html Instead(Words words) => Html.Of($"""<p class="card" data-instead>{words["sign_unavailable"]}</p>""");
}
