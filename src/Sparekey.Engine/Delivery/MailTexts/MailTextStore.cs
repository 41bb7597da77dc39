using System.Collections.Immutable;
using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Delivery.MailTexts;

/// <summary>Tenants' own texts of mail and their settings.</summary>
internal sealed class MailTextStore
{
    private const string Columns =
        """
        name AS Name, locale AS Locale, subject AS Subject, body AS Body, html AS Html, version AS Version, revision AS Revision,
        changed_at AS ChangedAt
        """;

    /// <summary>All own texts of a tenant.</summary>
    public async Task<ImmutableArray<OwnMailText>> List(DbSession db, TenantId tenant) =>
        [.. (await db.List<Row>(
            $"SELECT {Columns} FROM mail_texts WHERE tenant_id = @tenant ORDER BY name, locale", new { tenant = tenant.ToString() }))
            .Select(r => r.Read())];

    /// <summary>The own texts that a message may be made of: its own in every language, layouts and phrases.</summary>
    public async Task<ImmutableArray<OwnMailText>> For(DbSession db, TenantId tenant, string name) =>
        [.. (await db.List<Row>(
            $"SELECT {Columns} FROM mail_texts WHERE tenant_id = @tenant AND name IN (@name, @layout, @phrases)",
            new { tenant = tenant.ToString(), name, layout = MailTemplates.Layout, phrases = MailTemplates.Phrases })).Select(r => r.Read())];

    /// <summary>How many own texts a tenant has.</summary>
    public Task<long> Count(DbSession db, TenantId tenant) => db.Scalar<long>(
        "SELECT COUNT(*) FROM mail_texts WHERE tenant_id = @tenant", new { tenant = tenant.ToString() });

    /// <summary>One own text.</summary>
    public async Task<OwnMailText?> Find(DbSession db, TenantId tenant, string name, string locale) =>
        (await db.Find<Row>(
            $"SELECT {Columns} FROM mail_texts WHERE tenant_id = @tenant AND name = @name AND locale = @locale",
            new { tenant = tenant.ToString(), name, locale }))?.Read();

    /// <summary>Writes a text.</summary>
    public Task<int> Put(Act act, OwnMailText text, Principal by) => act.Db.Execute(
        """
        INSERT INTO mail_texts (tenant_id, name, locale, subject, body, html, version, revision, changed_at, changed_by)
        VALUES (@tenant, @name, @locale, @subject, @body, @html, @version, @revision, @now, @by)
        ON CONFLICT (tenant_id, name, locale) DO UPDATE SET subject = excluded.subject, body = excluded.body, html = excluded.html,
            version = excluded.version, revision = excluded.revision, changed_at = excluded.changed_at, changed_by = excluded.changed_by
        """,
        new
        {
            tenant = act.Tenant.ToString(),
            name = text.Name,
            locale = text.Locale,
            subject = text.Content.Subject,
            body = text.Content.Text,
            html = text.Content.Html,
            version = text.Version,
            revision = text.Revision,
            now = act.NowMs,
            by = by.Id,
        });

    /// <summary>Takes a text away.</summary>
    public Task<int> Remove(Act act, string name, string locale) => act.Db.Execute(
        "DELETE FROM mail_texts WHERE tenant_id = @tenant AND name = @name AND locale = @locale",
        new { tenant = act.Tenant.ToString(), name, locale });

    /// <summary>A tenant's settings.</summary>
    public async Task<MailSettings> Settings(DbSession db, TenantId tenant) =>
        await db.Find<SettingsRow>(
            "SELECT from_name AS FromName, locale AS Locale, version AS Version FROM mail_settings WHERE tenant_id = @tenant",
            new { tenant = tenant.ToString() }) is { } row
            ? new MailSettings(row.FromName, row.Locale, (int)row.Version)
            : MailSettings.None;

    /// <summary>Writes a tenant's settings.</summary>
    public Task<int> PutSettings(Act act, MailSettings settings) => act.Db.Execute(
        """
        INSERT INTO mail_settings (tenant_id, from_name, locale, version) VALUES (@tenant, @name, @locale, @version)
        ON CONFLICT (tenant_id) DO UPDATE SET from_name = excluded.from_name, locale = excluded.locale, version = excluded.version
        """,
        new { tenant = act.Tenant.ToString(), name = settings.FromName, locale = settings.Locale, version = settings.Version });

    private sealed record Row(
        string Name, string Locale, string? Subject, string Body, string? Html, long Version, string Revision, long ChangedAt)
    {
        public OwnMailText Read() => new(
            Name, Locale, new MailText(Subject, Body, Html), (int)Version, DateTimeOffset.FromUnixTimeMilliseconds(ChangedAt))
        {
            Revision = Revision,
        };
    }

    private sealed record SettingsRow(string? FromName, string Locale, long Version);
}
