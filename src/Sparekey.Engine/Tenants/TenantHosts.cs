using Sparekey.Core;
using Sparekey.Engine.Applications;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Tenants;

/// <summary>
/// The hosts by which requests name tenants: those of every application's origins and links. A host means one tenant; who
/// listed it first has it, so that nobody can draw another organisation's requests to their own tenant.
/// </summary>
/// <param name="applications">The applications.</param>
internal sealed class TenantHosts(ApplicationStore applications)
{
    private int _changes;

    /// <summary>How often this process changed them.</summary>
    public int Changes => Volatile.Read(ref _changes);

    /// <summary>Tells this process that they changed. Called after the commit.</summary>
    public void Changed() => Interlocked.Increment(ref _changes);

    /// <summary>A host in the form in which it is compared: lower case, without the port that its scheme implies.</summary>
    /// <param name="host">As a request or an origin has it: host or host:port.</param>
    public static string Normalize(string host)
    {
        var form = host.Trim().ToLowerInvariant();
        return form.EndsWith(":443", StringComparison.Ordinal) ? form[..^4]
            : form.EndsWith(":80", StringComparison.Ordinal) ? form[..^3]
            : form;
    }

    /// <summary>The hosts that an application lists.</summary>
    /// <param name="application">The application.</param>
    public static IEnumerable<string> Of(Application application) =>
        application.Origins.Select(o => o.Authority).Concat(application.LinkHosts).Select(Normalize).Distinct(StringComparer.Ordinal);

    /// <summary>The hosts that an application lists and another tenant has.</summary>
    /// <param name="act">The act.</param>
    /// <param name="application">The application.</param>
    public async Task<IReadOnlyList<string>> TakenBy(Act act, Application application)
    {
        var taken = new List<string>();
        foreach (var host in Of(application))
        {
            if (await IsTaken(act, host))
            {
                taken.Add(host);
            }
        }

        return taken;
    }

    /// <summary>Whether another tenant has a host.</summary>
    /// <param name="act">The act.</param>
    /// <param name="host">The host.</param>
    public async Task<bool> IsTaken(Act act, string host)
    {
        var owner = await act.Db.Scalar<string>(
            "SELECT tenant_id FROM tenant_hosts WHERE host = @host", new { host = Normalize(host) });
        return owner is not null && owner != act.Tenant.ToString();
    }

    /// <summary>Makes the tenant's hosts those that its applications list now. A host that another tenant has stays there.</summary>
    /// <param name="act">The act.</param>
    public async Task Sync(Act act)
    {
        var tenant = act.Tenant.ToString();
        var wanted = (await applications.List(act.Db, act.Tenant)).SelectMany(Of).ToHashSet(StringComparer.Ordinal);
        var had = await act.Db.List<string>("SELECT host FROM tenant_hosts WHERE tenant_id = @tenant", new { tenant });
        foreach (var host in had.Except(wanted))
        {
            await act.Db.Execute("DELETE FROM tenant_hosts WHERE host = @host AND tenant_id = @tenant", new { host, tenant });
        }

        foreach (var host in wanted.Except(had))
        {
            await act.Db.Execute(
                "INSERT INTO tenant_hosts (host, tenant_id) VALUES (@host, @tenant) ON CONFLICT (host) DO NOTHING", new { host, tenant });
        }
    }

    /// <summary>Every host and its tenant.</summary>
    /// <param name="db">The transaction.</param>
    public async Task<IReadOnlyDictionary<string, TenantId>> All(DbSession db) =>
        (await db.List<Row>("SELECT host AS Host, tenant_id AS Tenant FROM tenant_hosts"))
            .ToDictionary(r => r.Host, r => TenantId.Parse(r.Tenant), StringComparer.Ordinal);

    private sealed record Row(string Host, string Tenant);
}
