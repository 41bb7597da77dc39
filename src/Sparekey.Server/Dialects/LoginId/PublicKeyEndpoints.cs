using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Credentials.Keys;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;
using Sparekey.Server.Api;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.LoginId;

/// <summary>
/// Keys of a user's device: a backend binds one, which is a recovery by force, and the device signs the server's nonce with it. The
/// vendor does not say what the signed token holds; here it is a JWT (ES256) whose claim <c>server_nonce</c>, or <c>nonce</c>, is that nonce.
/// </summary>
internal static class PublicKeyEndpoints
{
    private const int LongestAssertion = 4096;
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 4, AllowDuplicateProperties = false };

    /// <summary>Maps the routes.</summary>
    /// <param name="group">The mount.</param>
    public static void Map(RouteGroupBuilder group)
    {
        group.MapPost("/credentials/publickey", Add).RequireDialectProof("A service token of the client.");
        var authenticate = group.MapGroup("/authenticate/publickey").Public("What the device's key signed is the proof.").CheckOrigin();
        authenticate.MapPost("/init", Init).AnswerOnTheBeat();
        authenticate.MapPost("/complete", Complete).AnswerOnTheBeat();
    }

    private static async Task<IResult> Add(
        HttpContext context, ClientGate gate, CollectRecovery collect, SetForcedKey set, LoginIdOptions options, AnswerWriter answers)
    {
        var (body, malformed) = await Bodies.Read<PublicKeyBody>(context);
        if (body is null)
        {
            return malformed!;
        }

        var (call, error) = await gate.Vouched(context, body.ClientId, Scopes.ForceCredential);
        if (call is null)
        {
            return error!;
        }

        if (body.Publickey is not { } pem)
        {
            return LoginIdError.Missing("publickey");
        }

        if (body.PublickeyAlg is not (null or "ES256") || SigningPublicKey.Parse(pem) is not { Algorithm: KeyAlgorithm.P256 } key)
        {
            return LoginIdError.Invalid("publickey");
        }

        var (user, unknown) = await gate.UserOf(context, call, body.UserId, body.Username);
        if (user is null)
        {
            return unknown!;
        }

        var order = new RecoveryOrder(new AccountName(user.Id, null), Means.Force)
        {
            Application = call.Application.Id,
            Reason = body.Reason?.ToReason(),
            Revoke = options.Revoke,
        };

        // What was approved for one key is not collected with another.
        var parameters = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["dialect"] = ClientIds.Dialect, ["credential"] = "publickey", ["key"] = key.Fingerprint,
        };
        var collected = await collect.Run(call.Caller!, order, parameters, context.RequestAborted);
        if (collected.Refusal is { } refused)
        {
            return new Problem(refused);
        }

        var called = CredentialNames.Of(body.Options?.CredentialName, context);
        var done = await set.Run(call.Visitor, collected.Value.Redemption!.Token, pem, called, context.RequestAborted);
        return done.Refusal is { } failed
            ? new Problem(failed)
            : await answers.Write(
                context, call, user, new ResultCredential(done.Value.Credential.Id, "public_key", called), null, noJwt: true);
    }

    private static async Task<IResult> Init(HttpContext context, ClientGate gate, SignInWithSignedNonce signIn, FindMember members)
    {
        var (body, malformed) = await Bodies.Read<InitBody>(context);
        if (body is null)
        {
            return malformed!;
        }

        var (call, error) = await gate.VouchedIfPrivate(context, body.ClientId, Scopes.Login);
        if (call is null)
        {
            return error!;
        }

        var (user, unknown) = await gate.UserOf(context, call, null, body.Username);
        return unknown ?? (await signIn.Begin(call.Visitor, call.Application.Id, user?.Id, body.Username!, context.RequestAborted))
            .ToAnswer(made => new ChallengeView(made.Id, made.Nonce));
    }

    private static async Task<IResult> Complete(
        HttpContext context, ClientGate gate, SignInWithSignedNonce signIn, FindMember members, CredentialNamesOf names, AnswerWriter answers)
    {
        var (body, malformed) = await Bodies.Read<KeyAssertionBody>(context);
        if (body is null)
        {
            return malformed!;
        }

        var (call, error) = await gate.Open(context, body.ClientId);
        if (call is null)
        {
            return error!;
        }

        if (body is not { ChallengeId: { } id, Assertion: { } assertion })
        {
            return LoginIdError.Missing(body.ChallengeId is null ? "challenge_id" : "assertion");
        }

        var opened = await signIn.Run(
            call.Visitor, call.Application.Id, id, (key, nonce) => IsSigned(assertion, key, nonce), context.RequestAborted);
        if (opened.Refusal is { } refusal)
        {
            return refusal.Code == RefusalCode.SignInFailed ? LoginIdError.CredentialRefused : new Problem(refusal);
        }

        var session = opened.Value.Session;
        var user = await members.Run(call.Visitor.Tenant, ClientIds.Dialect, call.Namespace, session.Account, context.RequestAborted);
        if (user is null || (body.Username is { } username && !Names.AreSame(username, Names.Of(user))))
        {
            return LoginIdError.CredentialRefused;
        }

        var called = await names.Run(call.Visitor.Tenant, user.Id, session.Credential!.Value, context.RequestAborted);
        return await answers.Write(
            context, call, user, new ResultCredential(session.Credential.Value, "public_key", called ?? "Key"), session, body.NoJwt);
    }

    private static bool IsSigned(string assertion, SigningPublicKey key, string nonce)
    {
        if (key.Algorithm != KeyAlgorithm.P256 || assertion.Length > LongestAssertion
            || assertion.Split('.') is not [var header, var claims, var signature]
            || !Base64Url.IsValid(header) || !Base64Url.IsValid(claims) || !Base64Url.IsValid(signature)
            || !key.Verify(Encoding.ASCII.GetBytes($"{header}.{claims}"), Base64Url.DecodeFromChars(signature), SignatureForm.Fixed))
        {
            return false;
        }

        try
        {
            using var headers = JsonDocument.Parse(Base64Url.DecodeFromChars(header), Strict);
            using var payload = JsonDocument.Parse(Base64Url.DecodeFromChars(claims), Strict);
            return Text(headers.RootElement, "alg") == "ES256"
                && (Text(payload.RootElement, "server_nonce") ?? Text(payload.RootElement, "nonce")) == nonce;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    private static string? Text(JsonElement from, string name) =>
        from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    private sealed record PublicKeyBody(
        string? ClientId = null, string? UserId = null, string? Username = null, [property: FreeText] string? Publickey = null,
        string? PublickeyAlg = null, CreationOptions? Options = null, ReasonView? Reason = null);

    private sealed record KeyAssertionBody(
        string? ClientId = null, string? Username = null, string? ChallengeId = null, string? Assertion = null, bool? NoJwt = null);

    private sealed record ChallengeView(string ChallengeId, string ServerNonce);
}
