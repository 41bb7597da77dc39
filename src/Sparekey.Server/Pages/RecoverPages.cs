using System.Globalization;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Credentials.Passwords;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Server.Pages;

/// <summary>What the forms of an open redemption carry.</summary>
/// <param name="Account">The account, masked.</param>
/// <param name="Identifier">What the person typed as its name, for their password manager; empty when they came by a link.</param>
/// <param name="Token">The redemption's token.</param>
internal sealed record RedemptionForm(string Account, string Identifier, SecretText Token);

/// <summary>What stands on each page of a recovery.</summary>
internal static class RecoverPages
{
    /// <summary>Where everything begins: ask for a message, or type a code. A link lands here too, and waits for a click.</summary>
    public static Html Start(Words words, string? fault, string identifier) => Html.Of(
        $"""
        <form id="open-link" class="card" method="post" action="/recover/redeem" hidden>
        <h1>{words["link_heading"]}</h1>
        <p>{words["link_text"]}</p>
        <input type="hidden" name="link_secret" value="">
        <button type="submit">{words["link_button"]}</button>
        <p class="after"><a href="/recover">{words["back"]}</a></p>
        </form>
        <div id="start">
        {Layout.Fault(words, fault)}
        <h1>{words["start_heading"]}</h1>
        <p class="quiet">{words["start_text"]}</p>
        <noscript><p class="card">{words["link_noscript"]}</p></noscript>
        <form class="card" method="post" action="/recover/ask">
        <h2>{words["ask_heading"]}</h2>
        <label for="ask-identifier">{words["ask_identifier"]}</label>
        <input id="ask-identifier" name="identifier" type="text" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="254">
        <button type="submit">{words["ask_button"]}</button>
        </form>
        <form class="card" method="post" action="/recover/redeem">
        <h2>{words["code_heading"]}</h2>
        <p class="quiet">{words["code_text"]}</p>
        <label for="identifier">{words["ask_identifier"]}</label>
        <input id="identifier" name="identifier" type="text" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="254" value="{identifier}">
        <label for="code">{words["code_label"]}</label>
        <input id="code" name="code" class="code" type="text" autocomplete="one-time-code" autocapitalize="none" spellcheck="false" required maxlength="512">
        <details><summary>{words["half_summary"]}</summary>
        {ProofPages.HalfField(words)}
        </details>
        <button type="submit">{words["code_button"]}</button>
        </form>
        </div>
        """);

    /// <summary>The same for every name.</summary>
    public static Html Asked(Words words) => Message(words, "asked_heading", "asked_text", Html.Of(
        $"""<p class="quiet">{words["asked_again"]}</p><p class="after"><a href="/recover">{words["asked_code"]}</a></p>"""));

    /// <summary>What the page of a redemption is called: by the password where there is nothing else to choose.</summary>
    public static string ChooseHeading(RedemptionView view) => Takes(view, CredentialKind.Passkey) ? "redeemed_heading_any" : "redeemed_heading";

    /// <summary>Who opened the recovery, when, why, what will change; and what the redemption allows: a passkey, a password.</summary>
    public static Html Choose(
        Words words, RedemptionView view, RedemptionForm form, PasswordOptions rules, RelyingParty? party, string? fault, string? unknownPasskey) =>
        Html.Of(
            $"""
            {Layout.Fault(words, fault)}
            {(party is null || unknownPasskey is null ? Html.Empty : PasskeyForm.Forget(party, unknownPasskey))}
            <h1>{words[ChooseHeading(view)]}</h1>
            {WhatHappened(words, view, form.Account)}
            {(party is not null && Takes(view, CredentialKind.Passkey) ? PasskeyForm.Of(words, view.Recovery, form, party) : Html.Empty)}
            {(Takes(view, CredentialKind.Password) ? Password(words, view, form, rules, fault is not null && unknownPasskey is null) : Html.Empty)}
            <form class="card" method="post" action="/recover/stop">
            <h2>{words["not_me_heading"]}</h2>
            <p class="quiet">{words["not_me_text"]}</p>
            <input type="hidden" name="redemption_token" value="{form.Token.Reveal()}">
            <button class="second" type="submit">{words["not_me_button"]}</button>
            </form>
            """);

    private static Html Password(Words words, RedemptionView view, RedemptionForm form, PasswordOptions rules, bool wrong)
    {
        var least = rules.MinLength.ToString(CultureInfo.InvariantCulture);
        var (invalid, described) = wrong ? ("true", "fault hint") : ("false", "hint");
        return Html.Of(
            $"""
            <form id="password-form" class="card" method="post" action="/recover/password">
            {(Takes(view, CredentialKind.Passkey) ? Html.Of($"""<h2>{words["password_heading"]}</h2><p class="quiet">{words["change_password"]}</p>""") : Html.Empty)}
            <input type="hidden" name="redemption_token" value="{form.Token.Reveal()}">
            <input type="text" name="identifier" value="{form.Identifier}" autocomplete="username" hidden>
            <label for="password">{words["password_label"]}</label>
            <input id="password" name="password" type="password" autocomplete="new-password" required aria-invalid="{invalid}" aria-describedby="{described}" passwordrules="minlength: {least};">
            <p id="hint" class="hint">{words.Fill("password_hint", least)}</p>
            <div id="strength" class="strength" hidden data-least="{least}" data-word0="{words["strength_0"]}" data-word1="{words["strength_1"]}" data-word2="{words["strength_2"]}" data-word3="{words["strength_3"]}">
            <meter min="0" max="4" low="2" high="3" optimum="4" value="0" aria-hidden="true"></meter><output for="password" aria-live="polite"></output>
            </div>
            <label for="again">{words["password_again"]}</label>
            <input id="again" name="again" type="password" autocomplete="new-password" required aria-invalid="{invalid}">
            <label class="check" hidden><input id="show" type="checkbox"> {words["password_show"]}</label>
            <button type="submit">{words["password_button"]}</button>
            </form>
            """);
    }

    /// <summary>The password is set.</summary>
    public static Html Done(Words words, PageBrand brand, SecretText? code) =>
        Html.Of($"""{Message(words, "done_heading", "done_text", GoOn(words, brand))}{NewCode(words, code)}""");

    /// <summary>The passkey is bound; the browser is told which ones there are.</summary>
    public static Html DonePasskey(Words words, PageBrand brand, IReadOnlyDictionary<string, object> signal, SecretText? code) => Html.Of(
        $"""{Message(words, "passkey_done_heading", "passkey_done_text", GoOn(words, brand))}{NewCode(words, code)}{PasskeyForm.Accepted(signal)}""");

    /// <summary>What the page of a saved code is called that has to wait: for time alone, or for others.</summary>
    public static string WaitingHeading(Refusal open) => open.NotBefore is null ? "waiting_heading" : "waiting_time_heading";

    /// <summary>A right saved code whose recovery waits.</summary>
    public static Html Waiting(Words words, Refusal open)
    {
        var text = open.NotBefore is { } until
            ? words.Fill("waiting_time_text", until.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture))
            : words["waiting_text"];
        return Html.Of(
            $"""
            <div class="card" role="status"><h1>{words[WaitingHeading(open)]}</h1>
            <p>{text}</p>
            <p class="quiet">{words["waiting_again"]}</p>
            {(open.Recovery is { } number ? Html.Of($"""<dl><dt>{words["redeemed_number"]}</dt><dd class="number">{number.ToString()}</dd></dl>""") : Html.Empty)}
            <p class="after"><a href="/recover">{words["back"]}</a></p></div>
            """);
    }

    // N4: shown here and nowhere else.
    private static Html NewCode(Words words, SecretText? code) => code is null ? Html.Empty : Html.Of(
        $"""<div class="card"><h2>{words["new_code_heading"]}</h2><p>{words["new_code_text"]}</p><p id="new-code" class="number">{code.Reveal()}</p></div>""");

    private static Html GoOn(Words words, PageBrand brand) => brand.Home is { } home
        ? Html.Of($"""<a class="button" href="{home.AbsoluteUri}">{words.Fill("done_home", brand.Name)}</a>""")
        : Html.Empty;

    private static bool Takes(RedemptionView view, CredentialKind kind) => view.Allowed.Contains(WireName.Of(kind));

    /// <summary>What a notice leads to: nothing happens before the button.</summary>
    public static Html NotMe(Words words, string? fault) => Html.Of(
        $"""
        {Layout.Fault(words, fault)}
        <h1>{words["not_me_heading"]}</h1>
        <form class="card" method="post" action="/recover/not-me">
        <p>{words["notice_text"]}</p>
        <div id="notice-field">
        <label for="notice-token">{words["notice_label"]}</label>
        <input id="notice-token" name="notice_token" class="code" type="text" autocomplete="off" autocapitalize="none" spellcheck="false" required maxlength="512" aria-describedby="notice-hint">
        <p id="notice-hint" class="hint">{words["notice_hint"]}</p>
        </div>
        <button type="submit">{words["not_me_button"]}</button>
        </form>
        """);

    /// <summary>The recovery was stopped by its person.</summary>
    public static Html Stopped(Words words) => Message(words, "not_me_done_heading", "not_me_done_text", Html.Empty);

    /// <summary>What "this was not me" did; and, where the message came to an address of long standing, the way to freeze the account.</summary>
    public static Html TakenBack(Words words, Repudiation done, string heading, string text, SecretText token)
    {
        // Who was too late, or does not know how much was changed, recovers the account next.
        var recover = done.State == RecoveryState.Completed || done.Recovery is null
            ? Html.Of($"""<a class="button" href="/recover">{words["start_heading"]}</a>""")
            : Html.Empty;
        return Html.Of(
            $"""
            {Message(words, heading, text, Html.Of($"""<p class="quiet">{words["not_me_told"]}</p>{recover}"""))}
            {(done.IsFrozen ? Html.Of($"""<div class="card"><h2>{words["freeze_done_heading"]}</h2><p>{words["freeze_done_text"]}</p></div>""")
                : done.MayFreeze ? FreezeForm(words, token) : Html.Empty)}
            """);
    }

    /// <summary>The account is frozen.</summary>
    public static Html Frozen(Words words) => Message(words, "freeze_done_heading", "freeze_done_text", Html.Empty);

    private static Html FreezeForm(Words words, SecretText token) => Html.Of(
        $"""
        <form class="card" method="post" action="/recover/freeze">
        <h2>{words["freeze_heading"]}</h2>
        <p>{words["freeze_text"]}</p>
        <input type="hidden" name="notice_token" value="{token.Reveal()}">
        <button class="second" type="submit">{words["freeze_button"]}</button>
        </form>
        """);

    /// <summary>A refusal that has no page of its own.</summary>
    public static Html Refused(Words words, string fault) => Html.Of(
        $"""<div class="card fault" role="alert"><h1>{words["error_heading"]}</h1><p>{fault}</p></div><p><a href="/recover">{words["back"]}</a></p>""");

    private static Html Message(Words words, string heading, string text, Html more) => Html.Of(
        $"""<div class="card" role="status"><h1>{words[heading]}</h1><p>{words[text]}</p>{more}</div>""");

    // Names of staff and programmes stay inside: whoever holds a stray link shall not learn them. The number is enough to ask by.
    private static Html WhatHappened(Words words, RedemptionView view, string account)
    {
        var recovery = view.Recovery;
        return Html.Of(
        $"""
        <div class="card">
        <dl>
        <dt>{words["redeemed_account"]}</dt><dd>{account}</dd>
        <dt>{words["redeemed_by"]}</dt><dd>{words[$"by_{StartedBy(recovery)}"]}</dd>
        <dt>{words["redeemed_when"]}</dt><dd><time datetime="{recovery.CreatedAt.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)}">{recovery.CreatedAt.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture)}</time></dd>
        {(recovery.Request.Reason?.Text is { Length: > 0 } why ? Html.Of($"<dt>{words["redeemed_why"]}</dt><dd>{why}</dd>") : Html.Empty)}
        <dt>{words["redeemed_number"]}</dt><dd class="number">{recovery.Id.ToString()}</dd>
        </dl>
        {Changes(words, recovery, Takes(view, CredentialKind.Passkey))}
        </div>
        """);
    }

    // An operator is no "you", though theirs is an account as well.
    private static string StartedBy(Recovery recovery) => WireName.Of(
        recovery.RequestedBy.Kind == PrincipalKind.Account && recovery.RequestedBy != Principal.Of(recovery.Request.Account)
            ? PrincipalKind.ServiceAccount
            : recovery.RequestedBy.Kind);

    // What happens to the old password depends on what is chosen, and is said there where there is a choice.
    private static Html Changes(Words words, Recovery recovery, bool isChoice)
    {
        var changes = recovery.Request.Revoke.Where(r => r != Revocation.Passwords).Select(r => words[$"change_{WireName.Of(r)}"]).ToList();
        if (!isChoice)
        {
            changes.Insert(0, words["change_password"]);
        }

        return changes.Count == 0
            ? Html.Empty
            : Html.Of($"""<h2>{words["redeemed_changes"]}</h2><ul>{Html.Join(changes.Select(c => Html.Of($"<li>{c}</li>")))}</ul>""");
    }
}
