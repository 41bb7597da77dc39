using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Sessions;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Kratos;

/// <summary>Everybody's sessions, for programmes.</summary>
internal static class SessionEndpoints
{
    private const string Path = "/admin/sessions";

    /// <summary>Maps the routes.</summary>
    /// <param name="group">The group that they stand in.</param>
    public static void Map(RouteGroupBuilder group)
    {
        group.MapGet("/admin/identities/{id}/sessions", ListOf).RequireKratosToken(Permission.AccountRead);
        group.MapDelete("/admin/identities/{id}/sessions", EndAll).RequireKratosToken(Permission.AccountWrite);
        group.MapGet("/admin/sessions", List).RequireKratosToken(Permission.AccountRead);
        group.MapGet("/admin/sessions/{id}", Read).RequireKratosToken(Permission.AccountRead);
        group.MapDelete("/admin/sessions/{id}", End).RequireKratosToken(Permission.AccountWrite);
    }

    private static async Task<IResult> ListOf(HttpContext context, SessionsOfAccount sessions, ReadAccounts read, string id)
    {
        var account = await read.One(context.Caller(), KratosJson.Id<AccountId>(id), context.RequestAborted);
        if (account.Refusal is { } unknown)
        {
            return new Problem(unknown);
        }

        // One that ended is kept nowhere.
        var found = context.Request.Query["active"] == "false"
            ? new List<Session>()
            : await sessions.List(context.Caller(), account.Value.Id, context.RequestAborted);
        if (found.Refusal is { } refused)
        {
            return new Problem(refused);
        }

        var all = new JsonArray();
        foreach (var session in found.Value)
        {
            all.Add((JsonNode)SessionJson.Of(session, await IdentityJson.Of(context, account.Value)));
        }

        return KratosJson.Answer(all);
    }

    private static async Task<IResult> EndAll(HttpContext context, SessionsOfAccount sessions, string id)
    {
        var ended = await sessions.EndAll(context.Caller(), KratosJson.Id<AccountId>(id), context.RequestAborted);
        return ended.Refusal is { } refused ? new Problem(refused) : KratosJson.Nothing;
    }

    private static async Task<IResult> List(HttpContext context, SessionsOfAccount sessions, ReadAccounts read)
    {
        var (size, token) = (Paging.Size(context), context.Request.Query["page_token"].ToString());
        SessionId? after = token.Length == 0 ? null : KratosJson.Id<SessionId>(token);
        var found = context.Request.Query["active"] == "false"
            ? new List<Session>()
            : await sessions.Everybodys(context.Caller(), after, size, context.RequestAborted);
        if (found.Refusal is { } refused)
        {
            return new Problem(refused);
        }

        var all = new JsonArray();
        foreach (var session in found.Value)
        {
            all.Add((JsonNode)await View(context, session, read));
        }

        var sized = $"page_size={size}";
        Paging.Link(
            context, Path, ("first", sized), ("next", found.Value.Count < size ? null : $"{sized}&page_token={found.Value[^1].Id}"));
        return KratosJson.Answer(all);
    }

    private static async Task<IResult> Read(HttpContext context, SessionsOfAccount sessions, ReadAccounts read, string id)
    {
        var found = await sessions.One(context.Caller(), KratosJson.Id<SessionId>(id), context.RequestAborted);
        return found.Refusal is { } refused
            ? NotFoundOr(refused)
            : KratosJson.Answer(await View(context, found.Value, read));
    }

    private static async Task<IResult> End(HttpContext context, SessionsOfAccount sessions, string id) =>
        await sessions.End(context.Caller(), KratosJson.Id<SessionId>(id), context.RequestAborted) is { } refused
            ? NotFoundOr(refused)
            : KratosJson.Nothing;

    // Who sees it here is no stranger: a session that is not there is simply not there.
    private static IResult NotFoundOr(Refusal refused) =>
        refused.Code == RefusalCode.SessionInvalid ? KratosError.NotFound : new Problem(refused);

    private static async Task<JsonObject> View(HttpContext context, Session session, ReadAccounts read)
    {
        var account = await read.One(context.Caller(), session.Account, context.RequestAborted);
        return SessionJson.Of(session, account.Refusal is null ? await IdentityJson.Of(context, account.Value) : null);
    }
}
