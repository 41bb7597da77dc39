using System.Text;
using Sparekey.Core;
using Sparekey.Engine.Access;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Credentials.Escrow.OpenPgp;
using Sparekey.Engine.Sessions;

namespace Sparekey.Engine.Credentials.Escrow.Identity;

/// <summary>Opens a session for who decrypts a nonce that was encrypted to a person's key (GPGAuth 1.3.0).</summary>
public sealed class SignInWithOpenPgp
{
    private const string Kind = "openpgp.nonce";
    private const string Wrap = "gpgauthv1.3.0";

    private static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    // Roomier than for passwords: a nonce cannot be guessed, and programmes sign in often.
    private static readonly ThrottleLimit Limit = new(120, TimeSpan.FromMinutes(10));

    // By source alone: nobody proves anything before. Whole offices come from one.
    private static readonly ThrottleLimit Proofs = new(600, TimeSpan.FromMinutes(10));

    private readonly Acts _acts;
    private readonly OpenPgpServerStore _servers;
    private readonly OpenPgpPeople _people;
    private readonly OpenPgpSessions _sessions;
    private readonly CeremonyStore _ceremonies;
    private readonly Throttle _throttle;

    internal SignInWithOpenPgp(
        Acts acts, OpenPgpServerStore servers, OpenPgpPeople people, OpenPgpSessions sessions, CeremonyStore ceremonies, Throttle throttle)
    {
        _acts = acts;
        _servers = servers;
        _people = people;
        _sessions = sessions;
        _ceremonies = ceremonies;
        _throttle = throttle;
    }

    /// <summary>
    /// Proves that the server holds its key: decrypts a nonce, and nothing that is not one. Clients take it for the answer to whether a key is
    /// anybody's, and neither set a person up with a key that is, nor let one in with a key that is not.
    /// </summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="fingerprint">The fingerprint of the asking person's key, as it was sent; null where none was.</param>
    /// <param name="encrypted">The nonce, encrypted to the server.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The nonce; or <see cref="RefusalCode.SignInFailed"/>, <see cref="RefusalCode.TooManyRequests"/>.</returns>
    public async Task<Result<string>> Prove(Visitor visitor, string? fingerprint, string encrypted, CancellationToken cancellationToken)
    {
        if (OpenPgpLibrary.Missing is { } missing)
        {
            return missing;
        }

        if (await _acts.Read(db => _servers.Find(db, visitor.Tenant), cancellationToken) is null)
        {
            return SignInFaults.Of(SignInFault.Malformed);
        }

        if (fingerprint is not null && await _acts.Read(db => _people.Find(db, visitor.Tenant, fingerprint), cancellationToken) is null)
        {
            return SignInFaults.Of(SignInFault.UserUnknown);
        }

        // Decrypting costs, and anybody may ask.
        if (await _acts.Write(visitor.Tenant, act => _throttle.Count(act, ThrottleKind.SignIn, "proof", visitor.Source, Proofs), cancellationToken) is { } tooMany)
        {
            return tooMany;
        }

        using var key = await _sessions.ServerKey(_acts, visitor.Tenant, cancellationToken);
        var opened = PgpMessages.Decrypt(encrypted, key, [], _acts.Now);
        if (opened.Refusal is not null)
        {
            return SignInFaults.Of(SignInFault.Malformed);
        }

        using var plaintext = opened.Value;
        return TextOf(plaintext) is { } text && NonceOf(text) is not null ? text : SignInFaults.Of(SignInFault.Malformed);
    }

    /// <summary>Begins: a nonce for the holder of a key.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="fingerprint">The key's fingerprint, as it was sent.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The nonce, encrypted to that key, good for five minutes; or <see cref="RefusalCode.TooManyRequests"/>, <see cref="RefusalCode.SignInFailed"/>
    /// where the key is nobody's: there is nothing to encrypt to, so that the protocol itself tells.
    /// </returns>
    public async Task<Result<string>> Begin(Visitor visitor, string? fingerprint, CancellationToken cancellationToken)
    {
        if (OpenPgpLibrary.Missing is { } missing)
        {
            return missing;
        }

        if (await _acts.Read(db => _people.Find(db, visitor.Tenant, fingerprint), cancellationToken) is not { } person)
        {
            return SignInFaults.Of(SignInFault.UserUnknown);
        }

        var key = PgpKey.Read(person.Key.Armored);
        if (key.Refusal is not null || PgpKeyRules.FaultOfPersonKey(key.Value, _acts.Now) is not null)
        {
            return SignInFaults.Of(SignInFault.UserUnknown); // Its time is over, or it was revoked.
        }

        var nonce = NewId.Make<EntryId>().ToString();
        var encrypted = PgpMessages.Encrypt(Encoding.ASCII.GetBytes(TextOf(nonce)), key.Value, _acts.Now);
        return await _acts.Write<Result<string>>(
            visitor.Tenant,
            async act =>
            {
                if (await _throttle.Count(act, ThrottleKind.SignIn, person.Key.Fingerprint, visitor.Source, Limit) is { } tooMany)
                {
                    return tooMany;
                }

                await _ceremonies.Begin(
                    act, Kind, nonce, new Ceremony<string>(person.Account.Id, null, person.Key.Fingerprint, 1), act.Now + Lifetime);
                return encrypted;
            },
            cancellationToken);
    }

    /// <summary>Signs in.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="fingerprint">The key's fingerprint, as it was sent.</param>
    /// <param name="decrypted">The nonce, decrypted.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>The session and its token; or <see cref="RefusalCode.SignInFailed"/>.</returns>
    public Task<Result<OpenedSession>> Run(Visitor visitor, string? fingerprint, string decrypted, CancellationToken cancellationToken) =>
        _acts.Write(visitor.Tenant, act => Open(act, visitor, fingerprint, decrypted), cancellationToken);

    // If the process dies after this act, the nonce is spent, and the session exists and nobody knows its token.
    private async Task<Result<OpenedSession>> Open(Act act, Visitor visitor, string? fingerprint, string decrypted)
    {
        var person = await _people.Find(act.Db, act.Tenant, fingerprint);
        if (person is null || NonceOf(decrypted) is not { } nonce
            || await _ceremonies.Find<string>(act.Db, act.Tenant, Kind, nonce, act.Now) is not { } ceremony
            || ceremony.Account != person.Account.Id || ceremony.State != person.Key.Fingerprint
            || !await _ceremonies.Consume(act, Kind, nonce, ceremony.Version))
        {
            await RefusedSignIns.Record(act, visitor, person?.Account.Id, RefusalCode.SignInFailed);
            return SignInFaults.Of(SignInFault.NonceInvalid);
        }

        return await _sessions.Open(act, visitor, person.Account.Id, Session.LongestLifetime);
    }

    private static string TextOf(string nonce) => $"{Wrap}|36|{nonce}|{Wrap}";

    private static string? TextOf(PgpPlaintext plaintext) =>
        plaintext.Bytes.Length <= 256 && Ascii.IsValid(plaintext.Bytes) ? Encoding.ASCII.GetString(plaintext.Bytes) : null;

    // The clients make theirs with letters of either case.
    private static string? NonceOf(string text) =>
        text.Split('|') is [Wrap, "36", { Length: 36 } nonce, Wrap] && Guid.TryParseExact(nonce, "D", out _) ? nonce : null;
}
