using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Sparekey.Engine.Credentials.Escrow;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;

namespace Sparekey.Testing;

/// <summary>A person of the stand-in's Passbolt.</summary>
/// <param name="Id">Their id.</param>
/// <param name="Username">Their address.</param>
/// <param name="Key">Their key, with its private half.</param>
public sealed record PassboltUser(Guid Id, string Username, PassboltKey Key)
{
    /// <summary>Their role.</summary>
    public string Role { get; set; } = "user";

    /// <summary>Whether they set themselves up.</summary>
    public bool Active { get; set; } = true;

    /// <summary>When they were disabled.</summary>
    public string? Disabled { get; set; }

    /// <summary>The wrapped secret of their escrow; null where they are not enrolled.</summary>
    public string? Password { get; set; }

    /// <summary>The sealed key of their escrow.</summary>
    public string? Blob { get; set; }

    /// <summary>To which organisation key the secret is wrapped.</summary>
    public string Recipient { get; set; } = "";

    /// <summary>The id of the escrowed key.</summary>
    public Guid PrivateKeyId { get; } = new(RandomNumberGenerator.GetBytes(16));
}

/// <summary>A request in the stand-in's Passbolt.</summary>
/// <param name="Id">Its id.</param>
/// <param name="User">Whose.</param>
/// <param name="Key">Its key.</param>
/// <param name="CreatedAt">When.</param>
public sealed record PassboltRequest(Guid Id, PassboltUser User, PassboltKey Key, DateTimeOffset CreatedAt)
{
    /// <summary>How it stands.</summary>
    public string Status { get; set; } = "pending";

    /// <summary>What was answered.</summary>
    public JsonObject? Response { get; set; }

    /// <summary>Who answered.</summary>
    public Guid? Responder { get; set; }
}

/// <summary>
/// Stands in for a Passbolt server on this machine, written from the wire contract: signing in by JWT and by GPGAuth, the second factor,
/// people and keys, the organisation's policy, requests and answers with the error keys of their checks. It can be down, slow, huge,
/// redirect, talk garbage, refuse, have a clock of its own, and lose an answer that it took.
/// </summary>
public sealed class PassboltStandIn : IAsyncDisposable
{
    private const string Model = "AccountRecoveryOrganizationKey";

    private static readonly ConcurrentDictionary<string, PgpSecretKey> Opened = new(StringComparer.Ordinal);

    private static readonly Dictionary<string, string> Curves = new(StringComparer.Ordinal)
    {
        ["ada"] = "ecdsa_secp256k1", ["betty"] = "ecdsa_brainpoolp256r1", ["carol"] = "ecdsa_brainpoolp384r1", ["admin"] = "ecdsa_brainpoolp512r1",
        ["account_recovery_request"] = "ecdsa_p521",
    };

    private readonly WebApplication _app;
    private bool _real;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<string, (Guid User, DateTimeOffset Until, bool Factor)> _tokens = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Guid> _refresh = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Guid> _sessions = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Guid> _nonces = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _spent = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _factors = new(StringComparer.Ordinal);

    private PassboltStandIn(TimeProvider time)
    {
        _time = time;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        _app = builder.Build();
        _app.Urls.Add("http://127.0.0.1:0");
        _app.Run(Answer);
    }

    /// <summary>Its base URL, without a slash.</summary>
    public string Url => _app.Urls.Single();

    /// <summary>How it behaves: <c>ok</c>, <c>down</c>, <c>busy</c>, <c>garbage</c>, <c>twice</c>, <c>huge</c>, <c>slow</c>, <c>closed</c>,
    /// <c>redirect</c>, <c>unauthorized</c>, <c>forbidden</c>, <c>surrogate</c> (half a character), <c>later</c> (asks to be left until a time),
    /// <c>refused</c> (400 without a word), or <c>lost</c> (it does as asked and nobody hears of it).</summary>
    public string Mode { get; set; } = "ok";

    /// <summary>The beginning of the only paths that behave so; null for all.</summary>
    public string? Only { get; set; }

    /// <summary>How far its clock is ahead.</summary>
    public TimeSpan Ahead { get; set; }

    /// <summary>What stands at the end of its access tokens.</summary>
    public string TokenEnd { get; set; } = "";

    /// <summary>How many things it puts on a page at most.</summary>
    public int LargestPage { get; set; } = int.MaxValue;

    /// <summary>The rule that it says an answer's message breaks; null for none.</summary>
    public string? BrokenRule { get; set; }

    /// <summary>Whether it signs in by JWT.</summary>
    public bool Jwt { get; set; } = true;

    /// <summary>The secret of one-time passwords, in base32; null where no second factor is asked for.</summary>
    public string? Totp { get; set; }

    /// <summary>One-time passwords that were right.</summary>
    public int FactorsGiven { get; private set; }

    /// <summary>How often somebody signed in.</summary>
    public int SignIns { get; private set; }

    /// <summary>How often an access token was taken by refresh.</summary>
    public int Refreshes { get; private set; }

    /// <summary>How often it was attacked: reused nonces, wrong domains, forged signatures.</summary>
    public int Attacks { get; private set; }

    /// <summary>The server's own key.</summary>
    public PassboltKey ServerKey { get; set; } = null!;

    /// <summary>The policy.</summary>
    public string Policy { get; set; } = "opt-in";

    /// <summary>The organisation's key.</summary>
    public PassboltKey Organisation { get; set; } = null!;

    /// <summary>The id of that key.</summary>
    public Guid OrganisationId { get; set; } = new(RandomNumberGenerator.GetBytes(16));

    /// <summary>The people.</summary>
    public List<PassboltUser> Users { get; } = [];

    /// <summary>The requests.</summary>
    public List<PassboltRequest> Requests { get; } = [];

    /// <summary>Whom somebody asked to be mailed.</summary>
    public ConcurrentQueue<string> Mailed { get; } = new();

    /// <summary>Every call: method, path and query.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    /// <summary>Starts one with the vendor's test keys for the server and the organisation.</summary>
    /// <param name="time">Its clock.</param>
    /// <param name="real">Whether people and organisation have keys as Passbolt makes them: RSA, which cost seconds.</param>
    public static async Task<PassboltStandIn> Start(TimeProvider time, bool real = false)
    {
        var passbolt = new PassboltStandIn(time)
        {
            ServerKey = await PassboltVectors.Key("ecdsa_p256"), // Elliptic curves cost a hundredth of what RSA does.
            Organisation = await PassboltVectors.Key(real ? "account_recovery_organization" : "ecdsa_p384"),
            _real = real,
        };
        await passbolt._app.StartAsync();
        return passbolt;
    }

    /// <summary>Adds a person.</summary>
    /// <param name="key">The vendor's name of their key: <c>ada</c>, <c>betty</c>, <c>carol</c>, <c>admin</c>.</param>
    /// <param name="role">Their role.</param>
    public async Task<PassboltUser> AddUser(string key, string role = "user")
    {
        var user = new PassboltUser(NewId(), $"{key}@example.com", await KeyOf(key)) { Role = role };
        Users.Add(user);
        return user;
    }

    /// <summary>Enrols a person.</summary>
    /// <param name="user">The person.</param>
    /// <param name="domain">The domain that the escrow names; the server's own when left out.</param>
    /// <param name="to">To which organisation key; the one in force when left out.</param>
    public void Enrol(PassboltUser user, string? domain = null, PassboltKey? to = null)
    {
        var person = Open(user.Key);
        var organisation = PgpKey.Read((to ?? Organisation).Public).Value;
        var halves = EscrowMessages.Enrol(person, organisation, domain ?? Url, user.Id, Now);
        (user.Blob, user.Password, user.Recipient) = (halves.Blob, halves.Password, organisation.Fingerprint);
    }

    /// <summary>A person asks for their account back.</summary>
    /// <param name="user">The person.</param>
    /// <param name="key">The vendor's name of the request's key.</param>
    public async Task<PassboltRequest> Ask(PassboltUser user, string key = "account_recovery_request")
    {
        foreach (var older in Requests.Where(r => r.User == user && r.Status == "pending"))
        {
            older.Status = "rejected";
        }

        var request = new PassboltRequest(NewId(), user, await KeyOf(key), Now);
        Requests.Add(request);
        return request;
    }

    /// <summary>The key that a person gets back from an approved request, opened as their own browser does.</summary>
    /// <param name="request">The request.</param>
    public string Recover(PassboltRequest request)
    {
        var device = Open(request.Key);
        var owner = PgpKey.Read(request.User.Key.Public).Value;
        using var answer = PgpMessages.Decrypt(
            (string)request.Response!["data"]!, device, [PgpKey.Read(Organisation.Public).Value, .. Users.Select(u => PgpKey.Read(u.Key.Public).Value)],
            Now).Value;
        Signers = [.. answer.Signatures.Where(s => s.Validity == PgpValidity.Valid).Select(s => s.Fingerprint!)];
        using var secret = EscrowSecret.Read(answer.Bytes).Value;
        using var recovered = EscrowMessages.Recover(request.User.Blob!, secret, owner, Now).Value;
        return recovered.Public.Fingerprint;
    }

    /// <summary>Who signed the answer that <see cref="Recover"/> opened last.</summary>
    public IReadOnlyList<string> Signers { get; private set; } = [];

    /// <summary>Ends every session, as a restart does.</summary>
    public void EndSessions()
    {
        _tokens.Clear();
        _refresh.Clear();
        _sessions.Clear();
        _factors.Clear();
    }

    /// <summary>Forgets how it behaves, what was called and mailed, and the requests.</summary>
    public void Forget()
    {
        (Mode, Only, Jwt, Totp, Policy) = ("ok", null, true, null, "opt-in");
        (Ahead, TokenEnd, LargestPage, BrokenRule) = (TimeSpan.Zero, "", int.MaxValue, null);
        (SignIns, Refreshes, Attacks, FactorsGiven) = (0, 0, 0, 0);
        EndSessions();
        Requests.Clear();
        Calls.Clear();
        Mailed.Clear();
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _app.DisposeAsync();

    /// <summary>Opens a key of the vendor's, once for all tests of a process: it costs more than its use.</summary>
    /// <param name="key">The key; not to be disposed.</param>
    public static PgpSecretKey Open(PassboltKey key) => Opened.GetOrAdd(key.Private, _ => key.Unprotected is { } unprotected
        ? PgpSecretKey.Open(Encoding.UTF8.GetBytes(unprotected), []).Value
        : PgpSecretKey.Open(Encoding.UTF8.GetBytes(key.Private), Encoding.UTF8.GetBytes(key.Passphrase)).Value);

    private Task<PassboltKey> KeyOf(string name) => PassboltVectors.Key(_real ? name : Curves.GetValueOrDefault(name, name));

    private static Guid NewId()
    {
        Span<byte> bytes = stackalloc byte[16];
        RandomNumberGenerator.Fill(bytes);
        (bytes[6], bytes[8]) = ((byte)((bytes[6] & 0x0F) | 0x40), (byte)((bytes[8] & 0x3F) | 0x80));
        return new Guid(bytes, bigEndian: true);
    }

    private async Task Answer(HttpContext context)
    {
        var path = context.Request.Path.Value!;
        Calls.Enqueue($"{context.Request.Method} {path}{WebUtility.UrlDecode(context.Request.QueryString.Value)}");
        using var reader = new StreamReader(context.Request.Body, Encoding.UTF8);
        var text = await reader.ReadToEndAsync();
        var response = context.Response;
        var odd = Only is null || path.StartsWith(Only, StringComparison.Ordinal) ? Mode : "ok";
        switch (odd)
        {
            case "down":
                response.StatusCode = 503;
                return;
            case "busy":
                response.StatusCode = 429;
                response.Headers.RetryAfter = "90";
                return;
            case "garbage":
                await response.WriteAsync("<html>what?</html>");
                return;
            case "twice":
                await response.WriteAsync("""{"header":{"status":"success","status":"error"},"body":[]}""");
                return;
            case "huge":
                await Huge(context);
                return;
            case "slow":
                await Slow(context);
                return;
            case "closed":
                context.Abort();
                return;
            case "surrogate":
                await response.WriteAsync("{\"header\":{\"status\":\"\\ud800\"},\"body\":{\"\\ud800\":1}}");
                return;
            case "later":
                response.StatusCode = 429;
                response.Headers.Date = Now.ToString("R", CultureInfo.InvariantCulture);
                response.Headers.RetryAfter = (Now + TimeSpan.FromMinutes(20)).ToString("R", CultureInfo.InvariantCulture);
                return;
            case "refused":
                await No(context, 400, "Account recovery is disabled for your organization.");
                return;
            case "redirect":
                response.StatusCode = 302;
                response.Headers.Location = "http://10.0.0.1/never";
                return;
            case "unauthorized":
                await No(context, 401, "Authentication is required to continue");
                return;
            case "forbidden":
                await No(context, 403, "You are not allowed to access this location.");
                return;
        }

        using var mute = odd == "lost" ? new MemoryStream() : null;
        var real = response.Body;
        if (mute is not null)
        {
            response.Body = mute;
        }

        await Route(context, path, text.Length == 0 ? null : JsonNode.Parse(text) as JsonObject);
        if (mute is not null)
        {
            response.Body = real;
            context.Abort(); // It was done, and nobody heard of it.
        }
    }

    private static async Task Huge(HttpContext context)
    {
        var chunk = new byte[1024 * 1024];
        Array.Fill(chunk, (byte)' ');
        try
        {
            for (var i = 0; i < 64 && !context.RequestAborted.IsCancellationRequested; i++)
            {
                await context.Response.Body.WriteAsync(chunk, context.RequestAborted);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // Whoever asked has had enough.
        }
    }

    private static async Task Slow(HttpContext context)
    {
        await context.Response.WriteAsync("{");
        await context.Response.Body.FlushAsync();
        await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task Route(HttpContext context, string path, JsonObject? body)
    {
        context.Response.Headers.Append("X-GPGAuth-Version", "1.3.0");
        if (!context.Request.Cookies.ContainsKey("csrfToken"))
        {
            context.Response.Headers.Append("Set-Cookie", $"csrfToken={Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8))}; path=/; secure");
        }

        var post = context.Request.Method == "POST";
        var bearer = context.Request.Headers.Authorization.ToString().Replace("Bearer ", "", StringComparison.Ordinal);
        if (post && bearer.Length == 0 && path is not ("/auth/login.json" or "/auth/jwt/login.json" or "/auth/jwt/refresh.json")
            && (context.Request.Cookies["csrfToken"] is not { } csrf || context.Request.Headers["X-CSRF-Token"] != csrf))
        {
            await No(context, 403, "Missing or incorrect CSRF cookie type.");
            return;
        }

        switch (path)
        {
            case "/auth/verify.json" when !post:
                await Yes(context, new JsonObject { ["fingerprint"] = ServerKey.Fingerprint, ["keydata"] = ServerKey.Public });
                return;
            case "/auth/verify.json":
                await Stage0(context, Gpg(body));
                return;
            case "/auth/login.json":
                await GpgLogin(context, Gpg(body));
                return;
            case "/auth/jwt/login.json" when Jwt:
                await JwtLogin(context, body);
                return;
            case "/auth/jwt/refresh.json" when Jwt:
                await JwtRefresh(context, body);
                return;
            case "/users/recover.json" when post && UserOf(context, bearer) is var asks && asks?.Role is null or "admin":
                await Mail(context, body); // Guests and administrators; of others it takes nothing.
                return;
        }

        var user = UserOf(context, bearer);
        if (user is null)
        {
            await No(context, path.StartsWith("/auth/jwt", StringComparison.Ordinal) ? 404 : 401, "Authentication is required to continue");
            return;
        }

        if (path == "/mfa/verify/totp.json")
        {
            await Factor(context, body, bearer);
            return;
        }

        var factor = context.Request.Cookies["passbolt_mfa"];
        if (Totp is not null && (factor is null || !_factors.ContainsKey(factor)))
        {
            context.Response.StatusCode = 302;
            context.Response.Headers.Location = $"{Url}/mfa/verify/error.json";
            return;
        }

        await (path switch
        {
            "/auth/jwt/logout.json" or "/auth/logout.json" => Yes(context, null),
            "/users.json" => Yes(context, Page(context, [.. Users.Select(Json)])),
            "/gpgkeys.json" => Yes(context, Page(context, [.. Users.Select(u => new JsonObject
            {
                ["id"] = u.PrivateKeyId.ToString(), ["user_id"] = u.Id.ToString(), ["fingerprint"] = u.Key.Fingerprint, ["armored_key"] = u.Key.Public, ["deleted"] = false,
            })])),
            "/users/recover.json" => No(context, 403, "You are not allowed to access this location."),
            "/account-recovery/organization-policies.json" => Yes(context, PolicyJson()),
            "/account-recovery/requests.json" => Yes(context, Page(context, [.. Requests.OrderByDescending(r => r.CreatedAt).Select(r => Json(r, full: false))])),
            "/account-recovery/responses.json" when post => Respond(context, body, user),
            _ when path.StartsWith("/account-recovery/requests/", StringComparison.Ordinal) => View(context, path),
            _ => No(context, 404, "Not Found"),
        });
    }

    private DateTimeOffset Now => _time.GetUtcNow() + Ahead;

    private static JsonObject? Gpg(JsonObject? body) => (body?["data"]?["gpg_auth"] ?? body?["gpg_auth"]) as JsonObject;

    private PassboltUser? UserOf(HttpContext context, string bearer)
    {
        var id = bearer.Length > 0
            ? _tokens.TryGetValue(bearer, out var token) && Now < token.Until ? token.User : (Guid?)null
            : context.Request.Cookies["passbolt_session"] is { } session && _sessions.TryGetValue(session, out var known) ? known : null;
        return id is null ? null : Users.Find(u => u.Id == id && u.Active && u.Disabled is null);
    }

    private async Task Stage0(HttpContext context, JsonObject? gpg)
    {
        var server = Open(ServerKey);
        context.Response.Headers.Append("X-GPGAuth-Authenticated", "false");
        var opened = PgpMessages.Decrypt((string?)gpg?["server_verify_token"] ?? "", server, [], Now);
        if (opened.Refusal is null)
        {
            using var nonce = opened.Value;
            context.Response.Headers.Append("X-GPGAuth-Progress", "stage0");
            context.Response.Headers.Append("X-GPGAuth-Verify-Response", Encoding.UTF8.GetString(nonce.Bytes));
        }

        await Yes(context, null);
    }

    private async Task GpgLogin(HttpContext context, JsonObject? gpg)
    {
        var user = Users.Find(u => u.Key.Fingerprint == (string?)gpg?["keyid"]);
        var headers = context.Response.Headers;
        if (user is null)
        {
            headers.Append("X-GPGAuth-Authenticated", "false");
            headers.Append("X-GPGAuth-Error", "true");
            await No(context, 200, "There is no user associated with this key.");
            return;
        }

        if ((string?)gpg?["user_token_result"] is not { } result)
        {
            var server = Open(ServerKey);
            var nonce = $"gpgauthv1.3.0|36|{NewId()}|gpgauthv1.3.0";
            _nonces[nonce] = user.Id;
            var armored = PgpMessages.Encrypt(Encoding.ASCII.GetBytes(nonce), PgpKey.Read(user.Key.Public).Value, Now, server);
            headers.Append("X-GPGAuth-Authenticated", "false");
            headers.Append("X-GPGAuth-Progress", "stage1");
            headers.Append("X-GPGAuth-User-Auth-Token", string.Concat(WebUtility.UrlEncode(armored).Select(c => ".+-=()".Contains(c, StringComparison.Ordinal) ? $"\\{c}" : c.ToString())));
            await No(context, 200, "The authentication failed.");
            return;
        }

        if (!_nonces.TryRemove(result, out var of) || of != user.Id)
        {
            Attacks++;
            headers.Append("X-GPGAuth-Authenticated", "false");
            headers.Append("X-GPGAuth-Error", "true");
            await No(context, 200, "The user token result could not be verified.");
            return;
        }

        SignIns++;
        var session = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        _sessions[session] = user.Id;
        headers.Append("Set-Cookie", $"passbolt_session={session}; path=/; HttpOnly; secure");
        headers.Append("X-GPGAuth-Authenticated", "true");
        headers.Append("X-GPGAuth-Progress", "complete");
        headers.Append("X-GPGAuth-Refer", "/");
        await Yes(context, Json(user));
    }

    private async Task JwtLogin(HttpContext context, JsonObject? body)
    {
        var user = Users.Find(u => u.Id.ToString() == (string?)body?["user_id"] && u.Active && u.Disabled is null);
        var server = Open(ServerKey);
        if (user is null || PgpKey.Read(user.Key.Public).Value is not { } userKey
            || PgpMessages.Decrypt((string?)body?["challenge"] ?? "", server, [userKey], Now) is not { Refusal: null } opened)
        {
            await No(context, 400, "The credentials are invalid.");
            return;
        }

        using var challenge = opened.Value;
        var said = JsonNode.Parse(challenge.Bytes)!;
        var expiry = DateTimeOffset.FromUnixTimeSeconds((long)said["verify_token_expiry"]!);
        var now = Now;
        if (challenge.FaultOfSigners([userKey]) is not null || ((string)said["domain"]!).TrimEnd('/') != Url || expiry <= now || expiry > now + TimeSpan.FromHours(1)
            || !_spent.TryAdd((string)said["verify_token"]!, true))
        {
            Attacks++;
            await No(context, 400, "The credentials are invalid.");
            return;
        }

        SignIns++;
        var answer = new JsonObject
        {
            ["version"] = "1.0.0", ["domain"] = Url, ["access_token"] = Mint(user.Id), ["refresh_token"] = Renew(user.Id),
            ["verify_token"] = said["verify_token"]!.DeepClone(),
        };
        if (Totp is not null)
        {
            answer["providers"] = new JsonArray("totp");
        }

        await Yes(context, new JsonObject
        {
            ["challenge"] = PgpMessages.Encrypt(JsonSerializer.SerializeToUtf8Bytes(answer), userKey, now, server),
        });
    }

    private async Task JwtRefresh(HttpContext context, JsonObject? body)
    {
        if (!_refresh.TryRemove((string?)body?["refresh_token"] ?? "", out var user) || user.ToString() != (string?)body?["user_id"])
        {
            Attacks++;
            await No(context, 400, "The refresh token is not valid.");
            return;
        }

        Refreshes++;
        context.Response.Headers.Append("Set-Cookie", $"refresh_token={Renew(user)}; path=/auth/jwt/refresh.json; HttpOnly; secure");
        await Yes(context, new JsonObject { ["access_token"] = Mint(user) });
    }

    private string Renew(Guid user)
    {
        var token = NewId().ToString();
        _refresh[token] = user;
        return token;
    }

    private string Mint(Guid user)
    {
        var until = Now + TimeSpan.FromMinutes(5);
        var claims = JsonSerializer.SerializeToUtf8Bytes(new { iss = Url, sub = user, exp = until.ToUnixTimeSeconds(), jti = NewId() });
        var token = $"e30.{Base64Url.EncodeToString(claims)}.c2ln{TokenEnd}";
        _tokens[token] = (user, until, false);
        return token;
    }

    private async Task Factor(HttpContext context, JsonObject? body, string bearer)
    {
        if (Totp is null || (string?)body?["totp"] != Password(Totp, Now) || !_spent.TryAdd($"totp {(string?)body?["totp"]}", true))
        {
            await No(context, 400, "The OTP is not valid.");
            return;
        }

        FactorsGiven++;
        var factor = NewId().ToString();
        _factors[factor] = bearer.Length > 0;
        context.Response.Headers.Append("Set-Cookie", $"passbolt_mfa={factor}; path=/; HttpOnly; secure");
        await Yes(context, null);
    }

    // RFC 6238, written apart from the code that it tests.
    private static string Password(string base32, DateTimeOffset now)
    {
        var bits = string.Concat(base32.Select(c => Convert.ToString("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".IndexOf(c, StringComparison.Ordinal), 2).PadLeft(5, '0')));
        var secret = Enumerable.Range(0, bits.Length / 8).Select(i => Convert.ToByte(bits.Substring(i * 8, 8), 2)).ToArray();
        var counter = BitConverter.GetBytes(now.ToUnixTimeSeconds() / 30);
        Array.Reverse(counter);
#pragma warning disable CA5350
        var mac = HMACSHA1.HashData(secret, counter);
#pragma warning restore CA5350
        var at = mac[19] & 15;
        var number = ((mac[at] & 127) << 24) | (mac[at + 1] << 16) | (mac[at + 2] << 8) | mac[at + 3];
        return (number % 1000000).ToString("D6", CultureInfo.InvariantCulture);
    }

    private async Task Mail(HttpContext context, JsonObject? body)
    {
        Mailed.Enqueue((string?)body?["username"] ?? "");
        await Yes(context, null);
    }

    private JsonObject PolicyJson() => Policy == "disabled"
        ? new JsonObject { ["policy"] = "disabled", ["public_key_id"] = null }
        : new JsonObject
        {
            ["id"] = NewId().ToString(), ["policy"] = Policy, ["public_key_id"] = OrganisationId.ToString(),
            ["account_recovery_organization_public_key"] = new JsonObject
            {
                ["id"] = OrganisationId.ToString(), ["fingerprint"] = Organisation.Fingerprint, ["armored_key"] = Organisation.Public,
            },
        };

    private Task View(HttpContext context, string path)
    {
        var id = path["/account-recovery/requests/".Length..].Replace(".json", "", StringComparison.Ordinal);
        return !Guid.TryParse(id, out var wanted) ? No(context, 400, "The request id is not valid.")
            : Requests.Find(r => r.Id == wanted) is { } request ? Yes(context, Json(request, full: true))
            : No(context, 404, "The request does not exist.");
    }

    private async Task Respond(HttpContext context, JsonObject? body, PassboltUser user)
    {
        var request = Requests.Find(r => r.Id.ToString() == (string?)body?["account_recovery_request_id"]);
        var (status, data) = ((string?)body?["status"], (string?)body?["data"]);
        var fault = Policy == "disabled" ? ("", "")
            : request is null ? ("account_recovery_request_id", "exists")
            : request.Status != "pending" ? ("account_recovery_request_id", "isRequestPendingRule")
            : status is not ("approved" or "rejected") ? ("status", "inList")
            : (string?)body?["responder_foreign_model"] != Model ? ("responder_foreign_model", "inList")
            : (string?)body?["responder_foreign_key"] != OrganisationId.ToString() ? ("responder_foreign_key", "uuid")
            : status == "rejected" ? (data is null ? null : ("data", "notRequiredRule"))
            : data is null ? ("data", "required")
            : BrokenRule is { } broken ? ("data", broken)
            : PgpMessageShape.Read(data) is not { Refusal: null } shape ? ("data", "isValidOpenPGPMessage")
            : shape.Value.FaultOfPassword(PgpKey.Read(request.Key.Public).Value) is not null ? ("data", "wrongRecipient")
            : ((string, string)?)null;
        if (fault is { } wrong)
        {
            context.Response.StatusCode = 400;
            await Write(context, "error", 400, "Could not validate response data.", wrong.Item1.Length == 0 ? "" : new JsonObject
            {
                [wrong.Item1] = new JsonObject { [wrong.Item2] = "It is not valid." },
            });
            return;
        }

        (request!.Status, request.Response, request.Responder) = (status!, body!.DeepClone().AsObject(), user.Id);
        await Yes(context, body.DeepClone());
    }

    private static JsonObject Json(PassboltUser user) => new()
    {
        ["id"] = user.Id.ToString(), ["username"] = user.Username, ["active"] = user.Active, ["deleted"] = false, ["disabled"] = user.Disabled,
        ["role"] = new JsonObject { ["name"] = user.Role }, ["profile"] = new JsonObject { ["first_name"] = "A", ["last_name"] = "B" },
    };

    private static JsonObject Json(PassboltRequest request, bool full)
    {
        var json = new JsonObject
        {
            ["id"] = request.Id.ToString(), ["status"] = request.Status, ["user_id"] = request.User.Id.ToString(), ["fingerprint"] = request.Key.Fingerprint,
            ["created_by"] = request.User.Id.ToString(), ["modified_by"] = request.User.Id.ToString(),
            ["created"] = request.CreatedAt.ToString("yyyy-MM-dd'T'HH:mm:sszzz", CultureInfo.InvariantCulture),
        };
        if (full)
        {
            json["armored_key"] = request.Key.Public;
            json["account_recovery_private_key"] = request.User.Password is null ? null : new JsonObject
            {
                ["id"] = request.User.PrivateKeyId.ToString(), ["user_id"] = request.User.Id.ToString(),
                ["account_recovery_private_key_passwords"] = new JsonArray(new JsonObject
                {
                    ["id"] = NewId().ToString(), ["private_key_id"] = request.User.PrivateKeyId.ToString(), ["recipient_foreign_model"] = Model,
                    ["recipient_fingerprint"] = request.User.Recipient, ["data"] = request.User.Password,
                }),
            };
            json["account_recovery_responses"] = request.Responder is { } responder
                ? new JsonArray(new JsonObject { ["id"] = NewId().ToString(), ["created_by"] = responder.ToString() }) : [];
        }

        return json;
    }

    private JsonArray Page(HttpContext context, IReadOnlyList<JsonObject> all)
    {
        var limit = Math.Min(LargestPage, int.TryParse(context.Request.Query["limit"], CultureInfo.InvariantCulture, out var l) ? l : int.MaxValue);
        var page = int.TryParse(context.Request.Query["page"], CultureInfo.InvariantCulture, out var p) ? p : 1;
        context.Items["count"] = all.Count;
        return [.. all.Skip((page - 1) * limit).Take(limit)];
    }

    private Task Yes(HttpContext context, JsonNode? body) => Write(context, "success", 200, "The operation was successful.", body);

    private Task No(HttpContext context, int status, string message)
    {
        context.Response.StatusCode = status;
        return Write(context, "error", status, message, "");
    }

    private async Task Write(HttpContext context, string status, int code, string message, JsonNode? body)
    {
        var header = new JsonObject
        {
            ["id"] = NewId().ToString(), ["status"] = status, ["servertime"] = Now.ToUnixTimeSeconds(), ["action"] = NewId().ToString(),
            ["message"] = message, ["url"] = context.Request.Path.Value, ["code"] = code,
        };
        if (context.Items["count"] is int count)
        {
            header["pagination"] = new JsonObject { ["count"] = count, ["limit"] = 100, ["page"] = 1 };
        }

        context.Response.ContentType = "application/json";
        await context.Response.WriteAsync(new JsonObject { ["header"] = header, ["body"] = body }.ToJsonString());
    }
}
