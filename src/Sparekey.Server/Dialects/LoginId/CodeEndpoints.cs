using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.PersonalCodes;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.LoginId;

/// <summary>
/// <c>/codes</c>: codes that a team's backend makes. A code that adds a credential is a recovery, with all that policy says of one; a
/// code that signs in for once is none.
/// </summary>
internal static class CodeEndpoints
{
    private const string Proof = "A service token of the client.";

    /// <summary>Maps the routes.</summary>
    /// <param name="group">The mount.</param>
    public static void Map(RouteGroupBuilder group)
    {
        group.MapPost("/codes/{type}/generate", Generate).RequireDialectProof(Proof);
        group.MapPost("/codes/{type}/authorize", Authorize).RequireDialectProof(Proof);
        group.MapPost("/codes/{type}/invalidate-all", InvalidateAll).RequireDialectProof(Proof);
        var own = group.MapGroup("/codes/{type}/generate/fido2").Public("The passkey of the person who makes a code is the proof.").CheckOrigin();
        own.MapPost("/init", InitOwn).AnswerOnTheBeat();
        own.MapPost("/complete", CompleteOwn).AnswerOnTheBeat();
        group.MapPost("/credentials/recovery-code", RecoveryCode).RequireDialectProof(Proof);
    }

    private static async Task<IResult> Generate(
        HttpContext context, ClientGate gate, CollectRecovery collect, IssueSignInCode issue, LoginIdOptions options, string type)
    {
        var (request, error) = await Read(context, gate, type, Scopes.GenerateCodes);
        if (request is null)
        {
            return error!;
        }

        var (call, user, body, codeType) = request;
        if (body.Purpose == Mapping.TemporaryAuthentication)
        {
            return (await issue.Run(
                call.Caller!, SetOf(request, CodePurpose.SignIn), call.Application.Id, codeType.Lifetime, body.Authorize == true,
                body.Reason?.ToReason(), context.RequestAborted)).ToAnswer(Mapping.Code);
        }

        var order = new RecoveryOrder(new AccountName(user.Id, null), Means.Code)
        {
            Application = call.Application.Id,
            CodeFormat = codeType.Format,
            Digits = codeType.Format == CodeFormat.Digits ? RecoveryLimits.ShortCodeDigits : null,
            Lifetime = codeType.Lifetime,
            Reason = body.Reason?.ToReason(),
            Revoke = options.Revoke,
            AwaitsAuthorization = body.Authorize != true,
        };
        return (await Collect(context, collect, call, order, codeType.Name)).ToAnswer(View);
    }

    // The vendor has no such limit: where policy's is shorter than the type's, policy's holds.
    private static async Task<Result<IssuedSecret>> Collect(
        HttpContext context, CollectRecovery collect, ClientCall call, RecoveryOrder order, string type)
    {
        var parameters = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["dialect"] = ClientIds.Dialect,
            ["type"] = type,
            ["authorize"] = order.AwaitsAuthorization ? "false" : "true",
        };
        var collected = await collect.Run(call.Caller!, order, parameters, context.RequestAborted);
        return collected.Refusal is { Code: RefusalCode.LifetimeTooLong }
            ? await collect.Run(call.Caller!, order with { Lifetime = null }, parameters, context.RequestAborted)
            : collected;
    }

    private static object View(IssuedSecret issued) => Mapping.Code(
        issued.Secret!.Text, issued.Secret.ExpiresAt, issued.Recovery.Secret is { Usable: true });

    private static async Task<IResult> Authorize(HttpContext context, ClientGate gate, AuthorizeSecret authorize, ManageCodes codes, string type)
    {
        var (request, error) = await Read(context, gate, type, Scopes.AuthorizeCodes);
        if (request is null)
        {
            return error!;
        }

        var (call, user, body, codeType) = request;
        if (body.Code is not { } code)
        {
            return LoginIdError.Missing("code");
        }

        var done = body.Purpose == Mapping.TemporaryAuthentication
            ? await codes.Authorize(call.Caller!, SetOf(request, CodePurpose.SignIn), code, body.Reason?.ToReason(), context.RequestAborted)
            : await authorize.Run(
                call.Caller!, user.Id, call.Namespace, codeType.Format, code, body.Reason?.ToReason(), context.RequestAborted);
        return done.Refusal is { } refusal
            ? Errors.OfCode(refusal, isVouchedFor: true)
            : Answers.Json(new AuthorizedView(WireJson.Time(done.Value), IsAuthorized: true));
    }

    private static async Task<IResult> InvalidateAll(
        HttpContext context, ClientGate gate, InvalidateSecrets invalidate, ManageCodes codes, string type)
    {
        var (request, error) = await Read(context, gate, type, Scopes.InvalidateCodes);
        if (request is null)
        {
            return error!;
        }

        var (call, user, body, codeType) = request;
        if (body.Purpose == Mapping.TemporaryAuthentication)
        {
            return (await codes.EndAll(call.Caller!, SetOf(request, CodePurpose.SignIn), context.RequestAborted)).ToAnswer(Deleted);
        }

        var own = await codes.EndAll(call.Caller!, SetOf(request, CodePurpose.AddDevice), context.RequestAborted);
        return own.Refusal is { } refusal
            ? new Problem(refusal)
            : (await invalidate.Run(call.Caller!, user.Id, call.Namespace, codeType.Format, context.RequestAborted)).ToAnswer(Deleted);
    }

    // A code for later, which the user keeps. It is worth what a long one is, and no longer than policy lets a code live.
    private static async Task<IResult> RecoveryCode(HttpContext context, ClientGate gate, CollectRecovery collect, LoginIdOptions options, Engine.Acts acts)
    {
        var (body, malformed) = await Bodies.Read<CodesBody>(context);
        if (body is null)
        {
            return malformed!;
        }

        var (call, error) = await gate.Vouched(context, body.ClientId, Scopes.RecoveryCode, Scopes.AddRecovery);
        if (call is null)
        {
            return error!;
        }

        var (user, unknown) = await gate.UserOf(context, call, body.UserId, body.Username);
        if (user is null)
        {
            return unknown!;
        }

        var order = new RecoveryOrder(new AccountName(user.Id, null), Means.Code)
        {
            Application = call.Application.Id,
            CodeFormat = CodeFormat.Long,
            Lifetime = RecoveryLimits.LongestLifetime(Channel.Return),
            Reason = body.Reason?.ToReason(),
            Revoke = options.Revoke,
        };
        return (await Collect(context, collect, call, order, "recovery_code"))
            .ToAnswer(issued => new RecoveryCodeView(issued.Secret!.Text.Reveal(), WireJson.Time(acts.Now)));
    }

    // A person who proves one device makes a code for another.
    private static async Task<IResult> InitOwn(
        HttpContext context, ClientGate gate, PasskeySignIn passkeys, FindMember members, string type)
    {
        var (body, malformed) = await Bodies.Read<InitBody>(context);
        if (body is null)
        {
            return malformed!;
        }

        var (call, error) = await gate.VouchedIfPrivate(context, body.ClientId, Scopes.GenerateCodes, Scopes.Login);
        return call is null ? error!
            : CodeType.Of(type) is null ? LoginIdError.Invalid("type")
            : body.Purpose is null ? LoginIdError.Missing("purpose")
            : PurposeOf(body.Purpose) is not { } purpose ? LoginIdError.Invalid("purpose")
            : await passkeys.Begin(context, call, members, body.Username, new OwnCode(type, purpose));
    }

    private static async Task<IResult> CompleteOwn(
        HttpContext context, ClientGate gate, PasskeySignIn passkeys, FindMember members, IssueOwnCode issue, AnswerWriter answers, string type)
    {
        var (body, malformed) = await Bodies.Read<AssertionBody>(context);
        if (body is null)
        {
            return malformed!;
        }

        var (call, error) = await gate.Open(context, body.ClientId);
        if (call is null)
        {
            return error!;
        }

        if (CodeType.Of(type) is not { } codeType)
        {
            return LoginIdError.Invalid("type");
        }

        var (signedIn, refused) = await passkeys.Complete(context, call, members, body, type);
        if (signedIn is null)
        {
            return refused!;
        }

        var person = new SessionCaller(call.Visitor.Tenant, call.Visitor.Source, call.Visitor.CorrelationId, signedIn.Session);
        var set = new CodeSet(signedIn.User.Id, signedIn.Code!.Purpose, codeType.Format, call.Namespace);
        var issued = await issue.Run(person, set, codeType.Lifetime, context.RequestAborted);
        return issued.Refusal is { } refusal
            ? new Problem(refusal)
            : await answers.Write(context, call, signedIn.User, signedIn.Credential, signedIn.Session, body.NoJwt, Mapping.Code(issued.Value));
    }

    private static CodePurpose? PurposeOf(string purpose) => purpose switch
    {
        Mapping.AddCredential => CodePurpose.AddDevice,
        Mapping.TemporaryAuthentication => CodePurpose.SignIn,
        _ => null,
    };

    private static async Task<(CodeRequest? Request, IResult? Error)> Read(HttpContext context, ClientGate gate, string type, string scope)
    {
        var (body, malformed) = await Bodies.Read<CodesBody>(context);
        if (body is null)
        {
            return (null, malformed);
        }

        var (call, error) = await gate.Vouched(context, body.ClientId, scope);
        if (call is null)
        {
            return (null, error);
        }

        if (CodeType.Of(type) is not { } codeType)
        {
            return (null, LoginIdError.Invalid("type"));
        }

        if (body.Purpose is not (Mapping.AddCredential or Mapping.TemporaryAuthentication))
        {
            return (null, body.Purpose is null ? LoginIdError.Missing("purpose") : LoginIdError.Invalid("purpose"));
        }

        var (user, unknown) = await gate.UserOf(context, call, body.UserId, body.Username);
        return user is null ? (null, unknown) : (new CodeRequest(call, user, body, codeType), null);
    }

    private static CodeSet SetOf(CodeRequest request, CodePurpose purpose) =>
        new(request.User.Id, purpose, request.Type.Format, request.Call.Namespace);

    private static object Deleted(DateTimeOffset at) => new DeletedView(WireJson.Time(at));

    private sealed record CodeRequest(ClientCall Call, Account User, CodesBody Body, CodeType Type);

    private sealed record AuthorizedView(string ExpiresAt, bool IsAuthorized);

    private sealed record DeletedView(string DeletedAt);

    private sealed record RecoveryCodeView(string Code, string CreatedAt);
}
