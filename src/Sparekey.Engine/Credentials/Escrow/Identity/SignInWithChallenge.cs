using System.Text.Json;
using Sparekey.Core;
using Sparekey.Engine.Access;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Credentials.Escrow.Identity;

/// <summary>
/// Opens a session for who signs a challenge of their own with their key and encrypts it to the server. The answer is encrypted to them and
/// signed by the server.
/// </summary>
public sealed class SignInWithChallenge
{
    private const string Kind = "openpgp.verify_token";
    private const string Version = "1.0.0";

    private static readonly TimeSpan LongestToken = TimeSpan.FromHours(1);
    private static readonly ThrottleLimit Limit = new(120, TimeSpan.FromMinutes(10));
    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = 4, AllowDuplicateProperties = false };

    private readonly Acts _acts;
    private readonly OpenPgpServerStore _servers;
    private readonly OpenPgpPeople _people;
    private readonly OpenPgpSessions _sessions;
    private readonly CeremonyStore _ceremonies;
    private readonly Throttle _throttle;
    private readonly SignInAttacks _attacks;

    internal SignInWithChallenge(
        Acts acts, OpenPgpServerStore servers, OpenPgpPeople people, OpenPgpSessions sessions, CeremonyStore ceremonies, Throttle throttle,
        SignInAttacks attacks)
    {
        _acts = acts;
        _servers = servers;
        _people = people;
        _sessions = sessions;
        _ceremonies = ceremonies;
        _throttle = throttle;
        _attacks = attacks;
    }

    /// <summary>Signs in.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="user">The person's id.</param>
    /// <param name="challenge">The challenge, armored.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The answer, armored; or <see cref="RefusalCode.SignInFailed"/> with its <see cref="SignInFault"/>, <see cref="RefusalCode.TooManyRequests"/>.</returns>
    public async Task<Result<string>> Run(Visitor visitor, AccountId user, string challenge, CancellationToken cancellationToken)
    {
        if (OpenPgpLibrary.Missing is { } missing)
        {
            return missing;
        }

        var (server, person) = await _acts.Write(
            visitor.Tenant,
            async act => await _throttle.Count(act, ThrottleKind.SignIn, user.ToString(), visitor.Source, Limit) is { } tooMany
                ? (tooMany, null)
                : ((Result<OpenPgpServer?>)await _servers.Find(act.Db, act.Tenant), await _people.Find(act.Db, act.Tenant, user)),
            cancellationToken);
        if (server.Refusal is { } slow)
        {
            return slow;
        }

        var key = person is null ? default : PgpKey.Read(person.Key.Armored);
        if (server.Value is not { } own || person is null || key.Refusal is not null || PgpKeyRules.FaultOfPersonKey(key.Value, _acts.Now) is not null)
        {
            return await Refuse(visitor, null, SignInFault.UserUnknown, cancellationToken);
        }

        using var serverKey = await _sessions.ServerKey(_acts, visitor.Tenant, cancellationToken);
        var (said, fault) = Read(challenge, serverKey, key.Value, own, _acts.Now);
        if (said is null)
        {
            return await Refuse(visitor, person.Account.Id, fault, cancellationToken);
        }

        var opened = await _acts.Write(visitor.Tenant, act => Open(act, visitor, own, person, said), cancellationToken);
        return opened.Refusal is { } refused ? refused : Answer(own, said, opened.Value, key.Value, serverKey, _acts.Now);
    }

    // If the process dies after this act, the challenge is spent, and the session exists and nobody knows its tokens.
    private async Task<Result<OpenedOpenPgpSession>> Open(Act act, Visitor visitor, OpenPgpServer server, KeyHolder person, Said said)
    {
        // The person once more: what was read before the OpenPGP work may be over.
        if (await _people.Find(act.Db, act.Tenant, person.Account.Id) is not { } now || now.Key.Fingerprint != person.Key.Fingerprint)
        {
            return SignInFaults.Of(SignInFault.UserUnknown);
        }

        if (!await _ceremonies.TryBegin(
            act, Kind, $"{person.Account.Id}/{said.Token}", new Ceremony<bool>(person.Account.Id, null, State: true, 1), said.ExpiresAt))
        {
            await RefusedSignIns.Record(act, visitor, person.Account.Id, RefusalCode.SignInFailed);
            await _attacks.Tell(act, visitor, person.Account.Id, SignInFault.Used);
            return SignInFaults.Of(SignInFault.Used);
        }

        return await _sessions.OpenWithTokens(act, visitor, server, person.Account.Id, person.Key.Fingerprint);
    }

    private Task<Result<string>> Refuse(Visitor visitor, AccountId? account, SignInFault fault, CancellationToken cancellationToken) =>
        _acts.Write<Result<string>>(
            visitor.Tenant,
            async act =>
            {
                await RefusedSignIns.Record(act, visitor, account, RefusalCode.SignInFailed);
                await _attacks.Tell(act, visitor, account, fault);
                return SignInFaults.Of(fault);
            },
            cancellationToken);

    private static (Said? Said, SignInFault Fault) Read(string challenge, PgpSecretKey serverKey, PgpKey person, OpenPgpServer server, DateTimeOffset now)
    {
        var opened = PgpMessages.Decrypt(challenge, serverKey, [person], now);
        if (opened.Refusal is not null)
        {
            return (null, SignInFault.Malformed);
        }

        using var plaintext = opened.Value;
        if (plaintext.FaultOfSigners([person]) is not null)
        {
            return (null, SignInFault.SignatureInvalid);
        }

        if (Parse(plaintext.Bytes) is not { } said)
        {
            return (null, SignInFault.Malformed);
        }

        return said.Domain.TrimEnd('/') != server.Domain ? (null, SignInFault.WrongDomain)
            : said.ExpiresAt <= now || said.ExpiresAt > now + LongestToken ? (null, SignInFault.Expired)
            : (said, default);
    }

    private static Said? Parse(ReadOnlySpan<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json.ToArray(), Strict);
            var said = document.RootElement;
            return said.GetProperty("version").GetString() == Version && said.GetProperty("domain").GetString() is { } domain
                && said.GetProperty("verify_token").GetString() is { } token && Guid.TryParseExact(token, "D", out var uuid) && uuid.Version == 4
                && said.GetProperty("verify_token_expiry").TryGetInt64(out var expiry) && expiry is > 0 and < 253_402_300_799
                    ? new Said(domain, token, DateTimeOffset.FromUnixTimeSeconds(expiry))
                    : null;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }

    private static string Answer(
        OpenPgpServer server, Said said, OpenedOpenPgpSession opened, PgpKey person, PgpSecretKey serverKey, DateTimeOffset now)
    {
        var answer = JsonSerializer.SerializeToUtf8Bytes(new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["version"] = Version,
            ["domain"] = server.Domain,
            ["access_token"] = opened.AccessToken.Reveal(),
            ["refresh_token"] = opened.RefreshToken.Reveal(),
            ["verify_token"] = said.Token,
        });
        return PgpMessages.Encrypt(answer, person, now, serverKey);
    }

    private sealed record Said(string Domain, string Token, DateTimeOffset ExpiresAt);
}
