using System.Globalization;
using System.Text.Json;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Engine;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Policies;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Cryptlex;

/// <summary><c>/v3/users</c>: a team's programmes make, find, change and delete users.</summary>
internal static class UserEndpoints
{
    // The vendor's own integrations make users with a random password of 10 characters, which nobody is meant to type.
    private const int ShortestPassword = 8;

    /// <summary>Maps the routes.</summary>
    /// <param name="group">The mount.</param>
    public static void Map(RouteGroupBuilder group)
    {
        group.MapGet("/users", List).RequirePermission(Permission.AccountRead);
        group.MapPost("/users", Create).RequirePermission(Permission.AccountWrite);
        group.MapGet("/users/{id}", Get).RequirePermission(Permission.AccountRead);
        group.MapPatch("/users/{id}", Change).RequirePermission(Permission.AccountWrite);
        group.MapDelete("/users/{id}", Delete).RequirePermission(Permission.AccountWrite);
    }

    private static async Task<IResult> List(HttpContext context, SearchAccounts search, RoleNames roles, ChangePolicy policy)
    {
        var ranks = await Ranks(context, policy);
        var asked = UserQuery.Read(context.Request.Query, roles, ranks);
        if (asked.Refusal is { } malformed)
        {
            return new Problem(malformed);
        }

        var found = await search.Run(context.Caller(), asked.Value, context.RequestAborted);
        if (found.Refusal is { } refused)
        {
            return new Problem(refused);
        }

        var headers = context.Response.Headers;
        headers["Pagination-Count"] = found.Value.Total.ToString(CultureInfo.InvariantCulture);
        headers["Pagination-Page"] = asked.Value.Page.ToString(CultureInfo.InvariantCulture);
        headers["Pagination-Limit"] = asked.Value.Limit.ToString(CultureInfo.InvariantCulture);
        return CryptlexJson.Answer(found.Value.Accounts.Select(a => Mapping.View(a, roles, ranks)).ToList());
    }

    private static async Task<IResult> Get(HttpContext context, ReadAccounts accounts, RoleNames roles, ChangePolicy policy)
    {
        if (Ids.OfRoute(context) is not { } id)
        {
            return new Problem(RefusalCode.AccountNotFound);
        }

        var found = await accounts.One(context.Caller(), id, context.RequestAborted);
        return found.Refusal is { } refused
            ? new Problem(refused)
            : CryptlexJson.Answer(Mapping.View(found.Value, roles, await Ranks(context, policy)));
    }

    private static async Task<IResult> Create(HttpContext context, CreateAccount create, RoleNames roles, ChangePolicy policy)
    {
        var read = await StrictBody.Read<UserBody>(context, takesMore: true);
        if (read.Refusal is { } malformed)
        {
            return new Problem(malformed);
        }

        var body = read.Value;
        if ((MissingOf(body) ?? FactorsOf(body)) is { } fault)
        {
            return new Problem(fault);
        }

        var ranks = await Ranks(context, policy);
        if (roles.RoleOf(body.Role!, ranks) is not { } role)
        {
            return new Problem(RefusalCode.UnknownRole);
        }

        var wanted = new NewAccount
        {
            Emails = [body.Email!],
            Role = role,
            Traits = Mapping.Traits("{}", body, new HashSet<string>(StringComparer.Ordinal)),
            MetadataAdmin = Mapping.Metadata(body),
            Password = body.Password,
            PasswordMinLength = ShortestPassword,
        };
        var made = await create.Run(context.Caller(), wanted, once: null, context.RequestAborted);
        return made.Refusal is { } refused
            ? new Problem(refused)
            : CryptlexJson.Answer(Mapping.View(made.Value.Fresh!, roles, ranks), StatusCodes.Status201Created);
    }

    private static async Task<IResult> Change(
        HttpContext context, ChangeAccount change, AddAddress addAddress, RoleNames roles, ChangePolicy policy, Acts acts)
    {
        if (Ids.OfRoute(context) is not { } id)
        {
            return new Problem(RefusalCode.AccountNotFound);
        }

        var json = await StrictBody.ReadJson(context, StrictBody.DefaultLimit);
        if (json.Refusal is { } malformed)
        {
            return new Problem(malformed);
        }

        var read = json.Value.Bytes.Length == 0 ? new UserBody() : StrictBody.Parse<UserBody>(json.Value.Bytes, takesMore: true);
        if (read.Refusal is { } wrong)
        {
            return new Problem(wrong);
        }

        var body = read.Value;
        var ranks = await Ranks(context, policy);
        var role = body.Role is null ? null : roles.RoleOf(body.Role, ranks);
        if ((UnchangeableOf(body) ?? (body.Role is not null && role is null ? RefusalCode.UnknownRole : (Refusal?)null)) is { } fault)
        {
            return new Problem(fault);
        }

        if (body.Email is { } email && await AddEmail(context, addAddress, id, email) is { } unwanted)
        {
            return new Problem(unwanted);
        }

        var gone = json.Value.Json.EnumerateObject().Where(m => m.Value.ValueKind == JsonValueKind.Null).Select(m => m.Name)
            .ToHashSet(StringComparer.Ordinal);
        var now = acts.Now;
        var changed = await change.Run(
            context.Caller(), id,
            account => new AccountChange
            {
                Role = role,
                Traits = Mapping.Traits(account.Traits, body, gone),
                MetadataAdmin = Mapping.Metadata(account, body, role, gone, now),
            },
            context.RequestAborted);
        return changed.Refusal is { } refused
            ? new Problem(refused)
            : CryptlexJson.Answer(Mapping.View(changed.Value, roles, ranks));
    }

    // A new address is an act of its own: it is told to the old ones, and is the user's only when they confirm it. Should the rest of the
    // call be refused, it stands beside the others, unconfirmed, and the same call goes on from there.
    private static async Task<Refusal?> AddEmail(HttpContext context, AddAddress addAddress, AccountId id, string email)
    {
        if (!Identifier.IsEmail(email.Trim()))
        {
            return Faults.At("/email", "This is not an e-mail address.");
        }

        var added = await addAddress.Run(context.Caller(), id, AddressKind.Email, email, once: null, context.RequestAborted);
        return added.Refusal switch
        {
            { Code: RefusalCode.InvalidRequest } it when it.Faults.Any(f => f.Pointer == "/value") => null, // The user has it already.
            { Code: RefusalCode.InvalidRequest } it => it with { Faults = [.. it.Faults.Select(f => f with { Pointer = "/email" })] },
            var refusal => refusal,
        };
    }

    private static async Task<IResult> Delete(HttpContext context, DeleteAccount delete) =>
        Ids.OfRoute(context) is not { } id
            ? new Problem(RefusalCode.AccountNotFound)
            : (await delete.Run(context.Caller(), id, context.RequestAborted)).ToAnswer();

    private static Refusal? MissingOf(UserBody body) =>
        string.IsNullOrWhiteSpace(body.FirstName) ? Faults.Missing("/firstName")
        : string.IsNullOrWhiteSpace(body.Email) ? Faults.Missing("/email")
        : body.Password is null ? Faults.Missing("/password")
        : string.IsNullOrWhiteSpace(body.Role) ? Faults.Missing("/role")
        : null;

    private static Refusal? UnchangeableOf(UserBody body) => body.Password is not null
        ? Faults.At("/password", "A password is set with a reset token: POST /v3/users/{id}/reset-password-token.")
        : FactorsOf(body);

    // Nobody switches a factor of somebody else by writing a member.
    private static Refusal? FactorsOf(UserBody body) =>
        body.TwoFactorEnabled == true ? Faults.At("/twoFactorEnabled", "This is read only.")
        : body.GoogleSsoEnabled == true ? Faults.At("/googleSsoEnabled", "This is read only.")
        : null;

    private static async Task<RankOrder> Ranks(HttpContext context, ChangePolicy policy) =>
        (await policy.Read(context.Caller(), context.RequestAborted)).Policy.Ranks;
}
