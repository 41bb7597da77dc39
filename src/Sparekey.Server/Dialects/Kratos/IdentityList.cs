using System.Globalization;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials;
using Sparekey.Server.Api;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Lists of identities: those that are named, the one that is called so, a page by its token, or, as old clients ask, by its number.</summary>
internal static class IdentityList
{
    private const string Path = "/admin/identities";
    private const int MostIds = 500;

    /// <summary>The list that a call asks for.</summary>
    /// <param name="context">The call.</param>
    /// <param name="read">Reads accounts.</param>
    public static async Task<IResult> Answer(HttpContext context, ReadAccounts read)
    {
        var query = context.Request.Query;
        if (query.ContainsKey("preview_credentials_identifier_similar"))
        {
            return new KratosError(400, "Identities are found by their whole identifier alone: credentials_identifier.");
        }

        if (query["organization_id"].ToString().Length > 0)
        {
            return await Written(context, []);
        }

        return query.ContainsKey("ids") ? await Named(context, read)
            : query.ContainsKey("credentials_identifier") ? await Called(context, read, query["credentials_identifier"].ToString())
            : query.ContainsKey("page") || query.ContainsKey("per_page") ? await Numbered(context)
            : await Page(context, read);
    }

    private static async Task<IResult> Named(HttpContext context, ReadAccounts read)
    {
        var ids = context.Request.Query["ids"].SelectMany(v => (v ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries)).ToList();
        if (ids.Count > MostIds)
        {
            return new KratosError(400, string.Create(CultureInfo.InvariantCulture, $"The number of ids to filter must not exceed {MostIds}."));
        }

        var found = await read.Some(context.Caller(), [.. ids.Select(KratosJson.Id<AccountId>)], context.RequestAborted);
        return found.Refusal is { } refused ? new Problem(refused) : await Written(context, found.Value);
    }

    private static async Task<IResult> Called(HttpContext context, ReadAccounts read, string identifier)
    {
        var found = await read.Called(context.Caller(), identifier, context.RequestAborted);
        return found.Refusal is { Code: not RefusalCode.AccountNotFound } refused
            ? new Problem(refused)
            : await Written(context, found.Refusal is null ? [found.Value] : []);
    }

    private static async Task<IResult> Page(HttpContext context, ReadAccounts read)
    {
        if (!Paging.TryPosition(context, out var after))
        {
            return new KratosError(400, "The page_token is none that was given out.");
        }

        var size = Paging.Size(context);
        var found = await read.Page(context.Caller(), new AccountFilter(null, null, after, size), context.RequestAborted);
        if (found.Refusal is { } refused)
        {
            return new Problem(refused);
        }

        var next = found.Value.Next is { } last ? Cursor.After(DateTimeOffset.FromUnixTimeMilliseconds(last.At), last.Id.Value) : null;
        var sized = string.Create(CultureInfo.InvariantCulture, $"page_size={size}");
        Paging.Link(context, Path, ("first", $"{sized}&page_token=1"), ("next", next is null ? null : $"{sized}&page_token={next}"));
        return await Written(context, found.Value.Accounts);
    }

    private static async Task<IResult> Numbered(HttpContext context)
    {
        // Both its first page and the one before are the first: it counted from 0 once.
        _ = int.TryParse(context.Request.Query["page"].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var page);
        page = Math.Max(page, 1);
        var size = Paging.Size(context, "per_page");
        var search = context.RequestServices.GetRequiredService<SearchAccounts>();
        var found = await search.Run(context.Caller(), new AccountSearch(page, size), context.RequestAborted);
        if (found.Refusal is { } refused)
        {
            return new Problem(refused);
        }

        var (accounts, total) = found.Value;
        string Query(long number) => string.Create(CultureInfo.InvariantCulture, $"page={number}&per_page={size}");
        var last = Math.Max(1, (total + size - 1) / size);
        Paging.Link(
            context, Path, ("first", Query(1)), ("next", page < last ? Query(page + 1L) : null), ("prev", page > 1 ? Query(page - 1) : null), ("last", Query(last)));
        context.Response.Headers["X-Total-Count"] = total.ToString(CultureInfo.InvariantCulture);
        return await Written(context, accounts);
    }

    private static async Task<IResult> Written(HttpContext context, IReadOnlyList<Account> accounts)
    {
        var list = context.RequestServices.GetRequiredService<ListCredentials>();
        var all = new JsonArray();
        foreach (var account in accounts)
        {
            var credentials = await list.Run(context.Caller(), account.Id, context.RequestAborted);
            if (credentials.Refusal is null)
            {
                all.Add((JsonNode)await IdentityJson.Full(context, account, credentials.Value));
            }
        }

        return KratosJson.Answer(all);
    }
}
