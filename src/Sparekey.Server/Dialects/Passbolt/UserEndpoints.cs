using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.Identity;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Passbolt;

/// <summary>People and their keys.</summary>
internal static class UserEndpoints
{
    /// <summary>Maps the routes.</summary>
    /// <param name="group">The dialect's group.</param>
    public static void Map(RouteGroupBuilder group)
    {
        group.MapGet("/users.json", List).For(DoorFor.People, "UsersIndex.index").RequireDialectProof(PassboltEndpoints.Proof);
        group.MapGet("/users/me.json", Me).For(DoorFor.People, "UsersView.view").RequireDialectProof(PassboltEndpoints.Proof);
        group.MapGet("/users/{id}.json", View).For(DoorFor.People, "UsersView.view").RequireDialectProof(PassboltEndpoints.Proof);
        group.MapGet("/gpgkeys.json", Keys).For(DoorFor.People, "GpgkeysIndex.index").RequireDialectProof(PassboltEndpoints.Proof);
        group.MapGet("/gpgkeys/{id}.json", Key).For(DoorFor.People, "GpgkeysView.view").RequireDialectProof(PassboltEndpoints.Proof);
        group.MapPost("/users/recover.json", Recover).For(DoorFor.Anybody, "UsersRecover.recoverPost").Public("Whoever is locked out has nothing to prove themselves with.");
    }

    private static async Task<IResult> List(HttpContext context, ReadOpenPgpPeople people, ReadEnrolments enrolments, ReadEscrowRequests requests)
    {
        var query = new PassboltQuery(context.Request.Query, ReadOpenPgpPeople.MostAtOnce);
        var call = context.Passbolt();
        var search = query.Text("search");
        var (page, count) = await people.List(
            context.Visitor(),
            new OpenPgpPeopleFilter
            {
                Accounts = query.Accounts("has-users"),
                MaySignIn = !call.May(Permission.EscrowManage),
                Where = search is null ? null : p => Matches(p, search),
                OrderBy = query.Sort switch
                {
                    "username" => OpenPgpPeopleOrder.Username,
                    "modified" => OpenPgpPeopleOrder.Modified,
                    _ => OpenPgpPeopleOrder.Created,
                },
                Descending = query.IsDescending,
                Limit = query.Limit,
                Offset = query.Offset,
            },
            context.RequestAborted);
        var ids = page.Select(p => p.Account.Id).ToList();
        var settings = query.Contains("account_recovery_user_setting") && call.May(Permission.EscrowManage)
            ? await enrolments.Of(context.Visitor(), ids, context.RequestAborted)
            : null;
        var pending = query.Contains("pending_account_recovery_request") && call.May(Permission.RecoveryRead)
            ? await requests.Pending(context.Visitor().Tenant, ids, context.RequestAborted)
            : null;
        var users = new JsonArray();
        foreach (var person in page)
        {
            var user = PassboltMapping.User(person);
            if (settings is not null)
            {
                user["account_recovery_user_setting"] = Setting(settings.GetValueOrDefault(person.Account.Id));
            }

            if (pending is not null)
            {
                user["pending_account_recovery_request"] = pending.TryGetValue(person.Account.Id, out var request)
                    ? new JsonObject { ["id"] = request.ToString(), ["status"] = "pending" }
                    : null;
            }

            users.Add((JsonNode)user);
        }

        return new PassboltAnswer(users) { Pagination = query.Of(count) };
    }

    private static Task<IResult> Me(HttpContext context, ReadOpenPgpPeople people, ReadEnrolments enrolments, ReadEscrowRequests requests) =>
        View(context, people, enrolments, requests, context.Passbolt().Session.Session.Account.ToString());

    private static async Task<IResult> View(
        HttpContext context, ReadOpenPgpPeople people, ReadEnrolments enrolments, ReadEscrowRequests requests, string id)
    {
        if (!Ids.TryParse<AccountId>(id, out var account))
        {
            return PassboltError.Malformed("The user id is not valid.");
        }

        var call = context.Passbolt();
        var isOwn = account == call.Session.Session.Account;
        var person = await people.Find(context.Visitor(), account, context.RequestAborted);
        if (person is null || (!person.MaySignIn && !call.May(Permission.EscrowManage)))
        {
            return new PassboltError(404, "The user does not exist.");
        }

        var query = new PassboltQuery(context.Request.Query);
        var user = PassboltMapping.User(person);
        if (query.Contains("account_recovery_user_setting") && (isOwn || call.May(Permission.EscrowManage)))
        {
            user["account_recovery_user_setting"] = Setting(await enrolments.Find(context.Visitor(), account, context.RequestAborted));
        }

        if (query.Contains("pending_account_recovery_request") && call.May(Permission.RecoveryRead))
        {
            var pending = await requests.Pending(context.Visitor().Tenant, [account], context.RequestAborted);
            user["pending_account_recovery_request"] = pending.TryGetValue(account, out var request)
                ? new JsonObject { ["id"] = request.ToString(), ["status"] = "pending" }
                : null;
        }

        return new PassboltAnswer(user);
    }

    private static async Task<IResult> Keys(HttpContext context, PersonKeys keys)
    {
        var query = new PassboltQuery(context.Request.Query, ReadOpenPgpPeople.MostAtOnce);

        // Keys that were replaced are told to whoever asks what changed, so that they forget them.
        var (found, count) = await keys.List(
            context.Visitor(), new PersonKeyFilter(query.Accounts("has-users"), query.Time("modified-after"), query.Limit, query.Offset), context.RequestAborted);
        return new PassboltAnswer(new JsonArray([.. found.Select(k => (JsonNode)PassboltMapping.Key(k))])) { Pagination = query.Of(count) };
    }

    private static async Task<IResult> Key(HttpContext context, PersonKeys keys, string id) =>
        Ids.TryParse<PersonKeyId>(id, out var known) && await keys.Find(context.Visitor(), known, context.RequestAborted) is { } key
            ? new PassboltAnswer(PassboltMapping.Key(key))
            : new PassboltError(404, "The OpenPGP key does not exist.");

    private static async Task<IResult> Recover(HttpContext context, SendEscrowToken send)
    {
        if (context.Passbolt().Who is not null && !context.Passbolt().May(Permission.EscrowManage))
        {
            return PassboltError.GuestsOnly;
        }

        var body = await PassboltBody.Read(context);
        if (body.Refusal is { } malformed)
        {
            return new Problem(malformed);
        }

        if (body.Value.Text("username") is not { } username || !Identifier.IsEmail(username.Trim()))
        {
            return new PassboltError(
                400, "Please provide a valid email address.",
                new JsonObject { ["username"] = new JsonObject { ["email"] = "The username should be a valid email address." } });
        }

        var reason = body.Value.Text("case") == "lost-passphrase" ? EscrowTokenReason.LostPassphrase : EscrowTokenReason.Default;
        return await send.Run(context.Visitor(), username.Trim(), reason, context.RequestAborted) is { } refused
            ? new Problem(refused)
            : new PassboltAnswer(null) { Message = "Recovery process started, check your email." };
    }

    /// <summary>What a person said about escrow.</summary>
    /// <param name="enrolment">What they said; null for nothing.</param>
    public static JsonObject? Setting(Enrolment? enrolment) =>
        enrolment is null ? null : new JsonObject { ["status"] = WireName.Of(enrolment.Status) };

    private static bool Matches(OpenPgpPerson person, string text)
    {
        var profile = PassboltMapping.Profile(person.Account);
        return $"{PassboltMapping.UsernameOf(person.Account)} {profile["first_name"]} {profile["last_name"]}".Contains(text, StringComparison.OrdinalIgnoreCase);
    }
}
