using System.Security.Cryptography;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Accounts;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.LoginId;

/// <summary><c>/manage/users</c>: a team's backend makes, finds, ends and rests users.</summary>
internal static class ManageEndpoints
{
    private const string Proof = "A service token of a management client.";

    /// <summary>Maps the routes.</summary>
    /// <param name="group">The mount.</param>
    public static void Map(RouteGroupBuilder group)
    {
        var users = group.MapGroup("/manage/users").RequireDialectProof(Proof);
        users.MapPost("/", Create);
        users.MapPost("/retrieve", Retrieve);
        users.MapPost("/delete", DeleteByName);
        users.MapDelete("/{id}", DeleteById);
        users.MapPut("/{id}/activate", (HttpContext context, ClientGate gate, ChangeAccount change, string id) =>
            SetStatus(context, gate, change, id, Scopes.ActivateUsers, AccountStatus.Active));
        users.MapPut("/{id}/deactivate", (HttpContext context, ClientGate gate, ChangeAccount change, string id) =>
            SetStatus(context, gate, change, id, Scopes.DeactivateUsers, AccountStatus.Disabled));
        users.MapPost("/{id}/email-verification/dispatch", DispatchVerification);
    }

    private static async Task<IResult> Create(HttpContext context, ClientGate gate, CreateAccount create)
    {
        var (body, malformed) = await Bodies.Read<UserBody>(context);
        if (body is null)
        {
            return malformed!;
        }

        var (call, error) = await gate.Vouched(context, body.ClientId, Scopes.CreateUsers);
        if (call is null)
        {
            return error!;
        }

        if (string.IsNullOrEmpty(body.Username))
        {
            return LoginIdError.Missing("username");
        }

        if (call.Token!.Username is { } meant && meant != body.Username)
        {
            return LoginIdError.Unauthorized;
        }

        // The team says that this is the person's address: it may be told there what happens to the account.
        var isEmail = Identifier.IsEmail(body.Username.Trim());
        var wanted = new NewAccount
        {
            Username = isEmail ? null : body.Username,
            Emails = isEmail ? [body.Username] : [],
            ExternalIds = [Account.Membership(ClientIds.Dialect, call.Namespace, RandomNumberGenerator.GetHexString(32, lowercase: true))],
        };
        var made = await create.Run(call.Caller!, wanted, once: null, context.RequestAborted);
        return made.ToAnswer(done => Mapping.Profile(call, done.Fresh!));
    }

    private static async Task<IResult> Retrieve(HttpContext context, ClientGate gate)
    {
        var (body, malformed) = await Bodies.Read<UserBody>(context);
        if (body is null)
        {
            return malformed!;
        }

        var (call, error) = await gate.Vouched(context, body.ClientId, Scopes.RetrieveUsers);
        if (call is null)
        {
            return error!;
        }

        var (user, unknown) = await gate.UserOf(context, call, body.UserId, body.Username);
        return user is null ? unknown! : Answers.Json(Mapping.Profile(call, user));
    }

    private static async Task<IResult> DeleteByName(HttpContext context, ClientGate gate, DeleteAccount delete)
    {
        var (body, malformed) = await Bodies.Read<UserBody>(context);
        return body is null ? malformed! : await Delete(context, gate, delete, body.ClientId, body.UserId, body.Username);
    }

    private static Task<IResult> DeleteById(HttpContext context, ClientGate gate, DeleteAccount delete, string id) =>
        Delete(context, gate, delete, null, id, null);

    private static async Task<IResult> Delete(
        HttpContext context, ClientGate gate, DeleteAccount delete, string? clientId, string? userId, string? username)
    {
        var (call, error) = await gate.Vouched(context, clientId, Scopes.DeleteUsers);
        if (call is null)
        {
            return error!;
        }

        var (user, unknown) = await gate.UserOf(context, call, userId, username);
        return user is null ? unknown! : (await delete.Run(call.Caller!, user.Id, context.RequestAborted)).ToAnswer();
    }

    private static async Task<IResult> SetStatus(
        HttpContext context, ClientGate gate, ChangeAccount change, string id, string scope, AccountStatus status)
    {
        var (call, error) = await gate.Vouched(context, null, scope);
        if (call is null)
        {
            return error!;
        }

        var (user, unknown) = await gate.UserOf(context, call, id, null);
        return user is null
            ? unknown!
            : (await change.Run(call.Caller!, user.Id, new AccountChange { Status = status }, context.RequestAborted))
                .ToAnswer(changed => Mapping.Profile(call, changed));
    }

    private static async Task<IResult> DispatchVerification(HttpContext context, ClientGate gate, ConfirmAddress confirm, string id)
    {
        var (call, error) = await gate.Vouched(context, null, Scopes.DispatchVerification);
        if (call is null)
        {
            return error!;
        }

        var (user, unknown) = await gate.UserOf(context, call, id, null);
        if (user is null)
        {
            return unknown!;
        }

        var address = user.Addresses.FirstOrDefault(a => a.Kind == AddressKind.Email && a.ConfirmedAt is null);
        if (address is null)
        {
            return user.Addresses.Any(a => a.Kind == AddressKind.Email)
                ? Answers.Json(new { })
                : new LoginIdError(400, "bad_request", "The user has no e-mail address");
        }

        return await confirm.SendCode(call.Caller!, user.Id, address.Id, context.RequestAborted) is { } refused
            ? new Problem(refused)
            : Answers.Json(new { });
    }
}
