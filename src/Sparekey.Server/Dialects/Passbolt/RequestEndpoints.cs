using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Credentials.Escrow.Identity;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Server.Http;
using WrappedPassword = Sparekey.Engine.Credentials.Escrow.Requests.WrappedSecret;

namespace Sparekey.Server.Dialects.Passbolt;

/// <summary>Requests for escrowed keys, and their answers.</summary>
internal static class RequestEndpoints
{
    private const string Mailed = "The token is the proof.";

    private static readonly PassboltFields AnswerFields = new(
        new Dictionary<string, string[]>(StringComparer.Ordinal)
        {
            ["/request"] = ["account_recovery_request_id"],
            ["/request_id"] = ["account_recovery_request_id"],
            ["/responder_key"] = ["responder_foreign_key"],
            ["/responder_key_id"] = ["responder_foreign_key"],
        },
        new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["/data required"] = "required",
            ["/data not_recipient"] = "wrongRecipient",
        });

    private static readonly PassboltFields AskFields = new(
        new Dictionary<string, string[]>(StringComparer.Ordinal)
        {
            ["/account"] = ["user_id"],
            ["/token"] = ["authentication_token", "token"],
            ["/request_key"] = ["armored_key"],
        },
        PassboltFields.AsTheyAre.Rules);

    /// <summary>Maps the routes.</summary>
    /// <param name="group">The dialect's group.</param>
    public static void Map(RouteGroupBuilder group)
    {
        group.MapGet("/account-recovery/requests.json", List).For(DoorFor.People, "AccountRecoveryRequestsIndex.index", Permission.RecoveryRead)
            .RequireDialectProof(PassboltEndpoints.Proof);
        group.MapPost("/account-recovery/requests.json", Open).For(DoorFor.Guests, "AccountRecoveryRequestsCreate.post").WithMetadata(AskFields).Public(Mailed);
        group.MapGet("/account-recovery/requests/{id}.json", View).For(DoorFor.People, "AccountRecoveryRequestsView.view", Permission.RecoveryRead)
            .RequireDialectProof(PassboltEndpoints.Proof);
        group.MapGet("/account-recovery/requests/{id}/{user}/{token}.json", Released).For(DoorFor.Anybody, "AccountRecoveryRequestsGet.get").Public(Mailed);
        group.MapPost("/account-recovery/responses.json", Answer).For(DoorFor.People, "AccountRecoveryResponsesCreate.post", Permission.RecoveryApprove)
            .WithMetadata(AnswerFields).RequireDialectProof(PassboltEndpoints.Proof);
        group.MapGet("/account-recovery/continue/{user}/{token}.json", Continue).For(DoorFor.Guests, "AccountRecoveryContinue.get").Public(Mailed);
    }

    /// <summary>What is wrong with a mailed token, or with what it is for.</summary>
    /// <param name="refusal">The refusal.</param>
    public static IResult TokenError(Refusal refusal) => (refusal.Faults is [{ Rule: { } rule }, ..] ? rule : "") switch
    {
        "token_unknown" => new PassboltError(404, "The authentication token does not exist."),
        "token_consumed" => new PassboltError(400, "The authentication token is not active."),
        "token_expired" => new PassboltError(400, "The authentication token has expired."),
        "person_unknown" => new PassboltError(404, "The user does not exist or has been deleted."),
        "request_unknown" => new PassboltError(404, "The account recovery request does not exist."),
        "not_enrolled" => new PassboltError(404, "The user has no account recovery setting."),
        "request_completed" => new PassboltError(400, "The account recovery request is already completed."),
        "not_approved" => new PassboltError(400, "The account recovery request is not approved."),
        _ => new Problem(refusal),
    };

    private static async Task<IResult> List(HttpContext context, ReadEscrowRequests read, ReadOpenPgpPeople people)
    {
        var query = new PassboltQuery(context.Request.Query, ReadEscrowRequests.MostAtOnce);
        var page = await read.List(
            context.Passbolt().Operator,
            new EscrowRequestFilter
            {
                Accounts = query.Accounts("has-users"),
                OrderBy = query.Sort switch
                {
                    "status" => EscrowRequestOrder.Status,
                    "modified" => EscrowRequestOrder.Modified,
                    _ => EscrowRequestOrder.Created,
                },
                Descending = query.IsDescending,
                Limit = query.Limit,
                Offset = query.Offset,
                WithPasswords = query.Contains("account_recovery_private_key_passwords"),
            },
            context.RequestAborted);
        var creators = await Creators(context, people, query, page.Items);
        return new PassboltAnswer(new JsonArray([.. page.Items.Select(r => (JsonNode)Request(r, query, creators))])) { Pagination = query.Of(page.Count) };
    }

    private static async Task<IResult> View(HttpContext context, ReadEscrowRequests read, ReadOpenPgpPeople people, string id)
    {
        if (!Ids.TryParse<EscrowRequestId>(id, out var request))
        {
            return PassboltError.Malformed("The request id is not valid.");
        }

        var query = new PassboltQuery(context.Request.Query);
        var found = await read.Find(
            context.Passbolt().Operator, request, query.Contains("account_recovery_private_key_passwords"), context.RequestAborted);
        return found.Refusal is { } refused
            ? new Problem(refused)
            : new PassboltAnswer(Request(found.Value, query, await Creators(context, people, query, [found.Value])));
    }

    // Where the call asks for them: nobody twice, and all at once.
    private static async Task<Dictionary<AccountId, OpenPgpPerson>> Creators(
        HttpContext context, ReadOpenPgpPeople people, PassboltQuery query, IReadOnlyList<EscrowRequestView> views)
    {
        if (!query.Contains("creator"))
        {
            return [];
        }

        var filter = new OpenPgpPeopleFilter { Accounts = [.. views.Select(v => v.Person.Id).Distinct()] };
        return (await people.List(context.Visitor(), filter, context.RequestAborted)).Items.ToDictionary(p => p.Account.Id);
    }

    private static async Task<IResult> Open(HttpContext context, OpenEscrowRequest open)
    {
        var body = await PassboltBody.Read(context);
        if (body.Refusal is { } malformed)
        {
            return new Problem(malformed);
        }

        var opened = await open.Run(
            context.Visitor(),
            new EscrowAsked(body.Value.Text("user_id"), body.Value.Token(), body.Value.Text("fingerprint"), body.Value.Text("armored_key")),
            context.RequestAborted);
        if (opened.Refusal is { } refused)
        {
            return TokenError(refused);
        }

        var row = Row(opened.Value);
        row["armored_key"] = opened.Value.RequestKey;

        // The row's id of the token, which the vendor shows; the token itself is elsewhere.
        row["authentication_token_id"] = PassboltIds.Of("token", opened.Value.Id.ToString());
        return new PassboltAnswer(row);
    }

    private static async Task<IResult> Released(HttpContext context, ReadEscrowAnswer read, string id, string user, string token)
    {
        var found = await read.Run(context.Visitor(), id, user, token, context.RequestAborted);
        if (found.Refusal is { } refused)
        {
            return TokenError(refused);
        }

        var row = Row(found.Value.Request);
        if (found.Value is { Blob: { } blob, Answer: { } answer })
        {
            row["account_recovery_private_key"] = new JsonObject { ["data"] = blob };
            row["account_recovery_responses"] = new JsonArray(Response(answer));
        }

        return new PassboltAnswer(row);
    }

    private static async Task<IResult> Answer(HttpContext context, AnswerEscrowRequest take)
    {
        var body = await PassboltBody.Read(context);
        if (body.Refusal is { } malformed)
        {
            return new Problem(malformed);
        }

        if (body.Value.Text("responder_foreign_model") is var model && model != PolicyEndpoints.KeyModel)
        {
            return new Problem(EscrowFaults.Refuse(model is null ? EscrowFault.Required : EscrowFault.NotInList, "/responder_foreign_model"));
        }

        var taken = await take.Run(
            context.Passbolt().Operator,
            new EscrowAnswerGiven(
                body.Value.Text("account_recovery_request_id"), body.Value.Text("status"), body.Value.Text("responder_foreign_key"), body.Value.Text("data")),
            context.RequestAborted);
        if (taken.Refusal is { } refused)
        {
            return new Problem(refused);
        }

        var (answer, request) = taken.Value;
        var shown = Response(answer);
        shown["id"] = answer.Id.ToString("D");
        shown["created"] = PassboltMapping.Time(answer.CreatedAt);
        shown["modified"] = PassboltMapping.Time(answer.ModifiedAt);
        shown["created_by"] = PassboltIds.OfPrincipal(answer.Responder);
        shown["modified_by"] = PassboltIds.OfPrincipal(answer.Responder);
        var row = Row(request);
        row["armored_key"] = request.RequestKey;
        shown["account_recovery_request"] = row;
        return new PassboltAnswer(shown);
    }

    private static async Task<IResult> Continue(HttpContext context, StartEscrow start, string user, string token)
    {
        if (!Ids.TryParse<AccountId>(user, out var account) || !Ids.TryParse<EntryId>(token, out _))
        {
            return PassboltError.Malformed("The user id and the token are UUIDs.");
        }

        var found = await start.Continue(context.Visitor(), account, token, context.RequestAborted);
        return found.Refusal is { } refused
            ? TokenError(refused)
            : new PassboltAnswer(new JsonObject { ["user_passphrase_policy"] = PassboltMapping.PassphrasePolicy() });
    }

    private static JsonObject Request(EscrowRequestView view, PassboltQuery query, Dictionary<AccountId, OpenPgpPerson> creators)
    {
        var row = Row(view.Request);
        if (query.Contains("armored_key"))
        {
            row["armored_key"] = view.Request.RequestKey;
        }

        if (query.Contains("account_recovery_private_key_passwords"))
        {
            row["account_recovery_private_key"] = view.Password is { } password ? PrivateKey(view, password) : null;
        }

        if (query.Contains("account_recovery_request_responses") || query.Contains("account_recovery_responses"))
        {
            row["account_recovery_responses"] = new JsonArray([.. view.Answers.Select(a => (JsonNode)new JsonObject
            {
                ["id"] = a.Id.ToString("D"),
                ["account_recovery_request_id"] = a.Request.ToString(),
                ["created"] = PassboltMapping.Time(a.CreatedAt),
                ["modified"] = PassboltMapping.Time(a.ModifiedAt),
                ["created_by"] = PassboltIds.OfPrincipal(a.Responder),
                ["modified_by"] = PassboltIds.OfPrincipal(a.Responder),
            })]);
        }

        if (query.Contains("creator"))
        {
            var (person, known) = (view.Person, creators.GetValueOrDefault(view.Person.Id));
            row["creator"] = new JsonObject
            {
                ["id"] = person.Id.ToString(),
                ["username"] = PassboltMapping.UsernameOf(person),
                ["active"] = known?.Key is not null,
                ["deleted"] = false,
                ["role_id"] = PassboltMapping.RoleId(known?.Role ?? OpenPgpRole.User),
                ["created"] = PassboltMapping.Time(person.CreatedAt),
                ["modified"] = PassboltMapping.Time(person.UpdatedAt),
                ["profile"] = PassboltMapping.Profile(person),
            };
        }

        return row;
    }

    // Never the blob: it goes to its person alone.
    private static JsonObject PrivateKey(EscrowRequestView view, WrappedPassword password) => new()
    {
        ["id"] = password.PrivateKey.ToString("D"),
        ["user_id"] = view.Person.Id.ToString(),
        ["created"] = PassboltMapping.Time(password.CreatedAt),
        ["modified"] = PassboltMapping.Time(password.ModifiedAt),
        ["created_by"] = PassboltIds.OfPrincipal(password.CreatedBy),
        ["modified_by"] = PassboltIds.OfPrincipal(password.CreatedBy),
        ["account_recovery_private_key_passwords"] = new JsonArray(new JsonObject
        {
            ["id"] = password.Id.ToString("D"),
            ["private_key_id"] = password.PrivateKey.ToString("D"),
            ["recipient_foreign_model"] = PolicyEndpoints.KeyModel,
            ["recipient_fingerprint"] = password.Recipient,
            ["data"] = password.Data,
            ["created"] = PassboltMapping.Time(password.CreatedAt),
            ["modified"] = PassboltMapping.Time(password.ModifiedAt),
            ["created_by"] = PassboltIds.OfPrincipal(password.CreatedBy),
            ["modified_by"] = PassboltIds.OfPrincipal(password.CreatedBy),
        }),
    };

    private static JsonObject Row(EscrowRequest request) => new()
    {
        ["id"] = request.Id.ToString(),
        ["status"] = WireName.Of(request.Status),
        ["user_id"] = request.Account.ToString(),
        ["fingerprint"] = request.Fingerprint,
        ["created"] = PassboltMapping.Time(request.CreatedAt),
        ["modified"] = PassboltMapping.Time(request.ModifiedAt),
        ["created_by"] = request.Account.ToString(),
        ["modified_by"] = PassboltIds.OfPrincipal(request.ModifiedBy),
    };

    // No message where there is none: the clients refuse a null.
    private static JsonObject Response(EscrowAnswer answer)
    {
        var shown = new JsonObject
        {
            ["account_recovery_request_id"] = answer.Request.ToString(),
            ["status"] = answer.IsApproved ? "approved" : "rejected",
            ["responder_foreign_model"] = PolicyEndpoints.KeyModel,
            ["responder_foreign_key"] = answer.ResponderKey.ToString("D"),
        };
        if (answer.Data is { } data)
        {
            shown["data"] = data;
        }

        return shown;
    }
}
