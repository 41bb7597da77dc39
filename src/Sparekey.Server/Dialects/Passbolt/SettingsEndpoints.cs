using System.Text.Json.Nodes;
using Sparekey.Core.Access;
using Sparekey.Engine.Credentials.Escrow.Identity;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Passbolt;

/// <summary>What the server can do, and what roles may.</summary>
internal static class SettingsEndpoints
{
    // The three actions that a reviewer needs, and the permission of ours that each one is.
    private static readonly (string Action, Permission Permission)[] Actions =
    [
        ("AccountRecoveryRequestsIndex.index", Permission.RecoveryRead),
        ("AccountRecoveryRequestsView.view", Permission.RecoveryRead),
        ("AccountRecoveryResponsesCreate.post", Permission.RecoveryApprove),
    ];

    /// <summary>Maps the routes.</summary>
    /// <param name="group">The dialect's group.</param>
    public static void Map(RouteGroupBuilder group)
    {
        group.MapGet("/settings.json", Settings).For(DoorFor.Anybody, "SettingsIndex.index").Public("Clients read it before anybody signs in.");
        group.MapGet("/roles.json", Roles).For(DoorFor.People, "RolesIndex.index").RequireDialectProof(PassboltEndpoints.Proof);
        group.MapGet("/rbacs.json", Rbacs).For(DoorFor.People, "RbacsView.view", Permission.EscrowManage).RequireDialectProof(PassboltEndpoints.Proof);
        group.MapGet("/rbacs/me.json", OwnRbacs).For(DoorFor.People, "RbacsView.viewForCurrentRole").RequireDialectProof(PassboltEndpoints.Proof);
        group.MapPut("/rbacs.json", ChangeRbacs).For(DoorFor.People, "RbacsUpdate.update", Permission.EscrowManage).RequireDialectProof(PassboltEndpoints.Proof);
    }

    private static Task<IResult> Settings(HttpContext context, CancellationToken _)
    {
        var server = context.Passbolt().Server;
        return Task.FromResult<IResult>(new PassboltAnswer(new JsonObject
        {
            ["app"] = new JsonObject
            {
                ["version"] = new JsonObject { ["number"] = "5.12.0", ["name"] = "Sparekey" },
                ["url"] = server.Domain + "/",
                ["debug"] = 0,
                ["server_timezone"] = "UTC",
                ["session_timeout"] = (int)Engine.Sessions.Session.LongestIdle.TotalMinutes,
                ["locale"] = "en-UK",
            },
            ["passbolt"] = new JsonObject
            {
                ["edition"] = "pro",
                ["registration"] = new JsonObject { ["public"] = false },
                ["plugins"] = new JsonObject
                {
                    ["accountRecovery"] = new JsonObject { ["version"] = "2.0.0", ["enabled"] = true },
                    ["jwtAuthentication"] = new JsonObject { ["version"] = "1.0.0", ["enabled"] = true },
                    ["rbacs"] = new JsonObject { ["version"] = "1.0.0", ["enabled"] = true },
                    ["userPassphrasePolicies"] = new JsonObject { ["version"] = "1.0.0", ["enabled"] = true },
                },
            },
        }));
    }

    private static Task<IResult> Roles(HttpContext context, CancellationToken _) => Task.FromResult<IResult>(
        PassboltEndpoints.Part(new PassboltQuery(context.Request.Query), [.. PassboltMapping.Roles()]));

    private static Task<IResult> Rbacs(HttpContext context, CancellationToken _) => Task.FromResult<IResult>(
        PassboltEndpoints.Part(new PassboltQuery(context.Request.Query), [.. Enum.GetValues<OpenPgpRole>().Where(r => r != OpenPgpRole.Admin).SelectMany(Of)]));

    private static async Task<IResult> OwnRbacs(HttpContext context, ReadOpenPgpPeople people)
    {
        var own = await people.Find(context.Visitor(), context.Passbolt().Session.Session.Account, context.RequestAborted);
        return new PassboltAnswer(new JsonArray([.. Of(own?.Role ?? OpenPgpRole.User).Select(o => (JsonNode)o)]));
    }

    // Roles here are bundles of permissions that do not change; who has which is granted to a person.
    private static Task<IResult> ChangeRbacs(HttpContext context, CancellationToken _) => Task.FromResult<IResult>(
        new PassboltError(400, "The roles are fixed here: PUT /v1/operators/{id} makes somebody a reviewer."));

    private static IEnumerable<JsonObject> Of(OpenPgpRole role) => Actions.Select(a => new JsonObject
    {
        ["id"] = PassboltIds.Of("rbac", $"{role}.{a.Action}"),
        ["role_id"] = PassboltMapping.RoleId(role),
        ["control_function"] = OpenPgpRoles.PermissionsOf(role).Contains(a.Permission) ? "Allow" : "Deny",
        ["foreign_model"] = "Action",
        ["foreign_id"] = PassboltIds.Action(a.Action),
        ["created"] = PassboltMapping.Time(DateTimeOffset.UnixEpoch),
        ["modified"] = PassboltMapping.Time(DateTimeOffset.UnixEpoch),
        ["action"] = new JsonObject { ["id"] = PassboltIds.Action(a.Action), ["name"] = a.Action },
    });
}
