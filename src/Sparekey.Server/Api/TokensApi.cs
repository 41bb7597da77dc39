using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Access;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>Programmes and their access tokens.</summary>
internal static class TokensApi
{
    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of the native API.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        var accounts = v1.MapGroup("/service-accounts").WithTags("access");
        accounts.MapPost("/", CreateServiceAccount).Takes<ServiceAccountBody>().RequirePermission(Permission.TokenWrite).WithSummary("Makes a service account.");
        accounts.MapGet("/", ListServiceAccounts).RequirePermission(Permission.TokenWrite).WithSummary("Lists service accounts.");
        accounts.MapGet("/{id}", ReadServiceAccount).RequirePermission(Permission.TokenWrite).WithSummary("Reads a service account.");
        accounts.MapDelete("/{id}", DeleteServiceAccount).RequirePermission(Permission.TokenWrite)
            .WithSummary("Ends a service account and all its tokens.");
        var tokens = v1.MapGroup("/tokens").WithTags("access");
        tokens.MapPost("/", CreateToken).Takes<TokenBody>().RequirePermission(Permission.TokenWrite)
            .WithSummary("Makes an access token, never stronger than its creator.");
        tokens.MapGet("/", ListTokens).RequirePermission(Permission.TokenWrite).WithSummary("Lists access tokens.");
        tokens.MapGet("/{id}", ReadToken).RequirePermission(Permission.TokenWrite).WithSummary("Reads an access token.");
        tokens.MapDelete("/{id}", RevokeToken).RequirePermission(Permission.TokenWrite).WithSummary("Revokes an access token, at once.");
    }

    private static async Task<IResult> CreateServiceAccount(HttpContext context, ManageServiceAccounts manage)
    {
        var body = await StrictBody.Read<ServiceAccountBody>(context);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var once = Idempotent.Read<ServiceAccount>(context, ServiceAccountView.Of, [], StatusCodes.Status201Created);
        return once.Refusal is { } invalidKey
            ? new Problem(invalidKey)
            : (await manage.Create(context.Caller(), body.Value.Name, body.Value.OwnerId, once.Value.Key, context.RequestAborted))
                .ToAnswer(ServiceAccountView.Of, StatusCodes.Status201Created);
    }

    private static async Task<IResult> ListServiceAccounts(HttpContext context, ManageServiceAccounts manage)
    {
        var page = Cursor.Read(context);
        if (page.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var found = await manage.Page(
            context.Caller(), page.Value.After?.At, page.Value.After?.Id.ToString("D"), page.Value.Limit, context.RequestAborted);
        return Answers.Json(new ServiceAccountPage(
            [.. found.Select(ServiceAccountView.Of)],
            found.Count == page.Value.Limit ? Cursor.After(found[^1].CreatedAt, found[^1].Id.Value) : null));
    }

    private static async Task<IResult> ReadServiceAccount(HttpContext context, ManageServiceAccounts manage) =>
        context.RouteId<ServiceAccountId>("id") is { } id
            ? (await manage.Read(context.Caller(), id, context.RequestAborted)).ToAnswer(ServiceAccountView.Of)
            : new Problem(RefusalCode.ServiceAccountNotFound);

    private static async Task<IResult> DeleteServiceAccount(HttpContext context, ManageServiceAccounts manage) =>
        context.RouteId<ServiceAccountId>("id") is { } id
            ? (await manage.Delete(context.Caller(), id, context.RequestAborted)).ToAnswer()
            : new Problem(RefusalCode.ServiceAccountNotFound);

    private static async Task<IResult> CreateToken(HttpContext context, ManageTokens manage)
    {
        var body = await StrictBody.Read<TokenBody>(context);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var order = body.Value.ToOrder();
        if (order.Refusal is { } wrong)
        {
            return new Problem(wrong);
        }

        var once = Idempotent.Read<MintedToken>(context, TokenView.Of, ["token"], StatusCodes.Status201Created);
        return once.Refusal is { } invalidKey
            ? new Problem(invalidKey)
            : (await manage.Create(context.Caller(), order.Value, once.Value.Key, context.RequestAborted))
                .ToAnswer(TokenView.Of, StatusCodes.Status201Created);
    }

    private static async Task<IResult> ListTokens(HttpContext context, ManageTokens manage)
    {
        var page = Cursor.Read(context);
        if (page.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var found = await manage.Page(
            context.Caller(), page.Value.After?.At, page.Value.After?.Id.ToString("D"), page.Value.Limit, context.RequestAborted);
        return Answers.Json(new TokenPage(
            [.. found.Select(t => TokenView.Of(t))],
            found.Count == page.Value.Limit ? Cursor.After(found[^1].CreatedAt, found[^1].Id.Value) : null));
    }

    private static async Task<IResult> ReadToken(HttpContext context, ManageTokens manage) =>
        context.RouteId<TokenId>("id") is { } id
            ? (await manage.Read(context.Caller(), id, context.RequestAborted)).ToAnswer(t => TokenView.Of(t))
            : new Problem(RefusalCode.TokenNotFound);

    private static async Task<IResult> RevokeToken(HttpContext context, ManageTokens manage) =>
        context.RouteId<TokenId>("id") is { } id
            ? (await manage.Revoke(context.Caller(), id, context.RequestAborted)).ToAnswer()
            : new Problem(RefusalCode.TokenNotFound);

    private sealed record ServiceAccountBody(string Name, string? OwnerId = null);

    private sealed record ServiceAccountPage(IReadOnlyList<object> ServiceAccounts, string? Cursor);

    private sealed record ServiceAccountView(ServiceAccountId Id, string Name, string OwnerId, DateTimeOffset CreatedAt)
    {
        public static object Of(ServiceAccount account) =>
            new ServiceAccountView(account.Id, account.Name, account.OwnerId, account.CreatedAt);
    }

    private sealed record TokenBody(
        IReadOnlyList<string> Permissions, ServiceAccountId? ServiceAccountId = null, string? Name = null, string? OwnerId = null,
        string? Ceiling = null, string? ExpiresIn = null, int PerMinute = 600)
    {
        public Result<TokenOrder> ToOrder()
        {
            var faults = new List<FieldFault>();
            var permissions = new List<Permission>();
            for (var i = 0; i < Permissions.Count; i++)
            {
                if (Core.Access.Permissions.TryParse(Permissions[i], out var permission))
                {
                    permissions.Add(permission);
                }
                else
                {
                    faults.Add(new FieldFault($"/permissions/{i}", "There is no such permission."));
                }
            }

            var life = default(TimeSpan);
            if (ExpiresIn is not null && !Duration.TryParse(ExpiresIn, out life))
            {
                faults.Add(new FieldFault("/expires_in", "A whole number and s, m, h or d, for example 30d."));
            }

            return faults.Count > 0
                ? new Refusal(RefusalCode.InvalidRequest) { Faults = faults }
                : new TokenOrder(ServiceAccountId, Name, PermissionSet.Of(permissions))
                {
                    Owner = OwnerId,
                    Ceiling = Ceiling,
                    ExpiresIn = ExpiresIn is null ? null : life,
                    PerMinute = PerMinute,
                };
        }
    }

    private sealed record TokenPage(IReadOnlyList<object> Tokens, string? Cursor);

    private sealed record TokenView(
        TokenId Id, ServiceAccountId ServiceAccountId, IReadOnlyList<string> Permissions, string Ceiling, int PerMinute,
        DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, DateTimeOffset? LastUsedAt, DateTimeOffset? RevokedAt, string? Token)
    {
        public static object Of(MintedToken minted) => Of(minted.Token, minted.Secret.Reveal());

        public static object Of(AccessToken token) => Of(token, null);

        private static TokenView Of(AccessToken token, string? secret) => new(
            token.Id, token.ServiceAccount, token.Permissions.Names(), token.Ceiling, token.PerMinute, token.CreatedAt, token.ExpiresAt,
            token.LastUsedAt, token.RevokedAt, secret);
    }
}
