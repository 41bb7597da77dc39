using System.Security.Cryptography;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Dfns;

/// <summary>What the machine's operator sets up for Dfns's clients.</summary>
internal static class DfnsLocal
{
    private const string GroupAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789";

    /// <summary>Maps the routes.</summary>
    /// <param name="local">The group of routes that only the machine's operator reaches.</param>
    public static void Map(IEndpointRouteBuilder local)
    {
        local.MapPut("/dfns/application", SetApplication);
        local.MapPost("/dfns/service-accounts", CreateServiceAccount);
    }

    // An application is known by its name; all that Dfns's clients know here are of one organisation.
    private static async Task<IResult> SetApplication(HttpContext context, ManageApplications manage)
    {
        var body = await StrictBody.Read<ApplicationBody>(context);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var ours = (await manage.List(context.Caller(), context.RequestAborted)).Where(a => a.ClientIds.Any(c => c.Dialect == DfnsId.Dialect)).ToList();
        var found = ours.Find(a => a.Name == body.Value.Name);
        var group = ours.Find(a => a.Group is not null)?.Group
            ?? $"or-{RandomNumberGenerator.GetString(GroupAlphabet, 5)}-{RandomNumberGenerator.GetString(GroupAlphabet, 5)}-{RandomNumberGenerator.GetString(GroupAlphabet, 16)}";
        var wanted = new ApplicationSettings
        {
            Name = body.Value.Name,
            RpId = new Assigned<string?>(body.Value.RpId),
            Origins = body.Value.Origins,
            Group = new Assigned<string?>(group),
        };
        Result<Application> set;
        if (found is not null)
        {
            set = await manage.Change(context.Caller(), found.Id, wanted, context.RequestAborted);
        }
        else
        {
            var id = new ExternalId(DfnsId.Dialect, $"ap-{group[3..8]}-{RandomNumberGenerator.GetString(GroupAlphabet, 5)}-{RandomNumberGenerator.GetString(GroupAlphabet, 16)}");
            var made = await manage.Create(context.Caller(), wanted with { ClientIds = [id] }, null, context.RequestAborted);
            set = made.Refusal is { } refused ? refused : made.Value.Fresh!;
        }

        return set.ToAnswer(a => new { OrgId = a.Group, AppId = a.ClientIds.First(c => c.Dialect == DfnsId.Dialect).Id });
    }

    private static async Task<IResult> CreateServiceAccount(
        HttpContext context, ManageTokens manage, ApplicationOfClient applications, DfnsTokens tokens)
    {
        var body = await StrictBody.Read<ServiceAccountBody>(context);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var granted = DfnsPermissions.Read(body.Value.Permissions);
        if (granted.Refusal is { } unknown)
        {
            return new Problem(unknown);
        }

        var caller = context.Caller();
        if (await applications.Run(caller.Tenant, DfnsId.Dialect, body.Value.AppId, null, context.RequestAborted) is not { } application)
        {
            return new Problem(new Refusal(RefusalCode.ApplicationNotFound, "Set an application up first: dfns application set."));
        }

        // The name of the key is ours to give: its holder puts it into what they sign.
        var credential = DfnsId.Of("cr", Guid.ParseExact(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)), "N"));
        var made = await manage.Create(
            caller,
            new TokenOrder(null, body.Value.Name, granted.Value.Permissions)
            {
                Key = new ProgrammeKey(body.Value.PublicKey, credential),
                Application = application.Id,
                Kinds = granted.Value.Kinds,
                Ceiling = body.Value.Ceiling,
                ExpiresIn = TimeSpan.FromDays(body.Value.Days ?? 366),
            },
            null, context.RequestAborted);
        if (made.Refusal is { } refused)
        {
            return new Problem(refused);
        }

        var token = made.Value.Fresh!;
        var user = DfnsId.Of("us", token.Token.ServiceAccount.Value);
        var jwt = await tokens.Write(
            caller.Tenant, TokenKind.ServiceAccount, token.Secret.Reveal(), token.Token.ExpiresAt, application.Group!, user, body.Value.Name,
            context.RequestAborted);
        return Answers.Json(new { Token = jwt, CredId = credential, OrgId = application.Group, UserId = user }, StatusCodes.Status201Created);
    }

    private sealed record ApplicationBody(string Name, string RpId, IReadOnlyList<string> Origins);

    private sealed record ServiceAccountBody(
        string Name, [property: FreeText] string PublicKey, IReadOnlyList<string> Permissions, string? Ceiling = null, int? Days = null, string? AppId = null);
}
