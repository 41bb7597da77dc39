using Sparekey.Core;
using Sparekey.Core.Recoveries;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Recoveries;

/// <summary>Reads recoveries. Reading changes nothing, not even what time would.</summary>
public sealed class ReadRecoveries
{
    private readonly Acts _acts;
    private readonly RecoveryStore _store;

    internal ReadRecoveries(Acts acts, RecoveryStore store)
    {
        _acts = acts;
        _store = store;
    }

    /// <summary>One recovery as the caller may see it.</summary>
    /// <param name="caller">Who reads; holds <c>recovery:read</c>.</param>
    /// <param name="id">The recovery.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>The recovery, or <see cref="RefusalCode.RecoveryNotFound"/>.</returns>
    public async Task<Result<Recovery>> One(Caller caller, RecoveryId id, CancellationToken cancellationToken)
    {
        var recovery = await _acts.Read(db => _store.Find(db, caller.Tenant, id), cancellationToken);
        return recovery is null ? RefusalCode.RecoveryNotFound : recovery.AsSeenBy(caller.Principal, _acts.Now);
    }

    /// <summary>A page of recoveries, newest first.</summary>
    /// <param name="caller">Who reads; holds <c>recovery:read</c>.</param>
    /// <param name="filter">Which.</param>
    /// <param name="limit">How many at most.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<IReadOnlyList<Recovery>> Page(
        Caller caller, RecoveryFilter filter, int limit, CancellationToken cancellationToken)
    {
        var page = await _acts.Read(db => _store.List(db, caller.Tenant, filter, limit), cancellationToken);
        return [.. page.Select(r => r.AsSeenBy(caller.Principal, _acts.Now))];
    }
}
