using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Engine.Tenants;

namespace Sparekey.Engine.Applications;

/// <summary>Gives a tenant its default application at start, and lets it follow the installation's origin.</summary>
public sealed class EnsureDefaultApplication
{
    private readonly Acts _acts;
    private readonly ApplicationStore _applications;
    private readonly TenantHosts _hosts;

    internal EnsureDefaultApplication(Acts acts, ApplicationStore applications, TenantHosts hosts)
    {
        _acts = acts;
        _applications = applications;
        _hosts = hosts;
    }

    /// <summary>
    /// Makes the default application with an origin, or puts the origin first among those it has. Does nothing when it stands
    /// there already, so that every start may call it.
    /// </summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="origin">The public origin, for example <c>https://recover.example.com</c>.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    public async Task Run(TenantId tenant, Uri origin, CancellationToken cancellationToken)
    {
        await _acts.Write(tenant, act => Ensure(act, new Uri(origin.GetLeftPart(UriPartial.Authority))), cancellationToken);
        _hosts.Changed();
    }

    /// <summary>Makes the default application when there is none, and leaves one that stands as it is.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="origin">The origin of one that is made.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    public async Task RunIfMissing(TenantId tenant, Uri origin, CancellationToken cancellationToken)
    {
        if (await _acts.Read(db => _applications.FindDefault(db, tenant), cancellationToken) is null)
        {
            await Run(tenant, origin, cancellationToken);
        }
    }

    private async Task<bool> Ensure(Act act, Uri origin)
    {
        var found = await _applications.FindDefault(act.Db, act.Tenant);
        if (found is null)
        {
            await Make(act, Principal.System, origin);
            return true;
        }

        var former = found.Origins is [var first, ..] ? first : null;
        if (former == origin)
        {
            return false;
        }

        // The origin that the last start put first is replaced: a server that moved no longer answers there.
        var next = found with
        {
            Origins = [origin, .. found.Origins.Skip(1).Where(o => o != origin)],
            RpId = found.RpId == RpIdOf(former) ? RpIdOf(origin) : found.RpId,
            Version = found.Version + 1,
        };
        await _applications.Update(act, next);
        await _hosts.Sync(act);
        await act.Record(ApplicationLedger.Entry(LedgerEvent.ApplicationChanged, Principal.System, next, null));
        return true;
    }

    /// <summary>Makes the default application of a tenant that has none.</summary>
    /// <param name="act">The act.</param>
    /// <param name="by">Who makes it.</param>
    /// <param name="origin">Its origin.</param>
    internal async Task<Application> Make(Act act, Principal by, Uri origin)
    {
        var made = new Application(NewId.Make<ApplicationId>(), "Default", RpIdOf(origin), [origin], [])
        {
            IsDefault = true,
            CreatedAt = act.Now,
        };
        await _applications.Insert(act, made);
        await _hosts.Sync(act);
        await act.Record(ApplicationLedger.Entry(LedgerEvent.ApplicationCreated, by, made, null));
        return made;
    }

    // A relying-party id is a domain name: an IP address is none (WebAuthn Level 3 §5.1.2).
    private static string? RpIdOf(Uri? origin) => origin is { HostNameType: UriHostNameType.Dns } ? origin.Host : null;
}
