using System.Globalization;
using Sparekey.Engine.Applications;
using Sparekey.Server.Http;
using Sparekey.Server.Pages;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>
/// Our own page of a flow, where the application has none: the flow's form as it stands on the wire, in the person's language where we have
/// the text. It works without script.
/// </summary>
internal static class FlowPage
{
    /// <summary>The page.</summary>
    /// <param name="context">The request.</param>
    /// <param name="heading">The name of its heading among the texts.</param>
    /// <param name="form">The form.</param>
    /// <param name="after">What stands below it; null for nothing.</param>
    /// <param name="goesOnTo">Where its forms lead in the end, when that is not here; null for here.</param>
    public static async Task<IResult> Of(HttpContext context, string heading, UiContainer form, Html? after = null, IReadOnlyList<Uri>? goesOnTo = null)
    {
        var words = Words.For(context.Request.Headers.AcceptLanguage);
        return await Of(
            context, heading,
            Html.Of($"""<h1>{words[heading]}</h1>{Messages(words, form.Messages ?? [])}{Form(words, form)}{after ?? Html.Empty}"""), goesOnTo);
    }

    /// <summary>A page with something else on it.</summary>
    /// <param name="context">The request.</param>
    /// <param name="heading">The name of its heading among the texts.</param>
    /// <param name="content">What is on it.</param>
    /// <param name="goesOnTo">Where its forms lead in the end, when that is not here; null for here.</param>
    public static async Task<IResult> Of(HttpContext context, string heading, Html content, IReadOnlyList<Uri>? goesOnTo = null)
    {
        var words = Words.For(context.Request.Headers.AcceptLanguage);
        var branding = context.RequestServices.GetRequiredService<ReadBranding>();
        var brand = await branding.Run(context.Visitor(), context.Kratos().Application.Id, context.RequestAborted);
        return PageAnswer.Of(context, 200, words, brand, words[heading], content, goesOnTo);
    }

    /// <summary>What is said, in the person's language where we have it.</summary>
    /// <param name="words">The texts.</param>
    /// <param name="text">The text.</param>
    public static string Say(Words words, UiText text) => words.Find(string.Create(CultureInfo.InvariantCulture, $"kratos_{text.Id}")) ?? text.Text;

    /// <summary>What is said about a whole form.</summary>
    /// <param name="words">The texts.</param>
    /// <param name="messages">What.</param>
    public static Html Messages(Words words, IReadOnlyList<UiText> messages) => Html.Join(messages.Select(m => m.Type == "error"
        ? Html.Of($"""<div class="card fault" role="alert" tabindex="-1"><p id="fault">{Say(words, m)}</p></div>""")
        : Html.Of($"""<div class="card" role="status"><p>{Say(words, m)}</p></div>""")));

    /// <summary>A form.</summary>
    /// <param name="words">The texts.</param>
    /// <param name="form">The form.</param>
    /// <param name="heading">What stands above its fields; null for nothing.</param>
    /// <param name="name">What the ids of its fields begin with: another for every form of a page.</param>
    public static Html Form(Words words, UiContainer form, Html? heading = null, string name = "field") => Html.Of(
        $"""
        <form class="card" method="post" action="{form.Action}">
        {heading ?? Html.Empty}
        {Html.Join(form.Nodes.Select((node, i) => node.Input is { } input ? Field(words, node, input, string.Create(CultureInfo.InvariantCulture, $"{name}-{i}")) : Html.Empty))}
        </form>
        """);

    private static Html Field(Words words, UiNode node, UiInput input, string id)
    {
        var (value, label) = (Convert.ToString(input.Value, CultureInfo.InvariantCulture), node.Meta.Label is { } text ? Say(words, text) : "");
        return input.Type switch
        {
            "hidden" => Html.Of($"""<input type="hidden" name="{input.Name}" value="{value}">"""),

            // The first button sends the form; others do something else, for which nothing need be filled in.
            "submit" when input.Name == "method" => Html.Of($"""<button type="submit" name="{input.Name}" value="{value}">{label}</button>"""),
            "submit" => Html.Of($"""<button class="second" type="submit" name="{input.Name}" value="{value}" formnovalidate>{label}</button>"""),
            "button" => Html.Empty,
            "checkbox" => Html.Of(
                $"""
                <input type="hidden" name="{input.Name}" value="false">
                <label class="check"><input name="{input.Name}" type="checkbox" value="true" {(value is "True" or "true" ? Html.Of($"checked") : Html.Empty)}> {label}</label>
                """),
            _ => Html.Of(
                $"""
                <label for="{id}">{(label.Length > 0 ? label : input.Name)}</label>
                <input id="{id}" name="{input.Name}" type="{input.Type}" value="{value}" {Attributes(input)} aria-invalid="{(node.Messages.Count > 0 ? "true" : "false")}">
                {Html.Join(node.Messages.Select(m => Html.Of($"""<p class="hint" role="alert">{Say(words, m)}</p>""")))}
                """),
        };
    }

    private static Html Attributes(UiInput input) => Html.Join(
    [
        input.Required == true ? Html.Of($"""required """) : Html.Empty,
        input.Autocomplete is { } autocomplete ? Html.Of($"""autocomplete="{autocomplete}" """) : Html.Empty,
        input.Pattern is { } pattern ? Html.Of($"""pattern="{pattern}" """) : Html.Empty,
        input.Maxlength is { } most ? Html.Of($"""maxlength="{most.ToString(CultureInfo.InvariantCulture)}" """) : Html.Empty,
        input.Disabled ? Html.Of($"""disabled """) : Html.Empty,
    ]);
}
