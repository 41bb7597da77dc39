using Sparekey.Engine;
using Sparekey.Engine.Applications;
using Sparekey.Server.Http;
using Sparekey.Server.Pages;

namespace Sparekey.Server.Dialects.Passbolt;

/// <summary>
/// What stands where mails lead to: pages on which the vendor's extension does its work. To whoever has no extension they say what is
/// missing. They use no token up and ask nothing of storage.
/// </summary>
internal static class PassboltPages
{
    private const string Why = "The page is the same for everybody.";

    /// <summary>Maps the pages.</summary>
    /// <param name="root">The root.</param>
    public static void Map(IEndpointRouteBuilder root)
    {
        var pages = root.MapGroup("").ExcludeFromDescription().WithMetadata(new ProblemForPeople(PageAnswer.Refused));
        foreach (var path in new[]
        {
            "/setup/start/{user}/{token}", "/setup/install/{user}/{token}", "/setup/recover/start/{user}/{token}", "/setup/recover/{user}/{token}",
            "/account-recovery/continue/{user}/{token}", "/app/account-recovery/requests/review/{id}", "/auth/login",
        })
        {
            pages.MapGet(path, Page).Public(Why);
        }
    }

    private static IResult Page(HttpContext context, EngineOptions options)
    {
        var words = Words.For(context.Request.Headers.AcceptLanguage);
        var brand = new PageBrand(options.Origin.Host, Branding.None, null);
        return PageAnswer.Of(
            context, StatusCodes.Status200OK, words, brand, words["passbolt_heading"],
            Html.Of($"""<h1>{words["passbolt_heading"]}</h1><p>{words["passbolt_text"]}</p>"""));
    }
}
