using Sparekey.Core;

namespace Sparekey.Engine;

/// <summary>
/// Lets one process of many do a piece of work for a while. It saves them from doing the same work side by side; what keeps anything from
/// being done twice are the guarded writes of the work itself, which hold also where a lease ran out under a slow process.
/// </summary>
internal sealed class Leases
{
    private readonly string _holder = NewId.Make<EntryId>().ToString();

    /// <summary>Takes a lease, or takes it on. If the process dies, nobody does the work until it has run out.</summary>
    /// <param name="act">The act.</param>
    /// <param name="name">The work.</param>
    /// <param name="lasts">How long it holds.</param>
    /// <returns>Whether this process holds it now.</returns>
    public async Task<bool> Take(Act act, string name, TimeSpan lasts) => await act.Db.Execute(
        """
        INSERT INTO leases (tenant_id, name, holder, held_until) VALUES (@tenant, @name, @holder, @until)
        ON CONFLICT (tenant_id, name) DO UPDATE SET holder = excluded.holder, held_until = excluded.held_until
        WHERE leases.held_until <= @now OR leases.holder = excluded.holder
        """,
        new
        {
            tenant = act.Tenant.ToString(), name, holder = _holder, until = (act.Now + lasts).ToUnixTimeMilliseconds(), now = act.NowMs,
        }) == 1;
}
