using Sparekey.Core;
using Sparekey.Engine.Storage;

namespace Sparekey.Engine.Tenants;

/// <summary>
/// Which tenant a request reached. Every request asks, so the answer is kept in memory: changes of this process count at once,
/// those of another within <see cref="KeptFor"/>.
/// </summary>
public sealed class TenantOfHost
{
    /// <summary>How long what another process changed may go unseen.</summary>
    public static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(5);

    private readonly Acts _acts;
    private readonly TenantStore _tenants;
    private readonly TenantHosts _hosts;
    private readonly TimeProvider _time;
    private volatile Directory? _directory;

    internal TenantOfHost(Acts acts, TenantStore tenants, TenantHosts hosts, TimeProvider time)
    {
        _acts = acts;
        _tenants = tenants;
        _hosts = hosts;
        _time = time;
    }

    /// <summary>The tenant of a request: the one that lists its host; else <c>default</c> while there is no other.</summary>
    /// <param name="host">The request's host, with its port if it has one.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The tenant, or <see cref="RefusalCode.UnknownHost"/>.</returns>
    /// <exception cref="StorageUnavailableException">Storage cannot serve now.</exception>
    public async Task<Result<TenantId>> Resolve(string host, CancellationToken cancellationToken)
    {
        var directory = await Current(cancellationToken);
        return directory.Hosts.TryGetValue(TenantHosts.Normalize(host), out var tenant) ? tenant
            : directory.Tenants.Count <= 1 ? TenantId.Default
            : RefusalCode.UnknownHost;
    }

    /// <summary>Whether there is such a tenant.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="StorageUnavailableException">Storage cannot serve now.</exception>
    public async Task<bool> Exists(TenantId tenant, CancellationToken cancellationToken) =>
        (await Current(cancellationToken)).Tenants.Contains(tenant);

    private async Task<Directory> Current(CancellationToken cancellationToken)
    {
        // The count is taken before the read: a change that commits meanwhile makes what was read count as old.
        var changes = _hosts.Changes;
        if (_directory is { } kept && kept.Changes == changes && _time.GetElapsedTime(kept.ReadAt) < KeptFor)
        {
            return kept;
        }

        var readAt = _time.GetTimestamp();
        var directory = await _acts.Read(
            async db => new Directory(await _hosts.All(db), (await _tenants.List(db)).ToHashSet(), changes, readAt), cancellationToken);
        _directory = directory;
        return directory;
    }

    private sealed record Directory(
        IReadOnlyDictionary<string, TenantId> Hosts, IReadOnlySet<TenantId> Tenants, int Changes, long ReadAt);
}
