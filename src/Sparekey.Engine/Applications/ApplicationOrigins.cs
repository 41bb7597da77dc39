using Sparekey.Core;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Applications;

/// <summary>Whether a page may send to a tenant: its origin is one of those that an application of the tenant runs on.</summary>
public sealed class ApplicationOrigins
{
    private readonly Acts _acts;
    private readonly ApplicationStore _applications;

    internal ApplicationOrigins(Acts acts, ApplicationStore applications)
    {
        _acts = acts;
        _applications = applications;
    }

    /// <summary>Whether an application of the tenant runs on an origin.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="origin">The <c>Origin</c> of a request (RFC 6454 §7), as it came; <c>null</c> in text is nobody's.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StorageUnavailableException">Storage cannot serve now.</exception>
    public async Task<bool> Contain(TenantId tenant, string origin, CancellationToken cancellationToken)
    {
        var applications = await _acts.Read(db => _applications.List(db, tenant), cancellationToken);
        return applications.SelectMany(a => a.Origins).Any(
            o => string.Equals(o.GetLeftPart(UriPartial.Authority), origin, StringComparison.OrdinalIgnoreCase));
    }
}
