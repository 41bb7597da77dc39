using Sparekey.Core;

namespace Sparekey.Engine.Applications;

/// <summary>
/// Finds the application that a stranger's call of another product's protocol is for: by the page that it comes from, where an
/// application lists it, else by what the call itself names. Links are built from what that application configured.
/// </summary>
public sealed class ApplicationOfPage
{
    private readonly Acts _acts;
    private readonly ApplicationStore _applications;

    internal ApplicationOfPage(Acts acts, ApplicationStore applications) => (_acts, _applications) = (acts, applications);

    /// <summary>Finds it.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="dialect">Which product's.</param>
    /// <param name="names">What the call names, by ids that applications have in that product; none for nothing.</param>
    /// <param name="origin">The <c>Origin</c> of the call as it came; empty for none. One that nobody lists says nothing.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>
    /// The application; null for the usual one; or <see cref="RefusalCode.InvalidRequest"/> where the names are not all known here. As
    /// long as no application of the tenant has an id of that product, any one name is taken for the tenant's.
    /// </returns>
    public Task<Result<ApplicationId?>> Run(
        TenantId tenant, string dialect, IReadOnlyList<string> names, string origin, CancellationToken cancellationToken) =>
        _acts.Read(
            async db => Choose(await _applications.List(db, tenant), dialect, [.. names.Distinct(StringComparer.Ordinal)], origin), cancellationToken);

    private static Result<ApplicationId?> Choose(
        IReadOnlyList<Application> applications, string dialect, IReadOnlyList<string> names, string origin)
    {
        var ids = applications.SelectMany(a => a.ClientIds).Where(i => i.Dialect == dialect).Select(i => i.Id).ToHashSet(StringComparer.Ordinal);
        if (ids.Count == 0 ? names.Count > 1 : names.Any(n => !ids.Contains(n)))
        {
            return new Refusal(RefusalCode.InvalidRequest, "What names the account does not name one account of this server.");
        }

        var chosen = applications.FirstOrDefault(a => Lists(a, origin))
            ?? applications.FirstOrDefault(a => a.ClientIds.Any(i => i.Dialect == dialect && names.Contains(i.Id, StringComparer.Ordinal)));
        return chosen?.Id;
    }

    private static bool Lists(Application application, string origin) =>
        origin.Length > 0 && application.Origins.Select(o => o.GetLeftPart(UriPartial.Authority))
            .Concat(application.LinkHosts.Select(h => $"https://{h}"))
            .Contains(origin, StringComparer.OrdinalIgnoreCase);
}
