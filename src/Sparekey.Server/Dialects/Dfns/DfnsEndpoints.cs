using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Credentials;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Dfns;

/// <summary>
/// Dfns's routes for authentication and recovery, as its own clients call them. Every answer is 200 with a JSON body, every error JSON in
/// their shape.
/// </summary>
internal static partial class DfnsEndpoints
{
    private const string AllowedHeaders =
        "authorization, content-type, x-dfns-appid, x-dfns-nonce, x-dfns-appsecret, x-dfns-apisignature, x-dfns-useraction, x-dfns-sdk-version";

    private const string PersonsProof = "a person's token";
    private const string ProgrammesProof = "a service account's token";

    private static readonly TimeSpan SessionLifetime = TimeSpan.FromHours(1);
    private static readonly TimeSpan TemporaryLifetime = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan ChallengeLifetime = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan ActionLifetime = TimeSpan.FromMinutes(2);
    private static readonly string[] PutAndPost = ["PUT", "POST"];

    // Browsers ask with OPTIONS before they call.
    private static readonly string[] AnyMethod = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];

    /// <summary>Opens the doors.</summary>
    /// <param name="root">The root of all routes: the clients drop every path prefix.</param>
    public static void Map(IEndpointRouteBuilder root)
    {
        var auth = root.MapGroup("/auth").ExcludeFromDescription().WithMetadata(new ProblemForDialect(Errors.Write), new CrossOrigin(AllowedHeaders));
        auth.MapPost("/action/init", BeginAction).RequireDialectProof("a token");
        auth.MapPost("/action", SignAction).RequireDialectProof("a token");

        auth.MapPost("/registration/delegated", Invite).RequireDialectProof(ProgrammesProof);
        auth.MapPost("/registration/delegated/restart", InviteAgain).RequireDialectProof(ProgrammesProof);
        auth.MapPost("/registration", Register).RequireDialectProof("an invitation's token");

        auth.MapPost("/login/init", BeginLogin).Public("Whoever signs in has nothing yet that proves them.").AnswerOnTheBeat();
        auth.MapPost("/login/code", SendLoginCode).Public("Whoever signs in has nothing yet that proves them.").AnswerOnTheBeat();
        auth.MapPost("/login", Login).Public("The signature in the body is the proof.").AnswerOnTheBeat();
        auth.MapPost("/login/delegated", LoginDelegated).RequireDialectProof(ProgrammesProof);
        auth.MapMethods("/logout", PutAndPost, Logout).RequireDialectProof(PersonsProof);

        auth.MapGet("/credentials", ListCredentials).RequireDialectProof(PersonsProof);
        auth.MapPost("/credentials/init", BeginCredential).RequireDialectProof(PersonsProof);
        auth.MapPost("/credentials", AddCredential).RequireDialectProof(PersonsProof);
        auth.MapPut("/credentials/activate", Activate).RequireDialectProof(PersonsProof);
        auth.MapPut("/credentials/deactivate", Deactivate).RequireDialectProof(PersonsProof);
        auth.MapPost("/credentials/code", MakeCode).RequireDialectProof(PersonsProof);
        auth.MapPost("/credentials/code/init", BeginWithCode).Public("The code in the body is the proof.").AnswerOnTheBeat();
        auth.MapPost("/credentials/code/verify", AddWithCode).Public("The challenge in the body was given for a code.").AnswerOnTheBeat();

        auth.MapPost("/recover/user/delegated", Recover).RequireDialectProof(ProgrammesProof);
        auth.MapMethods("/recover/user/code", PutAndPost, SendRecoveryCode).Public("Whoever is locked out has nothing to prove themselves with.").AnswerOnTheBeat();
        auth.MapPost("/recover/user/init", BeginRecovery).Public("The code in the body is the proof.").AnswerOnTheBeat();
        auth.MapPost("/recover/user", CompleteRecovery).RequireDialectProof("a recovery's token");
        auth.MapMethods("/{**rest}", AnyMethod, () => DfnsError.NotFound).Public("There is nothing behind it.").AnswerOnTheBeat();
    }

    // A call that changes something: who may, then the signature.
    private static async Task<(DfnsCall? Call, IResult? Error)> Acting(
        HttpContext context, DfnsGate gate, Func<HttpContext, Task<(DfnsCall? Call, IResult? Error)>> admit)
    {
        var (call, error) = await admit(context);
        if (call is null)
        {
            return (null, error);
        }

        var (action, unsigned) = await gate.Signed(context, call);
        return action is null ? (null, unsigned) : (call, null);
    }

    private static DfnsError Forbidden(DfnsCall call, Refusal refused, string operation) =>
        refused.Code is RefusalCode.PermissionMissing or RefusalCode.AboveCeiling or RefusalCode.OwnAccount
            ? new DfnsError(403, $"ServiceAccount {call.Token?.UserId} is not authorized to perform operation ({operation})")
            : Errors.Of(refused);

    private static async Task<string?> ChallengeOf(HttpContext context, DfnsTokens tokens, DfnsCall call) =>
        Mapping.Text(call.Body, "challengeIdentifier") is { } identifier
        && await tokens.Read(call.Visitor.Tenant, identifier, context.RequestAborted) is { Kind: TokenKind.Challenge } token
            ? token.Inner.Reveal()
            : null;

    private static Task<string> Token(HttpContext context, DfnsTokens tokens, DfnsCall call, TokenKind kind, string inner, TimeSpan lifetime) =>
        tokens.Write(call.Visitor.Tenant, kind, inner, Now(context) + lifetime, call.OrgId, call.Token?.UserId, null, context.RequestAborted);

    private static Task<string> TokenOf(
        HttpContext context, DfnsTokens tokens, DfnsCall call, TokenKind kind, string inner, Account account, TimeSpan lifetime) =>
        tokens.Write(
            call.Visitor.Tenant, kind, inner, Now(context) + lifetime, call.OrgId, DfnsId.OfUser(account), DfnsAnswers.NameOf(account),
            context.RequestAborted);

    private static DateTimeOffset Now(HttpContext context) => context.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow();

    // The clients give the authenticator the bytes of the id's text.
    private static byte[]? HandleOf(DfnsToken token) => token.UserId is { Length: > 0 } id ? System.Text.Encoding.UTF8.GetBytes(id) : null;

    private static bool IsProtected(NewCredentials brought) => brought.First.Key?.EncryptedPrivateKey is not null;
}
