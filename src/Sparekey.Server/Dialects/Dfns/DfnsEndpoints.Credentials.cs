using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Credentials;

namespace Sparekey.Server.Dialects.Dfns;

/// <content>A person's own credentials.</content>
internal static partial class DfnsEndpoints
{
    private static async Task<IResult> ListCredentials(HttpContext context, DfnsGate gate, DescribeCredentials describe)
    {
        var (call, error) = await gate.Person(context);
        return call is null
            ? error!
            : DfnsJson.Ok(new
            {
                // What this product has no kind for is left out.
                items = (await describe.Run(call.Person!, context.RequestAborted))
                    .Where(c => c.Credential.Kind is not (CredentialKind.RecoveryCodes or CredentialKind.ExternalLogin or CredentialKind.Escrow))
                    .Select(DfnsAnswers.Listed),
            });
    }

    private static async Task<IResult> BeginCredential(HttpContext context, DfnsGate gate, AddCredential add, DfnsTokens tokens)
    {
        var (call, error) = await gate.Person(context);
        return call is null ? error!
            : KindAsked(call, "kind") is not { } kind ? DfnsError.Malformed("kind must be Fido2, Key, PasswordProtectedKey or RecoveryKey")
            : await Offered(
                context, tokens, call, kind,
                await add.Begin(call.Visitor, call.Person!.Session.Account, call.Application.Id, context.RequestAborted));
    }

    private static async Task<IResult> BeginWithCode(HttpContext context, DfnsGate gate, AddCredential add, DfnsTokens tokens)
    {
        var (call, error) = await gate.Open(context);
        return call is null ? error!
            : Mapping.Text(call.Body, "code") is not { } code || KindAsked(call, "credentialKind") is not { } kind
                ? DfnsError.Malformed("code and credentialKind are needed")
            : await Offered(
                context, tokens, call, kind, await add.BeginWithCode(call.Visitor, new SecretText(code), call.Application.Id, context.RequestAborted));
    }

    private static async Task<IResult> Offered(HttpContext context, DfnsTokens tokens, DfnsCall call, string kind, Result<CredentialOffer> offered)
    {
        if (offered.Refusal is { } refused)
        {
            return Errors.Of(refused);
        }

        var offer = offered.Value;
        var token = await TokenOf(context, tokens, call, TokenKind.Challenge, offer.Challenge, offer.Account, ChallengeLifetime);
        var answer = DfnsAnswers.Registration(offer.Account, offer.Challenge, offer.Passkey, token);
        answer["kind"] = kind;
        answer["challengeIdentifier"] = token;
        return DfnsJson.Ok(answer);
    }

    private static async Task<IResult> AddCredential(HttpContext context, DfnsGate gate, AddCredential add, DescribeCredentials describe, DfnsTokens tokens)
    {
        var (call, error) = await gate.Person(context);
        if (call is null)
        {
            return error!;
        }

        var (action, unsigned) = await gate.Signed(context, call);
        return action is null ? unsigned! : await Added(context, tokens, call, add, describe, action);
    }

    private static async Task<IResult> AddWithCode(HttpContext context, DfnsGate gate, AddCredential add, DescribeCredentials describe, DfnsTokens tokens)
    {
        var (call, error) = await gate.Open(context);
        return call is null ? error! : await Added(context, tokens, call, add, describe, null);
    }

    private static async Task<IResult> Added(
        HttpContext context, DfnsTokens tokens, DfnsCall call, AddCredential add, DescribeCredentials describe, SignedAction? action)
    {
        var identifier = Mapping.Text(call.Body, "challengeIdentifier") ?? "";
        if (await tokens.Read(call.Visitor.Tenant, identifier, context.RequestAborted) is not { Kind: TokenKind.Challenge } token)
        {
            return DfnsError.ChallengeTokenInvalid;
        }

        var brought = Mapping.ReadOne(call.Body, "", flattened: true);
        if (brought.Refusal is { } malformed)
        {
            return Errors.Of(malformed);
        }

        var added = await add.Run(call.Visitor, action, token.Inner.Reveal(), brought.Value, HandleOf(token), context.RequestAborted);
        return added.Refusal switch
        {
            { Code: RefusalCode.ChallengeRefused } => DfnsError.ChallengeTokenInvalid,
            { } refused => Errors.Of(refused),
            null => DfnsJson.Ok(DfnsAnswers.Listed(await describe.One(call.Visitor, added.Value, context.RequestAborted))),
        };
    }

    private static Task<IResult> Activate(HttpContext context, DfnsGate gate, SuspendCredential suspend) =>
        SetState(context, gate, suspend, CredentialState.Active);

    private static Task<IResult> Deactivate(HttpContext context, DfnsGate gate, SuspendCredential suspend) =>
        SetState(context, gate, suspend, CredentialState.Suspended);

    private static async Task<IResult> SetState(HttpContext context, DfnsGate gate, SuspendCredential suspend, CredentialState state)
    {
        var (call, error) = await gate.Person(context);
        if (call is null)
        {
            return error!;
        }

        var (action, unsigned) = await gate.Signed(context, call);
        if (action is null)
        {
            return unsigned!;
        }

        if (Mapping.Text(call.Body, "credentialUuid") is not { } uuid || DfnsId.ReadCredential(uuid) is not { } id)
        {
            return DfnsError.Malformed("credentialUuid must be the uuid of a credential");
        }

        var changed = await suspend.Run(call.Visitor, action, id, state, context.RequestAborted);
        return changed.Refusal is { } refused ? Errors.Of(refused) : DfnsJson.Success;
    }

    private static async Task<IResult> MakeCode(HttpContext context, DfnsGate gate, AddCredential add)
    {
        var (call, error) = await gate.Person(context);
        if (call is null)
        {
            return error!;
        }

        var (action, unsigned) = await gate.Signed(context, call);
        if (action is null)
        {
            return unsigned!;
        }

        if (!Expiration.TryRead(call.Body, out var until))
        {
            return DfnsError.Malformed("expiration must be a time");
        }

        var made = await add.MakeCode(call.Visitor, action, until, context.RequestAborted);
        return made.Refusal is { } refused
            ? Errors.Of(refused)
            : DfnsJson.Ok(new { code = made.Value.Code.Reveal(), expiration = made.Value.ExpiresAt });
    }

    private static string? KindAsked(DfnsCall call, string member) =>
        Mapping.Text(call.Body, member) is "Fido2" or "Key" or "PasswordProtectedKey" or "RecoveryKey" ? Mapping.Text(call.Body, member) : null;
}
