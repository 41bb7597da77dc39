using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;

namespace Sparekey.Server.Dialects.Dfns;

/// <content>Signing in and out.</content>
internal static partial class DfnsEndpoints
{
    private static async Task<IResult> BeginLogin(HttpContext context, DfnsGate gate, SignInByName signIn, DfnsTokens tokens, DfnsOptions settings)
    {
        var (call, error) = await gate.Open(context);
        if (call is null)
        {
            return error!;
        }

        var name = Mapping.Text(call.Body, "username");
        var begun = await signIn.Begin(
            call.Visitor, call.Application.Id, name is null ? null : new AccountName(null, name), name, settings.RevealUnknown,
            Mapping.Text(call.Body, "loginCode") is { } code ? new SecretText(code) : null, context.RequestAborted);
        return begun.Refusal switch
        {
            { Code: RefusalCode.CredentialNotFound } => DfnsError.NoCredential,
            { } refused => Errors.Of(refused),
            null => DfnsJson.Ok(DfnsAnswers.Challenge(
                begun.Value, await Token(context, tokens, call, TokenKind.Challenge, begun.Value.Challenge, ChallengeLifetime))),
        };
    }

    private static async Task<IResult> SendLoginCode(HttpContext context, DfnsGate gate, KeyPickupCodes codes)
    {
        var (call, error) = await gate.Open(context);
        return call is null ? error!
            : Mapping.Text(call.Body, "username") is not { } name ? DfnsError.Malformed("username must be a text")
            : await codes.Run(call.Visitor, name, call.Application.Id, context.RequestAborted) is { } refused ? Errors.Of(refused)
            : DfnsJson.Success;
    }

    private static async Task<IResult> Login(HttpContext context, DfnsGate gate, SignInByName signIn, ReadOwnAccount accounts, DfnsTokens tokens)
    {
        var (call, error) = await gate.Open(context);
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

        var opened = await signIn.Run(call.Visitor, challenge, proof.Value, SessionLifetime, context.RequestAborted);
        return opened.Refusal switch
        {
            { Code: RefusalCode.ChallengeRefused } => DfnsError.ChallengeTokenInvalid,
            { } refused => Errors.Of(refused),
            null => await SessionToken(context, tokens, accounts, call, opened.Value),
        };
    }

    private static async Task<IResult> LoginDelegated(HttpContext context, DfnsGate gate, DelegateSession delegated, ReadOwnAccount accounts, DfnsTokens tokens)
    {
        var (call, error) = await Acting(context, gate, gate.Programme);
        if (call is null)
        {
            return error!;
        }

        if (Mapping.Text(call.Body, "username") is not { } name)
        {
            return DfnsError.Malformed("username must be a text");
        }

        var opened = await delegated.Run(call.Programme!, name, call.Application.Id, SessionLifetime, context.RequestAborted);
        return opened.Refusal is { } refused ? Forbidden(call, refused, "DelegatedLogin") : await SessionToken(context, tokens, accounts, call, opened.Value);
    }

    private static async Task<IResult> Logout(HttpContext context, DfnsGate gate, EndSession end, EndOtherSessions others)
    {
        var (call, error) = await gate.Person(context);
        if (call is null)
        {
            return error!;
        }

        if (call.Body.TryGetProperty("allSessions", out var all) && all.ValueKind == System.Text.Json.JsonValueKind.True)
        {
            await others.Run(call.Person!, context.RequestAborted);
        }

        await end.Run(call.Person!, context.RequestAborted);
        return DfnsJson.Success;
    }

    private static async Task<IResult> SessionToken(HttpContext context, DfnsTokens tokens, ReadOwnAccount accounts, DfnsCall call, OpenedSession opened)
    {
        var account = await accounts.Run(call.Visitor.Tenant, opened.Session.Account, context.RequestAborted);
        return account is null
            ? DfnsError.NotAuthorized
            : DfnsJson.Ok(new { token = await TokenOf(context, tokens, call, TokenKind.Token, opened.Token.Reveal(), account, SessionLifetime) });
    }
}
