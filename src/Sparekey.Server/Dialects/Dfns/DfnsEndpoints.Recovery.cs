using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Recoveries;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Dfns;

/// <content>Recovery: delegated, and by a code sent by mail.</content>
internal static partial class DfnsEndpoints
{
    private static async Task<IResult> Recover(HttpContext context, DfnsGate gate, CollectRecovery collect, DfnsTokens tokens, DfnsOptions settings)
    {
        var (call, error) = await Acting(context, gate, gate.Programme);
        if (call is null)
        {
            return error!;
        }

        if (Mapping.Text(call.Body, "username") is not { } name || Mapping.Text(call.Body, "credentialId") is not { } key)
        {
            return DfnsError.Malformed("username and credentialId must be texts");
        }

        var order = new RecoveryOrder(new AccountName(null, name), Means.RecoveryKey)
        {
            Application = call.Application.Id,
            RecoveryKey = key,
            Reason = ReasonOf(call),
            Revoke = settings.Revoke,
        };
        var parameters = new Dictionary<string, string>(StringComparer.Ordinal) { ["route"] = "dfns.recover.delegated", ["credential"] = key };
        var collected = await collect.Run(call.Programme!, order, parameters, context.RequestAborted);
        return collected.Refusal switch
        {
            { Code: RefusalCode.CredentialNotFound } => DfnsError.NotARecoveryCredential,
            { } refused => Forbidden(call, refused, "CreateDelegatedRecoveryChallenge"),
            null => await RecoveryBegun(context, tokens, call, collected.Value.Redemption!, key),
        };
    }

    private static async Task<IResult> SendRecoveryCode(HttpContext context, DfnsGate gate, RequestRecovery request, DfnsOptions settings)
    {
        var (call, error) = await gate.Open(context);
        if (call is null)
        {
            return error!;
        }

        if (Mapping.Text(call.Body, "username") is not { } name)
        {
            return DfnsError.Malformed("username must be a text");
        }

        var asked = new RecoveryAsked(name, Means.RecoveryKey)
        {
            Application = call.Application.Id, Lifetime = TemporaryLifetime, Revoke = settings.Revoke,
        };
        return await request.Run(call.Visitor, asked, context.RequestAborted) is { } refused ? Errors.Of(refused) : DfnsJson.Success;
    }

    private static async Task<IResult> BeginRecovery(HttpContext context, DfnsGate gate, RedeemSecret redeem, DfnsTokens tokens)
    {
        var (call, error) = await gate.Open(context);
        if (call is null)
        {
            return error!;
        }

        if (Mapping.Text(call.Body, "username") is not { } name || Mapping.Text(call.Body, "verificationCode") is not { } code
            || Mapping.Text(call.Body, "credentialId") is not { } key)
        {
            return DfnsError.Malformed("username, verificationCode and credentialId must be texts");
        }

        var opened = await redeem.Run(
            call.Visitor, new PresentedSecret.Code(new SecretText(code), name) { RecoveryKey = key }, context.RequestAborted);
        return opened.Refusal is { } refused ? Errors.Of(refused)
            : opened.Value.RecoveryKey is null ? DfnsError.CodeInvalid
            : await RecoveryBegun(context, tokens, call, opened.Value, key);
    }

    private static async Task<IResult> RecoveryBegun(HttpContext context, DfnsTokens tokens, DfnsCall call, OpenedRedemption opened, string key)
    {
        var options = opened.RecoveryKey!;
        if (options.Allowed.All(k => k.CredentialId != key))
        {
            return DfnsError.NotARecoveryCredential;
        }

        var token = await TokenOf(context, tokens, call, TokenKind.Recovery, opened.Token.Reveal(), options.Account, TemporaryLifetime);
        var answer = DfnsAnswers.Registration(options.Account, options.Challenge, options.Passkey, token);
        answer["allowedRecoveryCredentials"] = options.Allowed.OrderBy(k => k.CredentialId == key ? 0 : 1)
            .Select(k => new { id = k.CredentialId, encryptedRecoveryKey = k.EncryptedPrivateKey });
        return DfnsJson.Ok(answer);
    }

    // The vendor's order: 1. the bearer; 2. the form; the rest is the engine's.
    private static async Task<IResult> CompleteRecovery(HttpContext context, DfnsGate gate, RecoverWithKey recover)
    {
        var (call, error) = await gate.Temporary(context, TokenKind.Recovery);
        if (call is null)
        {
            return error!;
        }

        var recovery = Mapping.Object(call.Body, "recovery");
        if (Mapping.Text(recovery, "kind") != "RecoveryKey")
        {
            return DfnsError.Malformed("recovery.kind must be RecoveryKey");
        }

        var proof = Mapping.ReadProof(Mapping.Object(recovery, "credentialAssertion"), "recovery.credentialAssertion");
        if (proof.Refusal is { } malformed)
        {
            return Errors.Of(malformed);
        }

        var sent = Mapping.Object(call.Body, "newCredentials");
        if (sent.ValueKind == System.Text.Json.JsonValueKind.Undefined)
        {
            return DfnsError.Malformed("newCredentials must be an object");
        }

        NewCredentials? read = null;
        var done = await recover.Run(
            call.Visitor, call.Token!.Inner, proof.Value,
            signed =>
            {
                var credentials = SignedJson.Read(signed, sent, Mapping.ReadNew);
                read = credentials.Refusal is null ? credentials.Value : null;
                return credentials;
            },
            HandleOf(call.Token), context.RequestAborted);
        return done.Refusal switch
        {
            { Code: RefusalCode.CredentialNotFound } => DfnsError.NotARecoveryCredential,
            { } refused => Errors.Of(refused),
            null => DfnsJson.Ok(DfnsAnswers.Registered(done.Value.Account, call.OrgId, done.Value.Bound[0], IsProtected(read!))),
        };
    }

    private static Reason? ReasonOf(DfnsCall call)
    {
        var reason = Mapping.Object(call.Body, "reason");
        return reason.ValueKind == System.Text.Json.JsonValueKind.Undefined ? null
            : new Reason(Mapping.Text(reason, "code"), Mapping.Text(reason, "text"), Mapping.Text(reason, "ticket"));
    }
}
