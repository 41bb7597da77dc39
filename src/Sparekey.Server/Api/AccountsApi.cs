using System.Text.Json;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Secrets;
using Sparekey.Engine;
using Sparekey.Engine.Accounts;
using Sparekey.Server.Http;

namespace Sparekey.Server.Api;

/// <summary>People and their addresses.</summary>
internal static class AccountsApi
{
    private const int BodyLimit = 96 * 1024;

    /// <summary>Maps the routes.</summary>
    /// <param name="v1">The group of the native API.</param>
    public static void Map(IEndpointRouteBuilder v1)
    {
        var group = v1.MapGroup("/accounts").WithTags("accounts");
        group.MapPost("/", Create).RequirePermission(Permission.AccountWrite).WithSummary("Makes an account.");
        group.MapGet("/", List).RequirePermission(Permission.AccountRead).WithSummary("Finds or lists accounts, oldest first.");
        group.MapGet("/{id}", Read).RequirePermission(Permission.AccountRead).WithSummary("Reads an account.");
        group.MapPatch("/{id}", Change).RequirePermission(Permission.AccountWrite)
            .WithSummary("Changes an account; members that are absent stay as they are.");
        group.MapDelete("/{id}", Delete).RequirePermission(Permission.AccountWrite)
            .WithSummary("Deletes an account and everything personal about it.");
        group.MapPost("/{id}/addresses", AddAddress).RequirePermission(Permission.AccountWrite)
            .WithSummary("Adds an address and sends it a confirmation code.");
        group.MapDelete("/{id}/addresses/{address}", RemoveAddress).RequirePermission(Permission.AccountWrite)
            .WithSummary("Removes an address; the person is told there too.");
        group.MapPost("/{id}/addresses/{address}/code", SendCode).RequirePermission(Permission.AccountWrite)
            .WithSummary("Sends another confirmation code; the former one dies.");
        group.MapPost("/{id}/addresses/{address}/confirm", Confirm).RequirePermission(Permission.AccountWrite)
            .WithSummary("Confirms an address with the code the person got there.");
    }

    private static async Task<IResult> Create(HttpContext context, CreateAccount create, Acts acts)
    {
        var body = await StrictBody.Read<NewAccountBody>(context, BodyLimit);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        object View(Account account) => AccountView.Of(account, acts.Now);
        var once = Idempotent.Read<Account>(context, View, [], StatusCodes.Status201Created);
        if (once.Refusal is { } invalidKey)
        {
            return new Problem(invalidKey);
        }

        var made = await create.Run(context.Caller(), body.Value.ToAccount(), once.Value.Key, context.RequestAborted);
        return made.ToAnswer(View, StatusCodes.Status201Created);
    }

    private static async Task<IResult> List(HttpContext context, ReadAccounts read, Acts acts)
    {
        var page = Cursor.Read(context);
        if (page.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        var after = page.Value.After is { } position ? new AccountPosition(position.At, new AccountId(position.Id)) : null;
        var filter = new AccountFilter(Query("email"), Query("username"), after, page.Value.Limit);
        return (await read.Page(context.Caller(), filter, context.RequestAborted)).ToAnswer(found => new AccountPageView(
            [.. found.Accounts.Select(a => AccountView.Of(a, acts.Now))],
            found.Next is { } next ? Cursor.After(DateTimeOffset.FromUnixTimeMilliseconds(next.At), next.Id.Value) : null));

        string? Query(string name) => context.Request.Query[name].ToString() is { Length: > 0 } text ? text : null;
    }

    private static async Task<IResult> Read(HttpContext context, ReadAccounts read, Acts acts) =>
        context.RouteId<AccountId>("id") is { } id
            ? (await read.One(context.Caller(), id, context.RequestAborted)).ToAnswer(a => AccountView.Of(a, acts.Now))
            : new Problem(RefusalCode.AccountNotFound);

    private static async Task<IResult> Change(HttpContext context, ChangeAccount change, Acts acts)
    {
        if (context.RouteId<AccountId>("id") is not { } id)
        {
            return new Problem(RefusalCode.AccountNotFound);
        }

        var body = await StrictBody.Read<AccountChangeBody>(context, BodyLimit);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await change.Run(context.Caller(), id, body.Value.ToChange(), context.RequestAborted))
                .ToAnswer(a => AccountView.Of(a, acts.Now));
    }

    private static async Task<IResult> Delete(HttpContext context, DeleteAccount delete) =>
        context.RouteId<AccountId>("id") is { } id
            ? (await delete.Run(context.Caller(), id, context.RequestAborted)).ToAnswer()
            : new Problem(RefusalCode.AccountNotFound);

    private static async Task<IResult> AddAddress(HttpContext context, AddAddress add, Acts acts)
    {
        if (context.RouteId<AccountId>("id") is not { } id)
        {
            return new Problem(RefusalCode.AccountNotFound);
        }

        var body = await StrictBody.Read<AddressBody>(context);
        if (body.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        object View(Account account) => AccountView.Of(account, acts.Now);
        var once = Idempotent.Read<Account>(context, View, [], StatusCodes.Status201Created);
        return once.Refusal is { } invalidKey
            ? new Problem(invalidKey)
            : (await add.Run(context.Caller(), id, body.Value.Kind, body.Value.Value, once.Value.Key, context.RequestAborted))
                .ToAnswer(View, StatusCodes.Status201Created);
    }

    private static async Task<IResult> RemoveAddress(HttpContext context, RemoveAddress remove) =>
        Ids(context) is var (id, address)
            ? (await remove.Run(context.Caller(), id, address, context.RequestAborted)).ToAnswer()
            : new Problem(RefusalCode.AddressNotFound);

    private static async Task<IResult> SendCode(HttpContext context, ConfirmAddress confirm) =>
        Ids(context) is var (id, address)
            ? (await confirm.SendCode(context.Caller(), id, address, context.RequestAborted)).ToAnswer(StatusCodes.Status202Accepted)
            : new Problem(RefusalCode.AddressNotFound);

    private static async Task<IResult> Confirm(HttpContext context, ConfirmAddress confirm, Acts acts)
    {
        if (Ids(context) is not var (id, address))
        {
            return new Problem(RefusalCode.AddressNotFound);
        }

        var body = await StrictBody.Read<CodeBody>(context, 4096);
        return body.Refusal is { } refusal
            ? new Problem(refusal)
            : (await confirm.Run(context.Caller(), id, address, body.Value.Code, context.RequestAborted))
                .ToAnswer(a => AccountView.Of(a, acts.Now));
    }

    private static (AccountId Account, AddressId Address)? Ids(HttpContext context) =>
        context.RouteId<AccountId>("id") is { } id && context.RouteId<AddressId>("address") is { } address ? (id, address) : null;

    private sealed record AccountPageView(IReadOnlyList<AccountView> Accounts, string? Cursor);

    private sealed record AddressBody(AddressKind Kind, string Value);

    private sealed record CodeBody(SecretText Code);

    private sealed record AccountChangeBody(
        int? Version = null, JsonElement? Username = null, string? Role = null, AccountKind? Kind = null, AccountStatus? Status = null,
        IReadOnlyList<string>? Groups = null, JsonElement? ManagerId = null, JsonElement? Traits = null,
        JsonElement? MetadataPublic = null, JsonElement? MetadataAdmin = null, IReadOnlyList<ExternalId>? ExternalIds = null)
    {
        // A member that is present and null takes the thing away; an absent one leaves it.
        public AccountChange ToChange() => new()
        {
            Version = Version,
            Username = Username is { } name ? new Assigned<string?>(name.ValueKind == JsonValueKind.Null ? null : name.ToString()) : null,
            Role = Role,
            Kind = Kind,
            Status = Status,
            Groups = Groups,
            Manager = ManagerId is { } manager
                ? new Assigned<AccountId?>(Core.Ids.TryParse<AccountId>(manager.ToString(), out var id) ? id : null)
                : null,
            Traits = Traits?.GetRawText(),
            MetadataPublic = MetadataPublic?.GetRawText(),
            MetadataAdmin = MetadataAdmin?.GetRawText(),
            ExternalIds = ExternalIds,
        };
    }
}

/// <summary>An account as somebody wants it made.</summary>
internal sealed record NewAccountBody(
    string? Email = null, IReadOnlyList<string>? Emails = null, IReadOnlyList<string>? Phones = null, string? Username = null,
    string? Role = null, AccountKind Kind = AccountKind.Customer, AccountStatus Status = AccountStatus.Active,
    IReadOnlyList<string>? Groups = null, AccountId? ManagerId = null, JsonElement? Traits = null, JsonElement? MetadataPublic = null,
    JsonElement? MetadataAdmin = null, IReadOnlyList<ExternalId>? ExternalIds = null, SecretText? Password = null,
    SecretText? PasswordHash = null, int? Line = null)
{
    /// <summary>The account.</summary>
    public NewAccount ToAccount() => new()
    {
        Emails = [.. new[] { Email }.OfType<string>(), .. Emails ?? []],
        Phones = Phones ?? [],
        Username = Username,
        Role = Role,
        Kind = Kind,
        Status = Status,
        Groups = Groups ?? [],
        Manager = ManagerId,
        Traits = Traits?.GetRawText(),
        MetadataPublic = MetadataPublic?.GetRawText(),
        MetadataAdmin = MetadataAdmin?.GetRawText(),
        ExternalIds = ExternalIds ?? [],
        Password = Password,
        PasswordHash = PasswordHash,
    };
}

/// <summary>An account as it stands on the wire. Members may be added, never taken away.</summary>
internal sealed record AccountView(
    AccountId Id, string? Username, IReadOnlyList<AddressView> Addresses, string Role, AccountKind Kind, AccountStatus Status,
    IReadOnlyList<string> Groups, AccountId? ManagerId, JsonElement Traits, JsonElement MetadataPublic, JsonElement MetadataAdmin,
    IReadOnlyList<ExternalId> ExternalIds, DateTimeOffset CreatedAt, int Version)
{
    /// <summary>An account.</summary>
    /// <param name="account">The account.</param>
    /// <param name="now">The time.</param>
    public static AccountView Of(Account account, DateTimeOffset now) => new(
        account.Id, account.Username, [.. account.Addresses.Select(a => AddressView.Of(a, now))], account.Role, account.Kind,
        account.Status, account.Groups, account.Manager, Parse(account.Traits), Parse(account.MetadataPublic),
        Parse(account.MetadataAdmin), account.ExternalIds, account.CreatedAt, account.Version);

    private static JsonElement Parse(string text) => JsonSerializer.Deserialize<JsonElement>(text);
}

/// <summary>An address as it stands on the wire.</summary>
internal sealed record AddressView(
    AddressId Id, AddressKind Kind, string Value, bool Usable, bool CarriesSecrets, DateTimeOffset Since, DateTimeOffset? ConfirmedAt)
{
    /// <summary>An address.</summary>
    /// <param name="address">The address.</param>
    /// <param name="now">The time.</param>
    public static AddressView Of(Address address, DateTimeOffset now) => new(
        address.Id, address.Kind, address.Value, address.IsUsable, address.CarriesSecrets(now), address.Since, address.ConfirmedAt);
}
