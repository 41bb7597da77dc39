using Sparekey.Core;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Policies;

/// <summary>Reads and changes a tenant's policy. Every version stays; recoveries keep what they were opened under.</summary>
/// <param name="acts">Runs acts.</param>
/// <param name="policies">The policies.</param>
public sealed class ChangePolicy(Acts acts, PolicyStore policies)
{
    /// <summary>The policy that holds.</summary>
    /// <param name="caller">Who reads; holds <c>policy:read</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<VersionedPolicy> Read(Caller caller, CancellationToken cancellationToken) =>
        acts.Read(db => policies.Current(db, caller.Tenant), cancellationToken);

    /// <summary>Puts the next version in force.</summary>
    /// <param name="caller">Who writes; holds <c>policy:write</c> and the highest role as ceiling, for policy guards every role.</param>
    /// <param name="document">The policy.</param>
    /// <param name="expected">The version the writer saw.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The new version; or <see cref="RefusalCode.PolicyInvalid"/> with every fault, <see cref="RefusalCode.VersionConflict"/> when
    /// somebody else was faster, <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public async Task<Result<VersionedPolicy>> Run(
        Caller caller, PolicyDocument document, int expected, CancellationToken cancellationToken)
    {
        var read = Policy.From(document);
        if (read.Refusal is { } invalid)
        {
            return invalid;
        }

        return await acts.Write<Result<VersionedPolicy>>(
            caller.Tenant,
            async act =>
            {
                var current = await policies.Current(act.Db, act.Tenant);
                if (!current.Policy.Ranks.Covers(caller.Grant.Ceiling, current.Policy.Ranks.Highest))
                {
                    return RefusalCode.AboveCeiling;
                }

                if (current.Version != expected)
                {
                    return new Refusal(RefusalCode.VersionConflict, $"The policy is at version {current.Version}.");
                }

                var next = new VersionedPolicy(current.Version + 1, read.Value);
                await policies.Add(act, next.Version, next.Policy, caller.Principal);
                await act.Record(new LedgerEntry(LedgerEvent.PolicyChanged, caller.Principal)
                {
                    Facts = new Dictionary<string, object?>(StringComparer.Ordinal)
                    {
                        ["version"] = next.Version,
                        ["rules"] = document.Rules.Select(r => r.Name).ToList(),
                        ["roles"] = document.Roles.ToList(),
                        ["correlation_id"] = caller.CorrelationId,
                    },
                });
                return next;
            },
            cancellationToken);
    }
}
