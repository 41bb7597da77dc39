using Sparekey.Core;

namespace Sparekey.Engine.Ceremonies;

/// <summary>Lets something that a caller chose, such as the nonce of a signed request, count once.</summary>
/// <param name="acts">Runs acts.</param>
/// <param name="ceremonies">Where what was spent stands until nobody would take it any more.</param>
public sealed class SpendOnce(Acts acts, CeremonyStore ceremonies)
{
    /// <summary>Spends it.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="kind">What it is, for example <c>loginid.nonce</c>.</param>
    /// <param name="text">It, with whose it is.</param>
    /// <param name="until">When nobody would take it any more, whether or not it was spent.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>True exactly once.</returns>
    public Task<bool> Run(TenantId tenant, string kind, string text, DateTimeOffset until, CancellationToken cancellationToken) => acts.Write(
        tenant, act => ceremonies.TryBegin(act, kind, text, new Ceremony<bool>(null, null, State: true, 1), until), cancellationToken);
}
