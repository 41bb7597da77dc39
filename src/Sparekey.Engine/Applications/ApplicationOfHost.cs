using Sparekey.Engine.Access;
using Sparekey.Engine.Recoveries;

namespace Sparekey.Engine.Applications;

/// <summary>An application, and where its links begin.</summary>
/// <param name="Application">The application.</param>
/// <param name="Origin">The origin of its links, as it is configured.</param>
public sealed record ServedApplication(Application Application, Uri Origin);

/// <summary>Finds the application that a call is for where nothing in the call names one.</summary>
public sealed class ApplicationOfHost
{
    private readonly Acts _acts;
    private readonly ApplicationStore _applications;
    private readonly RecoveryPages _pages;

    internal ApplicationOfHost(Acts acts, ApplicationStore applications, RecoveryPages pages) =>
        (_acts, _applications, _pages) = (acts, applications, pages);

    /// <summary>Finds it.</summary>
    /// <param name="visitor">Where the call came from.</param>
    /// <param name="usual">The application that the caller acts for; null when they act for none in particular.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The caller's own, else the one that lists the host, else the tenant's default one.</returns>
    public Task<ServedApplication> Run(Visitor visitor, ApplicationId? usual, CancellationToken cancellationToken) => _acts.Read(
        async db =>
        {
            var found = (usual is { } id ? await _applications.Find(db, visitor.Tenant, id) : null)
                ?? await _applications.OfHost(db, visitor.Tenant, visitor.Host);
            return new ServedApplication(found, _pages.OriginOf(found));
        },
        cancellationToken);
}
