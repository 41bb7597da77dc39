using Sparekey.Core;

namespace Sparekey.Engine.Credentials.Escrow.Identity;

/// <summary>Reads what a tenant is to clients that speak OpenPGP with it. It is public, so it asks for no permission.</summary>
public sealed class ReadOpenPgpServer
{
    private readonly Acts _acts;
    private readonly OpenPgpServerStore _servers;

    internal ReadOpenPgpServer(Acts acts, OpenPgpServerStore servers) => (_acts, _servers) = (acts, servers);

    /// <summary>Reads it.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null until the tenant was set up.</returns>
    public Task<OpenPgpServer?> Run(TenantId tenant, CancellationToken cancellationToken) =>
        _acts.Read(db => _servers.Find(db, tenant), cancellationToken);
}
