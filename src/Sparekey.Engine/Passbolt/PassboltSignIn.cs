using System.Buffers.Text;
using System.Collections.Immutable;
using System.Net;
using System.Text.Json.Nodes;
using System.Text.Json;
using System.Text;
using Sparekey.Core;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Passbolt;

/// <summary>What signing in came to.</summary>
/// <param name="Session">The session; null when there is none.</param>
/// <param name="Fault">Why there is none.</param>
internal sealed record SignedIn(PassboltSession? Session, PassboltAnswer Fault)
{
    /// <summary>It failed.</summary>
    /// <param name="fault">Why.</param>
    public static SignedIn No(PassboltFault fault) => new(null, new PassboltAnswer(fault));

    /// <summary>Shows nothing of the session.</summary>
    public override string ToString() => $"[{Fault}]";
}

/// <summary>
/// Signs the companion's user in: by JWT, and where the server has none by GPGAuth. Either way the server first proves that it holds the
/// key that was seen first, and the challenge that it is sent is good for this server alone.
/// </summary>
/// <param name="http">The way there.</param>
/// <param name="options">As whom.</param>
/// <param name="keys">The user's key.</param>
/// <param name="pins">Knows the server's key.</param>
/// <param name="acts">Reads the clock and keeps the pin.</param>
internal sealed class PassboltSignIn(
    PassboltHttp http, CompanionOptions options, CompanionKeys keys, CompanionStore pins, Acts acts)
{
    private const string Nonce = "gpgauthv1.3.0";
    private const string Login = "/auth/login.json";

    // A server allows an hour by its own clock, and takes a challenge that is over for an attack: the two clocks may differ by more than a moment.
    private static readonly TimeSpan ChallengeFor = TimeSpan.FromMinutes(15);

    private static readonly TimeSpan RefreshBefore = TimeSpan.FromSeconds(30);

    /// <summary>Signs in.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<SignedIn> Run(CancellationToken cancellationToken)
    {
        try
        {
            var bearer = new PassboltBearer(null, new CookieJar());
            var (serverKey, fault) = await ServerKey(bearer, cancellationToken);
            if (serverKey is null)
            {
                return new SignedIn(null, fault!);
            }

            using var user = keys.OpenUserKey();
            var byToken = await ByToken(serverKey, user, cancellationToken);

            // A server whose token keys are missing or broken has no such route, or fails there.
            var signedIn = byToken.Fault.Fault is PassboltFault.NotFound or PassboltFault.Failing
                ? await ByNonce(bearer, serverKey, user, cancellationToken)
                : byToken;
            if (signedIn.Session is not null)
            {
                // The server has proved that it holds this key. Whoever answers in its place from now on must hold it too.
                await acts.Write(options.Tenant, act => pins.PinServer(act, options, serverKey.Fingerprint), cancellationToken);
            }

            return signedIn;
        }
        catch (Exception e) when (e is SecretFileException or OpenPgpUnavailableException)
        {
            return new SignedIn(null, new PassboltAnswer(PassboltFault.OwnKey) { Why = e.Message });
        }
        catch (OpenPgpException)
        {
            return SignedIn.No(PassboltFault.OwnKey);
        }
    }

    /// <summary>Takes the next access token of a session.</summary>
    /// <param name="session">The session.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The session that goes on; null where one signs in anew.</returns>
    public async Task<PassboltSession?> Refresh(PassboltSession session, CancellationToken cancellationToken)
    {
        if (session.RefreshToken is not { } refresh)
        {
            return null;
        }

        // Without the old access token: with one, and cookies, a server takes it for a call of a page.
        var cookies = new CookieJar();
        cookies.Keep(session.Bearer.Cookies, "passbolt_mfa");
        var answer = await http.Send(
            HttpMethod.Post, "/auth/jwt/refresh.json", new JsonObject { ["user_id"] = options.UserId.ToString("D"), ["refresh_token"] = refresh },
            new PassboltBearer(null, cookies), cancellationToken);
        return answer.Ok && answer.Text("access_token") is { } access && IsBearer(access)
            ? SessionOf(access, cookies.RefreshToken, cookies)
            : null;
    }

    /// <summary>Ends a session; what comes of it changes nothing.</summary>
    /// <param name="session">The session.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task SignOut(PassboltSession session, CancellationToken cancellationToken) => session.Bearer.AccessToken is null
        ? http.Send(HttpMethod.Post, "/auth/logout.json", [], session.Bearer, cancellationToken)
        : http.Send(
            HttpMethod.Post, "/auth/jwt/logout.json",
            session.RefreshToken is { } token ? new JsonObject { ["refresh_token"] = token } : [], session.Bearer, cancellationToken);

    private async Task<(PgpKey? Key, PassboltAnswer? Fault)> ServerKey(PassboltBearer bearer, CancellationToken cancellationToken)
    {
        var answer = await http.Send(HttpMethod.Get, "/auth/verify.json", null, bearer, cancellationToken);
        if (!answer.Ok)
        {
            return (null, answer);
        }

        if (answer.Text("keydata") is not { } armored || RemoteKey.Read(armored) is not { Refusal: null } read
            || answer.Text("fingerprint")?.ToUpperInvariant() != read.Value.Fingerprint)
        {
            return (null, new PassboltAnswer(PassboltFault.Garbage));
        }

        // Before anything is sent that could sign in elsewhere.
        var known = await acts.Read(db => pins.Find(db, options.Tenant), cancellationToken);
        return known?.ServerKey is null || known.Server != options.Server || known.ServerKey == read.Value.Fingerprint
            ? (read.Value, null)
            : (null, new PassboltAnswer(PassboltFault.ServerKeyChanged));
    }

    private async Task<SignedIn> ByToken(PgpKey serverKey, PgpSecretKey user, CancellationToken cancellationToken)
    {
        var (now, token) = (acts.Now, RandomUuid());
        var challenge = JsonSerializer.SerializeToUtf8Bytes(new JsonObject
        {
            ["version"] = "1.0.0", ["domain"] = options.Domain, ["verify_token"] = token,
            ["verify_token_expiry"] = (now + ChallengeFor).ToUnixTimeSeconds(),
        });
        var cookies = new CookieJar();
        var answer = await http.Send(
            HttpMethod.Post, "/auth/jwt/login.json",
            new JsonObject { ["user_id"] = options.UserId.ToString("D"), ["challenge"] = PgpMessages.Encrypt(challenge, serverKey, now, user) },
            new PassboltBearer(null, cookies), cancellationToken);
        if (!answer.Ok)
        {
            return new SignedIn(null, answer.Fault is PassboltFault.Refused or PassboltFault.Forbidden or PassboltFault.NotSignedIn
                ? new PassboltAnswer(PassboltFault.SignInFailed) : answer);
        }

        if (answer.Text("challenge") is not { } armored || PgpMessages.Decrypt(armored, user, [serverKey], now) is not { Refusal: null } opened)
        {
            return SignedIn.No(PassboltFault.Garbage);
        }

        using var plaintext = opened.Value;
        return plaintext.FaultOfSigners([serverKey]) is null && PassboltAnswer.Parse(plaintext.Bytes) is { } said
            && PassboltAnswer.TextAt(said, "verify_token") == token && PassboltAnswer.TextAt(said, "access_token") is { } access && IsBearer(access)
            ? new SignedIn(SessionOf(access, PassboltAnswer.TextAt(said, "refresh_token") ?? cookies.RefreshToken, cookies), answer)
            : SignedIn.No(PassboltFault.SignInFailed);
    }

    private async Task<SignedIn> ByNonce(
        PassboltBearer bearer, PgpKey serverKey, PgpSecretKey user, CancellationToken cancellationToken)
    {
        // Stage 0: the server proves itself.
        var mine = NewNonce();
        var proof = await http.Send(
            HttpMethod.Post, "/auth/verify.json",
            Gpg(user, ("server_verify_token", PgpMessages.Encrypt(Encoding.ASCII.GetBytes(mine), serverKey, acts.Now))), bearer, cancellationToken);
        if (proof.Headers.GetValueOrDefault("x-gpgauth-verify-response") != mine)
        {
            return proof.Fault is PassboltFault.None or PassboltFault.Refused ? SignedIn.No(PassboltFault.SignInFailed) : new SignedIn(null, proof);
        }

        // Stage 1: it sends a nonce that only the user can read.
        var asked = await http.Send(HttpMethod.Post, Login, Gpg(user), bearer, cancellationToken);
        if (asked.Headers.GetValueOrDefault("x-gpgauth-user-auth-token") is not { } quoted || asked.Headers.ContainsKey("x-gpgauth-error"))
        {
            return asked.Fault is PassboltFault.Unreachable or PassboltFault.TimedOut or PassboltFault.Failing or PassboltFault.Busy
                ? new SignedIn(null, asked) : SignedIn.No(PassboltFault.SignInFailed);
        }

        var armored = WebUtility.UrlDecode(quoted.Replace("\\", "", StringComparison.Ordinal));
        if (PgpMessages.Decrypt(armored, user, [serverKey], acts.Now) is not { Refusal: null } opened)
        {
            return SignedIn.No(PassboltFault.SignInFailed);
        }

        using var plaintext = opened.Value;
        var nonce = Encoding.UTF8.GetString(plaintext.Bytes);

        // What is sent back in clear is a nonce and nothing else: else any message to the user could be had opened.
        if (!IsNonce(nonce))
        {
            return SignedIn.No(PassboltFault.SignInFailed);
        }

        // Stage 2.
        var done = await http.Send(HttpMethod.Post, Login, Gpg(user, ("user_token_result", nonce)), bearer, cancellationToken);
        return done.Headers.GetValueOrDefault("x-gpgauth-authenticated") == "true" && done.Headers.GetValueOrDefault("x-gpgauth-progress") == "complete"
            ? new SignedIn(new PassboltSession(bearer, acts.Now), done)
            : SignedIn.No(PassboltFault.SignInFailed);
    }

    private static JsonObject Gpg(PgpSecretKey user, params ReadOnlySpan<(string Name, string Value)> more)
    {
        var gpg = new JsonObject { ["keyid"] = user.Public.Fingerprint };
        foreach (var (name, value) in more)
        {
            gpg[name] = value;
        }

        return new JsonObject { ["data"] = new JsonObject { ["gpg_auth"] = gpg } };
    }

    private PassboltSession SessionOf(string access, string? refresh, CookieJar cookies) => new(new PassboltBearer(access, cookies), acts.Now)
    {
        AccessUntil = ExpiryOf(access) - RefreshBefore,
        RefreshToken = refresh,
    };

    // Whether the token is genuine is the server's to know: here it only says when to take the next one.
    private DateTimeOffset ExpiryOf(string token)
    {
        var usual = acts.Now + TimeSpan.FromMinutes(5);
        var parts = token.Split('.');
        return parts.Length == 3 && Base64Url.IsValid(parts[1]) && PassboltAnswer.Parse(Base64Url.DecodeFromChars(parts[1])) is { } claims
            && PassboltAnswer.At(claims, "exp") is JsonValue value && value.TryGetValue<long>(out var exp) && exp is > 0 and < 253402300800
            ? DateTimeOffset.FromUnixTimeSeconds(exp)
            : usual;
    }

    // What may stand in the header (RFC 6750 §2.1).
    private static bool IsBearer(string token) =>
        token.TrimEnd('=') is { Length: > 0 } text && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or '~' or '+' or '/');

    private static string NewNonce() => $"{Nonce}|36|{RandomUuid()}|{Nonce}";

    private static bool IsNonce(string text) =>
        text.Split('|') is [Nonce, "36", { Length: 36 } uuid, Nonce] && Guid.TryParseExact(uuid, "D", out _);

    private static string RandomUuid() => NewId.Make<EntryId>().ToString();
}
