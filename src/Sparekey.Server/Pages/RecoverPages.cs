using System.Globalization;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Credentials.Passwords;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Server.Pages;

/// <summary>What stands on each page of a recovery.</summary>
internal static class RecoverPages
{
    /// <summary>Where everything begins: ask for a message, or type a code. A link lands here too.</summary>
    public static Html Start(Words words, string? fault, string identifier) => Html.Of(
        $"""
        <div id="opening" class="card" hidden role="status"><h1>{words["link_heading"]}</h1><p>{words["link_text"]}</p></div>
        <form id="open-link" method="post" action="/recover/redeem" hidden><input type="hidden" name="link_secret" value=""></form>
        <div id="start">
        {Layout.Fault(words, fault)}
        <h1>{words["start_heading"]}</h1>
        <p class="quiet">{words["start_text"]}</p>
        <form class="card" method="post" action="/recover/ask">
        <h2>{words["ask_heading"]}</h2>
        <label for="ask-identifier">{words["ask_identifier"]}</label>
        <input id="ask-identifier" name="identifier" type="text" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="254">
        <button type="submit">{words["ask_button"]}</button>
        </form>
        <form class="card" method="post" action="/recover/redeem">
        <h2>{words["code_heading"]}</h2>
        <p class="quiet">{words["code_text"]}</p>
        <noscript><p class="quiet">{words["link_noscript"]}</p></noscript>
        <label for="identifier">{words["ask_identifier"]}</label>
        <input id="identifier" name="identifier" type="text" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="254" value="{identifier}">
        <label for="code">{words["code_label"]}</label>
        <input id="code" name="code" class="code" type="text" autocomplete="one-time-code" autocapitalize="none" spellcheck="false" required maxlength="256">
        <button type="submit">{words["code_button"]}</button>
        </form>
        </div>
        """);

    /// <summary>The same for every name.</summary>
    public static Html Asked(Words words) => Html.Of(
        $"""
        <div class="card" role="status">
        <h1>{words["asked_heading"]}</h1>
        <p>{words["asked_text"]}</p>
        <p class="quiet">{words["asked_again"]}</p>
        <a href="/recover">{words["back"]}</a>
        </div>
        """);

    /// <summary>Who opened the recovery, when, why, what will change; and the new password.</summary>
    public static Html Choose(
        Words words, RedemptionView view, string account, string redemptionToken, string? fault, PasswordOptions rules)
    {
        var recovery = view.Recovery;
        var least = rules.MinLength.ToString(CultureInfo.InvariantCulture);
        return Html.Of(
            $"""
            {Layout.Fault(words, fault)}
            <h1>{words["redeemed_heading"]}</h1>
            <div class="card">
            <dl>
            <dt>{words["redeemed_account"]}</dt><dd>{account}</dd>
            <dt>{words["redeemed_by"]}</dt><dd>{words[$"by_{WireName.Of(RequesterOf(recovery))}"]}</dd>
            <dt>{words["redeemed_when"]}</dt><dd><time datetime="{recovery.CreatedAt.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)}">{recovery.CreatedAt.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture)}</time></dd>
            {(recovery.Request.Reason?.Text is { Length: > 0 } why ? Html.Of($"<dt>{words["redeemed_why"]}</dt><dd>{why}</dd>") : Html.Empty)}
            </dl>
            <h2>{words["redeemed_changes"]}</h2>
            <ul>
            <li>{words["change_password"]}</li>
            {Html.Join(recovery.Request.Revoke.Where(r => r != Revocation.Passwords).Select(r => Html.Of($"<li>{words[$"change_{WireName.Of(r)}"]}</li>")))}
            </ul>
            </div>
            <form class="card" method="post" action="/recover/password">
            <input type="hidden" name="redemption_token" value="{redemptionToken}">
            <input type="text" name="username" value="{account}" autocomplete="username" hidden>
            <label for="password">{words["password_label"]}</label>
            <input id="password" name="password" type="password" autocomplete="new-password" required aria-describedby="hint" passwordrules="minlength: {least};">
            <p id="hint" class="quiet field-fault">{words.Fill("password_hint", least)}</p>
            <div id="strength" class="strength" hidden data-least="{least}" data-word0="{words["strength_0"]}" data-word1="{words["strength_1"]}" data-word2="{words["strength_2"]}" data-word3="{words["strength_3"]}">
            <meter min="0" max="4" low="2" high="3" optimum="4" value="0" aria-hidden="true"></meter><output for="password" aria-live="polite"></output>
            </div>
            <label for="again">{words["password_again"]}</label>
            <input id="again" name="again" type="password" autocomplete="new-password" required>
            <label class="check" hidden><input id="show" type="checkbox"> {words["password_show"]}</label>
            <button type="submit">{words["password_button"]}</button>
            </form>
            <form class="card" method="post" action="/recover/not-me">
            <h2>{words["not_me_heading"]}</h2>
            <p class="quiet">{words["not_me_text"]}</p>
            <input type="hidden" name="redemption_token" value="{redemptionToken}">
            <button class="second" type="submit">{words["not_me_button"]}</button>
            </form>
            """);
    }

    /// <summary>The password is set.</summary>
    public static Html Done(Words words) => Html.Of(
        $"""<div class="card" role="status"><h1>{words["done_heading"]}</h1><p>{words["done_text"]}</p></div>""");

    /// <summary>The recovery was stopped by its person.</summary>
    public static Html Stopped(Words words) => Html.Of(
        $"""<div class="card" role="status"><h1>{words["not_me_done_heading"]}</h1><p>{words["not_me_done_text"]}</p></div>""");

    private static PrincipalKind RequesterOf(Recovery recovery) => recovery.RequestedBy.Kind;
}
