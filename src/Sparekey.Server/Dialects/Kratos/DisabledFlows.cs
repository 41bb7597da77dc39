using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>
/// The flows that there are none of here: people sign in to the team's own product. A browser that must sign in is sent to the
/// application's page for it, where there is one.
/// </summary>
internal static class DisabledFlows
{
    /// <summary>Maps the routes.</summary>
    /// <param name="group">The group.</param>
    public static void Map(RouteGroupBuilder group)
    {
        const string nothing = "There is nothing behind it.";
        group.MapGet("/self-service/login/browser", Login).Public("It leads to where the person proves themselves.");
        foreach (var (path, name) in new[] { ("login", "Login"), ("registration", "Registration"), ("verification", "Verification") })
        {
            group.Map($"/self-service/{path}/{{**rest}}", (HttpContext context, KratosOptions _) => ErrorUi.Answer(context, SettingsErrors.Disabled(name))).Public(nothing);
        }
    }

    // With the request alone it would be taken for a delegate that writes its answer itself.
    private static async Task<IResult> Login(HttpContext context, KratosOptions options)
    {
        var (call, query) = (context.Kratos(), context.Request.Query);
        if (options.LoginUi is not { } page || !Negotiation.WantsPage(context.Request))
        {
            return await ErrorUi.Answer(context, SettingsErrors.Disabled("Login"));
        }

        // Our own page of settings is no less safe than where others may be sent.
        var asked = query["return_to"].ToString();
        var isOwn = asked.StartsWith(call.SettingsUi, StringComparison.Ordinal) && (asked.Length == call.SettingsUi.Length || asked[call.SettingsUi.Length] == '?');
        var (returnTo, refused) = isOwn ? (asked, null) : ReturnUrl.Check(call, asked);
        return refused is not null
            ? await ErrorUi.Answer(context, refused)
            : KratosJson.Redirect(KratosCall.With(page.AbsoluteUri, ("return_to", returnTo), ("refresh", query["refresh"] == "true" ? "true" : null)));
    }
}
