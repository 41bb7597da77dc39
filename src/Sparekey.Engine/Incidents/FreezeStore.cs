using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Incidents;

/// <summary>Which accounts are frozen. It writes rows and nothing else.</summary>
internal sealed class FreezeStore
{
    /// <summary>The freezing of an account that holds now; null when there is none.</summary>
    public async Task<Freeze?> Find(DbSession db, TenantId tenant, AccountId account) =>
        (await db.Find<Row>(
            """
            SELECT id AS Id, account_id AS Account, status_before AS StatusBefore, frozen_at AS FrozenAt, frozen_by AS FrozenBy,
                by_kind AS ByKind, reason AS Reason, lift_id AS LiftId, lift_at AS LiftAt, lift_kind AS LiftKind, lift_by AS LiftBy,
                lift_owner AS LiftOwner, lift_reason AS LiftReason
            FROM account_freezes WHERE tenant_id = @tenant AND account_id = @account AND lifted_at IS NULL
            """,
            new { tenant = tenant.ToString(), account = account.ToString() }))?.Read();

    /// <summary>Writes that an account is frozen.</summary>
    public Task<int> Insert(Act act, Freeze freeze) => act.Db.Execute(
        """
        INSERT INTO account_freezes (tenant_id, id, account_id, status_before, frozen_at, frozen_by, by_kind, reason)
        VALUES (@tenant, @id, @account, @before, @now, @by, @kind, @reason)
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = freeze.Id.ToString(),
            account = freeze.Account.ToString(),
            before = WireName.Of(freeze.StatusBefore),
            now = act.NowMs,
            by = freeze.By.Id,
            kind = WireName.Of(freeze.By.Kind),
            reason = freeze.Reason,
        });

    /// <summary>Writes that somebody asks to lift it, or, with null, that nobody does any more.</summary>
    public Task<int> SetLift(Act act, FreezeId id, LiftRequest? lift) => act.Db.Execute(
        """
        UPDATE account_freezes SET lift_id = @lift, lift_at = @at, lift_kind = @kind, lift_by = @by, lift_owner = @owner, lift_reason = @reason
        WHERE tenant_id = @tenant AND id = @id AND lifted_at IS NULL
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = id.ToString(),
            lift = lift?.Id.ToString(),
            at = lift?.At.ToUnixTimeMilliseconds(),
            kind = lift is null ? null : WireName.Of(lift.By.Kind),
            by = lift?.By.Id,
            owner = lift?.By.OwnerId,
            reason = lift?.Reason,
        });

    /// <summary>Writes that it is lifted, as one request asked. Zero when that request does not stand any more.</summary>
    public Task<int> SetLifted(Act act, FreezeId id, LiftId lift) => act.Db.Execute(
        "UPDATE account_freezes SET lifted_at = @now WHERE tenant_id = @tenant AND id = @id AND lift_id = @lift AND lifted_at IS NULL",
        new { tenant = act.Tenant.ToString(), id = id.ToString(), lift = lift.ToString(), now = act.NowMs });

    /// <summary>Forgets what people wrote about it.</summary>
    public Task<int> Forget(Act act, AccountId account) => act.Db.Execute(
        "UPDATE account_freezes SET reason = NULL, lift_reason = NULL WHERE tenant_id = @tenant AND account_id = @account",
        new { tenant = act.Tenant.ToString(), account = account.ToString() });

    private sealed record Row(
        string Id, string Account, string StatusBefore, long FrozenAt, string FrozenBy, string ByKind, string? Reason, string? LiftId,
        long? LiftAt, string? LiftKind, string? LiftBy, string? LiftOwner, string? LiftReason)
    {
        public Freeze Read() => new(
            Ids.Parse<FreezeId>(Id), Ids.Parse<AccountId>(Account), WireName.Parse<AccountStatus>(StatusBefore),
            DateTimeOffset.FromUnixTimeMilliseconds(FrozenAt), new Principal(WireName.Parse<PrincipalKind>(ByKind), FrozenBy), Reason)
        {
            Lift = LiftId is null ? null : new LiftRequest(
                Ids.Parse<LiftId>(LiftId), DateTimeOffset.FromUnixTimeMilliseconds(LiftAt!.Value),
                new Principal(WireName.Parse<PrincipalKind>(LiftKind!), LiftBy!, LiftOwner), LiftReason ?? ""),
        };
    }
}
