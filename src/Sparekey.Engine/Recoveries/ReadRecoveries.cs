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
        // The state that a caller asks for is the one they may see: else a filter would tell the requester of a denial (T16).
        // Storage knows only the other one, so that a page may take more than one look.
        var now = _acts.Now;
        var page = new List<Recovery>();
        for (var next = filter; page.Count < limit;)
        {
            var found = await _acts.Read(db => _store.List(db, caller.Tenant, next, now, limit), cancellationToken);
            page.AddRange(found.Select(r => r.AsSeenBy(caller.Principal, now)).Where(r => filter.State is null || r.State == filter.State));
            if (found.Count < limit)
            {
                break;
            }

            next = filter with { After = new PagePosition(found[^1].CreatedAt.ToUnixTimeMilliseconds(), found[^1].Id.Value) };
        }

        return [.. page.Take(limit)];
    }
}
