using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Ceremonies;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.LoginId;

/// <summary>A call of a client.</summary>
/// <param name="ClientId">The client.</param>
/// <param name="Application">Its application.</param>
/// <param name="Namespace">The users that it shares with other clients.</param>
/// <param name="Caller">Who vouched for the call with a service token; null where none was asked for.</param>
/// <param name="Token">That token.</param>
internal sealed record ClientCall(string ClientId, Application Application, string Namespace, Caller? Caller, ServiceToken? Token)
{
    /// <summary>Where the call came from.</summary>
    public required Visitor Visitor { get; init; }

    /// <summary>The type of the client.</summary>
    public string ClientType => ClientIds.TypeOf(ClientId);
}

/// <summary>
/// Finds the client of a call and, where its service token is asked for, holds it to the contract in this order: form, client,
/// signature, time, nonce, scope, grant, user. Where none is asked for, a token is not even looked at: clients send the one of their last
/// call along.
/// </summary>
/// <param name="applications">Knows clients.</param>
/// <param name="members">Knows users.</param>
/// <param name="authentication">Knows keys.</param>
/// <param name="nonces">Lets a nonce count once.</param>
/// <param name="velocity">Counts what clients do.</param>
/// <param name="refusals">Keeps the record of refusals.</param>
/// <param name="time">The clock.</param>
internal sealed class ClientGate(
    FindApplication applications, FindMember members, Authentication authentication, SpendOnce nonces, Velocity velocity, RecordRefusal refusals,
    TimeProvider time)
{
    private const string NonceKind = "loginid.nonce";

    /// <summary>Admits a call that needs a service token.</summary>
    /// <param name="context">The request.</param>
    /// <param name="clientId">The client that the body names; null when it names none.</param>
    /// <param name="scopes">The scopes that do.</param>
    /// <returns>The call, or the error to answer.</returns>
    public async Task<(ClientCall? Call, IResult? Error)> Vouched(HttpContext context, string? clientId, params string[] scopes)
    {
        if (ServiceToken.Parse(context.BearerToken().Reveal()) is not { } token
            || (NamedBy(context, clientId) ?? token.ClientId) is not { Length: > 0 } named
            || (token.ClientId is { } own && own != named)
            || await Find(context, named) is not { } client)
        {
            return Refuse(LoginIdError.Unauthorized);
        }

        var found = await authentication.AuthenticateByKey(
            context.Visitor(), client.Application.Id, token.IsSignedBy, context.RequestAborted);
        var now = time.GetUtcNow();
        if (found.Refusal is not null || !token.IsFresh(now)
            || !await nonces.Run(
                context.Visitor().Tenant, NonceKind, $"{named}/{token.Nonce}", token.IssuedAt + ServiceToken.Lifetime, context.RequestAborted))
        {
            return Refuse(LoginIdError.Unauthorized);
        }

        var caller = found.Value;
        context.Features.Set(caller);
        var refused = !scopes.Contains(token.Scope, StringComparer.Ordinal) || Scopes.PermissionOf(token.Scope) is not { } permission
            ? new Refusal(RefusalCode.PermissionMissing, $"The token's scope is not {string.Join(" or ", scopes)}.")
            : caller.Grant.Demand(permission);
        if (refused is not null)
        {
            await refusals.Run(caller, refused.Code, $"{context.Request.Method} {(context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText}");
            return Refuse(new Problem(refused));
        }

        return !HttpMethods.IsGet(context.Request.Method) && await velocity.Spend(caller, context.RequestAborted) is { } spent
            ? Refuse(new Problem(spent))
            : (CallOf(context, named, client, caller, token), null);
    }

    /// <summary>Admits a call that needs a service token where the client has a key, and none where it has not.</summary>
    /// <param name="context">The request.</param>
    /// <param name="clientId">The client that the body names; null when it names none.</param>
    /// <param name="scopes">The scopes that do.</param>
    /// <returns>The call, or the error to answer.</returns>
    public async Task<(ClientCall? Call, IResult? Error)> VouchedIfPrivate(HttpContext context, string? clientId, params string[] scopes)
    {
        if (NamedBy(context, clientId) is not { } named)
        {
            return Refuse(LoginIdError.Missing("client_id"));
        }

        return await Find(context, named) is not { } client ? Refuse(LoginIdError.ClientNotFound)
            : client.HasKeys || ClientIds.TypeOf(named) == ClientIds.Management ? await Vouched(context, clientId, scopes)
            : (CallOf(context, named, client, null, null), null);
    }

    /// <summary>Admits a call that carries its own proof.</summary>
    /// <param name="context">The request.</param>
    /// <param name="clientId">The client that the body names; null when it names none.</param>
    /// <returns>The call, or the error to answer.</returns>
    public async Task<(ClientCall? Call, IResult? Error)> Open(HttpContext context, string? clientId) =>
        NamedBy(context, clientId) is not { } named ? Refuse(LoginIdError.Missing("client_id"))
        : await Find(context, named) is { } client ? (CallOf(context, named, client, null, null), null)
        : Refuse(LoginIdError.ClientNotFound);

    /// <summary>The user that a call is about.</summary>
    /// <param name="context">The request.</param>
    /// <param name="call">The call.</param>
    /// <param name="userId">The user's id, where it is given.</param>
    /// <param name="username">The user's name, where it is given.</param>
    /// <returns>
    /// The user, who may be nobody where no service token vouches; or the error to answer: a missing name, a token for somebody else, and
    /// nobody, where a service token vouches.
    /// </returns>
    public async Task<(Account? User, IResult? Error)> UserOf(HttpContext context, ClientCall call, string? userId, string? username)
    {
        if (userId is null && username is null)
        {
            return (null, LoginIdError.Missing("username"));
        }

        // A token that names a user is good for that user only.
        if (call.Token is { Username: { } meant } && username is not null && meant != username)
        {
            return (null, LoginIdError.Unauthorized);
        }

        var user = userId is null ? await ByName(context, call, username!) : await ById(context, call, userId);
        if (user is not null && userId is not null && username is not null && (await ByName(context, call, username))?.Id != user.Id)
        {
            user = null;
        }

        if (user is not null && call.Token is { } token
            && ((token.Username is { } name && (await ByName(context, call, name))?.Id != user.Id)
                || (token is { Username: null, UserId: { } id } && id != user.Id.ToString())))
        {
            return (null, LoginIdError.Unauthorized);
        }

        return user is null && call.Caller is not null ? (null, LoginIdError.UserNotFound) : (user, null);
    }

    private async Task<Account?> ByName(HttpContext context, ClientCall call, string name) =>
        (await members.Run(
            call.Visitor.Tenant, ClientIds.Dialect, call.Namespace, Names.Candidates(name), context.RequestAborted))?.Account;

    private async Task<Account?> ById(HttpContext context, ClientCall call, string id) => Ids.TryParse<AccountId>(id, out var account)
        ? await members.Run(call.Visitor.Tenant, ClientIds.Dialect, call.Namespace, account, context.RequestAborted)
        : null;

    private async Task<NamedApplication?> Find(HttpContext context, string clientId) =>
        await applications.Run(context.Visitor().Tenant, new ExternalId(ClientIds.Dialect, clientId), context.RequestAborted) is { Application.Group: not null } found
            ? found
            : null;

    // The body counts: the header may be that of the last call.
    private static string? NamedBy(HttpContext context, string? clientId)
    {
        if (!string.IsNullOrEmpty(clientId))
        {
            return clientId;
        }

        var headers = context.Request.Headers;
        var named = headers["X-Client-ID"].ToString() is { Length: > 0 } id ? id : headers["X-API-Key"].ToString();
        return named.Length > 0 ? named : null;
    }

    private static ClientCall CallOf(HttpContext context, string clientId, NamedApplication client, Caller? caller, ServiceToken? token) =>
        new(clientId, client.Application, client.Application.Group!, caller, token) { Visitor = context.Visitor() };

    private static (ClientCall?, IResult?) Refuse(IResult error) => (null, error);
}
