using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Passbolt;

/// <summary>What the companion remembers. It writes rows and nothing else.</summary>
internal sealed class CompanionStore
{
    private const string People =
        """
        user_id AS User, account_id AS Account, state AS State, made AS Made, is_admin AS IsAdmin, username AS Username,
        fingerprint AS Fingerprint, public_key AS PublicKey
        """;

    /// <summary>Notes the server's key where none was seen of that server yet.</summary>
    /// <param name="act">The act.</param>
    /// <param name="options">Which server.</param>
    /// <param name="fingerprint">Its key's fingerprint now.</param>
    public async Task<int> PinServer(Act act, CompanionOptions options, string fingerprint)
    {
        var known = await Find(act.Db, act.Tenant);
        if (known?.Server == options.Server)
        {
            return known.ServerKey is null ? await Put(act, known with { ServerKey = fingerprint }) : 0;
        }

        // Another server is another beginning: nothing that was known of the former one holds, and nobody's key of there counts here.
        var of = new { tenant = act.Tenant.ToString() };
        await act.Db.Execute("DELETE FROM passbolt_companions WHERE tenant_id = @tenant", of);
        await act.Db.Execute("DELETE FROM passbolt_people WHERE tenant_id = @tenant AND state <> 'forgotten'", of);
        return await Begin(act, options, fingerprint);
    }

    /// <summary>Begins to know of the server that is watched.</summary>
    /// <param name="act">The act.</param>
    /// <param name="options">Which server.</param>
    /// <param name="fingerprint">Its key's fingerprint; null while it has proved none.</param>
    public Task<int> Begin(Act act, CompanionOptions options, string? fingerprint) => act.Db.Execute(
        "INSERT INTO passbolt_companions (tenant_id, server, server_key) VALUES (@tenant, @server, @fingerprint)",
        new { tenant = act.Tenant.ToString(), server = options.Server.AbsoluteUri, fingerprint });

    /// <summary>What is known of the tenant's server; null where nobody has looked yet.</summary>
    public async Task<CompanionState?> Find(DbSession db, TenantId tenant) => (await db.Find<StateRow>(
        """
        SELECT server AS Server, server_key AS ServerKey, organisation_key AS OrganisationKey, alarm AS Alarm, alarm_at AS AlarmAt,
            fault AS Fault, fault_since AS FaultSince, looked_at AS LookedAt, people_at AS PeopleAt
        FROM passbolt_companions WHERE tenant_id = @tenant
        """,
        new { tenant = tenant.ToString() }))?.Read();

    /// <summary>Writes what is known. Zero where nobody has looked yet.</summary>
    public Task<int> Put(Act act, CompanionState state) => act.Db.Execute(
        """
        UPDATE passbolt_companions SET server_key = @serverKey, organisation_key = @organisationKey, alarm = @alarm, alarm_at = @alarmAt,
            fault = @fault, fault_since = @faultSince, looked_at = @lookedAt, people_at = @peopleAt
        WHERE tenant_id = @tenant
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            serverKey = state.ServerKey,
            organisationKey = state.OrganisationKey,
            alarm = state.Alarm is { } alarm ? WireName.Of(alarm) : null,
            alarmAt = state.AlarmAt?.ToUnixTimeMilliseconds(),
            fault = state.Fault,
            faultSince = state.FaultSince?.ToUnixTimeMilliseconds(),
            lookedAt = state.LookedAt?.ToUnixTimeMilliseconds(),
            peopleAt = state.PeopleAt?.ToUnixTimeMilliseconds(),
        });

    /// <summary>A person by their id there.</summary>
    public async Task<CompanionPerson?> FindPerson(DbSession db, TenantId tenant, Guid user) => (await db.Find<PersonRow>(
        $"SELECT {People} FROM passbolt_people WHERE tenant_id = @tenant AND user_id = @user",
        new { tenant = tenant.ToString(), user = user.ToString("D") }))?.Read();

    /// <summary>A person by their account here.</summary>
    public async Task<CompanionPerson?> FindPerson(DbSession db, TenantId tenant, AccountId account) => (await db.Find<PersonRow>(
        $"SELECT {People} FROM passbolt_people WHERE tenant_id = @tenant AND account_id = @account",
        new { tenant = tenant.ToString(), account = account.ToString() }))?.Read();

    /// <summary>Everybody who is known.</summary>
    public async Task<IReadOnlyList<CompanionPerson>> ListPeople(DbSession db, TenantId tenant) => [.. (await db.List<PersonRow>(
        $"SELECT {People} FROM passbolt_people WHERE tenant_id = @tenant ORDER BY user_id", new { tenant = tenant.ToString() })).Select(r => r.Read())];

    /// <summary>The keys of the administrators there.</summary>
    public async Task<IReadOnlyList<string>> AdminKeys(DbSession db, TenantId tenant, int limit) => await db.List<string>(
        """
        SELECT public_key FROM passbolt_people
        WHERE tenant_id = @tenant AND is_admin = 1 AND state = 'active' AND public_key IS NOT NULL ORDER BY user_id LIMIT @limit
        """,
        new { tenant = tenant.ToString(), limit });

    /// <summary>Writes a person.</summary>
    public Task<int> PutPerson(Act act, CompanionPerson person) => act.Db.Execute(
        """
        INSERT INTO passbolt_people (tenant_id, user_id, account_id, state, made, is_admin, username, fingerprint, public_key, seen_at)
        VALUES (@tenant, @user, @account, @state, @made, @admin, @username, @fingerprint, @key, @now)
        ON CONFLICT (tenant_id, user_id) DO UPDATE SET
            account_id = excluded.account_id, state = excluded.state, made = excluded.made, is_admin = excluded.is_admin,
            username = excluded.username, fingerprint = excluded.fingerprint, public_key = excluded.public_key, seen_at = excluded.seen_at
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            user = person.User.ToString("D"),
            account = person.Account.ToString(),
            state = WireName.Of(person.State),
            made = person.Made ? 1 : 0,
            admin = person.IsAdmin ? 1 : 0,
            username = person.Username,
            fingerprint = person.Fingerprint,
            key = person.PublicKey,
            now = act.NowMs,
        });

    /// <summary>Knows a person no more under the id that they had there.</summary>
    public Task<int> RemovePerson(Act act, Guid user) => act.Db.Execute(
        "DELETE FROM passbolt_people WHERE tenant_id = @tenant AND user_id = @user", new { tenant = act.Tenant.ToString(), user = user.ToString("D") });

    /// <summary>Keeps of a person whose account is deleted that they are known, and nothing else.</summary>
    public Task<int> Forget(Act act, AccountId account) => act.Db.Execute(
        """
        UPDATE passbolt_people SET state = 'forgotten', is_admin = 0, username = NULL, fingerprint = NULL, public_key = NULL
        WHERE tenant_id = @tenant AND account_id = @account
        """,
        new { tenant = act.Tenant.ToString(), account = account.ToString() });

    /// <summary>Notes that the server shall mail a person.</summary>
    public Task<int> AddStart(Act act, Recovery recovery) => act.Db.Execute(
        "INSERT INTO passbolt_starts (tenant_id, recovery_id, account_id, created_at) VALUES (@tenant, @recovery, @account, @now)",
        new { tenant = act.Tenant.ToString(), recovery = recovery.Id.ToString(), account = recovery.Request.Account.ToString(), now = act.NowMs });

    /// <summary>Whom the server shall mail, the oldest first.</summary>
    public async Task<IReadOnlyList<(RecoveryId Recovery, AccountId Account)>> Starts(DbSession db, TenantId tenant, int limit) =>
        [.. (await db.List<StartRow>(
            """
            SELECT recovery_id AS Recovery, account_id AS Account FROM passbolt_starts
            WHERE tenant_id = @tenant ORDER BY created_at, recovery_id LIMIT @limit
            """,
            new { tenant = tenant.ToString(), limit })).Select(r => (Ids.Parse<RecoveryId>(r.Recovery), Ids.Parse<AccountId>(r.Account)))];

    /// <summary>Notes that the server was asked, or need not be.</summary>
    public Task<int> RemoveStart(Act act, RecoveryId recovery) => act.Db.Execute(
        "DELETE FROM passbolt_starts WHERE tenant_id = @tenant AND recovery_id = @recovery",
        new { tenant = act.Tenant.ToString(), recovery = recovery.ToString() });

    private sealed record StartRow(string Recovery, string Account);

    private sealed record StateRow(
        string Server, string? ServerKey, string? OrganisationKey, string? Alarm, long? AlarmAt, string? Fault, long? FaultSince, long? LookedAt,
        long? PeopleAt)
    {
        public CompanionState Read() => new(new Uri(Server), ServerKey)
        {
            OrganisationKey = OrganisationKey,
            Alarm = Alarm is null ? null : WireName.Parse<CompanionAlarm>(Alarm),
            AlarmAt = At(AlarmAt),
            Fault = Fault,
            FaultSince = At(FaultSince),
            LookedAt = At(LookedAt),
            PeopleAt = At(PeopleAt),
        };

        private static DateTimeOffset? At(long? ms) => ms is { } known ? DateTimeOffset.FromUnixTimeMilliseconds(known) : null;
    }

    private sealed record PersonRow(
        string User, string Account, string State, long Made, long IsAdmin, string? Username, string? Fingerprint, string? PublicKey)
    {
        public CompanionPerson Read() => new(
            Guid.ParseExact(User, "D"), Ids.Parse<AccountId>(Account), WireName.Parse<PersonState>(State), Made != 0, IsAdmin != 0, Username,
            Fingerprint, PublicKey);
    }
}
