using System.Text;
using System.Text.Json.Nodes;
using System.Security.Cryptography;
using System.Buffers.Text;
using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Credentials.Escrow.Identity;
using Sparekey.Engine.Sessions;
using Sparekey.Server.Http;

namespace Sparekey.Server.Dialects.Passbolt;

/// <summary>Signing in: GPGAuth 1.3.0 for browsers, signed challenges with access tokens for programmes.</summary>
internal static class AuthEndpoints
{
    private const string RefreshCookie = "refresh_token";
    private const string Version = "X-GPGAuth-Version";
    private const string Progress = "X-GPGAuth-Progress";
    private const string Authenticated = "X-GPGAuth-Authenticated";

    /// <summary>Maps the routes.</summary>
    /// <param name="root">The dialect's group.</param>
    public static void Map(RouteGroupBuilder root)
    {
        const string nothingYet = "Whoever signs in has nothing yet that proves them.";
        root.MapGet("/auth/verify.json", ServerKey).For(DoorFor.Anybody, "AuthVerify.verifyGet").Public("A public key is for everybody.");
        root.MapPost("/auth/verify.json", Prove).For(DoorFor.Anybody, "AuthVerify.verifyPost").WithMetadata(new WithoutCsrf()).Public(nothingYet);
        root.MapPost("/auth/login.json", Login).For(DoorFor.Anybody, "AuthLogin.loginPost").WithMetadata(new WithoutCsrf()).Public(nothingYet);
        root.MapGet("/auth/is-authenticated.json", IsAuthenticated).For(DoorFor.People, "AuthIsAuthenticated.isAuthenticated").RequireDialectProof(PassboltEndpoints.Proof);
        root.MapPost("/auth/logout.json", Logout).For(DoorFor.Anybody, "AuthLogout.logoutPost").Public("It ends the caller's own session, if there is one.");

        root.MapGet("/auth/jwt/rsa.json", AccessKey).For(DoorFor.Anybody, "JwksGet.rsa").Public("A public key is for everybody.");
        root.MapGet("/auth/jwt/jwks.json", AccessKeys).For(DoorFor.Anybody, "JwksGet.jwks").Public("A public key is for everybody.");
        root.MapPost("/auth/jwt/login.json", JwtLogin).For(DoorFor.Anybody, "JwtLogin.loginPost").WithMetadata(new WithoutCsrf()).Public(nothingYet);
        root.MapPost("/auth/jwt/refresh.json", Refresh).For(DoorFor.Anybody, "RefreshToken.refreshPost").WithMetadata(new WithoutCsrf())
            .Public("The refresh token is the proof.");
        root.MapPost("/auth/jwt/logout.json", JwtLogout).For(DoorFor.People, "JwtLogout.logoutPost").RequireDialectProof(PassboltEndpoints.Proof);
    }

    private static Task<IResult> ServerKey(HttpContext context, CancellationToken _)
    {
        var server = context.Passbolt().Server;
        Announce(context);
        return Task.FromResult<IResult>(new PassboltAnswer(new JsonObject { ["fingerprint"] = server.Fingerprint, ["keydata"] = server.ArmoredKey }));
    }

    private static async Task<IResult> Prove(HttpContext context, SignInWithOpenPgp signIn)
    {
        Announce(context);
        var sent = await PassboltBody.ReadSignIn(context);
        if (sent.Refusal is { } malformed)
        {
            return new Problem(malformed);
        }

        if (sent.Value.ServerToken is not { } encrypted)
        {
            return Failed(context, "stage0", 400, "The server verify token is missing.");
        }

        var proved = await signIn.Prove(context.Visitor(), sent.Value.KeyId, encrypted, context.RequestAborted);
        if (proved.Refusal is { } refused)
        {
            return refused.Faults is [{ Rule: "user_unknown" }] ? Failed(context, "stage0", 404, "There is no user associated with this key.")
                : refused.Code == RefusalCode.SignInFailed ? Failed(context, "stage0", 400, "The server verify token cannot be decrypted, or is none.") : new Problem(refused);
        }

        context.Response.Headers[Progress] = "stage0";
        context.Response.Headers["X-GPGAuth-Verify-Response"] = proved.Value;
        return new PassboltAnswer(null);
    }

    private static async Task<IResult> Login(HttpContext context, SignInWithOpenPgp signIn, ReadOpenPgpPeople people)
    {
        Announce(context);
        if (context.Request.Headers.Authorization.Count > 0)
        {
            return PassboltError.Malformed("Whoever has an access token signs in with nothing else.");
        }

        var sent = await PassboltBody.ReadSignIn(context);
        if (sent.Refusal is { } malformed)
        {
            return new Problem(malformed);
        }

        return sent.Value.Token is { } token
            ? await Complete(context, signIn, people, sent.Value.KeyId, token)
            : await Begin(context, signIn, sent.Value.KeyId);
    }

    private static async Task<IResult> Begin(HttpContext context, SignInWithOpenPgp signIn, string? fingerprint)
    {
        var begun = await signIn.Begin(context.Visitor(), fingerprint, context.RequestAborted);
        if (begun.Refusal is { } refused)
        {
            return refused.Code == RefusalCode.SignInFailed ? Failed(context, "stage0", 404, "There is no user associated with this key.") : new Problem(refused);
        }

        context.Response.Headers[Progress] = "stage1";
        context.Response.Headers["X-GPGAuth-User-Auth-Token"] = Quoted(begun.Value);

        // The vendor's words for "not yet".
        return new PassboltAnswer(JsonValue.Create("")) { IsSuccess = false, Message = "The authentication failed." };
    }

    private static async Task<IResult> Complete(HttpContext context, SignInWithOpenPgp signIn, ReadOpenPgpPeople people, string? fingerprint, SecretText token)
    {
        var opened = await signIn.Run(context.Visitor(), fingerprint, token.Reveal(), context.RequestAborted);
        if (opened.Refusal is { } refused)
        {
            return refused.Code == RefusalCode.SignInFailed ? Failed(context, "stage2", 403, "The user token result is not valid, or has expired.") : new Problem(refused);
        }

        PassboltGate.SetSession(context, opened.Value.Token);
        context.Response.Headers[Progress] = "complete";
        context.Response.Headers[Authenticated] = "true";
        context.Response.Headers["X-GPGAuth-Refer"] = "/";
        var person = await people.Find(context.Visitor(), opened.Value.Session.Account, context.RequestAborted);
        return new PassboltAnswer(person is null ? null : PassboltMapping.User(person)) { Message = "You are successfully logged in." };
    }

    private static Task<IResult> IsAuthenticated(HttpContext context, CancellationToken _) => Task.FromResult<IResult>(new PassboltAnswer(null));

    private static async Task<IResult> Logout(HttpContext context, EndSession end)
    {
        if (context.Passbolt().Who is { } who)
        {
            await end.Run(who.Person, context.RequestAborted);
            PassboltGate.SetSession(context, null);
        }

        return new PassboltAnswer(null) { Message = "You are successfully logged out." };
    }

    private static Task<IResult> AccessKey(HttpContext context, CancellationToken _) =>
        Task.FromResult<IResult>(new PassboltAnswer(new JsonObject { ["keydata"] = context.Passbolt().Server.AccessKeyPem }));

    // As programmes' libraries read it (RFC 7517): without the vendor's frame.
    private static Task<IResult> AccessKeys(HttpContext context, CancellationToken _)
    {
        var server = context.Passbolt().Server;
        using var key = RSA.Create();
        key.ImportFromPem(server.AccessKeyPem);
        var numbers = key.ExportParameters(includePrivateParameters: false);
        return Task.FromResult(Results.Json(new JsonObject
        {
            ["keys"] = new JsonArray(new JsonObject
            {
                ["kty"] = "RSA",
                ["alg"] = "RS256",
                ["use"] = "sig",
                ["kid"] = server.AccessKeyId,
                ["n"] = Base64Url.EncodeToString(numbers.Modulus),
                ["e"] = Base64Url.EncodeToString(numbers.Exponent),
            }),
        }));
    }

    private static async Task<IResult> JwtLogin(HttpContext context, SignInWithChallenge signIn)
    {
        var body = await PassboltBody.Read(context);
        if (body.Refusal is { } malformed)
        {
            return new Problem(malformed);
        }

        if (!Ids.TryParse<AccountId>(body.Value.Text("user_id"), out var user))
        {
            return PassboltError.Malformed("The user id is missing or invalid.");
        }

        if (body.Value.Text("challenge") is not { } challenge)
        {
            return PassboltError.Malformed("The challenge is missing or invalid.");
        }

        var answered = await signIn.Run(context.Visitor(), user, challenge, context.RequestAborted);
        return answered.Refusal is { } refused
            ? SignInError(refused)
            : new PassboltAnswer(new JsonObject { ["challenge"] = answered.Value });
    }

    private static async Task<IResult> Refresh(HttpContext context, RefreshOpenPgpSession refresh, PassboltGate gate)
    {
        var body = await PassboltBody.Read(context);
        if (body.Refusal is { } malformed)
        {
            return new Problem(malformed);
        }

        var (token, user) = (body.Value.Text("refresh_token"), (AccountId?)null);
        if (token is not null)
        {
            if (!Ids.TryParse<AccountId>(body.Value.Text("user_id"), out var named))
            {
                return PassboltError.Malformed("The user id is missing or invalid.");
            }

            user = named;
        }
        else if (await gate.FaultOfForgery(context) is { } forged)
        {
            return forged; // The cookie comes by itself, so that it proves nothing about who sends the call.
        }

        if ((token ?? context.Request.Cookies[RefreshCookie]) is not { Length: 36 } presented)
        {
            return PassboltError.Malformed("The refresh token is missing or invalid.");
        }

        var next = await refresh.Run(context.Visitor(), user, new SecretText(presented), context.RequestAborted);
        if (next.Refusal is { } refused)
        {
            return SignInError(refused);
        }

        PassboltGate.SetCookie(context, RefreshCookie, next.Value.RefreshToken.Reveal(), httpOnly: true, SignInLifetimes.Refresh);
        return new PassboltAnswer(new JsonObject { ["access_token"] = next.Value.AccessToken.Reveal() });
    }

    private static async Task<IResult> JwtLogout(HttpContext context, RefreshOpenPgpSession refresh)
    {
        var body = await PassboltBody.Read(context);
        if (body.Refusal is { } malformed)
        {
            return new Problem(malformed);
        }

        var token = body.Value.Text("refresh_token");
        var ended = await refresh.End(context.Passbolt().Session, token is null ? null : new SecretText(token), context.RequestAborted);
        PassboltGate.SetCookie(context, RefreshCookie, null, httpOnly: true);
        return ended.Refusal is { } refused ? SignInError(refused) : new PassboltAnswer(null);
    }

    private static IResult SignInError(Refusal refusal)
    {
        if (refusal.Code != RefusalCode.SignInFailed)
        {
            return new Problem(refusal);
        }

        var rule = refusal.Faults is [{ Rule: { } named }, ..] ? named : "";
        return WireName.TryParse<SignInFault>(rule, out var fault)
            ? fault switch
            {
                SignInFault.UserUnknown => new PassboltError(404, "The user does not exist or is not active."),
                SignInFault.Malformed => new PassboltError(400, "The credentials are invalid."),
                SignInFault.NonceInvalid => new PassboltError(401, "The refresh token is invalid or has expired."),
                _ => new PassboltError(401, refusal.Faults[0].Detail),
            }
            : new PassboltError(401, "The credentials are invalid.");
    }

    private static void Announce(HttpContext context)
    {
        context.Response.Headers[Version] = "1.3.0";
        context.Response.Headers[Authenticated] = "false";
    }

    private static PassboltError Failed(HttpContext context, string stage, int status, string sentence)
    {
        context.Response.Headers[Progress] = stage;
        context.Response.Headers["X-GPGAuth-Error"] = "true";
        context.Response.Headers["X-GPGAuth-Debug"] = sentence;
        return new PassboltError(status, sentence);
    }

    // URL-encoded with a plus sign for a blank, then with a backslash before what means something in patterns.
    private static string Quoted(string text)
    {
        var quoted = new StringBuilder(text.Length * 2);
        foreach (var c in text)
        {
            _ = c switch
            {
                ' ' => quoted.Append("\\+"),
                '.' => quoted.Append("\\."),
                '-' or '_' => quoted.Append(c),
                _ when char.IsAsciiLetterOrDigit(c) => quoted.Append(c),
                _ => quoted.Append('%').Append(((int)c).ToString("X2", System.Globalization.CultureInfo.InvariantCulture)),
            };
        }

        return quoted.ToString();
    }
}
