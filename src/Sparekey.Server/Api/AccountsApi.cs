using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Accounts;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>Accounts and their addresses.</summary>
internal static class AccountsApi
{
    private const int BodyLimit = 128 * 1024;
    private const int ImportLimit = 128 * 1024 * 1024;

    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of <c>/v1</c>.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/accounts").WithTags("accounts");
        group.MapPost("/", Create).Takes<AccountBody>().RequirePermission(Permission.AccountWrite).WithSummary("Makes an account.");
        group.MapGet("/", List).RequirePermission(Permission.AccountRead)
            .WithSummary("Lists accounts; with email or username, the one that has it.");
        group.MapGet("/{id}", Read).RequirePermission(Permission.AccountRead).WithSummary("Reads an account.");
        group.MapPatch("/{id}", Change).Takes<AccountPatch>().RequirePermission(Permission.AccountWrite)
            .WithSummary("Changes an account, but for its addresses.");
        group.MapDelete("/{id}", Delete).RequirePermission(Permission.AccountWrite)
            .WithSummary("Deletes an account and everything personal about it.");
        group.MapPost("/{id}/addresses", Add).Takes<AddressBody>().RequirePermission(Permission.AccountWrite)
            .WithSummary("Adds an address and sends it a confirmation code.");
        group.MapDelete("/{id}/addresses/{addressId}", Remove).RequirePermission(Permission.AccountWrite)
            .WithSummary("Removes an address.");
        group.MapPost("/{id}/addresses/{addressId}/code", SendCode).TakesNothing().RequirePermission(Permission.AccountWrite)
            .WithSummary("Sends an address another confirmation code.");
        group.MapPost("/{id}/addresses/{addressId}/confirm", Confirm).Takes<CodeBody>().RequirePermission(Permission.AccountWrite)
            .WithSummary("Confirms an address with the code its person typed.");
    }

    /// <summary>Maps what only the operator of the machine does.</summary>
    /// <param name="local">The group of <c>/local</c>.</param>
    public static void MapLocal(IEndpointRouteBuilder local) => local.MapPost("/accounts/import", Import);

    /// <summary>
    /// Makes an account; its addresses are usable at once. Refused: <c>invalid_request</c> with every fault, <c>unknown_role</c>,
    /// <c>above_ceiling</c>, <c>identifier_taken</c>, <c>password_refused</c>, <c>busy</c>.
    /// </summary>
    private static async Task<IResult> Create(HttpContext context, CreateAccount create, TimeProvider time)
    {
        var body = await StrictBody.Read<AccountBody>(context, BodyLimit);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var wanted = body.Value.Line == 0 ? body.Value.Read() : new Refusal(RefusalCode.InvalidRequest)
        {
            Faults = [new FieldFault("/line", "Lines are an import's.")],
        };
        if (wanted.Refusal is { } wrong)
        {
            return new Problem(wrong);
        }

        var view = View(time);
        var once = Idempotent.Read(context, view, [], StatusCodes.Status201Created);
        if (once.Refusal is { } invalidKey)
        {
            return new Problem(invalidKey);
        }

        var made = await create.Run(context.Caller(), wanted.Value, once.Value.Key, context.RequestAborted);
        if (made.Refusal is { } refused)
        {
            return new Problem(body.Value.InItsOwnWords(refused));
        }

        if (made.Value.Fresh is { } account)
        {
            context.Response.Headers.Location = $"/v1/accounts/{account.Id}";
        }

        return made.ToAnswer(view, StatusCodes.Status201Created);
    }

    /// <summary>A page of accounts, oldest first. Refused: <c>invalid_cursor</c>, <c>invalid_request</c>.</summary>
    private static async Task<IResult> List(HttpContext context, ReadAccounts read, TimeProvider time)
    {
        var page = Cursor.Read(context);
        if (page.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var after = page.Value.After is { } position ? new AccountPosition(position.At, new AccountId(position.Id)) : null;
        var filter = new AccountFilter(Query(context, "email"), Query(context, "username"), after, page.Value.Limit);
        return (await read.Page(context.Caller(), filter, context.RequestAborted)).ToAnswer(found => new AccountList(
            [.. found.Accounts.Select(View(time))],
            found.Next is { } next ? Cursor.After(DateTimeOffset.FromUnixTimeMilliseconds(next.At), next.Id.Value) : null));
    }

    /// <summary>One account. Refused: <c>account_not_found</c>.</summary>
    private static async Task<IResult> Read(HttpContext context, ReadAccounts read, TimeProvider time) =>
        context.RouteId<AccountId>("id") is { } id
            ? (await read.One(context.Caller(), id, context.RequestAborted)).ToAnswer(View(time))
            : new Problem(RefusalCode.AccountNotFound);

    /// <summary>
    /// Changes an account. Refused: <c>account_not_found</c>, <c>own_account</c>, <c>above_ceiling</c>, <c>version_conflict</c>,
    /// <c>unknown_role</c>, <c>identifier_taken</c>, <c>invalid_request</c>.
    /// </summary>
    private static async Task<IResult> Change(HttpContext context, ChangeAccount change, TimeProvider time)
    {
        var body = await StrictBody.Read<AccountPatch>(context, BodyLimit);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var wanted = body.Value.Read();
        if (wanted.Refusal is { } wrong)
        {
            return new Problem(wrong);
        }

        return context.RouteId<AccountId>("id") is { } id
            ? (await change.Run(context.Caller(), id, wanted.Value, context.RequestAborted)).ToAnswer(View(time))
            : new Problem(RefusalCode.AccountNotFound);
    }

    /// <summary>Deletes an account. Refused: <c>account_not_found</c>, <c>own_account</c>, <c>above_ceiling</c>.</summary>
    private static async Task<IResult> Delete(HttpContext context, DeleteAccount delete) =>
        context.RouteId<AccountId>("id") is { } id
            ? (await delete.Run(context.Caller(), id, context.RequestAborted)).ToAnswer()
            : new Problem(RefusalCode.AccountNotFound);

    /// <summary>
    /// Adds an address; it is usable once confirmed and carries secrets a day later. The code leaves by the address alone.
    /// Refused: <c>account_not_found</c>, <c>own_account</c>, <c>above_ceiling</c>, <c>invalid_request</c>,
    /// <c>identifier_taken</c>, <c>too_many_requests</c>.
    /// </summary>
    private static async Task<IResult> Add(HttpContext context, AddAddress add, TimeProvider time)
    {
        var body = await StrictBody.Read<AddressBody>(context);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var once = Idempotent.Read(context, View(time), [], StatusCodes.Status201Created);
        if (once.Refusal is { } invalidKey)
        {
            return new Problem(invalidKey);
        }

        return context.RouteId<AccountId>("id") is { } id
            ? (await add.Run(context.Caller(), id, body.Value.Kind, body.Value.Value, once.Value.Key, context.RequestAborted))
                .ToAnswer(View(time), StatusCodes.Status201Created)
            : new Problem(RefusalCode.AccountNotFound);
    }

    /// <summary>Removes an address. Refused: <c>account_not_found</c>, <c>address_not_found</c>, <c>own_account</c>, <c>above_ceiling</c>.</summary>
    private static async Task<IResult> Remove(HttpContext context, RemoveAddress remove) =>
        AddressOf(context) is { Refusal: null, Value: var (id, address) }
            ? (await remove.Run(context.Caller(), id, address, context.RequestAborted)).ToAnswer()
            : new Problem(AddressOf(context).Refusal!);

    /// <summary>
    /// Sends another code; the former one is worth nothing then. Refused: as removing, <c>address_already_confirmed</c>,
    /// <c>too_many_requests</c>.
    /// </summary>
    private static async Task<IResult> SendCode(HttpContext context, ConfirmAddress confirm) =>
        AddressOf(context) is { Refusal: null, Value: var (id, address) }
            ? (await confirm.SendCode(context.Caller(), id, address, context.RequestAborted))
                .ToAnswer(StatusCodes.Status202Accepted)
            : new Problem(AddressOf(context).Refusal!);

    /// <summary>
    /// Confirms an address. Refused: as sending a code, <c>confirmation_invalid</c> for a wrong, old or exhausted code,
    /// <c>identifier_taken</c>.
    /// </summary>
    private static async Task<IResult> Confirm(HttpContext context, ConfirmAddress confirm, TimeProvider time)
    {
        var body = await StrictBody.Read<CodeBody>(context);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        return AddressOf(context) is { Refusal: null, Value: var (id, address) }
            ? (await confirm.Run(context.Caller(), id, address, body.Value.Code, context.RequestAborted)).ToAnswer(View(time))
            : new Problem(AddressOf(context).Refusal!);
    }

    /// <summary>Makes many accounts, all or none. Refused: <c>invalid_request</c> with a fault for every wrong line.</summary>
    private static async Task<IResult> Import(HttpContext context, ImportAccounts import)
    {
        var body = await StrictBody.Read<ImportBody>(context, ImportLimit);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var (lines, faults) = (new List<ImportedLine>(body.Value.Accounts.Count), new List<FieldFault>());
        for (var i = 0; i < body.Value.Accounts.Count; i++)
        {
            var (account, line) = (body.Value.Accounts[i], body.Value.Accounts[i].Line is > 0 and var given ? given : i + 1);
            var wanted = account.Read();
            if (wanted.Refusal is { } wrong)
            {
                faults.AddRange(wrong.Faults.Select(f => new FieldFault($"/accounts/{i}{f.Pointer}", $"Line {line}: {f.Detail}")));
            }
            else
            {
                lines.Add(new ImportedLine(line, wanted.Value));
            }
        }

        return faults.Count > 0
            ? new Problem(new Refusal(RefusalCode.InvalidRequest, "Nothing was imported.") { Faults = faults })
            : (await import.Run(context.Caller(), lines, context.RequestAborted)).ToAnswer(report => report, StatusCodes.Status201Created);
    }

    private static Func<Account, object> View(TimeProvider time) => account => AccountView.Of(account, time.GetUtcNow());

    private static Result<(AccountId Account, AddressId Address)> AddressOf(HttpContext context) =>
        context.RouteId<AccountId>("id") is not { } account ? RefusalCode.AccountNotFound
        : context.RouteId<AddressId>("addressId") is not { } address ? RefusalCode.AddressNotFound
        : (account, address);

    private static string? Query(HttpContext context, string name) =>
        context.Request.Query.TryGetValue(name, out var value) ? value.ToString() : null;

    private sealed record AccountList(IReadOnlyList<object> Accounts, string? Cursor);

    private sealed record AddressBody(string Value, AddressKind Kind = AddressKind.Email);

    private sealed record CodeBody(SecretText Code);

    private sealed record ImportBody(IReadOnlyList<AccountBody> Accounts);
}
