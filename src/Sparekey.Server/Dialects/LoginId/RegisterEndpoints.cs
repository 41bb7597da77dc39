using System.Security.Cryptography;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Registrations;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.LoginId;

/// <summary><c>/register</c>: people make their own accounts, with a passkey or a password.</summary>
internal static class RegisterEndpoints
{
    /// <summary>Maps the routes.</summary>
    /// <param name="group">The mount.</param>
    public static void Map(RouteGroupBuilder group)
    {
        var register = group.MapGroup("/register").Public("Whoever registers has nothing yet to prove themselves with.").CheckOrigin();
        register.MapPost("/fido2/init", Init).AnswerOnTheBeat();
        register.MapPost("/fido2/complete", Complete).AnswerOnTheBeat();
        register.MapPost("/password", WithPassword).AnswerOnTheBeat();
    }

    private static async Task<IResult> Init(HttpContext context, ClientGate gate, RegisterWithPasskey register)
    {
        var (body, malformed) = await Bodies.Read<InitBody>(context);
        if (body is null)
        {
            return malformed!;
        }

        var (call, error) = await gate.VouchedIfPrivate(context, body.ClientId, Scopes.Register);
        if (call is null)
        {
            return error!;
        }

        if (FaultOf(call, body.Username) is { } fault)
        {
            return fault;
        }

        return (await register.Begin(call.Visitor, RegistrationOf(call, body.Username!), context.RequestAborted)).ToAnswer(
            creation => new InitView(
                Mapping.Attestation(creation, body.Username!, body.Options), RandomNumberGenerator.GetHexString(32, lowercase: true)));
    }

    private static async Task<IResult> Complete(HttpContext context, ClientGate gate, RegisterWithPasskey register, AnswerWriter answers)
    {
        var (body, malformed) = await Bodies.Read<AttestationBody>(context);
        if (body is null)
        {
            return malformed!;
        }

        var (call, error) = await gate.Open(context, body.ClientId);
        if (call is null)
        {
            return error!;
        }

        if (body.AttestationPayload is not { CredentialId: { } id, ClientData: { } client, AttestationData: { } data })
        {
            return LoginIdError.Missing("attestation_payload");
        }

        if (string.IsNullOrEmpty(body.Username))
        {
            return LoginIdError.Missing("username");
        }

        var made = new NewPasskey(CredentialNames.Bare(id), CredentialNames.Bare(client), CredentialNames.Bare(data), []);
        var called = CredentialNames.Of(body.Options?.CredentialName, context);
        var done = await register.Run(
            call.Visitor, call.Application.Id, Names.Registered(body.Username), made, called, context.RequestAborted);
        return done.Refusal is { } refusal
            ? new Problem(refusal)
            : await answers.Write(
                context, call, done.Value.Account, new ResultCredential(done.Value.Credential, "public_key", called), null, body.NoJwt);
    }

    private static async Task<IResult> WithPassword(HttpContext context, ClientGate gate, RegisterWithPassword register, AnswerWriter answers)
    {
        var (body, malformed) = await Bodies.Read<PasswordBody>(context);
        if (body is null)
        {
            return malformed!;
        }

        var (call, error) = await gate.VouchedIfPrivate(context, body.ClientId, Scopes.Register);
        if (call is null)
        {
            return error!;
        }

        if (FaultOf(call, body.Username) is { } fault)
        {
            return fault;
        }

        if (body.Password is not { } password)
        {
            return LoginIdError.Missing("password");
        }

        if (body.PasswordConfirmation is { } again && again.Reveal() != password.Reveal())
        {
            return LoginIdError.Invalid("password_confirmation");
        }

        var done = await register.Run(call.Visitor, RegistrationOf(call, body.Username!), password, context.RequestAborted);
        return done.Refusal is { } refusal
            ? new Problem(refusal)
            : await answers.Write(
                context, call, done.Value.Account,
                new ResultCredential(done.Value.Credential, Mapping.TypeOf(CredentialKind.Password), Mapping.TypeOf(CredentialKind.Password)), null, body.NoJwt);
    }

    private static LoginIdError? FaultOf(ClientCall call, string? username) =>
        string.IsNullOrEmpty(username) ? LoginIdError.Missing("username")
        : call.Token is { Username: { } meant } && meant != username ? LoginIdError.Unauthorized
        : null;

    private static Registration RegistrationOf(ClientCall call, string username) => new(call.Application.Id, Names.Registered(username))
    {
        Programme = call.Caller,
        Membership = (ClientIds.Dialect, call.Namespace),
    };

    private sealed record InitView(object AttestationPayload, string RegisterSession);
}
