using System.Text.Json;
using Sparekey.Core;
using Sparekey.Engine.Keys;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Slack;

/// <summary>The tenants' apps in Slack.</summary>
/// <param name="keys">Seals their secrets.</param>
internal sealed class SlackAppStore(KeyRing keys)
{
    private const string Table = "slack_apps";

    private const string Columns =
        """
        tenant_id AS Tenant, base_url AS BaseUrl, channel AS Channel, approver_group AS ApproverGroup, approve_in_chat AS ApproveInChat,
        team_id AS Team, enterprise_id AS Enterprise, position AS Position, changed_at AS ChangedAt, version AS Version, sealed AS Sealed
        """;

    /// <summary>Which tenants have one.</summary>
    public async Task<IReadOnlyList<TenantId>> Tenants(DbSession db) =>
        [.. (await db.List<string>("SELECT tenant_id FROM slack_apps ORDER BY tenant_id")).Select(TenantId.Parse)];

    /// <summary>A tenant's app.</summary>
    public async Task<SlackApp?> Find(DbSession db, TenantId tenant) => (await db.Find<Row>(
        $"SELECT {Columns} FROM slack_apps WHERE tenant_id = @tenant", new { tenant = tenant.ToString() }))?.Read();

    /// <summary>Writes an app; where another was written meanwhile, nothing.</summary>
    /// <returns>Whether it was written.</returns>
    public async Task<bool> Put(Act act, SlackApp app) => await act.Db.Execute(
        """
        INSERT INTO slack_apps (tenant_id, base_url, channel, approver_group, approve_in_chat, team_id, enterprise_id, position,
            changed_at, version, sealed)
        VALUES (@tenant, @url, @channel, @group, @inChat, @team, @enterprise, @position, @changed, @version, @envelope)
        ON CONFLICT (tenant_id) DO UPDATE SET
            base_url = excluded.base_url, channel = excluded.channel, approver_group = excluded.approver_group,
            approve_in_chat = excluded.approve_in_chat, team_id = excluded.team_id, enterprise_id = excluded.enterprise_id,
            changed_at = excluded.changed_at, version = excluded.version, sealed = excluded.sealed
        WHERE slack_apps.version = @version - 1
        """,
        new
        {
            tenant = app.Tenant.ToString(),
            url = app.BaseUrl.AbsoluteUri,
            channel = app.Channel,
            group = app.ApproverGroup,
            inChat = app.ApproveInChat ? 1 : 0,
            team = app.Team,
            enterprise = app.Enterprise,
            position = app.Position,
            changed = app.ChangedAt.ToUnixTimeMilliseconds(),
            version = app.Version,
            envelope = app.Sealed,
        }) == 1;

    /// <summary>Notes the workspace of an app, as long as it is the app that was asked for.</summary>
    public Task<int> SetTeam(Act act, SlackApp app) => act.Db.Execute(
        "UPDATE slack_apps SET team_id = @team, enterprise_id = @enterprise WHERE tenant_id = @tenant AND version = @version",
        new { tenant = app.Tenant.ToString(), team = app.Team, enterprise = app.Enterprise, version = app.Version });

    /// <summary>Notes how far in the ledger messages were made. Zero where another process was faster.</summary>
    public Task<int> Advance(Act act, SlackApp app, long position) => act.Db.Execute(
        "UPDATE slack_apps SET position = @position WHERE tenant_id = @tenant AND position = @before",
        new { tenant = app.Tenant.ToString(), position, before = app.Position });

    /// <summary>Deletes an app. What was asked stays in Slack, and in the list of messages.</summary>
    public async Task Delete(Act act)
    {
        var row = new { tenant = act.Tenant.ToString(), now = act.NowMs };
        await act.Db.Execute("DELETE FROM slack_apps WHERE tenant_id = @tenant", row);
        await act.Db.Execute("DELETE FROM slack_presses WHERE tenant_id = @tenant AND due_at IS NOT NULL", row);
        await act.Db.Execute(
            "UPDATE slack_messages SET state = 'dropped', due_at = NULL, ended_at = @now WHERE tenant_id = @tenant AND due_at IS NOT NULL", row);
    }

    /// <summary>Seals an app's secrets.</summary>
    public byte[] Seal(TenantId tenant, SlackSecrets secrets) =>
        keys.Seal(KeyPurpose.Slack, tenant, Table, tenant.ToString(), JsonSerializer.SerializeToUtf8Bytes(secrets));

    /// <summary>An app's secrets; null when their key was retired.</summary>
    public SlackSecrets? Open(SlackApp app)
    {
        try
        {
            return JsonSerializer.Deserialize<SlackSecrets>(
                keys.Open(KeyPurpose.Slack, app.Tenant, Table, app.Tenant.ToString(), app.Sealed));
        }
        catch (SealBrokenException)
        {
            return null;
        }
    }

    private sealed record Row(
        string Tenant, string BaseUrl, string? Channel, string? ApproverGroup, long ApproveInChat, string? Team, string? Enterprise,
        long Position, long ChangedAt, long Version, byte[] Sealed)
    {
        public SlackApp Read() => new(
            TenantId.Parse(Tenant), new Uri(BaseUrl), DateTimeOffset.FromUnixTimeMilliseconds(ChangedAt), (int)Version)
        {
            Channel = Channel,
            ApproverGroup = ApproverGroup,
            ApproveInChat = ApproveInChat != 0,
            Team = Team,
            Enterprise = Enterprise,
            Position = Position,
            Sealed = Sealed,
        };
    }
}
