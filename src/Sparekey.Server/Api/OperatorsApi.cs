using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Access;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>Operators: people who act on others, with the session that a passkey opened in place of an access token.</summary>
internal static class OperatorsApi
{
    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of the native API.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/operators").WithTags("access");
        group.MapGet("/", List).RequirePermission(Permission.TokenWrite).WithSummary("Lists operators.");
        group.MapPut("/{account}", Put).Takes<OperatorBody>().RequirePermission(Permission.TokenWrite)
            .WithSummary("Makes somebody an operator, or changes what they may do.");
        group.MapDelete("/{account}", Remove).RequirePermission(Permission.TokenWrite).WithSummary("Ends what somebody may do.");
    }

    /// <summary>A page of operators. Refused: <c>invalid_cursor</c>, <c>invalid_request</c>.</summary>
    private static async Task<IResult> List(HttpContext context, ManageOperators manage)
    {
        var page = Cursor.Read(context);
        if (page.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var after = page.Value.After is { } last ? AccountId.From(last.Id) : (AccountId?)null;
        var found = await manage.Page(context.Caller(), after, page.Value.Limit, context.RequestAborted);
        return Answers.Json(new OperatorPage(
            [.. found.Select(View)], found.Count == page.Value.Limit ? Cursor.After(found[^1].GrantedAt, found[^1].Account.Value) : null));
    }

    /// <summary>
    /// Makes somebody an operator. Refused: <c>account_not_found</c>, <c>own_account</c>, <c>stronger_than_creator</c>,
    /// <c>unknown_role</c>, <c>invalid_request</c>.
    /// </summary>
    private static async Task<IResult> Put(HttpContext context, ManageOperators manage)
    {
        var body = await StrictBody.Read<OperatorBody>(context);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var order = body.Value.ToOrder();
        return order.Refusal is { } wrong ? new Problem(wrong)
            : context.RouteId<AccountId>("account") is { } account
                ? (await manage.Put(context.Caller(), account, order.Value, context.RequestAborted)).ToAnswer(View)
                : new Problem(RefusalCode.AccountNotFound);
    }

    /// <summary>Ends what somebody may do. Refused: <c>operator_not_found</c>, <c>stronger_than_creator</c>.</summary>
    private static async Task<IResult> Remove(HttpContext context, ManageOperators manage) =>
        context.RouteId<AccountId>("account") is { } account
            ? (await manage.Remove(context.Caller(), account, context.RequestAborted)).ToAnswer()
            : new Problem(RefusalCode.OperatorNotFound);

    private static OperatorView View(Operator found) =>
        new(found.Account, found.Permissions.Names(), found.Ceiling, found.ExpiresAt, found.GrantedAt, found.GrantedBy);

    private sealed record OperatorBody(IReadOnlyList<string> Permissions, string? Ceiling = null, DateTimeOffset? ExpiresAt = null)
    {
        public Result<OperatorOrder> ToOrder()
        {
            var known = new List<Permission>();
            var faults = new List<FieldFault>();
            for (var i = 0; i < Permissions.Count; i++)
            {
                if (Core.Access.Permissions.TryParse(Permissions[i], out var permission))
                {
                    known.Add(permission);
                }
                else
                {
                    faults.Add(new FieldFault($"/permissions/{i}", "A permission, for example recovery:approve."));
                }
            }

            return faults.Count > 0
                ? new Refusal(RefusalCode.InvalidRequest) { Faults = faults }
                : new OperatorOrder(PermissionSet.Of(known), Ceiling, ExpiresAt);
        }
    }

    private sealed record OperatorPage(IReadOnlyList<OperatorView> Operators, string? Cursor);

    private sealed record OperatorView(
        AccountId Account, IReadOnlyList<string> Permissions, string Ceiling, DateTimeOffset? ExpiresAt, DateTimeOffset GrantedAt,
        string GrantedBy);
}
