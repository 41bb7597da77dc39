using Sparekey.Core;
using Sparekey.Engine.Access;

namespace Sparekey.Server.Dialects.Dfns;

/// <content>Signing an action that changes something.</content>
internal static partial class DfnsEndpoints
{
    private static async Task<IResult> BeginAction(HttpContext context, DfnsGate gate, SignActions actions, DfnsTokens tokens)
    {
        var (call, error) = await gate.Anybody(context);
        if (call is null)
        {
            return error!;
        }

        if (Mapping.Text(call.Body, "userActionHttpMethod") is not ("POST" or "PUT" or "DELETE" or "GET") || Mapping.Text(call.Body, "userActionHttpPath") is not { } path)
        {
            return DfnsError.Malformed("userActionHttpMethod and userActionHttpPath are needed");
        }

        var payload = call.Body.TryGetProperty("userActionPayload", out var text) && text.ValueKind == System.Text.Json.JsonValueKind.String ? text.GetString()! : "";
        var begun = await actions.Begin(
            call.Visitor, call.Signer!, call.Application.Id,
            new ActionToSign(Mapping.Text(call.Body, "userActionHttpMethod")!, path.Split('?')[0], payload), context.RequestAborted);
        return begun.Refusal switch
        {
            { Code: RefusalCode.CredentialNotFound } => DfnsError.NoCredential,
            { } refused => Errors.Of(refused),
            null => DfnsJson.Ok(DfnsAnswers.Challenge(
                begun.Value, await Token(context, tokens, call, TokenKind.Challenge, begun.Value.Challenge, ChallengeLifetime))),
        };
    }

    private static async Task<IResult> SignAction(HttpContext context, DfnsGate gate, SignActions actions, DfnsTokens tokens)
    {
        var (call, error) = await gate.Anybody(context);
        if (call is null)
        {
            return error!;
        }

        if (await ChallengeOf(context, tokens, call) is not { } challenge)
        {
            return DfnsError.ChallengeTokenInvalid;
        }

        var proof = Mapping.ReadFactor(call.Body);
        if (proof.Refusal is { } malformed)
        {
            return Errors.Of(malformed);
        }

        var signed = await actions.Prove(call.Visitor, call.Signer!, challenge, proof.Value, context.RequestAborted);
        return signed.Refusal switch
        {
            { Code: RefusalCode.ChallengeRefused } => DfnsError.ChallengeTokenInvalid,
            { } refused => Errors.Of(refused),
            null => DfnsJson.Ok(new { userAction = await Token(context, tokens, call, TokenKind.UserAction, signed.Value, ActionLifetime) }),
        };
    }
}
