using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Core.Recoveries;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Access;
using Sparekey.Engine.Accounts;
using Sparekey.Engine.Credentials;
using Sparekey.Engine.Invitations;
using Sparekey.Engine.Recoveries;
using Sparekey.Engine.Sessions;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Dfns;

/// <summary>
/// Dfns's routes for authentication and recovery, as its own clients call them. Every answer is 200 with a JSON body, every error JSON in
/// their shape.
/// </summary>
internal static class DfnsEndpoints
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

    private static async Task<IResult> ListCredentials(HttpContext context, DfnsGate gate, DescribeCredentials describe)
    {
        var (call, error) = await gate.Person(context);
        return call is null
            ? error!
            : DfnsJson.Ok(new { items = (await describe.Run(call.Person!, context.RequestAborted)).Select(DfnsAnswers.Listed) });
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

    // Contract A7: 1. the bearer; 2. the form; the rest is the engine's, in the contract's order.
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

    private static async Task<IResult> SessionToken(HttpContext context, DfnsTokens tokens, ReadOwnAccount accounts, DfnsCall call, OpenedSession opened)
    {
        var account = await accounts.Run(call.Visitor.Tenant, opened.Session.Account, context.RequestAborted);
        return account is null
            ? DfnsError.NotAuthorized
            : DfnsJson.Ok(new { token = await TokenOf(context, tokens, call, TokenKind.Token, opened.Token.Reveal(), account, SessionLifetime) });
    }

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

    private static string? KindAsked(DfnsCall call, string member) =>
        Mapping.Text(call.Body, member) is "Fido2" or "Key" or "PasswordProtectedKey" or "RecoveryKey" ? Mapping.Text(call.Body, member) : null;

    private static Reason? ReasonOf(DfnsCall call)
    {
        var reason = Mapping.Object(call.Body, "reason");
        return reason.ValueKind == System.Text.Json.JsonValueKind.Undefined ? null
            : new Reason(Short(Mapping.Text(reason, "code"), 64), Short(Mapping.Text(reason, "text"), 1000), Short(Mapping.Text(reason, "ticket"), 64));
    }

    private static string? Short(string? text, int longest) => text is null || text.Length <= longest ? text : text[..longest];
}
