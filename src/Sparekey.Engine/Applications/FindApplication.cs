using Sparekey.Core;
using Sparekey.Core.Accounts;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Applications;

/// <summary>An application that another product's protocol names.</summary>
/// <param name="Application">The application.</param>
/// <param name="HasKeys">Whether programmes prove by a key that they act for it.</param>
public sealed record NamedApplication(Application Application, bool HasKeys);

/// <summary>Finds the application of a client id in another product's protocol.</summary>
public sealed class FindApplication
{
    private readonly Acts _acts;
    private readonly ApplicationStore _applications;
    private readonly AccessTokenStore _tokens;

    internal FindApplication(Acts acts, ApplicationStore applications, AccessTokenStore tokens) =>
        (_acts, _applications, _tokens) = (acts, applications, tokens);

    /// <summary>Finds.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="client">The id, and which product's.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The application; null when none is called so.</returns>
    public Task<NamedApplication?> Run(TenantId tenant, ExternalId client, CancellationToken cancellationToken) => _acts.Read(
        async db => (await _applications.List(db, tenant)).FirstOrDefault(a => a.ClientIds.Contains(client)) is { } found
            ? new NamedApplication(found, await _tokens.HasKeys(db, tenant, found.Id))
            : null,
        cancellationToken);
}
