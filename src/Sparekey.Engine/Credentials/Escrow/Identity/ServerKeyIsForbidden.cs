using Sparekey.Core;
using Sparekey.Core.Escrow;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Credentials.Escrow.Identity;

/// <summary>A tenant's own key may not be its organisation key: the server would hold what it must not.</summary>
/// <param name="servers">Knows it.</param>
internal sealed class ServerKeyIsForbidden(OpenPgpServerStore servers) : IForbiddenOrganisationKeys
{
    /// <inheritdoc/>
    public async Task<EscrowFault?> FaultOf(DbSession db, TenantId tenant, string fingerprint) =>
        (await servers.Find(db, tenant))?.Fingerprint == fingerprint ? EscrowFault.KeyIsTheServers : null;
}
