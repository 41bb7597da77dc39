using System.Globalization;
using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Credentials.Passkeys;

namespace Sparekey.Server.Pages;

/// <summary>What stands on the pages of an account's own recoveries.</summary>
internal static class HistoryPages
{
    /// <summary>Who is not signed in signs in.</summary>
    public static Html SignIn(Words words, string? fault, Html forms) => Html.Of(
        $"""
        {Layout.Fault(words, fault)}
        <h1>{words["history_heading"]}</h1>
        <p class="quiet">{words["history_sign_in_text"]}</p>
        {forms}
        """);

    /// <summary>With a passkey where the page may ask for one, or with a password.</summary>
    public static Html SignInForms(Words words, RelyingParty? party) => Html.Of(
        $"""
        {(party is null ? Html.Empty : SignInForm.Of(words, party, "/recover/history/passkey"))}
        <form class="card" method="post" action="/recover/history/password">
        <h2>{words["sign_in_password_heading"]}</h2>
        <label for="identifier">{words["ask_identifier"]}</label>
        <input id="identifier" name="identifier" type="text" autocomplete="username" autocapitalize="none" spellcheck="false" required maxlength="254">
        <label for="current">{words["kratos_group_password"]}</label>
        <input id="current" name="password" type="password" autocomplete="current-password" required maxlength="1024">
        <button class="second" type="submit">{words["sign_in_password_button"]}</button>
        </form>
        """);

    /// <summary>The recoveries, newest first.</summary>
    public static Html List(Words words, IReadOnlyList<Recovery> recoveries, string? more, DateTimeOffset now, string? fault, Html signIn) => Html.Of(
        $"""
        {Layout.Fault(words, fault)}
        {signIn}
        <h1>{words["history_heading"]}</h1>
        <p class="quiet">{words["history_text"]}</p>
        {(recoveries.Count == 0 ? Html.Of($"""<p class="card">{words["history_none"]}</p>""") : Html.Of($"""<ul class="cards">{Html.Join(recoveries.Select(r => Item(words, r, now)))}</ul>"""))}
        {(more is null ? Html.Empty : Html.Of($"""<p><a href="/recover/history?cursor={more}">{words["operate_more"]}</a></p>"""))}
        <form class="sign-out" method="post" action="/recover/history/sign-out">
        <button class="second" type="submit">{words["sign_out_button"]}</button>
        </form>
        """);

    private static Html Item(Words words, Recovery recovery, DateTimeOffset now) => Html.Of(
        $"""
        <li class="card">
        <h2>{words[$"state_{WireName.Of(recovery.State)}"]}</h2>
        <dl>
        <dt>{words["redeemed_when"]}</dt><dd>{Time(recovery.CreatedAt)}</dd>
        {(recovery.ClosedAt is { } closed ? Html.Of($"<dt>{words["history_closed"]}</dt><dd>{Time(closed)}</dd>") : Html.Empty)}
        <dt>{words["redeemed_by"]}</dt><dd>{words[$"by_{WireName.Of(recovery.RequestedBy.Kind)}"]}</dd>
        <dt>{words["operate_means"]}</dt><dd>{words[$"means_{WireName.Of(recovery.Request.Means)}"]}</dd>
        {(recovery.Request.Reason?.Text is { Length: > 0 } why ? Html.Of($"<dt>{words["redeemed_why"]}</dt><dd>{why}</dd>") : Html.Empty)}
        <dt>{words["redeemed_number"]}</dt><dd class="number">{recovery.Id.ToString()}</dd>
        </dl>
        {(recovery.IsClosed || (now >= recovery.OpenUntil && recovery.Secret is null) ? Html.Empty : Html.Of(
            $"""
            <form method="post" action="/recover/history/{recovery.Id.ToString()}/cancel">
            <button class="second" type="submit">{words["history_cancel"]}</button>
            </form>
            """))}
        </li>
        """);

    private static Html Time(DateTimeOffset time) => Html.Of(
        $"""<time datetime="{time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)}">{time.UtcDateTime.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture)}</time>""");
}
