using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.PersonalCodes;
using Sparekey.Engine.Sessions;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.LoginId;

/// <summary><c>/authenticate</c>: signing in with a passkey, a password, a key, or a code that somebody authorises meanwhile.</summary>
internal static class AuthenticateEndpoints
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500);

    /// <summary>Maps the routes.</summary>
    /// <param name="group">The mount.</param>
    public static void Map(RouteGroupBuilder group)
    {
        var authenticate = group.MapGroup("/authenticate").Public("Whoever signs in proves themselves by what is in the body.").CheckOrigin();
        authenticate.MapPost("/fido2/init", Init).AnswerOnTheBeat();
        authenticate.MapPost("/fido2/complete", Complete).AnswerOnTheBeat();
        authenticate.MapPost("/password", WithPassword).AnswerOnTheBeat();
        authenticate.MapPost("/code/wait", WaitForCode).AnswerOnTheBeat();
    }

    private static async Task<IResult> Init(
        HttpContext context, ClientGate gate, PasskeySignIn passkeys, FindMember members)
    {
        var (body, malformed) = await Bodies.Read<InitBody>(context);
        if (body is null)
        {
            return malformed!;
        }

        var (call, error) = await gate.VouchedIfPrivate(context, body.ClientId, Scopes.Login);
        return call is null ? error! : await passkeys.Begin(context, call, members, body.Username);
    }

    private static async Task<IResult> Complete(
        HttpContext context, ClientGate gate, PasskeySignIn passkeys, FindMember members, AnswerWriter answers)
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

        var (signedIn, refused) = await passkeys.Complete(context, call, members, body);
        return signedIn is null
            ? refused!
            : await answers.Write(context, call, signedIn.User, signedIn.Credential, signedIn.Session, body.NoJwt);
    }

    private static async Task<IResult> WithPassword(
        HttpContext context, ClientGate gate, SignIn signIn, FindMember members, AnswerWriter answers)
    {
        var (body, malformed) = await Bodies.Read<PasswordBody>(context);
        if (body is null)
        {
            return malformed!;
        }

        var (call, error) = await gate.VouchedIfPrivate(context, body.ClientId, Scopes.Login);
        if (call is null)
        {
            return error!;
        }

        if (body is not { Username: { } username, Password: { } password })
        {
            return LoginIdError.Missing(body.Username is null ? "username" : "password");
        }

        var opened = await signIn.Run(
            call.Visitor, await IdentifierOf(context, call, members, username), password, context.RequestAborted);
        if (opened.Refusal is { } refusal)
        {
            return new Problem(refusal);
        }

        return opened.Value.Session is { RestrictedTo: not null }
            ? LoginIdError.PasswordChangeRequired
            : await Write(context, call, members, answers, opened.Value.Session, Mapping.TypeOf(CredentialKind.Password), body.NoJwt);
    }

    // Waits as long as the code is only waiting for somebody to authorise it. The time is that of the caller's own clock.
    private static async Task<IResult> WaitForCode(
        HttpContext context, ClientGate gate, SignInWithCode signIn, FindMember members, AnswerWriter answers)
    {
        var (body, malformed) = await Bodies.Read<WaitBody>(context);
        if (body is null)
        {
            return malformed!;
        }

        var (call, error) = await gate.VouchedIfPrivate(context, body.ClientId, Scopes.Temporary);
        if (call is null)
        {
            return error!;
        }

        if (body.AuthenticationCode is not { Code: { } code } || CodeType.Of(body.AuthenticationCode.Type ?? "short") is not { } type)
        {
            return LoginIdError.Missing("authentication_code");
        }

        var (user, unknown) = await gate.UserOf(context, call, body.UserId, body.Username);
        if (unknown is not null)
        {
            return unknown;
        }

        var attempt = new CodeTry(body.Username ?? body.UserId!, user?.Id, call.Application.Id, call.Namespace, type.Format, code)
        {
            IsVouchedFor = call.Caller is not null,
        };
        using var looks = new PeriodicTimer(Look);
        var left = body.NoWait == true ? 0 : (int)(LongestWait / Look);
        for (var isAgain = false; ; isAgain = true)
        {
            var opened = await signIn.Run(call.Visitor, attempt, isAgain, context.RequestAborted);
            if (opened.Refusal is null)
            {
                return await Write(context, call, members, answers, opened.Value.Session, null, body.NoJwt);
            }

            if (opened.Refusal.Code != RefusalCode.RequirementsOpen || left-- == 0)
            {
                return Errors.OfCode(opened.Refusal, attempt.IsVouchedFor || opened.Refusal.Code == RefusalCode.RequirementsOpen);
            }

            await looks.WaitForNextTickAsync(context.RequestAborted);
        }
    }

    private static async Task<IResult> Write(
        HttpContext context, ClientCall call, FindMember members, AnswerWriter answers, Session session, string? type, bool? noJwt) =>
        await members.Run(call.Visitor.Tenant, ClientIds.Dialect, call.Namespace, session.Account, context.RequestAborted) is { } user
            ? await answers.Write(
                context, call, user,
                type is not null && session.Credential is { } credential ? new ResultCredential(credential, type, type) : null, session, noJwt)
            : new Problem(RefusalCode.SignInFailed);

    // A name that is nobody's here must not sign somebody else in who is called so elsewhere: it becomes one that nobody can have.
    private static async Task<string> IdentifierOf(HttpContext context, ClientCall call, FindMember members, string username) =>
        (await members.Run(call.Visitor.Tenant, ClientIds.Dialect, call.Namespace, Names.Candidates(username), context.RequestAborted))?.Identifier
            ?? $"{username} .";
}
