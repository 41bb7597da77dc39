using System.Text.Json.Nodes;
using Sparekey.Core.Access;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Passbolt;

/// <summary>
/// Passbolt's routes for signing in, people, account recovery and rotation of the organisation's key, as its own extension calls them. Every
/// answer and every error has the vendor's frame.
/// </summary>
internal static class PassboltEndpoints
{
    /// <summary>What people prove themselves with.</summary>
    public const string Proof = "a session's cookie, or an access token";

    /// <summary>Opens the doors.</summary>
    /// <param name="root">The root of all routes.</param>
    public static void Map(IEndpointRouteBuilder root)
    {
        if (!root.ServiceProvider.GetRequiredService<PassboltOptions>().Enabled)
        {
            return;
        }

        PassboltLocal.Map(root);
        PassboltPages.Map(root);
        var group = root.MapGroup("").AddEndpointFilter<RefusalRecorder>().AddEndpointFilter(PassboltGate.Admit).ExcludeFromDescription();
        group.WithMetadata(new ProblemForDialect(PassboltErrors.Write));
        AuthEndpoints.Map(group);
        SettingsEndpoints.Map(group);
        UserEndpoints.Map(group);
        SetupEndpoints.Map(group);
        PolicyEndpoints.Map(group);
        RequestEndpoints.Map(group);
        group.Map("/account-recovery/{**rest}", () => (IResult)PassboltError.NotFound).WithMetadata(
            new PassboltAction("Error.error"), new PassboltDoor(DoorFor.Anybody), new WithoutCsrf()).Public("There is nothing here.");
    }

    /// <summary>Says whom a route lets in, and what its action is called.</summary>
    /// <param name="route">The route.</param>
    /// <param name="door">Whom.</param>
    /// <param name="action">The action's name.</param>
    /// <param name="needs">What it takes besides.</param>
    public static RouteHandlerBuilder For(this RouteHandlerBuilder route, DoorFor door, string action, Permission? needs = null)
    {
        route.WithMetadata(new PassboltAction(action), new PassboltDoor(door, needs));

        // What strangers ask is answered alike in time, too.
        return door == DoorFor.People ? route : route.AnswerOnTheBeat();
    }

    /// <summary>A part of a list as an answer.</summary>
    /// <param name="query">Which part was asked for.</param>
    /// <param name="all">All of it.</param>
    public static PassboltAnswer Part(PassboltQuery query, IReadOnlyList<JsonObject> all) =>
        new(new JsonArray([.. query.Part(all).Select(o => (JsonNode)o)])) { Pagination = query.Of(all.Count) };
}
