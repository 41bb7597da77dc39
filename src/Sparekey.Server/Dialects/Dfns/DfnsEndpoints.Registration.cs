using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Invitations;

namespace Sparekey.Server.Dialects.Dfns;

/// <content>Inviting people, and their first credentials.</content>
internal static partial class DfnsEndpoints
{
    private static async Task<IResult> Invite(HttpContext context, DfnsGate gate, InviteAccount invite, DfnsTokens tokens)
    {
        var (call, error) = await Acting(context, gate, gate.Programme);
        if (call is null)
        {
            return error!;
        }

        if (Mapping.Text(call.Body, "email") is not { } name)
        {
            return DfnsError.Malformed("email must be a text");
        }

        var kind = Mapping.Text(call.Body, "kind") ?? "EndUser";
        if (kind is not ("EndUser" or "CustomerEmployee"))
        {
            return DfnsError.Malformed("kind must be EndUser or CustomerEmployee");
        }

        var isAddress = name.Contains('@', StringComparison.Ordinal);
        var wanted = new NewAccount
        {
            Emails = isAddress ? [name.Trim()] : [],
            Username = isAddress ? null : name.Trim(),
            Kind = kind == "EndUser" ? AccountKind.Customer : AccountKind.Employee,
            ExternalIds = Mapping.Text(call.Body, "externalId") is { } id ? [new ExternalId("dfns_external", id)] : [],
        };
        return await Invited(
            context, tokens, call, "CreateDelegatedRegistrationChallenge", await invite.Run(call.Programme!, wanted, call.Application.Id, context.RequestAborted));
    }

    private static async Task<IResult> InviteAgain(HttpContext context, DfnsGate gate, InviteAccount invite, DfnsTokens tokens)
    {
        var (call, error) = await Acting(context, gate, gate.Programme);
        return call is null ? error!
            : (Mapping.Text(call.Body, "email") ?? Mapping.Text(call.Body, "username")) is not { } name ? DfnsError.Malformed("email must be a text")
            : await Invited(
                context, tokens, call, "RestartDelegatedRegistration", await invite.Again(call.Programme!, name, call.Application.Id, context.RequestAborted));
    }

    private static async Task<IResult> Invited(HttpContext context, DfnsTokens tokens, DfnsCall call, string operation, Result<Invitation> invited)
    {
        if (invited.Refusal is { } refused)
        {
            return Forbidden(call, refused, operation);
        }

        var invitation = invited.Value;
        var token = await TokenOf(context, tokens, call, TokenKind.Temp, invitation.Token.Reveal(), invitation.Account, TemporaryLifetime);
        return DfnsJson.Ok(DfnsAnswers.Registration(invitation.Account, invitation.Challenge, invitation.Passkey, token));
    }

    private static async Task<IResult> Register(HttpContext context, DfnsGate gate, AcceptInvitation accept)
    {
        var (call, error) = await gate.Temporary(context, TokenKind.Temp);
        if (call is null)
        {
            return error!;
        }

        var brought = Mapping.ReadNew(call.Body);
        if (brought.Refusal is { } malformed)
        {
            return Errors.Of(malformed);
        }

        var accepted = await accept.Run(call.Visitor, call.Token!.Inner, brought.Value, HandleOf(call.Token), context.RequestAborted);
        return accepted.Refusal is { } refused
            ? Errors.Of(refused)
            : DfnsJson.Ok(DfnsAnswers.Registered(accepted.Value.Account, call.OrgId, accepted.Value.Bound[0], IsProtected(brought.Value)));
    }
}
