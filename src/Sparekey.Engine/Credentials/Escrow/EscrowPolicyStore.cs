using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow;

/// <summary>A disabling that can still be undone.</summary>
/// <param name="Id">The policy that disabled escrow.</param>
/// <param name="Before">The policy that would come back.</param>
/// <param name="Until">Until when.</param>
internal sealed record UndoableDisabling(EscrowPolicyId Id, EscrowPolicyId Before, DateTimeOffset Until);

/// <summary>Policies of escrow and organisation keys.</summary>
internal sealed class EscrowPolicyStore
{
    private const string KeyColumns =
        """
        id AS Id, fingerprint AS Fingerprint, armored AS Armored, revoked_armored AS RevokedArmored, state AS State, created_at AS CreatedAt,
        created_by_kind AS ByKind, created_by AS CreatedBy, created_by_owner AS ByOwner, modified_at AS ModifiedAt, modified_by AS ModifiedBy
        """;

    private const string PolicyColumns =
        """
        id AS Id, mode AS Mode, key_id AS Key, created_at AS CreatedAt, created_by_kind AS ByKind, created_by AS CreatedBy,
        created_by_owner AS ByOwner, undo_until AS UndoUntil
        """;

    /// <summary>The policy in force; disabled without an id where nobody ever said anything.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    public async Task<EscrowPolicy> Current(DbSession db, TenantId tenant) =>
        await db.Find<PolicyRow>(
            $"SELECT {PolicyColumns} FROM escrow_policies WHERE tenant_id = @tenant AND ended_at IS NULL", new { tenant = tenant.ToString() })
        is { } row
            ? await Read(db, tenant, row)
            : new EscrowPolicy(null, EscrowMode.Disabled, null, DateTimeOffset.UnixEpoch, Principal.System);

    /// <summary>A policy of any time.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">The policy.</param>
    public async Task<EscrowPolicy?> Find(DbSession db, TenantId tenant, EscrowPolicyId id) =>
        await db.Find<PolicyRow>(
            $"SELECT {PolicyColumns} FROM escrow_policies WHERE tenant_id = @tenant AND id = @id",
            new { tenant = tenant.ToString(), id = id.ToString() }) is { } row
            ? await Read(db, tenant, row)
            : null;

    /// <summary>An organisation key of any state.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">The key.</param>
    public async Task<EscrowKey?> FindKey(DbSession db, TenantId tenant, EscrowKeyId id) => (await db.Find<KeyRow>(
        $"SELECT {KeyColumns} FROM escrow_keys WHERE tenant_id = @tenant AND id = @id",
        new { tenant = tenant.ToString(), id = id.ToString() }))?.Read();

    /// <summary>The organisation key of a fingerprint, of any state.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="fingerprint">40 upper-case hexadecimal digits.</param>
    public async Task<EscrowKey?> FindKey(DbSession db, TenantId tenant, string fingerprint) => (await db.Find<KeyRow>(
        $"SELECT {KeyColumns} FROM escrow_keys WHERE tenant_id = @tenant AND fingerprint = @fingerprint",
        new { tenant = tenant.ToString(), fingerprint }))?.Read();

    /// <summary>Every organisation key that ever was, oldest first.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    public async Task<IReadOnlyList<EscrowKey>> Keys(DbSession db, TenantId tenant) =>
        [.. (await db.List<KeyRow>(
            $"SELECT {KeyColumns} FROM escrow_keys WHERE tenant_id = @tenant ORDER BY created_at, id",
            new { tenant = tenant.ToString() })).Select(r => r.Read())];

    /// <summary>The organisation keys whose signature on a wrapped secret counts. A key that was never in force signed nothing.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <returns>The keys, armored, oldest first.</returns>
    public async Task<IReadOnlyList<string>> Signers(DbSession db, TenantId tenant) =>
        [.. (await Keys(db, tenant)).Where(k => k.State is not (EscrowKeyState.Next or EscrowKeyState.Abandoned)).Select(k => k.Armored)];

    /// <summary>Writes down an organisation key, or takes up one that was never in force.</summary>
    /// <param name="act">The act.</param>
    /// <param name="given">The key, with its true fingerprint.</param>
    /// <param name="state">How it stands.</param>
    /// <param name="by">Who gave it.</param>
    public async Task<EscrowKey> AddKey(Act act, GivenKey given, EscrowKeyState state, Principal by)
    {
        var before = await FindKey(act.Db, act.Tenant, given.Fingerprint!);
        var key = new EscrowKey(
            before?.Id ?? NewId.Make<EscrowKeyId>(), given.Fingerprint!, given.Armored, state, act.Now, by, act.Now, by.Id);
        await act.Db.Execute(
            """
            INSERT INTO escrow_keys (tenant_id, id, fingerprint, armored, state, created_at, created_by_kind, created_by, created_by_owner,
                modified_at, modified_by)
            VALUES (@tenant, @id, @fingerprint, @armored, @state, @now, @kind, @by, @owner, @now, @by)
            ON CONFLICT (tenant_id, id) DO UPDATE SET armored = excluded.armored, state = excluded.state, created_at = excluded.created_at,
                created_by_kind = excluded.created_by_kind, created_by = excluded.created_by, created_by_owner = excluded.created_by_owner,
                modified_at = excluded.modified_at, modified_by = excluded.modified_by
            WHERE escrow_keys.state = 'abandoned'
            """,
            new
            {
                tenant = act.Tenant.ToString(),
                id = key.Id.ToString(),
                fingerprint = key.Fingerprint,
                armored = key.Armored,
                state = WireName.Of(state),
                now = act.NowMs,
                kind = WireName.Of(by.Kind),
                by = by.Id,
                owner = by.OwnerId,
            });
        return key;
    }

    /// <summary>Changes how a key stands.</summary>
    /// <param name="act">The act.</param>
    /// <param name="id">The key.</param>
    /// <param name="state">How it stands from now on.</param>
    /// <param name="by">Who changed it.</param>
    /// <param name="revoked">The key with its revocation; null to leave what there is.</param>
    public Task<int> SetKey(Act act, EscrowKeyId id, EscrowKeyState state, Principal by, string? revoked = null) => act.Db.Execute(
        """
        UPDATE escrow_keys SET state = @state, modified_at = @now, modified_by = @by, revoked_armored = COALESCE(@revoked, revoked_armored)
        WHERE tenant_id = @tenant AND id = @id
        """,
        new { tenant = act.Tenant.ToString(), id = id.ToString(), state = WireName.Of(state), now = act.NowMs, by = by.Id, revoked });

    /// <summary>Puts a policy in force in place of the present one.</summary>
    /// <param name="act">The act.</param>
    /// <param name="mode">What it wants.</param>
    /// <param name="key">Its key.</param>
    /// <param name="by">Who says so.</param>
    /// <param name="before">The policy that comes back when this one, which disables, is undone; null for none.</param>
    /// <param name="undoUntil">Until when.</param>
    public async Task<EscrowPolicy> Put(
        Act act, EscrowMode mode, EscrowKey? key, Principal by, EscrowPolicyId? before = null, DateTimeOffset? undoUntil = null)
    {
        await act.Db.Execute(
            "UPDATE escrow_policies SET ended_at = @now WHERE tenant_id = @tenant AND ended_at IS NULL",
            new { tenant = act.Tenant.ToString(), now = act.NowMs });
        var policy = new EscrowPolicy(NewId.Make<EscrowPolicyId>(), mode, key, act.Now, by) { UndoUntil = undoUntil };
        await act.Db.Execute(
            """
            INSERT INTO escrow_policies (tenant_id, id, mode, key_id, created_at, created_by_kind, created_by, created_by_owner, undo_until,
                undo_policy_id)
            VALUES (@tenant, @id, @mode, @key, @now, @kind, @by, @owner, @until, @before)
            """,
            new
            {
                tenant = act.Tenant.ToString(),
                id = policy.Id.ToString(),
                mode = WireName.Of(mode),
                key = key?.Id.ToString(),
                now = act.NowMs,
                kind = WireName.Of(by.Kind),
                by = by.Id,
                owner = by.OwnerId,
                until = undoUntil?.ToUnixTimeMilliseconds(),
                before = before?.ToString(),
            });
        return policy;
    }

    /// <summary>The disablings that can be undone, newest first, or whose time is over.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="now">The time.</param>
    /// <param name="over">Whether to give those whose time is over instead.</param>
    public async Task<IReadOnlyList<UndoableDisabling>> Undoable(DbSession db, TenantId tenant, DateTimeOffset now, bool over = false) =>
        [.. (await db.List<UndoRow>(
            $"""
            SELECT id AS Id, undo_policy_id AS Before, undo_until AS Until FROM escrow_policies
            WHERE tenant_id = @tenant AND undo_until IS NOT NULL AND undo_until {(over ? "<=" : ">")} @now
            ORDER BY created_at DESC, id
            """,
            new { tenant = tenant.ToString(), now = now.ToUnixTimeMilliseconds() }))
            .Select(r => new UndoableDisabling(
                Ids.Parse<EscrowPolicyId>(r.Id), Ids.Parse<EscrowPolicyId>(r.Before), DateTimeOffset.FromUnixTimeMilliseconds(r.Until)))];

    /// <summary>Notes that a disabling cannot be undone any more, or was.</summary>
    /// <param name="act">The act.</param>
    /// <param name="id">The policy that disabled escrow.</param>
    /// <returns>Whether it could until now.</returns>
    public async Task<bool> EndUndo(Act act, EscrowPolicyId id) => await act.Db.Execute(
        "UPDATE escrow_policies SET undo_until = NULL WHERE tenant_id = @tenant AND id = @id AND undo_until IS NOT NULL",
        new { tenant = act.Tenant.ToString(), id = id.ToString() }) == 1;

    private async Task<EscrowPolicy> Read(DbSession db, TenantId tenant, PolicyRow row) => new(
        Ids.Parse<EscrowPolicyId>(row.Id), WireName.Parse<EscrowMode>(row.Mode),
        row.Key is null ? null : await FindKey(db, tenant, Ids.Parse<EscrowKeyId>(row.Key)),
        DateTimeOffset.FromUnixTimeMilliseconds(row.CreatedAt),
        new Principal(WireName.Parse<PrincipalKind>(row.ByKind), row.CreatedBy, row.ByOwner))
    {
        UndoUntil = row.UndoUntil is { } until ? DateTimeOffset.FromUnixTimeMilliseconds(until) : null,
    };

    private sealed record PolicyRow(
        string Id, string Mode, string? Key, long CreatedAt, string ByKind, string CreatedBy, string? ByOwner, long? UndoUntil);

    private sealed record UndoRow(string Id, string Before, long Until);

    private sealed record KeyRow(
        string Id, string Fingerprint, string Armored, string? RevokedArmored, string State, long CreatedAt, string ByKind, string CreatedBy,
        string? ByOwner, long ModifiedAt, string ModifiedBy)
    {
        public EscrowKey Read() => new(
            Ids.Parse<EscrowKeyId>(Id), Fingerprint, Armored, WireName.Parse<EscrowKeyState>(State),
            DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt), new Principal(WireName.Parse<PrincipalKind>(ByKind), CreatedBy, ByOwner),
            DateTimeOffset.FromUnixTimeMilliseconds(ModifiedAt), ModifiedBy)
        {
            RevokedArmored = RevokedArmored,
        };
    }
}
