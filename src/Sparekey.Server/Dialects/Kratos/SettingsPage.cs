using System.Globalization;
using Sparekey.Engine.Credentials.RecoveryCodes;
using Sparekey.Engine.Flows;
using Sparekey.Server.Pages;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Our own page of settings flows, where the application has none: one form for each method. Only a passkey needs script.</summary>
internal static class SettingsPage
{
    /// <summary>Shows the page.</summary>
    /// <param name="context">The request.</param>
    /// <param name="flows">The flows.</param>
    /// <param name="answers">Writes them.</param>
    /// <param name="discovery">Finds providers, where forms lead to.</param>
    /// <param name="codes">Knows of saved recovery codes.</param>
    /// <param name="time">The clock.</param>
    public static async Task<IResult> Show(
        HttpContext context, SettingsFlows flows, SettingsAnswers answers, OidcDiscovery discovery, ReadRecoveryCodes codes, TimeProvider time)
    {
        var call = context.Kratos();
        if (await context.Person() is not { } person)
        {
            // Whose time ran out recovers once more.
            return KratosJson.Redirect(call.At("/self-service/recovery/browser"));
        }

        var id = KratosJson.Id<Core.EntryId>(context.Request.Query["flow"]).ToString();
        if (await flows.Find(person, id, context.RequestAborted) is not { IsNative: false } flow || flow.Account != person.Session.Account
            || flow.ExpiresAt <= time.GetUtcNow() || await answers.View(context, person, flow) is not { } view)
        {
            return KratosJson.Redirect(call.At("/self-service/settings/browser"));
        }

        var words = Words.For(context.Request.Headers.AcceptLanguage);

        // A session that is to set a credential first does that first.
        var saved = person.Session.RestrictedTo is null ? Codes(call, words, view.Ui, await codes.Run(person, context.RequestAborted)) : Html.Empty;
        var content = Html.Of(
            $"""
            <h1>{words["kratos_settings_heading"]}</h1>
            {FlowPage.Messages(words, view.Ui.Messages ?? [])}
            {Html.Join(view.Ui.Nodes.Where(n => n.Group is not ("default" or "webauthn")).GroupBy(n => n.Group, StringComparer.Ordinal).Select(g => Part(words, view.Ui, g.Key, [.. g])))}
            {saved}
            <script src="{PasskeyScript.Url(call)}" defer></script>
            """);
        return await FlowPage.Of(context, "kratos_settings_heading", content, await Elsewhere(context, flow, discovery));
    }

    /// <summary>Makes the person's saved recovery codes, and shows them this once.</summary>
    /// <param name="context">The request.</param>
    /// <param name="make">Makes them.</param>
    public static async Task<IResult> MakeCodes(HttpContext context, MakeRecoveryCodes make)
    {
        var call = context.Kratos();
        var (sent, unreadable) = await Submission.Read(context);
        if ((unreadable ?? await KratosCsrf.Check(context, sent!.CsrfToken)) is { } refused)
        {
            return await ErrorUi.Answer(context, refused);
        }

        if (await context.Person() is not { } person)
        {
            return KratosJson.Redirect(call.At("/self-service/recovery/browser"));
        }

        var made = await make.Run(person, context.RequestAborted);
        if (made.Refusal is not null)
        {
            return KratosJson.Redirect(KratosCall.With(
                call.At("/self-service/login/browser"), ("refresh", "true"), ("return_to", call.At("/self-service/settings/browser"))));
        }

        var words = Words.For(context.Request.Headers.AcceptLanguage);
        return await FlowPage.Of(context, "saved_codes_made_heading", Html.Of(
            $"""
            <h1>{words["saved_codes_made_heading"]}</h1>
            <div class="card" role="status"><p>{words["saved_codes_made_text"]}</p>
            <ul class="number" id="recovery-codes">{Html.Join(made.Value.Codes.Select(c => Html.Of($"<li>{c.Reveal()}</li>")))}</ul>
            <p class="after"><a href="{call.At("/self-service/settings/browser")}">{words["kratos_settings_heading"]}</a></p></div>
            """));
    }

    private static Html Codes(KratosCall call, Words words, UiContainer form, RecoveryCodesStatus status) => Html.Of(
        $"""
        <form class="card" method="post" action="{call.At("/self-service/settings/page/recovery-codes")}">
        <h2>{words["saved_codes_heading"]}</h2>
        <p class="quiet">{words["saved_codes_text"]}</p>
        {(status.Id is null ? Html.Empty : Html.Of($"""<p>{words.Fill("saved_codes_left", status.Left.ToString(CultureInfo.InvariantCulture))}</p>"""))}
        <input type="hidden" name="csrf_token" value="{form.Nodes.First(n => n.Input?.Name == "csrf_token").Input!.Value as string}">
        <button class="second" type="submit">{words["saved_codes_button"]}</button>
        </form>
        """);

    // Browsers hold forms to where they lead in the end: to the providers, and to where the person wants to be afterwards.
    private static async Task<IReadOnlyList<Uri>> Elsewhere(HttpContext context, SettingsFlow flow, OidcDiscovery discovery)
    {
        var options = context.Kratos().Options;
        var all = new List<Uri>();
        if (flow.ReturnTo is { } next)
        {
            all.Add(new Uri(next));
        }
        else if (options.Settings.After is { } usual)
        {
            all.Add(usual);
        }

        foreach (var provider in options.Oidc ? options.Providers : [])
        {
            if (await discovery.Find(provider, context.RequestAborted) is { } found)
            {
                all.Add(found.Authorization);
            }
        }

        return all;
    }

    private static Html Part(Words words, UiContainer form, string group, IReadOnlyList<UiNode> nodes)
    {
        var heading = Html.Of($"""<h2>{words[$"kratos_group_{group}"]}</h2>""");
        UiNode[] csrf = [.. form.Nodes.Where(n => n.Input?.Name == "csrf_token")];
        if (group != "passkey")
        {
            return FlowPage.Form(words, form with { Nodes = [.. csrf, .. nodes] }, heading, group);
        }

        // Taking one away needs no script; making one does, and stays out of sight without it.
        var (removes, makes) = (nodes.Where(n => n.Input?.Name == "passkey_remove").ToArray(), nodes.Where(n => n.Input?.Name != "passkey_remove").ToArray());
        return Html.Of(
            $"""
            {(removes.Length == 0 ? Html.Empty : FlowPage.Form(words, form with { Nodes = [.. csrf, .. removes] }, heading, group))}
            {(makes.Length == 0 ? Html.Empty : Make(words, form, [.. csrf, .. makes], heading))}
            """);
    }

    private static Html Make(Words words, UiContainer form, IReadOnlyList<UiNode> nodes, Html heading) => Html.Of(
        $"""
        <form class="card" method="post" action="{form.Action}" hidden>
        {heading}
        <p class="quiet">{words["passkey_text"]}</p>
        {Html.Join(nodes.Where(n => n.Input is { Type: "hidden" }).Select(n => Html.Of($"""<input type="hidden" name="{n.Input!.Name}" value="{n.Input.Value as string}">""")))}
        <button type="button" data-trigger="{PasskeyScript.Function}">{words["passkey_button"]}</button>
        </form>
        """);
}
