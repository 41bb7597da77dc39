using System.Text.Json;
using System.Text.Json.Nodes;
using Sparekey.Core;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.Identity;
using Sparekey.Engine.Credentials.Escrow.Requests;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Passbolt;

/// <summary>The ways of people who have no key on their device: the first time, and again.</summary>
internal static class SetupEndpoints
{
    private const string Mailed = "The token in the path, or in the body, is the proof.";

    private static readonly PassboltFields SetupFields = new(
        new Dictionary<string, string[]>(StringComparer.Ordinal)
        {
            ["/key"] = ["gpgkey", "armored_key"],
            ["/escrow/blob"] = ["account_recovery_user_setting", "account_recovery_private_key", "data"],
            ["/escrow/passwords"] = ["account_recovery_user_setting", "account_recovery_private_key_passwords"],
            ["/escrow"] = ["account_recovery_user_setting"],
        },
        PassboltFields.AsTheyAre.Rules);

    private static readonly PassboltFields RecoverFields = new(
        new Dictionary<string, string[]>(StringComparer.Ordinal)
        {
            ["/request"] = ["account_recovery_request_id"],
            ["/public_key"] = ["gpgkey", "armored_key"],
            ["/token"] = ["authentication_token", "token"],
        },
        PassboltFields.AsTheyAre.Rules);

    /// <summary>Maps the routes.</summary>
    /// <param name="group">The dialect's group.</param>
    public static void Map(RouteGroupBuilder group)
    {
        group.MapGet("/setup/start/{user}/{token}.json", StartSetup).For(DoorFor.Guests, "SetupStart.start").Public(Mailed);
        group.MapPost("/setup/complete/{user}.json", CompleteSetup).For(DoorFor.Guests, "SetupComplete.complete").WithMetadata(SetupFields).Public(Mailed);
        group.MapGet("/setup/recover/start/{user}/{token}.json", StartRecover).For(DoorFor.Guests, "RecoverStart.start").Public(Mailed);
        group.MapGet("/setup/recover/{user}/{token}.json", StartRecover).For(DoorFor.Guests, "RecoverStart.start").Public(Mailed);
        group.MapPost("/setup/recover/complete/{user}.json", CompleteRecover).For(DoorFor.Guests, "RecoverComplete.complete").WithMetadata(RecoverFields).Public(Mailed);
        group.MapPost("/setup/recover/abort/{user}.json", AbortRecover).For(DoorFor.Guests, "RecoverAbort.abort").WithMetadata(RecoverFields).Public(Mailed);
    }

    private static async Task<IResult> StartSetup(HttpContext context, CompleteSetUp setUp, ReadEscrowPolicy policies, ReadOpenPgpPeople people, string user, string token)
    {
        if (!Ids.TryParse<AccountId>(user, out var account) || !Ids.TryParse<EntryId>(token, out _))
        {
            return PassboltError.Malformed("The user id and the token are UUIDs.");
        }

        var started = await setUp.Start(context.Visitor(), account, token, context.RequestAborted);
        if (started.Refusal is not null)
        {
            return new PassboltError(400, "The authentication token is not valid, or has expired.");
        }

        var person = await people.Find(context.Visitor(), account, context.RequestAborted);
        var policy = await policies.Run(context.Visitor(), context.RequestAborted);
        return new PassboltAnswer(new JsonObject
        {
            ["user"] = person is null ? null : PassboltMapping.User(person),
            ["account_recovery_organization_policy"] = PassboltMapping.Policy(policy),
            ["user_passphrase_policy"] = PassboltMapping.PassphrasePolicy(),
        });
    }

    private static async Task<IResult> CompleteSetup(HttpContext context, CompleteSetUp setUp, string user)
    {
        if (!Ids.TryParse<AccountId>(user, out var account))
        {
            return PassboltError.Malformed("The user id is not valid.");
        }

        var body = await PassboltBody.Read(context);
        if (body.Refusal is { } malformed)
        {
            return new Problem(malformed);
        }

        if (body.Value.Token() is not { } token)
        {
            return PassboltError.Malformed("An authentication token must be provided.");
        }

        (EnrolmentStatus Status, NewEscrow? Escrow)? said = null;
        if (body.Value.Object("account_recovery_user_setting") is { ValueKind: JsonValueKind.Object } setting)
        {
            var read = PolicyEndpoints.SaidIn(setting);
            if (read.Refusal is { } wrong)
            {
                return new Problem(wrong.Below("/escrow"));
            }

            said = read.Value;
        }

        var brought = new NewPersonSetUp(body.Value.Object("gpgkey").Text("armored_key"), said?.Status, said?.Escrow);
        var done = await setUp.Run(context.Visitor(), account, token, brought, context.RequestAborted);
        return done.Refusal switch
        {
            null => new PassboltAnswer(null) { Message = "The setup was completed successfully." },
            { Code: RefusalCode.RedemptionInvalid } => new PassboltError(400, "The authentication token is not valid, or has expired."),
            { } refused => new Problem(refused),
        };
    }

    private static async Task<IResult> StartRecover(
        HttpContext context, StartEscrow start, ReadEscrowPolicy policies, ReadOpenPgpPeople people, ReadEnrolments enrolments, string user, string token)
    {
        if (!Ids.TryParse<AccountId>(user, out var account) || !Ids.TryParse<EntryId>(token, out _))
        {
            return PassboltError.Malformed("The user id and the token are UUIDs.");
        }

        var started = await start.Run(context.Visitor(), account, token, context.RequestAborted);
        if (started.Refusal is { } refused)
        {
            return RequestEndpoints.TokenError(refused);
        }

        var person = await people.Find(context.Visitor(), account, context.RequestAborted);
        var policy = await policies.Run(context.Visitor(), context.RequestAborted);
        var shown = PassboltMapping.User(person ?? new OpenPgpPerson(started.Value.Account, OpenPgpRole.User, null));
        if (await enrolments.Find(context.Visitor(), account, context.RequestAborted) is { } enrolment)
        {
            shown["account_recovery_user_setting"] = UserEndpoints.Setting(enrolment);
        }

        return new PassboltAnswer(new JsonObject
        {
            ["user"] = shown,
            ["account_recovery_organization_policy"] = PassboltMapping.Policy(policy),
            ["user_passphrase_policy"] = PassboltMapping.PassphrasePolicy(),
        });
    }

    private static async Task<IResult> CompleteRecover(HttpContext context, FinishEscrow finish, string user)
    {
        var body = await PassboltBody.Read(context);
        if (body.Refusal is { } malformed)
        {
            return new Problem(malformed);
        }

        var device = context.Request.Headers.UserAgent.ToString();
        return await finish.Run(
            context.Visitor(), user, body.Value.Token(), body.Value.Object("gpgkey").Text("armored_key"), body.Value.Text("account_recovery_request_id"),
            device.Length > 0 ? device : null, context.RequestAborted) is { } refused
            ? RequestEndpoints.TokenError(refused)
            : new PassboltAnswer(null) { Message = "The recovery was completed successfully." };
    }

    private static async Task<IResult> AbortRecover(HttpContext context, FinishEscrow finish, string user)
    {
        var body = await PassboltBody.Read(context);
        return body.Refusal is { } malformed ? new Problem(malformed)
            : await finish.Abort(context.Visitor(), user, body.Value.Token(), context.RequestAborted) is { } refused ? RequestEndpoints.TokenError(refused)
            : new PassboltAnswer(null);
    }
}
