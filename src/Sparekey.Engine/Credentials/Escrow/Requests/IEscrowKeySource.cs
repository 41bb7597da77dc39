using Sparekey.Core;

namespace Sparekey.Engine.Credentials.Escrow.Requests;

/// <summary>Key material that the server itself holds, as armored text and passphrase in pinned memory; wiped when disposed.</summary>
public abstract class HeldEscrowKeys : IDisposable
{
    /// <summary>The keys.</summary>
    public abstract EscrowKeyMaterial Material { get; }

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>Nothing of it.</summary>
    public sealed override string ToString() => nameof(HeldEscrowKeys);
}

/// <summary>
/// Who holds the organisation's key. The server, by files; or nobody here, and then the keys come with the call. Split among people is a
/// third way that would be another implementation.
/// </summary>
public interface IEscrowKeySource
{
    /// <summary>For requests of which origin.</summary>
    EscrowOrigin Origin { get; }

    /// <summary>Whether the key is held for a tenant, without reading it.</summary>
    /// <param name="tenant">The tenant.</param>
    bool IsHeld(TenantId tenant);

    /// <summary>Reads the keys for one answer.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The keys, to be disposed; or a refusal that says which file is missing or open to others.</returns>
    Task<Result<HeldEscrowKeys>> Read(TenantId tenant, CancellationToken cancellationToken);

    /// <summary>Reads the key that signs beside an organisation key which somebody brings: the reviewer's, who answers on another server.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The reviewer's key alone, to be disposed; null where there is none.</returns>
    Task<Result<HeldEscrowKeys>?> ReadReviewer(TenantId tenant, CancellationToken cancellationToken) =>
        Task.FromResult<Result<HeldEscrowKeys>?>(null);
}
