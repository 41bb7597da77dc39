using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Credentials.Passkeys;
using Sparekey.Engine.Storage;
using Sparekey.Engine.Tenants;

namespace Sparekey.Engine.Applications;

/// <summary>The applications of tenants. It writes rows and nothing else; hosts are <see cref="Tenants.TenantHosts"/>'.</summary>
internal sealed class ApplicationStore
{
    private const string Select =
        """
        SELECT id AS Id, name AS Name, rp_id AS RpId, origins AS Origins, link_hosts AS LinkHosts, return_urls AS ReturnUrls,
               client_ids AS ClientIds, group_name AS GroupName, branding AS Branding, is_default AS IsDefault, created_at AS CreatedAt, version AS Version
        FROM applications
        """;

    /// <summary>An application by its id; null when the tenant has no such one.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">Its id.</param>
    public async Task<Application?> Find(DbSession db, TenantId tenant, ApplicationId id) =>
        (await db.Find<Row>(
            $"{Select} WHERE tenant_id = @tenant AND id = @id", new { tenant = tenant.ToString(), id = id.ToString() }))?.Read();

    /// <summary>The application that is meant when a request names none. Every tenant has one from its making.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <exception cref="InvalidOperationException">The tenant was not made by the program.</exception>
    public async Task<Application> Default(DbSession db, TenantId tenant) =>
        await FindDefault(db, tenant) ?? throw new InvalidOperationException("The tenant has no default application.");

    /// <summary>The default application, or null before there is one.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    public async Task<Application?> FindDefault(DbSession db, TenantId tenant) =>
        (await db.Find<Row>(
            $"{Select} WHERE tenant_id = @tenant AND is_default = 1", new { tenant = tenant.ToString() }))?.Read();

    /// <summary>The application that a host belongs to, else the default one.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="host">The host, perhaps with a port.</param>
    public async Task<Application> OfHost(DbSession db, TenantId tenant, string host)
    {
        var all = await List(db, tenant);
        return all.FirstOrDefault(a => TenantHosts.Of(a).Contains(TenantHosts.Normalize(host), StringComparer.Ordinal)) ?? all.First(a => a.IsDefault);
    }

    /// <summary>
    /// The relying party of an application; null when it has none. Applications of a group with one relying-party id are one party: what
    /// the programme of one begins, the page of another completes.
    /// </summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">The application.</param>
    public async Task<RelyingParty?> PartyOf(DbSession db, TenantId tenant, ApplicationId id)
    {
        if (await Find(db, tenant, id) is not { } application || RelyingParty.Of(application) is not { } party)
        {
            return null;
        }

        var others = application.Group is null ? [] : (await List(db, tenant)).Where(a => a.Group == application.Group && a.RpId == party.Id);
        return party with { Origins = [.. party.Origins.Concat(others.Select(RelyingParty.Of).SelectMany(p => p!.Origins)).Distinct(StringComparer.Ordinal)] };
    }

    /// <summary>Whether two applications share a group.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="one">The one.</param>
    /// <param name="other">The other.</param>
    public async Task<bool> AreOfOneGroup(DbSession db, TenantId tenant, ApplicationId one, ApplicationId other) =>
        one == other
        || (await Find(db, tenant, one) is { Group: { } group } && await Find(db, tenant, other) is { Group: { } same } && group == same);

    /// <summary>The ids of all applications of a tenant.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    public async Task<IReadOnlyList<ApplicationId>> Ids(DbSession db, TenantId tenant) =>
        [.. (await db.List<string>(
            "SELECT id FROM applications WHERE tenant_id = @tenant ORDER BY created_at, id", new { tenant = tenant.ToString() }))
            .Select(Core.Ids.Parse<ApplicationId>)];

    /// <summary>All applications of a tenant, oldest first: there are few.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    public async Task<IReadOnlyList<Application>> List(DbSession db, TenantId tenant) =>
        [.. (await db.List<Row>(
            $"{Select} WHERE tenant_id = @tenant ORDER BY created_at, id", new { tenant = tenant.ToString() })).Select(r => r.Read())];

    /// <summary>Writes a new application.</summary>
    /// <param name="act">The act.</param>
    /// <param name="application">The application, at version 1.</param>
    public Task<int> Insert(Act act, Application application) => act.Db.Execute(
        """
        INSERT INTO applications
            (tenant_id, id, name, rp_id, origins, link_hosts, return_urls, client_ids, group_name, branding, is_default, created_at, version)
        VALUES
            (@tenant, @id, @name, @rpId, @origins, @linkHosts, @returnUrls, @clientIds, @group, @branding, @isDefault, @created, @version)
        """,
        Parameters(act, application));

    /// <summary>Writes what changed, unless somebody else changed it first.</summary>
    /// <param name="act">The act.</param>
    /// <param name="next">The application as it shall be, one version later.</param>
    /// <returns>Whether it was written.</returns>
    public async Task<bool> Update(Act act, Application next) => await act.Db.Execute(
        """
        UPDATE applications SET name = @name, rp_id = @rpId, origins = @origins, link_hosts = @linkHosts, return_urls = @returnUrls,
            client_ids = @clientIds, group_name = @group, branding = @branding, version = @version
        WHERE tenant_id = @tenant AND id = @id AND version = @version - 1
        """,
        Parameters(act, next)) == 1;

    /// <summary>Removes an application; the default one stays.</summary>
    /// <param name="act">The act.</param>
    /// <param name="id">Which.</param>
    /// <returns>Whether it was there.</returns>
    public async Task<bool> Delete(Act act, ApplicationId id) => await act.Db.Execute(
        "DELETE FROM applications WHERE tenant_id = @tenant AND id = @id AND is_default = 0",
        new { tenant = act.Tenant.ToString(), id = id.ToString() }) == 1;

    /// <summary>Whether recoveries that are not closed belong to an application.</summary>
    /// <param name="db">The transaction.</param>
    /// <param name="tenant">The tenant.</param>
    /// <param name="id">Which.</param>
    public async Task<bool> HasOpenRecoveries(DbSession db, TenantId tenant, ApplicationId id) => await db.Scalar<long>(
        """
        SELECT COUNT(*) FROM recoveries
        WHERE tenant_id = @tenant AND due_at IS NOT NULL AND closed_at IS NULL AND application_id = @id
        """,
        new { tenant = tenant.ToString(), id = id.ToString() }) > 0;

    private static object Parameters(Act act, Application application) => new
    {
        tenant = act.Tenant.ToString(),
        id = application.Id.ToString(),
        name = application.Name,
        rpId = application.RpId,
        origins = StoredJson.Write(application.Origins.Select(o => o.GetLeftPart(UriPartial.Authority))),
        linkHosts = StoredJson.Write(application.LinkHosts),
        returnUrls = StoredJson.Write(application.ReturnUrls.Select(u => u.AbsoluteUri)),
        clientIds = StoredJson.Write(application.ClientIds),
        group = application.Group,
        branding = StoredJson.Write(application.Branding),
        isDefault = application.IsDefault ? 1 : 0,
        created = application.CreatedAt.ToUnixTimeMilliseconds(),
        version = application.Version,
    };

    private sealed record Row(
        string Id,
        string Name,
        string? RpId,
        string Origins,
        string LinkHosts,
        string ReturnUrls,
        string ClientIds,
        string? GroupName,
        string Branding,
        long IsDefault,
        long CreatedAt,
        long Version)
    {
        public Application Read() => new(
            Core.Ids.Parse<ApplicationId>(Id), Name, RpId, Uris(Origins), StoredJson.Read<string[]>(LinkHosts))
        {
            ReturnUrls = Uris(ReturnUrls),
            ClientIds = [.. StoredJson.Read<ExternalId[]>(ClientIds)],
            Group = GroupName,
            Branding = StoredJson.Read<Branding>(Branding),
            IsDefault = IsDefault != 0,
            CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(CreatedAt),
            Version = (int)Version,
        };

        private static Uri[] Uris(string json) => [.. StoredJson.Read<string[]>(json).Select(u => new Uri(u))];
    }
}
