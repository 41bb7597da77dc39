using Sparekey.Core;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>Which tenants' organisation keys the server holds.</summary>
/// <param name="Tenants">The files, by tenant. A tenant that is not named holds its key itself: it comes with the call.</param>
public sealed record EscrowKeyOptions(IReadOnlyDictionary<TenantId, EscrowKeyFiles> Tenants)
{
    /// <summary>How often the server looks for requests that wait for its key.</summary>
    public TimeSpan Every { get; init; } = TimeSpan.FromSeconds(2);
}

/// <summary>
/// The server as holder of organisation keys: from files that it alone may read, read anew for every answer and wiped after it. Whoever
/// has this machine has every escrow of those tenants; tenants that do not want that bring the key with the call.
/// </summary>
/// <param name="options">Whose.</param>
public sealed class OrganisationKeyHolder(EscrowKeyOptions options) : IEscrowKeySource
{
    /// <inheritdoc/>
    public EscrowOrigin Origin => EscrowOrigin.Local;

    /// <inheritdoc/>
    public bool IsHeld(TenantId tenant) => options.Tenants.ContainsKey(tenant);

    /// <inheritdoc/>
    public Task<Result<HeldEscrowKeys>> Read(TenantId tenant, CancellationToken cancellationToken) => Task.FromResult(
        options.Tenants.TryGetValue(tenant, out var files)
            ? files.Read()
            : new Refusal(RefusalCode.MeansNotAvailable, "The server does not hold this tenant's organisation key."));
}
