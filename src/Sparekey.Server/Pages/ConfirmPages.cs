using System.Globalization;
using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;

namespace Sparekey.Server.Pages;

/// <summary>What stands on the pages that ask a person whether a recovery is theirs.</summary>
internal static class ConfirmPages
{
    /// <summary>Where a link leads: it waits for a click. Who runs no script pastes it.</summary>
    public static Html Start(Words words, string? fault) => Html.Of(
        $"""
        {Layout.Fault(words, fault)}
        <h1>{words["confirm_heading"]}</h1>
        <form class="card" method="post" action="/recover/confirm">
        <p>{words["confirm_start_text"]}</p>
        <div id="notice-field">
        <label for="notice-token">{words["notice_label"]}</label>
        <input id="notice-token" name="confirm_token" class="code" type="text" autocomplete="off" autocapitalize="none" spellcheck="false" required maxlength="512" aria-describedby="notice-hint">
        <p id="notice-hint" class="hint">{words["confirm_hint"]}</p>
        </div>
        <button type="submit">{words["confirm_look"]}</button>
        </form>
        """);

    /// <summary>
    /// What was asked for. Names of staff and programmes stay inside: whoever holds a stray link shall not learn them.
    /// </summary>
    public static Html Question(Words words, Recovery recovery, string account, SecretText token, string? fault) => Html.Of(
        $"""
        {Layout.Fault(words, fault)}
        <h1>{words["confirm_heading"]}</h1>
        <div class="card">
        <dl>
        <dt>{words["redeemed_account"]}</dt><dd>{account}</dd>
        <dt>{words["redeemed_by"]}</dt><dd>{words[$"by_{WireName.Of(recovery.RequestedBy.Kind)}"]}</dd>
        <dt>{words["redeemed_when"]}</dt><dd><time datetime="{recovery.CreatedAt.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)}">{recovery.CreatedAt.UtcDateTime.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture)}</time></dd>
        {(recovery.Request.Reason?.Text is { Length: > 0 } why ? Html.Of($"<dt>{words["redeemed_why"]}</dt><dd>{why}</dd>") : Html.Empty)}
        <dt>{words["operate_means"]}</dt><dd>{words[$"means_{WireName.Of(recovery.Request.Means)}"]}</dd>
        {(RequestKeyText.Of(recovery) is { } key ? Html.Of($"""<dt>{words["confirm_request_key"]}</dt><dd class="number">{key}</dd>""") : Html.Empty)}
        <dt>{words["redeemed_number"]}</dt><dd class="number">{recovery.Id.ToString()}</dd>
        </dl>
        {(recovery.Request.Revoke.IsEmpty ? Html.Empty : Html.Of($"""<h2>{words["redeemed_changes"]}</h2><ul>{Html.Join(recovery.Request.Revoke.Select(r => Html.Of($"<li>{words[$"change_{WireName.Of(r)}"]}</li>")))}</ul>"""))}
        </div>
        {Form(words, recovery, token, "yes", "confirm_yes_heading", "confirm_yes_text", "confirm_yes", "")}
        {Form(words, recovery, token, "no", "not_me_heading", "not_me_text", "not_me_button", "second")}
        """);

    /// <summary>The answer was taken.</summary>
    public static Html Answered(Words words, string heading, Recovery recovery) => Html.Of(
        $"""
        <div class="card" role="status"><h1>{words[heading]}</h1>
        <p>{words[recovery.IsClosed ? "confirm_no_done_text" : recovery.State == RecoveryState.Pending ? "confirm_done_waits" : "confirm_done_text"]}</p></div>
        """);

    private static Html Form(
        Words words, Recovery recovery, SecretText token, string answer, string heading, string text, string button, string look) => Html.Of(
        $"""
        <form class="card" method="post" action="/recover/confirm/{answer}">
        <h2>{words[heading]}</h2>
        <p class="quiet">{words[text]}</p>
        <input type="hidden" name="confirm_token" value="{token.Reveal()}">
        <input type="hidden" name="digest" value="{recovery.DecisionDigest}">
        <button class="{look}" type="submit">{words[button]}</button>
        </form>
        """);
}
