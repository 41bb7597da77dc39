using Sparekey.Core;
using Sparekey.Core.Access;
using Sparekey.Core.Ledger;
using Sparekey.Core.Policies;
using Sparekey.Engine.Access;

namespace Sparekey.Engine.Policies;

/// <summary>What became of a policy that somebody wrote.</summary>
/// <param name="InForce">The policy in force afterwards.</param>
/// <param name="Proposed">The change that waits for others; null when it came into force at once.</param>
public sealed record PolicyOutcome(VersionedPolicy InForce, PolicyChange? Proposed);

/// <summary>Reads and changes a tenant's policy. Every version stays; recoveries keep what they were opened under.</summary>
public sealed class ChangePolicy
{
    private readonly Acts _acts;
    private readonly PolicyStore _policies;
    private readonly PolicyChangeStore _changes;

    internal ChangePolicy(Acts acts, PolicyStore policies, PolicyChangeStore changes) =>
        (_acts, _policies, _changes) = (acts, policies, changes);

    /// <summary>The policy that holds.</summary>
    /// <param name="caller">Who reads; holds <c>policy:read</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<VersionedPolicy> Read(Caller caller, CancellationToken cancellationToken) =>
        _acts.Read(db => _policies.Current(db, caller.Tenant), cancellationToken);

    /// <summary>
    /// Puts the next version in force; or, where the policy in force demands that others agree to changes, proposes it. A proposal takes
    /// the place of one that the same principal made before.
    /// </summary>
    /// <param name="caller">Who writes; holds <c>policy:write</c> and the highest role as ceiling, for policy guards every role.</param>
    /// <param name="document">The policy.</param>
    /// <param name="expected">The version the writer saw.</param>
    /// <param name="cancellationToken">Gives up waiting for a turn.</param>
    /// <returns>
    /// The new version, or the proposal; or <see cref="RefusalCode.PolicyInvalid"/> with every fault,
    /// <see cref="RefusalCode.VersionConflict"/> when somebody else was faster, <see cref="RefusalCode.AboveCeiling"/>.
    /// </returns>
    public async Task<Result<PolicyOutcome>> Run(
        Caller caller, PolicyDocument document, int expected, CancellationToken cancellationToken)
    {
        var read = Policy.From(document);
        if (read.Refusal is { } invalid)
        {
            return invalid;
        }

        return await _acts.Write<Result<PolicyOutcome>>(
            caller.Tenant,
            async act =>
            {
                var current = await _policies.Current(act.Db, act.Tenant);
                if (PolicyWriting.FaultOf(caller, current.Policy) is { } forbidden)
                {
                    return forbidden;
                }

                if (current.Version != expected)
                {
                    return new Refusal(RefusalCode.VersionConflict, $"The policy is at version {current.Version}.");
                }

                return current.Policy.Changes is { } rule
                    ? new PolicyOutcome(current, await Propose(act, caller, document, current.Version, rule))
                    : new PolicyOutcome(await PolicyWriting.Land(act, _policies, current.Version, read.Value, caller.Principal, caller), null);
            },
            cancellationToken);
    }

    private async Task<PolicyChange> Propose(Act act, Caller caller, PolicyDocument document, int version, PolicyChangeRule rule)
    {
        foreach (var earlier in await _changes.NotEnded(act.Db, act.Tenant, caller.Principal.Id))
        {
            await Replace(act, caller, earlier, version);
        }

        var change = new PolicyChange(
            NewId.Make<PolicyChangeId>(), act.Tenant, version, PolicyStore.Write(document), caller.Principal, act.Now, act.Now + rule.OpenFor);
        await _changes.Add(act, change);
        await act.Record(PolicyWriting.Entry(LedgerEvent.PolicyChangeProposed, caller.Principal, caller, document,
            ("change", change.Id.ToString()), ("base_version", version), ("digest", change.Digest), ("approvals", rule.Approvals)));
        return change;
    }

    private async Task Replace(Act act, Caller caller, PolicyChangeId id, int version)
    {
        if (await _changes.Find(act.Db, act.Tenant, id) is not var (earlier, row))
        {
            return;
        }

        var state = earlier.StateAt(version, act.Now);
        await _changes.Update(
            act, earlier with { EndedAs = state == PolicyChangeState.Open ? PolicyChangeState.Denied : state, EndedAt = act.Now }, row);
        if (state == PolicyChangeState.Open)
        {
            await act.Record(PolicyWriting.Entry(
                LedgerEvent.PolicyChangeDenied, caller.Principal, caller, PolicyStore.Parse(earlier.Document),
                ("change", id.ToString()), ("digest", earlier.Digest), ("replaced", true)));
        }
    }
}

/// <summary>What every way to a new policy has in common.</summary>
internal static class PolicyWriting
{
    /// <summary>Whether somebody may write policy.</summary>
    /// <param name="caller">Who.</param>
    /// <param name="policy">The policy in force.</param>
    /// <returns>Null, <see cref="RefusalCode.PermissionMissing"/> or <see cref="RefusalCode.AboveCeiling"/>.</returns>
    public static Refusal? FaultOf(Caller caller, Policy policy) =>
        caller.Grant.Demand(Permission.PolicyWrite)
        ?? (policy.Ranks.Covers(caller.Grant.Ceiling, policy.Ranks.Highest) ? null : (Refusal?)RefusalCode.AboveCeiling);

    /// <summary>Puts the next version in force.</summary>
    /// <param name="act">The act.</param>
    /// <param name="policies">The policies.</param>
    /// <param name="version">The version before.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="by">Who wrote it.</param>
    /// <param name="visitor">Where the last word came from.</param>
    /// <param name="change">The change that others agreed to; null where nobody had to.</param>
    public static async Task<VersionedPolicy> Land(
        Act act, PolicyStore policies, int version, Policy policy, Principal by, Visitor visitor, PolicyChange? change = null)
    {
        var next = new VersionedPolicy(version + 1, policy);
        await policies.Add(act, next.Version, next.Policy, by);
        await act.Record(Entry(LedgerEvent.PolicyChanged, by, visitor, policy.Document,
            ("version", next.Version), ("change", change?.Id.ToString()), ("approved_by", change?.Approvals.Select(a => a.By.Id).ToList())));
        return next;
    }

    /// <summary>An entry of the ledger about a policy.</summary>
    /// <param name="happened">What happened.</param>
    /// <param name="by">Who did it.</param>
    /// <param name="visitor">Where it came from.</param>
    /// <param name="document">The policy.</param>
    /// <param name="facts">What else there is to say; what is null is left out.</param>
    public static LedgerEntry Entry(
        LedgerEvent happened, Principal by, Visitor visitor, PolicyDocument document, params (string Name, object? Value)[] facts) =>
        new(happened, by)
        {
            Facts = facts.Where(f => f.Value is not null)
                .Append(("rules", document.Rules.Select(r => r.Name).ToList()))
                .Append(("roles", document.Roles.ToList()))
                .Append(("correlation_id", visitor.CorrelationId))
                .ToDictionary(f => f.Item1, f => f.Item2, StringComparer.Ordinal),
        };
}
