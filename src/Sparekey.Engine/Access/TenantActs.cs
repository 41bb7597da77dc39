using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Engine.Policies;

namespace Sparekey.Engine.Access;

/// <summary>
/// Runs acts that concern every account of a tenant, whatever its role: what is said to people, and who hears of them. So the caller needs
/// <c>tenant:admin</c> and the highest role as ceiling, by the policy that holds when the act begins.
/// </summary>
/// <param name="acts">Runs acts.</param>
/// <param name="policies">Knows which role is the highest.</param>
internal sealed class TenantActs(Acts acts, PolicyStore policies)
{
    /// <summary>Runs an act.</summary>
    /// <typeparam name="T">What comes of it.</typeparam>
    /// <param name="caller">Who acts.</param>
    /// <param name="act">What is done.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>What the act returns; or <see cref="RefusalCode.PermissionMissing"/>, <see cref="RefusalCode.AboveCeiling"/>.</returns>
    public async Task<Result<T>> Write<T>(Caller caller, Func<Act, Task<Result<T>>> act, CancellationToken cancellationToken) =>
        caller.Grant.Demand(Permission.TenantAdmin) is { } missing
            ? missing
            : await acts.Write(
                caller.Tenant,
                async inner =>
                {
                    var ranks = await policies.Ranks(inner.Db, inner.Tenant);
                    return ranks.Covers(caller.Grant.Ceiling, ranks.Highest) ? await act(inner) : RefusalCode.AboveCeiling;
                },
                cancellationToken);
}
