using Sparekey.Core;
using Sparekey.Engine.Credentials.Escrow.Identity;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Passbolt;

/// <summary>What the machine's operator sets up for Passbolt's clients.</summary>
internal static class PassboltLocal
{
    /// <summary>Maps the routes.</summary>
    /// <param name="root">The root.</param>
    public static void Map(IEndpointRouteBuilder root)
    {
        var local = root.MapGroup("/local/passbolt").RequireLocalOperator().ExcludeFromDescription();
        local.MapPut("/server", SetUp);
        local.MapPost("/users", Import);
        local.MapPost("/invitations", Invite);
    }

    private static async Task<IResult> SetUp(HttpContext context, SetUpOpenPgpServer setUp)
    {
        var body = await StrictBody.Read<ServerBody>(context);
        if (body.Refusal is { } malformed)
        {
            return new Problem(malformed);
        }

        var server = await setUp.Run(context.Caller(), body.Value.Domain, context.RequestAborted);
        return server.ToAnswer(s => new ServerView(s.Fingerprint, s.Domain));
    }

    private static async Task<IResult> Import(HttpContext context, ImportOpenPgpPerson import)
    {
        var body = await StrictBody.Read<UserBody>(context, 512 * 1024);
        if (body.Refusal is { } malformed)
        {
            return new Problem(malformed);
        }

        if (body.Value.PublicKey is not { } key)
        {
            return new Problem(new Refusal(RefusalCode.InvalidRequest) { Faults = [new FieldFault("/public_key", "An armored OpenPGP public key.")] });
        }

        var made = await import.Run(context.Caller(), PersonOf(body.Value), key, context.RequestAborted);
        return made.ToAnswer(a => new UserView(a.Id), StatusCodes.Status201Created);
    }

    private static async Task<IResult> Invite(HttpContext context, ImportOpenPgpPerson import, ReadOpenPgpServer servers)
    {
        var body = await StrictBody.Read<UserBody>(context);
        if (body.Refusal is { } malformed)
        {
            return new Problem(malformed);
        }

        if (await servers.Run(context.Caller().Tenant, context.RequestAborted) is not { } server)
        {
            return new Problem(new Refusal(RefusalCode.InvalidRequest, "Set this organisation up first: passbolt init."));
        }

        var made = await import.Invite(context.Caller(), PersonOf(body.Value), context.RequestAborted);
        return made.ToAnswer(
            i => new InvitationView(i.Account.Id, $"{server.Domain}/setup/start/{i.Account.Id}/{i.Token.Reveal()}"), StatusCodes.Status201Created);
    }

    private static NewOpenPgpPerson PersonOf(UserBody body) => new(body.Username, body.FirstName, body.LastName, body.Role) { Id = body.UserId };

    private sealed record ServerBody(string Domain);

    private sealed record ServerView(string Fingerprint, string Domain);

    private sealed record UserBody(
        string Username, string FirstName, string LastName, OpenPgpRole Role, AccountId? UserId = null, [property: FreeText] string? PublicKey = null);

    private sealed record UserView(AccountId UserId);

    private sealed record InvitationView(AccountId UserId, string Url);
}
