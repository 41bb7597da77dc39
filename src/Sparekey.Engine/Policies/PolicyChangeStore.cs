using Sparekey.Core;
using Sparekey.Core.Policies;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Policies;

/// <summary>The proposed changes of policy.</summary>
internal sealed class PolicyChangeStore
{
    /// <summary>One change, and the version of its row.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">Which.</param>
    public async Task<(PolicyChange Change, int Version)?> Find(DbSession db, TenantId tenant, PolicyChangeId id) =>
        await db.Find<Row>(
            "SELECT body AS Body, version AS Version FROM policy_changes WHERE tenant_id = @tenant AND id = @id",
            new { tenant = tenant.ToString(), id = id.ToString() }) is { } row
            ? (StoredJson.Read<PolicyChange>(row.Body), (int)row.Version)
            : null;

    /// <summary>Changes, newest first.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="limit">How many at most.</param>
    public async Task<IReadOnlyList<PolicyChange>> List(DbSession db, TenantId tenant, int limit)
    {
        var bodies = await db.List<string>(
            "SELECT body FROM policy_changes WHERE tenant_id = @tenant ORDER BY proposed_at DESC, id DESC LIMIT @limit",
            new { tenant = tenant.ToString(), limit });
        return [.. bodies.Select(StoredJson.Read<PolicyChange>)];
    }

    /// <summary>The changes of one proposer that nobody ended.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="proposer">The proposer's principal id.</param>
    public async Task<IReadOnlyList<PolicyChangeId>> NotEnded(DbSession db, TenantId tenant, string proposer)
    {
        var ids = await db.List<string>(
            "SELECT id FROM policy_changes WHERE tenant_id = @tenant AND proposed_by = @proposer AND ended_at IS NULL",
            new { tenant = tenant.ToString(), proposer });
        return [.. ids.Select(Ids.Parse<PolicyChangeId>)];
    }

    /// <summary>Writes a new change.</summary>
    /// <param name="act">The act.</param>
    /// <param name="change">The change.</param>
    public Task<int> Add(Act act, PolicyChange change) => act.Db.Execute(
        """
        INSERT INTO policy_changes (tenant_id, id, proposed_by, proposed_at, ended_at, version, body)
        VALUES (@tenant, @id, @by, @at, NULL, 1, @body)
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = change.Id.ToString(),
            by = change.ProposedBy.Id,
            at = change.ProposedAt.ToUnixTimeMilliseconds(),
            body = StoredJson.Write(change),
        });

    /// <summary>Writes what became of a change. Zero when somebody else was faster.</summary>
    /// <param name="act">The act.</param>
    /// <param name="change">The change afterwards.</param>
    /// <param name="version">The version of its row that was read.</param>
    public Task<int> Update(Act act, PolicyChange change, int version) => act.Db.Execute(
        """
        UPDATE policy_changes SET ended_at = @ended, body = @body, version = @version + 1
        WHERE tenant_id = @tenant AND id = @id AND version = @version
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            id = change.Id.ToString(),
            ended = change.EndedAt?.ToUnixTimeMilliseconds(),
            body = StoredJson.Write(change),
            version,
        });

    private sealed record Row(string Body, long Version);
}
