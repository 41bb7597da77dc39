using System.Text;
using System.Text.Json;
using Sparekey.Core;
using Sparekey.Core.Secrets;
using Sparekey.Engine.Ceremonies;
using Sparekey.Engine.Keys;
using Sparekey.Engine.PersonalCodes;
using Sparekey.Engine.Secrets;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Sessions;

/// <summary>
/// Live sessions. A session that ended has no row, so whatever ends one ends it for every process at the commit. It writes
/// rows and nothing else: the use case that calls it writes the ledger in the same act.
/// </summary>
/// <param name="keys">Hashes the tokens.</param>
/// <param name="ceremonies">Where codes stand that whoever had a session made.</param>
internal sealed class SessionStore(KeyRing keys, CeremonyStore ceremonies)
{
    private const string Columns =
        """
        id AS Id, account_id AS Account, application_id AS Application, credential_id AS Credential,
        key_version AS KeyVersion, mac AS Mac, created_at AS CreatedAt, last_seen_at AS LastSeenAt, expires_at AS ExpiresAt,
        amr AS Amr, restricted_to AS RestrictedTo
        """;

    /// <summary>The ceremonies that open a session again without a credential: refresh tokens.</summary>
    public const string RefreshKind = "openpgp.refresh";

    /// <summary>How long a refresh token is good.</summary>
    public static readonly TimeSpan LongestRefresh = TimeSpan.FromDays(30);

    private const string EndedKind = "openpgp.ended";

    /// <summary>How exactly the last use of a session is known: a row is not rewritten more often than this.</summary>
    public static readonly TimeSpan SeenEvery = TimeSpan.FromMinutes(1);

    /// <summary>Opens a session.</summary>
    /// <param name="act">The act.</param>
    /// <param name="wanted">What to open.</param>
    /// <returns>The session and its token, which is nowhere else.</returns>
    public async Task<OpenedSession> Open(Act act, NewSession wanted)
    {
        var lifetime = wanted.Lifetime < Session.LongestLifetime ? wanted.Lifetime : Session.LongestLifetime;
        var session = new Session(
            NewId.Make<SessionId>(), wanted.Account, act.Now, act.Now, act.Now + lifetime, wanted.Amr)
        {
            Application = wanted.Application,
            Credential = wanted.Credential,
            RestrictedTo = wanted.RestrictedTo,
        };
        var secret = SecretMint.NewToken32();
        var hash = keys.Hash(KeyPurpose.Session, Context(act.Tenant, session.Id), Encoding.UTF8.GetBytes(secret.Reveal()));
        await act.Db.Execute(
            """
            INSERT INTO sessions
                (tenant_id, id, account_id, application_id, credential_id, key_version, mac, created_at, last_seen_at, expires_at,
                 amr, restricted_to)
            VALUES
                (@tenant, @id, @account, @application, @credential, @version, @mac, @now, @now, @expires, @amr, @restriction)
            """,
            new
            {
                tenant = act.Tenant.ToString(),
                id = session.Id.ToString(),
                account = session.Account.ToString(),
                application = session.Application?.ToString(),
                credential = session.Credential?.ToString(),
                version = hash.KeyVersion,
                mac = hash.Mac,
                now = act.NowMs,
                expires = session.ExpiresAt.ToUnixTimeMilliseconds(),
                amr = JsonSerializer.Serialize(session.Amr),
                restriction = session.RestrictedTo is { } restriction ? WireName.Of(restriction) : null,
            });
        return new OpenedSession(
            session, TokenText.Format(TokenPrefix.Session, act.Tenant, session.Id.Value, secret.Reveal()));
    }

    /// <summary>
    /// The live session that a token proves; null for a wrong token, an ended session and one whose time passed, all alike.
    /// </summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant the call reached; a token of another tenant proves nothing.</param>
    /// <param name="token">The token.</param>
    /// <param name="now">The time.</param>
    public async Task<Session?> Find(DbSession db, TenantId tenant, TokenText token, DateTimeOffset now)
    {
        var id = SessionId.From(token.Id);
        var row = token.Tenant == tenant
            ? await db.Find<Row>(
                $"SELECT {Columns} FROM sessions WHERE tenant_id = @tenant AND id = @id",
                new { tenant = tenant.ToString(), id = id.ToString() })
            : null;
        if (row is null || !keys.Verify(
            new KeyedHash((int)row.KeyVersion, row.Mac), KeyPurpose.Session, Context(tenant, id),
            Encoding.UTF8.GetBytes(token.Secret.Reveal())))
        {
            return null;
        }

        var session = row.Read();
        return session.IsAlive(now) ? session : null;
    }

    /// <summary>A live session by its id, for who proved it otherwise than by its token.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">Its id.</param>
    /// <param name="now">The time.</param>
    public async Task<Session?> Find(DbSession db, TenantId tenant, SessionId id, DateTimeOffset now) =>
        await db.Find<Row>(
            $"SELECT {Columns} FROM sessions WHERE tenant_id = @tenant AND id = @id",
            new { tenant = tenant.ToString(), id = id.ToString() }) is { } row && row.Read() is var session && session.IsAlive(now)
                ? session
                : null;

    /// <summary>
    /// Lets the session of a recovery go on, for a person who has just set a credential in it. It may be used for everything from now on.
    /// </summary>
    /// <param name="act">The act that set the credential.</param>
    /// <param name="session">The session.</param>
    /// <param name="lifetime">How long it lasts from its beginning; cut to <see cref="Session.LongestLifetime"/>.</param>
    /// <returns>Whether it was such a session.</returns>
    public async Task<bool> LiftRecovery(Act act, Session session, TimeSpan lifetime)
    {
        var ends = session.CreatedAt + (lifetime < Session.LongestLifetime ? lifetime : Session.LongestLifetime);
        return await act.Db.Execute(
            """
            UPDATE sessions SET restricted_to = NULL, expires_at = CASE WHEN expires_at > @ends THEN expires_at ELSE @ends END
            WHERE tenant_id = @tenant AND id = @id AND restricted_to = @recovery
            """,
            new
            {
                tenant = act.Tenant.ToString(),
                id = session.Id.ToString(),
                recovery = WireName.Of(SessionRestriction.Recovery),
                ends = ends.ToUnixTimeMilliseconds(),
            }) == 1;
    }

    /// <summary>Whether a session is still alive in this transaction.</summary>
    /// <param name="act">The act.</param>
    /// <param name="session">The session as it was proved.</param>
    public async Task<bool> StillIs(Act act, Session session) =>
        await act.Db.Find<Row>(
            $"SELECT {Columns} FROM sessions WHERE tenant_id = @tenant AND id = @id",
            new { tenant = act.Tenant.ToString(), id = session.Id.ToString() }) is { } row && row.Read().IsAlive(act.Now);

    /// <summary>All live sessions of an account, oldest first.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="account">Whose.</param>
    /// <param name="now">The time.</param>
    public async Task<IReadOnlyList<Session>> List(DbSession db, TenantId tenant, AccountId account, DateTimeOffset now) =>
        [.. (await db.List<Row>(
            $"SELECT {Columns} FROM sessions WHERE tenant_id = @tenant AND account_id = @account ORDER BY created_at, id",
            new { tenant = tenant.ToString(), account = account.ToString() }))
            .Select(r => r.Read()).Where(s => s.IsAlive(now))];

    /// <summary>A page of the tenant's live sessions, by their ids.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="after">After this one; null for the first page.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="now">The time.</param>
    public async Task<IReadOnlyList<Session>> Page(DbSession db, TenantId tenant, SessionId? after, int limit, DateTimeOffset now) =>
        [.. (await db.List<Row>(
            $"""
            SELECT {Columns} FROM sessions
            WHERE tenant_id = @tenant AND id > @after AND expires_at > @now AND last_seen_at > @idle ORDER BY id LIMIT @limit
            """,
            new
            {
                tenant = tenant.ToString(),
                after = after?.ToString() ?? "",
                now = now.ToUnixTimeMilliseconds(),
                idle = (now - Session.LongestIdle).ToUnixTimeMilliseconds(),
                limit,
            })).Select(r => r.Read())];

    /// <summary>Notes that a session is in use, unless it ended meanwhile.</summary>
    /// <param name="act">The act.</param>
    /// <param name="session">The session.</param>
    public Task<int> MarkSeen(Act act, SessionId session) => act.Db.Execute(
        """
        UPDATE sessions SET last_seen_at = @now
        WHERE tenant_id = @tenant AND id = @id AND last_seen_at < @now AND last_seen_at > @idle AND expires_at > @now
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = session.ToString(),
            now = act.NowMs,
            idle = (act.Now - Session.LongestIdle).ToUnixTimeMilliseconds(),
        });

    /// <summary>Ends a session, and the refresh token that came with it.</summary>
    /// <param name="act">The act.</param>
    /// <param name="session">The session.</param>
    /// <returns>Whether it was there.</returns>
    public async Task<bool> End(Act act, SessionId session)
    {
        // A refresh token stands under its hash alone, so that it is not found from here: it is told by what it names.
        if (await act.Db.Find<string>(
            "SELECT account_id FROM sessions WHERE tenant_id = @tenant AND id = @id AND restricted_to = @openpgp",
            new { tenant = act.Tenant.ToString(), id = session.ToString(), openpgp = WireName.Of(SessionRestriction.Openpgp) }) is { } account)
        {
            await ceremonies.TryBegin(
                act, EndedKind, session.ToString(), new Ceremony<bool>(Ids.Parse<AccountId>(account), null, State: true, 1), act.Now + LongestRefresh);
        }

        return await Replace(act, session);
    }

    /// <summary>Whether somebody ended a session: its time did not just pass, and no other took its place.</summary>
    /// <param name="act">The act.</param>
    /// <param name="session">The session.</param>
    public async Task<bool> WasEnded(Act act, SessionId session) =>
        await ceremonies.Find<bool>(act.Db, act.Tenant, EndedKind, session.ToString(), act.Now) is not null;

    /// <summary>Ends a session in whose place another comes.</summary>
    /// <param name="act">The act.</param>
    /// <param name="session">The session.</param>
    /// <returns>Whether it was there.</returns>
    public async Task<bool> Replace(Act act, SessionId session) => await act.Db.Execute(
        "DELETE FROM sessions WHERE tenant_id = @tenant AND id = @id",
        new { tenant = act.Tenant.ToString(), id = session.ToString() }) == 1;

    /// <summary>Ends what an OpenPGP key opened: sessions and refresh tokens.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <returns>How many sessions there were that had not ended by themselves.</returns>
    public async Task<int> EndOfOpenPgp(Act act, AccountId account)
    {
        await EndExpired(act, account);
        await ceremonies.EndOf(act, account, RefreshKind);
        return await act.Db.Execute(
            "DELETE FROM sessions WHERE tenant_id = @tenant AND account_id = @account AND restricted_to = @openpgp",
            new { tenant = act.Tenant.ToString(), account = account.ToString(), openpgp = WireName.Of(SessionRestriction.Openpgp) });
    }

    /// <summary>Ends the sessions of an account, and whatever would open further ones: codes, refresh tokens.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <param name="except">The one that stays; null for none.</param>
    /// <returns>How many there were that had not ended by themselves.</returns>
    public async Task<int> EndAll(Act act, AccountId account, SessionId? except = null)
    {
        await EndExpired(act, account);
        await ceremonies.EndOf(act, account, AccountCodes.Kind);
        await ceremonies.EndOf(act, account, RefreshKind);
        return await act.Db.Execute(
            "DELETE FROM sessions WHERE tenant_id = @tenant AND account_id = @account AND id <> @except",
            new
            {
                tenant = act.Tenant.ToString(),
                account = account.ToString(),
                except = except?.ToString() ?? "", // No id is empty.
            });
    }

    /// <summary>Ends the sessions that a credential opened.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <param name="credential">The credential.</param>
    /// <returns>How many there were that had not ended by themselves.</returns>
    public async Task<int> EndOpenedBy(Act act, AccountId account, CredentialId credential)
    {
        await EndExpired(act, account);
        await ceremonies.EndOf(act, account, AccountCodes.Kind);
        return await act.Db.Execute(
            "DELETE FROM sessions WHERE tenant_id = @tenant AND account_id = @account AND credential_id = @credential",
            new { tenant = act.Tenant.ToString(), account = account.ToString(), credential = credential.ToString() });
    }

    /// <summary>Ends the sessions of an account that were opened at a time or later.</summary>
    /// <param name="act">The act.</param>
    /// <param name="account">Whose.</param>
    /// <param name="since">The time.</param>
    /// <returns>How many there were that had not ended by themselves.</returns>
    public async Task<int> EndOpenedSince(Act act, AccountId account, DateTimeOffset since)
    {
        await EndExpired(act, account);
        await ceremonies.EndOf(act, account, AccountCodes.Kind);
        await ceremonies.EndOf(act, account, RefreshKind); // Those from before too: whose session is older is not known of them.
        return await act.Db.Execute(
            "DELETE FROM sessions WHERE tenant_id = @tenant AND account_id = @account AND created_at >= @since",
            new { tenant = act.Tenant.ToString(), account = account.ToString(), since = since.ToUnixTimeMilliseconds() });
    }

    private static Task<int> EndExpired(Act act, AccountId account) => act.Db.Execute(
        """
        DELETE FROM sessions
        WHERE tenant_id = @tenant AND account_id = @account AND (expires_at <= @now OR last_seen_at <= @idle)
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            account = account.ToString(),
            now = act.NowMs,
            idle = (act.Now - Session.LongestIdle).ToUnixTimeMilliseconds(),
        });

    private static string Context(TenantId tenant, SessionId session) => $"{tenant}/{session}";

    private sealed record Row(
        string Id,
        string Account,
        string? Application,
        string? Credential,
        long KeyVersion,
        byte[] Mac,
        long CreatedAt,
        long LastSeenAt,
        long ExpiresAt,
        string Amr,
        string? RestrictedTo)
    {
        public Session Read() => new(
            Ids.Parse<SessionId>(Id), Ids.Parse<AccountId>(Account), At(CreatedAt), At(LastSeenAt), At(ExpiresAt),
            JsonSerializer.Deserialize<string[]>(Amr)!)
        {
            Application = Application is null ? null : Ids.Parse<ApplicationId>(Application),
            Credential = Credential is null ? null : Ids.Parse<CredentialId>(Credential),
            RestrictedTo = RestrictedTo is null ? null : WireName.Parse<SessionRestriction>(RestrictedTo),
        };

        private static DateTimeOffset At(long ms) => DateTimeOffset.FromUnixTimeMilliseconds(ms);
    }
}
