using Sparekey.Core;
using Sparekey.Core.Accounts;

namespace Sparekey.Engine.Applications;

/// <summary>Finds the application that a call of another product's client is for.</summary>
public sealed class ApplicationOfClient
{
    private readonly Acts _acts;
    private readonly ApplicationStore _applications;

    internal ApplicationOfClient(Acts acts, ApplicationStore applications) => (_acts, _applications) = (acts, applications);

    /// <summary>Finds it.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="dialect">Which product's client.</param>
    /// <param name="clientId">What the call names; null when it names none.</param>
    /// <param name="usual">The application that the caller acts for; null when they act for none in particular.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>
    /// The application that is named, else the caller's own, else the first that the product's clients know; null where there is none, or
    /// where the one that is named is of another group than the caller's.
    /// </returns>
    public Task<Application?> Run(
        TenantId tenant, string dialect, string? clientId, ApplicationId? usual, CancellationToken cancellationToken) =>
        _acts.Read(
            async db =>
            {
                var all = (await _applications.List(db, tenant)).Where(a => a.ClientIds.Any(c => c.Dialect == dialect)).ToList();
                var own = usual is { } id ? all.Find(a => a.Id == id) : null;
                var named = clientId is null ? own ?? all.FirstOrDefault() : all.Find(a => a.ClientIds.Contains(new ExternalId(dialect, clientId)));
                return own is null || named?.Group == own.Group ? named : null;
            },
            cancellationToken);
}
